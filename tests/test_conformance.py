"""The conformance kit: what is sound passes, and each mistake is caught, under the heading that names it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import commands
from tensorlab.errors import ConformanceError, UnknownNameError
from tensorlab.plugins import manager
from tensorlab.plugins.manager import Plugin
from tensorlab.testing import fresh, plugin, plugin_test
from tensorlab.testing.activation import ActivationSubject
from tensorlab.testing.initializer import InitializerSubject
from tensorlab.testing.layer import LayerSubject
from tensorlab.testing.loss import LossSubject
from tensorlab.testing.metric import MetricSubject
from tensorlab.testing.optimizer import OptimizerSubject
from tensorlab.testing.report import Check, NotApplicableError, Report, Result, refuse
from tensorlab.testing.subject import Subject

ROOT = Path(__file__).parent.parent

HEAD = """
import math, random
import numpy as np
import tensorlab as tl
from tensorlab import Activation, hookimpl
"""

ACTIVATION = """
@hookimpl
def tensorlab_register_activations():
    return {{"{name}": {thing}}}
"""

WRONG = {
    "slope": (
        """
def hat(x):
    return 1.0 / (1.0 + x * x)
def slope(x):
    return -x / (1.0 + x * x) ** 2
        """,
        ACTIVATION.format(name="slope", thing="Activation(hat, slope)"),
    ),
    "zero": (
        """
def cardinal(x):
    return math.sin(x) / x
        """,
        ACTIVATION.format(name="zero", thing="Activation(cardinal)"),
    ),
    "double": (
        """
def softplus(x):
    return math.log(1.0 + math.exp(x))
        """,
        ACTIVATION.format(name="double", thing="Activation(softplus)"),
    ),
    "lost": (
        """
class Scale(tl.layers.Layer):
    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor
    def call(self, inputs):
        return inputs * self.factor
    def get_config(self):
        return {}
        """,
        '\n@hookimpl\ndef tensorlab_register_layers():\n    return {"Scale": Scale}\n',
    ),
    "drawing": (
        """
random.random()
def twice(x):
    return x + x
        """,
        ACTIVATION.format(name="drawing", thing="Activation(twice)"),
    ),
}
"""Five plugins, each with one mistake."""


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])},
        cwd=site,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each of the five is installed."""
    folder = tmp_path_factory.mktemp("site")
    for name, (definitions, hook) in WRONG.items():
        (folder / f"wrong_{name}.py").write_text(HEAD + definitions + hook)
        metadata = folder / f"wrong_{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: wrong-{name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[tensorlab]\n{name} = wrong_{name}\n")
    return folder


@pytest.fixture(scope="module")
def failures(site: Path) -> dict[str, dict[str, str]]:
    """For each of the five, the headings that failed, and why."""
    program = (
        "import json, tensorlab as tl\nfrom tensorlab.testing import plugin, Report\n"
        f"reports = {{name: Report(name, plugin.checks('wrong-' + name)) for name in {list(WRONG)}}}\n"
        "print(json.dumps({name: {r.heading: r.why for r in report.failures} for name, report in reports.items()}))"
    )
    done = python(site, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("name", "heading", "words"),
    [
        (
            "slope",
            "gradients",
            ["DerivativeError: Activation of scalar function 'hat'", "expected a derivative that is"],
        ),
        (
            "zero",
            "special values",
            ["'zero' in float32 at 0", "expected finite values, received nan", "give the function"],
        ),
        ("double", "dtypes", ["'double' in float32 at (39, 0): expected 100, as float64, received inf", "too large"]),
        ("lost", "config", ["layer 'Scale'.get_config(): expected 'factor'", "leave get_config out"]),
        ("drawing", "import", ["nothing but definitions, received numbers drawn from a generator", "(random)"]),
    ],
)
def test_a_wrong_plugin_is_caught_under_its_heading_alone(
    name: str, heading: str, words: list[str], failures: Mapping[str, Mapping[str, str]]
) -> None:
    assert list(failures[name]) == [heading]
    for part in words:
        assert part in failures[name][heading]


def test_the_command_exits_with_1_and_says_why(site: Path) -> None:
    done = python(site, "-m", "tensorlab", "check-plugin", "wrong-slope")
    assert (done.returncode, done.stderr) == (1, "")
    header, row, summary = done.stdout.splitlines()
    assert header.split() == ["subject", "check", "result", "why"]
    assert row.startswith(
        "plugin 'slope'  gradients  failed  plugin 'slope': expected that wrong-slope loads, received "
    )
    assert summary == "wrong-slope: 1 failed"


# The command in this process


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin of three checks."""

    def no() -> None:
        raise NotApplicableError("it has none")

    made = [Check("one", "first", lambda: None), Check("one", "second", lambda: refuse("a", "b", "c", "d"))]
    monkeypatch.setattr(plugin, "checks", lambda name, examples=None: [*made, Check("two", "third", no)])


@pytest.mark.usefixtures("small")
def test_a_report_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["check-plugin", "any"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "subject  check   result   why",
        "one      first   passed",
        "         second  failed   a: expected b, received c; d",
        "two      third   skipped  it has none",
        "any: 1 passed, 1 failed, 1 skipped",
    ]
    assert commands.main(["check-plugin", "any", "--json"]) == 1
    results = json.loads(capsys.readouterr().out)
    assert results[1] == {
        "subject": "one",
        "heading": "second",
        "outcome": "failed",
        "why": "a: expected b, received c; d",
    }
    assert [result["outcome"] for result in results] == ["passed", "failed", "skipped"]


def test_an_unknown_plugin_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["check-plugin", "tensorlba"]) == 1
    said = (
        "check-plugin: expected the name of an installed plugin, received 'tensorlba'; did you mean 'tensorlab'? "
        "a new one has to be installed: pip install -e .\n"
    )
    assert capsys.readouterr() == ("", said)
    with pytest.raises(UnknownNameError, match="did you mean 'tensorlab'"):
        tl.testing.check_plugin("tensorlba")


# Reports


def test_a_report_raises_what_failed_and_nothing_ends_it() -> None:
    def crash() -> None:
        raise KeyError("inner")

    checks = [
        Check("s", "crashes", crash),
        Check("s", "refused", lambda: refuse("w", "x", "y")),
        Check("s", "fine", lambda: None),
    ]
    report = Report("s", checks)
    assert not report.passed
    assert [result.outcome for result in report] == ["failed", "failed", "passed"]
    assert report.results[0] == Result("s", "crashes", "failed", "expected no exception, received KeyError: 'inner'")
    with pytest.raises(AssertionError) as caught:
        report.raised()
    assert isinstance(caught.value, ConformanceError)
    assert str(caught.value) == (
        "s: expected every check to pass, received 2 of 3 that failed; \n"
        "crashes: expected no exception, received KeyError: 'inner'\nrefused: w: expected x, received y"
    )
    assert str(report).splitlines()[1:] == [
        "s, refused: failed: w: expected x, received y",
        "s, fine: passed",
        "s: 1 passed, 2 failed",
    ]
    assert Report("t", checks[2:]).raised().summary() == "t: 1 passed"


def test_a_test_for_pytest_has_an_id_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def no() -> None:
        raise NotApplicableError("it has none")

    checks = [
        Check("loss 'a'", "first one", lambda: None),
        Check("loss 'a'", "second", lambda: refuse("w", "x", "y")),
        Check("loss 'a'", "third", no),
    ]
    monkeypatch.setattr(plugin, "checks", lambda name, examples: checks)
    test: Any = plugin_test("any")
    (mark,) = test.pytestmark
    assert mark.kwargs["ids"] == ["loss a-first one", "loss a-second", "loss a-third"]
    test(checks[0])
    with pytest.raises(pytest.fail.Exception, match=r"^loss 'a', second: w: expected x, received y$"):
        test(checks[1])
    with pytest.raises(pytest.skip.Exception, match=r"^it has none$"):
        test(checks[2])


# Sound things


@pytest.mark.parametrize(
    ("check", "thing"),
    [
        (tl.testing.check_activation, "relu"),
        (tl.testing.check_activation, tl.activations.softmax),
        (tl.testing.check_loss, "mse"),
        (tl.testing.check_loss, "sparse_categorical_crossentropy"),
        (tl.testing.check_optimizer, "rmsprop"),
        (tl.testing.check_optimizer, tl.optimizers.Adam),
        (tl.testing.check_layer, "Dense"),
        (tl.testing.check_layer, tl.layers.Dense(4, activation="tanh", use_bias=False)),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", "made"),
)
def test_what_ships_is_sound(check: Callable[[Any], Report], thing: Any) -> None:
    report = check(thing)
    assert report.passed
    assert sum(result.outcome == "passed" for result in report) >= 7


# One mistake each


def why(subject: Subject, heading: str) -> str:
    """Why one check failed, on the backend that compiles nothing."""
    (check,) = [check for check in subject.checks() if check.heading == heading]
    with tl.device("reference"):
        result = check.result()
    assert result.outcome == "failed"
    return result.why


def wrong_slope(x: Any) -> Any:
    return tl.custom_gradient(lambda x: (x * x, lambda upstream: upstream * x))(x)


def random_activation(x: Any) -> Any:
    return x + np.random.default_rng().normal()


def in_float64(x: Any) -> Any:
    return tl.astype(x, "float64") * 2.0


def flattening(x: Any) -> Any:
    return tl.reshape(x, (-1,))


def guarded(x: float) -> float:
    return x / math.sqrt(1.0 + x * x)  # of the largest number: x² is infinite in a kernel too, and the quotient is 0


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (wrong_slope, "gradients", "check_gradients: order 1, input 0, the gradient at"),
        (random_activation, "determinism", "as the first time, bit for bit, received"),
        (in_float64, "dtypes", "activation 'in_float64' in float32: expected results of float32, received float64"),
        (flattening, "shapes", "of an input empty: expected the input's shape (0, 3), received (0,)"),
    ],
)
def test_a_wrong_activation(thing: Any, heading: str, words: str) -> None:
    assert words in why(ActivationSubject(thing), heading)


def test_a_surrogate_slope_is_taken_as_it_is() -> None:
    def step(x: float) -> float:
        return 1.0 if x > 0 else 0.0

    def slope(x: float) -> float:
        return 1.0 / (1.0 + x * x)

    (check,) = [c for c in ActivationSubject(tl.Activation(step, slope)).checks() if c.heading == "gradients"]
    assert check.result().outcome == "skipped"
    assert "its slope is a surrogate" in check.result().why


def careless(y_true: float, y_pred: float) -> float:
    return -y_true * math.log(y_pred)


class Mixed(tl.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tl.mean((y_true - y_pred) ** 2 + tl.mean(y_pred), axis=-1)


class Summed(tl.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tl.sum((y_true - y_pred) ** 2)


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (
            tl.LossRule(careless),
            "special values",
            "in float32 for outputs of 0 and 1: expected finite losses, received",
        ),
        (Mixed, "shapes", "loss 'Mixed' of one sample at (0,): expected "),
        (Summed, "shapes", "loss 'Summed'.call: expected one number for each of 8 samples, received the shape ()"),
    ],
)
def test_a_wrong_loss(thing: Any, heading: str, words: str) -> None:
    assert words in why(LossSubject(thing), heading)


def uphill(w: float, g: float, learning_rate: float = 0.01) -> float:
    return w + learning_rate * g


def undamped(w: float, g: float, s: float, learning_rate: float = 0.01) -> tuple[float, float]:
    s = 0.9 * s + 0.1 * g * g
    return w - learning_rate * g / math.sqrt(s), s


class Forgetful(tl.optimizers.Adam):
    def get_state(self) -> dict[str, Any]:
        return {"iterations": 0, "slots": []}


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (tl.OptimizerRule(uphill), "learns", "the gradient points uphill: a step goes against it"),
        (
            tl.OptimizerRule(undamped),
            "special values",
            "in float32, gradients of 0: expected finite weights, received nan",
        ),
        (Forgetful, "state", "optimizer 'Forgetful' resumed at ("),
    ],
)
def test_a_wrong_optimizer(thing: Any, heading: str, words: str) -> None:
    assert words in why(OptimizerSubject(thing), heading)


class WrongSlope(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return wrong_slope(inputs)


class AcrossTheBatch(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs - tl.mean(inputs, axis=0)


class Norm(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs / tl.sqrt(tl.sum(inputs * inputs, axis=-1, keepdims=True))


class NoInputs(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        raise tl.errors.ShapeError("NoInputs", "nothing", "something")


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (WrongSlope, "gradients", "check_gradients: order 1, input 0, the gradient at"),
        (AcrossTheBatch, "shapes", "layer 'AcrossTheBatch' of one sample at (0, "),
        (Norm, "special values", "for inputs of 0: expected finite outputs, received nan"),
        (NoInputs, "dtypes", "received NoInputs: expected nothing, received something; give check_layer inputs"),
    ],
)
def test_a_wrong_layer(thing: Any, heading: str, words: str) -> None:
    assert words in why(LayerSubject(thing), heading)


def test_a_slope_of_a_weight_that_is_wrong() -> None:
    class Scale(tl.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((input_shape[-1],), "ones")

        def call(self, inputs: Any) -> Any:
            return inputs * wrong_slope(self.factor)

    assert "order 1, input 1, the gradient at" in why(LayerSubject(Scale), "gradients")


def test_a_layer_that_nobody_said_how_to_make() -> None:
    (check,) = LayerSubject(tl.layers.Dropout).checks()
    assert check.heading == "made"
    result = check.result()
    assert result.outcome == "skipped"
    assert "Dropout(rate=3) is not how" in result.why
    assert result.why.endswith("give check_layer an object, or plugin_test examples")
    assert len(LayerSubject(tl.layers.Dropout(0.3)).checks()) == 7


def test_an_example_is_checked_in_place_of_a_class() -> None:
    def of_dropout(examples: Mapping[str, Any] | None) -> list[str]:
        found = plugin.checks("tensorlab", examples)
        return [check.heading for check in found if check.subject == "layer 'Dropout'"]

    assert of_dropout(None) == ["made"]
    assert of_dropout({"Dropout": tl.layers.Dropout(0.3)}) == list(LayerSubject.headings)


class Lookup(tl.layers.Layer):
    def __init__(self, count: int, length: int, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.length = count, length

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight((self.count, self.length))

    def call(self, inputs: Any) -> Any:
        if inputs.dtype.kind == "f":
            raise tl.errors.DTypeError("Lookup", "indices", str(inputs.dtype))
        rows = tl.take(self.table, tl.reshape(inputs, (inputs.size,)), axis=0)
        return tl.reshape(rows, (*inputs.shape, self.length))


def test_a_layer_of_integers() -> None:
    with tl.device("reference"):
        report = tl.testing.check_layer(Lookup)
    outcomes = {result.heading: result.outcome for result in report}
    assert outcomes["gradients"] == outcomes["shapes"] == outcomes["backends"] == "passed"
    assert outcomes["special values"] == "skipped"


def test_an_optimizer_that_is_in_use_is_left_alone() -> None:
    with tl.device("reference"):
        optimizer = tl.optimizers.SGD(0.25, momentum=0.5)
        optimizer.apply_gradients([(np.ones(2), tl.Variable(np.zeros(2), dtype="float64"))])
        report = tl.testing.check_optimizer(optimizer)
    assert report.title == "optimizer 'sgd'"
    assert (optimizer.iterations, len(optimizer.variables)) == (1, 1)


def test_a_rule_is_called_by_its_function() -> None:
    assert OptimizerSubject(tl.OptimizerRule(uphill)).who == "optimizer 'uphill'"
    assert LossSubject(tl.LossRule(careless)).who == "loss 'careless'"
    assert ActivationSubject(tl.Activation(guarded)).who == "activation 'guarded'"


class PerBatch(tl.metrics.Metric):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tl.mean(y_pred, axis=-1)

    def add(self, mean: float, count: int) -> None:
        super().add(mean, 1)


class Remembering(tl.metrics.Accuracy):
    def reset_state(self) -> None:
        if not hasattr(self, "_total"):
            super().reset_state()


class Narrow(tl.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return tl.ones(shape)


class Flat(tl.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return tl.ones((int(np.prod(shape)),), dtype=dtype)


class Unseeded(tl.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return tl.asarray(np.random.default_rng().normal(size=shape), dtype=dtype)


@pytest.mark.parametrize(
    ("subject", "heading", "words"),
    [
        (MetricSubject(PerBatch), "batches", "over two batches: expected "),
        (MetricSubject(Remembering), "batches", "after reset_state(): expected "),
        (
            InitializerSubject(Narrow),
            "dtypes",
            "asked for float64: expected float64, received float32; pass the dtype on",
        ),
        (InitializerSubject(Flat), "shapes", "asked for (0, 3): expected the shape (0, 3), received (0,)"),
        (InitializerSubject(Unseeded), "determinism", "as the first time, bit for bit"),
    ],
)
def test_a_wrong_metric_or_initializer(subject: Subject, heading: str, words: str) -> None:
    assert words in why(subject, heading)


@pytest.mark.parametrize(
    "subject", [MetricSubject("accuracy"), InitializerSubject("glorot_uniform")], ids=["metric", "initializer"]
)
def test_metrics_and_initializers_that_ship(subject: Subject) -> None:
    assert [result.outcome for result in subject.report()] == ["passed"] * len(subject.headings)


def test_a_loss_that_no_batch_suits() -> None:
    class Picky(tl.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            raise tl.errors.ShapeError("Picky", "images", str(y_pred.shape))

    said = why(LossSubject(Picky), "shapes")
    assert "expected a finite loss for outputs from 0 to 1 with targets 0 and 1, or for classes, or for real" in said
    assert said.endswith("ShapeError: Picky: expected images, received (8, 3); give check_loss y_true and y_pred")


# Configs, and processes of their own


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (lambda self: {"scale": 5.0}, "layer 'Rescaling' from its config at ("),
        (
            lambda self: {"scale": object()},
            "expected plain data: numbers, strings, lists, names, received Object of type object is not JSON",
        ),
        (lambda self: {"scale": 3, "other": 1}, "in another process: expected to be made again from its config"),
    ],
)
def test_a_config_that_is_lost(config: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tl.layers.Rescaling, "get_config", config)
    monkeypatch.setattr(LayerSubject, "_check_arguments", lambda *arguments: None)
    assert words in why(LayerSubject("Rescaling"), "config")


def test_what_is_not_registered_has_no_config_to_carry() -> None:
    (check,) = [c for c in ActivationSubject(tl.Activation(guarded)).checks() if c.heading == "config"]
    result = check.result()
    assert (result.outcome, result.why) == (
        "skipped",
        "it is not registered by a plugin, so another process cannot know its name",
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", None),
        ("import numpy\nnumpy.random.seed(1)", "numbers drawn from a generator that everybody shares (numpy.random)"),
        ("open('left_behind.txt', 'w').close()", "a file written (left_behind.txt)"),
        ("import tensorlab as tl\n(tl.ones(3) + 1).numpy()", "kernels made ready (tensors were computed)"),
        ("raise ValueError('not today')", "its import: expected no exception, received ValueError: not today"),
        ("import os\nos._exit(3)", "a process of its own: expected an answer, received exit code 3 and 'no word'"),
        ("print('noise')", None),
    ],
)
def test_an_import_that_does_more(
    source: str, words: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busy.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugin, "_entry_point", lambda record: "busy")
    result = Check("p", "import", plugin._imports("plugin 'busy'", Plugin("busy", "busy", "1"))).result()
    if words is None:
        assert result.outcome == "passed", result.why
    else:
        assert words in result.why


def test_an_import_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def slow(question: str) -> dict[str, Any]:
        asked.append(question)
        return {"seconds": 1.5, "written": [], "drawn": [], "compiled": False}

    monkeypatch.setattr(fresh, "ask", slow)
    monkeypatch.setattr(plugin, "_entry_point", lambda record: "busy")
    result = Check("p", "import", plugin._imports("plugin 'busy'", Plugin("busy", "busy", "1"))).result()
    assert "received more than 1 s (1.5 s); leave all work to the functions" in result.why
    assert asked == ['{"import": "busy"}'] * 2, "a busy machine gets a second chance"


def test_a_plugin_that_adds_nothing_and_one_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    manager.load()
    records = [
        Plugin("hollow", "tensorlab-hollow", "1"),
        Plugin("rotten", "tensorlab-rotten", "1", error="ImportError: x"),
    ]
    monkeypatch.setattr(manager, "plugins", [*manager.plugins, *records])
    hollow = Report("hollow", plugin.checks("tensorlab_hollow"))
    assert [(result.heading, result.outcome) for result in hollow] == [("loads", "failed"), ("import", "skipped")]
    assert "expected that it registers something, received nothing; a hook is a function" in hollow.results[0].why
    (rotten,) = Report("rotten", plugin.checks("rotten"))
    assert rotten.heading == "loads"
    assert "expected that tensorlab-rotten loads, received ImportError: x" in rotten.why

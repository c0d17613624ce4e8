"""The conformance kit for metrics, initializers, regularizers, callbacks, data sets and backends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance_cases import why
from plugin_samples import plugin_of

import tensorlab as tl
from tensorlab.registry import KINDS
from tensorlab.testing import plugin
from tensorlab.testing.backend import BackendSubject
from tensorlab.testing.callback import CallbackSubject
from tensorlab.testing.dataset import DatasetSubject
from tensorlab.testing.initializer import InitializerSubject
from tensorlab.testing.metric import MetricSubject
from tensorlab.testing.plugin import SUBJECTS
from tensorlab.testing.regularizer import RegularizerSubject
from tensorlab.testing.report import Report
from tensorlab.testing.subject import Subject


class PerBatch(tl.metrics.Metric):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tl.mean(y_pred, axis=-1)

    def add(self, mean: float, count: int) -> None:
        super().add(mean, 1)


class Remembering(tl.metrics.MeanAbsoluteError):
    def reset_state(self) -> None:
        pass


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
def test_wrong_metric_or_initializer_fails(subject: Subject, heading: str, words: str) -> None:
    assert words in why(subject, heading)


@pytest.mark.parametrize(
    "subject", [MetricSubject("accuracy"), InitializerSubject("glorot_uniform")], ids=["metric", "initializer"]
)
def test_builtin_metrics_and_initializers_pass(subject: Subject) -> None:
    assert [result.outcome for result in subject.report()] == ["passed"] * len(subject.headings)


class ForEach(tl.regularizers.Regularizer):
    def __call__(self, x: Any) -> Any:
        return x * x


class Logarithmic(tl.regularizers.Regularizer):
    def __call__(self, x: Any) -> Any:
        return tl.sum(tl.log(tl.abs(x)))


class Constant(tl.regularizers.Regularizer):
    def __call__(self, x: Any) -> Any:
        return tl.sum(tl.stop_gradient(x * x))


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (
            ForEach,
            "shapes",
            "of a weight of (3,): expected a number, of shape (), received the shape (3,); sum the penalties",
        ),
        (Logarithmic, "special values", "in float32 of a weight of 0: expected finite costs, received -inf; add"),
        (Constant, "gradients", "order 1, input 0: expected a gradient, received None"),
    ],
)
def test_wrong_regularizer_fails(thing: Any, heading: str, words: str) -> None:
    assert words in why(RegularizerSubject(thing), heading)


class OnlyOnce(tl.callbacks.Callback):
    def on_train_end(self, logs: Any) -> None:
        del self.started

    def __init__(self) -> None:
        self.started = True


class Shaking(tl.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.model.optimizer.learning_rate = float(np.random.default_rng().uniform())


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (OnlyOnce, "watches", "expected no exception, received AttributeError: "),
        (Shaking, "determinism", "as the first time, bit for bit"),
    ],
)
def test_wrong_callback_fails(thing: Any, heading: str, words: str) -> None:
    assert words in why(CallbackSubject(thing), heading)


def pairs(x: Any, y: Any, x_test: Any = None, y_test: Any = None) -> Callable[[], Any]:
    return lambda: ((x, y), (x if x_test is None else x_test, y if y_test is None else y_test))


def drawn() -> Any:
    x = np.random.default_rng().normal(size=(4, 2))
    return (x, x[:, 0]), (x, x[:, 0])


def unreachable() -> Any:
    raise tl.errors.DatasetError("far", "a connection", "none")


ROWS = np.arange(8.0).reshape(4, 2)
LABELS = np.arange(4)


@pytest.mark.parametrize(
    ("load", "heading", "words"),
    [
        (
            lambda: (ROWS, LABELS),
            "arrays",
            "expected ((x_train, y_train), (x_test, y_test)), received tuple; return two",
        ),
        (
            pairs(ROWS.tolist(), LABELS),
            "arrays",
            ": x_train: expected a NumPy array of numbers, samples along the first",
        ),
        (pairs(ROWS, LABELS[:3]), "arrays", "the training data: expected a target for each sample, received 3 for 4"),
        (
            pairs(np.full((4, 2), np.nan), LABELS),
            "arrays",
            "the training data: expected finite numbers, received some that are not",
        ),
        (
            pairs(ROWS, LABELS, ROWS.astype("float32")),
            "arrays",
            "the samples of the test data: expected float64 of shape (2,), as in training, received float32 of shape",
        ),
        (drawn, "determinism", ": x_train a second time: expected the numbers of the first time, received others; do"),
        (pairs(ROWS.copy(), LABELS), "determinism", "and return copies of cached arrays"),
    ],
)
def test_wrong_dataset_fails(load: Any, heading: str, words: str) -> None:
    assert words in why(DatasetSubject(load, "own"), heading)


def test_valid_dataset_passes_and_unavailable_dataset_is_skipped() -> None:
    report = Report("own", DatasetSubject(lambda: pairs(ROWS.copy(), LABELS.copy())(), "own").checks())
    assert [result.outcome for result in report] == ["passed", "passed"]
    for result in Report("far", DatasetSubject(unreachable, "far").checks()):
        assert result.outcome == "skipped"
        assert result.why.startswith("the data is not available here: ")


class Skewed(tl.backends.ReferenceBackend):
    name = "own"

    def matmul(self, *arguments: Any, **options: Any) -> Any:
        product, kept = super().matmul(*arguments, **options)
        return product * 1.001, kept


class Narrowing(tl.backends.ReferenceBackend):
    name = "own"

    def to_host(self, buffer: Any) -> Any:
        array = super().to_host(buffer)
        return array.astype("int32") if array.dtype == np.int64 else array


class Shifting(tl.backends.ReferenceBackend):
    name = "own"

    def gather(self, buffer: Any, indices: Any) -> Any:
        return super().gather(buffer, indices - 1)


class Doubting(tl.backends.ReferenceBackend):
    name = "own"

    def fits(self, size: int) -> Any:
        return "perhaps"


class Hiding(tl.backends.ReferenceBackend):
    name = "own"

    def export(self, buffer: Any) -> Any:
        return buffer.tolist()


class Misnamed(tl.backends.ReferenceBackend):
    name = "another"


class Bare:
    name = "own"


class Sharing(tl.backends.ReferenceBackend):
    name = "own"
    dlpack_types = (8,)
    interfaces = ()

    def adopt(self, who: str, array: Any, copy: bool | None) -> Any:
        return np.from_dlpack(array)


class HalfSharing(tl.backends.ReferenceBackend):
    name = "own"
    dlpack_types = (8,)


def absent() -> Any:
    raise tl.errors.DeviceError("device 'own'", "a board", "none")


@pytest.mark.parametrize(
    ("make", "heading", "outcome", "words"),
    [
        (Skewed, "numbers", "failed", "layer 'Dense' in float32 on 'Mine:own' at ("),
        (Narrowing, "memory", "failed", "backend 'own': int64 of shape (4, 6), copied to it and back: expected ["),
        (Shifting, "methods", "failed", "backend 'own': gather of bool: expected [[True, True"),
        (Doubting, "methods", "failed", "backend 'own': fits(1): expected True or False, received 'perhaps'"),
        (Hiding, "methods", "failed", "export: expected an object with one of __dlpack__, __array_interface__"),
        (Misnamed, "protocol", "failed", "backend 'own': its name: expected 'own', received 'another'; it must be the"),
        (
            Bare,
            "protocol",
            "failed",
            "expected the methods of tensorlab.backends.Backend, received none called at",
        ),
        (Sharing, "protocol", "passed", ""),
        (
            HalfSharing,
            "protocol",
            "failed",
            "dlpack_types, interfaces and adopt, to share memory, or none of them",
        ),
        (
            lambda: Sharing(),
            "protocol",
            "failed",
            "received only adopt; dlpack_types and interfaces must be attributes",
        ),
        (absent, "made", "skipped", "it is not available here: device 'own': expected a board, received none"),
    ],
)
@pytest.mark.usefixtures("plugins_restored")
def test_wrong_backend_fails(make: Any, heading: str, outcome: str, words: str) -> None:
    tl.plugins.register(plugin_of(tensorlab_register_backends=lambda: {"own": make}), "Mine")
    (check,) = [check for check in BackendSubject("own").checks() if check.heading == heading]
    result = check.result()
    assert (result.outcome, words in result.why) == (outcome, True), result.why


METHODS = [name for name, value in vars(tl.backends.Backend).items() if callable(value) and not name.startswith("_")]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("plugins_restored")
def test_every_method_of_a_backend_is_called(method: str) -> None:
    def broken(*arguments: Any, **options: Any) -> Any:
        raise ZeroDivisionError(method)

    make = type("Broken", (tl.backends.ReferenceBackend,), {"name": "own", method: broken})
    tl.plugins.register(plugin_of(tensorlab_register_backends=lambda: {"own": make}), "Mine")
    results = (check.result() for check in BackendSubject("own").checks())
    assert next(result.why for result in results if result.outcome == "failed").count(method)


def shake(model: Any, epoch: int) -> None:
    weight = model.weights[0]
    weight.assign(weight * 1.5)


def stumble(logs: Any) -> None:
    raise KeyError("accuracies")


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        (lambda model, logs: logs.clear(), ""),
        (shake, "plugin 'watching': a run that it observes at ("),
        (
            stumble,
            "in a small run of fit: expected no exception, received plugin 'watching' of watching: tensorlab_epoch",
        ),
    ],
)
@pytest.mark.usefixtures("plugins_restored")
def test_plugin_that_observes_runs(watch: Any, words: str) -> None:
    tl.plugins.register(plugin_of(tensorlab_epoch_end=watch), "watching")
    results = {result.heading: result for result in Report("watching", plugin.checks("watching"))}
    assert list(results) == ["loads", "import", "watches"]
    assert results["watches"].outcome == ("failed" if words else "passed")
    assert words in results["watches"].why


@pytest.mark.parametrize(
    "subject",
    [RegularizerSubject("l1_l2"), CallbackSubject("History"), BackendSubject("reference"), DatasetSubject("digits")],
    ids=lambda subject: subject.kind,
)
def test_other_builtin_objects_pass(subject: Subject) -> None:
    with tl.device("reference"):
        report = Report(subject.who, subject.checks())
    assert [result.outcome for result in report] == ["passed"] * len(subject.headings)


def test_every_kind_is_checked_and_every_check_is_documented() -> None:
    assert SUBJECTS.keys() == KINDS.keys()
    text = (Path(tl.__file__).parent.parent / "plugins" / "README.md").read_text(encoding="utf-8")
    section = text.partition("## What is checked")[2].partition("\n## ")[0]
    described = {
        heading.strip() for line in section.splitlines() for heading in line.strip("| ").split("|")[0].split(",")
    }
    for subject in SUBJECTS.values():
        assert described >= set(subject.headings), subject.kind
    assert described >= {"loads", "import", "watches"}

"""The hooks: that they are the whole surface and the only way in, plugins by hand, and plugins that watch a run."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, PluginError, PluginWarning, UnknownNameError
from tensorlab.plugins import hookimpl, hookspecs, manager
from tensorlab.registry import KINDS, registries

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tensorlab"
HOOKS = [name for name in vars(hookspecs) if name.startswith("tensorlab_")]


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    """What a test registers by hand is gone after it, whatever becomes of the test."""
    before = tl.plugins.list()
    yield
    for record in tl.plugins.list():
        if record not in before:
            tl.plugins.unregister(record)


def hooks(**functions: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function, specname=name) for name, function in functions.items()})


def square(x: float) -> float:
    return x * x


# The surface


def test_the_hookspecs_are_signatures_and_docstrings_alone() -> None:
    tree = ast.parse((PACKAGE / "plugins" / "hookspecs.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == HOOKS
    for function in functions:
        assert len(function.body) == 1
        text = ast.get_docstring(function)
        assert text is not None
        assert text.endswith((".", '"'))


def test_there_is_a_hook_for_each_kind_and_a_kind_for_each_hook() -> None:
    registering = [name for name in HOOKS if "_register_" in name]
    assert registering == [f"tensorlab_register_{plural}" for plural in KINDS.values()]
    assert list(registries) == list(KINDS)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested(hook: str) -> None:
    implemented = re.compile(rf"\bdef {hook}\(|\b{hook}=|\"{hook}\":")  # which is more than mentioned
    assert any(
        implemented.search(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").glob("test_plugin*.py")
    )


def test_every_hook_is_documented_with_its_arguments_and_nothing_else_is() -> None:
    text = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(tensorlab_\w+(?:\(.*?\))?)` \| (.+) \|$", text, re.MULTILINE))
    specified = {
        hook if "_register_" in hook else f"{hook}({', '.join(inspect.signature(getattr(hookspecs, hook)).parameters)})"
        for hook in HOOKS
    }
    assert rows.keys() == specified
    assert all(len(words) > 10 for words in rows.values())
    elsewhere = set(re.findall(r"\btensorlab_(?:register|fit|epoch|batch)_\w+", text))
    assert elsewhere <= set(HOOKS), "names of hooks that are none"


def test_nothing_but_the_manager_puts_things_into_a_registry() -> None:
    # Entries are made in one place, and `add` is called in one place: what ships has no other way in than a plugin.
    made = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Entry"
    }
    assert made == {"plugins/manager.py"}
    private = {path.name for path in PACKAGE.rglob("*.py") if "._entries" in path.read_text(encoding="utf-8")}
    assert private <= {"registry.py", "manager.py"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_ships_is_what_the_built_in_plugin_returns(kind: str) -> None:
    from tensorlab.plugins import builtins

    returned = getattr(builtins, f"tensorlab_register_{KINDS[kind]}")()
    shipped = {entry.name: entry.thing for entry in registries[kind] if entry.distribution == "tensorlab"}
    assert shipped == returned
    assert returned


# By hand


class Squares:
    """A plugin as one writes it in a notebook: an object with methods."""

    def __init__(self, name: str = "squared") -> None:
        self.name = name

    @hookimpl
    def tensorlab_register_activations(self) -> dict[str, Any]:
        return {self.name: tl.Activation(square)}


def test_register_and_unregister_by_hand() -> None:
    mine = Squares()
    record = tl.plugins.register(mine)
    assert tl.plugins.list()[-1] is record
    assert repr(record) == "<plugin 'Squares' of Squares: activation squared>"
    assert tl.layers.Dense(2, activation="squared").activation is tl.activations.get("Squares:squared")
    tl.plugins.unregister(mine)
    assert record not in tl.plugins.list()
    with pytest.raises(UnknownNameError, match="'squared'"):
        tl.activations.get("squared")
    for again in ("Squares", mine, record):
        with pytest.raises(UnknownNameError) as error:
            tl.plugins.unregister(again)
        assert str(error.value) == (
            f"plugins.unregister: expected a plugin that was registered by hand, received {again!r}; known names: none"
        )


def test_a_cell_that_is_run_again_replaces_what_it_registered() -> None:
    tl.plugins.register(Squares("one"))
    tl.plugins.register(Squares("two"))
    assert "one" not in registries["activation"]
    assert "two" in registries["activation"]
    with pytest.raises(PluginError, match="registers as 'relu'"):  # and if it fails, what was there stays
        tl.plugins.register(Squares("relu"))
    assert tl.activations.get("two").scalar.python is square
    assert len([record for record in tl.plugins.list() if record.name == "Squares"]) == 1


def test_a_plugin_that_registers_others_is_refused_with_them() -> None:
    def meddle() -> dict[str, Any]:
        tl.plugins.register(Squares("relu"), override=True)
        return {}

    before = tl.plugins.list()
    with pytest.raises(PluginError) as error:
        tl.plugins.register(hooks(tensorlab_register_activations=meddle), "meddler")
    assert (
        "received PluginError: plugins.register 'Squares': expected a call by a program, received one by a plugin "
        "being loaded; return what it adds from its hooks; only a program registers by hand; see test_plugin_hooks.py"
    ) in str(error.value)
    assert tl.plugins.list() == before
    assert tl.activations.get("relu") is tl.activations.relu
    tl.plugins.register(Squares(), "meddler")  # and a program goes on


def test_only_a_user_overrides_and_only_until_it_is_taken_back() -> None:
    relu = tl.activations.relu
    model = tl.Sequential([tl.layers.Dense(2, activation="relu")])
    with pytest.raises(PluginError) as error:
        tl.plugins.register(Squares("relu"))
    assert str(error.value) == (
        "activation 'relu' of Squares: expected a name that is free, received one that tensorlab "
        f"{tl.__version__} registers as 'relu'; rename one of them, or uninstall one of the two distributions, or pass "
        "override=True to tl.plugins.register"
    )
    tl.plugins.register(Squares("relu"), override=True)
    mine = tl.activations.get("relu")
    assert mine.scalar.python is square
    assert tl.activations.get("Squares:relu") is mine
    assert tl.activations.get("tensorlab:relu") is relu
    # What was made before keeps what it was made of, and says so.
    assert model.get_config()["layers"][0]["config"]["activation"] == "relu"
    assert tl.layers.Dense(2, activation=relu).get_config()["activation"] == "tensorlab:relu"
    tl.plugins.unregister("Squares")
    assert tl.activations.get("relu") is relu
    assert tl.layers.Dense(2, activation=relu).get_config()["activation"] == "relu"


def test_an_overridden_backend_is_used_and_given_back() -> None:
    class Mine(type(tl.devices.backend("reference"))):  # type: ignore[misc]
        """Another one of that name."""

    tensor = tl.asarray([1.0], device="reference")
    plugin = hooks(tensorlab_register_backends=lambda: {"reference": Mine})
    tl.plugins.register(plugin, "mine", override=True)
    assert type(tl.devices.backend("reference")) is Mine
    tl.plugins.unregister(plugin)
    assert tl.devices.backend("reference") is tensor._backend


def test_a_plugin_may_be_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    module = types.ModuleType("squaring")
    module.__version__ = "7"  # type: ignore[attr-defined]
    module.tensorlab_register_activations = hookimpl(lambda: {"squared": tl.Activation(square)})  # type: ignore[attr-defined]
    record = tl.plugins.register(module)
    assert record.who == "plugin 'squaring' of squaring 7"
    assert registries["activation"].entry("squaring:squared").version == "7"


@pytest.mark.parametrize(
    ("plugin", "name", "kind", "message"),
    [
        (Squares, None, ArgumentTypeError, "plugins.register: expected a module or an object, received <class "),
        (
            SimpleNamespace(),
            None,
            ArgumentTypeError,
            "expected a plugin with a name, received SimpleNamespace; give it",
        ),
        (Squares(), "", ArgumentError, "plugins.register name: expected a string without a colon, received ''"),
        (Squares(), "a:b", ArgumentError, "expected a string without a colon, received 'a:b'"),
        (
            Squares(),
            "tensorlab",
            ArgumentError,
            "plugins.register name: expected a name that no distribution has, received 'tensorlab', of plugin ",
        ),
        (
            3,
            None,
            PluginError,
            "plugin 'int' of int: expected a hook of tensorlab at least, received 3 without one; mark",
        ),
        (
            hooks(tensorlab_epoch_ends=lambda: None),
            "mine",
            PluginError,
            "plugin 'mine' of mine: expected hooks of tensorlab, received 'tensorlab_epoch_ends'; did you mean "
            "'tensorlab_epoch_end'",
        ),
    ],
)
def test_what_is_no_plugin_is_refused(plugin: Any, name: Any, kind: type[Exception], message: str) -> None:
    before = tl.plugins.list()
    with pytest.raises(kind) as error:
        tl.plugins.register(plugin, name)
    assert message in str(error.value)
    assert tl.plugins.list() == before


def test_a_hook_of_a_later_tensorlab_may_be_optional() -> None:
    plugin = SimpleNamespace(
        tensorlab_register_activations=hookimpl(lambda: {"squared": tl.Activation(square)}),
        register_dreams=hookimpl(lambda: None, optionalhook=True, specname="register_dreams"),
    )
    tl.plugins.register(plugin, "mine")
    assert "squared" in registries["activation"]
    tl.plugins.unregister(plugin)
    plugin.register_dreams = hookimpl(lambda: None, specname="register_dreams")
    with pytest.raises(PluginError, match="expected hooks of tensorlab, received 'register_dreams'"):
        tl.plugins.register(plugin, "other")


def test_every_kind_can_be_used_by_name() -> None:
    class Squared(tl.regularizers.Regularizer):
        def __call__(self, x: Any) -> tl.Tensor:
            return 3.0 * tl.sum(x * x)

    class Counting(tl.callbacks.Callback):
        counted: list[int] = []  # noqa: RUF012

        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            self.counted.append(batch)

    def load_line() -> Any:
        x = np.arange(6.0, dtype="float32")[:, None]
        return (x, 2 * x), (x, 2 * x)

    tl.plugins.register(
        hooks(
            tensorlab_register_regularizers=lambda: {"squared": Squared},
            tensorlab_register_callbacks=lambda: {"counting": Counting},
            tensorlab_register_datasets=lambda: {"line": load_line},
        ),
        "mine",
    )
    (x, y), _ = tl.datasets.get("line")()
    assert tl.datasets.get("mnist") is tl.datasets.mnist.load_data
    with pytest.raises(UnknownNameError, match="dataset: expected the name of a registered dataset, received 'lines'"):
        tl.datasets.get("lines")
    model = tl.Sequential([tl.layers.Dense(1, kernel_initializer="ones", kernel_regularizer="squared")])
    model.compile("sgd", "mse")
    loss = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(float(np.mean((x - y) ** 2)) + 3.0)
    model.fit(x, y, batch_size=2, verbose=0, callbacks=["counting"])
    assert Counting.counted == [0, 1, 2]
    with pytest.raises(UnknownNameError, match="received 'countin'; did you mean 'counting'"):
        model.fit(x, y, verbose=0, callbacks=["countin"])


@pytest.mark.parametrize(
    ("made", "received"),
    [(3, "3 with the name None"), (tl.backends.ReferenceBackend(), "with the name 'reference'")],
)
def test_a_backend_is_held_to_its_name_when_it_is_first_used(made: Any, received: str) -> None:
    tl.plugins.register(hooks(tensorlab_register_backends=lambda: {"board": lambda: made}), "mine")
    for _ in range(2):
        with pytest.raises(DeviceError) as error:
            tl.asarray([1.0], device="board")
        assert str(error.value).startswith("backend of mine: expected a Backend with the name 'board', received ")
        assert str(error.value).endswith(received)


def test_what_is_in_use_lives_on_when_its_plugin_is_taken_back() -> None:
    class Board(tl.backends.ReferenceBackend):
        name = "board"

    both = hooks(
        tensorlab_register_activations=lambda: {"squared": tl.Activation(square)},
        tensorlab_register_backends=lambda: {"board": Board},
    )
    tl.plugins.register(both, "mine")
    layer = tl.layers.Dense(1, "squared", kernel_initializer="ones")
    with tl.device("board"):
        layer.build((None, 1))
        inputs = tl.asarray([[3.0]])
    tl.plugins.unregister("mine")
    assert float(layer(inputs)[0, 0]) == 9.0
    with pytest.raises(UnknownNameError, match="received 'board'; known names: cpu, reference"):
        tl.asarray(1.0, device="board")
    with pytest.raises(UnknownNameError, match="received 'squared'"):
        tl.layers.Dense.from_config(layer.get_config())


# Watching


def data(rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(size=(20, 3)).astype("float32"), rng.integers(0, 2, 20)


def trained(x: Any, y: Any, **options: Any) -> tuple[list[bytes], dict[str, list[float]]]:
    tl.utils.set_random_seed(5)
    model = tl.Sequential(
        [tl.layers.Dense(4, activation="relu"), tl.layers.Dropout(0.5), tl.layers.Dense(2, "softmax")]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, **options).history
    return [weight.tobytes() for weight in model.get_weights()], history


def test_a_plugin_watches_a_run_and_cannot_change_it(rng: np.random.Generator) -> None:
    x, y = data(rng)
    alone = trained(x, y, validation_data=(x, y))
    seen: list[Any] = []

    def look(moment: str, model: Any, logs: dict[str, float] | None = None) -> dict[str, float]:
        assert isinstance(model, tl.Sequential)
        seen.append((moment, dict(logs or {})))
        tl.random.uniform((2,))  # what it draws is drawn from nobody
        if logs is not None:
            logs.clear()
        return {"loss": -1.0}

    plugin = hooks(
        tensorlab_fit_start=lambda model, params: (seen.append(params), look("fit start", model))[1],
        tensorlab_fit_end=lambda model, logs: look("fit end", model, logs),
        tensorlab_epoch_start=lambda model, epoch: look(f"epoch {epoch} start", model),
        tensorlab_epoch_end=lambda model, epoch, logs: look(f"epoch {epoch} end", model, logs),
        tensorlab_batch_end=lambda batch, logs, model: look(f"batch {batch}", model, logs),
    )
    record = tl.plugins.register(plugin, "watcher")
    assert record.outcome == "watches fit_start, fit_end, epoch_start, epoch_end, batch_end"
    assert trained(x, y, validation_data=(x, y)) == alone
    assert seen.pop(0) == {"epochs": 2, "steps": 3, "verbose": 0}
    batches = ["batch 0", "batch 1", "batch 2"]
    epochs = [moment for e in (0, 1) for moment in (f"epoch {e} start", *batches, f"epoch {e} end")]
    assert [moment for moment, _ in seen] == ["fit start", *epochs, "fit end"]
    ends = [logs for moment, logs in seen if re.fullmatch("epoch . end", moment)]
    assert ends == [{name: values[e] for name, values in alone[1].items()} for e in (0, 1)]
    assert seen[-1][1] == ends[-1]


def test_one_that_raises_is_a_warning_and_is_not_called_again_in_that_run(rng: np.random.Generator) -> None:
    x, y = data(rng)
    alone = trained(x, y)
    calls = []

    def fail(batch: int) -> None:
        calls.append(batch)
        raise ZeroDivisionError("one by zero")

    tl.plugins.register(hooks(tensorlab_batch_end=fail, tensorlab_fit_end=lambda: calls.append(-1)), "clumsy")
    counted: list[int] = []
    tl.plugins.register(hooks(tensorlab_batch_end=lambda batch: counted.append(batch)), "sound")
    for run in (1, 2):
        with pytest.warns(PluginWarning) as warned:
            assert trained(x, y) == alone
        assert [str(each.message) for each in warned] == [
            "plugin 'clumsy' of clumsy: tensorlab_batch_end raised ZeroDivisionError: one by zero; "
            "it is not called again in this run"
        ]
        assert warned[0].filename == __file__, "at the line that called fit"
        assert calls == [0] * run
        assert counted == [0, 1, 2] * 2 * run


def test_one_that_raises_is_an_error_when_strict(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data(rng)
    model = tl.Sequential([tl.layers.Dense(2, activation="softmax")])
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    model.build((None, 3))
    before = model.get_weights()
    tl.plugins.register(hooks(tensorlab_batch_end=lambda batch: 1 // batch), "clumsy")
    monkeypatch.setenv("TENSORLAB_STRICT", "1")
    with pytest.raises(PluginError) as error:
        model.fit(x, y, verbose=0)
    assert str(error.value) == (
        "plugin 'clumsy' of clumsy: tensorlab_batch_end: expected a hook that watches, received ZeroDivisionError: "
        "integer division or modulo by zero"
    )
    for weight, kept in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(weight, kept)


def test_nobody_watching_costs_nothing() -> None:
    assert manager.observers() == []

"""Plugins that a program registers and unregisters itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from plugin_samples import plugin_of

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, PluginError, UnknownNameError
from tensorlab.plugins import hookimpl
from tensorlab.registry import registries

pytestmark = pytest.mark.usefixtures("plugins_restored")


def square(x: float) -> float:
    return x * x


class Squares:
    """A plugin as written in a notebook: an object with methods."""

    def __init__(self, name: str = "squared") -> None:
        self.name = name

    @hookimpl
    def tensorlab_register_activations(self) -> dict[str, Any]:
        return {self.name: tl.Activation(square)}


def test_register_and_unregister() -> None:
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


def test_registering_again_replaces_the_plugin() -> None:
    tl.plugins.register(Squares("one"))
    tl.plugins.register(Squares("two"))
    assert "one" not in registries["activation"]
    assert "two" in registries["activation"]
    with pytest.raises(PluginError, match="registers as 'relu'"):  # a failure keeps the old one
        tl.plugins.register(Squares("relu"))
    assert tl.activations.get("two").scalar.python is square
    assert len([record for record in tl.plugins.list() if record.name == "Squares"]) == 1


def test_plugin_that_registers_another_plugin_is_rejected() -> None:
    def meddle() -> dict[str, Any]:
        tl.plugins.register(Squares("relu"), override=True)
        return {}

    before = tl.plugins.list()
    with pytest.raises(PluginError) as error:
        tl.plugins.register(plugin_of(tensorlab_register_activations=meddle), "meddler")
    assert (
        "received PluginError: plugins.register 'Squares': expected a call by a program, received one by a plugin "
        "being loaded; return what it adds from its hooks; only a program registers by hand; see test_plugin_by_hand.py"
    ) in str(error.value)
    assert tl.plugins.list() == before
    assert tl.activations.get("relu") is tl.activations.relu
    tl.plugins.register(Squares(), "meddler")  # registering works again


def test_override_is_explicit_and_can_be_undone() -> None:
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
    # A model made before keeps the activation, and its config shows that.
    assert model.get_config()["layers"][0]["config"]["activation"] == "relu"
    assert tl.layers.Dense(2, activation=relu).get_config()["activation"] == "tensorlab:relu"
    tl.plugins.unregister("Squares")
    assert tl.activations.get("relu") is relu
    assert tl.layers.Dense(2, activation=relu).get_config()["activation"] == "relu"


def test_overridden_backend_is_used_and_restored() -> None:
    class Mine(type(tl.devices.backend("reference"))):
        """Another backend with the same name."""

    tensor = tl.asarray([1.0], device="reference")
    plugin = plugin_of(tensorlab_register_backends=lambda: {"reference": Mine})
    tl.plugins.register(plugin, "mine", override=True)
    assert type(tl.devices.backend("reference")) is Mine
    tl.plugins.unregister(plugin)
    assert tl.devices.backend("reference") is tensor._backend


def test_plugin_may_be_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    module = types.ModuleType("squaring")
    module.__version__ = "7"
    module.tensorlab_register_activations = hookimpl(lambda: {"squared": tl.Activation(square)})
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
            "plugin 'int' of int: expected at least one hook of tensorlab, received 3 without one; mark",
        ),
        (
            plugin_of(tensorlab_epoch_ends=lambda: None),
            "mine",
            PluginError,
            "plugin 'mine' of mine: expected hooks of tensorlab, received 'tensorlab_epoch_ends'; did you mean "
            "'tensorlab_epoch_end'",
        ),
    ],
)
def test_invalid_plugin_is_rejected(plugin: Any, name: Any, kind: type[Exception], message: str) -> None:
    before = tl.plugins.list()
    with pytest.raises(kind) as error:
        tl.plugins.register(plugin, name)
    assert message in str(error.value)
    assert tl.plugins.list() == before


def test_unknown_hook_may_be_optional() -> None:
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


def test_objects_of_every_kind_can_be_used_by_name() -> None:
    class Squared(tl.regularizers.Regularizer):
        def __call__(self, x: Any) -> tl.Tensor:
            return 3.0 * tl.sum(x * x)

    class Counting(tl.callbacks.Callback):
        counted: ClassVar[list[int]] = []

        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            self.counted.append(batch)

    def load_line() -> Any:
        x = np.arange(6.0, dtype="float32")[:, None]
        return (x, 2 * x), (x, 2 * x)

    tl.plugins.register(
        plugin_of(
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
def test_backend_is_checked_at_first_use(made: Any, received: str) -> None:
    tl.plugins.register(plugin_of(tensorlab_register_backends=lambda: {"board": lambda: made}), "mine")
    for _ in range(2):
        with pytest.raises(DeviceError) as error:
            tl.asarray([1.0], device="board")
        assert str(error.value).startswith("backend of mine: expected a Backend with the name 'board', received ")
        assert str(error.value).endswith(received)


def test_objects_in_use_remain_valid_after_unregistering() -> None:
    class Board(tl.backends.ReferenceBackend):
        name = "board"

    both = plugin_of(
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

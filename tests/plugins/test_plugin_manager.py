"""Registering a plugin completely or not at all, and error messages, with a separate manager and registries."""

from __future__ import annotations

import math
from typing import Any

import pytest
from plugin_samples import plugin_of

import tensorlab as tl
from tensorlab import callbacks
from tensorlab.errors import PluginError, UnknownNameError
from tensorlab.plugins import Manager, Plugin, by_hand
from tensorlab.registry import Registry, registries


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Manager:
    """A manager with empty registries, which finds only entry points added by a test."""
    manager = Manager()
    for registry in registries.values():
        monkeypatch.setattr(registry, "_entries", {})
    monkeypatch.setattr(Registry, "load", staticmethod(manager.load))
    monkeypatch.setattr(Registry, "explain_missing", staticmethod(manager.explain_missing))
    monkeypatch.setattr(manager, "_entry_points", list)
    monkeypatch.setattr(by_hand, "manager", manager)
    monkeypatch.setattr(by_hand, "_registered", {})
    monkeypatch.setattr(callbacks, "find_observers", manager.observers)
    return manager


def pair(a: Any, b: Any) -> Any:
    return a


def swish(x: float) -> float:
    return x / (1.0 + math.exp(-x))


def rectified(x: float) -> float:
    return x if x > 0 else 0.0


def doubled(x: Any) -> Any:
    """Accepts numbers and tensors."""
    return x + x * math.sqrt(1.0)


def unliftable(x: float) -> float:
    return print(x)


def forgetful(w: float, g: float, m: float, learning_rate: float = 0.1) -> float:
    return w - learning_rate * g + m


class Idle(tl.layers.Layer):
    """A layer without `call`."""


class Deaf(tl.layers.Layer):
    """A layer whose `call` has no inputs."""

    def call(self) -> None:
        """Nothing."""


class Numbered(tl.layers.Layer):
    """A layer whose `call` is not a method."""

    call = 3


def leave() -> None:
    raise SystemExit(3)


def scaled(y_true: float, y_pred: float, scale: float = math.nan) -> float:
    return scale * (y_true - y_pred)


def names() -> set[str]:
    return {entry.name for registry in registries.values() for same in registry._entries.values() for entry in same}


def test_builtins_are_registered_by_hooks(fresh: Manager) -> None:
    assert names() == set()
    assert tl.activations.get("relu") is tl.activations.relu
    (record,) = fresh.plugins
    assert (record.name, record.distribution, record.version) == ("tensorlab", "tensorlab", tl.__version__)
    assert {entry.name for entry in record.entries} == names()
    assert {"Dense", "relu", "mse", "adam", "accuracy", "zeros", "cpu"} <= names()
    fresh.load()
    assert len(fresh.plugins) == 1


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        (
            {"tensorlab_register_losses": lambda: {"lost": abs}},
            "tensorlab_register_losses, 'lost': expected a LossRule, or a subclass of Loss, received <built-in",
        ),
        (
            {"tensorlab_register_optimizers": lambda: {"lost": tl.layers.Dense}},
            "tensorlab_register_optimizers, 'lost': expected an OptimizerRule, or a subclass of Optimizer, received ",
        ),
        (
            {"tensorlab_register_metrics": lambda: {"lost": tl.metrics.Accuracy()}},
            "tensorlab_register_metrics, 'lost': expected a subclass of Metric, received <Accuracy 'acc",
        ),
        (
            {"tensorlab_register_initializers": lambda: {"lost": 3}},
            "tensorlab_register_initializers, 'lost': expected a subclass of Initializer, received 3",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": "relu"}},
            "tensorlab_register_activations, 'lost': expected an Activation, or a function from a tensor to a tensor, "
            "received 'relu'",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": pair}},
            "'lost': expected an Activation, or a function from a tensor to a tensor, received <function pair",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": swish}},
            "'lost': expected an Activation, or a function from a tensor to a tensor, received a function of numbers, "
            "<function swish",
        ),
        (
            {"tensorlab_register_activations": lambda: {"fine": doubled, "lost": rectified}},
            "; wrap it: Activation(rectified)",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": tl.layers.Activation}},
            "received <class 'tensorlab.layers.activation.Activation'>; register an instance, not the class",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": tl.Activation(unliftable)}},
            "tensorlab_register_activations: expected a dict {name: object}, received ScalarError: scalar function "
            "'unliftable' (",
        ),
        (
            {"tensorlab_register_optimizers": lambda: {"lost": tl.OptimizerRule(forgetful)}},
            "tensorlab_register_optimizers: expected a dict {name: object}, received "
            "ArgumentTypeError: optimizer rule 'forgetful': expected 2 values (weight, m), "
            "received 1; see test_plugin_manager.py, line ",
        ),
        (
            {"tensorlab_register_layers": lambda: {"Lost": Idle}},
            "tensorlab_register_layers, 'Lost': expected a method call, received <class 'test_plugin_manager.Idle'> "
            "without one; implement call(self, inputs)",
        ),
        (
            {"tensorlab_register_regularizers": lambda: {"lost": tl.regularizers.Regularizer}},
            "expected a method __call__, received <class 'tensorlab.regularizers.Regularizer'> without one; implement "
            "__call__(self, x)",
        ),
        (
            {"tensorlab_register_callbacks": lambda: {"lost": tl.callbacks.History()}},
            "expected a subclass of Callback, received <tensorlab.callbacks.base.History object",
        ),
        (
            {"tensorlab_register_datasets": lambda: {"lost": pair}},
            "'lost': expected a function that returns ((x_train, y_train), (x_test, y_test)), received <function pair",
        ),
        (
            {"tensorlab_register_backends": lambda: {"lost": None}},
            "'lost': expected a function without arguments that returns a Backend, received None",
        ),
        ({"tensorlab_fit_start": lambda optimizer: None}, "{'optimizer'} are declared in the hookimpl but can not be"),
        ({"tensorlab_register_layers": lambda: {3: tl.layers.Dense}}, "names that are Python identifiers, received 3"),
        ({"tensorlab_register_layers": lambda: None}, "expected a dict {name: object}, received NoneType; return it"),
        (
            {"tensorlab_register_layers": lambda: {"Lost": Deaf}},
            "tensorlab_register_layers, 'Lost': expected a method call(self, inputs), received call(self) of <class ",
        ),
        ({"tensorlab_register_layers": lambda: {"Lost": Numbered}}, "expected a method call, received <class "),
        (
            {"tensorlab_register_activations": lambda: (pair for pair in [("lost", abs)])},
            "tensorlab_register_activations: expected a dict {name: object}, received generator",
        ),
        ({"tensorlab_register_activations": lambda: {"lambda": abs}}, "that are Python identifiers, received 'lambda'"),
        ({"tensorlab_register_activations": leave}, "{name: object}, received SystemExit: 3; see test_plugin_manager"),
        (
            {"tensorlab_register_losses": lambda: {"lost": tl.LossRule(scaled)}},
            "received ArgumentError: LossRule of 'scaled' scale: expected a finite number, received nan; see test_plug",
        ),
    ],
)
def test_register_is_all_or_nothing(fresh: Manager, hooks: dict[str, Any], message: str) -> None:
    fresh.load()
    before, plugins = names(), list(fresh.plugins)
    hooks = {"tensorlab_register_layers": lambda: {"First": tl.layers.Dense}, **hooks}
    with pytest.raises(PluginError) as error:
        fresh.register(plugin_of(**hooks), Plugin("mine", "acme", "2.0"))
    assert str(error.value).startswith("plugin 'mine' of acme 2.0: ")
    assert message in str(error.value)
    assert names() == before
    assert fresh.plugins == plugins
    # The corrected plugin can be registered.
    good = plugin_of(tensorlab_register_layers=lambda: {"First": tl.layers.Dense})
    fresh.register(good, Plugin("mine", "acme", "2.1"))
    assert registries["layer"].entry("acme:First").version == "2.1"


def test_name_used_twice_by_one_distribution_is_rejected(fresh: Manager) -> None:
    fresh.load()
    before = names()
    twice = plugin_of(tensorlab_register_activations=lambda: {"one_two": abs, "OneTwo": abs})
    with pytest.raises(PluginError) as error:
        fresh.register(twice, Plugin("mine", "acme", "2.0"))
    assert str(error.value) == (
        "activation 'OneTwo' of acme 2.0: expected a name that is free, received one that acme 2.0 registers as "
        "'one_two'; rename one of them"
    )
    assert names() == before


def test_two_spellings_of_a_name_clash(fresh: Manager) -> None:
    fresh.load()
    before = names()
    with pytest.raises(PluginError) as error:
        fresh.register(
            plugin_of(tensorlab_register_losses=lambda: {"MeanSquaredError": tl.losses.MeanAbsoluteError}),
            Plugin("mine", "acme", "2.0"),
        )
    assert "registers as 'mean_squared_error'" in str(error.value)
    assert names() == before
    assert tl.losses.get("mean_squared_error").term is tl.losses.MeanSquaredError.term
    # Other kinds have their own names.
    fresh.register(
        plugin_of(tensorlab_register_layers=lambda: {"tanh": tl.layers.Dense}), Plugin("mine", "acme", "2.0")
    )
    assert registries["layer"].get("tanh") is tl.layers.Dense
    assert registries["activation"].get("tanh") is tl.activations.tanh


def test_unknown_name_without_failed_plugins(fresh: Manager) -> None:
    with pytest.raises(UnknownNameError) as error:
        tl.activations.get("rellu")
    assert fresh.explain_missing("activation", "rellu") == ""
    assert "could not be loaded" not in str(error.value)

"""Check activations with hyperparameters: values, derivatives, layers, configs."""

from __future__ import annotations

import copy
import json
import math
import pickle

import numpy as np
import pytest
from plugin_samples import plugin_of

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DerivativeError
from tensorlab.layers import Dense
from tensorlab.rules import Hyperparameters

X = np.array([-2.0, -0.5, 0.0, 0.5, 3.0], "f4")


def leaky(x: float, slope: float = 0.1, shift: float = 0.0) -> float:
    return x + shift if x > 0 else slope * x + shift


def test_values_and_derivatives() -> None:
    for activation, slope, shift in (
        (tl.Activation(leaky), 0.1, 0.0),
        (tl.Activation(leaky, slope=0.25), 0.25, 0.0),
        (tl.Activation(tl.Activation(leaky, slope=0.25), shift=1), 0.1, 1.0),
    ):
        x = tl.Variable(X)
        with tl.GradientTape() as tape:
            y = activation(x)
        np.testing.assert_allclose(y.numpy(), np.where(X > 0, X, np.float32(slope) * X) + shift, rtol=1e-6)
        np.testing.assert_allclose(tape.gradient(y, x).numpy(), np.where(X > 0, 1.0, slope), rtol=1e-6)
        assert activation.hyperparameters == {"slope": slope, "shift": shift}


def test_explicit_derivative_receives_its_hyperparameters() -> None:
    def slopes(x: float, slope: float = 0.1) -> float:
        return 1.0 if x > 0 else slope

    activation = tl.Activation(leaky, derivative=slopes, slope=0.5)
    again = tl.Activation(activation, slope=0.75)
    for made, slope in ((activation, 0.5), (again, 0.75)):
        x = tl.Variable(X)
        with tl.GradientTape() as tape:
            y = made(x)
        np.testing.assert_allclose(tape.gradient(y, x).numpy(), np.where(X > 0, 1.0, slope), rtol=1e-6)
    with pytest.raises(DerivativeError):
        tl.Activation(leaky, derivative=lambda x, slope=0.1: 2 * slope)


def test_hyperparameters_may_have_any_name() -> None:
    def odd(x: float, forward: float = 2.0, derivative: float = 3.0, self: float = 4.0, name: float = 5.0) -> float:
        return x * forward + derivative + self + name

    activation = tl.Activation(odd, forward=1.0, derivative=1.0, self=1.0, name=1.0)
    assert activation(X).tolist() == (X + 3).tolist()


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(ArgumentError) as error:
        tl.Activation(leaky, slop=0.2)
    assert str(error.value) == (
        "activation 'leaky': expected one of the hyperparameters slope, shift, received slop; did you mean 'slope'?"
    )
    with pytest.raises(ArgumentError, match="slope: expected a finite number, received "):
        tl.Activation(leaky, slope="0.2")
    with pytest.raises(ArgumentTypeError) as error:
        tl.Activation(lambda x, y: x * y)
    assert str(error.value) == (
        "Activation of 'lambda': expected a forward function of one number, and of parameters with default values, "
        "that returns one number, received (x, y) with 1 result"
    )


def test_layers_with_hyperparameters_can_be_copied_and_pickled() -> None:
    layer = Dense(2, activation=tl.Activation(leaky, slope=0.5), kernel_initializer="ones")
    x = np.array([[-1.0, -2.0], [3.0, 1.0]], "f4")
    for each in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert each(x).tolist() == [[-1.5, -1.5], [4.0, 4.0]]


@pytest.mark.usefixtures("plugins_restored")
def test_config_stores_registered_name_and_hyperparameters() -> None:
    registered = tl.Activation(leaky)
    tl.plugins.register(plugin_of(tensorlab_register_activations=lambda: {"leaking": registered}), "mine")
    config = json.loads(json.dumps(Dense(2, activation=tl.Activation(registered, slope=0.5)).get_config()))
    assert config["activation"] == {
        "class_name": "leaking",
        "kind": "activation",
        "config": {"slope": 0.5, "shift": 0.0},
    }
    again = Dense.from_config(config).activation
    assert again.hyperparameters == {"slope": 0.5, "shift": 0.0}
    assert tl.activations.get(config["activation"]).hyperparameters == again.hyperparameters
    assert Dense(2, activation=registered).get_config()["activation"] == "leaking"


def test_linear_is_found_by_name_and_by_none() -> None:
    for identifier in (None, "linear", tl.activations.linear):
        assert tl.activations.get(identifier) is tl.activations.linear
    assert tl.activations.get(None)([1.0, 2.0]).tolist() == [1, 2]
    x = tl.asarray(X, copy=True)
    assert tl.activations.linear(x).tolist() == X.tolist()
    assert tl.layers.Activation("linear")(x).tolist() == X.tolist()
    assert Dense(2, activation="linear")(X[:, None]).shape == (5, 2)
    assert math.isclose(float(tl.activations.linear(3)), 3)


def test_hyperparameters_cannot_be_added_or_deleted() -> None:
    found = Hyperparameters("activation 'leaky'", {"slope": 0.1})
    with pytest.raises(ArgumentTypeError) as error:
        del found["slope"]
    assert str(error.value) == (
        "activation 'leaky': expected hyperparameters to be assigned, not deleted, received del of 'slope'"
    )
    with pytest.raises(ArgumentError) as unknown:
        Hyperparameters("loss 'mse'", {})["delta"] = 1.0
    assert str(unknown.value).startswith("loss 'mse': expected no hyperparameters, received delta")

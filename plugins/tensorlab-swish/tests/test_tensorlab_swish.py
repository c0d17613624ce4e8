"""swish against its formula and its difference quotients, under the name that it is registered by."""

import numpy as np
import pytest
import tensorlab_swish

import tensorlab as tl

POINTS = np.array([-1000.0, -30.0, -3.0, -1.278, -0.5, 0.0, 1e-3, 0.7, 4.0, 30.0, 1000.0])


def formula(x):
    with np.errstate(over="ignore"):
        return x / (1 + np.exp(-x))


@pytest.fixture
def swish():
    return tl.activations.get("swish")


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
def test_its_values(swish, dtype, tolerance):
    x = np.concatenate([POINTS, np.random.default_rng().normal(0, 5, 1000)]).astype(dtype)
    values = np.asarray(swish(tl.asarray(x)))
    assert values.dtype == dtype
    np.testing.assert_allclose(values, formula(x.astype("float64")), rtol=tolerance, atol=tolerance)


def test_the_plain_function_is_the_definition(swish):
    x = np.linspace(-8, 8, 33)
    np.testing.assert_allclose(np.asarray(swish(tl.asarray(x))), [tensorlab_swish.swish(v) for v in x], atol=1e-14)


def test_its_derivative(swish):
    x, h = np.random.default_rng().normal(0, 3, 200), 1e-5
    variable = tl.Variable(x, dtype="float64")
    with tl.GradientTape() as tape:
        total = tl.sum(swish(variable))
    quotients = (formula(x + h) - formula(x - h)) / (2 * h)
    np.testing.assert_allclose(np.asarray(tape.gradient(total, variable)), quotients, atol=1e-8)


def test_its_derivative_far_out(swish):
    variable = tl.Variable(np.array([-1000.0, -800.0, 800.0, 1000.0]), dtype="float64")
    with tl.GradientTape() as tape:
        total = tl.sum(swish(variable))
    np.testing.assert_allclose(np.asarray(tape.gradient(total, variable)), [0, 0, 1, 1], atol=1e-12)


def test_a_layer_takes_it_by_name():
    layer = tl.layers.Dense(3, activation="swish")
    x = np.random.default_rng().normal(size=(5, 4)).astype("float32")
    outputs = np.asarray(layer(x))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(outputs, formula(x @ kernel + bias), atol=1e-5)

"""Softmax, ReLU, LeakyReLU and ELU: recorded values of Keras 3.15, and infinities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError
from tensorlab.layers import ELU, LeakyReLU, ReLU, Softmax

X = np.array([[-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 7.0]])

CASES: list[tuple[Any, list[float]]] = [
    (ReLU(), [0, 0, 0, 0, 0.5, 1, 2, 7]),
    (ReLU(6.0), [0, 0, 0, 0, 0.5, 1, 2, 6]),
    (ReLU(np.float32(6.0), 0.1, 1), [-0.4, -0.2, -0.15, -0.1, -0.05, 0, 2, 6]),
    (ReLU(None, 0.2, 0.5), [-0.7, -0.3, -0.2, -0.1, 0, 1, 2, 7]),
    (LeakyReLU(), [-0.9, -0.3, -0.15, 0, 0.5, 1, 2, 7]),
    (LeakyReLU(negative_slope=np.float64(0.01)), [-0.03, -0.01, -0.005, 0, 0.5, 1, 2, 7]),
    (ELU(), [-0.9502129555, -0.6321205497, -0.3934693487, 0, 0.5, 1, 2, 7]),
    (ELU(0.5), [-0.4751064774, -0.3160602748, -0.1967346728, 0, 0.5, 1, 2, 7]),
    (
        Softmax(),
        [4.4836524e-5, 3.3129958e-4, 5.4622057e-4, 9.0056559e-4, 1.4847817e-3, 2.4479912e-3, 6.6543291e-3, 0.98759007],
    ),
]


@pytest.mark.parametrize(("layer", "expected"), CASES)
def test_values_match_keras(layer: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(layer(X.astype("float32")).numpy(), [expected], rtol=2e-6, atol=1e-7)
    again = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(again(X.astype("float32")).numpy(), layer(X.astype("float32")).numpy())


def test_softmax_along_another_axis() -> None:
    outputs = Softmax(axis=1)(np.arange(12.0).reshape(1, 3, 4)).numpy()
    np.testing.assert_allclose(outputs[0, :, 2], [3.2932044e-4, 0.017980285, 0.98169035], rtol=1e-5)
    assert Softmax([1, 2])(np.zeros((2, 3, 4), "float32")).numpy() == pytest.approx(1 / 12)


@pytest.mark.parametrize("layer", [ReLU(), ReLU(6.0), LeakyReLU(), ELU()], ids=lambda layer: type(layer).__name__)
def test_derivatives_and_infinities(layer: Any) -> None:
    x = tl.Variable(np.array([[-np.inf, -1.0, 0.0, 2.0]], "float32"))
    with tl.GradientTape() as tape:
        outputs = layer(x)
    assert not np.isnan(outputs.numpy()).any()
    slopes = tape.gradient(outputs, x).numpy()[0]
    at_minus_1 = {"ReLU": 0.0, "LeakyReLU": 0.3, "ELU": np.exp(-1.0)}[type(layer).__name__]
    assert slopes[1:].tolist() == pytest.approx(
        [at_minus_1, {"ReLU": 0.0, "LeakyReLU": 0.3, "ELU": 1.0}[type(layer).__name__], 1.0]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReLU(-1.0, name="r"), "ReLU 'r' max_value: expected a number of at least 0, received -1.0"),
        (lambda: ReLU(threshold=-1, name="r"), "ReLU 'r' threshold: expected a number of at least 0, received -1"),
        (
            lambda: LeakyReLU(-0.1, name="l"),
            "LeakyReLU 'l' negative_slope: expected a number of at least 0, received -0.1",
        ),
        (lambda: LeakyReLU(None, name="l"), "LeakyReLU 'l' negative_slope: expected a finite number, received None"),
        (lambda: ELU("big", name="e"), "ELU 'e' alpha: expected a finite number, received 'big'"),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        make()
    assert str(error.value) == message

"""What a gradient is where a function has none, or none of one kind: kinks, ties, steps, and operations of bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tensorlab as tl

Function = Callable[..., tl.Tensor]

pytestmark = pytest.mark.usefixtures("reference")


STEPS = ("ceil", "floor", "round", "sign", "trunc")
INTEGER = "bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor"


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_a_constant(name: str) -> None:
    x = tl.Variable([-2.25, 3.75])
    with tl.GradientTape() as tape:
        step = getattr(tl, name)(x)
        y = step * x
    assert tape.gradient(y, x).tolist() == step.tolist()


def test_a_quotient_without_its_fraction_is_a_constant() -> None:
    x, y = tl.Variable([-7.5, 7.5]), tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        z = tl.floor_divide(x, y) * x * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-8.0, 6.0], [30.0, 15.0]]


def test_the_next_number_moves_with_the_number() -> None:
    x, y = tl.Variable([1.0, -2.0]), tl.Variable([5.0, 5.0])
    with tl.GradientTape() as tape:
        z = tl.nextafter(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[1.0, 1.0], [0.0, 0.0]]


def test_a_sign_that_was_copied_flips_the_gradient() -> None:
    x, y = tl.Variable([2.0, -2.0, 3.0]), tl.Variable([-1.0, -0.0, 4.0])
    with tl.GradientTape() as tape:
        z = tl.copysign(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", INTEGER.split())
def test_integers_are_not_recorded(name: str) -> None:
    operation = getattr(tl, name)
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        y = operation(*[x.astype("int64")] * operation.scalar.arity)
        z = y.astype("float32")
    with pytest.warns(UserWarning, match="the target does not depend on it"):
        assert tape.gradient(z, x) is None


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (tl.abs, [0.0, -0.0], [0.0, 0.0]),
        (tl.relu, [0.0, -0.0], [0.0, 0.0]),
        (lambda x: tl.maximum(x, 1.0), [1.0, 2.0], [1.0, 1.0]),
        (lambda x: tl.maximum(1.0, x), [1.0, 2.0], [0.0, 1.0]),
        (lambda x: tl.minimum(x, 1.0), [1.0, 0.0], [1.0, 1.0]),
        (tl.max, [2.0, 1.0, 2.0, 2.0], [1 / 3, 0.0, 1 / 3, 1 / 3]),
        (lambda x: tl.min(x, axis=0), [1.0, 1.0, 5.0], [0.5, 0.5, 0.0]),
        (lambda x: tl.clip(x, 0.0, 1.0), [-1.0, 0.5, 2.0], [0.0, 1.0, 0.0]),
        (lambda x: x**2, [0.0, -3.0], [0.0, -6.0]),
        (lambda x: tl.where(x > 0, x, 2.0 * x), [1.0, -1.0], [1.0, 2.0]),
        (tl.std, [3.0, 3.0, 3.0], [0.0, 0.0, 0.0]),
    ],
)
def test_what_the_gradient_is_at_kinks_and_ties(function: Function, values: list[float], expected: list[float]) -> None:
    x = tl.Variable(values)
    with tl.GradientTape() as tape:
        y = function(x)
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), expected, rtol=1e-6)

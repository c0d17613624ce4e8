"""Gradients at kinks, ties, steps and zeros, where the derivative is undefined or its formula divides by zero."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from gradient_cases import Function, Rng, check, positive

import tensorlab as tl

pytestmark = pytest.mark.usefixtures("reference")


STEPS = ("ceil", "floor", "round", "sign", "trunc")
INTEGER = "bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor"


@pytest.mark.parametrize("name", STEPS)
def test_step_functions_have_gradient_zero(name: str) -> None:
    x = tl.Variable([-2.25, 3.75])
    with tl.GradientTape() as tape:
        step = getattr(tl, name)(x)
        y = step * x
    assert tape.gradient(y, x).tolist() == step.tolist()


def test_floor_divide_has_gradient_zero() -> None:
    x, y = tl.Variable([-7.5, 7.5]), tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        z = tl.floor_divide(x, y) * x * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-8.0, 6.0], [30.0, 15.0]]


def test_gradient_of_nextafter() -> None:
    x, y = tl.Variable([1.0, -2.0]), tl.Variable([5.0, 5.0])
    with tl.GradientTape() as tape:
        z = tl.nextafter(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[1.0, 1.0], [0.0, 0.0]]


def test_gradient_of_copysign() -> None:
    x, y = tl.Variable([2.0, -2.0, 3.0]), tl.Variable([-1.0, -0.0, 4.0])
    with tl.GradientTape() as tape:
        z = tl.copysign(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", INTEGER.split())
def test_integer_operations_are_not_recorded(name: str) -> None:
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
        (lambda x: tl.maximum(x, 1.0), [1.0, 2.0], [0.5, 1.0]),  # as in PyTorch, JAX and tl.max
        (lambda x: tl.maximum(1.0, x), [1.0, 2.0], [0.5, 1.0]),
        (lambda x: tl.maximum(x, x), [1.0, 2.0], [1.0, 1.0]),
        (lambda x: tl.minimum(x, 1.0), [1.0, 0.0], [0.5, 1.0]),
        (lambda x: tl.maximum(x, 0.0) + tl.log1p(tl.exp(-tl.abs(x))), [0.0], [0.5]),
        (lambda x: tl.maximum(x, 0.0) + tl.minimum(x, 0.0), [0.0], [1.0]),
        (lambda x: tl.logaddexp(x, 0.0), [0.0], [0.5]),
        (lambda x: tl.clip(x, 0.0, 1.0), [0.0, 1.0], [1.0, 1.0]),
        (lambda x: tl.clip(x, 0.0), [0.0, 1.0], [1.0, 1.0]),
        (lambda x: tl.clip(x, max=0.0), [0.0, 1.0], [1.0, 0.0]),
        (tl.max, [2.0, 1.0, 2.0, 2.0], [1 / 3, 0.0, 1 / 3, 1 / 3]),
        (lambda x: tl.min(x, axis=0), [1.0, 1.0, 5.0], [0.5, 0.5, 0.0]),
        (lambda x: tl.clip(x, 0.0, 1.0), [-1.0, 0.5, 2.0], [0.0, 1.0, 0.0]),
        (lambda x: x**2, [0.0, -3.0], [0.0, -6.0]),
        (lambda x: tl.where(x > 0, x, 2.0 * x), [1.0, -1.0], [1.0, 2.0]),
        (tl.std, [3.0, 3.0, 3.0], [0.0, 0.0, 0.0]),
    ],
)
def test_gradients_at_kinks_and_ties(function: Function, values: list[float], expected: list[float]) -> None:
    x = tl.Variable(values)
    with tl.GradientTape() as tape:
        y = function(x)
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), expected, rtol=1e-6)


# Zeros, ties and infinities


@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("function", [tl.prod, tl.cumulative_prod], ids=["prod", "cumulative_prod"])
def test_products_with_zeros(function: Any, zeros: tuple[int, ...], rng: Rng) -> None:
    x = positive(rng, 4)
    x[list(zeros)] = 0.0
    check(function, [x], rng, order=2)
    rows = np.stack([x, positive(rng, 4)])
    check(lambda x: function(x, axis=1), [rows], rng, order=2)


def test_hessian_of_a_product_with_zeros(rng: Rng) -> None:
    for count in range(4):
        array = positive(rng, 2, 2)
        array.ravel()[rng.permutation(4)[:count]] = 0.0
        x = tl.Variable(array)
        expected = np.zeros((4, 4))
        for i, j in itertools.permutations(range(4), 2):
            expected[i, j] = np.prod([array.ravel()[k] for k in range(4) if k not in (i, j)])
        for i in range(4):
            with tl.GradientTape() as outer:
                with tl.GradientTape() as inner:
                    y = tl.prod(x)
                part = tl.reshape(inner.gradient(y, x), (-1,))[i]
            np.testing.assert_allclose(outer.gradient(part, x).numpy().ravel(), expected[i], rtol=1e-12, atol=1e-14)


def test_gradient_of_a_float32_product_whose_partial_products_overflow() -> None:
    x = tl.Variable(np.array([1e30, 1e30, 1e-30, 1e-30], np.float32))
    with tl.GradientTape() as tape:
        y = tl.prod(x)
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), [1e-30, 1e-30, 1e30, 1e30], rtol=1e-5)


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_share_the_gradient_in_second_order(name: str) -> None:
    x = tl.Variable(np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
    sign = 1.0 if name == "max" else -1.0
    shares = np.array([[0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = tl.sum(getattr(tl, name)(sign * x, axis=1) ** 2)
        slope = inner.gradient(y, x)
    np.testing.assert_allclose(slope.numpy(), shares * [[6.0], [4.0]])
    np.testing.assert_allclose(outer.gradient(slope, x).numpy(), shares * 2.0)


def test_gradient_of_sorted_ties() -> None:
    x = tl.Variable([2.0, 1.0, 2.0, 1.0])
    for descending, expected in ((False, [30.0, 10.0, 40.0, 20.0]), (True, [10.0, 30.0, 20.0, 40.0])):
        with tl.GradientTape() as tape:
            y = tl.sort(x, descending=descending)
        assert tape.gradient(y, x, tl.asarray([10.0, 20.0, 30.0, 40.0])).tolist() == expected


def test_unused_results_of_unstack_have_gradient_zero(rng: Rng) -> None:
    x = tl.Variable(rng.standard_normal((2, 3)))
    with tl.GradientTape() as tape:
        _, second, _ = tl.unstack(x, axis=1)
        y = second * 2.0
    assert tape.gradient(y, x).tolist() == [[0.0, 2.0, 0.0]] * 2


INF, NAN = math.inf, math.nan
LOGSUMEXP = [  # a row, and its softmax or the limit of that
    ([-INF, -INF], [0.0, 0.0]),
    ([-INF, 1.0], [0.0, 1.0]),
    ([0.0, 0.0], [0.5, 0.5]),
    ([0.0, INF], [0.0, 1.0]),
    ([INF, -INF], [1.0, 0.0]),
    ([INF, INF], [0.5, 0.5]),
    ([1e9, 1e9], [0.5, 0.5]),  # in float32 log(2) is lost
    ([-1e9, 1e9], [0.0, 1.0]),
    ([NAN, 0.0], [NAN, NAN]),
    ([-INF, NAN], [NAN, NAN]),
    ([INF, NAN], [NAN, NAN]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logsumexp_of_infinities(dtype: str) -> None:
    x = tl.Variable(np.array([row for row, _ in LOGSUMEXP], dtype))
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = tl.logsumexp(x, axis=1)
        slope = inner.gradient(y, x)
        first = slope[:, 0]
    shares = np.array([share for _, share in LOGSUMEXP])
    np.testing.assert_array_equal(slope.numpy(), shares.astype(dtype))
    expected = shares[:, :1] * (np.array([[1.0, 0.0]]) - shares)
    np.testing.assert_array_equal(outer.gradient(first, x).numpy(), expected.astype(dtype))
    assert y.tolist()[3:6] == [INF] * 3


def test_logsumexp_over_any_axes(rng: Rng) -> None:
    array = rng.choice([-INF, -1.0, 2.0, INF], (4, 3, 5))
    for axis in (None, 0, 1, (0, 2), (-1, 0)):
        x = tl.Variable(array)
        with tl.GradientTape() as tape:
            y = tl.logsumexp(x, axis=axis)
        largest = array.max(axis, keepdims=True)
        with np.errstate(invalid="ignore"):
            weights = np.where(array == largest, largest > -INF, np.exp(array - largest))
            expected = weights / weights.sum(axis, keepdims=True)
        np.testing.assert_allclose(tape.gradient(y, x).numpy(), np.where(largest > -INF, expected, 0.0), rtol=1e-12)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ((INF, INF), (0.5, 0.5)),
        ((-INF, -INF), (0.5, 0.5)),
        ((1.0, INF), (0.0, 1.0)),
        ((1.0, -INF), (1.0, 0.0)),
        ((INF, -INF), (1.0, 0.0)),
        ((0.0, NAN), (NAN, NAN)),
        ((NAN, INF), (NAN, NAN)),
        ((1.0, 1.0), (0.5, 0.5)),
    ],
)
def test_logaddexp_of_infinities(pair: tuple[float, float], expected: tuple[float, float]) -> None:
    for order in (1, -1):
        x, y = (tl.Variable(value) for value in pair[::order])
        with tl.GradientTape() as tape:
            z = tl.logaddexp(x, y)
        gradients = [gradient.item() for gradient in tape.gradient(z, [x, y])]
        np.testing.assert_array_equal(gradients, expected[::order])


FOLDED: list[tuple[str, list[float], list[float]]] = [  # as in PyTorch 2.13
    ("sum", [0.0, INF], [1.0, 1.0]),
    ("mean", [-INF, NAN], [0.5, 0.5]),
    ("max", [INF, INF, 0.0], [0.5, 0.5, 0.0]),
    ("max", [-INF, -INF], [0.5, 0.5]),
    ("max", [0.0, NAN], [NAN, NAN]),
    ("min", [-INF, 0.0], [1.0, 0.0]),
    ("min", [NAN, -INF], [NAN, NAN]),
    ("prod", [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    ("prod", [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    ("prod", [0.0, INF, 2.0], [INF, 0.0, NAN]),
    ("var", [3.0, 3.0], [0.0, 0.0]),
    ("std", [3.0, 3.0, 3.0], [0.0, 0.0, 0.0]),
    ("std", [0.0, NAN], [NAN, NAN]),
    ("logsumexp", [0.0, NAN], [NAN, NAN]),
]


@pytest.mark.parametrize(("name", "row", "expected"), FOLDED)
def test_reductions_of_infinities_zeros_and_ties(name: str, row: list[float], expected: list[float]) -> None:
    x = tl.Variable(np.array(row))
    with tl.GradientTape() as tape:
        y = getattr(tl, name)(x)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), expected)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "logsumexp", "softmax", "log_softmax"])
def test_gradients_over_no_elements(name: str) -> None:
    for shape, axis in (((0, 3), 0), ((3, 0), 1), ((0, 3), 1), ((2, 0), 0)):
        x = tl.Variable(np.zeros(shape))
        with tl.GradientTape() as tape:
            y = getattr(tl, name)(x, axis=axis)
        assert tape.gradient(y, x).shape == shape


def test_elements_outside_of_a_triangle_have_gradient_zero() -> None:
    x = tl.Variable(np.array([[1.0, np.inf], [np.nan, 1.0]]))
    with tl.GradientTape() as tape:
        y = tl.sum(tl.tril(tl.triu(x)))
    assert y.item() == 2.0
    assert tape.gradient(y, x).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_gradients_have_the_dtype_of_the_source() -> None:
    x = tl.Variable(np.ones(3, np.float32))
    for function in (tl.sum, tl.prod, tl.cumulative_sum, tl.cumulative_prod):
        with tl.GradientTape() as tape:
            y = function(x, dtype="float64")
        gradient = tape.gradient(y, x)
        assert y.dtype == np.float64
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient.numpy(), [3.0, 2.0, 1.0] if y.ndim else [1.0, 1.0, 1.0])

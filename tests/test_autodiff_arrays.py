"""Gradients of what moves, orders, folds and multiplies: against central differences, to second order, and at the
places where the usual formulas divide by zero."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_gradients import apart, positive
from test_gradients import check as check_gradients

import tensorlab as tl

Array = np.ndarray[Any, Any]
Rng = np.random.Generator


pytestmark = pytest.mark.usefixtures("reference")


INDICES = np.array([[2, 0, 0], [-1, 1, 2]])

OF_ONE: dict[str, Callable[[tl.Tensor], tl.Tensor]] = {
    "broadcast_arrays": lambda x: tl.broadcast_arrays(x, np.zeros((2, 1, 1)))[0],
    "cumulative_prod": lambda x: tl.cumulative_prod(x, axis=1),
    "cumulative_prod of rows": lambda x: tl.cumulative_prod(x, axis=0, include_initial=True),
    "cumulative_sum": lambda x: tl.cumulative_sum(x, axis=-1),
    "cumulative_sum of rows": lambda x: tl.cumulative_sum(x, axis=0, include_initial=True),
    "diff": lambda x: tl.diff(x),
    "diff twice": lambda x: tl.diff(x, n=2, prepend=x, axis=1),
    "expand_dims": lambda x: tl.expand_dims(x, axis=(0, -1)),
    "flip": tl.flip,
    "index by arrays": lambda x: x[[0, 1, 1], [2, 0, 0]],
    "index by a mask": lambda x: x[np.array([[True, False, True], [False, False, True]])],
    "index by slices": lambda x: x[::-1, None, 1:],
    "logsumexp": tl.logsumexp,
    "logsumexp of rows": lambda x: tl.logsumexp(x, axis=1, keepdims=True),
    "max": lambda x: tl.max(x, axis=1),
    "meshgrid": lambda x: tl.stack(tl.meshgrid(x[0], x[1])),
    "min": tl.min,
    "moveaxis": lambda x: tl.moveaxis(x, 0, 1),
    "prod": tl.prod,
    "prod of rows": lambda x: tl.prod(x, axis=1, keepdims=True),
    "prod over no axis": lambda x: tl.prod(x, axis=()),
    "repeat": lambda x: tl.repeat(x, 2, axis=0),
    "repeat some": lambda x: tl.repeat(x, [0, 3, 1], axis=1),
    "reshape": lambda x: tl.reshape(x, (3, 2), copy=True),
    "roll": lambda x: tl.roll(x, (1, -2), axis=(0, 1)),
    "roll flat": lambda x: tl.roll(x, 2),
    "sort": tl.sort,
    "sort descending": lambda x: tl.sort(x, axis=0, descending=True),
    "squeeze": lambda x: tl.squeeze(x[:1]),
    "std": lambda x: tl.std(x, axis=0, correction=1),
    "sum over no axis": lambda x: tl.sum(x, axis=()),
    "take": lambda x: tl.take(x, [1, 1, 0], axis=0),
    "take_along_axis": lambda x: tl.take_along_axis(x, INDICES),
    "tile": lambda x: tl.tile(x, (2, 2)),
    "top_k": lambda x: tl.top_k(x, 2).values,
    "tril": tl.tril,
    "triu": lambda x: tl.triu(x, k=1),
    "unstack": lambda x: tl.unstack(x, axis=1)[1] * tl.unstack(x)[0][2],
    "var": lambda x: tl.var(x, axis=1, correction=1, keepdims=True),
}


@pytest.mark.parametrize("name", OF_ONE)
def test_of_one_tensor(name: str, rng: Rng) -> None:
    check_gradients(OF_ONE[name], [apart(rng, 2, 3)], rng, order=2)


OF_TWO: dict[str, tuple[Callable[[tl.Tensor, tl.Tensor], tl.Tensor], tuple[int, ...], tuple[int, ...]]] = {
    "concat": (lambda x, y: tl.concat([x, y, x], axis=1), (2, 3), (2, 1)),
    "stack": (lambda x, y: tl.stack([x, y], axis=-1), (2, 3), (2, 3)),
    "tensordot": (tl.tensordot, (2, 2, 3), (2, 3, 2)),
    "tensordot by axes": (lambda x, y: tl.tensordot(x, y, axes=((2, 0), (0, -1))), (2, 3, 1), (1, 2, 2)),
    "tensordot over no axis": (lambda x, y: tl.tensordot(x, y, axes=0), (2,), (3,)),
    "vecdot": (tl.vecdot, (2, 3), (3,)),
    "vecdot along an axis": (lambda x, y: tl.vecdot(x, y, axis=-2), (2, 3, 1), (3, 2)),
    "outer": (tl.outer, (2,), (3,)),
    "dot": (tl.dot, (2, 3), (3,)),
}


@pytest.mark.parametrize("name", OF_TWO)
def test_of_two_tensors(name: str, rng: Rng) -> None:
    function, *shapes = OF_TWO[name]
    check_gradients(function, [positive(rng, *shape) for shape in shapes], rng, order=2)


@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("function", [tl.prod, tl.cumulative_prod], ids=["prod", "cumulative_prod"])
def test_products_with_zeros(function: Any, zeros: tuple[int, ...], rng: Rng) -> None:
    x = positive(rng, 4)
    x[list(zeros)] = 0.0
    check_gradients(function, [x], rng, order=2)
    rows = np.stack([x, positive(rng, 4)])
    check_gradients(lambda x: function(x, axis=1), [rows], rng, order=2)


def test_the_hessian_of_a_product_with_zeros_is_that_of_its_definition(rng: Rng) -> None:
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


def test_a_product_in_float32_whose_parts_overflow() -> None:
    x = tl.Variable(np.array([1e30, 1e30, 1e-30, 1e-30], np.float32))
    with tl.GradientTape() as tape:
        y = tl.prod(x)
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), [1e-30, 1e-30, 1e30, 1e30], rtol=1e-5)


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_share_the_gradient_at_second_order_too(name: str) -> None:
    x = tl.Variable(np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
    sign = 1.0 if name == "max" else -1.0
    shares = np.array([[0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = tl.sum(getattr(tl, name)(sign * x, axis=1) ** 2)
        slope = inner.gradient(y, x)
    np.testing.assert_allclose(slope.numpy(), shares * [[6.0], [4.0]])
    np.testing.assert_allclose(outer.gradient(slope, x).numpy(), shares * 2.0)


def test_sorted_ties_go_back_to_where_they_were() -> None:
    x = tl.Variable([2.0, 1.0, 2.0, 1.0])
    for descending, expected in ((False, [30.0, 10.0, 40.0, 20.0]), (True, [10.0, 30.0, 20.0, 40.0])):
        with tl.GradientTape() as tape:
            y = tl.sort(x, descending=descending)
        assert tape.gradient(y, x, tl.asarray([10.0, 20.0, 30.0, 40.0])).tolist() == expected


def test_parts_that_are_not_used_have_no_gradient(rng: Rng) -> None:
    x = tl.Variable(rng.standard_normal((2, 3)))
    with tl.GradientTape() as tape:
        _, second, _ = tl.unstack(x, axis=1)
        y = second * 2.0
    assert tape.gradient(y, x).tolist() == [[0.0, 2.0, 0.0]] * 2


def test_logsumexp_of_infinities() -> None:
    x = tl.Variable(np.array([[-np.inf, -np.inf], [-np.inf, 1.0], [0.0, 0.0]]))
    with tl.GradientTape() as tape:
        y = tl.logsumexp(x, axis=1)
    assert tape.gradient(y, x).tolist() == [[0.0, 0.0], [0.0, 1.0], [0.5, 0.5]]


def test_the_other_half_of_a_triangle_has_no_gradient() -> None:
    x = tl.Variable(np.array([[1.0, np.inf], [np.nan, 1.0]]))
    with tl.GradientTape() as tape:
        y = tl.sum(tl.tril(tl.triu(x)))
    assert y.item() == 2.0
    assert tape.gradient(y, x).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_gradients_have_the_dtype_of_the_tensor() -> None:
    x = tl.Variable(np.ones(3, np.float32))
    for function in (tl.sum, tl.prod, tl.cumulative_sum, tl.cumulative_prod):
        with tl.GradientTape() as tape:
            y = function(x, dtype="float64")
        gradient = tape.gradient(y, x)
        assert y.dtype == np.float64
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient.numpy(), [3.0, 2.0, 1.0] if y.ndim else [1.0, 1.0, 1.0])

"""Check products of matrices and vectors against NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from any_layout import layouts

import tensorlab as tl
from tensorlab.dtypes import NAMES
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError

Array = np.ndarray[Any, Any]
DEVICES = ("cpu", "reference")

SHAPES = [
    ((5,), (5,)),
    ((1,), (1,)),
    ((0,), (0,)),
    ((5,), (5, 3)),
    ((4, 5), (5,)),
    ((4, 5), (5, 3)),
    ((4, 0), (0, 3)),
    ((0, 5), (5, 3)),
    ((4, 5), (5, 0)),
    ((2, 4, 5), (5,)),
    ((5,), (2, 5, 3)),
    ((2, 4, 5), (5, 3)),
    ((4, 5), (2, 5, 3)),
    ((2, 4, 5), (2, 5, 3)),
    ((2, 1, 4, 5), (3, 5, 3)),
    ((2, 3, 4, 5), (5, 3)),
    ((1, 2, 1, 4, 5), (3, 1, 2, 5, 1)),
    ((0, 4, 5), (5, 3)),
    ((2, 4, 0), (0, 3)),
    ((0, 4, 5), (1, 5, 3)),
]


def close(result: tl.Tensor, expected: Array) -> None:
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("first", "second"), SHAPES)
def test_matmul_matches_numpy(
    first: tuple[int, ...], second: tuple[int, ...], device: str, rng: np.random.Generator
) -> None:
    a, b = rng.standard_normal(first).astype(np.float32), rng.standard_normal(second).astype(np.float32)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    for one, two in zip(layouts(a).values(), reversed(layouts(b).values()), strict=True):
        x, y = tl.asarray(one, device=device), tl.asarray(two, device=device)
        result = tl.matmul(x, y)
        assert (result.dtype, result.device) == (np.float32, device)
        close(result, expected)
        close(x @ y, expected)


def test_matmul_of_integers(rng: np.random.Generator) -> None:
    a, b = rng.integers(-9, 9, (3, 4)), rng.integers(-9, 9, (4, 5))
    for device in DEVICES:
        result = tl.asarray(a, device=device) @ tl.asarray(b, device=device)
        assert result.dtype == np.int64
        np.testing.assert_array_equal(result.numpy(), a @ b)
    x = a.astype(np.float32)
    for result in (x @ tl.asarray(x.T), tl.asarray(x) @ x.T, np.matmul(tl.asarray(x), x.T), tl.matmul(x, x.T.tolist())):
        assert isinstance(result, tl.Tensor)
        close(result, x @ x.T)
    mixed = tl.asarray(x, device="reference") @ tl.asarray(b.astype(np.float64), device="reference")
    assert mixed.dtype == np.float64


DOTS = [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)), ((2, 2, 3), (3, 4)), ((2, 3, 4, 5), (5, 2))]
DOTS += [((2, 3), (4, 3, 5)), ((3,), (4, 3, 5)), ((2, 1, 3), (2, 4, 3, 5)), ((), (2, 3)), ((4,), ()), ((), ())]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("first", "second"), DOTS)
def test_dot_matches_numpy(
    first: tuple[int, ...], second: tuple[int, ...], device: str, rng: np.random.Generator
) -> None:
    a, b = np.asarray(rng.random(first), np.float32), np.asarray(rng.random(second), np.float32)
    close(tl.ops.dot(tl.asarray(a, device=device), tl.asarray(b, device=device)), np.asarray(np.dot(a, b)))


@pytest.mark.parametrize("device", DEVICES)
def test_outer_matches_numpy(device: str, rng: np.random.Generator) -> None:
    for m, n in ((3, 4), (1, 5), (0, 2)):
        a, b = rng.random(m).astype(np.float32), rng.random(n).astype(np.float32)
        close(tl.ops.outer(tl.asarray(a, device=device), tl.asarray(b, device=device)), np.outer(a, b))


TENSORDOTS: list[tuple[tuple[int, ...], tuple[int, ...], Any]] = [
    ((2, 3, 4), (3, 4, 5), 2),
    ((2, 3), (3, 4), 1),
    ((2, 3), (4,), 0),
    ((), (), 0),
    ((), (2, 3), 0),
    ((2, 3, 4), (4, 3, 5), ((1, 2), (1, 0))),
    ((2, 3, 4), (5, 2, 3), ([-2, 0], [-1, 1])),
    ((3, 4), (4, 3), ((0, 1), (1, 0))),
    ((2, 3), (2, 3), ([], [])),
    ((2, 0), (0, 3), 1),
    ((0, 3), (3, 2), 1),
    ((1, 2, 1, 2), (2, 2, 1), ((3, 2), (0, 2))),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("first", "second", "axes"), TENSORDOTS)
def test_tensordot_matches_numpy(
    first: tuple[int, ...], second: tuple[int, ...], axes: Any, device: str, rng: np.random.Generator
) -> None:
    a, b = np.asarray(rng.standard_normal(first), np.float32), np.asarray(rng.standard_normal(second), np.float32)
    for one, two in zip(layouts(a).values(), reversed(layouts(b).values()), strict=True):
        result = tl.tensordot(tl.asarray(one, device=device), tl.asarray(two, device=device), axes=axes)
        assert (result.dtype, result.device) == (np.float32, device)
        close(result, np.asarray(np.tensordot(a.astype(np.float64), b.astype(np.float64), axes)))


VECDOTS = [((3,), (3,)), ((0,), (0,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 3), (2, 3)), ((4, 1, 3), (2, 3))]
VECDOTS += [((0, 3), (3,)), ((2, 0), (0,)), ((2, 1, 1, 3), (5, 1, 3))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("first", "second"), VECDOTS)
def test_vecdot_matches_numpy(
    first: tuple[int, ...], second: tuple[int, ...], device: str, rng: np.random.Generator
) -> None:
    a, b = rng.standard_normal(first).astype(np.float32), rng.standard_normal(second).astype(np.float32)
    x, y = tl.asarray(a, device=device), tl.asarray(b, device=device)
    close(tl.vecdot(x, y), np.asarray(np.vecdot(a.astype(np.float64), b.astype(np.float64))))
    if min(a.ndim, b.ndim) > 1:
        moved = tl.vecdot(tl.matrix_transpose(x), tl.matrix_transpose(y), axis=-2)
        close(moved, np.vecdot(a.astype(np.float64), b.astype(np.float64)))
    if a.ndim == b.ndim:
        close(tl.vecdot(x, y, axis=a.ndim - 1), np.asarray(np.vecdot(a.astype(np.float64), b.astype(np.float64))))


@pytest.mark.parametrize("dtype", [name for name in NAMES if name != "bool"])
def test_products_of_every_dtype(dtype: str, rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 100, (3, 4)).astype(dtype), rng.integers(0, 100, (4, 2)).astype(dtype)
    x, y = tl.asarray(a, device="reference"), tl.asarray(b, device="reference")
    for result, expected in (
        (tl.matmul(x, y), a @ b),
        (tl.tensordot(x, y, axes=1), a @ b),
        (tl.vecdot(x, y.T[0]), np.vecdot(a, b.T[0])),
        (tl.ops.dot(x, y), a @ b),
        (tl.ops.outer(x[0], y[0]), np.outer(a[0], b[0])),
    ):
        np.testing.assert_array_equal(result.numpy(), expected, strict=True)  # integers wrap as in NumPy


@pytest.mark.parametrize("name", ["dot", "matmul", "outer", "tensordot", "vecdot"])
def test_products_reject_bools_and_mixed_dtypes(name: str) -> None:
    rows = np.ones((2, 2), bool)
    with pytest.raises(DTypeError, match=rf"^{name}: expected tensors of numbers, received bool; convert them with"):
        getattr(tl, name)(rows, rows)
    with pytest.raises(DTypeError, match=rf"^{name}: expected arrays of one kind of dtype, received int64 and float3"):
        getattr(tl, name)([1, 2], [1.0, 2.0])


x, y = np.ones((2, 3), np.float32), np.ones((4, 5), np.float32)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.matmul(x, y),
            ShapeError,
            r"^matmul: expected equal inner lengths, received shapes \(2, 3\) and \(4, 5\)",
        ),
        (
            lambda: tl.matmul(x[0], y),
            ShapeError,
            r"^matmul: expected equal inner lengths, received shapes \(3,\) and \(4, 5",
        ),
        (
            lambda: tl.matmul(x, y[0]),
            ShapeError,
            r"^matmul: expected equal inner lengths, received shapes \(2, 3\) and \(5,",
        ),
        (
            lambda: tl.matmul(x, 2.0),
            ShapeError,
            r"^matmul: expected tensors with an axis, received shapes \(2, 3\) and \(\); use \* for scalars$",
        ),
        (
            lambda: tl.matmul(np.ones((2, 4, 3)), np.ones((3, 3, 2))),
            ShapeError,
            r"^matmul: expected shapes that broadcast together, received \(2, 4, 3\) and \(3, 3, 2\)",
        ),
        (
            lambda: tl.matmul(x, np.ones((3, 2), int)),
            DTypeError,
            r"^matmul: expected arrays of one kind of dtype, received",
        ),
        (
            lambda: tl.matmul(x > 0, x.T > 0),
            DTypeError,
            r"^matmul: expected tensors of numbers, received bool; convert them",
        ),
        (
            lambda: tl.ops.dot(x, np.ones((2, 4, 5), np.float32)),
            ShapeError,
            r"^dot: expected equal inner lengths, received shapes \(2, 3\) and \(2, 4, 5\)$",
        ),
        (
            lambda: tl.ops.outer(x, x[0]),
            ShapeError,
            r"^outer: expected two vectors, received shapes \(2, 3\) and \(3,\)$",
        ),
        (
            lambda: tl.tensordot(x, y),
            ShapeError,
            r"^tensordot: expected axes of equal lengths, received axes \(0, 1\) of shape \(2, 3\) and \(0, 1\) of",
        ),
        (
            lambda: tl.tensordot(x, y, axes=3),
            ShapeError,
            r"^tensordot: expected tensors of at least 3 axes, received shapes \(2, 3\) and \(4, 5\)$",
        ),
        (lambda: tl.tensordot(x, y, axes=-1), ShapeError, r"^tensordot: expected lengths of at least 0, received"),
        (
            lambda: tl.tensordot(x, x, axes=((0, 0), (0, 0))),
            ShapeError,
            r"^tensordot: expected as many different axes of x1 as of x2, received \(\(0, 0\), \(0, 0\)\)$",
        ),
        (
            lambda: tl.tensordot(x, x, axes=((0, 1), (0,))),
            ShapeError,
            r"^tensordot: expected as many different axes of x1 as of x2",
        ),
        (
            lambda: tl.tensordot(x, x, axes=(0, 1)),
            ArgumentTypeError,
            r"^tensordot: expected a number of axes, or two sequences of axes, received \(0, 1\)$",
        ),
        (
            lambda: tl.tensordot(x, x, axes=((2,), (0,))),
            ShapeError,
            r"^tensordot: expected an axis from -2 to 1 for a tensor of rank 2, received 2$",
        ),
        (
            lambda: tl.vecdot(x, y),
            ShapeError,
            r"^vecdot: expected equal lengths along axis -1, received shapes \(2, 3\) and \(4, 5\)$",
        ),
        (
            lambda: tl.vecdot(np.ones((4, 3), np.float32), x),
            ShapeError,
            r"^vecdot: expected shapes that broadcast together, received \(4, 3\) and \(2, 3\)",
        ),
        (
            lambda: tl.vecdot(x, x[0], axis=0),
            ShapeError,
            r"^vecdot: expected a negative axis for tensors of different ranks, received 0; count it from the end$",
        ),
        (lambda: tl.vecdot(1.0, 2.0), ShapeError, r"^vecdot: expected no axis for a tensor of rank 0, received -1$"),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_products_of_long_vectors_are_accurate(rng: np.random.Generator) -> None:
    n = 1_000_003
    for array in (np.full(n, 0.1, np.float32), rng.uniform(size=n).astype(np.float32)):
        exact = float(np.square(array.astype(np.float64)).sum())
        for product in (tl.vecdot, tl.matmul, tl.dot):
            assert abs(float(product(array, array)) - exact) < 2e-6 * exact
    stack = rng.normal(size=(2, 1, 70_001)).astype(np.float32)
    x, y = tl.asarray(stack), tl.asarray(stack[0])
    with tl.GradientTape() as tape:
        tape.watch(x)
        result = tl.vecdot(x, y)
    products = stack.astype(np.float64) * stack[0]
    assert (np.abs(result.numpy() - products.sum(-1)) < 2e-6 * np.abs(products).sum(-1)).all()
    np.testing.assert_array_equal(tape.gradient(result, x).numpy(), np.broadcast_to(stack[0], (2, 1, 70_001)))

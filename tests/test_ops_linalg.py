"""Products of matrices and vectors against NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_backends import layouts

import tensorlab as tl
from tensorlab.errors import DTypeError, ShapeError

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
def test_matmul(first: tuple[int, ...], second: tuple[int, ...], device: str, rng: np.random.Generator) -> None:
    a, b = rng.standard_normal(first).astype(np.float32), rng.standard_normal(second).astype(np.float32)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    for one, two in zip(layouts(a).values(), reversed(layouts(b).values()), strict=True):
        x, y = tl.asarray(one, device=device), tl.asarray(two, device=device)
        result = tl.matmul(x, y)
        assert (result.dtype, result.device) == (np.float32, device)
        close(result, expected)
        close(x @ y, expected)


def test_matmul_of_arrays_and_integers(rng: np.random.Generator) -> None:
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
def test_dot_is_numpys(first: tuple[int, ...], second: tuple[int, ...], device: str, rng: np.random.Generator) -> None:
    a, b = np.asarray(rng.random(first), np.float32), np.asarray(rng.random(second), np.float32)
    close(tl.ops.dot(tl.asarray(a, device=device), tl.asarray(b, device=device)), np.asarray(np.dot(a, b)))


@pytest.mark.parametrize("device", DEVICES)
def test_outer(device: str, rng: np.random.Generator) -> None:
    for m, n in ((3, 4), (1, 5), (0, 2)):
        a, b = rng.random(m).astype(np.float32), rng.random(n).astype(np.float32)
        close(tl.ops.outer(tl.asarray(a, device=device), tl.asarray(b, device=device)), np.outer(a, b))


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
            r"^matmul: expected shapes that broadcast together, received \(2,\) and \(3,\)",
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
    ],
)
def test_messages(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()

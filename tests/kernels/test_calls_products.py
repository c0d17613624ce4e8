"""The compiled call of small matrix products, and everything that it leaves to the Python function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.backends.listening import notified
from tensorlab.errors import ArgumentTypeError, ShapeError
from tensorlab.ops import compiled_calls, linalg

Call = Callable[..., Any]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return the compiled call, after one product in Python."""
    monkeypatch.setattr(compiled_calls, "_products_left", 1)
    monkeypatch.setattr(linalg, "_small_product", None)
    tl.matmul(tl.ones((2, 3)), tl.ones((3, 2)))
    assert linalg._small_product is not None
    return linalg._small_product


@pytest.fixture
def factors(rng: np.random.Generator) -> tuple[Any, Any]:
    return tuple(tl.asarray(rng.standard_normal(shape).astype(np.float32)) for shape in ((3, 5), (5, 4)))


class _Deaf:
    """A listener that does not care."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_match_numpy(dtype: str, rng: np.random.Generator) -> None:
    for m, k, n in ((3, 5, 4), (1, 64, 10), (20, 30, 40), (5, 0, 3), (64, 1, 1)):
        a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((m, k), (k, n)))
        x, y = tl.asarray(a), tl.asarray(b)
        expected = a.astype(np.float64) @ b
        layouts = [(x, y), (tl.asarray(a.T.copy()).T, y), (x, tl.asarray(b.T.copy()).T), (x, tl.Variable(b))]
        for left, right in layouts:
            result = tl.matmul(left, right)
            assert (type(result), result.dtype, result.device) == (tl.Tensor, np.dtype(dtype), "cpu")
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-5)
            with tl.ops.python_calls():
                np.testing.assert_array_equal(result.numpy(), tl.matmul(left, right).numpy())
        assert tl.matmul(x, y).key != tl.matmul(x, y).key


def test_what_is_not_a_product_of_two_matrices_is_left_to_python(call: Call, factors: tuple[Any, Any]) -> None:
    a, b = factors
    empty: Any = object.__new__(tl.Tensor)
    others = [(a, a), (a, 3), (a, None), (a, b.numpy()), (a, b.astype("float64")), (a[0], b), (a[:0], b), (empty, b)]
    with tl.device("reference"):
        elsewhere = tl.ones((3, 5)), tl.ones((5, 4))
    large = tl.ones((1024, 1024)), tl.ones((1024, 2))
    integers = tl.ones((2, 2), dtype="int64"), tl.ones((2, 2), dtype="int64")
    for arguments in (*others, elsewhere, large, integers, (a,), (), (a, b, b)):
        assert call(*arguments) is None
    with pytest.raises(ShapeError, match=r"^matmul: expected equal inner lengths, received shapes \(3, 5\) and \(3, 5"):
        tl.matmul(a, a)
    with pytest.raises(ArgumentTypeError, match=r"^matmul: expected a tensor, an array or a number, received NoneType"):
        tl.matmul(a, None)


def test_recorded_products_are_left_to_python(call: Call, factors: tuple[Any, Any]) -> None:
    a, b = factors
    assert call(a, b) is not None
    with tl.ops.python_calls():
        assert call(a, b) is None
    with notified(_Deaf()):
        assert call(a, b) is None
    with tl.GradientTape() as tape:
        tape.watch(a)
        assert call(a, b) is None
        total = tl.sum(tl.matmul(a, b))
    np.testing.assert_allclose(tape.gradient(total, a).numpy(), np.tile(b.numpy().sum(1), (3, 1)), rtol=1e-5)
    assert call(a, b) is not None


def test_references_are_balanced(call: Call, factors: tuple[Any, Any]) -> None:
    a, b = factors
    kept = [a, b, a._buffer, b._buffer, a._backend, a.dtype, None]
    call(a, b), call(a, 3)
    before = [sys.getrefcount(thing) for thing in kept]
    for _ in range(1000):
        call(a, b), call(a, 3)
    changes = [sys.getrefcount(thing) - count for thing, count in zip(kept, before, strict=True)]
    assert all(abs(change) < 100 for change in changes)
    result = call(a, b)
    counts = sys.getrefcount(result), sys.getrefcount(result._buffer)  # an assertion keeps references itself
    assert counts == (2, 2)


def test_no_compiled_call_if_they_are_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_calls, "_products_left", 1)
    monkeypatch.setattr(linalg, "_small_product", None)
    monkeypatch.setattr(compiled_calls, "_enabled", False)
    tl.matmul(tl.ones((2, 3)), tl.ones((3, 2)))
    assert linalg._small_product is None


def test_calls_of_other_backends_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_calls, "_products_left", 1)
    monkeypatch.setattr(linalg, "_small_product", None)
    with tl.device("reference"):
        tl.matmul(tl.ones((2, 3)), tl.ones((3, 2)))
    assert linalg._small_product is None
    assert compiled_calls._products_left == 1

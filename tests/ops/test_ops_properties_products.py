"""Check matrix and vector products, softmax and argmax against NumPy on random arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from any_array import DTYPES, Array, Case, arrays, axis_of, plain
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorlab as tl


def _numbers(data: st.DataObject, dtype: str, shape: tuple[int, ...]) -> Array:
    """Draw numbers whose sums of products are exact in any order; integers wrap around."""
    return data.draw(arrays(dtypes=(dtype,), shape=shape, special=False))


def _lengths(data: st.DataObject, count: int) -> tuple[int, ...]:
    return tuple(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)))


def _matmul(data: st.DataObject, dtype: str) -> Case:
    m, k, n = _lengths(data, 3)
    lead: Any = data.draw(st.sampled_from([((), ()), ((3,), ()), ((), (2,)), ((2, 1), (3,)), ((2,), (2,))]))
    left, right = (*lead[0], m, k), (*lead[1], k, n)
    a = _numbers(data, dtype, (k,) if data.draw(st.booleans()) else left)
    b = _numbers(data, dtype, (k,) if data.draw(st.booleans()) else right)
    return tl.matmul(a, b), np.matmul(plain(a), plain(b))


def _dot(data: st.DataObject, dtype: str) -> Case:
    m, k, n = _lengths(data, 3)
    shapes: Any = [((k,), (k,)), ((m, k), (k,)), ((m, k), (n, k, m)), ((), (m, k)), ((m, n, k), (k, n))]
    first, other = data.draw(st.sampled_from(shapes))
    a, b = _numbers(data, dtype, first), _numbers(data, dtype, other)
    return tl.dot(a, b), np.dot(plain(a), plain(b))


def _outer(data: st.DataObject, dtype: str) -> Case:
    a, b = (_numbers(data, dtype, (length,)) for length in _lengths(data, 2))
    return tl.outer(a, b), np.outer(plain(a), plain(b))


def _tensordot(data: st.DataObject, dtype: str) -> Case:
    first = _lengths(data, data.draw(st.integers(0, 3)))
    places = data.draw(st.permutations(range(len(first))))[: data.draw(st.integers(0, len(first)))]
    other = (*[first[place] for place in places], *_lengths(data, 1))
    axes = [places, list(range(len(places)))]
    a, b = _numbers(data, dtype, first), _numbers(data, dtype, other)
    return tl.tensordot(a, b, axes=axes), np.tensordot(plain(a), plain(b), axes)


def _vecdot(data: st.DataObject, dtype: str) -> Case:
    shape = _lengths(data, data.draw(st.integers(1, 4)))
    axis = data.draw(st.integers(-len(shape), -1))
    other = tuple(n if place == axis % len(shape) or data.draw(st.booleans()) else 1 for place, n in enumerate(shape))
    a, b = _numbers(data, dtype, shape), _numbers(data, dtype, other)
    return tl.vecdot(a, b, axis=axis), np.vecdot(*np.broadcast_arrays(plain(a), plain(b)), axis=axis)


def _dense(data: st.DataObject, dtype: str) -> Case:
    if np.dtype(dtype).kind != "f":
        with pytest.raises(tl.errors.DTypeError, match=rf"^dense: expected real tensors, received {dtype}"):
            tl.dense(np.ones((1, 1), dtype), np.ones((1, 1), dtype))
        dtype = "float32"
    m, k, n = _lengths(data, 3)
    x, kernel, bias = (_numbers(data, dtype, shape) for shape in ((m, k), (k, n), (n,)))
    given: Any = bias if data.draw(st.booleans()) else None
    expected = plain(x) @ plain(kernel) + (0 if given is None else plain(bias))
    if data.draw(st.booleans()):
        return tl.dense(x, kernel, given, tl.relu), np.maximum(expected, 0)
    return tl.dense(x, kernel, given), expected


PRODUCTS: dict[str, Any] = {
    "dense": _dense,
    "dot": _dot,
    "matmul": _matmul,
    "outer": _outer,
    "tensordot": _tensordot,
    "vecdot": _vecdot,
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("device", ["cpu", "reference"])
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_products_match_numpy(name: str, device: str, data: st.DataObject) -> None:
    numbers = [dtype for dtype in DTYPES if dtype != "bool"]
    dtype = data.draw(st.sampled_from(numbers if device == "reference" else ["float32", "int64"]))
    with tl.device(device), np.errstate(all="ignore"):
        result, expected = PRODUCTS[name](data, dtype)
    assert result.device == device
    np.testing.assert_array_equal(result.numpy(), np.asarray(expected), strict=True)


def _shifted(a: Array, axis: int) -> Array:
    """Round to the dtype of the result and subtract the maximum in float64."""
    wide = a.astype(_real(a)).astype(np.float64)
    return wide - wide.max(axis, keepdims=True, initial=-np.inf)


def _real(a: Array) -> Any:
    return a.dtype.newbyteorder("=") if a.dtype.kind == "f" else np.dtype(np.float32)


def _softmax(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a)
    exponentials = np.exp(_shifted(a, axis))
    return tl.softmax(x, axis=axis), (exponentials / exponentials.sum(axis, keepdims=True)).astype(_real(a))


def _log_softmax(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a)
    shifted = _shifted(a, axis)
    return tl.log_softmax(x, axis=axis), (shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))).astype(_real(a))


def _arg(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis, name = data.draw(st.none() | st.just(axis_of(data, a))), data.draw(st.sampled_from(["argmax", "argmin"]))
    keepdims = data.draw(st.booleans())
    if a.dtype.kind == "b":
        with pytest.raises(tl.errors.DTypeError, match=rf"^{name}: expected tensors of numbers, received bool"):
            getattr(tl, name)(x, axis=axis)
        return x, a
    if (a.size if axis is None else a.shape[axis]) == 0:
        with pytest.raises(tl.errors.ShapeError, match=rf"^{name}: expected at least one element, received shape"):
            getattr(tl, name)(x, axis=axis)
        return x, a
    return getattr(tl, name)(x, axis=axis, keepdims=keepdims), getattr(np, name)(plain(a), axis, keepdims=keepdims)


def _finite(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    return tl.all_finite(x), np.isfinite(a).all()


@pytest.mark.parametrize("operation", [_softmax, _log_softmax, _arg, _finite])
@pytest.mark.parametrize("device", ["cpu", "reference"])
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_row_operations_match_numpy(operation: Any, device: str, data: st.DataObject) -> None:
    array = data.draw(arrays((1, 5), DTYPES if device == "reference" else ("float32", "int64")))
    with tl.device(device), np.errstate(all="ignore"):
        result, expected = operation(data, tl.asarray(array), array)
    expected = plain(np.asarray(expected))
    assert (result.device, result.shape, result.dtype) == (device, expected.shape, expected.dtype)
    if expected.dtype.kind == "f":
        # The sum of exponentials is at least 1, so its relative error is an absolute error of the logarithm.
        form = np.finfo(expected.dtype)
        atol = 16 * form.eps if operation is _log_softmax else form.tiny
        np.testing.assert_allclose(result.numpy(), expected, rtol=24 * form.eps, atol=atol)
    else:
        np.testing.assert_array_equal(result.numpy(), expected, strict=True)

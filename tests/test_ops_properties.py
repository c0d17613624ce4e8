"""Every operation that moves, orders, folds or finds elements, against NumPy: on arrays of every dtype, of rank 0 to 8,
with lengths of 0, however they lie in memory, and with special values in them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

import tensorlab as tl

Array = np.ndarray[Any, Any]
Case = tuple[Any, Any]  # what tensorlab gives, and what NumPy does

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e30, 1e-30)


def unaligned(array: Array) -> Array:
    memory = np.empty(array.nbytes + 1, np.uint8)
    view = memory[1 : 1 + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array


def stretched(array: Array) -> Array:
    """With a stride of zero along the last axis."""
    return np.broadcast_to(array[..., :1], array.shape) if array.ndim and array.shape[-1] else array


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "reversed": lambda array: array[(slice(None, None, -1),) * array.ndim],
    "every second": lambda array: np.repeat(array, 2, -1)[..., ::2] if array.ndim else array,
    "stretched": stretched,
    "read-only": read_only,
    "unaligned": unaligned,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
}


@st.composite
def arrays(draw: st.DrawFn, ranks: tuple[int, int] = (0, 8), dtypes: tuple[str, ...] = DTYPES) -> Array:
    low, high = ranks
    rank = draw(st.integers(low, high))
    longest = {0: 0, 1: 9, 2: 6, 3: 4}.get(rank, 2)
    shape = draw(st.tuples(*[st.integers(0 if draw(st.booleans()) else 1, longest)] * rank))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    if dtype.kind == "f":
        few: Any = st.one_of(st.sampled_from(SPECIAL), st.integers(-4, 4).map(float))
    else:  # few different values, so that there are equals; and both ends of the range
        limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        few = st.one_of(st.sampled_from(limits), st.integers(max(limits[0], -3), min(limits[1], 3)))
    array = draw(numpy_strategies.arrays(dtype, shape, elements=few))
    laid = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](array)
    return laid.reshape(shape)


def axis_of(data: st.DataObject, array: Array) -> int:
    return data.draw(st.integers(-array.ndim, array.ndim - 1))


def axes_of(data: st.DataObject, array: Array) -> Any:
    axes = st.lists(st.integers(0, max(array.ndim - 1, 0)), unique=True, max_size=array.ndim)
    chosen = data.draw(st.one_of(st.none(), axes.map(tuple)))
    return tuple(a - array.ndim if data.draw(st.booleans()) else a for a in chosen) if chosen else chosen


def plain(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="))


def indices_of(data: st.DataObject, length: int, shape: tuple[int, ...]) -> Array:
    return data.draw(numpy_strategies.arrays(np.int64, shape, elements=st.integers(-length, length - 1)))


# Moving elements: no arithmetic, every dtype, on the CPU backend.


def _flip(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes = axes_of(data, a)
    return tl.flip(x, axis=axes), np.flip(a, axes)


def _roll(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    if not a.ndim or data.draw(st.booleans()):
        shift: Any = data.draw(st.integers(-20, 20))
        return tl.roll(x, shift), np.roll(a, shift)
    axes = tuple(data.draw(st.lists(st.integers(-a.ndim, a.ndim - 1), min_size=1, max_size=3)))
    shift = tuple(data.draw(st.lists(st.integers(-9, 9), min_size=len(axes), max_size=len(axes))))
    return tl.roll(x, shift, axis=axes), np.roll(a, shift, axes)


def _repeat(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a) if a.ndim and data.draw(st.booleans()) else None
    length = a.size if axis is None else a.shape[axis]
    several = st.lists(st.integers(0, 3), min_size=length, max_size=length)
    counts = data.draw(st.one_of(st.integers(0, 3), several))
    return tl.repeat(x, counts, axis=axis), np.repeat(a, np.asarray(counts, np.int64), axis)


def _tile(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    counts = tuple(data.draw(st.lists(st.integers(0, 2), max_size=4)))
    return tl.tile(x, counts), np.tile(a, counts)


def _permute(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    order = tuple(data.draw(st.permutations(range(a.ndim))))
    return tl.permute_dims(x, order), a.transpose(order)


def _moveaxis(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    count = data.draw(st.integers(0, a.ndim))
    source, target = (tuple(data.draw(st.permutations(range(a.ndim)))[:count]) for _ in range(2))
    return tl.moveaxis(x, source, target), np.moveaxis(a, source, target)


def _expand_dims(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes = data.draw(st.lists(st.integers(0, a.ndim), max_size=2, unique=True)) or a.ndim
    return tl.expand_dims(x, axis=axes), np.expand_dims(a, axes)


def _squeeze(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes = tuple(axis for axis, length in enumerate(a.shape) if length == 1 and data.draw(st.booleans()))
    return tl.squeeze(x, axes), np.squeeze(a, axes)


def _reshape(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    copy = data.draw(st.sampled_from([None, True]))
    shape = data.draw(st.sampled_from([(a.size,), (1, a.size, 1), a.shape[::-1]]))
    return tl.reshape(x, shape, copy=copy), a.reshape(shape)


def _concat(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a) if a.ndim and data.draw(st.booleans()) else None
    return tl.concat([x, x, x], axis=axis), np.concatenate([a, a, a], axis)


def _stack(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = data.draw(st.integers(-a.ndim - 1, a.ndim))
    return tl.stack([x, x], axis=axis), np.stack([a, a], axis)


def _broadcast(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    lead = tuple(data.draw(st.lists(st.integers(0, 3), max_size=2)))
    other = np.zeros((*lead, *a.shape), np.int8)
    assert tl.broadcast_shapes(a.shape, other.shape) == np.broadcast_shapes(a.shape, other.shape)
    found, expected = tl.broadcast_arrays(x, other), np.broadcast_arrays(a, other)
    np.testing.assert_array_equal(found[1].numpy(), expected[1], strict=True)
    return found[0], expected[0]


def _take(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a)
    shape = tuple(data.draw(st.lists(st.integers(0, 3), max_size=2))) if a.shape[axis] else (0,)
    indices = indices_of(data, max(a.shape[axis], 1), shape)
    return tl.take(x, tl.asarray(indices), axis=axis), np.take(a, indices, axis)


def _take_along_axis(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a)
    shape = list(a.shape)
    shape[axis] = data.draw(st.integers(0, 3)) if a.shape[axis] else 0
    indices = indices_of(data, max(a.shape[axis], 1), tuple(shape))
    return tl.take_along_axis(x, tl.asarray(indices), axis=axis), np.take_along_axis(a, indices, axis)


def _basic_index(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    index = data.draw(numpy_strategies.basic_indices(a.shape, allow_newaxis=True, max_dims=12))
    return x[index], a[index]


def _mixed_index(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    """Integer arrays that broadcast, numbers, slices and new axes in any mix."""
    shape = tuple(data.draw(st.lists(st.integers(0, 2), max_size=2)))
    parts: list[Any] = []
    for length in a.shape[: data.draw(st.integers(0, a.ndim))]:
        kind = data.draw(st.sampled_from(["slice", "number", "array", "column", "new"] if length else ["slice", "new"]))
        if kind == "new":
            parts += [None, slice(None)]
        elif kind == "slice":
            parts.append(data.draw(st.slices(length)))
        elif kind == "number":
            parts.append(data.draw(st.integers(-length, length - 1)))
        else:
            parts.append(indices_of(data, length, shape if kind == "array" else shape[-1:]))
    ours = [tl.asarray(p) if isinstance(p, np.ndarray) and data.draw(st.booleans()) else p for p in parts]
    return x[tuple(ours)], a[tuple(parts)]


def _mask(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    mask = data.draw(numpy_strategies.arrays(bool, a.shape[: data.draw(st.integers(0, a.ndim))]))
    return x[tl.asarray(mask)], a[mask]


def _triangle(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    k = data.draw(st.integers(-5, 5))
    return tl.stack([tl.tril(x, k=k), tl.triu(x, k=k)]), np.stack([np.tril(a, k), np.triu(a, k)])


def _unstack(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a)
    parts = tl.unstack(x, axis=axis)
    assert isinstance(parts, tuple)
    assert len(parts) == a.shape[axis]
    moved = np.moveaxis(a, axis, 0)
    return (tl.stack(parts) if parts else tl.reshape(x, moved.shape)), moved


def _transposed(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    return (tl.matrix_transpose(x), a.swapaxes(-1, -2)) if data.draw(st.booleans()) else (x.mT, a.swapaxes(-1, -2))


# Searching, sorting and sets: NumPy on the host.


def _argsort(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a)
    return tl.argsort(x, axis=axis), np.argsort(a, axis, kind="stable")


def _sort(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = axis_of(data, a)
    return tl.sort(x, axis=axis), np.sort(a, axis)


def _argsort_descending(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    """Plain Python's stable sort, by the value and NaN last."""
    axis = axis_of(data, a)
    rows = np.moveaxis(plain(a), axis, -1)
    expected = np.empty(rows.shape, np.int64)
    for place in np.ndindex(*rows.shape[:-1]):
        row = rows[place].tolist()
        expected[place] = sorted(range(len(row)), key=lambda k: (row[k] != row[k], -row[k] if row[k] == row[k] else 0))
    found = tl.sort(x, axis=axis, descending=True).numpy()
    values = np.take_along_axis(rows, expected, -1)
    np.testing.assert_array_equal(found, np.moveaxis(values, -1, axis), strict=True)
    return tl.argsort(x, axis=axis, descending=True), np.moveaxis(expected, -1, axis)


def _nonzero(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    return tl.stack(tl.nonzero(x)), np.stack(np.nonzero(a))


def _unique(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    found, expected = tl.unique_all(x), np.unique(plain(a), True, True, True, equal_nan=False)
    for result, value in zip(found, (*expected[:2], expected[2].reshape(a.shape), expected[3]), strict=True):
        np.testing.assert_array_equal(result.numpy(), value, strict=True)
    np.testing.assert_array_equal(tl.unique_counts(x).counts.numpy(), expected[3])
    np.testing.assert_array_equal(tl.unique_inverse(x).inverse_indices.numpy(), found.inverse_indices.numpy())
    np.testing.assert_array_equal(tl.unique_inverse(x).values.numpy(), tl.unique_counts(x).values.numpy())
    return tl.unique_values(x), expected[0]


def _isin(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    among = plain(a).ravel()[:2]
    invert = data.draw(st.booleans())
    return tl.isin(x, among, invert=invert), np.isin(plain(a), among, invert=invert)


def _searchsorted(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    row, side = np.sort(plain(a).ravel()), data.draw(st.sampled_from(["left", "right"]))
    order = np.argsort(plain(a).ravel(), kind="stable")
    if data.draw(st.booleans()):
        return tl.searchsorted(row, x, side=side), np.searchsorted(row, plain(a), side)
    return tl.searchsorted(tl.reshape(x, (-1,)), x, side=side, sorter=order), np.searchsorted(row, plain(a), side)


MOVING: dict[str, tuple[Any, tuple[int, int]]] = {
    "argsort": (_argsort, (1, 4)),
    "argsort descending": (_argsort_descending, (1, 3)),
    "basic index": (_basic_index, (0, 8)),
    "broadcast": (_broadcast, (0, 8)),
    "concat": (_concat, (0, 8)),
    "expand_dims": (_expand_dims, (0, 8)),
    "flip": (_flip, (0, 8)),
    "isin": (_isin, (0, 4)),
    "mask": (_mask, (0, 5)),
    "mixed index": (_mixed_index, (0, 5)),
    "moveaxis": (_moveaxis, (0, 8)),
    "nonzero": (_nonzero, (1, 8)),
    "permute_dims": (_permute, (0, 8)),
    "repeat": (_repeat, (0, 8)),
    "reshape": (_reshape, (0, 8)),
    "roll": (_roll, (0, 8)),
    "searchsorted": (_searchsorted, (0, 3)),
    "sort": (_sort, (1, 8)),
    "squeeze": (_squeeze, (0, 8)),
    "stack": (_stack, (0, 8)),
    "take": (_take, (1, 6)),
    "take_along_axis": (_take_along_axis, (1, 6)),
    "tile": (_tile, (0, 6)),
    "transposed": (_transposed, (2, 8)),
    "tril and triu": (_triangle, (2, 5)),
    "unique": (_unique, (0, 5)),
    "unstack": (_unstack, (1, 8)),
}


@pytest.mark.parametrize("name", MOVING)
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_moving_ordering_and_finding(name: str, data: st.DataObject) -> None:
    operation, ranks = MOVING[name]
    array = data.draw(arrays(ranks))
    before = array.tobytes()
    with tl.device("reference"):  # where copies and selections compile nothing
        result, expected = operation(data, tl.asarray(array), array)
    assert isinstance(result, tl.Tensor)
    assert result.device == "reference"
    np.testing.assert_array_equal(result.numpy(), plain(np.asarray(expected)), strict=True)
    assert array.tobytes() == before


# Folding: arithmetic in the dtype that the standard says.


def _wide(a: Array) -> Any:
    return {"b": np.int64, "i": np.int64, "u": np.uint64}.get(a.dtype.kind, a.dtype.newbyteorder("="))


def _sums(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims, name = axes_of(data, a), data.draw(st.booleans()), data.draw(st.sampled_from(["sum", "prod"]))
    if a.dtype.kind == "f":
        magnitudes = np.abs(plain(a)[np.isfinite(plain(a)) & (plain(a) != 0)].astype(np.float64))
        if np.abs(np.log2(magnitudes)).sum() > 120:  # in some order the product overflows, and then 0 makes NaN of it
            name = "sum"
    expected = getattr(np, name)(a, axis=axes, keepdims=keepdims, dtype=np.float64 if a.dtype.kind == "f" else _wide(a))
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims), np.asarray(expected).astype(_wide(a))


def _truths(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims = axes_of(data, a), data.draw(st.booleans())
    name = data.draw(st.sampled_from(["any", "all", "count_nonzero"]))
    expected = getattr(np, name)(plain(a), axis=axes, keepdims=keepdims)
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims), expected


def _extremes(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims, name = axes_of(data, a), data.draw(st.booleans()), data.draw(st.sampled_from(["max", "min"]))
    if any(a.shape[k] == 0 for k in (range(a.ndim) if axes is None else axes)):
        with pytest.raises(tl.errors.ShapeError, match=rf"^{name}: expected at least one element, .*no identity$"):
            getattr(tl, name)(x, axis=axes, keepdims=keepdims)
        return x, a
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims), getattr(np, name)(a, axis=axes, keepdims=keepdims)


def _moments(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims = axes_of(data, a), data.draw(st.booleans())
    name = data.draw(st.sampled_from(["mean", "var", "std"]))
    kind = a.dtype.newbyteorder("=") if a.dtype.kind == "f" else np.dtype(np.float32)
    wide = a.astype(kind).astype(np.float64)
    if name == "mean":
        return tl.mean(x, axis=axes, keepdims=keepdims), np.asarray(wide.mean(axes, keepdims=keepdims)).astype(kind)
    correction = data.draw(st.sampled_from([0, 1, 2.5]))
    count = np.prod([a.shape[k] for k in (range(a.ndim) if axes is None else axes)], dtype=int)
    squares = np.square(wide - wide.mean(axes, keepdims=True)).sum(axes, keepdims=keepdims)
    with np.errstate(over="ignore"):  # as the sum of squares does in float32
        squares = np.asarray(squares).astype(kind).astype(np.float64)
    variance = squares / (count - correction if count > correction else np.nan)
    expected = np.asarray(variance if name == "var" else np.sqrt(variance)).astype(kind)
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims, correction=correction), expected


def _cumulative(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis, initial = axis_of(data, a), data.draw(st.booleans())
    name = data.draw(st.sampled_from(["cumulative_sum", "cumulative_prod"]))
    function = np.cumulative_sum if name == "cumulative_sum" else np.cumulative_prod
    expected: Any = function(
        plain(a), axis=axis, include_initial=initial, dtype=np.float64 if a.dtype.kind == "f" else _wide(a)
    )
    return getattr(tl, name)(x, axis=axis, include_initial=initial), expected.astype(_wide(a))


def _logsumexp(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims = axes_of(data, a), data.draw(st.booleans())
    kind = a.dtype.newbyteorder("=") if a.dtype.kind == "f" else np.dtype(np.float32)
    wide = a.astype(kind).astype(np.float64)
    largest = np.max(wide, axes, keepdims=True, initial=-np.inf)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    expected = np.asarray(np.log(np.exp(wide - largest).sum(axes, keepdims=True)) + largest)
    if not keepdims:
        expected = expected.squeeze(tuple(range(a.ndim)) if axes is None else axes)
    return tl.logsumexp(x, axis=axes, keepdims=keepdims), expected.astype(kind)


def _diff(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    if a.dtype.kind == "b":
        return x, a
    axis, n = axis_of(data, a), data.draw(st.integers(0, 3))
    ends = dict.fromkeys(data.draw(st.lists(st.sampled_from(["prepend", "append"]), unique=True)), plain(a))
    return tl.diff(x, axis=axis, n=n, **ends), np.diff(plain(a), n, axis, **ends)


FOLDING: dict[str, tuple[Any, tuple[int, int]]] = {
    "any, all, count_nonzero": (_truths, (0, 8)),
    "cumulative": (_cumulative, (1, 5)),
    "diff": (_diff, (1, 5)),
    "logsumexp": (_logsumexp, (0, 5)),
    "max, min": (_extremes, (0, 8)),
    "mean, var, std": (_moments, (0, 5)),
    "sum, prod": (_sums, (0, 8)),
}


@pytest.mark.parametrize("name", FOLDING)
@pytest.mark.parametrize("device", ["cpu", "reference"])
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_folding(name: str, device: str, data: st.DataObject) -> None:
    operation, ranks = FOLDING[name]
    # a kernel for each dtype takes long to compile: the CPU has tests of its own of every one
    array = data.draw(arrays(ranks, DTYPES if device == "reference" else ("float32", "int64")))
    with tl.device(device), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning)  # NumPy's, of the mean of nothing
        result, expected = operation(data, tl.asarray(array), array)
    expected = np.asarray(expected)
    assert result.device == device
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype.newbyteorder("=")
    if expected.dtype.kind == "f":
        # sums in another order may differ by the rounding of their parts, which variances square
        parts = np.abs(plain(array).astype(np.float64))
        largest = float(parts[np.isfinite(parts)].sum())
        with np.errstate(invalid="ignore"):
            atol = 3e-5 * (1.0 + max(largest, largest**2) if "var" in name else 1.0 + largest)
            np.testing.assert_allclose(result.numpy().astype(np.float64), expected.astype(np.float64), 3e-5, atol)
    else:
        np.testing.assert_array_equal(result.numpy(), plain(expected), strict=True)

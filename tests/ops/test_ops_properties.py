"""Check operations that move, sort or find elements against NumPy, on random arrays.

The arrays have every dtype, rank 0 to 8, lengths of 0, every memory layout, and special values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from any_array import DTYPES, Array, Case, arrays, axes_of, axis_of, indices_of, plain
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

import tensorlab as tl

# Moving elements: no arithmetic, every dtype.


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
    function = tl.permute_dims if data.draw(st.booleans()) else tl.transpose
    return function(x, order), a.transpose(order)


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
    function = data.draw(st.sampled_from([tl.concat, tl.concatenate]))
    return function([x, x, x], axis=axis), np.concatenate([a, a, a], axis)


def _stack(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis = data.draw(st.integers(-a.ndim - 1, a.ndim))
    return tl.stack([x, x], axis=axis), np.stack([a, a], axis)


def _broadcast(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    lead = tuple(data.draw(st.lists(st.integers(0, 3), max_size=2)))
    other = np.zeros((*lead, *a.shape), np.int8)
    assert tl.broadcast_shapes(a.shape, other.shape) == np.broadcast_shapes(a.shape, other.shape)
    np.testing.assert_array_equal(tl.broadcast_to(x, other.shape).numpy(), np.broadcast_to(plain(a), other.shape))
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
    """Draw an index of integer arrays that broadcast, numbers, slices and new axes."""
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
    """Sort with plain Python: stable, NaN last."""
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


def _top_k(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    k = data.draw(st.integers(0, a.shape[-1]))
    values, indices = tl.top_k(x, k)
    assert indices.tolist() == tl.argsort(x, descending=True)[..., :k].tolist()
    return values, tl.sort(x, descending=True).numpy()[..., :k]


def _where(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    truth = data.draw(numpy_strategies.arrays(bool, a.shape[data.draw(st.integers(0, a.ndim)) :]))
    return tl.where(truth, x, x[..., ::-1] if a.ndim else x), np.where(truth, a, a[..., ::-1] if a.ndim else a)


def _clip(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    if a.dtype.kind == "b":
        return x, a
    low, high = (data.draw(st.none() | st.integers(*ends)) for ends in ((0, 1), (1, 3)))
    return tl.clip(x, low, high), np.clip(plain(a), low, high) if (low, high) != (None, None) else a


def _alike(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    name = data.draw(st.sampled_from(["zeros_like", "ones_like"]))
    filled = tl.full_like(x, 1)
    assert filled.tolist() == np.full_like(a, 1).tolist()
    assert (tl.empty_like(x).shape, tl.empty_like(x).dtype) == (filled.shape, filled.dtype)
    return getattr(tl, name)(x), getattr(np, name)(plain(a))


def _meshgrid(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    indexing: Any = data.draw(st.sampled_from(["xy", "ij"]))
    count = data.draw(st.integers(1, 3))
    found, expected = tl.meshgrid(*[x] * count, indexing=indexing), np.meshgrid(*[a] * count, indexing=indexing)
    assert len(found) == len(expected)
    return tl.stack(found), np.stack(expected)


def _converted(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    target = data.draw(st.sampled_from(DTYPES))
    if np.dtype(target).kind in "iu" and a.dtype.kind == "f":  # out-of-range conversions depend on the processor
        return tl.astype(x != 0, target), (a != 0).astype(target)
    with np.errstate(over="ignore"):
        return tl.astype(x, target, copy=data.draw(st.booleans())), a.astype(target)


def _exchanged(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    return tl.from_dlpack(x), np.array(plain(a))


def _one_hot(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    if a.dtype.kind not in "iu":
        return x, a
    classes = np.arange(4).astype(a.dtype)
    return tl.one_hot(x, 4), (plain(a)[..., None] == classes).astype(np.float32)


MOVING: dict[str, tuple[Any, tuple[int, int]]] = {
    "argsort": (_argsort, (1, 4)),
    "argsort descending": (_argsort_descending, (1, 3)),
    "astype": (_converted, (0, 8)),
    "basic index": (_basic_index, (0, 8)),
    "broadcast": (_broadcast, (0, 8)),
    "clip": (_clip, (0, 5)),
    "concat": (_concat, (0, 8)),
    "empty_like, full_like, ones_like, zeros_like": (_alike, (0, 8)),
    "expand_dims": (_expand_dims, (0, 8)),
    "flip": (_flip, (0, 8)),
    "from_dlpack": (_exchanged, (0, 8)),
    "isin": (_isin, (0, 4)),
    "mask": (_mask, (0, 5)),
    "meshgrid": (_meshgrid, (1, 1)),
    "mixed index": (_mixed_index, (0, 5)),
    "moveaxis": (_moveaxis, (0, 8)),
    "nonzero": (_nonzero, (1, 8)),
    "one_hot": (_one_hot, (0, 4)),
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
    "top_k": (_top_k, (1, 4)),
    "transposed": (_transposed, (2, 8)),
    "tril and triu": (_triangle, (2, 5)),
    "unique": (_unique, (0, 5)),
    "unstack": (_unstack, (1, 8)),
    "where": (_where, (0, 6)),
}


@pytest.mark.parametrize("name", MOVING)
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_results_match_numpy(name: str, data: st.DataObject) -> None:
    operation, ranks = MOVING[name]
    array = data.draw(arrays(ranks))
    before = array.tobytes()
    with tl.device("reference"):  # compiles nothing for copies and selections
        result, expected = operation(data, tl.asarray(array), array)
    assert isinstance(result, tl.Tensor)
    assert result.device == "reference"
    np.testing.assert_array_equal(result.numpy(), plain(np.asarray(expected)), strict=True)
    assert array.tobytes() == before

"""Check operations that move elements against NumPy on every layout, and errors for shapes that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from any_layout import layouts
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    IndexOutOfBoundsError,
    ShapeError,
)

CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "reshape": (lambda x: tl.reshape(x, (4, -1)), lambda a: a.reshape(4, -1)),
    "reshape method": (lambda x: x.reshape(3, 8), lambda a: a.reshape(3, 8)),
    "reshape method of a tuple": (lambda x: x.reshape((24,)), lambda a: a.reshape(24)),
    "permute_dims": (lambda x: tl.permute_dims(x, (1, -1, 0)), lambda a: a.transpose(1, 2, 0)),
    "transpose": (tl.transpose, np.transpose),
    "transpose by axes": (lambda x: tl.transpose(x, (0, 2, 1)), lambda a: a.transpose(0, 2, 1)),
    "T": (lambda x: x.T, lambda a: a.T),
    "matrix_transpose": (tl.matrix_transpose, lambda a: a.swapaxes(-1, -2)),
    "mT": (lambda x: x.mT, lambda a: a.swapaxes(-1, -2)),
    "expand_dims": (lambda x: tl.expand_dims(x, axis=1), lambda a: a[:, None]),
    "expand_dims at the end": (lambda x: tl.expand_dims(x, axis=-1), lambda a: a[..., None]),
    "squeeze": (lambda x: tl.squeeze(x[:1, :, :1]), lambda a: a[0, :, 0]),
    "squeeze one": (lambda x: tl.squeeze(x[:1, :, :1], axis=-1), lambda a: a[:1, :, 0]),
    "squeeze two": (lambda x: tl.squeeze(x[:1, :, :1], axis=(0, 2)), lambda a: a[0, :, 0]),
    "broadcast_to": (lambda x: tl.broadcast_to(x, (5, 2, 3, 4)), lambda a: np.broadcast_to(a, (5, 2, 3, 4))),
    "flip": (tl.flip, np.flip),
    "flip one": (lambda x: tl.flip(x, axis=-2), lambda a: np.flip(a, -2)),
    "flip two": (lambda x: tl.flip(x, axis=(0, 2)), lambda a: np.flip(a, (0, 2))),
    "concat": (lambda x: tl.concat([x, x[:1]]), lambda a: np.concatenate([a, a[:1]])),
    "concat last": (lambda x: tl.concat([x, x[..., :0], x], axis=-1), lambda a: np.concatenate([a, a], -1)),
    "concat flat": (lambda x: tl.concat([x, x[0]], axis=None), lambda a: np.concatenate([a, a[0]], None)),
    "concatenate": (lambda x: tl.concatenate((x, x), 1), lambda a: np.concatenate((a, a), 1)),
    "stack": (lambda x: tl.stack([x, -x]), lambda a: np.stack([a, -a])),
    "stack last": (lambda x: tl.stack([x, x, x], axis=-1), lambda a: np.stack([a, a, a], -1)),
    "tile": (lambda x: tl.tile(x, 2), lambda a: np.tile(a, 2)),
    "tile more": (lambda x: tl.tile(x, (2, 1, 3, 2)), lambda a: np.tile(a, (2, 1, 3, 2))),
    "tile none": (lambda x: tl.tile(x, (0, 1)), lambda a: np.tile(a, (0, 1))),
    "take": (lambda x: tl.take(x, [2, 0, 2, -1], axis=1), lambda a: a.take([2, 0, 2, -1], 1)),
    "take nothing": (lambda x: tl.take(x, [], axis=0), lambda a: a[:0]),
    "take by a tensor": (lambda x: tl.take(x, tl.asarray([[1], [0]]), axis=0), lambda a: a.take([[1], [0]], 0)),
    "take one": (lambda x: tl.take(x, 1, axis=2), lambda a: a.take(1, 2)),
    "take by a tuple": (lambda x: tl.take(x, (1, 0), axis=0), lambda a: a.take((1, 0), 0)),
    "index by a tensor": (lambda x: x[tl.asarray([1, 1, 0])], lambda a: a[[1, 1, 0]]),
    "index by a scalar tensor": (lambda x: x[tl.asarray(1)], lambda a: a[1]),
    "index by a list": (lambda x: x[[0, 1, 0]], lambda a: a[[0, 1, 0]]),
    "index by an empty list": (lambda x: x[[]], lambda a: a[:0]),
    "index by NumPy's number": (lambda x: x[np.int8(-1), :, np.uint8(1)], lambda a: a[-1, :, 1]),
    "index by a mask": (lambda x: x[x > 0], lambda a: a[a > 0]),
    "index by a mask of rows": (lambda x: x[[True, False]], lambda a: a[[True, False]]),
    "index by True": (lambda x: x[True], lambda a: a[True]),
    "index by uint8": (lambda x: x[np.array([1, 0], np.uint8)], lambda a: a[[1, 0]]),
}


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("name", CASES)
def test_results_match_numpy(name: str, device: str, rng: np.random.Generator) -> None:
    operation, expected = CASES[name]
    array = rng.permutation(24).reshape(2, 3, 4).astype(np.float32) - 11.5
    for layout in layouts(array).values():
        result = operation(tl.asarray(layout, device=device))
        assert isinstance(result, tl.Tensor)
        assert result.dtype == np.float32
        assert result.device == device
        np.testing.assert_array_equal(result.numpy(), expected(array), strict=True)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_other_dtypes_match_numpy(dtype: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]], dtype)
    x = tl.asarray(array)
    for result, expected in (
        (x.T, array.T),
        (x[::-1, [0, 2]], array[::-1, [0, 2]]),
        (tl.concat([x, x]), np.concatenate([array, array])),
        (tl.tile(x, 2), np.tile(array, 2)),
    ):
        np.testing.assert_array_equal(result.numpy(), expected, strict=True)


def test_concat_promotes_dtypes() -> None:
    with tl.device("reference"):
        mixed = tl.concat([tl.asarray([1.0]), tl.asarray(np.array([2.0]))])
    assert mixed.dtype == np.float64
    assert mixed.tolist() == [1.0, 2.0]


def test_views_share_memory_where_strides_allow() -> None:
    x = tl.asarray(np.zeros((4, 6), np.float32))
    for view in (x[1:3], x.T, x.reshape(24), x[:, ::-2], tl.broadcast_to(x, (9, 4, 6)), tl.flip(x), x[0]):
        assert np.shares_memory(view.numpy(), x.numpy())
    several = [*tl.unstack(x, axis=1), *tl.meshgrid(x[0], x[1]), tl.broadcast_arrays(x, np.zeros((2, 1, 1)))[0]]
    for view in (*several, tl.moveaxis(x, 0, 1), tl.expand_dims(x, axis=(0, 2)), tl.squeeze(x[:1]), x[None, ..., 1]):
        assert np.shares_memory(view.numpy(), x.numpy())
    assert np.shares_memory(tl.reshape(x, (24,), copy=False).numpy(), x.numpy())
    assert not np.shares_memory(tl.reshape(x, (4, 6), copy=True).numpy(), x.numpy())
    for copy in (x[[0, 1]], x[x == 0], x.T.reshape(24), tl.concat([x])):
        assert not np.shares_memory(copy.numpy(), x.numpy())


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_basic_indexing_matches_numpy(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 4), max_size=4)))
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    index = data.draw(numpy_strategies.basic_indices(shape, allow_newaxis=True, max_dims=8))
    result = tl.asarray(array)[index]
    assert isinstance(result, tl.Tensor)
    np.testing.assert_array_equal(result.numpy(), array[index], strict=True)


x = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.reshape(x, (4, -1)),
            ShapeError,
            r"^reshape: expected a shape of 6 elements, received \(4, -1\); the ten",
        ),
        (
            lambda: tl.reshape(x, (1.5,)),
            ArgumentTypeError,
            r"^reshape: expected a shape of integers, received \(1\.5,\)$",
        ),
        (
            lambda: tl.permute_dims(x, (0, 0)),
            ShapeError,
            r"^permute_dims: expected each of 2 axes once, received \(0, 0\)$",
        ),
        (
            lambda: tl.permute_dims(x, (0,)),
            ShapeError,
            r"^permute_dims: expected each of 2 axes once, received \(0,\)$",
        ),
        (
            lambda: tl.permute_dims(x, (0, 2)),
            ShapeError,
            r"^permute_dims: expected an axis from -2 to 1 .* received 2$",
        ),
        (
            lambda: tl.matrix_transpose(x[0]),
            ShapeError,
            r"^matrix_transpose: expected at least two axes, received shape \(3,",
        ),
        (lambda: tl.expand_dims(x, axis=4), ShapeError, r"^expand_dims: expected an axis from -3 to 2 .* received 4$"),
        (
            lambda: tl.squeeze(x, axis=0),
            ShapeError,
            r"^squeeze: expected axes of length 1, received axes \(0,\) of shape \(2,",
        ),
        (
            lambda: tl.broadcast_to(x, (2, 1)),
            ShapeError,
            r"^broadcast_to: expected a tensor that broadcasts to \(2, 1\), received shape \(2, 3\)$",
        ),
        (
            lambda: tl.broadcast_to(x, (4, 3)),
            ShapeError,
            r"^broadcast_to: expected shapes that broadcast together, received",
        ),
        (
            lambda: tl.flip(x, axis=2),
            ShapeError,
            r"^flip: expected an axis from -2 to 1 for a tensor of rank 2, received 2$",
        ),
        (lambda: tl.concat([]), ShapeError, r"^concat: expected at least one tensor, received none$"),
        (
            lambda: tl.concat([x, x[0]]),
            ShapeError,
            r"^concat: expected shapes that differ along axis 0 only, received \(2, 3\) and \(3,\)$",
        ),
        (
            lambda: tl.concat([x, x[:, :2]]),
            ShapeError,
            r"^concat: expected shapes that differ along axis 0 only, received",
        ),
        (
            lambda: tl.concat([x, x.astype(int)]),
            DTypeError,
            r"^concat: expected arrays of one kind of dtype, received float",
        ),
        (
            lambda: tl.concat([tl.asarray(x), tl.asarray(x, device="reference")]),
            DeviceError,
            r"^concat: expected tensors on one device, received 'cpu' and 'reference'",
        ),
        (
            lambda: tl.stack([tl.asarray(x), tl.asarray(x, device="reference")]),
            DeviceError,
            r"^stack: expected tensors on one device, received 'cpu' and 'reference'",
        ),
        (
            lambda: tl.flip(x, axis=True),
            ArgumentTypeError,
            r"^flip: expected an integer axis, received Tr",
        ),
        (lambda: tl.zeros((1,) * 65), ShapeError, r"^zeros: expected at most 64 axes, received 65$"),
        (lambda: tl.expand_dims(tl.zeros((1,) * 64)), ShapeError, r"^reshape: expected at most 64 axes, received 65$"),
        (lambda: tl.tile(x, -1), ShapeError, r"^tile: expected lengths of at least 0, received \(-1,\)$"),
        (
            lambda: tl.take(x, [0]),
            ShapeError,
            r"^take: expected an axis for a tensor with several axes, received shape \(2,",
        ),
        (
            lambda: tl.take(x[0], [3]),
            IndexOutOfBoundsError,
            r"^take: expected indices that fit shape \(3,\), received \[3\]",
        ),
        (
            lambda: tl.take(x[0], [0.5]),
            DTypeError,
            r"^take: expected integers or a mask of bools, received an array of flo",
        ),
        (
            lambda: tl.asarray(x)[2],
            IndexOutOfBoundsError,
            r"^index: expected indices that fit shape \(2, 3\), received 2; ind",
        ),
        (lambda: tl.asarray(x)[0, 0, 0], IndexOutOfBoundsError, r"received 0, 0, 0; too many indices"),
        (lambda: tl.asarray(x)[x[:1] == 0], IndexOutOfBoundsError, r"^index: .*; boolean index did not match"),
        (
            lambda: tl.asarray(x)[1.5],
            ArgumentTypeError,
            r"^index: expected slices, numbers, None, \.\.\. or arrays, received",
        ),
        (lambda: tl.asarray(x)["a"], ArgumentTypeError, r"received 'a'$"),
        (
            lambda: tl.asarray(x)["a":],
            ArgumentTypeError,
            r"^index: expected slices of integers with a step, received slice\('a', None, None\); slice indices",
        ),
        (
            lambda: tl.asarray(x)[::0],
            ArgumentTypeError,
            r"^index: .* received slice\(None, None, 0\); slice step cannot be ",
        ),
        (
            lambda: tl.asarray(x)[[0.5]],
            DTypeError,
            r"^index: expected integers or a mask of bools, received an array of float",
        ),
        (
            lambda: tl.reshape(tl.asarray(x).T, (6,), copy=False),
            ArgumentError,
            r"^reshape: expected elements that lie in C order in memory, for copy=False, received a tensor of shape",
        ),
        (
            lambda: tl.expand_dims(x, axis=(0, 0)),
            ShapeError,
            r"^expand_dims: expected axes that differ, received \(0, 0\)$",
        ),
        (
            lambda: tl.moveaxis(x, (0, 1), 0),
            ShapeError,
            r"^moveaxis: expected as many different positions as different axes, received \(0, 1\) to 0$",
        ),
        (lambda: tl.moveaxis(x, (0, 0), (0, 1)), ShapeError, r"^moveaxis: .*, received \(0, 0\) to \(0, 1\)$"),
        (lambda: tl.moveaxis(x, 2, 0), ShapeError, r"^moveaxis: expected an axis from -2 to 1 .* received 2$"),
        (
            lambda: tl.roll(x, (1, 2), axis=0),
            ShapeError,
            r"^roll: expected as many shifts as axes, 1, received \(1, 2\)$",
        ),
        (lambda: tl.roll(x, 0.5), ArgumentTypeError, r"^roll: expected integer shifts, received 0\.5$"),
        (lambda: tl.roll(x, 1, axis=2), ShapeError, r"^roll: expected an axis from -2 to 1 .* received 2$"),
        (
            lambda: tl.repeat(x, [1, 2], axis=1),
            ShapeError,
            r"^repeat: expected one number, or one for each of 3 parts, received repeats of shape \(2,\)$",
        ),
        (lambda: tl.repeat(x, -1), ArgumentError, r"^repeat: expected repeats of at least 0, received -1$"),
        (lambda: tl.repeat(x, 1.5), DTypeError, r"^repeat: expected repeats of integers, received float32$"),
        (lambda: tl.unstack(2.0), ShapeError, r"^unstack: expected no axis for a tensor of rank 0, received 0$"),
        (
            lambda: tl.stack([x, x[0]]),
            ShapeError,
            r"^stack: expected at least one tensor, all of one shape, received \(2, 3\) and \(3,\)$",
        ),
        (lambda: tl.stack([]), ShapeError, r"^stack: expected at least one tensor, all of one shape, received none$"),
        (
            lambda: tl.broadcast_arrays(x, np.zeros(2)),
            ShapeError,
            r"^broadcast_arrays: expected shapes that broadcast together, received \(2, 3\) and \(2,\)",
        ),
        (
            lambda: tl.broadcast_shapes((2, 3), (-1,)),
            ShapeError,
            r"^broadcast_shapes: expected lengths of at least 0, received \(-1,\)$",
        ),
        (
            lambda: tl.take_along_axis(x, [0]),
            ShapeError,
            r"^take_along_axis: expected a tensor and indices of one rank, received shapes \(2, 3\) and \(1,\)$",
        ),
        (
            lambda: tl.take_along_axis(x, [[0.0]]),
            DTypeError,
            r"^take_along_axis: expected indices of integers, received float32$",
        ),
        (
            lambda: tl.take_along_axis(x, np.zeros((3, 1), int), axis=1),
            ShapeError,
            r"^take_along_axis: expected shapes that broadcast together, received \(2, 3\) and \(3, 1\)",
        ),
        (
            lambda: tl.take_along_axis(x, [[3]]),
            IndexOutOfBoundsError,
            r"^take_along_axis: expected indices that fit shape \(2, 3\), received",
        ),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()

"""Checks of memory operations that every backend must pass: transfers, views, indexing, joining, and arg reductions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from any_layout import SHAPES, layouts, numbers
from backend_checks import check

from tensorlab.backends import Backend


@check
def transfers_arrays_unchanged(backend: Backend, rng: np.random.Generator) -> None:
    for dtype in ("float32", "float64", "int64", "int8", "uint16", "bool"):
        for shape in SHAPES:
            array = numbers(rng, shape, dtype)
            for layout in layouts(array).values():
                buffer = backend.from_host(layout)
                assert (buffer.shape, buffer.ndim, buffer.size, buffer.dtype) == (shape, len(shape), array.size, dtype)
                np.testing.assert_array_equal(backend.to_host(buffer), array)


@check
def copies_into_buffers_and_views(backend: Backend, rng: np.random.Generator) -> None:
    array, patch = numbers(rng, (4, 5)), numbers(rng, (3, 2))
    buffer = backend.copy(backend.from_host(array))
    part = (slice(1, None), slice(None, None, 3))
    backend.copy_into(backend.index(buffer, part), backend.from_host(patch))
    backend.synchronize()
    expected = array.copy()
    expected[part] = patch
    np.testing.assert_array_equal(backend.to_host(buffer), expected)
    for layout in layouts(array).values():
        backend.copy_into(buffer, backend.from_host(layout))
        np.testing.assert_array_equal(backend.to_host(buffer), array)
    empty = backend.from_host(np.zeros((0, 3)))
    backend.copy_into(empty, backend.from_host(np.zeros((0, 3))))
    assert backend.to_host(empty).shape == (0, 3)


@check
def reshapes_permutes_and_broadcasts(backend: Backend, rng: np.random.Generator) -> None:
    array = numbers(rng, (2, 3, 4))
    for layout in layouts(array).values():
        buffer = backend.from_host(layout)
        for shape in ((24,), (4, 6), (1, 2, 12), (2, 3, 4)):
            np.testing.assert_array_equal(backend.to_host(backend.reshape(buffer, shape)), array.reshape(shape))
        for axes in itertools.permutations(range(3)):
            permuted = backend.permute(buffer, axes)
            np.testing.assert_array_equal(backend.to_host(permuted), array.transpose(axes))
            np.testing.assert_array_equal(
                backend.to_host(backend.reshape(permuted, (24,))), array.transpose(axes).reshape(24)
            )
        spread = backend.broadcast_to(backend.reshape(buffer, (2, 3, 1, 4)), (5, 2, 3, 2, 4))
        np.testing.assert_array_equal(
            backend.to_host(spread), np.broadcast_to(array.reshape(2, 3, 1, 4), (5, 2, 3, 2, 4))
        )
    assert backend.to_host(backend.broadcast_to(backend.from_host(np.zeros((1, 3))), (0, 3))).shape == (0, 3)
    assert backend.to_host(backend.reshape(backend.from_host(np.zeros((0, 3))), (3, 0, 2))).shape == (3, 0, 2)


INDICES: tuple[Any, ...] = (
    2,
    -1,
    (1, -2),
    slice(1, 3),
    slice(None, None, -1),
    (slice(None), slice(4, None, -2)),
    (slice(3, 3), 0),
    (Ellipsis, 1),
    (None, 2, None),
    (),
    np.array([3, 0, -1, 0]),
    (slice(None), np.array([[1, 1], [4, 0]])),
    (np.array([0, 3]), np.array([4, -5])),
    (np.array([1, 1, 1]), slice(None, None, 2)),
    np.array([], np.int64),
)


@check
def indexes_as_numpy_does(backend: Backend, rng: np.random.Generator) -> None:
    array = numbers(rng, (4, 5))
    for layout in layouts(array).values():
        for index in (*INDICES, array > 0, rng.random(4) < 0.5):
            np.testing.assert_array_equal(
                backend.to_host(backend.index(backend.from_host(layout), index)), array[index]
            )


@check
def puts_values_at_an_index(backend: Backend, rng: np.random.Generator) -> None:
    for dtype in ("float32", "int64", "bool"):
        array = numbers(rng, (3, 4), dtype)
        for index in (
            (1, -1),
            slice(None, None, -2),
            (..., None, 2),
            (),
            slice(3, 3),
            np.array([True, False, True]),
            array.astype(bool),
            np.array([2, 0, 2]),  # the last value wins
            (slice(1, None), np.array([-1, 1])),
            (np.array([[0], [2]]), np.array([1, 3])),
            np.array([], np.int64),
        ):
            expected, values = array.copy(), numbers(rng, array[index].shape, dtype)
            expected[index] = values
            buffer = backend.copy(backend.from_host(array))
            for layout in layouts(values).values():
                backend.put(buffer, index, backend.from_host(layout))
            backend.synchronize()
            np.testing.assert_array_equal(backend.to_host(buffer), expected, str(index))


@check
def scatters_with_repeated_indices(backend: Backend, rng: np.random.Generator) -> None:
    for index in (*INDICES, rng.random((4, 5)) < 0.5):
        values = numbers(rng, np.zeros((4, 5))[index].shape)
        expected = np.zeros((4, 5))
        np.add.at(expected, index, values)
        result = backend.to_host(backend.scatter_add((4, 5), index, backend.from_host(values)))
        np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-14)


@check
def joins_along_every_axis(backend: Backend, rng: np.random.Generator) -> None:
    for axis in range(3):
        parts = [numbers(rng, [n if place == axis else 2 for place in range(3)], "int32") for n in (1, 0, 3)]
        buffers = [backend.from_host(list(layouts(part).values())[place]) for place, part in enumerate(parts)]
        np.testing.assert_array_equal(backend.to_host(backend.concatenate(buffers, axis)), np.concatenate(parts, axis))


@check
def finds_the_first_extreme(backend: Backend, rng: np.random.Generator) -> None:
    tied = rng.integers(0, 3, (4, 3, 50))
    holed = np.where(rng.random((6, 20)) < 0.1, np.nan, rng.standard_normal((6, 20)))
    for array in (tied, holed, tied.astype(np.uint8), np.zeros((0, 2)), numbers(rng, (1,))):
        for layout in layouts(array).values():
            for rule, expected in (("max", np.argmax), ("min", np.argmin)):
                result = backend.to_host(backend.arg_reduce(rule, backend.from_host(layout)))
                assert result.dtype == np.int64
                np.testing.assert_array_equal(result, expected(array, axis=-1))

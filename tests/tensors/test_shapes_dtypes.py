"""Broadcasting, axes and type promotion against NumPy, and error messages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorlab import dtypes, shapes
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError

shape_lists = st.lists(st.lists(st.integers(0, 3), max_size=5).map(tuple), min_size=1, max_size=4)
compatible = st.lists(st.integers(0, 4), max_size=5).flatmap(
    lambda full: st.lists(
        st.tuples(st.integers(0, len(full)), st.lists(st.booleans(), min_size=len(full), max_size=len(full))).map(
            lambda cut: tuple(1 if one else n for n, one in zip(full, cut[1], strict=True))[cut[0] :]
        ),
        min_size=1,
        max_size=4,
    )
)


@given(shape_lists | compatible)
def test_broadcast_matches_numpy(given_shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*given_shapes)
    except ValueError:
        with pytest.raises(ShapeError) as error:
            shapes.broadcast("add", given_shapes)
        assert str(error.value) == (
            f"add: expected shapes that broadcast together, received {' and '.join(map(str, given_shapes))}; "
            "aligned at the right, each two lengths must be equal or one of them 1"
        )
    else:
        assert shapes.broadcast("add", given_shapes) == expected


@given(st.integers(-9, 9), st.integers(0, 6))
def test_normalize_axis_accepts_negative_axes(axis: int, rank: int) -> None:
    if axis in range(-rank, rank):
        assert shapes.normalize_axis("sum", axis, rank) == range(rank)[axis]
        assert shapes.normalize_axis("sum", np.int8(axis), rank) == range(rank)[axis]
        return
    with pytest.raises(ShapeError) as error:
        shapes.normalize_axis("sum", axis, rank)
    bounds = f"an axis from {-rank} to {rank - 1}" if rank else "no axis"
    assert str(error.value) == f"sum: expected {bounds} for a tensor of rank {rank}, received {axis}"


@pytest.mark.parametrize("axis", [1.0, "0", None, [0]])
def test_axis_must_be_an_integer(axis: object) -> None:
    with pytest.raises(ArgumentTypeError) as error:
        shapes.normalize_axis("sum", axis, 3)
    assert str(error.value) == f"sum: expected an integer axis, received {axis!r}"


def test_normalize_axes_sorts_axes() -> None:
    assert shapes.normalize_axes("sum", None, 3) == (0, 1, 2)
    assert shapes.normalize_axes("sum", -1, 3) == (2,)
    assert shapes.normalize_axes("sum", (2, -3), 3) == (0, 2)
    assert shapes.normalize_axes("sum", [1, 0], 2) == (0, 1)
    assert shapes.normalize_axes("sum", (), 3) == ()
    with pytest.raises(ShapeError, match=r"^sum: expected axes that differ, received \(1, -1\)$"):
        shapes.normalize_axes("sum", (1, -1), 2)


def test_as_shape_accepts_a_length_or_a_sequence() -> None:
    assert shapes.as_shape("zeros", 3) == (3,)
    assert shapes.as_shape("zeros", [2, np.int64(0)]) == (2, 0)
    assert shapes.as_shape("zeros", ()) == ()
    with pytest.raises(ShapeError, match=r"^zeros: expected lengths of at least 0, received \(2, -1\)$"):
        shapes.as_shape("zeros", (2, -1))
    with pytest.raises(ArgumentTypeError, match=r"^zeros: expected a shape of integers, received \(2, 1\.5\)$"):
        shapes.as_shape("zeros", (2, 1.5))


@given(st.lists(st.integers(-1, 6), max_size=4), st.lists(st.integers(0, 6), max_size=3).map(tuple))
def test_resolve_reshape_matches_numpy(wanted: list[int], shape: tuple[int, ...]) -> None:
    array = np.zeros(shape)
    try:
        expected = array.reshape(wanted).shape
    except ValueError:
        with pytest.raises(ShapeError) as error:
            shapes.resolve_reshape("reshape", wanted, array.size, shape)
        assert str(error.value) == (
            f"reshape: expected a shape of {array.size} elements, received {tuple(wanted)}; "
            f"the tensor has shape {shape}"
        )
    else:
        assert shapes.resolve_reshape("reshape", wanted, array.size, shape) == expected


def test_resolve_reshape_accepts_one_length() -> None:
    assert shapes.resolve_reshape("reshape", -1, 6, (2, 3)) == (6,)
    with pytest.raises(ShapeError, match=r"received \(-2, 3\)|lengths of at least 0"):
        shapes.resolve_reshape("reshape", (-2, 3), 6, (2, 3))


@pytest.mark.parametrize("name", dtypes.NAMES)
def test_as_dtype_accepts_names_types_and_byte_orders(name: str) -> None:
    dtype = np.dtype(name)
    assert dtypes.as_dtype(name) == dtypes.as_dtype(dtype) == dtypes.as_dtype(dtype.type) == dtype
    assert dtypes.as_dtype(dtype.newbyteorder(">")) == dtype
    assert dtypes.as_dtype(dtype.newbyteorder(">")).isnative
    assert dtypes.as_dtype(getattr(dtypes, name)) is getattr(dtypes, name)


def test_as_dtype_accepts_python_types() -> None:
    assert dtypes.as_dtype(float) == np.float32
    assert dtypes.as_dtype(int) == np.int64
    assert dtypes.as_dtype(bool) == np.bool_


@pytest.mark.parametrize(
    "wrong", ["float16", "complex64", "nothing", complex, object, np.dtype("M8[s]"), None, [("x", "f4")], [1], 3.5]
)
def test_invalid_dtype_is_rejected(wrong: object) -> None:
    with pytest.raises(DTypeError) as error:
        dtypes.as_dtype(wrong, "zeros")
    assert str(error.value) == (
        f"zeros: expected one of {', '.join(dtypes.NAMES)}, received {wrong!r}; "
        "convert the data first, e.g. with .astype()"
    )


KIND = {"b": "bool", "i": "integer", "u": "integer", "f": "real"}


@pytest.mark.parametrize(("one", "two"), [*itertools.product(dtypes.NAMES, repeat=2)])
def test_promotion_follows_the_array_api_standard(one: str, two: str) -> None:
    first, second = np.dtype(one), np.dtype(two)
    assert dtypes.kind(first) == KIND[first.kind]
    common = np.promote_types(first, second)
    if {KIND[dtype.kind] for dtype in (first, second, common)} == {KIND[first.kind]}:
        assert dtypes.result_type("add", [first, second], []) == common
        return
    with pytest.raises(DTypeError) as error:
        dtypes.result_type("add", [first, second], [])
    text = str(error.value)
    assert text.startswith(f"add: expected arrays of one kind of dtype, received {one} and {two}; convert one of them")
    assert f"x.astype({one!r})" in text or f"x.astype({two!r})" in text


@pytest.mark.parametrize(
    ("arrays", "scalars", "expected"),
    [
        (["float64"], [1], "float64"),
        (["float32"], [1.5, 2], "float32"),
        (["float64"], [True], "float64"),
        (["uint8"], [1], "uint8"),
        (["uint8"], [True], "uint8"),
        (["uint8"], [1.5], "float32"),
        (["int64", "int8"], [2], "int64"),
        (["bool"], [True], "bool"),
        (["bool"], [1], "int64"),
        (["bool"], [1, 2.5], "float32"),
        ([], [1], "int64"),
        ([], [True], "bool"),
        ([], [True, 1], "int64"),
        ([], [1, 1.5], "float32"),
        ([], [np.float64(1.5)], "float32"),
    ],
)
def test_python_number_takes_the_dtype_of_the_array(arrays: list[str], scalars: list[float], expected: str) -> None:
    assert dtypes.result_type("add", [np.dtype(name) for name in arrays], scalars) == np.dtype(expected)


def test_hint_names_a_dtype_that_represents_both() -> None:
    with pytest.raises(DTypeError, match=r"convert one of them, e\.g\. x\.astype\('float32'\)$"):
        dtypes.result_type("add", [np.dtype("int64"), np.dtype("float32")], [])


@pytest.mark.parametrize(("one", "two", "wider"), [("bool", "int8", "int8"), ("int64", "uint64", "int64")])
def test_hint_names_the_wider_dtype(one: str, two: str, wider: str) -> None:
    for pair in ((one, two), (two, one)):
        with pytest.raises(DTypeError, match=rf"convert one of them, e\.g\. x\.astype\('{wider}'\)$"):
            dtypes.result_type("add", [np.dtype(dtype) for dtype in pair], [])

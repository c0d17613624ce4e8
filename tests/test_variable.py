"""Variables in part: ``v[index].assign``, and what tapes and views see of it. The whole ones are in test_tensor.py."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    IndexOutOfBoundsError,
    ShapeError,
)

on_the_reference = pytest.mark.usefixtures("reference")

MASK = np.array([[True, False, True], [False, True, False]])

INDICES: dict[str, Any] = {
    "an element": (0, 0),
    "an element from the end": (-1, -2),
    "a row": 1,
    "steps": (slice(1, None), slice(None, None, 2)),
    "backwards": slice(None, None, -1),
    "a column": (..., 1),
    "everything": ...,
    "a new axis": (None, 0),
    "nothing": slice(2, 2),
    "rows by an array": [1, 0],
    "elements by arrays": (np.array([1, 0]), np.array([2, 2])),
    "a mask": MASK,
}


@on_the_reference
@pytest.mark.parametrize("change", ["assign", "assign_add", "assign_sub"])
@pytest.mark.parametrize("name", INDICES)
def test_a_part_is_assigned_to(name: str, change: str, rng: np.random.Generator) -> None:
    index = INDICES[name]
    array = rng.standard_normal((2, 3)).astype(np.float32)
    v = tl.Variable(array)
    before, part = v.value, v[index]
    value = rng.standard_normal(array[index].shape).astype(np.float32)
    assert getattr(v[index], change)(value) is v
    expected = array.copy()
    expected[index] = {"assign": value, "assign_add": array[index] + value, "assign_sub": array[index] - value}[change]
    np.testing.assert_array_equal(v.numpy(), expected, strict=True)
    np.testing.assert_array_equal(before.numpy(), array)  # what was read stays
    np.testing.assert_array_equal(part.numpy(), array[index])


def test_a_part_takes_numbers_lists_tensors_and_what_converts() -> None:
    v = tl.Variable([[1.0, 2.0], [3.0, 4.0]])
    v[0, 0].assign(3.0)
    v[0, 1].assign(7)
    v[1].assign(tl.asarray([5, 6]))
    v[:, 1].assign_add([0.5, np.float64(0.25)])
    assert v.tolist() == [[3.0, 7.5], [5.0, 6.25]]
    assert v.dtype == np.float32
    counts = tl.Variable([1, 2])
    counts[0].assign_add(3)
    assert counts.tolist() == [4, 2]


@on_the_reference
def test_parts_may_overlap() -> None:
    v = tl.Variable(np.arange(5.0))
    v[1:].assign(v[:-1])
    assert v.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]
    v[:-1].assign(v[1:] + v[:-1])
    assert v.tolist() == [0.0, 1.0, 3.0, 5.0, 3.0]
    v[::-1].assign(v)
    assert v.tolist() == [3.0, 5.0, 3.0, 1.0, 0.0]
    v.assign(v[::-1])
    assert v.tolist() == [0.0, 1.0, 3.0, 5.0, 3.0]
    v[[0, 1]].assign(v[[1, 0]])
    assert v.tolist() == [1.0, 0.0, 3.0, 5.0, 3.0]


def test_a_part_is_written_in_place_where_nobody_else_reads() -> None:
    v = tl.Variable(np.zeros((64, 64), np.float32))
    place = v.numpy().__array_interface__["data"][0]
    for step in range(3):
        v[step, 1:].assign(np.full(63, step, np.float32))
        v[step, 0].assign_sub(1.0)
    assert v.numpy().__array_interface__["data"][0] == place
    assert v[:3, :2].tolist() == [[-1.0, 0.0], [-1.0, 1.0], [-1.0, 2.0]]


def test_the_part_that_was_assigned_by_shows_the_new_value() -> None:
    v = tl.Variable([1.0, 2.0])
    part = v[0]
    other = part + 0.0
    part.assign(5.0)
    assert float(part) == 5.0
    assert float(other) == 1.0
    part.assign_add(1.0)
    assert v.tolist() == [6.0, 2.0]


@pytest.mark.parametrize(
    ("index", "value", "kind", "message"),
    [
        (0, 1.0, ShapeError, r"^assign to a part of 'w': expected a value of shape \(2,\), received \(\)$"),
        ((0, 0), [1.0], ShapeError, r"^assign to a part of 'w': expected a value of shape \(\), received \(1,\)$"),
        (0, ["a", "b"], DTypeError, r"received <U1 data"),
        (5, 1.0, IndexOutOfBoundsError, r"^index: expected indices that fit shape \(2, 2\), received 5"),
        ("row", 1.0, ArgumentTypeError, r"^index: expected slices, numbers, None, \.\.\. or arrays, received 'row'$"),
    ],
)
def test_a_part_refuses(index: Any, value: Any, kind: type[Exception], message: str) -> None:
    v = tl.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
    with pytest.raises(kind, match=message):
        v[index].assign(value)
    assert v.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(("device", "dtype"), [("cpu", "float32"), ("cpu", "int64"), ("reference", "float64")])
def test_the_whole_is_added_to_in_one_pass(device: str, dtype: str, rng: np.random.Generator) -> None:
    array = rng.integers(-9, 9, (3, 4)).astype(dtype)
    with tl.device(device):
        v, nothing = tl.Variable(array), tl.Variable(array[:0])
    assert nothing.assign_add(1).assign_sub(array[:1]).shape == (0, 4)
    assert v.dtype == dtype
    for value in (2, [1, 2, 3, 4], array[:, 1:2], np.asfortranarray(array), array[::-1], np.ones((1, 4), dtype)):
        v.assign_add(value)
        array = array + np.asarray(value, dtype)
        np.testing.assert_array_equal(v.numpy(), array, strict=True)
        v.assign_sub(value).assign_sub(value)
        array = array - np.asarray(value, dtype) - np.asarray(value, dtype)
        np.testing.assert_array_equal(v.numpy(), array, strict=True)
    v.assign_sub(v[::-1])
    np.testing.assert_array_equal(v.numpy(), array - array[::-1])
    v.assign_add(v)
    np.testing.assert_array_equal(v.numpy(), 2 * (array - array[::-1]))


def test_what_does_not_broadcast_or_is_no_number_is_not_added() -> None:
    v = tl.Variable([1.0, 2.0], name="w")
    for value in (np.ones(3), np.ones((1, 2)), np.ones((2, 1))):
        message = (
            rf"^assign to 'w': expected a value of shape \(2,\), received \({', '.join(map(str, value.shape))},?\)$"
        )
        with pytest.raises(ShapeError, match=message):
            v.assign_add(value)
    assert v.tolist() == [1.0, 2.0]
    with pytest.raises(DTypeError, match=r"^assign to 'm': expected a variable of numbers, received bool; use assign$"):
        tl.Variable([True], name="m").assign_add(True)


def test_a_part_refuses_fractions_for_integers_and_other_devices() -> None:
    steps = tl.Variable([1, 2], name="steps")
    with pytest.raises(DTypeError) as error:
        steps[0].assign(np.array(1.5))
    assert str(error.value) == (
        "assign to a part of 'steps': expected a value of int64, received float64; use .astype('int64')"
    )
    with pytest.raises(DeviceError, match=r"^assign to a part of 'steps': expected a value on cpu, received reference"):
        steps[0].assign(tl.asarray(1, device="reference"))
    assert steps.tolist() == [1, 2]


def test_a_part_is_a_tensor_like_any_other() -> None:
    v = tl.Variable([[1.0, 2.0], [3.0, 4.0]])
    part = v[0]
    assert isinstance(part, tl.Tensor)
    assert repr(part) == "Tensor([1., 2.], dtype=float32)"
    for result, expected in (
        (part + part, [2.0, 4.0]),
        (np.ones(2, np.float32) - part, [0.0, -1.0]),
        (part @ v, [7.0, 10.0]),
        (part[1], 2.0),
        (tl.concat([part, v[1]]), [1.0, 2.0, 3.0, 4.0]),
        (tl.Variable(part), [1.0, 2.0]),
        (tl.asarray(part, dtype="float64"), [1.0, 2.0]),
    ):
        assert result.tolist() == expected
    assert f"{v[1, 1]:.2f}" == "4.00"
    assert float(v[1, 0]) == 3.0
    assert [float(x) for x in v[1]] == [3.0, 4.0]
    with pytest.raises(AttributeError, match="assign"):
        part[0].assign(1.0)  # type: ignore[attr-defined]


@on_the_reference
def test_gradients_flow_through_parts() -> None:
    v = tl.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tl.GradientTape() as outer:
        with tl.GradientTape() as tape:
            y = v[0, 0] * v[1, 1] * v[0, 0] + tl.sum(v[1])
        slope = tape.gradient(y, v)
        y = tl.sum(slope * slope)
    assert slope.tolist() == [[8.0, 0.0], [1.0, 2.0]]
    # (2ac)² + (a² + 1)² + 1 for a = 1, c = 4
    assert outer.gradient(y, v).tolist() == [[2 * 8 * 8 + 2 * 2 * 2, 0.0], [0.0, 2 * 8 * 2]]
    with tl.GradientTape() as tape:
        tape.watch(part := v[0])
        y = tl.sum(part * part)
    assert tape.gradient(y, part).tolist() == [2.0, 4.0]


@on_the_reference
def test_what_a_tape_keeps_does_not_change_with_a_part() -> None:
    v = tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        y = v * v
        v[0].assign(100.0)
        z = tl.sum(y + v)
    assert tape.gradient(z, v).tolist() == [5.0, 7.0]
    assert float(z) == 4.0 + 9.0 + 100.0 + 3.0


MADE_AGAIN = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda value: pickle.loads(pickle.dumps(value))}


@on_the_reference
@pytest.mark.parametrize("way", MADE_AGAIN)
def test_copies_are_variables_of_their_own(way: str) -> None:
    v = tl.Variable([2.0, 3.0], name="w", trainable=way != "copy")
    v.regularizer = tl.regularizers.L2(0.5)
    other = MADE_AGAIN[way](v)
    assert (other.name, other.trainable, other.dtype, other.device) == (v.name, v.trainable, v.dtype, v.device)
    assert float(other.regularizer(other)) == 6.5
    with tl.GradientTape() as tape:
        tape.watch([v, other])
        y = v * other * other
    assert [gradient.tolist() for gradient in tape.gradient(y, [v, other])] == [[4.0, 9.0], [8.0, 18.0]]
    other.assign_add(1.0)
    assert (v.tolist(), other.tolist()) == ([2.0, 3.0], [3.0, 4.0])
    for part in (v.value, v[1], tl.asarray([[1.5]])):
        again = MADE_AGAIN[way](part)
        assert type(again) is tl.Tensor
        assert (again.tolist(), again.device) == (part.tolist(), part.device)
        assert float(tl.sum(again + part)) == 2 * float(tl.sum(part))
        assert again.key != part.key


def test_numbers_of_variables() -> None:
    assert (float(tl.Variable(2.5)), int(tl.Variable(3)), bool(tl.Variable(0.0))) == (2.5, 3, False)
    assert f"{tl.Variable(1.23456):.2f}" == "1.23"
    v = tl.Variable([[1.0], [2.0]], name="w")
    assert len(v) == 2
    assert [row.tolist() for row in v] == [[1.0], [2.0]]
    assert (np.array([[10.0], [20.0]], np.float32) / v).tolist() == [[10.0], [10.0]]
    assert repr(v) == "Variable([[1.],\n          [2.]], dtype=float32, name='w')"
    with pytest.raises(ShapeError, match=r"^float: expected a tensor of one element, received shape \(2, 1\)$"):
        float(v)


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("int64", 1.5, r"expected a value of int64, received float32; use \.astype\('int64'\)$"),
        ("int64", [1.5, 2], r"expected a value of int64, received float32"),
        ("int64", True, r"expected a value of int64, received bool"),
        ("bool", [1, 0], r"expected a value of bool, received int64"),
        ("uint8", [-1, 1], r"expected numbers that uint8 holds, received \[-1, 1\]"),
        ("uint8", np.ones(2, "int64"), r"expected a value of uint8, received int64"),
    ],
)
def test_what_a_dtype_does_not_hold_is_not_assigned(dtype: str, value: Any, message: str) -> None:
    v = tl.Variable(np.ones(2, dtype), name="w")
    for change in (v.assign, v.assign_add) if dtype != "bool" else (v.assign,):
        with pytest.raises((DTypeError, ArgumentError), match=rf"^assign to 'w': {message}"):
            change([value, value] if np.isscalar(value) else value)
    assert v.tolist() == [1, 1]
    assert v.dtype == dtype


def test_whole_numbers_are_assigned_to_every_dtype_that_holds_them() -> None:
    for dtype, value in (
        ("uint8", [5, 255]),
        ("uint64", [2**64 - 1, 2**63]),
        ("float64", [1, True]),
        ("int8", [-128, 127]),
    ):
        assert tl.Variable(np.ones(2, dtype)).assign(value).tolist() == value

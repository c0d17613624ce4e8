"""Parts of variables: ``v[index].assign``, and values seen by tapes and views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, DeviceError, DTypeError, IndexOutOfBoundsError, ShapeError

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
def test_assignment_to_a_part(name: str, change: str, rng: np.random.Generator) -> None:
    index = INDICES[name]
    array = rng.standard_normal((2, 3)).astype(np.float32)
    v = tl.Variable(array)
    before, part = v.value, v[index]
    value = rng.standard_normal(array[index].shape).astype(np.float32)
    assert getattr(v[index], change)(value) is v
    expected = array.copy()
    expected[index] = {"assign": value, "assign_add": array[index] + value, "assign_sub": array[index] - value}[change]
    np.testing.assert_array_equal(v.numpy(), expected, strict=True)
    np.testing.assert_array_equal(before.numpy(), array)  # values read before stay the same
    np.testing.assert_array_equal(part.numpy(), array[index])


def test_part_accepts_numbers_lists_and_tensors() -> None:
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
def test_value_may_overlap_the_part() -> None:
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


def test_part_is_written_in_place_without_other_references() -> None:
    v = tl.Variable(np.zeros((64, 64), np.float32))
    place = v.numpy().__array_interface__["data"][0]
    for step in range(3):
        v[step, 1:].assign(np.full(63, step, np.float32))
        v[step, 0].assign_sub(1.0)
    assert v.numpy().__array_interface__["data"][0] == place
    assert v[:3, :2].tolist() == [[-1.0, 0.0], [-1.0, 1.0], [-1.0, 2.0]]


def test_part_shows_the_assigned_value() -> None:
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
def test_invalid_assignment_to_a_part_is_rejected(index: Any, value: Any, kind: type[Exception], message: str) -> None:
    v = tl.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
    with pytest.raises(kind, match=message):
        v[index].assign(value)
    assert v.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_part_rejects_fractions_for_integers_and_other_devices() -> None:
    steps = tl.Variable([1, 2], name="steps")
    with pytest.raises(DTypeError) as error:
        steps[0].assign(np.array(1.5))
    assert str(error.value) == (
        "assign to a part of 'steps': expected a value of int64, received float64; use .astype('int64')"
    )
    with pytest.raises(DeviceError, match=r"^assign to a part of 'steps': expected a value on cpu, received reference"):
        steps[0].assign(tl.asarray(1, device="reference"))
    assert steps.tolist() == [1, 2]


def test_part_is_a_tensor() -> None:
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
        part[0].assign(1.0)


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
def test_assignment_to_a_part_does_not_change_recorded_values() -> None:
    v = tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        y = v * v
        v[0].assign(100.0)
        z = tl.sum(y + v)
    assert tape.gradient(z, v).tolist() == [5.0, 7.0]
    assert float(z) == 4.0 + 9.0 + 100.0 + 3.0

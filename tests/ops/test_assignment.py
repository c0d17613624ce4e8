"""Check ``x[index] = value`` and ``x.at[index]``: results, unchanged copies, and errors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from any_layout import layouts

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    IndexOutOfBoundsError,
    ShapeError,
    StateError,
)

pytestmark = pytest.mark.usefixtures("reference")

Array = np.ndarray[Any, Any]
MASK = np.array([[True, False, True, False], [False, False, False, True], [True, True, True, True]])

INDICES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "number": (1, (4,)),
    "negative numbers": ((-1, -2), ()),
    "slice": (slice(1, None), (2, 4)),
    "negative step": ((slice(None, None, -1), slice(3, 0, -2)), (3, 2)),
    "all": (slice(None), (3, 4)),
    "ellipsis": (..., (3, 4)),
    "ellipsis and number": ((..., 2), (3,)),
    "new axis": ((None, 1, slice(0, 3)), (1, 3)),
    "empty slice": (slice(2, 2), (0, 4)),
    "mask": (MASK, (7,)),
    "mask of rows": (np.array([True, False, True]), (2, 4)),
    "mask and slice": ((np.array([False, True, True]), slice(1, 3)), (2, 2)),
    "empty mask": (np.zeros((3, 4), bool), (0,)),
    "true": (True, (1, 3, 4)),
    "array": (np.array([2, 0]), (2, 4)),
    "two arrays": ((np.array([[0], [2]]), np.array([1, -1])), (2, 2)),
    "array after a slice": ((slice(None), np.array([3, 1])), (3, 2)),
    "list": ([0, 2], (2, 4)),
    "twice": (np.array([1, 1, 0, 1]), (4, 4)),
    "no array": ([], (0, 4)),
}


@pytest.fixture(params=["cpu", "reference"])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    with tl.device(request.param):
        yield request.param


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.usefixtures("device")
def test_assignment_matches_numpy(name: str, dtype: str, rng: np.random.Generator) -> None:
    index, selected = INDICES[name]
    array = rng.integers(0, 2 if dtype == "bool" else 100, (3, 4)).astype(dtype)
    for shape in {selected, selected[1:], tuple(1 for _ in selected), ()}:
        value = rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
        expected, x = array.copy(), tl.asarray(array.tolist(), dtype=dtype)
        expected[index] = value
        before, view, same = x.numpy(), x[::-1], x
        new = x.at[index].set(value)
        assert x.tolist() == array.tolist()
        x[index] = tl.asarray(value)
        for changed in (x, new, same):
            assert isinstance(changed, tl.Tensor)
            np.testing.assert_array_equal(changed.numpy(), expected, strict=True)
        np.testing.assert_array_equal(before, array)
        np.testing.assert_array_equal(view.numpy(), array[::-1])
        x[index] = value  # in place: no other object shares the memory now
        np.testing.assert_array_equal(x.numpy(), expected)


def test_tensors_as_indices(rng: np.random.Generator) -> None:
    array = rng.standard_normal((3, 4)).astype(np.float32)
    x = tl.asarray(array, copy=True)
    x[tl.asarray(MASK)] = 0.0
    x[tl.asarray(2), tl.asarray([1, 0])] = [7.0, 8.0]
    array[MASK] = 0.0
    array[2, [1, 0]] = [7.0, 8.0]
    np.testing.assert_array_equal(x.numpy(), array)
    x[x < 0] = 1
    np.testing.assert_array_equal(x.numpy(), np.where(array < 0, 1, array))


def test_in_place_operators_on_slices() -> None:
    x = tl.asarray([1.0, 2.0, 3.0, 4.0])
    alias = x
    x[1:] += 2
    x[0] *= 10
    x[::2] -= tl.asarray([1.0, 2.0])
    x[-1] /= 3
    assert x.tolist() == [9.0, 4.0, 3.0, 2.0]
    assert alias is x
    i = tl.asarray([5, 7])
    i[0] //= 2
    i[1] **= 2
    i[:] |= 8
    assert i.tolist() == [10, 57]


def test_values_broadcast_and_are_converted() -> None:
    x = tl.zeros((2, 3))
    x[0] = 1
    x[1] = np.array([[1, 2, 3]], np.int32)  # an extra axis of length 1, which NumPy accepts too
    assert x.tolist() == [[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]]
    x[:, 0] = tl.asarray([0.1, 0.2], dtype="float64")
    assert (x.dtype, x[:, 0].tolist()) == (np.float32, np.float32([0.1, 0.2]).tolist())
    i = tl.zeros(2, dtype="int64")
    i[0] = np.uint8(200)
    i[1] = np.int8(-3)
    assert i.tolist() == [200, -3]
    d = tl.zeros(1, dtype="float64")
    d[0] = 0.1
    assert d.item() == 0.1


# Results that do not change with a later assignment


READERS: dict[str, Callable[[tl.Tensor], Any]] = {
    "numpy": lambda x: x.numpy(),
    "array": np.asarray,
    "dlpack": lambda x: np.from_dlpack(x, copy=False),
    "view": lambda x: x[1:],
    "transpose": lambda x: x.T,
    "the same shape": lambda x: x.reshape(x.shape),
    "the same dtype": lambda x: tl.astype(x, x.dtype),
    "broadcast": lambda x: tl.broadcast_to(x, (2, *x.shape)),
    "broadcast to its shape": lambda x: tl.broadcast_to(x, x.shape),
    "stop_gradient": tl.ops.stop_gradient,
    "squeezed": tl.squeeze,
    "variable": lambda x: tl.Variable(x),
    "other device": lambda x: x.to_device("cpu"),
    "layer": lambda x: tl.layers.Dropout(0.5)(x),
    "rows": lambda x: list(x)[1],
    "split": lambda x: tl.unstack(x)[1],
    "snapshot": lambda x: x.snapshot(),
    "iterator": lambda x: next(iter(x)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("assigned_before", [False, True])
def test_results_do_not_change_after_assignment(name: str, assigned_before: bool, rng: np.random.Generator) -> None:
    array = rng.standard_normal((3, 2)).astype(np.float32)
    x = tl.asarray(array, copy=True)
    if assigned_before:
        x[0, 0] = 5.0
    read = READERS[name](x)
    before = np.array(read)
    x[...] = 7.0
    x[1] = 8.0
    np.testing.assert_array_equal(np.asarray(read), before)


def test_assignment_to_a_slice_leaves_the_base_unchanged() -> None:
    x = tl.asarray([1.0, 2.0, 3.0])
    part = x[1:]
    part[0] = 9.0
    assert (x.tolist(), part.tolist()) == ([1.0, 2.0, 3.0], [9.0, 3.0])
    v = tl.Variable([1.0, 2.0])
    value = v.value
    value[0] = 9.0
    assert (v.tolist(), value.tolist()) == ([1.0, 2.0], [9.0, 2.0])


def test_assignment_discards_the_logits_of_probabilities() -> None:
    logits = tl.asarray([[1.0, 2.0, 3.0]])
    loss = tl.losses.CategoricalCrossentropy()
    for compute in (tl.softmax, tl.sigmoid):
        y = compute(logits)
        y[...] = tl.asarray([[0.5, 0.25, 0.25]])
        assert float(loss([[1.0, 0.0, 0.0]], y)) == pytest.approx(np.log(2.0), rel=1e-6)


def test_shared_array_is_unchanged_by_assignment(rng: np.random.Generator) -> None:
    for array in layouts(rng.standard_normal((3, 4))).values():
        before = array.copy()
        x = tl.asarray(array)
        x[0] = 0.0
        array_after = array.copy()
        array[...] = 5.0
        np.testing.assert_array_equal(array_after, before)
        np.testing.assert_array_equal(x.numpy()[1:], before[1:])


def test_unshared_memory_is_written_in_place() -> None:
    x = tl.zeros((100, 100))
    x[0] = 1.0
    place = x.numpy().ctypes.data
    for row in range(100):
        x[row] = row
        x[row, x[row] > 50.0] = 50.0
    assert x.numpy().ctypes.data == place
    kept = x.numpy()
    x[0] = 3.0
    assert x.numpy().ctypes.data != place
    assert kept[0, 0] == 0.0


def test_tensor_is_usable_after_assignment() -> None:
    x = tl.asarray([1.0, 2.0], device="cpu")
    x[0] = 3.0
    assert type(x).__name__ == "Tensor"
    assert repr(x) == "Tensor([3., 2.], dtype=float32)"
    assert tl.asarray(x) is x
    for _ in range(150):  # enough calls to compile one
        assert (x + x).tolist() == [6.0, 4.0]
    table = {x: "found"}
    x[1] = 5.0
    assert table[x] == "found"
    assert tl.sum(x).item() == 8.0


# at


@pytest.mark.parametrize("name", INDICES)
def test_at_methods_match_numpy_ufuncs(name: str, rng: np.random.Generator) -> None:
    index, selected = INDICES[name]
    array = rng.uniform(1.0, 2.0, (3, 4))
    value = rng.uniform(1.0, 2.0, selected)
    ufuncs = {
        "add": np.add,
        "subtract": np.subtract,
        "multiply": np.multiply,
        "mul": np.multiply,
        "divide": np.divide,
        "power": np.power,
        "min": np.minimum,
        "max": np.maximum,
    }
    x = tl.asarray(array)
    for method, ufunc in ufuncs.items():
        expected = array.copy()
        ufunc.at(expected, index, value)
        result = getattr(x.at[index], method)(value)
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(x.at[index].get().numpy(), array[index])
    np.testing.assert_array_equal(x.numpy(), array)


def test_at_accepts_numbers_and_functions() -> None:
    x = tl.asarray([1.0, 4.0, 9.0])
    assert x.at[1:].add(1).tolist() == [1.0, 5.0, 10.0]
    assert x.at[[0, 0, 0]].add(1.0).tolist() == [4.0, 4.0, 9.0]
    assert x.at[1:].apply(tl.sqrt).tolist() == [1.0, 2.0, 3.0]
    i = tl.asarray([1, 2], dtype="int32")
    assert (i.at[0].add(5).dtype, i.at[0].add(5).tolist()) == (np.int32, [6, 2])
    assert i.at[[1, 1]].multiply(3).tolist() == [1, 18]
    assert tl.Variable([1.0, 2.0]).at[0].set(5.0).tolist() == [5.0, 2.0]
    assert repr(x.at) == "<at of a tensor of shape (3,)>"
    assert repr(x.at[0]).startswith("<elements of a tensor of shape (3,): use get, set, add")


def test_at_uses_the_value_before_later_assignments() -> None:
    x = tl.asarray([1.0, 2.0])
    part = x.at[0]
    x[:] = 7.0
    assert part.set(5.0).tolist() == [5.0, 2.0]


# Errors


def assign(x: Any, index: Any, value: Any) -> None:
    operator.setitem(x, index, value)


REJECTED: list[tuple[Callable[[tl.Tensor], Any], type[Exception], str]] = [
    (
        lambda x: assign(x, 3, 1.0),
        IndexOutOfBoundsError,
        r"^x\[index\] = value: expected indices that fit shape \(3, 2",
    ),
    (lambda x: assign(x, (0, 0, 0), 1.0), IndexOutOfBoundsError, r"^x\[index\] = value: .* received 0, 0, 0"),
    (lambda x: assign(x, "a", 1.0), ArgumentTypeError, r"^x\[index\] = value: expected slices, numbers, None"),
    (lambda x: assign(x, slice(None, None, 0), 1.0), ArgumentTypeError, r"^x\[index\] = value: .* step cannot be zero"),
    (lambda x: assign(x, [0.5], 1.0), DTypeError, r"^x\[index\] = value: expected integers or a mask of bools"),
    (lambda x: assign(x, np.array([True]), 1.0), IndexOutOfBoundsError, r"^x\[index\] = value: .*boolean index"),
    (
        lambda x: assign(x, 0, [1.0, 2.0, 3.0]),
        ShapeError,
        r"^x\[index\] = value: expected a value of shape \(2,\), received \(3,\)$",
    ),
    (lambda x: assign(x, x > 6, [1.0, 2.0]), ShapeError, r"expected a value of shape \(0,\), received \(2,\)$"),
    (lambda x: assign(x, 0, "a"), DTypeError, r"^x\[index\] = value: expected data of bool, .*, received <U1 data"),
    (lambda x: assign(x, 0, None), DTypeError, r"^x\[index\] = value: .* received objects \(NoneType\)"),
    (lambda x: assign(x, 0, 1j), DTypeError, r"^x\[index\] = value: .* received complex128 data"),
    (
        lambda x: assign(x, 0, tl.asarray([1.0, 2.0], device="cpu")),
        DeviceError,
        r"^x\[index\] = value: expected a value on reference, received cpu; use \.to_device\('reference'\)$",
    ),
    (lambda x: x.at[0].set([1.0, 2.0, 3.0]), ShapeError, r"^x\.at\[index\]\.set: expected a value of shape \(2,\)"),
    (lambda x: x.at[7].add(1.0), IndexOutOfBoundsError, r"^x\.at\[index\]\.add: expected indices that fit"),
    (lambda x: x.at["a"], ArgumentTypeError, r"^x\.at: expected slices, numbers"),
]


@pytest.mark.parametrize(("change", "kind", "message"), REJECTED)
def test_rejected_assignment_changes_nothing(
    change: Callable[[tl.Tensor], Any], kind: type[Exception], message: str
) -> None:
    x = tl.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with pytest.raises(kind, match=message):
        change(x)
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize(
    ("dtype", "value", "kind", "message"),
    [
        ("int64", 1.5, DTypeError, r"expected a value of int64, received float32; use \.astype\('int64'\)$"),
        ("int64", np.float64(1.0), DTypeError, r"received float64"),
        ("uint8", 300, ArgumentError, r"expected numbers that uint8 holds, received 300"),
        ("uint8", -1, ArgumentError, r"expected numbers that uint8 holds, received -1"),
        ("uint8", np.ones(1, "int64"), DTypeError, r"expected a value of uint8, received int64"),
        ("bool", 1, DTypeError, r"expected a value of bool, received int64"),
        ("int64", True, DTypeError, r"expected a value of int64, received bool"),
    ],
)
def test_value_outside_the_dtype_range_is_rejected(dtype: str, value: Any, kind: type[Exception], message: str) -> None:
    x = tl.ones(2, dtype=dtype)
    with pytest.raises(kind, match=message):
        x[0] = value
    assert x.tolist() == [1, 1]


def test_assignment_to_a_temporary_tensor_is_rejected() -> None:
    x, v = tl.zeros((2, 3)), tl.Variable([[1.0, 2.0]], name="w")
    message = (
        r"^x\[index\] = value: expected a tensor that has a name, received a temporary tensor, whose change would be "
        r"lost; write x\[0, 1\] = value in place of x\[0\]\[1\] = value"
    )
    with pytest.raises(ArgumentTypeError, match=message):
        x[0][1] = 1.0
    with pytest.raises(ArgumentTypeError, match=message):
        x.T[0] = 1.0
    with pytest.raises(ArgumentTypeError, match=message):
        x[0][:1] = 1.0
    with pytest.raises(ArgumentTypeError, match=message):
        x[0][:] += 1.0
    with pytest.raises(ArgumentTypeError, match=message):
        x[0][0:2:1] = 1.0
    x[0:0].__setitem__(slice(0, 0), 1.0)  # an explicit call is allowed
    with pytest.raises(
        ArgumentTypeError, match=r"^v\[part\]\[index\] = value: .*a part of 'w'; use v\[index\]\.assign"
    ):
        v[0][1] = 1.0
    with pytest.raises(
        ArgumentTypeError,
        match=r"^v\[index\] = value: expected a tensor, received Variable 'w'; use v\[index\]\.assign\(value\), or",
    ):
        v[0] = 1.0
    assert (x.tolist(), v.tolist()) == ([[0.0] * 3] * 2, [[1.0, 2.0]])
    x.__setitem__((0, 0), 2.0)  # an explicit call holds fewer references than the statement
    operator.setitem(x, (0, 1), 3.0)
    assert x[0].tolist() == [2.0, 3.0, 0.0]
    rows = [tl.zeros(2), tl.zeros(2)]
    rows[0][1] = 1.0  # the list holds a reference
    assert rows[0].tolist() == [0.0, 1.0]

    class Holder:
        x = tl.zeros(2)

    Holder.x[0] = 1.0
    assert Holder.x.tolist() == [1.0, 0.0]


def test_assignment_to_a_watched_tensor_is_rejected() -> None:
    x = tl.asarray([1.0, 2.0])
    with tl.GradientTape() as tape:
        tape.watch(x)
        with pytest.raises(
            StateError,
            match=r"^x\[index\] = value: a recording tape watches the tensor; "
            r"use y = x\.at\[index\]\.set\(value\) inside of the tape$",
        ):
            x[0] = 5.0
    assert x.tolist() == [1.0, 2.0]

    def change(x: tl.Tensor) -> tl.Tensor:
        x[0] = 5.0
        return tl.sum(x)

    with pytest.raises(StateError, match="a recording tape watches"):
        tl.grad(change)(x)
    x[0] = 5.0
    assert x.tolist() == [5.0, 2.0]

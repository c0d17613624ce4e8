"""Check variables: assignment, and the values that readers, tapes and copies see.

For assignment to slices see test_variable_parts.py.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from any_layout import layouts

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError, ShapeError, UnknownNameError


def address(tensor: tl.Tensor) -> int:
    return int(tensor.numpy().__array_interface__["data"][0])


def test_variable_owns_its_memory(rng: np.random.Generator) -> None:
    for array in layouts(rng.standard_normal((2, 3))).values():
        before = array.copy()
        variable = tl.Variable(array)
        assert not np.shares_memory(variable.numpy(), array)
        assert variable.numpy().flags.c_contiguous
        variable.assign(np.zeros((2, 3)))
        np.testing.assert_array_equal(array, before)
    source = tl.Variable([1.0])
    other = tl.Variable(source)
    other.assign([5.0])
    assert source.tolist() == [1.0]
    assert tl.Variable([1, 2], dtype="float64").dtype == np.float64


def test_assign() -> None:
    v = tl.Variable([1.0, 2.0], name="w")
    assert v.assign([3.0, 4.0]) is v
    assert v.tolist() == [3.0, 4.0]
    assert v.assign_add([1.0, 1.0]).tolist() == [4.0, 5.0]
    assert v.assign_sub(np.array([0.5, 0.5], np.float32)).tolist() == [3.5, 4.5]
    assert v.assign(np.array([1.0, 2.0])).dtype == np.float32
    assert v.assign(tl.asarray([7, 8])).tolist() == [7.0, 8.0]
    assert v.assign(v * 2.0).tolist() == [14.0, 16.0]
    assert v.assign(v).tolist() == [14.0, 16.0]
    assert v.assign(v[::-1]).tolist() == [16.0, 14.0]
    assert tl.Variable(3).assign_add(2).item() == 5


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (np.zeros((3,), np.float32), ShapeError, r"^assign to 'w': expected a value of shape \(2,\), received \(3,\)$"),
        (1.0, ShapeError, r"^assign to 'w': expected a value of shape \(2,\), received \(\)$"),
        (np.zeros((2, 1), np.float32), ShapeError, r"received \(2, 1\)$"),
        ("ab", DTypeError, r"received <U2 data"),
    ],
)
def test_invalid_assignment_is_rejected(value: Any, kind: type[Exception], message: str) -> None:
    v = tl.Variable([1.0, 2.0], name="w")
    with pytest.raises(kind, match=message):
        v.assign(value)
    assert v.tolist() == [1.0, 2.0]


def test_assignment_that_loses_a_fraction_or_changes_the_device_is_rejected() -> None:
    steps = tl.Variable([1, 2], name="steps")
    with pytest.raises(DTypeError) as error:
        steps.assign(tl.asarray([1.5, 2.5]))
    assert str(error.value) == ("assign to 'steps': expected a value of int64, received float32; use .astype('int64')")
    with pytest.raises(DeviceError) as device_error:
        steps.assign(tl.asarray([1, 2], device="reference"))
    assert str(device_error.value) == (
        "assign to 'steps': expected a value on cpu, received reference; use .to_device('cpu')"
    )
    with pytest.raises(ShapeError, match=r"^assign to 'steps': expected a value of shape \(2,\), received \(2, 2\)$"):
        steps.assign_add([[1, 1], [1, 1]])
    assert steps.tolist() == [1, 2]


READERS: dict[str, Callable[[tl.Variable], Any]] = {
    "numpy": lambda v: v.numpy(),
    "asarray": lambda v: np.asarray(v),
    "dlpack": lambda v: np.from_dlpack(v),
    "snapshot": lambda v: v.snapshot(),
    "value": lambda v: v.value,
    "tensor": lambda v: tl.asarray(v),
    "slice": lambda v: v[1:],
    "reversed": lambda v: v[:, ::-1],
    "reshape": lambda v: v.reshape(-1),
    "transpose": lambda v: v.T,
    "view of a view": lambda v: v.T.reshape(2, 3)[0],
    "numpy of a view": lambda v: v[0].numpy()[1:],
    "broadcast": lambda v: tl.broadcast_to(v, (2, 3, 2)),
    "stop_gradient": lambda v: tl.ops.stop_gradient(v),
    "iteration": lambda v: list(v)[1],
}


@pytest.mark.parametrize("change", ["assign", "assign_add", "assign_sub"])
@pytest.mark.parametrize("name", READERS)
def test_values_read_before_an_assignment_do_not_change(name: str, change: str, rng: np.random.Generator) -> None:
    v = tl.Variable(rng.standard_normal((3, 2)).astype(np.float32))
    read = READERS[name](v)
    before = np.array(read)
    expected = {"assign": 1.0, "assign_add": v.numpy() + 1.0, "assign_sub": v.numpy() - 1.0}[change]
    getattr(v, change)(np.ones((3, 2), np.float32))
    np.testing.assert_array_equal(np.asarray(read), before)
    np.testing.assert_array_equal(v.numpy(), np.broadcast_to(expected, (3, 2)))


def test_assignment_is_in_place_without_other_references() -> None:
    v = tl.Variable(np.zeros((64, 64), np.float32))
    start = address(v)
    for step in range(3):
        v.assign(np.full((64, 64), step, np.float32))
        v.assign_add(np.ones((64, 64), np.float32))
        assert address(v) == start
    kept = v.numpy()
    v.assign(np.zeros((64, 64), np.float32))
    assert address(v) != start
    assert kept.min() == 3.0
    del kept
    start = address(v)
    v.assign_sub(np.ones((64, 64), np.float32))
    assert address(v) == start
    with tl.GradientTape() as tape:
        y = tl.sum(v * v)
    v.assign_add(np.ones((64, 64), np.float32))
    assert address(v) != start
    assert tape.gradient(y, v).numpy().max() == -2.0


def test_own_buffer_copies_only_with_other_references() -> None:
    v = tl.Variable([1.0, 2.0])
    start = address(v)
    assert v.own_buffer().__array_interface__["data"][0] == start
    view = v[:1]
    assert v.own_buffer().__array_interface__["data"][0] != start
    assert v.tolist() == [1.0, 2.0]
    assert view.tolist() == [1.0]


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>"])
def test_in_place_operators_are_rejected(sign: str) -> None:
    namespace = {"v": tl.Variable([1.0], name="w"), "x": tl.asarray([1.0])}
    with pytest.raises(TypeError) as error:
        exec(f"v {sign}= x", namespace)
    assert str(error.value) == (
        "'w': a Variable is changed with assign, assign_add or assign_sub; write v = v + x for a new tensor"
    )


def test_variable_computes_like_a_tensor() -> None:
    v = tl.Variable([1.0, 4.0])
    for result, expected in (
        (v + 1.0, [2.0, 5.0]),
        (np.ones(2, np.float32) * v, [1.0, 4.0]),
        (np.sqrt(v), [1.0, 2.0]),
        (v[0], 1.0),
        (v @ v, 17.0),
    ):
        assert isinstance(result, tl.Tensor)
        assert not isinstance(result, tl.Variable)
        assert result.tolist() == expected
    assert (v.trainable, v.name, v.watched) == (True, "variable", True)
    assert tl.Variable(1).watched is False
    assert tl.Variable(1.0, trainable=False).watched is False


@pytest.mark.parametrize(("device", "dtype"), [("cpu", "float32"), ("cpu", "int64"), ("reference", "float64")])
def test_assign_add_and_assign_sub_broadcast_the_value(device: str, dtype: str, rng: np.random.Generator) -> None:
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


def test_invalid_addition_is_rejected() -> None:
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


COPIERS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda value: pickle.loads(pickle.dumps(value))}


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("how", COPIERS)
def test_copies_are_independent_variables(how: str) -> None:
    v = tl.Variable([2.0, 3.0], name="w", trainable=how != "copy")
    v.regularizer = tl.regularizers.L2(0.5)
    other = COPIERS[how](v)
    assert (other.name, other.trainable, other.dtype, other.device) == (v.name, v.trainable, v.dtype, v.device)
    assert float(other.regularizer(other)) == 6.5
    with tl.GradientTape() as tape:
        tape.watch([v, other])
        y = v * other * other
    assert [gradient.tolist() for gradient in tape.gradient(y, [v, other])] == [[4.0, 9.0], [8.0, 18.0]]
    other.assign_add(1.0)
    assert (v.tolist(), other.tolist()) == ([2.0, 3.0], [3.0, 4.0])
    for part in (v.value, v[1], tl.asarray([[1.5]])):
        copied = COPIERS[how](part)
        assert type(copied) is tl.Tensor
        assert (copied.tolist(), copied.device) == (part.tolist(), part.device)
        assert float(tl.sum(copied + part)) == 2 * float(tl.sum(part))
        assert copied.key != part.key


def test_conversion_to_numbers_and_text() -> None:
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
def test_values_of_another_dtype_or_out_of_range_are_rejected(dtype: str, value: Any, message: str) -> None:
    v = tl.Variable(np.ones(2, dtype), name="w")
    for change in (v.assign, v.assign_add) if dtype != "bool" else (v.assign,):
        with pytest.raises((DTypeError, ArgumentError), match=rf"^assign to 'w': {message}"):
            change([value, value] if np.isscalar(value) else value)
    assert v.tolist() == [1, 1]
    assert v.dtype == dtype


def test_integers_are_assigned_to_every_dtype_that_represents_them() -> None:
    for dtype, value in (
        ("uint8", [5, 255]),
        ("uint64", [2**64 - 1, 2**63]),
        ("float64", [1, True]),
        ("int8", [-128, 127]),
    ):
        assert tl.Variable(np.ones(2, dtype)).assign(value).tolist() == value


# Initializers


def filled(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.full(shape, 2.5, dtype)


@pytest.mark.parametrize(
    ("arguments", "values", "dtype"),
    [
        ({"initializer": "zeros", "shape": (2,)}, [0.0, 0.0], "float32"),
        ({"initializer": "Ones", "shape": 2, "dtype": "int32"}, [1, 1], "int32"),
        ({"initializer": filled, "shape": [2], "dtype": "float64"}, [2.5, 2.5], "float64"),
        ({"initial_value": "ones", "shape": (1, 2)}, [[1.0, 1.0]], "float32"),
        ({"initializer": np.arange(2)}, [0, 1], "int64"),
        ({"initial_value": [1.0, 2.0], "shape": (2,)}, [1.0, 2.0], "float32"),
    ],
)
def test_initializers(arguments: dict[str, Any], values: Any, dtype: str) -> None:
    v = tl.Variable(**arguments, name="w", trainable=False)
    assert (v.tolist(), v.dtype, v.name, v.trainable) == (values, np.dtype(dtype), "w", False)


def test_initializers_of_every_kind(rng: np.random.Generator) -> None:
    assert tl.Variable(tl.initializers.Constant(3.0), (2,)).tolist() == [3.0, 3.0]
    assert tl.Variable(tl.initializers.Zeros, (1,)).tolist() == [0.0]
    limit = np.sqrt(6.0 / 70.0)
    w = tl.Variable(shape=(30, 40), initializer="glorot_uniform").numpy()  # Keras: uniform within sqrt(6 / (30 + 40))
    assert 0.8 * limit < np.abs(w).max() <= limit


@pytest.mark.parametrize(
    ("arguments", "named", "kind", "message"),
    [
        (
            (),
            {},
            ArgumentTypeError,
            r"expected either an initial value, or an initializer and a shape, received neither",
        ),
        ((1.0,), {"initializer": "zeros"}, ArgumentTypeError, r"an initializer and a shape, received both$"),
        (("zeros",), {}, ArgumentError, r"expected a shape for the initializer, received none; e\.g\. shape=\(2, 3\)$"),
        ((), {"shape": (2,)}, ArgumentTypeError, r"received neither$"),
        (([1.0],), {"shape": (2,)}, ShapeError, r"expected a value of shape \(2,\), received \(1,\)$"),
        ((filled, (-1,)), {}, ShapeError, r"expected lengths of at least 0, received \(-1,\)$"),
        ((lambda shape, dtype: 1.0, (2,)), {}, ShapeError, r"expected a value of shape \(2,\), received \(\)$"),
        (
            (1.0, False),
            {},
            ArgumentTypeError,
            r"expected a shape as the second .*, received False; write trainable=False$",
        ),
        (("zeros", (1,)), {"dtype": "text"}, DTypeError, r"received 'text'"),
    ],
)
def test_invalid_arguments_of_a_new_variable_are_rejected(
    arguments: tuple[Any, ...], named: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=rf"^Variable 'w': .*{message}"):
        tl.Variable(*arguments, **named, name="w")


def test_unknown_initializer_is_rejected() -> None:
    with pytest.raises(UnknownNameError, match=r"^initializer: .*received 'zeroz'; did you mean 'zeros'\?$"):
        tl.Variable("zeroz", (2,))

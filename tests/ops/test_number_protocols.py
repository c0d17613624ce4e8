"""Check tensors in Python's number and sequence protocols and in NumPy functions: results and errors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, TensorlabError

pytestmark = pytest.mark.usefixtures("reference")


def test_rounding_functions() -> None:
    x = tl.asarray(2.6)
    assert round(x) == 3
    assert (math.trunc(x), math.floor(x), math.ceil(x)) == (2, 2, 3)
    assert (math.trunc(-x), math.floor(-x), math.ceil(-x)) == (-2, -3, -2)
    assert all(isinstance(f(tl.asarray([7])), int) for f in (math.trunc, math.floor, math.ceil))
    values = np.array([2.5, -3.5, 0.125, 1234.567, np.inf, 1e300])
    for digits in (None, 0, 1, 2, -2):
        np.testing.assert_allclose(round(tl.asarray(values), digits).numpy(), np.round(values, digits or 0), rtol=1e-15)
    assert round(tl.asarray([5, 15]), 2).tolist() == [5, 15]
    assert round(tl.asarray([1.26], dtype="float32"), 1).dtype == np.float32


@pytest.mark.parametrize(
    "other", [(1, 2, 3), [1, 2, 3], range(1, 4), (1.0, 2.0, 3.0), [[1], [2]], ((True, False, True),)], ids=str
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_operators_accept_lists_and_tuples(other: Any, dtype: str) -> None:
    array = np.array([3, 2, 1], dtype)
    x = tl.asarray(array)
    for operation in (operator.add, operator.sub, operator.mul, operator.eq, operator.lt, operator.ge):
        for result, expected in (
            (operation(x, other), operation(array, np.asarray(other))),
            (operation(other, x), operation(np.asarray(other), array)),
        ):
            assert isinstance(result, tl.Tensor)
            np.testing.assert_array_equal(result.numpy(), expected)


def test_numbers_in_lists_take_the_dtype_of_the_tensor() -> None:
    x, i = tl.asarray([1.0, 2.0], dtype="float64"), tl.asarray([1, 2], dtype="int8")
    assert operator.add(x, [0.1, 0.2]).tolist() == [1.0 + 0.1, 2.0 + 0.2]
    assert tl.multiply([0.1, 0.2], x).tolist() == [0.1, 0.4]
    assert (x @ (0.1, 0.2)).item() == pytest.approx(0.5, rel=1e-15)
    assert tl.where([True, False], x, [0.1, 0.3]).tolist() == [1.0, 0.3]
    assert operator.add(i, [1, 2]).dtype == np.int8
    assert (i * [0.5, 1.5]).dtype == (i * 0.5).dtype == np.float32
    assert operator.add(tl.asarray([True, False]), [1, 2]).dtype == (tl.asarray([True]) + 1).dtype
    with pytest.raises(DTypeError, match=r"^add: expected arrays of one kind of dtype, received int64 and float32"):
        tl.add([1, 2], [0.5, 1.5])  # without a tensor, each list is converted separately
    with pytest.raises(ArgumentError, match=r"^add: expected numbers that int8 holds, received \[300, 1\]"):
        operator.add(i, [300, 1])


def test_reversed_and_contains() -> None:
    x = tl.asarray([[1.0, 2.0], [3.0, 4.0]])
    assert [row.tolist() for row in reversed(x)] == [[3.0, 4.0], [1.0, 2.0]]
    assert 3 in x
    assert [9.0, 2.0] in x  # True if any element is equal, as in NumPy
    assert all(nothing not in x for nothing in (None, "a", {}, 1j))


@pytest.mark.parametrize("other", [None, "a", b"a", {}, 1j, object()], ids=lambda other: type(other).__name__)
def test_unsupported_operands_are_rejected(other: Any) -> None:
    x = tl.asarray([1.0])
    assert (x == other) is False
    assert (x != other) is True
    for operation in (operator.add, operator.sub, operator.truediv, operator.matmul, operator.pow, operator.lt, divmod):
        with pytest.raises(TypeError, match=r"not supported between|unsupported operand|can only concat|can't concat"):
            operation(x, other)
        with pytest.raises(
            TypeError, match=r"not supported|unsupported operand|can only concat|can't concat|formatted"
        ):
            operation(other, x)


@pytest.mark.parametrize("other", ["a", b"ab", bytearray(2), memoryview(b"abc")])
@pytest.mark.parametrize("x", [tl.asarray(3), tl.asarray([1.0])])
def test_multiplication_does_not_repeat_sequences(x: tl.Tensor, other: Any) -> None:
    kind = type(other).__name__
    for product in (lambda: x * other, lambda: other * x):
        with pytest.raises(
            ArgumentTypeError, match=f"^multiply: expected a tensor, an array or a number, received a {kind}$"
        ):
            product()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: pow(x, 2, 5), ArgumentTypeError, r"^pow: expected two arguments, .* modulus; use tl\.remainder\(x"),
        (lambda x: pow(2, x, 5), TypeError, r"^unsupported operand type\(s\) for \*\* or pow"),
        (
            lambda x: math.trunc(x),
            ShapeError,
            r"^trunc: expected a tensor of one element, .*\(2,\); use tl\.trunc\(x\)$",
        ),
        (lambda x: math.floor(x), ShapeError, r"^floor: .*; use tl\.floor\(x\)$"),
        (lambda x: math.ceil(x), ShapeError, r"^ceil: .*; use tl\.ceil\(x\)$"),
        (
            lambda x: round(x, 1.5),
            TypeError,
            r"^round: expected an integer number of decimals, or None, received 1\.5$",
        ),
        (
            lambda x: round(x.astype("int64"), -1),
            DTypeError,
            r"^round: expected a tensor of real numbers, received int64; use",
        ),
        (
            lambda x: operator.add(x, [[1.0], [2.0, 3.0]]),
            DTypeError,
            r"^add: expected numbers, or nested lists of equal lengths, received list",
        ),
        (
            lambda x: reversed(tl.sum(x)),
            DTypeError,
            r"^len: expected a tensor with an axis, received a tensor of rank 0",
        ),
        (lambda x: int(tl.asarray(math.nan)), ValueError, r"cannot convert float NaN to integer"),
        (
            lambda x: x.sum(out=np.zeros(())),
            ArgumentTypeError,
            r"^sum: expected no argument but axis, .*received out; ",
        ),
        (lambda x: np.mean(x, where=[True, False]), TensorlabError, r"^mean: expected no argument but axis, keepdims"),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[tl.Tensor], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(tl.asarray([1.0, 2.0]))


# NumPy functions


INTO_TENSORS: dict[str, Callable[[tl.Tensor], Any]] = {
    "np.add": lambda x: np.add(np.ones(3), 1, out=x),
    "np.multiply": lambda x: np.multiply(x, x, x),
    "np.heaviside": lambda x: np.heaviside(x, 1.0, out=(x,)),
    "np.divmod": lambda x: np.divmod(x, 2.0, out=(None, x)),
    "np.add.reduce": lambda x: np.add.reduce(np.ones(3), out=x[0]),
    "np.add.accumulate": lambda x: np.add.accumulate(x, out=x),
    "np.add.outer": lambda x: np.add.outer(np.ones(3), 1.0, out=x),
}


@pytest.mark.parametrize("name", INTO_TENSORS)
@pytest.mark.parametrize("kind", [tl.asarray, tl.Variable])
def test_ufuncs_reject_tensors_as_out(name: str, kind: Callable[[Any], tl.Tensor]) -> None:
    x = kind([1.0, 2.0, 3.0])
    with pytest.raises(
        ArgumentTypeError, match=rf"^{name}: expected a NumPy array as out, received a \w+; use the tensor"
    ):
        INTO_TENSORS[name](x)
    message = r"^np\.add\.at: expected a NumPy array to change, received a (Tensor|Variable); use x\.at\[index\]"
    with pytest.raises(ArgumentTypeError, match=message):
        np.add.at(x, [0, 0], 1.0)
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_ufuncs_with_options_match_numpy() -> None:
    array = np.array([1.0, 2.0, 3.0])
    x, mask, out = tl.asarray(array), tl.asarray([True, False, True]), np.zeros(3)
    assert np.add(x, 1, out=out) is out
    np.testing.assert_array_equal(out, array + 1)
    np.testing.assert_array_equal(np.add(array, 1, where=mask, out=np.zeros(3)), [2.0, 0.0, 4.0])
    np.testing.assert_array_equal(np.sqrt(x, where=mask, out=np.zeros(3)), [1.0, 0.0, np.sqrt(3.0)])
    assert np.add(x, 1, dtype="float32").dtype == np.float32
    np.testing.assert_array_equal(np.multiply.outer(x, array), np.outer(array, array))
    np.testing.assert_array_equal(np.add.accumulate(x), [1.0, 3.0, 6.0])
    np.testing.assert_array_equal(np.add.reduceat(x, tl.asarray([0, 2])), [3.0, 3.0])
    assert np.add.reduce(x, where=mask, initial=tl.asarray(10.0)) == 14.0
    counts = np.zeros(3)
    np.add.at(counts, tl.asarray([0, 0, 2]), x)
    np.testing.assert_array_equal(counts, [3.0, 0.0, 3.0])
    np.testing.assert_array_equal(np.modf(x)[1], array)
    assert np.sum(x) == 6.0


def test_custom_ufunc_with_a_known_name_is_not_replaced() -> None:
    square = np.frompyfunc(lambda x: x + 1.0, 1, 1)
    assert np.square(tl.asarray([3.0])).tolist() == [9.0]

    class Named:
        __name__ = "square"

        def __call__(self, x: Any) -> Any:
            return square(x)

    result = tl.asarray([3.0]).__array_ufunc__(Named(), "__call__", tl.asarray([3.0]))  # type: ignore[attr-defined]
    assert result.tolist() == [4.0]

"""Check error messages of elementwise operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ScalarError, ShapeError, TensorlabError

Array = np.ndarray[Any, Any]

ERRORS: dict[str, tuple[Callable[[], Any], type[TensorlabError], str]] = {
    "shapes": (
        lambda: tl.atan2(tl.ones((2, 3)), tl.ones((4, 3))),
        ShapeError,
        r"^atan2: expected shapes that broadcast together, received \(2, 3\) and \(4, 3\);",
    ),
    "shapes of where": (
        lambda: tl.where(tl.asarray([True, False]), tl.ones((3,)), 0.0),
        ShapeError,
        r"^where: expected shapes that broadcast together, received \(2,\) and \(3,\)",
    ),
    "shapes of clip": (
        lambda: tl.clip(tl.ones((2,)), tl.zeros((3,)), 1.0),
        ShapeError,
        r"^clip: expected shapes that broadcast together, received \(2,\) and \(3,\)",
    ),
    "shapes of pow": (
        lambda: tl.pow(tl.ones((2,)), tl.ones((3,))),
        ShapeError,
        r"^pow: expected shapes that broadcast together, received \(2,\) and \(3,\)",
    ),
    "kinds": (
        lambda: tl.asarray([1.0]) % tl.asarray([1]),
        DTypeError,
        r"^remainder: expected arrays of one kind of dtype, received float32 and int64; convert one of them",
    ),
    "signed and unsigned": (
        lambda: tl.asarray([1]) < tl.asarray([1], dtype="uint64"),
        DTypeError,
        r"^less: expected arrays of one kind of dtype, received int64 and uint64",
    ),
    "bool and integer": (
        lambda: tl.asarray([True]) & tl.asarray([1]),
        DTypeError,
        r"^bitwise_and: expected arrays of one kind of dtype, received bool and int64",
    ),
    "kinds of pow": (
        lambda: tl.asarray([2.0]) ** tl.asarray([1]),
        DTypeError,
        r"^pow: expected arrays of one kind of dtype, received float32 and int64",
    ),
    "pow of bools": (
        lambda: tl.asarray([True]) ** tl.asarray([True]),
        DTypeError,
        r"^pow: expected tensors of numbers, received bool; convert them",
    ),
    "bits of reals": (
        lambda: tl.asarray([1]) & 1.5,
        DTypeError,
        r"^bitwise_and: expected tensors of integers or bools, received float32; convert them",
    ),
    "shifts of bools": (
        lambda: tl.asarray([True]) << tl.asarray([True]),
        DTypeError,
        r"^bitwise_left_shift: expected tensors of integers, received bool; convert them",
    ),
    "floor of bools": (
        lambda: tl.floor(tl.asarray([True])),
        DTypeError,
        r"^floor: expected tensors of numbers, received bool",
    ),
    "clip of bools": (
        lambda: tl.clip(tl.asarray([True]), 0, 1),
        DTypeError,
        r"^clip: expected tensors of numbers, received bool",
    ),
    "bounds of another kind": (
        lambda: tl.clip(tl.asarray([1]), 0.5),
        DTypeError,
        r"^clip: expected bounds that fit in the dtype of x, int64, received the Python float 0\.5; convert x or the",
    ),
    "wider bounds": (
        lambda: tl.clip(tl.asarray([1], dtype="int8"), max=tl.asarray([300])),
        DTypeError,
        r"^clip: expected bounds that fit in the dtype of x, int8, received int64; convert x or the bound",
    ),
    "a bound that is too large": (
        lambda: tl.clip(tl.asarray([1], dtype="uint8"), -1, 5),
        ArgumentError,
        r"^clip: expected a number that uint8 holds, received -1",
    ),
    "a number that is too large": (
        lambda: tl.asarray([1], dtype="uint8") + 300,
        ArgumentError,
        r"^add: expected a number that uint8 holds, received 300",
    ),
    "an exponent that is too large": (
        lambda: tl.asarray([2], dtype="int8") ** 200,
        ArgumentError,
        r"^pow: expected a number that int8 holds, received 200",
    ),
    "objects": (
        lambda: tl.hypot(tl.asarray([1.0]), np.array([None])),
        DTypeError,
        r"^hypot: expected data of bool, .*, received objects \(ndarray\)",
    ),
    "strings": (
        lambda: tl.sin(np.array(["a"])),
        DTypeError,
        r"^sin: expected data of bool, .*, received <U1 data",
    ),
    "complex numbers": (
        lambda: tl.sin(np.array([1j])),
        DTypeError,
        r"^sin: expected data of bool, .*, received complex128 data",
    ),
    "too many arguments": (lambda: tl.floor(1.0, 2.0), ArgumentTypeError, r"^floor: expected 1 arguments, received 2$"),
    "too few arguments": (lambda: tl.hypot(1.0), ArgumentTypeError, r"^hypot: expected 2 arguments, received 1$"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_invalid_arguments_are_rejected(case: str) -> None:
    call, kind, message = ERRORS[case]
    with pytest.raises(kind, match=message) as error:
        call()
    assert error.value.__cause__ is None


def _parts(x: float) -> tuple[float, float]:
    return x, -x


def _nothing() -> float:
    return 1.0


def _one(x: float) -> float:
    return x


def _two(x: float, y: float) -> float:
    return x + y


@pytest.mark.parametrize(
    ("lift", "kind", "message"),
    [
        (
            lambda: tl.elementwise(_parts),
            ScalarError,
            r"'_parts' .*: expected a function that returns one number, received one that returns 2; make an operation",
        ),
        (
            lambda: tl.elementwise(_nothing),
            ScalarError,
            r"'_nothing' .*: expected a function of one or more numbers, received one of 0$",
        ),
        (
            lambda: tl.elementwise(kinds={"integer": _two})(_one),
            ScalarError,
            r"'_two' .*: expected a function of 1 numbers, received one of 2$",
        ),
        (
            lambda: tl.elementwise(domain="whole"),
            ArgumentError,
            r"^elementwise: expected a domain of 'any', 'real', 'number', .*, received 'whole'$",
        ),
        (
            lambda: tl.elementwise(result="int8"),
            ArgumentError,
            r"^elementwise: expected a result of 'same', 'bool', received 'int8'$",
        ),
        (
            lambda: tl.elementwise(kinds={"float": _one}),
            ArgumentError,
            r"^elementwise: expected a kind of 'integer', 'bool', received 'float'$",
        ),
    ],
)
def test_invalid_functions_are_rejected(lift: Callable[[], Any], kind: type[TensorlabError], message: str) -> None:
    with pytest.raises(kind, match=message):
        lift()

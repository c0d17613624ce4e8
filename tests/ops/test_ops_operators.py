"""Check Python operators and NumPy functions on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from operation_oracles import compare

import tensorlab as tl

Array = np.ndarray[Any, Any]

OF_INTEGERS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "//": (lambda x, y: x // y, "floor_divide"),
    "%": (lambda x, y: x % y, "remainder"),
    "&": (lambda x, y: x & y, "bitwise_and"),
    "|": (lambda x, y: x | y, "bitwise_or"),
    "^": (lambda x, y: x ^ y, "bitwise_xor"),
    "<<": (lambda x, y: x << y, "bitwise_left_shift"),
    ">>": (lambda x, y: x >> y, "bitwise_right_shift"),
    "**": (lambda x, y: x**y, "pow"),
}


@pytest.mark.parametrize("sign", OF_INTEGERS)
def test_integer_operators_accept_arrays_on_either_side(sign: str, rng: np.random.Generator) -> None:
    operator, name = OF_INTEGERS[sign]
    x, y = rng.integers(1, 9, (2, 5))
    with tl.device("reference"):
        for one, two in ((tl.asarray(x), tl.asarray(y)), (tl.asarray(x), y), (x, tl.asarray(y)), (x, y.tolist())):
            if isinstance(one, np.ndarray) and isinstance(two, list):
                one = tl.asarray(one)
            result = operator(one, two)
            assert isinstance(result, tl.Tensor)
            compare(name, "int64", result.numpy(), x, y)
        compare(name, "int64", operator(tl.asarray(x), 3).numpy(), x, np.array(3))
        compare(name, "int64", operator(3, tl.asarray(x)).numpy(), np.array(3), x)
        changed = before = tl.asarray(x)
        exec(f"changed {sign}= y", namespace := {"changed": changed, "y": y})
        compare(name, "int64", namespace["changed"].numpy(), x, y)
        assert before.tolist() == x.tolist()


def test_divmod_and_unary_operators() -> None:
    with tl.device("reference"):
        x = tl.asarray([-7, 7])
        for pair in (divmod(x, 2), np.divmod(x, 2), divmod(x, tl.asarray([2]))):
            assert [part.tolist() for part in pair] == [[-4, 3], [1, 1]]
        assert [part.tolist() for part in divmod(20, x)] == [[-3, 2], [-1, 6]]
        assert [part.tolist() for part in divmod(np.array([20]), x)] == [[-3, 2], [-1, 6]]
        assert ((+x).tolist(), (~x).tolist(), abs(x).tolist()) == ([-7, 7], [6, -8], [7, 7])
        assert (~tl.asarray([True, False])).tolist() == [False, True]
        truth = tl.asarray([True, False])
        assert ((truth & True).tolist(), (truth | truth).tolist(), (truth ^ True).tolist()) == (
            [True, False],
            [True, False],
            [False, True],
        )


def test_in_place_operators_reject_variables() -> None:
    v = tl.Variable([3.0], name="weight")
    for sign in ("//", "%", "**", "+"):
        with pytest.raises(TypeError, match="'weight': a Variable is changed with assign"):
            exec(f"v {sign}= 2", {"v": v})
    assert v.numpy().tolist() == [3.0]


UFUNCS = """
    absolute arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_or bitwise_xor ceil
    copysign floor floor_divide hypot invert isfinite isinf isnan left_shift logaddexp logical_xor mod negative
    nextafter positive power reciprocal remainder right_shift rint sign signbit square true_divide trunc
"""


@pytest.mark.parametrize("name", UFUNCS.split())
def test_numpy_functions_return_tensors(name: str) -> None:
    ufunc = getattr(np, name)
    bits = name.startswith("bitwise") or name.endswith("shift") or name == "invert"
    x = np.array([1, 2, 3]) if bits else np.array([1.0, 0.25, 1.0], "float64")
    with tl.device("reference"), np.errstate(all="ignore"):
        result = ufunc(*[tl.asarray(x)] * ufunc.nin)
        assert isinstance(result, tl.Tensor)
        np.testing.assert_allclose(result.numpy(), ufunc(*[x] * ufunc.nin), rtol=1e-14)
        if ufunc.nin == 2:
            assert isinstance(ufunc(x, tl.asarray(x)), tl.Tensor)


OF_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "**": lambda x, y: x**y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
}


@pytest.mark.parametrize("sign", OF_NUMBERS)
def test_operators_accept_arrays_and_numbers_on_either_side(sign: str, rng: np.random.Generator) -> None:
    operator = OF_NUMBERS[sign]
    x, y = rng.uniform(0.5, 2.0, (2, 3)).astype(np.float32)
    with tl.device("reference"):
        pairs = (
            (tl.asarray(x), tl.asarray(y), operator(x, y)),
            (tl.asarray(x), y, operator(x, y)),
            (x, tl.asarray(y), operator(x, y)),
            (tl.asarray(x), 2, operator(x, np.float32(2))),
            (1.5, tl.asarray(y), operator(np.float32(1.5), y)),
            (tl.asarray(x), x[0], operator(x, x[0])),
            (tl.asarray(x), y.tolist(), operator(x, y)),
        )
        results = [(operator(one, two), expected) for one, two, expected in pairs]
    for result, expected in results:
        assert isinstance(result, tl.Tensor)
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)


def test_unary_operators_and_numpy_functions(rng: np.random.Generator) -> None:
    x = rng.uniform(0.5, 2.0, 4).astype(np.float32)
    tensor = tl.asarray(x)
    for result, expected in (
        (-tensor, -x),
        (abs(-tensor), x),
        (np.exp(tensor), np.exp(x)),
        (np.power(tensor, 2), x**2),
        (np.absolute(-tensor), x),
        (np.maximum(x, tensor), x),
    ):
        assert isinstance(result, tl.Tensor)
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)
    for result, expected in ((np.heaviside(tensor, 1), np.heaviside(x, 1)), (np.add.reduce(tensor), x.sum())):
        assert not isinstance(result, tl.Tensor)  # NumPy computes ufuncs without a tensorlab equivalent
        np.testing.assert_allclose(result, expected, rtol=1e-6)
    out = x.copy()
    out += tensor
    np.testing.assert_array_equal(out, x + x)


def test_unsupported_operands_are_left_to_python() -> None:
    x = tl.asarray([1.0])
    with pytest.raises(TypeError, match="unsupported operand"):
        x + "a"
    with pytest.raises(TypeError, match="unsupported operand"):
        None * x
    nothing = None
    assert (x == nothing) is False
    assert (x != "a") is True

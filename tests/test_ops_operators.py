"""Python's operators on tensors, and NumPy's functions, which give tensors too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_ops_standard import compare

import tensorlab as tl

Array = np.ndarray[Any, Any]

OPERATORS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "//": (lambda x, y: x // y, "floor_divide"),
    "%": (lambda x, y: x % y, "remainder"),
    "&": (lambda x, y: x & y, "bitwise_and"),
    "|": (lambda x, y: x | y, "bitwise_or"),
    "^": (lambda x, y: x ^ y, "bitwise_xor"),
    "<<": (lambda x, y: x << y, "bitwise_left_shift"),
    ">>": (lambda x, y: x >> y, "bitwise_right_shift"),
    "**": (lambda x, y: x**y, "pow"),
}


@pytest.mark.parametrize("sign", OPERATORS)
def test_operators_of_integers_on_either_side(sign: str, rng: np.random.Generator) -> None:
    operator, name = OPERATORS[sign]
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


def test_a_variable_is_not_changed_by_an_operator() -> None:
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
def test_numpys_functions_give_tensors(name: str) -> None:
    ufunc = getattr(np, name)
    bits = name.startswith("bitwise") or name.endswith("shift") or name == "invert"
    x = np.array([1, 2, 3]) if bits else np.array([1.0, 0.25, 1.0], "float64")
    with tl.device("reference"), np.errstate(all="ignore"):
        result = ufunc(*[tl.asarray(x)] * ufunc.nin)
        assert isinstance(result, tl.Tensor)
        np.testing.assert_allclose(result.numpy(), ufunc(*[x] * ufunc.nin), rtol=1e-14)
        if ufunc.nin == 2:
            assert isinstance(ufunc(x, tl.asarray(x)), tl.Tensor)

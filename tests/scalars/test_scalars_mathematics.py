"""Check functions of ``math`` that are defined as scalar functions against Python's own."""

from __future__ import annotations

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tensorlab as tl
from tensorlab.scalars import derivative, scalar_function
from tensorlab.scalars.mathematics import DEFINED

REALS = st.floats() | st.floats(-1e3, 1e3)
WHOLE = st.integers(-(2**31), 2**31) | st.integers(-9, 9)
ARGUMENTS = {
    divmod: (st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)),
    math.frexp: (REALS,),
    math.gcd: (WHOLE, WHOLE),
    math.isclose: (REALS, REALS),
    math.isqrt: (st.integers(0, 2**63 - 1) | st.integers(0, 2**20).map(lambda n: n * n),),
    math.lcm: (WHOLE, WHOLE),
    math.ldexp: (REALS, st.integers(-2200, 2200)),
    math.modf: (REALS,),
    math.remainder: (REALS, REALS),
    math.ulp: (REALS,),
}


def same(first, second):
    return first == second or (first != first and second != second)


@pytest.mark.parametrize("function", DEFINED, ids=lambda function: function.__name__)
@given(st.data())
def test_values_match_python(function, data):
    arguments = [data.draw(strategy) for strategy in ARGUMENTS[function]]
    definition = scalar_function(function)
    try:
        expected = function(*arguments)
    except (OverflowError, ValueError):  # ldexp, and remainder at infinity, raise
        return
    found = definition(*arguments)
    if function is math.ldexp and abs(expected) < 2.0**-1000:  # a subnormal result is rounded twice
        assert abs(found - expected) <= math.ulp(0.0)
        return
    for one, other in zip(*[x if isinstance(x, tuple) else (x,) for x in (found, expected)], strict=True):
        assert same(one, other)
        assert math.copysign(1.0, one) == math.copysign(1.0, other) or one != one


def test_math_functions_can_be_called_in_elementwise_operations():
    def both(x, y):
        mantissa, exponent = math.frexp(x)
        near = math.isclose(x, y, abs_tol=0.5)
        return math.ldexp(mantissa, exponent + 1) + math.gcd(int(x), int(y)) + 100 * near

    operation = tl.elementwise(both)
    x, y = [12.0, 30.5, 7.0, 0.0, -8.0], [18.0, 30.25, 7.0, 4.0, 12.0]
    assert operation(x, y).tolist() == [both(*pair) for pair in zip(x, y, strict=True)]
    with tl.GradientTape() as tape:
        tape.watch(given := tl.asarray(x))
        result = operation(given, y)
    assert tape.gradient(result, given).tolist() == [2.0] * 5


def test_derivatives_of_remainder_modf_and_gcd():
    assert derivative(scalar_function(math.remainder), 0)(7.5, 2.0) == 1.0
    assert derivative(scalar_function(math.remainder), 1)(7.5, 2.0) == -4.0
    assert derivative(scalar_function(math.modf), 0)(2.75) == (1.0, 0.0)
    assert derivative(scalar_function(math.gcd), 0)(12.0, 18.0) == 0.0


def test_parameter_names_match_python():
    for function, definition in DEFINED.items():
        assert [*inspect.signature(definition).parameters.values()]
        if function not in (math.gcd, math.lcm):  # these accept any number of arguments
            given = inspect.signature(function).parameters
            assert [*given] == [*inspect.signature(definition).parameters]

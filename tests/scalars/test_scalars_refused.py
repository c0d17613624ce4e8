"""Check which functions are rejected as scalar functions, and the error messages."""

from __future__ import annotations

import functools
import math
import re

import numpy as np
import pytest
from scalar_cases import leaky_relu, mish, sin_cos

from tensorlab.errors import ScalarError
from tensorlab.scalars import scalar_function

of = scalar_function
FACTORS = [1.0, 2.0]
NAME = "x"


def comprehension(x):
    return sum([x for _ in range(3)])


def listed(x):
    a = [x, x]
    return a[0]


def printed(x):
    print(x)
    return x


def attribute(x):
    return x.real


def table(x):
    return x * FACTORS


def text(x):
    return x if NAME else 0


def unknown(x):
    return x * missing


def unknown_function(x):
    return missing(x)


def no_such_math(x):
    return math.expp(x)


def empty_return(x):
    if x > 0:
        return x
    return


def open_end(x):
    if x > 0:
        return x


def endless(x):
    while True:
        x = x + 1
        if x > 9:
            break


def uneven(x):
    if x > 0:
        return x, x
    return x


def single(x):
    return (x,)


def recursive(x):
    return 1 if x < 1 else x * recursive(x - 1)


def ping(x):
    return pong(x)


def pong(x):
    return ping(x)


def looping(x):
    for item in FACTORS:
        x += item
    return x


def loop_else(x):
    for _ in range(3):
        x += 1
    else:
        x = 0
    return x


def starred(*values):
    return 1.0


def keywords(x, **options):
    return x


def keyword_only(x, *, y):
    return x


def bad_default(x, mode="fast"):
    return x


def several_in_one(x):
    return 1 + sin_cos(x)


def wrong_count(x):
    a, b = x, x, x
    return a + b


def not_several(x):
    a, b = mish(x)
    return a + b


def too_many(x):
    return mish(x, x)


def no_such_keyword(x):
    return leaky_relu(x, slop=2)


def math_arity(x):
    return math.hypot(x)


def math_keyword(x):
    return max(x, 2, key=abs)


def complex_number(x):
    return x * 1j


def called_argument(x, f):
    return f(x)


def identity_test(x):
    return 1 if x is None else 2


def product(x):
    return x @ x


def subscripted(x):
    FACTORS[0] = x
    return x


def asserted(x):
    assert x > 0
    return x


def walrus(x):
    return (y := x) + y


def inner(x):
    def f(x):
        return x

    return f(x)


def named_math(x, math):
    return x


def matched(x):
    match x:
        case 1:
            return 1
    return 2


def tried(x):
    try:
        return x
    except ValueError:
        return 0


def none_value(x):
    x = None
    return x


def literal_text(x):
    return f"{x}"


REJECTED = {
    comprehension: (1, "arithmetic", "the call 'sum([x for _ in range(3)])'", "add in a for loop over range"),
    listed: (1, "assignments", "a list", ""),
    printed: (1, "calls of functions of numbers", "the call 'print(x)'", "leave it out"),
    attribute: (1, "arithmetic", "an attribute 'x.real'", ""),
    table: (1, "arithmetic", "the global 'FACTORS', a list,", "a global or closure variable must be an int, a float"),
    text: (1, "arithmetic", "the global 'NAME', a str,", "must be an int, a float or a bool"),
    unknown: (1, "arithmetic", "the unknown name 'missing'", ""),
    unknown_function: (1, "arithmetic", "the unknown name 'missing'", ""),
    no_such_math: (1, "arithmetic", "an attribute 'math.expp'", "did you mean 'math.exp'"),
    empty_return: (3, "a number, or a tuple", "a return of nothing", "end every path in a return of a number"),
    open_end: (0, "on every path", "a path that returns nothing", "end every path in a return"),
    endless: (0, "on every path", "a path that returns nothing", "end every path"),
    uneven: (3, "2 values in every return", "a return of 1", ""),
    single: (1, "a tuple of two or more", "a tuple of 1", "return the number itself"),
    recursive: (1, "arithmetic", "a call of 'recursive' that comes back to itself", "write the recursion as a loop"),
    pong: (1, "arithmetic", "a call of 'ping' that comes back to itself", "write the recursion as a loop"),
    looping: (1, "'for' over range(...)", "'for' over 'FACTORS'", "count with 'for i in range(n)'"),
    loop_else: (1, "arithmetic", "an 'else' of a loop", ""),
    starred: (0, "a fixed number of parameters", "'*values'", "name each parameter"),
    keywords: (0, "a fixed number of parameters", "'**options'", "name each parameter"),
    keyword_only: (0, "positional parameters", "the keyword-only parameter 'y'", "remove the '*'"),
    bad_default: (0, "numbers as defaults", "'fast' for 'mode'", "take the value from a global"),
    several_in_one: (1, "one number", "a call of 'sin_cos', which returns 2,", "assign its outputs to names first"),
    wrong_count: (1, "2 values", "3", ""),
    not_several: (1, "2 values", "'mish(x)', which is 1", ""),
    too_many: (1, "the arguments of mish(x)", "'mish(x, x)'", ""),
    no_such_keyword: (1, "the arguments of leaky_relu(x, slope)", "'leaky_relu(x, slop=2)'", ""),
    math_arity: (1, "2 arguments for 'math.hypot'", "1", ""),
    math_keyword: (1, "plain arguments for 'max'", "'max(x, 2, key=abs)'", ""),
    complex_number: (1, "arithmetic", "the constant 1j", ""),
    called_argument: (1, "arithmetic", "a call of 'f'", "a scalar function comes from a global or a closure"),
    identity_test: (1, "arithmetic", "the comparison 'x is None'", ""),
    product: (1, "arithmetic", "a matrix product '@'", ""),
    subscripted: (1, "arithmetic", "an assignment to 'FACTORS[0]'", ""),
    asserted: (1, "arithmetic", "an 'assert'", "return math.nan with 'if'"),
    walrus: (1, "arithmetic", "a ':='", ""),
    inner: (1, "arithmetic", "a function definition", ""),
    named_math: (0, "names other than 'math'", "'math' as the name of a number", "rename it"),
    matched: (1, "arithmetic", "a 'match'", ""),
    tried: (1, "arithmetic", "a 'try'", "test for the case with 'if'"),
    none_value: (1, "arithmetic", "the constant None", ""),
    literal_text: (1, "arithmetic", "an f-string", ""),
}


@pytest.mark.parametrize("function", REJECTED, ids=lambda function: function.__name__)
def test_unsupported_functions_are_rejected(function):
    offset, expected, received, hint = REJECTED[function]
    first = function.__code__.co_firstlineno
    with pytest.raises(ScalarError) as caught:
        of(ping if function is pong else function)
    error = caught.value
    assert error.who == f"scalar function {function.__name__!r} ({function.__code__.co_filename}, line {first})"
    assert expected in error.expected
    assert re.fullmatch(rf"{re.escape(received)}( ['\"].+['\"])? at line {first + offset}", error.received)
    assert hint in error.hint


@pytest.mark.parametrize("thing", [3.0, "relu", math, np.sort, math.fsum, functools.partial(mish, 1.0), [1.0]])
def test_non_functions_are_rejected(thing):
    with pytest.raises(ScalarError, match="expected a Python function of numbers, received an object of type"):
        of(thing)


class Scaling:
    def __call__(self, x):
        return 2.0 * x

    def method(self, x):
        return 3.0 * x


@pytest.mark.parametrize(
    ("thing", "name", "code"),
    [
        (functools.lru_cache(mish), "mish", mish.__code__),
        (functools.partial(functools.partial(leaky_relu, 1.0)), "partial", leaky_relu.__code__),
        (Scaling(), "Scaling", Scaling.__call__.__code__),
        (Scaling().method, "method", Scaling.method.__code__),
    ],
)
def test_rejection_of_a_wrapper_gives_the_location_of_its_function(thing, name, code):
    with pytest.raises(ScalarError) as caught:
        of(thing)
    assert caught.value.who == f"scalar function {name!r} ({code.co_filename}, line {code.co_firstlineno})"
    assert caught.value.hint == "write it as a plain function with 'def' or 'lambda'"


@pytest.mark.parametrize("name", ["comb", "dist", "factorial", "fsum", "perm", "prod"])
def test_unsupported_math_functions_are_rejected(name):
    hint = "it takes other things than a few numbers, or gives integers of any length"
    with pytest.raises(ScalarError, match=rf"^scalar function '{name}': expected a Python function .*; {hint}$"):
        of(getattr(math, name))

    with pytest.raises(ScalarError, match=rf"a call of 'math\.factorial' at line \d+; {hint}$"):
        of(lambda x: math.factorial(3) * x)


async def awaited(x):
    return x


def test_async_function_is_rejected():
    with pytest.raises(ScalarError, match=r"'awaited' .*: expected a synchronous function, rec"):
        of(awaited)


def test_error_in_a_called_function_names_that_function():
    def calling(x):
        return printed(x)

    with pytest.raises(ScalarError, match=r"scalar function 'printed' .* the call 'print\(x\)' at line"):
        of(calling)


def test_unassigned_closure_variable_is_rejected():
    def early(x):
        return x * later

    with pytest.raises(ScalarError, match="the unknown name 'later'"):
        of(early)
    later = 2.0
    assert of(early)(3.0) == 6.0
    things = {}

    def closed(x):
        return x * things

    with pytest.raises(ScalarError, match="received the closure variable 'things', a dict, at line"):
        of(closed)

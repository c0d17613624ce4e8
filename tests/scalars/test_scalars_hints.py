"""Check the hints of errors about builtins that scalar functions cannot call."""

from __future__ import annotations

import pytest

from tensorlab.errors import ScalarError
from tensorlab.scalars import scalar_function

FACTORS = [1.0, 2.0]


def enumerated(x):
    for i, factor in enumerate(FACTORS):
        x += i * factor
    return x


def zipped(x):
    for a, b in zip(FACTORS, FACTORS, strict=True):
        x += a * b
    return x


def counted(x):
    return x * len(FACTORS)


def several(x):
    powers = [x * k for k in range(3)]
    return powers[0]


def some(x):
    return 1 if any(v > x for v in FACTORS) else 0


def divided(x):
    return divmod(x, 2.0)[0]


def shadowed(x, len):
    return len(x)


FOR, ELEMENT = "'for' over range(...)", "count with 'for i in range(n)', and make each element an argument"
REJECTED = {
    enumerated: (FOR, "'for' over 'enumerate(FACTORS)'", "count with 'for i in range(n)', and compute from i"),
    zipped: (FOR, "'for' over 'zip(FACTORS, FACTORS, strict=True)'", ELEMENT),
    counted: ("arithmetic", "the call 'len(FACTORS)'", "write the number, or take it from a global"),
    several: ("arithmetic", "a list comprehension '[x * k for k in range(3)]'", "write a for loop over range"),
    some: ("arithmetic", "the call 'any((v > x for v in FACTORS))'", "write the tests with 'or'"),
    divided: ("arithmetic", "the call 'divmod(x, 2.0)'", "write 'x // y' and 'x % y'"),
    shadowed: ("arithmetic", "a call of 'len'", "a scalar function comes from a global or a closure"),
}


@pytest.mark.parametrize("function", REJECTED, ids=lambda function: function.__name__)
def test_error_shows_the_source_and_a_hint(function):
    expected, received, hint = REJECTED[function]
    with pytest.raises(ScalarError) as caught:
        scalar_function(function)
    assert caught.value.expected.startswith(expected)
    line = function.__code__.co_firstlineno + 1
    assert caught.value.received == f"{received} at line {line}"
    assert caught.value.hint.startswith(hint)

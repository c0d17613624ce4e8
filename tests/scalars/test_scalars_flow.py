"""Check that a variable of a scalar function must be assigned on every path."""

from __future__ import annotations

import pytest

from tensorlab.errors import ScalarError
from tensorlab.scalars import derivative, scalar_function

of = scalar_function


def in_one_branch(x):
    if x > 0:
        y = x
    return y


def after_a_loop(x):
    for i in range(int(x)):
        y = i
    return y + x


def itself(x):
    y += x
    return y


def before_a_break(x):
    while True:
        if x > 1:
            break
        y = x = x * 2
    return y


def after_continue(x):
    for i in range(3):
        if x > i:
            continue
        y = x
    return y


def in_a_condition(x):
    while y < x:
        y = x
    return y


@pytest.mark.parametrize(
    ("function", "offset"),
    [
        (in_one_branch, 3),
        (after_a_loop, 3),
        (itself, 1),
        (before_a_break, 5),
        (after_continue, 5),
        (in_a_condition, 1),
    ],
)
def test_possibly_unassigned_variable_is_rejected(function, offset):
    line = function.__code__.co_firstlineno + offset
    message = f"expected a value on every path, received 'y', which may have none, at line {line}; give it one before"
    with pytest.raises(ScalarError, match=message):
        of(function)


def every_way(x):
    if x > 3:
        a = 1.0
    elif x < 0:
        return x
    else:
        a = 2.0
    for i in range(2):
        b = a + i
        if b > 2:
            c = b
        else:
            c = a
            continue
    while True:
        d = b + c
        x -= 1
        if x < 0:
            break
    return a + b + c + d + i


def test_variable_assigned_on_every_path_is_accepted():
    for x in (-1.0, 1.5, 4.0):
        assert derivative(of(every_way), 0)(x) == (1.0 if x < 0 else 0.0)
        assert of(every_way)._generated(x) == every_way(x)

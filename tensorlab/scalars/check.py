"""Whether a derivative that somebody wrote is one: in plain Python and double precision, at a few points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from tensorlab.errors import DerivativeError, ScalarError
from tensorlab.scalars.differentiate import derivative as derivative_of
from tensorlab.scalars.function import ScalarFunction

_MAGNITUDES = (0.0013, 0.037, 0.11, 0.29, 0.57, 0.83, 1.31, 1.9, 2.7, 4.3, 7.1, 12.7)
"""Where functions differ that are alike elsewhere, and hardly where anybody puts a kink."""

_POINTS = (0.0, *(sign * magnitude for magnitude in _MAGNITUDES for sign in (1.0, -1.0)))
_SECANT = 1e-5
_BESIDE = 1e-9
_TOLERANCE = 1e-4

Slopes = Callable[[float], list[float]]


def check_derivative(who: str, function: ScalarFunction, derivative: ScalarFunction) -> None:
    """Compare a derivative of a function of one number with its own, or else with the slopes of its secants.

    At a kink anything from the slope on the left to that on the right will do. Points outside of the function's domain
    are left out. A function that is constant between its jumps, such as a step, has no slope to compare with: what is
    given with it, a surrogate, is taken as it is.

    Args:
        who: is checked, for the message.

    Raises:
        DerivativeError: (an ArgumentError) at one of the points they differ; the message says where, and both values.
    """
    compared = list(_compared(function, derivative))
    if all(low == high == 0.0 for _, low, high, _ in compared):
        return
    for x, low, high, given in compared:
        margin = _TOLERANCE * max(1e-2, abs(low), abs(high))
        if not low - margin <= given <= high + margin:
            expected = f"{(low + high) / 2:.6g}" if high - low <= margin else f"from {low:.6g} to {high:.6g}"
            raise DerivativeError(
                f"{who} of {function.who}",
                f"a derivative that is {expected} at x = {x:g}",
                f"{given:.6g} from {derivative.who}",
                "correct the derivative, or leave it out: it is then taken from the function's source",
            )


def _compared(function: ScalarFunction, derivative: ScalarFunction) -> Iterator[tuple[float, float, float, float]]:
    """Of each point in the domain: itself, the least and the greatest slope around it, and the derivative there."""
    slopes = _slopes(function)
    for x in _POINTS:
        around = slopes(x)
        if all(map(math.isfinite, around)):
            yield x, min(around), max(around), _value(derivative.python, x)


def _slopes(function: ScalarFunction) -> Slopes:
    try:
        own = derivative_of(function).python
    except ScalarError:  # it calls something whose derivative is not known
        python = function.python
        return lambda x: [(_value(python, x + h) - _value(python, x)) / h for h in (-_SECANT, _SECANT)]
    return lambda x: [_value(own, x + h) for h in (-_BESIDE, 0.0, _BESIDE)]


def _value(function: Callable[[float], float], x: float) -> float:
    """What a kernel would give, where Python raises."""
    try:
        return float(function(x))
    except (ValueError, ZeroDivisionError):
        return math.nan
    except OverflowError:
        return math.inf

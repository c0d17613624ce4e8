"""Check a derivative that a user gives, in plain Python and double precision, at a few points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from tensorlab.errors import DerivativeError, ScalarError
from tensorlab.scalars.differentiate import derivative as derivative_of
from tensorlab.scalars.function import ScalarFunction

_MAGNITUDES = (0.0013, 0.037, 0.11, 0.29, 0.57, 0.83, 1.31, 1.9, 2.7, 4.3, 7.1, 12.7)
"""Points over several magnitudes that are unlikely to be kinks."""

_POINTS = (0.0, *(sign * magnitude for magnitude in _MAGNITUDES for sign in (1.0, -1.0)))
_SECANT = 1e-5
_BESIDE = 1e-9
_TOLERANCE = 1e-4

Slopes = Callable[[float], list[float]]


def check_derivative(who: str, function: ScalarFunction, derivative: ScalarFunction) -> None:
    """Check a given derivative of a function of one number against the one that is taken from its source.

    If the source has no derivative, because it calls something whose derivative is not known, the check uses difference
    quotients. At a kink any value between the slopes on both sides is accepted. Points outside of the function's domain
    are skipped. A piecewise constant function, such as a step, has no useful slope, so any derivative (a surrogate
    gradient) is accepted for it.

    Args:
        who: what the message calls the object under check.
        function: a function of one number.
        derivative: its derivative.

    Raises:
        DerivativeError: (an ArgumentError) if the two differ at one of the points. The message has the point and both
            values.
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
    """Yield each point in the domain, the least and the greatest slope around it, and the given derivative there."""
    slopes = _slopes(function)
    for x in _POINTS:
        around = slopes(x)
        if all(map(math.isfinite, around)):
            yield x, min(around), max(around), _value(derivative.python, x)


def _slopes(function: ScalarFunction) -> Slopes:
    try:
        own = derivative_of(function).python
    except ScalarError:  # the derivative is not known
        python = function.python
        return lambda x: [(_value(python, x + h) - _value(python, x)) / h for h in (-_SECANT, _SECANT)]
    return lambda x: [_value(own, x + h) for h in (-_BESIDE, 0.0, _BESIDE)]


def _value(function: Callable[[float], float], x: float) -> float:
    """Return the value of a function, as a kernel would give it where Python raises."""
    try:
        return float(function(x))
    except (ValueError, ZeroDivisionError):
        return math.nan
    except OverflowError:
        return math.inf

"""A table of scalar functions with every construct of the language, for several test files."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from math import exp as exponential
from typing import Any

import mpmath
import numpy as np

from tensorlab.scalars import scalar_function

ALPHA, SCALE = 1.6732632423543772, np.float64(1.0507009873554805)
STEPS = 6


def identity(x):
    return x


def relu(x):
    return max(x, 0.0)


def leaky_relu(x, slope=0.3):
    return x if x >= 0 else slope * x


def sigmoid(x):
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)
    return e / (1 + e)


def swish(x):
    return x * sigmoid(x)


def softplus(x):
    """Return log(1 + exp(x)) without overflow."""
    if x > 0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


def mish(x):
    return x * math.tanh(softplus(x))


def gelu(x):
    return 0.5 * x * (1.0 + math.erf(x / math.sqrt(2.0)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def elu(x, alpha=1.0):
    return x if x > 0 else alpha * math.expm1(x)


def selu(x):
    return SCALE * (x if x > 0 else ALPHA * (exponential(x) - 1))


def softsign(x):
    return x / (1 + abs(x))


def hard_sigmoid(x):
    return min(1.0, max(0.0, x / 6 + 0.5))


def hard_swish(x):
    if x < -3:
        return 0
    if x > 3:
        return x
    return x * (x + 3) / 6


def celu(x, alpha=2.0):
    return max(x, 0.0) + min(0.0, alpha * math.expm1(x / alpha))


def exp_or_linear(x):
    return x + 1 if x > 0 and math.log(x) > -1 else math.exp(-x) if not x < -1 else 0.5 * x


def gaussian(x, mean=0.5, width=2.0):
    z = (x - mean) / width
    return math.exp(-(z**2) / 2)


def huber(y, p, delta=1.0):
    error = p - y
    size = abs(error)
    if size <= delta:
        return 0.5 * error * error
    return delta * size - 0.5 * delta**2


def log_cosh(y, p):
    e = p - y
    return e + softplus(-2.0 * e) - math.log(2)


def crossentropy(y, p):
    p = min(max(p, 1e-7), 1 - 1e-7)
    return -(y * math.log(p) + (1 - y) * math.log(1 - p))


def smape(x, y):
    return 200 * math.fabs(x - y) / (math.fabs(x) + math.fabs(y))


def power(x, y):
    return x**y


def math_power(x, y):
    return math.pow(x, y)


def powers(x):
    return x**3 - 2 * x**2 + x**1 - 4 * x**0 + x**-2 + abs(x) ** 1.5 + 2**x


def quotient(x, y):
    return x / y


def remainder(x, y):
    return x % y + math.fmod(x, y) + x // y


def polar(x, y):
    return math.atan2(x, y) * math.hypot(x, y)


def angles(x):
    return math.sin(math.radians(x)) * math.degrees(math.cos(x)) + math.tan(x)


def newton_sqrt(x):
    y = x
    while abs(y * y - x) > 1e-30 * x + 1e-13:
        y = (y + x / y) / 2
    return y


def horner(x):
    total = 0
    for k in range(STEPS, 0, -1):
        total = total * x + k
    return total


def alternating(x):
    total, sign = 0.0, 1
    for k in range(1, 20):
        if k % 2 == 0:
            continue
        total += sign * x**k / k
        sign = -sign
        if k > 9:
            break
    return total


def swapping(x, y):
    a, b = x, y
    for _ in range(3):
        a, b = b, a * b + math.sin(a)
    c = d = a
    c *= d
    return c - b


def early(x):
    if x < -1:
        return -x
    for k in range(5):
        x = x * 1.5
        if x > 2:
            return x * x + k
    return x


def nested_early(x, y):
    return early(x) * early(y) + early(x)


def sin_cos(x, scale=2.0):
    return math.sin(x) * scale, math.cos(x)


def both(x):
    s, c = sin_cos(math.exp(x), scale=x)
    return s * c + s


def doubling(x, n):
    for _ in range(int(n)):
        x += math.sin(x)
    return x


def repeated(x):
    return doubling(x, 3) + doubling(n=2, x=x * x)


def clip(x, min, max):
    return min if x < min else max if x > max else x


def clipped(x, min):
    return hard_sigmoid(x) * min + clip(x * x, min, 3)


def logical(x, y):
    return (x > 0 and x * y) or math.exp(y)


def masked(x):
    positive = x > 0
    return positive * x * x - (not positive) * math.exp(x)


def stairs(x):
    return math.floor(x) * x + math.ceil(x) + round(x) * int(x) + math.trunc(x) * x


def reassigned(x, y):
    y = y * x
    x = math.cos(y)
    y += x
    return x * y


def make_scaled(factor, inner):
    def scaled(x):
        return factor * inner(x + factor)

    return scaled


cubic = lambda x: x * x * x - 3 * x
ramp, parabola = (lambda x: x if x > 0 else 0.0), (lambda x: (x - 1) * x)

A, B = (-2.9, 3.1), (0.2, 2.9)
TABLE: dict[Callable[..., Any], tuple[tuple[float, float], ...]] = {
    **dict.fromkeys((identity, relu, sigmoid, swish, softplus, mish, gelu, gelu_tanh, selu, softsign), (A,)),
    **dict.fromkeys((hard_sigmoid, hard_swish, exp_or_linear, horner, alternating, early, both), (A,)),
    **dict.fromkeys((repeated, masked, stairs, angles, cubic, ramp, parabola, powers), (A,)),
    **dict.fromkeys((leaky_relu, elu, celu, clipped), (A, B)),
    **dict.fromkeys((huber, log_cosh, polar, swapping, nested_early, logical, reassigned), (A, A)),
    **dict.fromkeys((gaussian,), (A, A, B)),
    **dict.fromkeys((crossentropy,), ((0.0, 1.0), (0.05, 0.95))),
    **dict.fromkeys((smape, power, math_power, remainder, quotient), (B, B)),
    clip: (A, (-2.0, -1.0), (1.0, 2.0)),
    newton_sqrt: (B,),
    huber: (A, A, B),
    make_scaled(2, math.tanh): (A,),
    make_scaled(1.5, mish): (A,),
}


def points(function: Callable[..., Any], count: int = 6) -> list[tuple[float, ...]]:
    """Return random arguments, the same ones for the same function."""
    random = np.random.default_rng([count, *function.__name__.encode()])
    return [tuple(float(random.uniform(*bounds)) for bounds in TABLE[function]) for _ in range(count)]


class _Precise:
    """``math`` and NumPy, computed by mpmath."""

    fabs, log1p, fmod = staticmethod(mpmath.fabs), staticmethod(mpmath.log1p), staticmethod(mpmath.fmod)
    pow, trunc = staticmethod(mpmath.power), staticmethod(lambda x: mpmath.sign(x) * mpmath.floor(abs(x)))

    def __getattr__(self, name: str) -> Any:
        return getattr(mpmath, name)


def precise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with the same code that runs on mpmath's numbers."""
    namespace = {**globals(), "math": _Precise(), "np": _Precise(), "exponential": mpmath.exp}
    for name, value in list(namespace.items()):
        if isinstance(value, types.FunctionType) and value.__module__ == __name__:
            namespace[name] = types.FunctionType(value.__code__, namespace, name, value.__defaults__, value.__closure__)
    closure = tuple(types.CellType(_precise_value(cell.cell_contents)) for cell in function.__closure__ or ())
    return types.FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, closure)


def _precise_value(value: Any) -> Any:
    if isinstance(value, types.FunctionType):
        return precise(value)
    return getattr(mpmath, value.__name__) if callable(value) else value


def label(function: Callable[..., Any]) -> str:
    return scalar_function(function).name

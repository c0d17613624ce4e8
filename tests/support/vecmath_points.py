"""Arguments for the vector functions, loops that call them, and their errors in ulp."""

import math
from collections.abc import Callable

import mpmath
import numba
import numpy as np

from tensorlab.kernels.vecmath import FLOAT32, FLOAT64

TABLES = {np.float32: FLOAT32, np.float64: FLOAT64}
BINARY = ("pow", "atan2", "hypot")
ALL = [(name, real) for real, table in TABLES.items() for name in table]

INF, NAN, HALF_PI = math.inf, math.nan, math.pi / 2

mpmath.mp.prec = 160

MPMATH = {
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "pow": mpmath.power,
}


def reference(name: str) -> Callable:
    return MPMATH.get(name) or getattr(mpmath, name)


compiled: dict[tuple[str, type], Callable] = {}


def loop(name: str, real: type) -> Callable:
    """Return the loop that a kernel would have, compiled once for all tests."""
    if (name, real) not in compiled:
        function = TABLES[real][name]

        if name in BINARY:

            @numba.njit(error_model="numpy")
            def run(x, y, out):
                for i in range(out.size):
                    out[i] = function(x[i], y[i])

        else:

            @numba.njit(error_model="numpy")
            def run(x, out):
                for i in range(out.size):
                    out[i] = function(x[i])

        compiled[name, real] = run
    return compiled[name, real]


def apply(name: str, real: type, *arguments: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # a signalling NaN
        arguments = tuple(np.ascontiguousarray(argument, real) for argument in arguments)
    out = np.empty_like(arguments[0])
    loop(name, real)(*arguments, out)
    return out


def value(name: str, real: type, *arguments: float) -> float:
    return float(apply(name, real, *(np.array([argument]) for argument in arguments))[0])


def ulp_exponents(exact: np.ndarray, real: type) -> np.ndarray:
    form = np.finfo(real)
    return np.maximum(np.frexp(exact)[1] - 1, form.minexp) - form.nmant


def ulp_errors(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Return the distance of `got` from `exact` (in a wider type) in ulp of `got`'s type at `exact`."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        errors = np.abs(got.astype(exact.dtype) - exact) / np.ldexp(1.0, ulp_exponents(exact, got.dtype))
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    errors[same & ~np.isfinite(errors)] = 0
    return np.where(np.isnan(errors), np.inf, errors)


def mpmath_error(got: float, exact: mpmath.mpf, real: type) -> float:
    form = np.finfo(real)
    if abs(exact) >= mpmath.mpf(2) ** form.maxexp:
        return 0.0 if math.isinf(got) and got * exact > 0 else math.inf
    if exact == 0:
        return 0.0 if got == 0 else math.inf
    exponent = max(int(mpmath.floor(mpmath.log(abs(exact), 2))), int(form.minexp)) - int(form.nmant)
    return float(abs(mpmath.mpf(got) - exact) / mpmath.mpf(2) ** exponent)


def arguments(real: type, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return arguments, half with random bit patterns, half in the range where the functions change most."""
    width = np.dtype(real).itemsize * 8
    anywhere = rng.integers(0, 2**width - 1, size=count // 2, dtype=f"uint{width}", endpoint=True).view(real)
    scales = np.array([0.01, 0.3, 1, 3, 10, 30, 90, 300, 750])
    near = rng.uniform(-1, 1, size=count - count // 2) * rng.choice(scales, count - count // 2)
    near[::4] = 1 + near[::4] * 1e-3
    return np.concatenate([anywhere[~np.isnan(anywhere)], near.astype(real)])


def points(name: str, real: type, count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return random arguments of a function, few of which give NaN."""
    x = arguments(real, count, rng)
    other = arguments(real, 2 * count, rng)[: x.size]
    with np.errstate(all="ignore"):
        if name in ("log", "log2", "log10", "acosh", "pow"):
            x = np.abs(x)
        if name in ("asin", "acos", "atanh"):
            x = np.where(np.abs(x) > 1, 1 / x, x)
        if name == "pow":  # exponents that give powers of all magnitudes
            logarithms = rng.uniform(np.finfo(real).minexp - 30, np.finfo(real).maxexp, x.size)
            other = np.where(rng.random(x.size) < 0.8, logarithms / np.log2(x), other).astype(real)
        if name == "hypot":  # two sides of similar magnitude
            other = np.where(rng.random(x.size) < 0.5, x * rng.lognormal(size=x.size), other).astype(real)
    return (x, other) if name in BINARY else (x,)


WIDER = {
    "sigmoid": lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x))),
    "erf": np.vectorize(math.erf, otypes=[float]),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
    "pow": np.power,
    **{name: getattr(np, f"arc{name[1:]}") for name, _ in ALL if name.startswith("a")},
}


def exact_values(name: str, *arguments: np.ndarray) -> np.ndarray:
    """Return the values of a function computed by NumPy in the next wider type."""
    wider = np.float64 if arguments[0].dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        return (WIDER.get(name) or getattr(np, name))(*(argument.astype(wider) for argument in arguments))

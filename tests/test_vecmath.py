"""The vector functions against mpmath, wider types and C99's Annex F: errors in units of the last place (ulp)."""

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable

import mpmath
import numba
import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features

from tensorlab.kernels.vecmath import FLOAT32, FLOAT64

TABLES = {np.float32: FLOAT32, np.float64: FLOAT64}
UNARY = [(name, real) for real, table in TABLES.items() for name in table if name != "pow"]
SWEEP = int(os.environ.get("TENSORLAB_VECMATH_SWEEP", "1000000"))

mpmath.mp.prec = 160

MPMATH = {
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
}


def reference(name: str) -> Callable:
    return MPMATH.get(name) or getattr(mpmath, name)


compiled: dict[tuple[str, type], Callable] = {}


def loop(name: str, real: type) -> Callable:
    """The loop that a kernel would have; compiled once for all tests."""
    if (name, real) not in compiled:
        function = TABLES[real][name]

        if name == "pow":

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
    """Distance of `got` from `exact` (in a wider type) in units of the last place of `got`'s type at `exact`."""
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
    """Half of them over all bit patterns, half where the functions turn."""
    width = np.dtype(real).itemsize * 8
    anywhere = rng.integers(0, 2**width - 1, size=count // 2, dtype=f"uint{width}", endpoint=True).view(real)
    scales = np.array([0.01, 0.3, 1, 3, 10, 30, 90, 300, 750])
    near = rng.uniform(-1, 1, size=count - count // 2) * rng.choice(scales, count - count // 2)
    near[::4] = 1 + near[::4] * 1e-3
    return np.concatenate([anywhere[~np.isnan(anywhere)], near.astype(real)])


@pytest.mark.parametrize(("name", "real"), UNARY)
def test_random_points_against_mpmath(name: str, real: type) -> None:
    x = arguments(real, 800, np.random.default_rng())
    if name in ("log", "log2", "log10"):
        x = np.abs(x)
    if name == "log1p":
        x = x[x > -1]
    if name not in ("sin", "cos", "tan"):  # where mpmath would spell out e to the 10**38
        x = x[(np.abs(x) < 2000) | (name.startswith("log"))]
    x = x[np.isfinite(x) & (x != 0)]
    got = apply(name, real, x)
    for point, result in zip(x, got, strict=True):
        exact = reference(name)(mpmath.mpf(float(point)))
        assert mpmath_error(float(result), exact, real) < 2, (name, point, result, mpmath.nstr(exact, 20))


EXTENDED = {
    "sigmoid": lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x))),
    "erf": np.vectorize(math.erf, otypes=[float]),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
}


WITH_WIDER_REFERENCE = [case for case in UNARY if case not in [("erf", np.float64), ("erfc", np.float64)]]


@pytest.mark.parametrize(("name", "real"), WITH_WIDER_REFERENCE)
def test_many_points_against_a_wider_type(name: str, real: type) -> None:
    wider = np.float64 if real is np.float32 else np.longdouble
    if np.finfo(wider).nmant <= np.finfo(real).nmant:
        pytest.skip("long double is double here; mpmath has the word")
    x = arguments(real, SWEEP, np.random.default_rng())
    if name in ("erf", "erfc"):
        x = x[: SWEEP // 4]
    with np.errstate(all="ignore"):
        exact = EXTENDED.get(name, getattr(np, name, None))(x.astype(wider))
    errors = ulp_errors(apply(name, real, x), exact)
    worst = int(np.argmax(errors))
    assert errors[worst] < 2, (name, x[worst], exact[worst])


INF, NAN = math.inf, math.nan
SPECIAL = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0)],
    "exp2": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, INF),
        (-INF, 0.0),
        (10.0, 1024.0),
        (-3.0, 0.125),
        (-126.0, 2.0**-126),
        (-149.0, 2.0**-149),
    ],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0)],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (-1.0, NAN)],
    "log2": [
        (1.0, 0.0),
        (0.0, -INF),
        (-0.0, -INF),
        (INF, INF),
        (-INF, NAN),
        (-1.0, NAN),
        (8.0, 3.0),
        (2.0**-149, -149.0),
    ],
    "log10": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (-1.0, NAN), (1000.0, 3.0), (100.0, 2.0)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (INF, INF), (-INF, NAN), (-2.0, NAN)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "cosh": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0)],
    "erfc": [(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
}


def identical(got: float, expected: float) -> bool:
    if math.isnan(expected):
        return math.isnan(got)
    return got == expected and math.copysign(1, got) == math.copysign(1, expected)


@pytest.mark.parametrize(("name", "real"), UNARY)
def test_special_values(name: str, real: type) -> None:
    for point, expected in [*SPECIAL[name], (NAN, NAN)]:
        got = value(name, real, point)
        assert identical(got, expected), (point, got, expected)


@pytest.mark.parametrize("real", TABLES)
@pytest.mark.parametrize("name", ["expm1", "log1p", "sinh", "tanh", "erf", "sin", "tan"])
def test_tiny_arguments_keep_their_last_bit(name: str, real: type) -> None:
    if name not in TABLES[real]:
        pytest.skip("left to libm")
    form = np.finfo(real)
    subnormal = form.smallest_subnormal * np.arange(1, 1000).astype(real)
    x = np.concatenate([subnormal, -subnormal, form.smallest_normal * np.array([0.999, 1, 1.001, 2], real)])
    slope = 2 / np.sqrt(np.longdouble(np.pi)) if name == "erf" else 1
    exact = x.astype(np.longdouble) * slope
    # Where the slope is 1 the argument itself comes back.
    assert np.max(ulp_errors(apply(name, real, x), exact)) < (0.6 if name == "erf" else 1e-3)


@pytest.mark.parametrize("real", TABLES)
def test_overflow_and_underflow_happen_at_the_right_argument(real: type) -> None:
    largest, smallest = float(np.finfo(real).max), float(np.finfo(real).smallest_subnormal)
    edges = {
        "exp": (mpmath.log(largest), mpmath.log(mpmath.mpf(smallest) / 2)),
        "exp2": (mpmath.log(largest, 2), mpmath.log(mpmath.mpf(smallest) / 2, 2)),
        "expm1": (mpmath.log(largest), None),
        "sinh": (mpmath.asinh(largest), None),
        "cosh": (mpmath.acosh(largest), None),
        "sigmoid": (None, mpmath.log(mpmath.mpf(smallest) / 2)),
    }
    for name, (high, low) in edges.items():
        for edge, beyond in ((high, INF), (low, 0.0)):
            if edge is None:
                continue
            # An argument is known to half a unit of its last place only: two steps out and two steps in are certain.
            outside = real(float(edge) * (1 + 2 * float(np.finfo(real).eps)))
            inside = real(float(edge) * (1 - 2 * float(np.finfo(real).eps)))
            assert value(name, real, outside) == beyond, (name, outside)
            exact = reference(name)(mpmath.mpf(float(inside)))
            assert value(name, real, inside) != beyond, (name, inside)
            assert mpmath_error(value(name, real, inside), exact, real) < 2, (name, inside)


def test_sine_is_exact_to_the_last_bit_next_to_large_multiples_of_pi() -> None:
    # The float32 numbers nearest to multiples of pi / 2 are where a reduction of the argument shows what it lost.
    x = np.array([16367173.0 * 2.0**72, 2.0**127, np.finfo(np.float32).max, 1.5707964, 3.1415927, 1e10, 33554432.0])
    x = x.astype(np.float32)
    for name in ("sin", "cos", "tan"):
        for point, got in zip(x, apply(name, np.float32, x), strict=True):
            exact = reference(name)(mpmath.mpf(float(point)))
            assert mpmath_error(float(got), exact, np.float32) < 0.6, (name, point)


def test_pow_on_the_whole_annex_f_table() -> None:
    small, large = [0.0, 2.0**-149, 1e-38, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0], [1e38, INF]
    parities = [2.0**23 - 1, 2.0**23 - 0.5, 2.0**24 - 1, 2.0**24, 2.0**25, 2.0**25 + 4]
    marks = np.array([sign * mark for mark in small + parities + large for sign in (1, -1)] + [NAN], np.float32)
    x, y = (grid.ravel() for grid in np.meshgrid(marks, marks))
    got = apply("pow", np.float32, x, y)
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.float64), y.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    there = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[there]), np.signbit(expected[there]))
    np.testing.assert_array_max_ulp(got[there], expected[there], maxulp=1)
    exact = np.isin(expected, [0, 1, -1, INF, -INF]) & there
    np.testing.assert_array_equal(got[exact], expected[exact])


def test_pow_at_many_points() -> None:
    rng = np.random.default_rng()
    near_one = rng.lognormal(size=SWEEP // 2).astype(np.float32)
    x = np.concatenate([np.abs(arguments(np.float32, SWEEP // 2, rng)), near_one])
    y = (rng.normal(size=x.size) * rng.choice([1, 10, 100], x.size)).astype(np.float32)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.float64), y.astype(np.float64))
    errors = ulp_errors(apply("pow", np.float32, x, y), exact)
    worst = int(np.argmax(errors))
    assert errors[worst] < 0.6, (x[worst], y[worst], exact[worst])


@pytest.mark.parametrize(("name", "real"), UNARY)
def test_a_scalar_call_agrees_with_the_vector_loop(name: str, real: type) -> None:
    x = np.random.default_rng().normal(size=1003).astype(real)
    whole = apply(name, real, x)
    for i in (0, 500, 1001, 1002):
        np.testing.assert_array_equal(apply(name, real, x[i : i + 1]), whole[i : i + 1])
    assert whole.dtype == real


@pytest.mark.skipif(not get_host_cpu_features().get("fma", True), reason="without the instruction fma is a call")
@pytest.mark.parametrize(("name", "real"), UNARY)
def test_the_loop_is_vectorised(name: str, real: type) -> None:
    apply(name, real, np.ones(1))
    (text,) = loop(name, real).inspect_llvm().values()
    assert re.search(r"call (contract )?<\d+ x (float|double)> @llvm\.fma", text), f"{name} left the loop scalar"


@pytest.mark.parametrize(("name", "real"), [("exp", np.float32), ("log1p", np.float64), ("tanh", np.float32)])
def test_fastmath_in_the_calling_loop_does_not_reach_the_function(name: str, real: type) -> None:
    function = TABLES[real][name]

    @numba.njit(error_model="numpy", fastmath=True)
    def run(x, out):
        for i in range(out.size):
            out[i] = function(x[i])

    x = np.append(np.random.default_rng().normal(size=1000), [0.0, -0.0, INF, -INF, NAN]).astype(real)
    out = np.empty_like(x)
    run(x, out)
    np.testing.assert_array_equal(out, apply(name, real, x))


def test_an_argument_of_the_wrong_type_is_refused_rather_than_promoted() -> None:
    with pytest.raises(numba.TypingError):
        FLOAT32["exp"](1.0)


def test_importing_compiles_nothing() -> None:
    program = (
        "from tensorlab.kernels.vecmath import FLOAT32, FLOAT64\n"
        "assert not any(f.signatures for table in (FLOAT32, FLOAT64) for f in table.values())"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

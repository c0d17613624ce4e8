"""The vectorized math functions against mpmath, wider types and C99's Annex F, with errors in ulp."""

import math
import os
import re
import subprocess
import sys

import mpmath
import numba
import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features
from vecmath_points import (
    ALL,
    BINARY,
    HALF_PI,
    INF,
    NAN,
    TABLES,
    WIDER,
    apply,
    exact_values,
    loop,
    mpmath_error,
    points,
    reference,
    ulp_errors,
    value,
)

from tensorlab.kernels.runtime.lift import lift
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.vecmath import FLOAT32
from tensorlab.scalars import scalar_function

UNARY = [(name, real) for name, real in ALL if name not in BINARY]
SWEEP = int(os.environ.get("TENSORLAB_VECMATH_SWEEP", "200000"))


@pytest.mark.parametrize(("name", "real"), ALL)
def test_random_points_against_mpmath(name: str, real: type, rng: np.random.Generator) -> None:
    x = np.stack(points(name, real, 500, rng))
    x = x[:, np.all(np.isfinite(x) & (x != 0), axis=0)]
    if name in ("exp", "exp2", "expm1", "sinh", "cosh", "tanh", "sigmoid", "erf", "erfc"):
        x = x[:, np.abs(x[0]) < 2000]  # mpmath would compute all digits of e**(10**38)
    x = x[:, x[0] > {"log1p": -1, "acosh": 1}.get(name, -INF)]
    for *point, result in zip(*x, apply(name, real, *x), strict=True):
        exact = reference(name)(*(mpmath.mpf(float(argument)) for argument in point))
        assert mpmath_error(float(result), exact, real) < 2, (name, point, result, mpmath.nstr(exact, 20))


WITH_WIDER_REFERENCE = [case for case in ALL if case not in [("erf", np.float64), ("erfc", np.float64)]]


@pytest.mark.parametrize(("name", "real"), WITH_WIDER_REFERENCE)
def test_many_points_against_a_wider_type(name: str, real: type, rng: np.random.Generator) -> None:
    if real is np.float64 and np.finfo(np.longdouble).nmant <= np.finfo(real).nmant:
        pytest.skip("long double is no wider than double; the mpmath test covers it")
    x = points(name, real, SWEEP // 4 if name in ("erf", "erfc") else SWEEP, rng)
    exact = exact_values(name, *x)
    errors = ulp_errors(apply(name, real, *x), exact)
    worst = int(np.argmax(errors))
    assert errors[worst] < 2, (name, [argument[worst] for argument in x], exact[worst])


def test_erfc_at_points_with_large_rounding_errors() -> None:
    x = np.array([0.5043064870735405, 0.538609760444609, 1.5407203995482235, 2.9511360586213513, 11.966793970113134])
    for point, result in zip(x, apply("erfc", np.float64, x), strict=True):
        assert mpmath_error(float(result), mpmath.erfc(mpmath.mpf(float(point))), np.float64) < 1.8, point


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
    "asin": [(0.0, 0.0), (-0.0, -0.0), (1.0001, NAN), (-1.0001, NAN), (INF, NAN), (-INF, NAN)],
    "acos": [(1.0, 0.0), (1.0001, NAN), (-1.0001, NAN), (INF, NAN), (-INF, NAN)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (INF, HALF_PI), (-INF, -HALF_PI)],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "acosh": [
        (1.0, 0.0),
        (0.9999, NAN),
        (0.0, NAN),
        (-1.0, NAN),
        (-2133.0, NAN),
        (-1e30, NAN),
        (INF, INF),
        (-INF, NAN),
    ],
    "atanh": [(0.0, 0.0), (-0.0, -0.0), (1.0, INF), (-1.0, -INF), (1.0001, NAN), (INF, NAN), (-INF, NAN)],
    "cbrt": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (27.0, 3.0), (-1e-6, -0.01), (2.0**-120, 2.0**-40)],
}


def identical(got: float, expected: float) -> bool:
    if math.isnan(expected):
        return math.isnan(got)
    return got == expected and math.copysign(1, got) == math.copysign(1, expected)


@pytest.mark.parametrize(("name", "real"), UNARY)
def test_special_values(name: str, real: type) -> None:
    for point, expected in [*SPECIAL[name], (NAN, NAN)]:
        got = value(name, real, point)
        assert identical(got, float(real(expected))), (point, got, expected)


TINY = ["expm1", "log1p", "sinh", "tanh", "erf", "sin", "tan", "asin", "atan", "asinh", "atanh"]


@pytest.mark.parametrize("real", TABLES)
@pytest.mark.parametrize("name", TINY)
def test_tiny_arguments_are_exact(name: str, real: type) -> None:
    form = np.finfo(real)
    subnormal = form.smallest_subnormal * np.arange(1, 1000).astype(real)
    x = np.concatenate([subnormal, -subnormal, form.smallest_normal * np.array([0.999, 1, 1.001, 2], real)])
    slope = 2 / np.sqrt(np.longdouble(np.pi)) if name == "erf" else 1
    exact = x.astype(np.longdouble) * slope
    # Where the slope is 1, the result is the argument itself.
    assert np.max(ulp_errors(apply(name, real, x), exact)) < (0.6 if name == "erf" else 1e-3)


@pytest.mark.parametrize("real", TABLES)
def test_overflow_and_underflow_start_at_the_right_argument(real: type) -> None:
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
            # An argument is known to half an ulp only; two steps outside and two steps inside are certain.
            outside = real(float(edge) * (1 + 2 * float(np.finfo(real).eps)))
            inside = real(float(edge) * (1 - 2 * float(np.finfo(real).eps)))
            assert value(name, real, outside) == beyond, (name, outside)
            exact = reference(name)(mpmath.mpf(float(inside)))
            assert value(name, real, inside) != beyond, (name, inside)
            assert mpmath_error(value(name, real, inside), exact, real) < 2, (name, inside)


# At the numbers nearest to multiples of pi / 2, an inexact argument reduction shows. For each format: the nearest
# of all, then the ends of its range.
NEAR_MULTIPLES = {
    np.float32: [16367173.0 * 2.0**72, 2.0**127, float(np.finfo(np.float32).max), 1.5707964, 3.1415927, 1e10],
    np.float64: [6381956970095103.0 * 2.0**797, 2.0**1023, float(np.finfo(np.float64).max), math.pi / 2, math.pi, 1e22],
}


@pytest.mark.parametrize("real", TABLES)
def test_sine_near_large_multiples_of_pi(real: type) -> None:
    multiples = np.pi / 2 * np.exp2(np.arange(0, np.finfo(real).maxexp - 1)[:: 1 if real is np.float32 else 8])
    quarter = math.pi / 4 * (1 + np.arange(-3, 4) * float(np.finfo(real).eps))
    x = np.concatenate([NEAR_MULTIPLES[real], multiples, quarter]).astype(real)
    for name in ("sin", "cos", "tan"):
        for point, got in zip(x, apply(name, real, x), strict=True):
            exact = reference(name)(mpmath.mpf(float(point)))
            assert mpmath_error(float(got), exact, real) < 1, (name, point)


def annex_f_marks(real: type) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of numbers at which a function of two arguments may have a special case."""
    form = np.finfo(real)
    whole = 2.0**form.nmant  # all numbers from twice this on are even
    marks = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, whole - 1, whole - 0.5, 2 * whole - 1, 2 * whole, 4 * whole, 1e38, INF]
    marks += [float(form.smallest_subnormal), float(form.smallest_normal), float(form.max)]
    grid = np.meshgrid(*2 * [np.array([sign * mark for mark in marks for sign in (1, -1)] + [NAN], real)])
    return grid[0].ravel(), grid[1].ravel()


@pytest.mark.parametrize("real", TABLES)
@pytest.mark.parametrize("name", BINARY)
def test_binary_functions_at_all_pairs_of_special_values(name: str, real: type) -> None:
    x, y = annex_f_marks(real)
    got = apply(name, real, x, y)
    with np.errstate(all="ignore"):
        expected = (WIDER.get(name) or getattr(np, name))(x.astype(np.float64), y.astype(np.float64)).astype(real)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    there = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[there]), np.signbit(expected[there]))
    np.testing.assert_array_max_ulp(got[there], expected[there], maxulp=1, dtype=real)
    exact = np.isin(expected, [0, 1, -1, INF, -INF]) & there
    np.testing.assert_array_equal(got[exact], expected[exact])


@pytest.mark.parametrize("real", TABLES)
def test_representable_powers_are_exact(real: type) -> None:
    limit = 2 ** (np.finfo(real).nmant + 1)
    pairs = [(base, n) for base in range(-70, 71) for n in range(54) if abs(base) ** n <= limit]
    got = apply("pow", real, *np.array(pairs, real).T)
    np.testing.assert_array_equal(got, np.array([float(base**n) for base, n in pairs]))
    exponents = np.arange(np.finfo(real).minexp - np.finfo(real).nmant, np.finfo(real).maxexp)
    got = apply("pow", real, np.full(exponents.shape, 2.0), exponents)
    np.testing.assert_array_equal(got, np.ldexp(real(1), exponents))


@pytest.mark.parametrize(("name", "real"), UNARY)
def test_single_elements_match_the_vector_loop(name: str, real: type) -> None:
    x = np.random.default_rng().normal(size=1003).astype(real)
    whole = apply(name, real, x)
    for i in (0, 500, 1001, 1002):
        np.testing.assert_array_equal(apply(name, real, x[i : i + 1]), whole[i : i + 1])
    assert whole.dtype == real


@pytest.mark.skipif(not get_host_cpu_features().get("fma", True), reason="needs FMA instructions")
@pytest.mark.parametrize(("name", "real"), ALL)
def test_loop_is_vectorized(name: str, real: type) -> None:
    apply(name, real, *[np.ones(1)] * (2 if name in BINARY else 1))
    (text,) = loop(name, real).inspect_llvm().values()
    assert re.search(r"call (contract )?<\d+ x (float|double)> @llvm\.fma", text), f"{name} left the loop scalar"


def sin(x):
    return math.sin(x)


def pow_(x, y):
    return math.pow(x, y)


SCALARS = {"sin": sin, "pow": pow_}


@pytest.mark.skipif(not get_host_cpu_features().get("fma", True), reason="needs FMA instructions")
@pytest.mark.parametrize("real", TABLES)
@pytest.mark.parametrize("name", SCALARS)
def test_loops_of_a_kernel_are_vectorized(name: str, real: type) -> None:
    # Kernels access arrays by address and call a function from several loops. They would not be vectorized if LLVM
    # assumed that stores change the tables, or if the function was too large to be inlined twice.
    arity = 2 if name in BINARY else 1
    scalar = lift(scalar_function(SCALARS[name]), np.dtype(real).name)
    kind = numba.from_dtype(np.dtype(real))

    @numba.njit(error_model="numpy")
    def run(count, step, source, target):
        x, y = pointer(source, kind), pointer(target, kind)
        if step == 1:
            for i in range(count):
                y[i] = scalar(x[i], x[i]) if arity == 2 else scalar(x[i])
        else:
            for i in range(count):
                y[i * step] = scalar(x[i * step], x[i * step]) if arity == 2 else scalar(x[i * step])

    run.compile("void(int64, int64, int64, int64)")
    (text,) = run.inspect_llvm().values()
    assert re.search(r"call (contract )?<\d+ x (float|double)> @llvm\.fma", text), f"{name} left the loop scalar"


@pytest.mark.parametrize(("name", "real"), [("exp", np.float32), ("log1p", np.float64), ("tanh", np.float32)])
def test_fastmath_of_the_calling_loop_does_not_affect_the_function(name: str, real: type) -> None:
    function = TABLES[real][name]

    @numba.njit(error_model="numpy", fastmath=True)
    def run(x, out):
        for i in range(out.size):
            out[i] = function(x[i])

    x = np.append(np.random.default_rng().normal(size=1000), [0.0, -0.0, INF, -INF, NAN]).astype(real)
    out = np.empty_like(x)
    run(x, out)
    np.testing.assert_array_equal(out, apply(name, real, x))


def test_argument_of_the_wrong_type_is_rejected_instead_of_promoted() -> None:
    with pytest.raises(numba.TypingError):
        FLOAT32["exp"](1.0)


def test_import_compiles_nothing() -> None:
    program = (
        "from tensorlab.kernels.vecmath import FLOAT32, FLOAT64\n"
        "assert not any(f.signatures for table in (FLOAT32, FLOAT64) for f in table.values())"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

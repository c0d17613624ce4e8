"""Check emitted source, compiled by Numba: its types, and its values against plain Python."""

from __future__ import annotations

import math
from fractions import Fraction

import numba
import numpy as np
import pytest
from scalar_cases import TABLE, alternating, horner, label, mish, newton_sqrt, points, power, relu, sigmoid, swish

from tensorlab.errors import ArgumentError, ScalarError
from tensorlab.scalars import derivative, emit, scalar_function, vjp

of = scalar_function
jit = numba.njit(error_model="numpy")


def build_all(function, real, functions=None):
    """Return the namespace of the emitted functions, which Numba compiles when they are called."""
    source, namespace = emit(of(function), real, functions)
    exec(source, namespace := {**namespace, "jit": jit})
    return namespace


def build(function, real, functions=None):
    return build_all(function, real, functions)["scalar"]


def returned(compiled):
    """Return the type that Numba inferred for the result of the only compiled signature."""
    (signature,) = compiled.nopython_signatures
    return signature.return_type


def inferred(namespace):
    """Return the types that Numba inferred inside the emitted functions."""
    compiled = [value for name, value in namespace.items() if name.startswith("scalar")]
    annotations = [result.type_annotation for function in compiled for result in function.overloads.values()]
    assert annotations
    return {str(inner) for annotation in annotations for inner in annotation.typemap.values()}


@pytest.mark.parametrize("function", [f for f in TABLE if f is not newton_sqrt], ids=label)
def test_float32_results_match_python_and_stay_float32(function):  # newton_sqrt needs double precision
    namespace = build_all(function, "float32")
    for arguments in points(function):
        typed = [np.float32(argument) for argument in arguments]
        assert namespace["scalar"](*typed) == pytest.approx(function(*map(float, typed)), rel=2e-4, abs=2e-5)
    assert returned(namespace["scalar"]) == numba.float32
    assert not [name for name in inferred(namespace) if "float64" in name]


@pytest.mark.parametrize("function", [mish, horner, power, swish], ids=label)
def test_derivatives_can_be_compiled(function):
    for index in range(of(function).arity):
        slope = vjp(of(function), index)
        for real in ("float32", "float64"):
            compiled = build(slope, real)
            for arguments in points(function, 3):
                typed = [getattr(np, real)(argument) for argument in (1.5, *arguments)]
                wanted = slope(*map(float, typed))
                assert compiled(*typed) == pytest.approx(wanted, rel=2e-4 if real == "float32" else 1e-12)
            assert returned(compiled) == getattr(numba, real)


@pytest.mark.parametrize("function", [newton_sqrt, mish, alternating], ids=label)
def test_float64_results_match_python(function):
    compiled = build(function, "float64")
    for arguments in points(function):
        assert compiled(*arguments) == pytest.approx(function(*arguments), rel=1e-13)


def textbook_swish(x):
    return x / (1.0 + math.exp(-x))


def test_derivatives_of_saturated_functions_are_not_nan():
    for order, scalar in enumerate([derivative(of(textbook_swish)), derivative(derivative(of(textbook_swish)))]):
        compiled = build(scalar, "float32")
        assert compiled(np.float32(0.0)) == (0.5, 0.5)[order]
        assert compiled(np.float32(-200.0)) == 0.0
        assert compiled(np.float32(200.0)) == (1.0, 0.0)[order]


def every_rounding(x):
    return math.floor(x) + 10 * math.ceil(x) + 100 * round(x) + 1000 * math.trunc(x)


def test_rounding_functions_return_floats_of_any_size():
    compiled = build(every_rounding, "float32")
    for x in (-2.5, -0.5, 0.5, 1.5, 2.4):
        assert compiled(np.float32(x)) == every_rounding(x)
    assert compiled(np.float32(1e30)) == pytest.approx(1.111e33)
    assert compiled(np.float32(math.inf)) == math.inf
    assert returned(compiled) == numba.float32


def counted(x):
    n = math.floor(x)
    i = total = 0
    for i in range(n, 0, -1):
        total += i << 1
    mask = 7 & 3
    return total * x + i**2 + total / 2 + (total // 4) + mask + 2**x + x ** (-n) + int(x) % 3


def test_integers_stay_integers_until_combined_with_floats():
    compiled = build(counted, "float32")
    assert compiled(np.float32(3.25)) == pytest.approx(counted(3.25), rel=1e-6)
    assert returned(compiled) == numba.float32
    source, _ = emit(of(counted), "float32")
    assert "total = 0\n" in source
    assert "i << 1" in source
    assert "i ** 2" in source


def positive(x):
    return x > 0 and not math.isnan(x) and x == x


def half_plane(x, y):
    return (x if x > y else True), x > y


def limits(x):
    if x == math.inf or x == -math.inf:
        return math.pi
    return math.nan if math.isnan(x) else 1e300 * x


def test_conditions_are_bools():
    compiled = build(positive, "float32")
    assert (compiled(np.float32(2.0)), compiled(np.float32(-2.0))) == (True, False)
    assert returned(compiled) == numba.boolean
    compiled = build(half_plane, "float32")
    assert compiled(np.float32(2.0), np.float32(1.0)) == (2.0, True)
    assert compiled(np.float32(1.0), np.float32(1.0)) == (1.0, False)
    assert list(returned(compiled)) == [numba.float32, numba.boolean]


def test_infinities_and_nan():
    compiled = build(limits, "float32")
    assert compiled(np.float32(math.inf)) == np.float32(math.pi)
    assert math.isnan(compiled(np.float32(math.nan)))
    assert compiled(np.float32(1.0)) == math.inf  # 1e300 in single precision
    assert returned(compiled) == numba.float32


def smallest(x, y):
    return min(x + y, x * y, 2, x)


def widest(x, y):
    return max(x, y)


def test_min_and_max_follow_python():
    for real in ("float32", "float64", None):
        compiled, pair = build(smallest, real), build(widest, real)
        for arguments in [(1.5, 2.5), (-1.5, 2.5), (9.0, 9.5), (0.5, 0.5)]:
            assert compiled(*map(np.float32, arguments)) == smallest(*arguments)
            assert pair(*map(np.float32, arguments)) == widest(*arguments)
        assert math.isnan(pair(np.float32(math.nan), np.float32(1.0)))
        assert pair(np.float32(1.0), np.float32(math.nan)) == 1.0


def relu_or_half(x):
    return max(x, 0) // 2 + abs(x) + (x & 3) + float(x) * 0 + round(x / 2)


def test_numbers_are_unchanged_without_a_real_type():
    compiled = build(relu_or_half, None)
    for x in (-5, 0, 7):
        assert compiled(x) == relu_or_half(x)
    source, namespace = emit(of(relu_or_half), None)
    assert not namespace
    assert "// 2" in source

    def square_or_zero(x):
        return x * x if x > 0 else 0

    compiled = build(square_or_zero, None)
    assert compiled(3) == 9
    assert returned(compiled) == numba.int64


def circle(x):
    return math.pi * x * x - math.inf * 0 if x == -math.inf else math.tau * x


def test_named_constants_without_a_real_type():
    assert build(circle, None)(2.0) == math.tau * 2.0


def test_float_converts_to_the_real_type():
    def mean(x):
        n = 3
        return float(n) * x / float(n + 1)

    compiled = build(mean, "float32")
    assert compiled(np.float32(2.0)) == 1.5
    assert returned(compiled) == numba.float32


def test_custom_functions_replace_math_functions():
    @jit
    def exp(x):
        return x + x

    @jit
    def pow(x, y):
        return x - y

    @jit
    def floor(x):
        return -x

    def everything(x):
        return math.exp(x) + x**0.5 + x**2.0 + math.floor(x)

    compiled = build(everything, "float32", {"exp": exp, "pow": pow, "floor": floor, "sin": math.cos})
    assert compiled(np.float32(3.0)) == 6.0 + 2.5 + 9.0 - 3.0
    assert returned(compiled) == numba.float32


def test_one_product_is_fused_with_an_addition():
    def fma(x, y, z):
        return float(Fraction(x) * Fraction(y) + Fraction(z))

    def fused(x, y, z):
        first = x * y + z
        second = z - x * y
        third = x * y - math.sqrt(z)
        fourth = y + x * y * z
        return first, second, third, fourth

    def separate(x, y, z):
        product = x * y
        return product + z, x * y - y * x, z + float(int(x) * int(y)), z * (x + y)

    def computed(function, functions):
        source, namespace = emit(of(function), "float64", functions)
        exec(source, namespace := {**namespace, "jit": lambda function: function})
        return namespace["scalar"](1 / 3, 0.7, 1.9), source.count("fma(")

    x, y, z = 1 / 3, 0.7, 1.9
    exact = fma(x, y, z), fma(-x, y, z), fma(x, y, -math.sqrt(z)), fma(x * y, z, y)
    assert computed(fused, {"fma": fma}) == (exact, 4)
    assert computed(fused, {}) == (fused(x, y, z), 0)
    assert computed(separate, {"fma": fma}) == (separate(x, y, z), 0)


def test_called_functions_are_defined_once():
    def twice(x):
        return swish(x) + sigmoid(x) * swish(x + 1)

    source, namespace = emit(of(twice), "float64")
    assert source.count("@jit\n") == source.count("def ") == 3
    assert source.rstrip().splitlines()[-2] == "def scalar(x):"
    assert "jit" not in namespace
    assert build(twice, "float64")(0.3) == pytest.approx(twice(0.3))


def test_variable_names_do_not_clash_with_kernel_names():
    def scalar(real, constant, math_exp, jit, integer):
        scalar = 2 * real + math.exp(constant) + len_of(math_exp)
        return scalar + jit * integer

    def len_of(real):
        count = 3
        return float(count) * real

    arguments = (0.5, 0.25, 2.0, 3.0, 4.0)
    assert build(scalar, "float32")(*map(np.float32, arguments)) == pytest.approx(scalar(*arguments))


def test_source_does_not_depend_on_location_or_comments():
    def one(x):
        return relu(x) * 2

    def other(x):
        """Compute the same."""
        return relu(x) * 2  # again

    assert emit(of(one), "float32")[0] == emit(of(other), "float32")[0]


def test_integer_constants_stay_exact():
    def mixed(x, y):
        return x * y + 1 if x > y else y - x

    for name, kind, high in (
        ("uint64", numba.uint64, 2**32 - 1),
        ("uint32", numba.int64, 2**31),
        ("int32", numba.int64, 9),
    ):
        compiled, dtype = build(mixed, name), np.dtype(name).type
        for x, y in ((high, high - 1), (3, 8), (0, 0)):
            assert compiled(dtype(x), dtype(y)) == mixed(x, y)
        assert returned(compiled) == kind


def test_integer_loops_can_count_up_and_down():
    def alternate(x):
        total = x
        for k in range(3, 0, -1):
            total = total + k
        for k in range(2):
            total = total * 2 + k
        return total

    for name in ("uint64", "uint8", "int64"):
        assert build(alternate, name)(np.dtype(name).type(5)) == alternate(5)


def test_nextafter_depends_on_the_type():
    def following(x, y):
        return math.nextafter(x, y)

    for name in ("float32", "float64"):
        real = getattr(np, name)
        assert build(following, name)(real(1.0), real(2.0)) == np.nextafter(real(1.0), real(2.0))
    assert of(following).depends_on_format
    assert not of(relu).depends_on_format


def test_unknown_dtype_is_rejected():
    with pytest.raises(ArgumentError, match=r"emit: expected one of bool, .*, float64 or None, received 'float16'"):
        emit(of(relu), "float16")


def shifted(x):
    return x << 1


def masked(x):
    return (x * 2) & 3


def inverted(x):
    return ~x


def of_another(x):
    return shifted(x) + 1.0


def counting(x):
    total = 0.0
    for _ in range(x):
        total += 1.0
    return total


def mixed_bits(x):
    return (x > 0) ^ x


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (shifted, "x << 1"),
        (masked, "x * 2 & 3"),
        (inverted, "~x"),
        (of_another, "x << 1"),
        (counting, "range(x)"),
        (mixed_bits, "(x > 0) ^ x"),
    ],
)
def test_integer_operations_on_floats_are_rejected(function, words):
    with pytest.raises(TypeError):
        function(1.5)
    for dtype in ("float32", "float64"):
        with pytest.raises(ScalarError) as error:
            emit(of(function), dtype)
        assert str(error.value).endswith(
            f"expected integers, received real numbers in {words!r}; convert with int(), or compute on integers: "
            'tl.elementwise(domain="integer")'
        )
    emit(of(function), "int64")


def rounded_bits(x):
    n = math.floor(x) + 1
    return (n & 3) + (round(x) << 1) + ~int(x) + ((x > 0) & (x < 2)) + (abs(n) | 1)


def test_integer_operations_on_integers_are_accepted():
    for x in (0.25, 1.5, 2.75):
        assert build(rounded_bits, "float64")(x) == rounded_bits(x)

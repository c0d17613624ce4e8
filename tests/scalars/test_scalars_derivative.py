"""Check derivatives of scalar functions against mpmath at 40 digits and against central differences."""

from __future__ import annotations

import math

import mpmath
import pytest
from scalar_cases import TABLE, crossentropy, label, mish, points, precise, relu, softplus

from tensorlab.errors import ArgumentError, ArgumentTypeError, ScalarError
from tensorlab.scalars import compose, derivative, scalar_function, vjp, without_unused

of = scalar_function

UNARY = {
    "exp exp2 expm1 cbrt sin cos tan atan sinh cosh tanh asinh erf erfc fabs degrees radians": (0.1, 2.5),
    "log log2 log10 log1p sqrt": (0.05, 9.0),
    "asin acos atanh": (-0.95, 0.95),
    "acosh": (1.05, 6.0),
}
PRECISE = {"exp2": lambda x: mpmath.power(2, x), "log2": lambda x: mpmath.log(x, 2)}


@pytest.fixture(autouse=True)
def _forty_digits():
    with mpmath.workdps(40):
        yield


def along(function, arguments, index):
    """Return a function of one argument, with the others fixed."""
    return lambda x: function(*arguments[:index], x, *arguments[index + 1 :])


@pytest.mark.parametrize("function", TABLE, ids=label)
def test_first_and_second_derivatives_match_mpmath(function):
    scalar, exact = of(function), precise(function)
    for arguments in points(function):
        for index in range(len(arguments)):
            first, second = derivative(scalar, index), derivative(derivative(scalar, index), index)
            curve = along(exact, [mpmath.mpf(argument) for argument in arguments], index)
            wanted = [float(mpmath.re(mpmath.diff(curve, arguments[index], order))) for order in (1, 2)]
            assert first(*arguments) == pytest.approx(wanted[0], rel=1e-9, abs=1e-9), first.source
            assert second(*arguments) == pytest.approx(wanted[1], rel=1e-7, abs=1e-7), second.source


@pytest.mark.parametrize("function", [f for f in TABLE if len(TABLE[f]) > 1], ids=label)
def test_mixed_derivatives_are_symmetric(function):
    scalar = of(function)
    for arguments in points(function):
        one = derivative(derivative(scalar, 0), 1)(*arguments)
        assert one == pytest.approx(derivative(derivative(scalar, 1), 0)(*arguments), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("function", TABLE, ids=label)
def test_derivatives_match_central_differences(function):
    step = 1e-5
    for arguments in points(function, 3):
        for index in range(len(arguments)):
            curve = along(function, arguments, index)
            x = arguments[index]
            difference = (curve(x + step) - curve(x - step)) / (2 * step)
            assert derivative(of(function), index)(*arguments) == pytest.approx(difference, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("function", TABLE, ids=label)
def test_vjp_is_the_derivative_times_g(function):
    for arguments in points(function):
        for index in range(len(arguments)):
            wanted = -1.75 * derivative(of(function), index)(*arguments)
            assert vjp(of(function), index)(-1.75, *arguments) == pytest.approx(wanted, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("name", "bounds"), [(name, b) for names, b in UNARY.items() for name in names.split()])
def test_derivatives_of_math_functions_match_mpmath(name, bounds):
    scalar = of(getattr(math, name))
    exact = PRECISE.get(name) or getattr(mpmath, name)
    for k in range(7):
        x = bounds[0] + (bounds[1] - bounds[0]) * k / 6
        slope = scalar
        for order in (1, 2, 3):
            slope = derivative(slope)
            wanted = float(mpmath.diff(exact, x, order))
            assert slope(x) == pytest.approx(wanted, rel=1e-9, abs=1e-12), (order, slope.source)


def test_derivatives_stay_accurate_in_the_tails():
    assert derivative(of(math.expm1))(-40.0) == math.exp(-40.0)
    assert derivative(of(math.asinh))(1e200) == pytest.approx(1e-200)
    assert derivative(of(math.atan2), 0)(1e200, 1e200) == pytest.approx(5e-201)
    assert derivative(of(softplus))(-700.0) == pytest.approx(math.exp(-700.0))


def absolute(x):
    return abs(x)


def guarded_log(x):
    return math.log(x) if x > 0 else -1.0


def guarded_both(x):
    return 1.0 if x > 0 and math.log(x) > 0 else 2 * x


def guarded_or(x):
    return (x <= 0 or math.log(x)) * x


def larger(x, y):
    return max(x, y)


def stable_softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def rounded_step(x):
    return max(x, 0.0) + min(x, 0.0)


def smaller(x, y):
    return min(x, y)


def hypotenuse(x, y):
    return math.hypot(x, y)


def power(x, y):
    return x**y


def cosine_sign(x, y):
    return math.copysign(math.cos(x), y)


@pytest.mark.parametrize(
    ("function", "arguments", "wanted"),
    [
        (absolute, (0.0,), [0.0]),
        (absolute, (-2.0,), [-1.0]),
        (relu, (0.0,), [0.5]),  # max(x, 0.0): the mean of both derivatives if the operands are equal
        (stable_softplus, (0.0,), [0.5]),
        (rounded_step, (0.0,), [1.0]),
        (guarded_log, (0.0,), [0.0]),
        (guarded_log, (-1.0,), [0.0]),
        (guarded_both, (-1.0,), [2.0]),
        (guarded_both, (0.0,), [2.0]),
        (guarded_or, (-1.0,), [1.0]),
        (larger, (1.0, 1.0), [0.5, 0.5]),
        (smaller, (1.0, 1.0), [0.5, 0.5]),
        (smaller, (2.0, 1.0), [0.0, 1.0]),
        (hypotenuse, (0.0, 0.0), [0.0, 0.0]),
        (power, (0.0, 2.0), [0.0, 0.0]),
        (power, (0.0, 0.0), [0.0, 0.0]),
        (power, (0.0, 1.0), [1.0, 0.0]),
        (power, (-2.0, 3.0), [12.0, math.nan]),
        (cosine_sign, (0.0, -1.0), [0.0, 0.0]),
    ],
)
def test_derivatives_at_special_points(function, arguments, wanted):
    found = [derivative(of(function), index)(*arguments) for index in range(len(arguments))]
    assert found == pytest.approx(wanted, nan_ok=True)


def add(x, y):
    return x + y


def multiply(x, y):
    return x * y


def divide(x, y):
    return x / y


def subtract(x, y):
    return x - y


def cube(x):
    return x**3


def half_power(x):
    return x**2.5


def steps(x):
    return math.floor(x) + round(x) + int(x)


def unrelated(x, y):
    y = 3.0 * y
    for _ in range(3):
        y = y * y
    return y


def test_derivatives_are_simplified():
    def lines(scalar):
        return [line.strip() for line in scalar.source.splitlines()[1:]]

    assert derivative(of(add), 0).constant == derivative(of(add), 1).constant == 1.0
    assert derivative(of(subtract), 1).constant == -1.0
    assert derivative(of(steps)).constant == derivative(of(unrelated), 0).constant == 0.0
    assert lines(derivative(of(multiply), 0)) == ["return y"]
    assert lines(vjp(of(multiply), 1)) == ["return g * x"]
    assert lines(vjp(of(add), 0)) == ["return g"]
    assert lines(vjp(of(divide), 0)) == ["return g / y"]
    assert lines(derivative(of(divide), 1)) == ["return -(x / y / y)"]
    assert lines(vjp(of(subtract), 1)) == ["return -g"]
    assert lines(derivative(of(cube))) == ["return 3 * x ** 2"]
    assert lines(derivative(of(half_power))) == ["return 2.5 * x ** 1.5"]
    assert lines(derivative(of(math.tanh))) == ["t1 = math.tanh(x)", "return 1.0 - t1 * t1"]
    assert lines(derivative(of(math.exp))) == ["return math.exp(x)"]
    assert lines(derivative(of(math.sqrt))) == ["return 0.5 / math.sqrt(x)"]
    assert lines(vjp(of(relu))) == ["return 0.5 * g if x == 0.0 else 0.0 if 0.0 > x else g"]
    assert derivative(derivative(of(mish))).source.count("math.exp(") == 2  # one in each branch of softplus


def test_derivative_is_cached_and_keeps_the_parameters():
    slope = derivative(of(crossentropy), 1)
    assert slope is derivative(of(crossentropy), 1)
    assert slope.parameters == ("y", "p")
    assert of(slope.python) is slope
    assert vjp(of(multiply), 0).parameters == ("g", "x", "y")


def test_each_output_has_its_own_derivative():
    def momentum(w, g, m, lr):
        m = 0.9 * m - lr * g
        return w + m, m

    assert derivative(of(momentum), 1)(1.0, 2.0, 3.0, 0.1) == (-0.1, -0.1)
    assert derivative(of(momentum), 0)(1.0, 2.0, 3.0, 0.1) == (1.0, 0.0)
    with pytest.raises(ScalarError, match="expected one output to differentiate, received 2 outputs; use derivative"):
        vjp(of(momentum), 0)


def test_g_is_renamed_if_the_function_has_a_parameter_g():
    def step(w, g):
        return w * g

    assert vjp(of(step), 0).parameters == ("g_1", "w", "g")
    assert vjp(of(step), 0)(2.0, 3.0, 5.0) == 10.0


def test_compose_passes_the_value_as_the_first_argument():
    def scale(x, y, factor=2.0):
        return x * factor - y

    composed = compose(scale, add)
    assert composed.parameters == ("x", "y", "y_1", "factor")
    assert composed.defaults == {"factor": 2.0}
    assert composed(1.0, 2.0, 3.0, 4.0) == 9.0
    assert composed(1.0, 2.0, 3.0) == 3.0
    assert derivative(composed, 1)(1.0, 2.0, 3.0, 4.0) == 4.0
    assert vjp(compose(relu, add), 1)(5.0, -3.0, 2.0) == 0.0
    assert vjp(compose(relu, add), 1)(5.0, 3.0, 2.0) == 5.0


def test_compose_rejects_invalid_arguments():
    def pair(x):
        return x, x

    def none():
        return 1.0

    with pytest.raises(ScalarError, match=r"'pair'.*expected one output to pass on, received 2 outputs"):
        compose(relu, pair)
    with pytest.raises(ScalarError, match=r"'none' .*expected a first parameter, for the inner function's value"):
        compose(none, relu)


def test_unknown_derivatives_are_rejected():
    def factorial(x):
        return x * math.gamma(x + 1)

    with pytest.raises(ScalarError, match=r"'factorial' .* received 'math.gamma'; give the derivative"):
        derivative(of(factorial))
    with pytest.raises(ArgumentError, match="expected the index of one of its 2 parameters, received 2; they are x, y"):
        derivative(of(add), 2)
    with pytest.raises(ArgumentTypeError, match="expected the index of a parameter, received 'x'"):
        vjp(of(add), "x")


def test_unused_parameters_are_dropped():
    def looping(x, unused, y, n=3):
        total = 0.0
        for _ in range(n):
            total = total + x
        return total

    scalar, kept = without_unused(vjp(of(multiply), 0))
    assert (scalar.parameters, kept) == (("g", "y"), (0, 2))
    assert scalar(3.0, 5.0) == vjp(of(multiply), 0)(3.0, 1e9, 5.0) == 15.0
    scalar, kept = without_unused(of(looping))
    assert (scalar.parameters, kept, scalar.defaults) == (("x", "n"), (0, 3), {"n": 3})
    assert scalar(2.0) == 6.0
    assert without_unused(of(multiply)) == (of(multiply), (0, 1))
    assert without_unused(of(unrelated))[1] == (1,)

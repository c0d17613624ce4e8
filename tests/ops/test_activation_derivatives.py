"""Check explicit derivatives of activations, and that functions are lifted at registration."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ScalarError
from tensorlab.scalars import ScalarFunction, check, scalar_function

Scalar = Callable[[float], float]


pytestmark = pytest.mark.usefixtures("reference")


def softplus(x: float) -> float:
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))


def logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def gelu(x: float) -> float:
    return 0.5 * x * (1.0 + math.erf(x / math.sqrt(2.0)))


def gelu_slope(x: float) -> float:
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0))) + x * math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def relu(x: float) -> float:
    return x if x > 0 else 0.0


def relu_slope(x: float) -> float:
    return 1.0 if x > 0 else 0.0


def relu_slope_with_one_at_zero(x: float) -> float:
    return 1.0 if x >= 0 else 0.0


def relu_slope_with_half_at_zero(x: float) -> float:
    return 0.5 if x == 0 else relu_slope(x)


def logarithm(x: float) -> float:
    return math.log(x)


def reciprocal(x: float) -> float:
    return 1.0 / x


def cubed(x: float) -> float:
    return x * x * x


def cubed_slope(x: float) -> float:
    return 3.0 * x * x


RIGHT: list[tuple[Scalar, Scalar]] = [
    (softplus, logistic),
    (gelu, gelu_slope),
    (relu, relu_slope),
    (relu, relu_slope_with_one_at_zero),
    (relu, relu_slope_with_half_at_zero),
    (logarithm, reciprocal),
    (cubed, cubed_slope),
    (math.tanh, lambda x: 1.0 - math.tanh(x) ** 2),
    (math.sin, math.cos),
    (math.exp, math.exp),
    (abs, lambda x: 1.0 if x >= 0 else -1.0),
    (lambda x: min(max(x, 0.0), 6.0), lambda x: 1.0 if 0.0 < x < 6.0 else 0.0),
]


@pytest.mark.parametrize(("forward", "derivative"), RIGHT)
def test_correct_derivative_is_accepted(forward: Scalar, derivative: Scalar) -> None:
    activation = tl.Activation(forward, derivative)
    x = tl.Variable(np.array([0.7]))
    with tl.GradientTape() as tape:
        y = activation(x)
    assert tape.gradient(y, x).item() == pytest.approx(derivative(0.7), rel=1e-12)


def negated(x: float) -> float:
    return -logistic(x)


def only_for_positive(x: float) -> float:
    return relu_slope(x) if x > -5.0 else 0.1


def nearly(x: float) -> float:
    return 1.001 * logistic(x)


def beyond_one(x: float) -> float:
    return 2.0 if x == 0 else relu_slope(x)


def nowhere(x: float) -> float:
    return math.sqrt(-1.0 - x * x)


def with_nan(x: float) -> float:
    return x * x / x


WRONG: list[tuple[Scalar, Scalar, float, float, float]] = [
    (softplus, negated, 0.0, 0.5, -0.5),
    (softplus, nearly, 0.0, 0.5, 0.5005),
    (gelu, logistic, 0.0013, gelu_slope(0.0013), logistic(0.0013)),
    (relu, only_for_positive, -7.1, 0.0, 0.1),
    (cubed, relu_slope, 0.0013, 3 * 0.0013**2, 1.0),
    (logarithm, logarithm, 0.0013, 1 / 0.0013, math.log(0.0013)),
    (softplus, nowhere, 0.0, 0.5, math.nan),
    (softplus, with_nan, 0.0, 0.5, math.nan),
]


@pytest.mark.parametrize(("forward", "derivative", "x", "own", "given"), WRONG)
def test_wrong_derivative_is_rejected(forward: Scalar, derivative: Scalar, x: float, own: float, given: float) -> None:
    with pytest.raises(ArgumentError) as error:
        tl.Activation(forward, derivative)

    def place(function: Any) -> str:
        return f"scalar function {function.__name__!r} ({__file__}, line {function.__code__.co_firstlineno})"

    assert str(error.value) == (
        f"Activation of {place(forward)}: expected a derivative that is {own:.6g} at x = {x:g}, "
        f"received {given:.6g} from {place(derivative)}; "
        "correct the derivative, or leave it out: it is then taken from the function's source"
    )


def test_error_at_a_kink_shows_both_slopes() -> None:
    with pytest.raises(ArgumentError, match=r"a derivative that is from 0 to 1 at x = 0, received 2 from"):
        tl.Activation(relu, beyond_one)


def test_unknown_derivative_is_checked_with_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(function: ScalarFunction) -> ScalarFunction:
        raise ScalarError(function.who, "a derivative that is known", "none")

    monkeypatch.setattr(check, "derivative_of", unknown)
    for forward, derivative in RIGHT:
        check.check_derivative("Activation", scalar_function(forward), scalar_function(derivative))
    for forward, derivative, *_ in WRONG:
        with pytest.raises(ArgumentError, match="expected a derivative that is"):
            check.check_derivative("Activation", scalar_function(forward), scalar_function(derivative))


def test_piecewise_constant_function_accepts_any_surrogate() -> None:
    def sign(x: float) -> float:
        return 1.0 if x >= 0 else -1.0

    def hardly(x: float) -> float:
        return 1.0 if abs(x) <= 1.0 else 0.0

    activation = tl.Activation(sign, hardly)
    x = tl.Variable(np.array([-2.0, -0.5, 0.5, 2.0]))
    with tl.GradientTape() as tape:
        y = activation(x)
    assert y.tolist() == [-1.0, -1.0, 1.0, 1.0]
    assert tape.gradient(y, x).tolist() == [0.0, 1.0, 1.0, 0.0]


# A function that cannot be lifted is rejected at registration, not at its first use.

TABLE = np.array([1.0, 2.0])
LIST = [1.0, 2.0]


def printed(x: float, y: float = 1.0) -> float:
    print(x)
    return x


def listed(x: float, y: float = 1.0) -> float:
    values = [x, y]
    return values[0]


def with_text(x: float, y: float = 1.0) -> float:
    mode = "fast"
    return x if mode else y


def from_a_list(x: float, y: float = 1.0) -> float:
    return x * LIST[0]


def from_an_array(x: float, y: float = 1.0) -> float:
    return x * TABLE


def recursive(x: float, y: float = 1.0) -> float:
    return x if x < 1 else recursive(x - 1, y)


def tried(x: float, y: float = 1.0) -> float:
    try:
        return 1 / x
    except ZeroDivisionError:
        return y


def in_a_context(x: float, y: float = 1.0) -> float:
    with np.errstate():
        return x


def of_nothing(x: float, y: float = 1.0) -> None:
    return


def starred(*values: float) -> float:
    return 1.0


def writing(x: float, y: float = 1.0) -> float:
    global LIST
    LIST = []
    return x


REJECTED: dict[Callable[..., Any], tuple[str, int]] = {
    printed: ("the call 'print(x)'", 1),
    listed: ("a list", 1),
    with_text: ("the constant 'fast'", 1),
    from_a_list: ("", 1),
    from_an_array: ("the global 'TABLE', a ndarray,", 1),
    recursive: ("a call of 'recursive' that comes back to itself", 1),
    tried: ("a 'try'", 1),
    in_a_context: ("a 'with'", 1),
    of_nothing: ("a return of nothing", 1),
    starred: ("'*values'", 0),
    writing: ("a 'global'", 1),
}

REGISTRATIONS: dict[str, Callable[[Any], Any]] = {
    "Activation": tl.Activation,
    "derivative of an Activation": lambda function: tl.Activation(relu, function),
    "elementwise": tl.elementwise,
    "LossRule": tl.LossRule,
    "OptimizerRule": tl.OptimizerRule,
}


@pytest.mark.parametrize("name", REGISTRATIONS)
@pytest.mark.parametrize("function", REJECTED, ids=lambda function: function.__name__)
def test_unsupported_function_is_rejected_at_registration(name: str, function: Callable[..., Any]) -> None:
    construct, offset = REJECTED[function]
    first = function.__code__.co_firstlineno
    with pytest.raises(ScalarError) as error:
        REGISTRATIONS[name](function)
    assert str(error.value).startswith(f"scalar function {function.__name__!r} ({__file__}, line {first}): expected ")
    assert construct in error.value.received
    assert error.value.received.endswith(f" at line {first + offset}")


@pytest.mark.parametrize("name", REGISTRATIONS)
@pytest.mark.parametrize("thing", [functools.partial(relu), "relu", 3.0, TABLE])
def test_non_function_is_rejected(name: str, thing: Any) -> None:
    with pytest.raises(TypeError) as error:
        REGISTRATIONS[name](thing)
    assert isinstance(error.value, tl.errors.TensorlabError)


def test_closure_variables_are_captured_at_registration() -> None:
    activations = []
    for factor in (2.0, 3.0):

        def scaled(x: float) -> float:
            return factor * x  # noqa: B023  # late binding is what the test is about

        activations.append(tl.Activation(scaled))
    with tl.device("cpu"):
        x = tl.asarray([1.0])
        assert [activation(x).item() for activation in activations] == [2.0, 3.0]
        factor = 5.0
        assert [activation(x).item() for activation in activations] == [2.0, 3.0]

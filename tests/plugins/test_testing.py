"""`tl.testing.check_gradients`: correct gradients pass, and errors name the location."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, GradientError, ShapeError
from tensorlab.testing import check_gradients

pytestmark = pytest.mark.usefixtures("reference")


def test_correct_gradients_pass(rng: np.random.Generator) -> None:
    check_gradients(tl.exp, 0.5)
    check_gradients(tl.exp, rng.standard_normal((2, 3)), order=3)
    check_gradients(tl.matmul, [tl.asarray(rng.standard_normal((2, 3))), rng.standard_normal((3, 1)).tolist()])
    check_gradients(lambda x: x[:0], np.ones(2))
    check_gradients(lambda x: 5.0 * x, np.ones((0, 2)))


def wrong(gradient: Any) -> Any:
    return tl.custom_gradient(lambda x, y: (x * y, lambda upstream: gradient(x, y, upstream)))


def test_element_with_the_largest_error_is_named() -> None:
    def gradient(x: Any, y: Any, upstream: Any) -> Any:
        return upstream * y, upstream * x * np.array([[1.0, 1.0], [1.001, 1.5]])

    with pytest.raises(AssertionError) as caught:
        check_gradients(wrong(gradient), [np.ones((2, 2)), np.full((2, 2), 2.0)], seed=3)
    assert isinstance(caught.value, GradientError)
    c = np.random.default_rng(3).standard_normal((2, 2))
    scale = max(1.0, np.abs(c).max())
    text = str(caught.value)
    assert text.startswith("check_gradients: order 1, input 1, the gradient at (1, 1): expected ")
    expected, received = (float(text.split(word)[1].split()[0].rstrip(";")) for word in ("expected ", "received "))
    assert expected == pytest.approx(c[1, 1], rel=1e-7)
    assert received == pytest.approx(1.5 * c[1, 1], rel=1e-7)
    assert text.endswith(
        f"they differ by {abs(0.5 * c[1, 1]):.2g}, the tolerance is {1e-6 * scale:.2g}; 2 of 4 elements are off"
    )


def test_wrong_second_derivative_fails() -> None:
    @tl.custom_gradient
    def constant_slope(x: tl.Tensor) -> Any:
        slope = tl.stop_gradient(2.0 * x)
        return x * x, lambda upstream: upstream * slope

    check_gradients(constant_slope, np.array([0.5, 1.5]), order=1)
    with pytest.raises(GradientError, match=r"^check_gradients: order 2, input 0, the gradient at \(\d,\): expected"):
        check_gradients(constant_slope, np.array([0.5, 1.5]))


def test_missing_and_non_finite_gradients_fail() -> None:
    with pytest.raises(GradientError) as caught:
        check_gradients(lambda x, y: x * tl.stop_gradient(y), [1.0, 2.0])
    assert str(caught.value) == (
        "check_gradients: order 1, input 1: expected a gradient, received None; "
        "no recorded operation connects them: NumPy and .numpy() are not recorded"
    )
    with pytest.raises(
        GradientError, match=r"input 0, the gradient of a number: expected .*, received (nan|inf|-inf);"
    ):
        check_gradients(tl.custom_gradient(lambda x: (x * x, lambda upstream: upstream / 0.0)), 0.5)


def test_gradients_of_another_shape_or_dtype_fail() -> None:
    def made(gradient: Any) -> Any:
        def function(x: tl.Tensor) -> tl.Tensor:
            result = tl.asarray(2.0 * x.numpy())
            tl.autodiff.record((x,), (result,), (gradient,))
            return result

        return function

    for gradient, received in (
        (lambda g: tl.sum(g), r"float64 of shape \(\)$"),
        (lambda g: (2.0 * g).astype("float32"), r"float32 of shape \(2,\)$"),
    ):
        message = r"^check_gradients: order 1, input 0: expected a gradient of float64 and shape \(2,\), received "
        with pytest.raises(GradientError, match=message + received):
            check_gradients(made(gradient), np.ones(2))


def test_invalid_functions_are_rejected() -> None:
    with pytest.raises(
        ArgumentTypeError, match=r"^check_gradients: expected a function that returns a tensor, received flo"
    ):
        check_gradients(float, 1.0)
    with pytest.raises(
        DTypeError, match=r"expected a function that returns float64 for float64, received float32; comp"
    ):
        check_gradients(lambda x: x.astype("float32"), 1.0)
    with pytest.raises(ShapeError, match=r"^check_gradients: expected at least one input, received none$"):
        check_gradients(tl.exp, [])


def test_tolerance_and_seed() -> None:
    slightly_off = tl.custom_gradient(lambda x: (x * x, lambda upstream: upstream * 2.0 * x * 1.0001))
    check_gradients(slightly_off, np.ones(3), order=1, tolerance=1e-3)
    with pytest.raises(GradientError) as first:
        check_gradients(slightly_off, np.ones(3), order=1, seed=5)
    with pytest.raises(GradientError) as second:
        check_gradients(slightly_off, np.ones(3), order=1, seed=5)
    assert str(first.value) == str(second.value)


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "message"),
    [
        ((3, 1.0), {}, ArgumentTypeError, "expected a function, received int$"),
        ((tl.exp, 1.0), {"order": 0}, ArgumentError, "expected an order of 1 or more, received 0$"),
        ((tl.exp, 1.0), {"order": "2"}, ArgumentError, "expected an order of 1 or more, received '2'$"),
        ((tl.exp, 1.0), {"tolerance": -1.0}, ArgumentError, "expected a tolerance above 0, received -1.0$"),
        ((tl.exp, 1.0), {"step": 0}, ArgumentError, "expected a step above 0, received 0$"),
        ((tl.exp, ["a"]), {}, DTypeError, "received <U1 data"),
    ],
)
def test_invalid_arguments_are_rejected(arguments: Any, options: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        check_gradients(*arguments, **options)


def test_inputs_keep_their_layouts() -> None:
    seen = []
    array = np.arange(1.0, 13.0).reshape(3, 4)[:, ::2]
    check_gradients(lambda x: seen.append(x.numpy().strides) or tl.square(x), array)
    assert array.strides in seen

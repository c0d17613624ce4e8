"""Gradients of functions: `grad`, `value_and_grad`, `jacobian`, and custom gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tensorlab.testing import check_gradients

pytestmark = pytest.mark.usefixtures("reference")


def cube(x: Any) -> Any:
    """x³."""
    return x * x * x


def test_grad_of_numbers_arrays_tensors_and_variables() -> None:
    assert float(tl.grad(cube)(2.0)) == 12.0
    assert float(tl.grad(cube)(tl.Variable(2.0))) == 12.0
    gradient = tl.grad(lambda x: tl.sum(cube(x)))(np.array([1.0, -2.0]))
    assert gradient.tolist() == [3.0, 12.0]
    assert gradient.dtype == np.float64
    assert tl.grad(cube).__name__ == "cube"
    assert tl.grad(cube).__doc__ == "x³."


def test_grad_of_grad_of_grad() -> None:
    second = tl.grad(tl.grad(lambda x: x**5))
    assert [float(f(2.0)) for f in (second, tl.grad(second))] == [160.0, 240.0]
    assert float(tl.grad(lambda x: x * tl.grad(lambda y: x * y * y)(3.0))(2.0)) == 2 * 2 * 6.0  # d/dx 6 x²


def test_argnums_structures_and_names() -> None:
    def loss(weights: dict[str, Any], x: Any, *, scale: float = 1.0) -> Any:
        return scale * tl.sum(weights["w"] * x + weights["rest"][0])

    weights = {"w": tl.asarray([1.0, 2.0]), "rest": [0.5, tl.Variable([7.0])]}
    gradient = tl.grad(loss)(weights, np.array([3.0, 4.0], np.float32), scale=2.0)
    assert gradient["w"].tolist() == [6.0, 8.0]
    assert float(gradient["rest"][0]) == 4.0
    assert gradient["rest"][1].tolist() == [0.0]  # the loss does not depend on this one
    value, (of_weights, of_x) = tl.value_and_grad(loss, argnums=(0, -1))(weights, tl.asarray([3.0, 4.0]))
    assert float(value) == 12.0
    assert of_weights["w"].tolist() == [3.0, 4.0]
    assert of_x.tolist() == [1.0, 2.0]


def test_argument_passed_twice_or_captured_counts_once() -> None:
    x = tl.Variable(3.0)
    assert float(tl.grad(lambda a, b: a * b * x)(x, x)) == 9.0
    assert [float(part) for part in tl.grad(lambda a, b: a * a * b, (0, 1))(x, x)] == [18.0, 9.0]


def test_has_aux() -> None:
    def with_aux(x: Any) -> Any:
        return x * x, {"doubled": 2.0 * x}

    (value, aux), gradient = tl.value_and_grad(with_aux, has_aux=True)(3.0)
    assert (float(value), float(aux["doubled"]), float(gradient)) == (9.0, 6.0, 6.0)
    gradient, aux = tl.grad(with_aux, has_aux=True)(3.0)
    assert (float(gradient), float(aux["doubled"])) == (6.0, 6.0)
    with pytest.raises(ArgumentTypeError) as error:
        tl.grad(cube, has_aux=True)(3.0)
    assert str(error.value) == "grad of 'cube': expected a function that returns (value, aux), received Tensor"


def test_outer_tape_differentiates_grad() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape() as tape:
        y = tl.grad(cube)(x) * x  # 3 x³
    assert float(tape.gradient(y, x)) == 36.0


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.grad(cube)([1.0, 2.0]),
            TypeError,
            "can't multiply sequence",  # a list is a structure of two numbers, which Python cannot multiply
        ),
        (
            lambda: tl.grad(cube)(np.ones(2)),
            ShapeError,
            r"^grad of 'cube': expected a function that returns a tensor of rank 0, received shape \(2,\); "
            r"reduce it, e\.g\. with tl\.sum, or use tl\.jacobian$",
        ),
        (
            lambda: tl.grad(cube)(3),
            DTypeError,
            r"^grad of 'cube': expected arguments and results of float32 or float64, received int64; use \.astype",
        ),
        (lambda: tl.grad(tl.argmax)(np.ones(2)), DTypeError, r"^grad of 'argmax': expected .* received int64"),
        (
            lambda: tl.grad(lambda x: 3.0)(1.0),
            ArgumentTypeError,
            r"^grad of '<lambda>': expected a function that returns a tensor, received float$",
        ),
        (
            lambda: tl.grad(cube, 1)(1.0),
            ArgumentError,
            r"^grad of 'cube': expected argnums from -1 to 0, received 1; keyword arguments are not counted$",
        ),
        (
            lambda: tl.grad(cube, "x")(1.0),
            ArgumentTypeError,
            r"^grad of 'cube': expected argnums of integers, received 'x'$",
        ),
        (
            lambda: tl.grad(cube)(x=1.0),
            ArgumentError,
            r"^grad of 'cube': expected a positional argument, received none; keyword arguments are not counted$",
        ),
        (lambda: tl.grad(3.0), ArgumentTypeError, r"^grad: expected a function, received float$"),
        (lambda: tl.jacobian(None), ArgumentTypeError, r"^jacobian: expected a function, received NoneType$"),
        (lambda: tl.grad(cube)(None), ArgumentTypeError, r"^grad of 'cube': expected a tensor.*received NoneType$"),
        (
            lambda: tl.jacobian(lambda x: [x])(1.0),
            ArgumentTypeError,
            r"^jacobian of '<lambda>': expected a function that returns a tensor, received list$",
        ),
    ],
)
def test_invalid_use_of_grad_raises(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_jacobian_and_hessian(rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((3,))
    of_a, of_b = tl.jacobian(tl.matmul, argnums=(0, 1))(a, b)
    np.testing.assert_allclose(of_a.numpy(), np.einsum("ij,k->ijk", np.eye(2), b))
    np.testing.assert_allclose(of_b.numpy(), a)
    assert tl.jacobian(lambda x, y: x, argnums=1)(tl.asarray(a), b).tolist() == np.zeros((2, 3, 3)).tolist()
    hessian = tl.jacobian(tl.grad(lambda x: tl.sum(x) ** 3))(b)
    np.testing.assert_allclose(hessian.numpy(), np.full((3, 3), 6 * b.sum()))


# Custom gradients


@tl.custom_gradient
def log1pexp(x: tl.Tensor) -> Any:
    """log(1 + eˣ), whose gradient is finite where that of its composition is NaN."""
    e = tl.exp(x)
    return tl.log(1.0 + e), lambda upstream: upstream * (1.0 - 1.0 / (1.0 + e))


def test_custom_gradient_is_used(rng: np.random.Generator) -> None:
    x = tl.Variable([0.0, 200.0])
    with tl.GradientTape(persistent=True) as tape:
        y, naive = log1pexp(x), tl.log(1.0 + tl.exp(x))
    assert tape.gradient(y, x).tolist() == [0.5, 1.0]
    assert tape.gradient(naive, x).numpy()[1] != 1.0
    assert log1pexp.__doc__.startswith("log(1 + eˣ)")
    assert log1pexp([0.0]).tolist() == pytest.approx([np.log(2.0)])
    check_gradients(log1pexp, rng.standard_normal((2, 2)), order=3)


def test_custom_gradient_of_several_inputs_and_outputs(rng: np.random.Generator) -> None:
    calls = []

    @tl.custom_gradient
    def product_and_sums(x: tl.Tensor, y: tl.Tensor, *, power: int) -> Any:
        def gradient(of_product: tl.Tensor, of_sum: tl.Tensor) -> Any:
            calls.append((of_product.shape, of_sum.shape))
            return of_product * y + of_sum, of_product * x + power * y * of_sum

        return {"product": x * y, "sums": [x + y * y]}, gradient

    check_gradients(
        lambda x, y: tl.exp(product_and_sums(x, y, power=2)["product"]) * product_and_sums(x, y, power=2)["sums"][0],
        [rng.standard_normal(3), rng.standard_normal(3)],
    )
    x, y = tl.Variable([2.0]), tl.Variable([3.0])
    calls.clear()
    with tl.GradientTape() as tape:
        result = product_and_sums(x, y, power=2)
    assert tape.gradient(result["sums"][0], [x, y])[1].tolist() == [6.0]  # the gradient of the product is 0
    assert calls == [((1,), (1,))]


def test_custom_gradient_with_arguments_without_a_gradient() -> None:
    @tl.custom_gradient
    def chosen(x: tl.Tensor, index: tl.Tensor, factor: tl.Tensor) -> Any:
        return tl.take(x, index) * factor, lambda upstream: (tl.sum(upstream) * tl.ones_like(x), None, None)

    x, factor = tl.Variable([1.0, 2.0]), tl.Variable(5.0)
    with tl.GradientTape() as tape:
        y = chosen(x, np.array([1]), factor)
    with pytest.warns(UserWarning, match=r"^GradientTape\.gradient: the gradient of source 'variable' is None"):
        assert [g if g is None else g.tolist() for g in tape.gradient(y, [x, factor])] == [[1.0, 1.0], None]


def test_custom_gradient_may_return_its_argument() -> None:
    reverse = tl.custom_gradient(lambda x: (x, lambda upstream: -upstream))
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = reverse(x) * 2.0
    assert float(tape.gradient(y, x)) == -2.0


def test_invalid_custom_gradients_are_rejected() -> None:
    x, w = tl.Variable([1.0, 2.0]), tl.Variable(3.0, name="w")

    def gradient_of(function: Any, *arguments: Any) -> Any:
        with tl.GradientTape() as tape:
            y = tl.custom_gradient(function)(*arguments)
        return tape.gradient(y, x)

    def one(x: Any, y: Any) -> Any:
        return x * y, lambda upstream: upstream

    def short(x: Any) -> Any:
        return x * 2.0, lambda upstream: tl.sum(upstream)

    def lonely(x: Any) -> Any:
        return x * 2.0

    def capturing(x: Any) -> Any:
        return x * w, lambda upstream: upstream * w

    for function, arguments, kind, message in (
        (one, (x, x), ShapeError, "'one': expected 2 gradients, one for each positional argument, received 1; return"),
        (short, (x,), ShapeError, r"'short': expected a gradient of shape \(2,\), received \(\)$"),
        (lonely, (x,), ArgumentTypeError, r"'lonely': expected a function that returns \(result, gradient function\)"),
        (capturing, (x,), ArgumentTypeError, "'capturing': expected a function of its arguments alone, received one "),
        (short, (None,), ArgumentTypeError, "'short': expected a tensor, an array or a number, received NoneType"),
    ):
        with pytest.raises(kind, match=f"^custom gradient of {message}"):
            gradient_of(function, *arguments)
    with pytest.raises(ArgumentTypeError, match=r"received one that reads variable 'w'; pass it as an argument$"):
        gradient_of(capturing, x)
    assert tl.custom_gradient(capturing)(x).tolist() == [3.0, 6.0]  # without a tape no gradient is needed


def test_custom_gradient_is_converted_to_float64() -> None:
    @tl.custom_gradient
    def straight_through(x: tl.Tensor) -> Any:
        return tl.sign(x), lambda upstream: upstream.astype("float32")

    x = tl.Variable([1.5, -0.5], dtype="float64")
    with tl.GradientTape() as tape:
        y = straight_through(x) * tl.stop_gradient(x)
    gradient = tape.gradient(y, x)
    assert gradient.tolist() == [1.5, -0.5]
    assert gradient.dtype == np.float64

"""The tape: what it records, and every operation's gradient against central differences in float64.

The gradients are written in operations, so they are the same on every backend; most run on the reference backend, which
compiles nothing.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.autodiff import flatten, pack_as
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, StateError
from tensorlab.ops.lift import Elementwise

Array = np.ndarray[Any, Any]
Function = Callable[..., tl.Tensor]


def central(function: Function, arrays: Sequence[Array], weights: Array, which: int, device: str) -> Array:
    """The gradient of ``Σ weights · function`` by central differences of fourth order."""
    gradient = np.empty(arrays[which].shape)

    def value(position: tuple[int, ...], step: float) -> float:
        moved = [np.array(array) for array in arrays]
        moved[which][position] += step
        return float((function(*(tl.asarray(array, device=device) for array in moved)).numpy() * weights).sum())

    for position in np.ndindex(*gradient.shape):
        h = 1e-3
        near = value(position, h) - value(position, -h)
        far = value(position, 2 * h) - value(position, -2 * h)
        gradient[position] = (8 * near - far) / (12 * h)
    return gradient


def close(result: tl.Tensor, expected: Array) -> None:
    assert result.shape == expected.shape
    assert result.dtype == np.float64
    np.testing.assert_allclose(
        result.numpy(), expected, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(expected).max(initial=0))
    )


def check_gradients(
    function: Function, arrays: Sequence[Array], rng: np.random.Generator, device: str = "reference", order: int = 1
) -> None:
    """Compare each gradient with central differences, and for order 2 the gradient of a random part of the gradient."""
    tensors = [tl.asarray(array, device=device) for array in arrays]
    with tl.GradientTape() as tape:
        tape.watch(tensors)
        result = function(*tensors)
    weights = rng.standard_normal(result.shape)
    gradients = tape.gradient(result, tensors, output_gradients=tl.asarray(weights, device=device))
    for which, gradient in enumerate(gradients):
        close(gradient, central(function, arrays, weights, which, device))
    if order == 1:
        return

    def slope(*inputs: tl.Tensor) -> tl.Tensor:
        with tl.GradientTape() as inner:
            inner.watch(list(inputs))
            # squared, so that the gradient of a linear function depends on its argument, too
            value = tl.square(function(*inputs))
        seed = tl.asarray(weights, device=device)
        return tl.concat([tl.reshape(part, (-1,)) for part in inner.gradient(value, list(inputs), seed)])

    check_gradients(slope, arrays, rng, device)


# Every operation. Arguments stay clear of kinks and ties, which have tests of their own.


def apart(rng: np.random.Generator, *shape: int) -> Array:
    """Random numbers of which no two are nearer than 0.05, and none is that near to 0."""
    count = int(np.prod(shape))
    numbers = (rng.permutation(count) + 1.0 + rng.uniform(-0.2, 0.2, count)) * 0.1
    return (numbers * rng.choice([-1, 1], count)).reshape(shape)


def positive(rng: np.random.Generator, *shape: int) -> Array:
    return rng.uniform(0.5, 2.0, shape)


def fractions(rng: np.random.Generator, *shape: int) -> Array:
    return rng.uniform(-0.8, 0.8, shape)


def above_one(rng: np.random.Generator, *shape: int) -> Array:
    return rng.uniform(1.2, 3.0, shape)


SMOOTH = (
    *("asinh", "atan", "cos", "cosh", "erf", "erfc", "exp", "expm1", "reciprocal", "sigmoid", "sin", "sinh", "square"),
    *("tan", "tanh"),
)
STEPS = ("ceil", "floor", "round", "sign", "trunc")
UNARY = {
    **dict.fromkeys((*SMOOTH, *STEPS, "abs", "negative", "positive", "relu"), apart),
    **dict.fromkeys(("log", "log10", "log1p", "log2", "rsqrt", "sqrt"), positive),
    **dict.fromkeys(("acos", "asin", "atanh"), fractions),
    "acosh": above_one,
}
BINARY = (
    *("add", "atan2", "divide", "hypot", "logaddexp", "maximum", "minimum", "multiply", "remainder"),
    "subtract",
)
FLAT = ("copysign", "floor_divide", "nextafter")  # with tests of their own
INTEGER = "bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor"
NO_GRADIENT = (
    "equal greater greater_equal isfinite isinf isnan less less_equal logical_and logical_not logical_or logical_xor "
    "not_equal signbit"
)


def test_the_tables_hold_every_elementwise_operation() -> None:
    operations = {name for name in tl.ops.__all__ if isinstance(getattr(tl.ops, name), Elementwise)}
    assert operations == {*UNARY, *BINARY, *FLAT, *INTEGER.split(), *NO_GRADIENT.split()}


@pytest.mark.parametrize("name", [name for name in UNARY if name not in STEPS])
def test_gradients_of_unary_operations(name: str, rng: np.random.Generator) -> None:
    array = UNARY[name](rng, 2, 3)
    check_gradients(getattr(tl, name), [array / 2 if name == "tan" else array], rng, order=2)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_a_constant(name: str) -> None:
    x = tl.Variable([-2.25, 3.75])
    with tl.GradientTape() as tape:
        step = getattr(tl, name)(x)
        y = step * x
    assert tape.gradient(y, x).tolist() == step.tolist()


def test_a_quotient_without_its_fraction_is_a_constant() -> None:
    x, y = tl.Variable([-7.5, 7.5]), tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        z = tl.floor_divide(x, y) * x * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-8.0, 6.0], [30.0, 15.0]]


def test_the_next_number_moves_with_the_number() -> None:
    x, y = tl.Variable([1.0, -2.0]), tl.Variable([5.0, 5.0])
    with tl.GradientTape() as tape:
        z = tl.nextafter(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[1.0, 1.0], [0.0, 0.0]]


def test_a_sign_that_was_copied_flips_the_gradient() -> None:
    x, y = tl.Variable([2.0, -2.0, 3.0]), tl.Variable([-1.0, -0.0, 4.0])
    with tl.GradientTape() as tape:
        z = tl.copysign(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", INTEGER.split())
def test_integers_are_not_recorded(name: str) -> None:
    operation = getattr(tl, name)
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        y = operation(*[x.astype("int64")] * operation.scalar.arity)
        z = y.astype("float32")
    with pytest.warns(UserWarning, match="the target does not depend on it"):
        assert tape.gradient(z, x) is None


@pytest.mark.parametrize("name", [*BINARY, "pow"])
@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((2, 1), (3,)), ((3,), ()), ((1, 2), (2, 1, 1))])
def test_gradients_of_binary_operations(
    name: str, shapes: tuple[tuple[int, ...], tuple[int, ...]], rng: np.random.Generator
) -> None:
    x, y = (positive(rng, *shape) for shape in shapes)
    if name == "remainder":
        x, y = np.asarray(rng.uniform(5.0, 5.5, x.shape)), np.asarray(rng.uniform(2.0, 2.2, y.shape))
    if name in ("maximum", "minimum"):
        y = np.asarray(y + 3.0 * rng.choice([-1, 1], y.shape))
    check_gradients(getattr(tl, name), [x, y], rng, order=2 if shapes[0] == (2, 1) else 1)


@pytest.mark.parametrize("name", NO_GRADIENT.split())
def test_a_comparison_ends_the_tape(name: str) -> None:
    operation = getattr(tl, name)
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        truth = operation(*[x] * operation.scalar.arity)
        y = truth.astype("float32") + 0.0
    with pytest.warns(UserWarning, match="the target does not depend on it"):
        assert tape.gradient(y, x) is None


MASK = np.array([[True, False, True], [False, True, True]])
X = ((2, 3),)

SHAPING: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    "reshape": (lambda x: tl.reshape(x, (3, -1)), X),
    "permute_dims": (lambda x: tl.permute_dims(x, (2, 0, 1)), ((2, 1, 3),)),
    "transpose": (lambda x: tl.transpose(x), ((2, 1, 3),)),
    "matrix_transpose": (tl.matrix_transpose, ((2, 1, 3),)),
    "expand_dims": (lambda x: tl.expand_dims(x, axis=-2), X),
    "squeeze": (lambda x: tl.squeeze(x, axis=1), ((2, 1, 3, 1),)),
    "broadcast_to": (lambda x: tl.broadcast_to(x, (2, 4, 3, 2)), ((4, 1, 2),)),
    "flip": (lambda x: tl.flip(x, axis=1), X),
    "flip all": (tl.flip, X),
    "concat": (lambda x, y: tl.concat([x, y, x], axis=1), ((2, 3), (2, 1))),
    "concat flat": (lambda x, y: tl.concat([x, y], axis=None), ((2, 3), (2,))),
    "stack": (lambda x, y: tl.stack([x, y], axis=1), ((2, 3), (2, 3))),
    "tile": (lambda x: tl.tile(x, (2, 1, 3)), X),
    "slices": (lambda x: x[1:, ::-2], X),
    "numbers": (lambda x: x[1, -1], X),
    "number and new axis": (lambda x: x[None, 0], X),
    "nothing": (lambda x: x[2:], X),
    "arrays with repeats": (lambda x: x[[0, 1, 1, 0, 1]], X),
    "arrays on two axes": (lambda x: x[np.array([1, 1, 0]), np.array([2, 2, -3])], X),
    "mask": (lambda x: x[MASK], X),
    "take": (lambda x: tl.take(x, [2, 0, 2], axis=1), X),
    "where": (lambda x, y: tl.where(tl.asarray(MASK, device="reference"), x, y), ((2, 3), (3,))),
    "clip": (lambda x: tl.clip(x, -0.3, 0.3), X),
    "clip by tensors": (lambda x, y: tl.clip(x, y, None), ((2, 3), (1, 1))),
    "astype": (lambda x: x.astype("float64", copy=True), X),
}

REDUCTIONS: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    f"{name} {axis} {keepdims}": (
        lambda x, name=name, axis=axis, keepdims=keepdims: getattr(tl, name)(x, axis=axis, keepdims=keepdims),
        ((2, 3, 2),),
    )
    for name in ("sum", "mean", "max", "min", "prod", "var", "std")
    for axis, keepdims in ((None, False), (1, True), ((0, 2), False), (-1, False))
} | {"var corrected": (lambda x: tl.var(x, axis=0, correction=1), ((3, 2),))}

PRODUCTS: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    f"matmul {one} {two}": (tl.matmul, (one, two))
    for one, two in (
        *(((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 1))),
        *(((2, 1, 1, 3), (2, 3, 2)), ((2, 2, 3), (2, 3, 1)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((2, 0), (0, 2))),
    )
} | {
    "dot": (tl.ops.dot, ((2, 3), (2, 3, 2))),
    "dot scalar": (tl.ops.dot, ((), (2, 3))),
    "outer": (tl.ops.outer, ((2,), (3,))),
    "dense": (tl.ops.dense, ((2, 3), (3, 2))),
    "dense bias": (tl.ops.dense, ((2, 3), (3, 2), (2,))),
    "dense tanh": (lambda x, k: tl.ops.dense(x, k, None, tl.tanh), ((2, 3), (3, 2))),
    "dense bias tanh": (lambda x, k, b: tl.ops.dense(x, k, b, tl.tanh), ((2, 3), (3, 2), (2,))),
    "dense of a stack": (lambda x, k, b: tl.ops.dense(x, k, b, tl.sigmoid), ((2, 1, 3), (3, 2), (2,))),
    "dense of a vector": (lambda x, k, b: tl.ops.dense(x, k, b), ((3,), (3, 2), (2,))),
}

ROWS: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    f"{name} {axis}": (lambda x, name=name, axis=axis: getattr(tl, name)(x, axis=axis), ((2, 3, 2),))
    for name in ("softmax", "log_softmax")
    for axis in (0, 1, -1)
}

OPERATIONS = SHAPING | REDUCTIONS | PRODUCTS | ROWS


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradients(name: str, rng: np.random.Generator) -> None:
    function, shapes = OPERATIONS[name]
    arrays = [apart(rng, *shape) for shape in shapes]
    if name == "clip":
        arrays = [np.array([[-0.6, -0.4, -0.2], [0.1, 0.2, 0.7]]) + rng.uniform(-0.05, 0.05, (2, 3))]
    elif name == "clip by tensors":
        arrays[1] = np.array([[0.0]])
    check_gradients(function, arrays, rng)


SECOND = [
    *("reshape", "concat", "arrays with repeats", "mask", "where", "tile", "broadcast_to", "clip"),
    *("sum None False", "mean (0, 2) False", "max -1 False", "prod 1 True", "var None False", "std 1 True"),
    *("matmul (3,) (3,)", "matmul (2, 3) (3, 2)", "matmul (2, 1, 1, 3) (2, 3, 2)", "outer"),
    *("dense bias", "dense tanh", "dense bias tanh", "dense of a stack", "softmax 1", "softmax -1", "log_softmax -1"),
]


@pytest.mark.parametrize("name", SECOND)
def test_second_gradients(name: str, rng: np.random.Generator) -> None:
    function, shapes = OPERATIONS[name]
    arrays = [rng.uniform(0.2, 1.2, shape) for shape in shapes]
    if name.startswith("max"):
        arrays = [apart(rng, *shape) for shape in shapes]
    elif name == "clip":
        arrays = [np.array([[-0.6, -0.4, -0.2], [0.1, 0.2, 0.7]])]
    check_gradients(function, arrays, rng, order=2)


def test_gradients_on_the_cpu_are_those_of_the_reference(rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal(shape) for shape in ((30, 4), (4, 3), (3,))]
    found = []
    for device, dtype in (("cpu", "float32"), ("reference", "float64")):
        x, kernel, bias = tensors = [tl.asarray(array.astype(dtype), device=device) for array in arrays]
        with tl.GradientTape() as tape:
            tape.watch(tensors)
            hidden = tl.ops.dense(x, kernel, bias, tl.tanh)
            y = tl.sum(tl.softmax(hidden) * hidden, axis=0)
        found.append([gradient.numpy() for gradient in tape.gradient(y, tensors)])
    for fast, exact in zip(*found, strict=True):
        assert fast.dtype == np.float32
        np.testing.assert_allclose(fast, exact, rtol=1e-4, atol=1e-5)


# Conventions at kinks and ties


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (tl.abs, [0.0, -0.0], [0.0, 0.0]),
        (tl.relu, [0.0, -0.0], [0.0, 0.0]),
        (lambda x: tl.maximum(x, 1.0), [1.0, 2.0], [1.0, 1.0]),
        (lambda x: tl.maximum(1.0, x), [1.0, 2.0], [0.0, 1.0]),
        (lambda x: tl.minimum(x, 1.0), [1.0, 0.0], [1.0, 1.0]),
        (tl.max, [2.0, 1.0, 2.0, 2.0], [1 / 3, 0.0, 1 / 3, 1 / 3]),
        (lambda x: tl.min(x, axis=0), [1.0, 1.0, 5.0], [0.5, 0.5, 0.0]),
        (lambda x: tl.clip(x, 0.0, 1.0), [-1.0, 0.5, 2.0], [0.0, 1.0, 0.0]),
        (lambda x: x**2, [0.0, -3.0], [0.0, -6.0]),
        (lambda x: tl.where(x > 0, x, 2.0 * x), [1.0, -1.0], [1.0, 2.0]),
    ],
)
def test_what_the_gradient_is_at_kinks_and_ties(function: Function, values: list[float], expected: list[float]) -> None:
    with tl.device("reference"):
        x = tl.Variable(values)
        with tl.GradientTape() as tape:
            y = function(x)
        np.testing.assert_allclose(tape.gradient(y, x).numpy(), expected, rtol=1e-6)


# The tape


@pytest.fixture(autouse=True)
def _on_the_reference_backend(request: pytest.FixtureRequest) -> Any:
    with tl.device("cpu" if "cpu" in request.node.name else "reference"):
        yield


def test_watch() -> None:
    x, y = tl.asarray(3.0), tl.asarray(4.0)
    with tl.GradientTape() as tape:
        tape.watch([x, {"y": y}])
        z = x * y + x
    assert [float(g) for g in tape.gradient(z, [x, y])] == [5.0, 3.0]


def test_what_is_not_watched_has_no_gradient_and_a_warning_that_names_the_cure() -> None:
    x, v = tl.asarray(3.0), tl.Variable(2.0, name="weight")
    with tl.GradientTape() as tape:
        z = x * 2.0
    with pytest.warns(UserWarning, match="is None, because") as caught:
        assert tape.gradient(z, [x, v]) == [None, None]
    cure = (
        "it was not watched, or the target does not depend on it: call tape.watch(x) before using it, "
        "or make it a tl.Variable"
    )
    assert [str(warning.message) for warning in caught] == [
        f"GradientTape.gradient: the gradient of a source of shape () is None, because {cure}",
        f"GradientTape.gradient: the gradient of source 'weight' is None, because {cure}",
    ]
    assert all(warning.filename == __file__ for warning in caught)
    with tl.GradientTape() as tape:
        tape.watch(x)
        z = v * 2.0
    with pytest.warns(UserWarning, match="is None, because the target does not depend on it$"):
        assert tape.gradient(z, x) is None


def test_watching_after_the_use_is_too_late() -> None:
    x = tl.asarray(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        tape.watch(x)
        z = y + x
    assert float(tape.gradient(z, x)) == 1.0


def test_variables_are_watched_by_themselves_unless_they_are_not_trainable() -> None:
    trained, fixed = tl.Variable(2.0), tl.Variable(3.0, trainable=False)
    with tl.GradientTape(persistent=True) as tape:
        y = trained * fixed
    assert float(tape.gradient(y, trained)) == 3.0
    with pytest.warns(UserWarning, match="call tape.watch"):
        assert tape.gradient(y, fixed) is None
    with tl.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(fixed)
        y = trained * fixed
    with pytest.warns(UserWarning, match="source 'variable' is None"):
        gradients = tape.gradient(y, [trained, fixed])
    assert gradients[0] is None
    assert float(gradients[1]) == 2.0


def test_a_tape_is_used_once_unless_it_is_persistent() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        z = y * x
    assert float(tape.gradient(y, x)) == 6.0
    assert float(tape.gradient(z, x)) == 27.0
    assert float(tape.gradient(z, x)) == 27.0
    with tl.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(StateError) as error:
        tape.gradient(y, x)
    assert str(error.value) == (
        "GradientTape.gradient: expected one call, received a second one; the tape was freed after the first; "
        "create it with persistent=True"
    )
    with tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 6.0


def test_a_tape_frees_what_it_kept() -> None:
    x = tl.Variable([1.0, 2.0])
    for persistent, kept in ((False, False), (True, True)):
        with tl.GradientTape(persistent=persistent) as tape:
            inner = tl.exp(x)
            y = tl.sum(inner * inner)
        alive = weakref.ref(inner)
        del inner
        assert alive() is not None
        tape.gradient(y, x)
        gc.collect()
        assert (alive() is not None) is kept


def test_several_paths_add() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        z = y * x + y + x
        total = [y, z]
    assert float(tape.gradient(z, x)) == 3 * 4 + 2 * 2 + 1
    assert float(tape.gradient(total, x)) == 4 + 17
    assert float(tape.gradient(z, y)) == 3.0
    assert float(tape.gradient(x, x)) == 1.0


def test_sources_and_results_have_one_structure() -> None:
    x, y = tl.Variable(2.0), tl.Variable([1.0, 3.0])
    with tl.GradientTape() as tape:
        z = tl.sum(y * x)
    gradients = tape.gradient(z, {"a": [x, (y,)], "b": y})
    assert float(gradients["a"][0]) == 4.0
    assert isinstance(gradients["a"][1], tuple)
    assert gradients["a"][1][0].tolist() == gradients["b"].tolist() == [2.0, 2.0]
    structure = {"p": 1, "q": [2, (3, {"r": 4})]}
    assert flatten(structure) == [1, 2, 3, 4]
    assert pack_as(structure, iter("abcd")) == {"p": "a", "q": ["b", ("c", {"r": "d"})]}


def test_a_gradient_has_the_shape_and_dtype_of_its_source() -> None:
    x, y = tl.Variable(np.ones((3, 1)), dtype="float32"), tl.Variable(np.ones((1, 2)), dtype="float64")
    with tl.GradientTape() as tape:
        z = tl.mean(x.astype("float64") * y)
    for gradient, source in zip(tape.gradient(z, [x, y]), [x, y], strict=True):
        assert (gradient.shape, gradient.dtype) == (source.shape, source.dtype)
    with tl.GradientTape() as tape:
        z = x * y
    for gradient, source in zip(tape.gradient(z, [x, y]), [x, y], strict=True):
        assert (gradient.shape, gradient.dtype) == (source.shape, source.dtype)


def test_output_gradients_flow_in() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape(persistent=True) as tape:
        y, z = x * x, 3.0 * x
    assert tape.gradient(y, x, output_gradients=np.array([10.0, 100.0])).tolist() == [20.0, 400.0]
    assert tape.gradient([y, z], x, output_gradients=[tl.asarray([1.0, 1.0]), None]).tolist() == [5.0, 7.0]
    with pytest.raises(
        ShapeError, match=r"^GradientTape\.gradient: expected output_gradients of shape \(2,\), received \(3"
    ):
        tape.gradient(y, x, output_gradients=tl.asarray([1.0, 2.0, 3.0]))
    with pytest.raises(ShapeError, match=r"^GradientTape\.gradient: expected 2 output_gradients, received 1$"):
        tape.gradient([y, z], x, output_gradients=[tl.asarray([1.0, 1.0])])


def test_no_grad_records_nothing() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        with tl.no_grad():
            hidden = x * 100.0
        z = y + hidden
    assert float(tape.gradient(z, x)) == 6.0


def test_nothing_is_recorded_outside_of_the_block() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = x * x
    z = y * 2.0
    with pytest.warns(UserWarning, match="None"):
        assert tape.gradient(z, x) is None
    tape = tl.GradientTape()
    with contextlib.suppress(ZeroDivisionError), tape:
        y = x * x
        raise ZeroDivisionError
    z = y * y
    assert float(tape.gradient(y, x)) == 6.0


def test_tapes_nest_to_third_order() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape() as third, tl.GradientTape() as second:
        with tl.GradientTape() as first:
            y = x**4
        slope = first.gradient(y, x)
        curvature = second.gradient(slope, x)
    assert [float(g) for g in (slope, curvature, third.gradient(curvature, x))] == pytest.approx([32.0, 48.0, 48.0])


def test_a_persistent_tape_that_records_its_own_gradient_does_not() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        slope = tape.gradient(y, x)
    assert float(slope) == 4.0
    with pytest.warns(UserWarning, match="None"):
        assert tape.gradient(slope, x) is None


def test_two_tapes_do_not_touch() -> None:
    x, y = tl.Variable(2.0), tl.asarray(3.0)
    with tl.GradientTape() as outer, tl.GradientTape(watch_accessed_variables=False) as inner:
        inner.watch(y)
        z = x * y
    assert float(inner.gradient(z, y)) == 2.0
    assert float(outer.gradient(z, x)) == 3.0
    with pytest.raises(StateError) as error, outer, outer:
        pass
    assert str(error.value) == (
        "GradientTape: expected a tape that is not recording yet, received one inside of its own with block"
    )


def test_a_tape_records_its_own_thread_only() -> None:
    x = tl.Variable(2.0)
    results: list[Any] = []

    def work() -> None:
        with tl.device("reference"):
            results.append(x * x)

    with tl.GradientTape() as tape:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    with pytest.warns(UserWarning, match="None"):
        assert tape.gradient(results[0], x) is None


def test_what_a_tape_keeps_does_not_change_with_the_variable() -> None:
    x = tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        y = x * x
        x.assign([100.0, 100.0])
        z = y + x
    assert tape.gradient(z, x).tolist() == [5.0, 7.0]


def test_a_constant_target_gives_none_without_noise_for_others() -> None:
    x = tl.Variable(2.0)
    with warnings.catch_warnings(), tl.GradientTape() as tape:
        warnings.simplefilter("error")
        y = x * 0.0 + tl.ops.stop_gradient(x * x)
    assert float(tape.gradient(y, x)) == 0.0


def test_only_real_tensors_have_gradients() -> None:
    counts, x = tl.asarray([1, 2]), tl.Variable([1.0, 2.0])
    tape = tl.GradientTape(persistent=True)
    message = r"^GradientTape\.{}: expected tensors of float32 or float64, received int64; use \.astype\(\"float32\"\)$"
    with pytest.raises(DTypeError, match=message.format("watch")):
        tape.watch(counts)
    with pytest.raises(
        ArgumentTypeError, match=r"^GradientTape\.watch: expected a Tensor, received float; use tl\.asarray"
    ):
        tape.watch(3.0)
    with tape:
        y = x * counts.astype("float32")
        index = tl.argmax(x)
    with pytest.raises(DTypeError, match=message.format("gradient")):
        tape.gradient(y, counts)
    with pytest.raises(DTypeError, match=message.format("gradient")):
        tape.gradient(index, x)
    with pytest.raises(ArgumentTypeError, match=r"^GradientTape\.gradient: expected Tensors, received ndarray$"):
        tape.gradient(y, np.ones(2))
    assert tape.gradient(y, x).tolist() == [1.0, 2.0]


def test_integer_variables_are_not_watched() -> None:
    steps, x = tl.Variable(3), tl.Variable(2.0)
    with tl.GradientTape() as tape:
        y = x * steps.astype("float32")
    assert float(tape.gradient(y, x)) == 3.0

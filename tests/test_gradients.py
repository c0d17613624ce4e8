"""Every operation's gradient, to second order, against central differences in float64 and against PyTorch in float32.

The gradients are written in operations, so they are the same on every backend; most run on the reference backend, which
compiles nothing. Arguments stay clear of kinks and ties, which have tests of their own in
test_gradients_at_kinks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.testing import check_gradients

Array = np.ndarray[Any, Any]
Function = Callable[..., tl.Tensor]
Rng = np.random.Generator
Maker = Callable[..., Array]


pytestmark = pytest.mark.usefixtures("reference")


def apart(rng: Rng, *shape: int) -> Array:
    """Random numbers of which no two are nearer than 0.06, and none is that near to 0."""
    count = int(np.prod(shape))
    numbers = (rng.permutation(count) + 1.0 + rng.uniform(-0.2, 0.2, count)) * 0.1
    return (numbers * rng.choice([-1, 1], count)).reshape(shape)


def positive(rng: Rng, *shape: int) -> Array:
    return rng.uniform(0.5, 2.0, shape)


def above_one(rng: Rng, *shape: int) -> Array:
    return rng.uniform(1.2, 3.0, shape)


def small(rng: Rng, *shape: int) -> Array:
    return rng.uniform(-0.9, 0.9, shape)


def laid_out(rng: Rng, array: Array) -> Array:
    """The same numbers in another layout: C, Fortran, every second element of a larger array, reversed."""
    if not array.ndim:
        return array
    wide = np.empty((*array.shape[:-1], 2 * array.shape[-1]))
    backwards = np.array(array[..., ::-1])
    wide[..., ::2] = array
    return (array, np.asfortranarray(array), wide[..., ::2], backwards[..., ::-1])[rng.integers(4)]


def random_shape(rng: Rng, rank: int) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, 4, rank))


def broadcasting_shapes(rng: Rng) -> list[tuple[int, ...]]:
    """Two shapes that broadcast together: axes of 1 in either, and perhaps fewer axes in one of them."""
    whole = (*random_shape(rng, 2), 2)
    pair = [tuple(1 if rng.random() < 0.3 else n for n in whole) for _ in range(2)]
    pair[rng.integers(2)] = whole[rng.integers(3) :]
    return pair


def check(fn: Function, arrays: Sequence[Array], rng: Rng, order: int = 2) -> None:
    check_gradients(fn, [laid_out(rng, array) for array in arrays], order, seed=int(rng.integers(2**31)))


# The tables. A new operation gets an entry in one of them.

UNARY: dict[str, Maker] = {
    **dict.fromkeys(("cos", "cosh", "erf", "erfc", "exp", "expm1", "sigmoid", "sin", "sinh", "square", "tanh"), apart),
    **dict.fromkeys(("abs", "asinh", "atan", "negative", "positive", "relu"), apart),
    **dict.fromkeys(("log", "log10", "log1p", "log2", "reciprocal", "rsqrt", "sqrt"), positive),
    **dict.fromkeys(("acos", "asin", "atanh", "tan"), small),
    "acosh": above_one,
}
BINARY: dict[str, Maker] = {
    **dict.fromkeys(("add", "logaddexp", "maximum", "minimum", "multiply", "subtract"), apart),
    **dict.fromkeys(("atan2", "divide", "hypot", "pow"), positive),
}
WITHOUT_GRADIENT = {
    *("equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "not_equal"),
    *("logical_and", "logical_not", "logical_or", "logical_xor", "signbit"),
    *("all", "all_finite", "any", "argmax", "argmin", "one_hot"),
    *("arange", "empty", "eye", "full", "full_like", "linspace", "ones", "ones_like", "zeros", "zeros_like"),
    *("bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor"),
    *("ceil", "floor", "round", "sign", "trunc", "stop_gradient"),  # whose gradient is nothing by definition
    *("copysign", "floor_divide", "nextafter", "remainder"),  # with tests of their own in test_gradients_at_kinks.py
    *("argsort", "count_nonzero", "isin", "nonzero", "searchsorted", "empty_like", "from_dlpack"),
    *("unique_all", "unique_counts", "unique_inverse", "unique_values"),
    *("__array_api_version__", "__array_namespace_info__", "broadcast_shapes"),
    *("can_cast", "finfo", "iinfo", "isdtype", "result_type", "e", "inf", "nan", "newaxis", "pi"),
    "elementwise",  # no operation: it makes them
}

MASK = np.array([[True, False, True], [False, True, True]])
X = ((2, 3),)
Shapes = tuple[tuple[int, ...], ...]

SHAPING: dict[str, tuple[Function, Shapes]] = {
    "reshape": (lambda x: tl.reshape(x, (3, -1)), X),
    "permute_dims": (lambda x: tl.permute_dims(x, (2, 0, 1)), ((2, 1, 3),)),
    "transpose": (lambda x: tl.transpose(x), ((2, 1, 3),)),
    "matrix_transpose": (tl.matrix_transpose, ((2, 1, 3),)),
    "expand_dims": (lambda x: tl.expand_dims(x, axis=-2), X),
    "squeeze": (lambda x: tl.squeeze(x, axis=1), ((2, 1, 3, 1),)),
    "broadcast_to": (lambda x: tl.broadcast_to(x, (2, 2, 3, 2)), ((2, 1, 2),)),
    "flip": (lambda x: tl.flip(x, axis=1), X),
    "flip all": (tl.flip, X),
    "concat": (lambda x, y: tl.concat([x, y, x], axis=1), ((2, 3), (2, 1))),
    "concat flat": (lambda x, y: tl.concat([x, y], axis=None), ((2, 3), (2,))),
    "concatenate": (lambda x, y: tl.concatenate([x, y]), ((2, 3), (1, 3))),
    "stack": (lambda x, y: tl.stack([x, y], axis=1), ((2, 3), (2, 3))),
    "tile": (lambda x: tl.tile(x, (2, 1, 3)), ((2, 2),)),
    "slices": (lambda x: x[1:, ::-2], X),
    "numbers": (lambda x: x[1, -1], X),
    "number and new axis": (lambda x: x[None, 0], X),
    "nothing": (lambda x: x[2:], X),
    "arrays with repeats": (lambda x: x[[0, 1, 1, 0, 1]], X),
    "arrays on two axes": (lambda x: x[np.array([1, 1, 0]), np.array([2, 2, -3])], X),
    "mask": (lambda x: x[MASK], X),
    "take": (lambda x: tl.take(x, [2, 0, 2], axis=1), X),
    "where": (lambda x, y: tl.where(MASK, x, y), ((2, 3), (3,))),
    "clip": (lambda x: tl.clip(x, -0.35, 0.35), X),
    "clip by tensors": (lambda x, y: tl.clip(x, y - 10.0, None) + tl.clip(x, None, y + 10.0), ((2, 3), (1, 1))),
    "astype": (lambda x: x.astype("float64", copy=True), X),
}

REDUCTIONS: dict[str, tuple[Function, Shapes]] = {
    f"{name} {axis} {keepdims}": (
        lambda x, name=name, axis=axis, keepdims=keepdims: getattr(tl, name)(x, axis=axis, keepdims=keepdims),
        ((2, 1, 3),) if axis == 1 else ((2, 2, 2),),
    )
    for name in ("sum", "mean", "max", "min", "prod", "var", "std")
    for axis, keepdims in ((None, False), (1, True), ((0, 2), False), (-1, False))
    if (name, axis) not in {("var", 1), ("std", 1)}  # of one element
} | {"var corrected": (lambda x: tl.var(x, axis=0, correction=1), ((3, 2),))}

PRODUCTS: dict[str, tuple[Function, Shapes]] = {
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

ROWS: dict[str, tuple[Function, Shapes]] = {
    f"{name} {axis}": (lambda x, name=name, axis=axis: getattr(tl, name)(x, axis=axis), ((2, 3, 1 - axis),))
    for name in ("softmax", "log_softmax")
    for axis in (0, 1, -1)
}

OPERATIONS = SHAPING | REDUCTIONS | PRODUCTS | ROWS


def test_the_tables_hold_every_operation() -> None:
    from test_autodiff_arrays import OF_ONE, OF_TWO

    checked = {name.split()[0] for name in (*OPERATIONS, *OF_ONE, *OF_TWO)} | {*UNARY, *BINARY}
    missing = set(tl.ops.__all__) - checked - WITHOUT_GRADIENT
    assert missing == set(), "check their gradients here, or say that they have none"
    assert WITHOUT_GRADIENT & checked == set()
    assert set(tl.ops.__all__) >= WITHOUT_GRADIENT | {*UNARY, *BINARY}


@pytest.mark.parametrize("rank", [0, 1, 3])
@pytest.mark.parametrize("name", UNARY)
def test_gradients_of_unary_operations(name: str, rank: int, rng: Rng) -> None:
    check(getattr(tl, name), [UNARY[name](rng, *random_shape(rng, rank))], rng, order=2 if rank else 3)


@pytest.mark.parametrize("case", range(4))
@pytest.mark.parametrize("name", BINARY)
def test_gradients_of_binary_operations(name: str, case: int, rng: Rng) -> None:
    x, y = (BINARY[name](rng, *shape) for shape in broadcasting_shapes(rng))
    if name in ("maximum", "minimum"):
        y = np.asarray(y + 5.0 * rng.choice([-1, 1], y.shape))
    check(getattr(tl, name), [x, y], rng)


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradients(name: str, rng: Rng) -> None:
    function, shapes = OPERATIONS[name]
    arrays = [apart(rng, *shape) for shape in shapes]
    check(function, arrays, rng)


def test_gradients_of_a_program_to_third_order(rng: Rng) -> None:
    def program(x: tl.Tensor, w: tl.Tensor, b: tl.Tensor) -> tl.Tensor:
        hidden = tl.tanh(x @ w + b)
        return tl.sum(tl.softmax(hidden * hidden[::-1], axis=0) * hidden[:, :1], axis=1) / tl.exp(b[0])

    check(program, [small(rng, 2, 2), small(rng, 2, 2), small(rng, 2)], rng, order=3)


def test_gradients_on_the_cpu_are_those_of_the_reference(rng: Rng) -> None:
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


# PyTorch, in float32. Where an operation has its name and arguments there, the table need not repeat it.

ALIKE = {*UNARY, *BINARY} - {"divide", "erf"}
IN_TORCH: dict[str, str] = {
    "erf": "torch.special.erf(x)",
    "divide": "x / y",
    "reshape": "x.reshape(3, -1)",
    "permute_dims": "x.permute(2, 0, 1)",
    "flip": "x.flip(1)",
    "concat": "torch.cat([x, y, x], 1)",
    "tile": "x.tile((2, 1, 3))",
    "arrays with repeats": "x[[0, 1, 1, 0, 1]]",
    "mask": "x[MASK]",
    "where": "torch.where(torch.from_numpy(MASK), x, y)",
    "clip": "x.clip(-0.35, 0.35)",
    "sum (0, 2) False": "x.sum((0, 2))",
    "mean 1 True": "x.mean(1, keepdim=True)",
    "max None False": "x.amax()",
    "min (0, 2) False": "x.amin((0, 2))",
    "prod -1 False": "x.prod(-1)",
    "var None False": "x.var(correction=0)",
    "std -1 False": "x.std(-1, correction=0)",
    **{name: "x @ y" for name in PRODUCTS if name.startswith("matmul")},
    "outer": "torch.outer(x, y)",
    "dense bias tanh": "torch.tanh(x @ y + z)",
    **{f"{name} {axis}": f"x.{name}({axis})" for name in ("softmax", "log_softmax") for axis in (0, 1, -1)},
}


@pytest.mark.parametrize("name", [*sorted(ALIKE), *IN_TORCH])
def test_gradients_are_those_of_pytorch(name: str, rng: Rng) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the peer to agree with, is not installed")
    if name in OPERATIONS:
        ours, shapes = OPERATIONS[name]
        arrays = [apart(rng, *shape).astype(np.float32) for shape in shapes]
    else:
        ours = getattr(tl, name)
        shapes = ((2, 3),) if name in UNARY else ((2, 3), (3,))
        arrays = [(UNARY | BINARY)[name](rng, *shape).astype(np.float32) for shape in shapes]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    variables = dict(zip("xyz", theirs, strict=False))
    result = (
        eval(IN_TORCH[name], {"torch": torch, "MASK": MASK, **variables})
        if name in IN_TORCH
        else getattr(torch, name)(*theirs)
    )
    cotangent = rng.standard_normal(tuple(result.shape)).astype(np.float32)
    result.backward(torch.from_numpy(cotangent) if cotangent.shape else torch.tensor(float(cotangent)))

    tensors = [tl.asarray(array) for array in arrays]
    with tl.GradientTape() as tape:
        tape.watch(tensors)
        value = ours(*tensors)
    np.testing.assert_allclose(value.numpy(), result.detach().numpy(), rtol=1e-5, atol=1e-6)
    for mine, other in zip(tape.gradient(value, tensors, cotangent), theirs, strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine.numpy(), other.grad.numpy(), rtol=1e-5, atol=1e-5)

"""Every operation with a gradient, the same expression in PyTorch, and arguments for the comparison.

The arguments avoid kinks and ties, which test_gradients_at_kinks.py tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.testing import check_gradients

Array = np.ndarray[Any, Any]
Function = Callable[..., tl.Tensor]
Rng = np.random.Generator
Maker = Callable[..., Array]

# Arguments


def apart(rng: Rng, *shape: int) -> Array:
    """Return random numbers that differ by at least 0.07 from each other, and by 0.01 from multiples of 0.1.

    Some activations have kinks there, where central differences are no gradients.
    """
    count = int(np.prod(shape))
    numbers = (rng.permutation(count) + 1.0 + rng.uniform(0.1, 0.4, count)) * 0.1
    return (numbers * rng.choice([-1, 1], count)).reshape(shape)


def positive(rng: Rng, *shape: int) -> Array:
    return rng.uniform(0.5, 2.0, shape)


def above_one(rng: Rng, *shape: int) -> Array:
    return rng.uniform(1.2, 3.0, shape)


def small(rng: Rng, *shape: int) -> Array:
    return rng.uniform(-0.9, 0.9, shape)


def laid_out(rng: Rng, array: Array) -> Array:
    """Return the array in a random layout: C or Fortran order, every second element of a larger array, or reversed."""
    if not array.ndim:
        return array
    wide = np.empty((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    backwards = np.array(array[..., ::-1])
    wide[..., ::2] = array
    return (array, np.asfortranarray(array), wide[..., ::2], backwards[..., ::-1])[rng.integers(4)]


def random_shape(rng: Rng, rank: int) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, 4, rank))


def broadcasting_shapes(rng: Rng) -> list[tuple[int, ...]]:
    """Return two shapes that broadcast together: with axes of length 1, and possibly fewer axes in one of them."""
    whole = (*random_shape(rng, 2), 2)
    pair = [tuple(1 if rng.random() < 0.3 else n for n in whole) for _ in range(2)]
    pair[rng.integers(2)] = whole[rng.integers(3) :]
    return pair


# Checks


def check(fn: Function, arrays: Sequence[Array], rng: Rng, order: int = 2) -> None:
    check_gradients(fn, [laid_out(rng, array) for array in arrays], order, seed=int(rng.integers(2**31)))


def product(x: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    """Return a product over several axes; PyTorch's takes one axis."""
    for dim in sorted(dims, reverse=True):
        x = x.prod(dim, keepdim)
    return x


def agree_with_pytorch(
    ours: Function, theirs: str, arrays: Sequence[Array], rng: Rng, weights: Sequence[tl.Variable] = (), **more: Array
) -> None:
    """Compare results, and gradients with a random cotangent, in float32.

    Args:
        ours: a function of tensors.
        theirs: the same in PyTorch, an expression of x, y, z, u and v.
        arrays: the values of these.
        rng: for the layouts and the cotangent.
        weights: variables that ``ours`` reads instead of the last arrays.
        more: other names in ``theirs``.
    """
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    arrays = [array.astype(np.float32) for array in arrays]
    peers = [torch.tensor(array, requires_grad=True) for array in arrays]
    names = {"torch": torch, "product": product, "MASK": MASK, "INDICES": INDICES}
    names |= {name: torch.tensor(array) for name, array in more.items()}
    result = eval(theirs, {**names, **dict(zip("xyzuv", peers, strict=False))})
    cotangent = rng.standard_normal(result.shape)
    result.backward(torch.tensor(cotangent, dtype=result.dtype))

    inputs = [tl.asarray(laid_out(rng, array)) for array in arrays[: len(arrays) - len(weights)]]
    for weight, array in zip(weights, arrays[len(inputs) :], strict=True):
        weight.assign(array)
    tensors = [*inputs, *weights]
    with tl.GradientTape() as tape:
        tape.watch(tensors)
        value = ours(*inputs)
    np.testing.assert_allclose(value.numpy(), result.detach().numpy(), rtol=1e-5, atol=1e-6)
    for mine, peer in zip(tape.gradient(value, tensors, cotangent), peers, strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine.numpy(), peer.grad.numpy(), rtol=1e-5, atol=1e-5)


# Unary and binary functions, whose names and arguments are the same in PyTorch

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
    *("ceil", "floor", "round", "sign", "trunc", "stop_gradient"),  # with a gradient of 0 by definition
    *("floor_divide", "imag", "nextafter"),  # tested in test_gradients_at_kinks.py
    *("argsort", "count_nonzero", "isin", "nonzero", "searchsorted", "empty_like", "from_dlpack"),
    *("unique_all", "unique_counts", "unique_inverse", "unique_values"),
    *("__array_api_version__", "__array_namespace_info__", "broadcast_shapes"),
    *("can_cast", "finfo", "iinfo", "isdtype", "result_type", "e", "inf", "nan", "newaxis", "pi"),
    "elementwise",  # a decorator
}


# All other operations


class Case(NamedTuple):
    """An expression of x, y and z, the same in PyTorch, and the shapes of x, y and z.

    A shape is a string with a letter or a digit for each axis. All axes with the same letter have the same length, 1 to
    3.
    """

    ours: str
    theirs: str
    shapes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.ours} {' '.join(self.shapes)}".replace(" ", "_")

    @property
    def function(self) -> Function:
        names = ", ".join("xyz"[: len(self.shapes)])
        return eval(f"lambda {names}: {self.ours}", {"tl": tl, "np": np, "MASK": MASK, "INDICES": INDICES})

    def arrays(self, rng: Rng) -> list[Array]:
        lengths = dict(zip("abcdkn", random_shape(rng, 6), strict=True))
        return [apart(rng, *(lengths.get(axis) or int(axis) for axis in shape)) for shape in self.shapes]


MASK = np.array([[True, False, True], [False, True, True]])
INDICES = np.array([[2, 0, 0], [-1, 1, 2]])

MOVING = [
    Case("tl.reshape(x, (3, -1))", "x.reshape(3, -1)", ("2a3",)),
    Case("tl.reshape(x, (3, 2), copy=True)", "x.reshape(3, 2)", ("23",)),
    Case("tl.permute_dims(x, (2, 0, 1))", "x.permute(2, 0, 1)", ("abc",)),
    Case("tl.transpose(x)", "x.permute(2, 1, 0)", ("abc",)),
    Case("tl.matrix_transpose(x)", "x.mT", ("abc",)),
    Case("tl.moveaxis(x, 0, -1)", "x.movedim(0, -1)", ("abc",)),
    Case("tl.expand_dims(x, axis=-2)", "x.unsqueeze(-2)", ("ab",)),
    Case("tl.expand_dims(x, axis=(0, -1))", "x[None, ..., None]", ("ab",)),
    Case("tl.squeeze(x, axis=1)", "x.squeeze(1)", ("a1b1",)),
    Case("tl.broadcast_to(x, (2, 2, 3, 2))", "x.expand(2, 2, 3, 2)", ("212",)),
    Case("tl.broadcast_arrays(x, y)[0] + y", "torch.broadcast_tensors(x, y)[0] + y", ("a1", "nab")),
    Case("tl.meshgrid(x, y)[0] * y[:1]", "torch.meshgrid(x, y, indexing='xy')[0] * y[:1]", ("a", "b")),
    Case("tl.flip(x, axis=1)", "x.flip(1)", ("ab",)),
    Case("tl.flip(x)", "x.flip(0, 1)", ("ab",)),
    Case("tl.roll(x, (1, -2), axis=(0, 1))", "x.roll((1, -2), (0, 1))", ("ab",)),
    Case("tl.roll(x, 2)", "x.roll(2)", ("ab",)),
    Case("tl.concat([x, y, x], axis=1)", "torch.cat([x, y, x], 1)", ("ab", "ac")),
    Case("tl.concat([x, y], axis=None)", "torch.cat([x.flatten(), y])", ("ab", "c")),
    Case("tl.concatenate([x, y])", "torch.cat([x, y])", ("ab", "cb")),
    Case("tl.stack([x, y], axis=1)", "torch.stack([x, y], 1)", ("ab", "ab")),
    Case("tl.unstack(x, axis=1)[1] * tl.unstack(x)[0][2]", "x.unbind(1)[1] * x[0, 2]", ("a3",)),
    Case("tl.tile(x, (2, 1, 3))", "x.tile((2, 1, 3))", ("ab",)),
    Case("tl.repeat(x, 2, axis=0)", "x.repeat_interleave(2, 0)", ("ab",)),
    Case("tl.repeat(x, [0, 3, 1], axis=1)", "x.repeat_interleave(torch.tensor([0, 3, 1]), 1)", ("a3",)),
    Case("tl.tril(x)", "x.tril()", ("nab",)),
    Case("tl.triu(x, k=1)", "x.triu(1)", ("nab",)),
    Case("tl.real(x) * tl.conj(y)", "x * y", ("ab", "ab")),
    Case("tl.astype(x, 'float64', copy=True)", "x.double()", ("ab",)),
]

CHOOSING = [
    Case("x[1:, ::-2]", "x.flip(1)[1:, ::2]", ("23",)),
    Case("x[1, -1]", "x[1, -1]", ("23",)),
    Case("x[None, 0]", "x[None, 0]", ("ab",)),
    Case("x[::-1, None, 1:]", "x.flip(0)[:, None, 1:]", ("a3",)),
    Case("x[3:]", "x[3:]", ("ab",)),
    Case("x[[0, 1, 1, 0, 1]]", "x[[0, 1, 1, 0, 1]]", ("2b",)),
    Case("x[:, [1, 0], 0]", "x[:, [1, 0], 0]", ("a2b",)),
    Case("x[np.array([1, 1, 0]), np.array([2, 2, -3])]", "x[[1, 1, 0], [2, 2, 0]]", ("23",)),
    Case("x[MASK]", "x[torch.tensor(MASK)]", ("23a",)),
    Case("tl.take(x, [2, 0, 2], axis=1)", "x[:, [2, 0, 2]]", ("a3",)),
    Case("tl.take_along_axis(x, INDICES)", "x.gather(1, torch.tensor(INDICES) % 3)", ("23",)),
    Case("tl.where(MASK, x, y)", "torch.where(torch.tensor(MASK), x, y)", ("23", "3")),
    Case("tl.clip(x, -0.35, 0.35)", "x.clip(-0.35, 0.35)", ("ab",)),
    Case("tl.clip(x, y + 10.0, y + 20.0)", "x.clip(y + 10.0, y + 20.0) + 0.0 * x", ("ab", "b")),
    Case("tl.clip(x, y - 10.0, None)", "x.clip(y - 10.0, None)", ("ab", "b")),
    Case("tl.copysign(x, y) + y", "torch.copysign(x, y) + y", ("ab", "b")),
    Case("tl.remainder(x, y + 10.0)", "torch.remainder(x, y + 10.0)", ("ab", "b")),
    Case("tl.sort(x)", "x.sort().values", ("ab",)),
    Case("tl.sort(x, axis=0, descending=True)", "x.sort(0, descending=True).values", ("ab",)),
    Case("tl.top_k(x, 2).values", "x.topk(2).values", ("a3",)),
]

FOLDS = {
    **{name: f"x.{name}({{dims}}, {{keepdim}})" for name in ("sum", "mean", "logsumexp")},
    "max": "x.amax({dims}, {keepdim})",
    "min": "x.amin({dims}, {keepdim})",
    **{name: f"x.{name}({{dims}}, correction=0, keepdim={{keepdim}})" for name in ("var", "std")},
    "prod": "product(x, {dims}, {keepdim})",  # PyTorch's product takes one axis
}


def _folds() -> Iterator[Case]:
    for name, theirs in FOLDS.items():
        for axis, keepdims in ((None, False), (1, True), ((0, 2), False), (-1, False)):
            ours = f"tl.{name}(x, axis={axis}, keepdims={keepdims})"
            dims = (0, 1, 2) if axis is None else axis if isinstance(axis, tuple) else (axis,)
            yield Case(ours, theirs.format(dims=dims, keepdim=keepdims), ("223" if name == "std" else "abc",))


REDUCTIONS = [
    *_folds(),
    Case("tl.var(x, axis=0, correction=1)", "x.var(0, correction=1)", ("3a",)),
    Case("tl.std(x, axis=0, correction=1)", "x.std(0, correction=1)", ("3a",)),
    Case("tl.sum(x, axis=())", "1.0 * x", ("ab",)),
    Case("tl.prod(x, axis=())", "1.0 * x", ("ab",)),
    Case("tl.cumulative_sum(x, axis=-1)", "x.cumsum(-1)", ("abc",)),
    Case("tl.cumulative_sum(x, axis=0, include_initial=True)", "torch.cat([0 * x[:1], x.cumsum(0)])", ("ab",)),
    Case("tl.cumulative_prod(x, axis=1)", "x.cumprod(1)", ("abc",)),
    Case("tl.cumulative_prod(x, axis=0, include_initial=True)", "torch.cat([0 * x[:1] + 1, x.cumprod(0)])", ("ab",)),
    Case("tl.diff(x)", "x.diff()", ("a3",)),
    Case("tl.diff(x, n=2, prepend=x, axis=1)", "x.diff(n=2, prepend=x, dim=1)", ("a3",)),
    *(
        Case(f"tl.{name}(x, axis={axis})", f"x.{name}({axis})", ("abc",))
        for name in ("softmax", "log_softmax")
        for axis in (0, 1, -1)
    ),
]

PRODUCTS = [
    *(
        Case("tl.matmul(x, y)", "x @ y", pair)
        for pair in (
            *(("k", "k"), ("k", "kb"), ("ak", "k"), ("ak", "kb"), ("nak", "kb"), ("ak", "nkb"), ("20", "02")),
            *(("n1ak", "ckb"), ("nak", "nkb"), ("nak", "nk1"), ("k", "nkb"), ("nak", "k")),
        )
    ),
    Case("tl.dot(x, y)", "torch.einsum('ak,nkb->anb', x, y)", ("ak", "nkb")),
    Case("tl.dot(x, y)", "x * y", ("", "ab")),
    Case("tl.outer(x, y)", "torch.outer(x, y)", ("a", "b")),
    Case("tl.tensordot(x, y)", "torch.tensordot(x, y)", ("abk", "bkc")),
    Case("tl.tensordot(x, y, axes=((2, 0), (0, -1)))", "torch.tensordot(x, y, ((2, 0), (0, 2)))", ("abk", "kca")),
    Case("tl.tensordot(x, y, axes=0)", "torch.tensordot(x, y, 0)", ("a", "b")),
    Case("tl.vecdot(x, y)", "(x * y).sum(-1)", ("ak", "k")),
    Case("tl.vecdot(x, y, axis=-2)", "(x * y).sum(-2)", ("ak1", "kb")),
    Case("tl.dense(x, y)", "x @ y", ("ak", "kb")),
    Case("tl.dense(x, y, z)", "x @ y + z", ("k", "kb", "b")),
    Case("tl.dense(x, y, None, tl.tanh)", "torch.tanh(x @ y)", ("ak", "kb")),
    Case("tl.dense(x, y, z, tl.tanh)", "torch.tanh(x @ y + z)", ("ak", "kb", "b")),
    Case("tl.dense(x, y, z, tl.sigmoid)", "torch.sigmoid(x @ y + z)", ("nak", "kb", "b")),
]

CASES = [*MOVING, *CHOOSING, *REDUCTIONS, *PRODUCTS]

IN_CASES = {name for case in CASES for name in re.findall(r"\btl\.(\w+)", case.ours)}
"""The operations that the cases call."""

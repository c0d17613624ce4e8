"""Gradients of all operations, to second order, against central differences in float64 and PyTorch in float32.

Gradients consist of operations, so they are the same on every backend. Most tests use the reference backend, which
compiles nothing. The operations are in the tables of gradient_cases.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from gradient_cases import (
    BINARY,
    CASES,
    IN_CASES,
    UNARY,
    WITHOUT_GRADIENT,
    Array,
    Case,
    Rng,
    agree_with_pytorch,
    broadcasting_shapes,
    check,
    random_shape,
    small,
)

import tensorlab as tl

pytestmark = pytest.mark.usefixtures("reference")


def test_tables_contain_every_operation() -> None:
    checked = IN_CASES | {*UNARY, *BINARY}
    assert set(tl.ops.__all__) - checked == WITHOUT_GRADIENT, (
        "add a case to gradient_cases.py, or list them in WITHOUT_GRADIENT"
    )
    assert checked <= set(tl.ops.__all__)


@pytest.mark.parametrize("rank", [0, 1, 3])
@pytest.mark.parametrize("name", UNARY)
def test_gradients_of_unary_operations(name: str, rank: int, rng: Rng) -> None:
    check(getattr(tl, name), [UNARY[name](rng, *random_shape(rng, rank))], rng, order=2 if rank else 3)


def pair(name: str, rng: Rng) -> list[Array]:
    """Return arguments for a binary operation, with shapes that broadcast."""
    x, y = (BINARY[name](rng, *shape) for shape in broadcasting_shapes(rng))
    return [x, np.asarray(y + 5.0 * rng.choice([-1, 1], y.shape)) if name in ("maximum", "minimum") else y]


@pytest.mark.parametrize("case", range(4))
@pytest.mark.parametrize("name", BINARY)
def test_gradients_of_binary_operations(name: str, case: int, rng: Rng) -> None:
    check(getattr(tl, name), pair(name, rng), rng)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_of_other_operations(case: Case, rng: Rng) -> None:
    check(case.function, case.arrays(rng), rng)


def test_gradients_of_a_program_to_third_order(rng: Rng) -> None:
    def program(x: tl.Tensor, w: tl.Tensor, b: tl.Tensor) -> tl.Tensor:
        hidden = tl.tanh(x @ w + b)
        return tl.sum(tl.softmax(hidden * hidden[::-1], axis=0) * hidden[:, :1], axis=1) / tl.exp(b[0])

    check(program, [small(rng, 2, 2), small(rng, 2, 2), small(rng, 2)], rng, order=3)


def test_gradients_on_cpu_match_the_reference_backend(rng: Rng) -> None:
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


# PyTorch, in float32


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_gradients_of_unary_and_binary_operations_match_pytorch(name: str, rng: Rng) -> None:
    arrays = pair(name, rng) if name in BINARY else [UNARY[name](rng, *random_shape(rng, 2))]
    agree_with_pytorch(getattr(tl, name), f"torch.{name}({', '.join('xy'[: len(arrays)])})", arrays, rng)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_of_other_operations_match_pytorch(case: Case, rng: Rng) -> None:
    agree_with_pytorch(case.function, case.theirs, case.arrays(rng), rng)

"""Quick scalar functions have a loop for each usual combination of strides, others a dense one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from backend_checks import of, run

import tensorlab as tl
from tensorlab.backends import CPUBackend
from tensorlab.kernels import catalogue
from tensorlab.kernels.loops.map import _loops, _steps
from tensorlab.ops import powers
from tensorlab.scalars import ScalarFunction


def _blend(x, y, z):
    return x * y + z


def _sum_of_powers(x, y):
    total = 0.0
    for k in range(3):
        total += x**k * y
    return total


def _long(x):
    y = x * (1.0 + x * (2.0 + x * (3.0 + x * (4.0 + x * (5.0 + x)))))
    return y * (1.0 - y * (2.0 - y * (3.0 - y)))


@pytest.mark.parametrize(
    ("function", "loops"),
    [
        (tl.square.scalar, 2),
        (tl.floor.scalar, 2),
        (tl.add.scalar, 4),
        (tl.maximum.scalar, 4),
        (of(_blend), 2),
        (tl.exp.scalar, 1),
        (powers._pow.scalar, 3),
        (tl.remainder.scalar, 3),
        (tl.floor_divide.scalar, 1),
        (of(_sum_of_powers), 1),
        (of(_long), 1),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_number_of_loops(function: ScalarFunction, loops: int) -> None:
    assert _loops(function.arity, 1, _steps(function)).count("for i in range(count)") == loops


def test_every_element_is_copied_wherever_blocks_end(rng: np.random.Generator) -> None:
    """Blocks consist of rows that are short, long, or longer than a block."""

    def largest(x, y, z):
        return math.exp(x) * y + z

    for shape in ((3, 5000), (700, 63), (70, 64), (41, 7, 9), (2, 3, 1, 2049)):
        x = rng.random((*shape[:-1], 2 * shape[-1]))[..., ::2]
        y = rng.random(shape[::-1]).T
        for z in (rng.random(()), rng.random((*shape[:-1], 1)), rng.random(shape)[..., ::-1]):
            (result,) = run(CPUBackend(), of(largest), [x, y, np.asarray(z)], "float64")
            np.testing.assert_allclose(result, np.exp(x) * y + z, rtol=1e-14)


def test_repeated_element_is_copied_again_after_other_rows(rng: np.random.Generator) -> None:
    """A chunk that ends in the row in which it began: in between, the buffer contained other rows."""
    for shape in ((9, 41, 100), (4, 129, 127)):
        x, y = rng.uniform(0.5, 2.0, shape), rng.uniform(0.5, 2.0, (shape[1], 1))
        (result,) = run(CPUBackend(), powers._pow.scalar, [x, y], "float64")
        np.testing.assert_allclose(result, x**y, rtol=1e-13)


def _product_and_number(x, y, z):
    return z - x * y


def _two_products(x, y, z, w):
    return x * y + z * w


def _single(x):
    return x.astype("float32").astype("float64")


@pytest.mark.parametrize(
    ("function", "rounded"),
    [
        (_product_and_number, lambda x, y, z: _single(z - x * y)),
        (_two_products, lambda x, y, z, w: _single(_single(x * y) + _single(z * w))),
    ],
)
def test_rounding_does_not_depend_on_where_arrays_are(function, rounded, rng: np.random.Generator) -> None:
    """A result close to an operand is computed by another copy of the loop. One product is fused, two are not."""
    arity = of(function).arity
    kernel = catalogue.map_kernel(of(function), "float32", ("float32",) * arity, ("float32",))
    for length in (1, 7, 16, 40, 100):
        given = rng.integers(-(1 << 23), 1 << 23, (arity, length))  # float64 adds their products exactly
        expected = rounded(*given.astype("float64"))
        for apart in range(length, length + 17):
            memory = np.zeros((arity + 1) * apart, "float32")
            result, *operands = [memory[k * apart : k * apart + length] for k in range(arity + 1)]
            for operand, values in zip(operands, given, strict=True):
                operand[:] = values
            kernel(0, result, *operands)
            np.testing.assert_array_equal(result, expected)

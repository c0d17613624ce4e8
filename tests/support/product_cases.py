"""Calls of the matrix product's kernels, for every layout, tile and epilogue."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from tensorlab.kernels.matmul.caches import Caches
from tensorlab.kernels.matmul.elements import submatrix
from tensorlab.kernels.matmul.epilogue import epilogue_task
from tensorlab.kernels.matmul.job import Matrix
from tensorlab.kernels.matmul.product import matmul
from tensorlab.kernels.matmul.products import tasks
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime.compiler import address as entry_of
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.compiler import kernel as compile_kernel
from tensorlab.kernels.runtime.records import record_at

LAYOUTS = ("rows", "columns", "reversed", "every second", "slice")
SENTINEL = 1
ABSENT = Matrix(0, 0, 0)


def halved(total):
    return total / 2


def biased_relu(total, bias):
    return max(total + bias, 0 * total)


def gated(total, gate, shift):
    return total * math.tanh(gate) + shift


EPILOGUES: dict[str, tuple[Callable[..., float] | None, int]] = {
    "none": (None, 0),
    "halved": (halved, 0),
    "biased_relu": (biased_relu, 1),
    "gated": (gated, 2),
}


class Operands(NamedTuple):
    a: Matrix
    b: Matrix
    c: Matrix
    z: Matrix
    p: Matrix
    q: Matrix


@jit
def whole(matrix):
    return submatrix(matrix, 1, 0, 0)


@compile_kernel
def compiled():
    """Return a kernel that reads its six matrices from one array of int64."""

    def kernel(pool, table, epilogue, m, n, k, operands):
        given = record_at(operands, Operands)
        a, b, c = whole(given.a), whole(given.b), whole(given.c)
        z, p, q = whole(given.z), whole(given.p), whole(given.q)
        return matmul(pool, table, epilogue, m, n, k, a, b, c, z, p, q)

    return kernel, f"int64({', '.join(['int64'] * 7)})"


@compile_kernel
def finishing(dtype: str, epilogue: str):
    """Return a compiled epilogue. It must be kept alive while its address is used."""
    function, operands = EPILOGUES[epilogue]
    task = epilogue_task(from_dtype(np.dtype(dtype)), jit(function) if function else None, operands)
    return task, "void(int64, int64)"


def kernel(
    dtype: str,
    epilogue: str = "none",
    keep_product: bool = False,
    tile: Tile | None = None,
    caches: Caches | None = None,
):
    table = tasks(dtype, tile, caches)
    finish = 0 if epilogue == "none" and not keep_product else entry_of(finishing(dtype, epilogue))

    def matmul(pool, m, n, k, *operands):
        words = np.array([*operands, *[ABSENT] * (6 - len(operands))], np.int64)
        while missing := compiled()(pool, table.address, finish, m, n, k, words.ctypes.data):
            table.compile(missing)

    return matmul


def laid_out(matrix: np.ndarray, layout: str) -> np.ndarray:
    """Return the same elements in another layout, surrounded by NaN."""
    m, n = matrix.shape
    strange = np.nan if matrix.dtype.kind == "f" else 1
    if layout == "rows":
        return np.ascontiguousarray(matrix)
    if layout == "columns":
        return np.asfortranarray(matrix)
    if layout == "reversed":
        return np.ascontiguousarray(matrix[::-1, ::-1])[::-1, ::-1]
    room = np.full((2 * m + 3, 2 * n + 3), strange, matrix.dtype)
    view = room[1 : 2 * m + 1 : 2, 2 : 2 * n + 2 : 2] if layout == "every second" else room[2 : m + 2, 1 : n + 1]
    view[...] = matrix
    return view


def address(matrix: np.ndarray | None) -> Matrix:
    if matrix is None:
        return ABSENT
    return Matrix(matrix.ctypes.data, matrix.strides[0] // matrix.itemsize, matrix.strides[1] // matrix.itemsize)


def product(
    matmul, a: np.ndarray, b: np.ndarray, *operands: np.ndarray, keep_product: bool = False, pool: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the result and the kept product; fail if the kernel wrote anywhere else."""
    (m, k), n = a.shape, b.shape[1]
    rooms = [np.full((m + 2, n + 3), SENTINEL, a.dtype) for _ in range(2)]
    c, z = (room[1 : m + 1, 1 : n + 1] for room in rooms)
    p, q = ([np.broadcast_to(x, (m, n)) for x in operands] + [None, None])[:2]
    matmul(pool, m, n, k, *map(address, (a, b, c, z if keep_product else None, p, q)))
    results = c.copy(), z.copy()
    c[...] = SENTINEL
    if keep_product:
        z[...] = SENTINEL
    assert all((room == SENTINEL).all() for room in rooms)
    return results


def assert_product(found: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Assert that errors are within the bound for a sum in any order."""
    exact = a.astype(np.float64) @ b.astype(np.float64)
    bound = (a.shape[1] + 1) * np.finfo(a.dtype).eps * (np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64))
    assert (np.abs(found - exact) <= bound).all()


def random(seed: int, m: int, n: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng([seed, m, n]).standard_normal((m, n)).astype(dtype)

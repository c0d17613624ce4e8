"""Matrix products: each block computes a tile of the result, and each thread a small tile of that.

A thread keeps its sums in registers; the small local arrays below become registers, because every index into them is a
constant after the loops are unrolled. While a block multiplies slices of A and B in shared memory, it loads the next
slices from global memory into registers. The sum over k is not split and is accumulated in order, so an element has
the same bits for every launch and every tile size.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.kernels.convert import convert
from tensorlab_cuda.kernels.lift import lift
from tensorlab_cuda.kernels.matmul_tile import DOUBLES, SIMULATED, WORDS, Tile
from tensorlab_cuda.kernels.matmul_warp import WarpTile, warp_tiles
from tensorlab_cuda.kernels.places import names, unravel


def _source(operands: int, epilogue: bool, keep: bool, axes: int, tile: Tile | WarpTile, bits: bool) -> str:
    extra = [f"p{k}" for k in range(operands)]
    outputs, matrices = ["c", *["z"] * keep], ["a", "b", *extra]
    parameters = [
        *("matrices", "m", "n", "k", *names("stack_length", axes), *(f"{x}_address" for x in outputs)),
        *(word for x in matrices for word in (f"{x}_address", f"{x}_row", f"{x}_column", *names(f"{x}_stack", axes))),
    ]
    pointers = "".join(f"    {x} = pointer({x}_address, kind)\n" for x in [*outputs, *matrices])
    starts = "".join(f"        {x}_at = int64(0)\n" for x in matrices)
    move = unravel("number // tiles", "stack_length", axes, {f"{x}_at": f"{x}_stack" for x in matrices}, " " * 8)
    values = ", ".join(["sums[i, j]", *(f"{p}[{p}_at + row * {p}_row + column * {p}_column]" for p in extra)])

    def fetch(matrix: str) -> str:
        """Return the text that loads a thread's elements of the next slice of A or B."""
        outer, limit, inner = ("row", "m - top", "column") if matrix == "a" else ("column", "n - leftmost", "row")
        text = f"\nfor q in range({matrix}_COUNT):\n"
        for number in range(tile.numbers):
            element = f"{matrix}_next[q, {number}]"
            inner_place = f"({matrix}_inner + q * {matrix}_INNER) * {tile.numbers} + {number}"
            text += f"""
    {element} = kind(0)
    if {matrix}_outer + q * {matrix}_OUTER < {limit} and {inner_place} < rest:
        step = {matrix}_OUTER * {matrix}_{outer} + {matrix}_INNER * {tile.numbers} * {matrix}_{inner}
        {element} = {matrix}[{matrix}_at + q * step + {number} * {matrix}_{inner}]
"""
        return f"{text}{matrix}_at += DEPTH * {matrix}_{inner}\n"

    def indented(text: str, indent: str) -> str:
        return "".join(f"{indent}{line}\n" for line in text.splitlines() if line)

    both = fetch("a") + fetch("b")
    return f"""
def kernel({", ".join(parameters)}):
{pointers}
    left = elements(cuda.shared.array(left_SIZE, word{driver.aligned()}), left_START)
    right = elements(cuda.shared.array(right_SIZE, word{driver.aligned()}), right_START)
    sums = cuda.local.array((ROWS, COLUMNS), kind)
    a_next = cuda.local.array((a_COUNT, {tile.numbers}), kind)
    b_next = cuda.local.array((b_COUNT, {tile.numbers}), kind)
    thread = int64(cuda.threadIdx.x)
{indented(tile.opening, " " * 4)}    a_outer = thread // a_BY_INNER % HIGH
    a_inner = thread // a_BY_OUTER % a_DEPTH
    b_outer = thread // b_BY_INNER % WIDE
    b_inner = thread // b_BY_OUTER % b_DEPTH
    across = (n + WIDE - 1) // WIDE
    tiles = (m + HIGH - 1) // HIGH * across
    for number in range(int64(cuda.blockIdx.x), matrices * tiles, int64(cuda.gridDim.x)):
{starts}{move}        top = number % tiles // across * HIGH
        leftmost = number % tiles % across * WIDE
        first_row = number // tiles * m
        a_at += (top + a_outer) * a_row + a_inner * {tile.numbers} * a_column
        b_at += (leftmost + b_outer) * b_column + b_inner * {tile.numbers} * b_row
        for i in range(ROWS):
            for j in range(COLUMNS):
                sums[i, j] = kind(0)
        rest = k
{indented(both, " " * 8)}        while rest > 0:
            for q in range(a_COUNT):
                place = (a_inner + q * a_INNER) * LEFT_INNER + (a_outer + q * a_OUTER) * LEFT_OUTER
                left[place] = {tile.word("a_next")}
            for q in range(b_COUNT):
                place = (b_inner + q * b_INNER) * RIGHT_INNER + (b_outer + q * b_OUTER) * RIGHT_OUTER
                right[place] = {tile.word("b_next")}
            cuda.syncthreads()
            rest -= DEPTH
{indented(both, " " * 12)}{indented(tile.multiply(bits), " " * 12)}            cuda.syncthreads()
        for i in range(ROWS):
            row = top + {tile.row}
            for j in range(COLUMNS):
                column = leftmost + {tile.column}
                if row < m and column < n:
                    place = (first_row + row) * n + column
                    {"z[place] = sums[i, j]" if keep else ""}
                    c[place] = {f"stored(scalar({values}))" if epilogue else "sums[i, j]"}
"""


def choose_tile(dtype: str, precision: str, matrices: int, rows: int, columns: int) -> Tile | WarpTile:
    """Return the largest tile that gives work to at least half of the processors, otherwise the smallest tile."""
    tiles: Sequence[Tile | WarpTile] = DOUBLES if np.dtype(dtype).itemsize == 8 else WORDS
    if driver.simulated():
        tiles = SIMULATED
    if precision != "float32":
        tiles = warp_tiles(precision, driver.simulated())
    enough = math.ceil(driver.device().processors / 2)
    return next((tile for tile in tiles if tile.count(matrices, rows, columns) >= enough), tiles[-1])


@functools.cache
def matmul_kernel(
    epilogue: ScalarFunction | None,
    dtype: str,
    operands: int,
    keep: bool,
    axes: int,
    tile: Tile | WarpTile,
    runs: tuple[bool, bool],
) -> Kernel:
    """Return the kernel ``k(matrices, m, n, k, *stack, c[, z], *(address, row, column, *stack strides))``.

    The arrays with strides are A, B and the operands of the epilogue. ``c`` and ``z``, which receives the product
    without the epilogue, are dense. A block has ``tile.threads`` threads.

    Args:
        epilogue: a function of an element of the product and of each operand, or None.
        dtype: of all arrays. Integers are exact modulo their width; for bools the sum is "or" and the product "and".
        operands: the number of operands of the epilogue.
        keep: whether there is a ``z``.
        axes: the number of axes of the stack.
        tile: the tile of a block.
        runs: for A and for B, whether elements are adjacent in memory along k rather than along the other axis. The
            result is correct for any strides; these two orders are the fast ones.
    """
    kind = driver.storage(dtype)
    namespace: dict[str, Any] = {"word": kind, **tile.names(runs), "count_type": np.uint64, "kind": kind}
    if epilogue is not None:
        namespace |= {"scalar": lift(epilogue, dtype), "stored": convert(None, dtype)}
    name = f"matmul {epilogue.name if epilogue is not None else ''} {dtype}"
    source = _source(operands, epilogue is not None, keep, axes, tile, dtype == "bool")
    shared = {side: (namespace[side.upper()], namespace["word"]) for side in ("left", "right")}
    return build(source, namespace, name, () if epilogue is None else (epilogue,), shared=shared)

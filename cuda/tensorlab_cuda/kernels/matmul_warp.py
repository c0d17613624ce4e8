"""Tiles of matrix products on tensor cores: one per block, divided among its warps.

A block loads slices of A and B along k into shared memory, and adds the product of two slices to its sums. A word has
32 bits: one tf32 element, or two 16-bit elements that are adjacent along k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorlab_cuda.kernels import mma
from tensorlab_cuda.kernels.matmul_tile import count_tiles, fetching


@dataclass(frozen=True)
class WarpTile:
    """The tile of the result that a block computes. All numbers are powers of two.

    Attributes:
        precision: "tf32", "float16" or "bfloat16".
        warps: the number of warps along each axis of the block's tile.
        products: the number of ``mma`` instructions of a warp along each axis of its part of the tile.
        depth: the depth of the slices, in words along k.
    """

    precision: str
    warps: tuple[int, int]
    products: tuple[int, int]
    depth: int

    @property
    def threads(self) -> int:
        """The number of threads of a block."""
        return self.warps[0] * self.warps[1] * mma.LANES

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and columns of the result that a block computes."""
        return self.warps[0] * self.products[0] * mma.ROWS, self.warps[1] * self.products[1] * mma.COLUMNS

    @property
    def numbers(self) -> int:
        """The number of elements in a word."""
        return mma.FORMATS[self.precision].numbers

    def count(self, matrices: int, rows: int, columns: int) -> int:
        """Return the number of tiles in a stack of products."""
        return count_tiles(self.shape, matrices, rows, columns)

    def names(self, runs: tuple[bool, bool]) -> dict[str, Any]:
        """Return the names that the text of a kernel uses.

        Args:
            runs: for A and for B, whether elements are adjacent in memory along k rather than along the other axis.
        """
        names: dict[str, Any] = {
            **mma.instructions(self.precision),
            "word": np.uint32,
            "DEPTH": self.depth * self.numbers,
            "WORDS": self.depth,
            "ROWS": 2 * self.products[0],
            "COLUMNS": 2 * self.products[1],
            "PRODUCTS_DOWN": self.products[0],
            "PRODUCTS_ACROSS": self.products[1],
            "WARPS_ACROSS": self.warps[1],
        }
        for name, matrix, edge, by_depth in zip(("LEFT", "RIGHT"), "ab", self.shape, runs, strict=True):
            # Words are stored in the order of global memory. Padding puts the words that a warp reads at once into
            # different banks.
            outer, inner = (self.depth + 4, 1) if by_depth else (1, edge + 8)
            names |= {
                name: edge * outer if by_depth else self.depth * inner,
                f"{name}_OUTER": outer,
                f"{name}_INNER": inner,
                **fetching(matrix, edge, self.depth, self.threads, by_depth),
            }
        return names

    opening = """
a_part = cuda.local.array((PRODUCTS_DOWN, 4), word)
b_part = cuda.local.array((PRODUCTS_ACROSS, 2), word)
lane = thread % 32
y = thread // 32 // WARPS_ACROSS * PRODUCTS_DOWN * 16
x = thread // 32 % WARPS_ACROSS * PRODUCTS_ACROSS * 8
"""
    row = "y + i // 2 * 16 + sum_place(lane, i % 2 * 2)[0]"
    column = "x + j // 2 * 8 + sum_place(lane, j % 2)[1]"
    """The row and column of a thread's sum ``i``, ``j`` in the tile; an instruction gives a thread 2 × 2 sums."""

    def word(self, array: str) -> str:
        """Return the text that packs word ``q`` of a slice from the loaded elements."""
        numbers = ", ".join(f"{array}[q, {number}]" for number in reversed(range(self.numbers)))
        return f"pack({numbers})"

    def multiply(self, bits: bool) -> str:
        """Return the text that adds the product of two slices to the sums of a thread."""
        return """
for d in range(0, WORDS, 8):
    for i in range(PRODUCTS_DOWN):
        for r in range(4):
            edge, depth = a_place(lane, r)
            a_part[i, r] = left[(y + i * 16 + edge) * LEFT_OUTER + (d + depth) * LEFT_INNER]
    for j in range(PRODUCTS_ACROSS):
        for r in range(2):
            depth, edge = b_place(lane, r)
            b_part[j, r] = right[(x + j * 8 + edge) * RIGHT_OUTER + (d + depth) * RIGHT_INNER]
    for i in range(PRODUCTS_DOWN):
        for j in range(PRODUCTS_ACROSS):
            sums[2 * i, 2 * j], sums[2 * i, 2 * j + 1], sums[2 * i + 1, 2 * j], sums[2 * i + 1, 2 * j + 1] = mma(
                a_part[i, 0], a_part[i, 1], a_part[i, 2], a_part[i, 3], b_part[j, 0], b_part[j, 1],
                sums[2 * i, 2 * j], sums[2 * i, 2 * j + 1], sums[2 * i + 1, 2 * j], sums[2 * i + 1, 2 * j + 1],
            )
"""


def warp_tiles(precision: str, simulated: bool) -> list[WarpTile]:
    """Return the tiles of a precision, the largest first."""
    if simulated:  # small, since the simulator runs threads in Python
        return [WarpTile(precision, (2, 1), (1, 2), 8)]
    per_word = mma.FORMATS[precision].numbers
    return [
        WarpTile(precision, (2, 4), products, depth // per_word)
        for products, depth in (((4, 4), 16), ((2, 2), 32), ((1, 1), 32))
    ]

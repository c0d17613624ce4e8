"""The division of a product into tiles for blocks and threads, and of A and B into slices along k."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Tile:
    """The tile of a block of ``side`` × ``side`` threads. All numbers are powers of two.

    The elements of a thread are in groups of ``group`` × ``group`` adjacent elements, so that it reads shared memory in
    vectors. Groups of adjacent threads are adjacent, so that they read different banks.

    Attributes:
        side: the number of threads along each axis.
        rows: rows of the result per thread.
        columns: columns of the result per thread.
        group: the edge of a group.
        depth: the depth of the slices along k.
    """

    side: int
    rows: int
    columns: int
    group: int
    depth: int

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and columns of the result that a block computes."""
        return self.side * self.rows, self.side * self.columns

    @property
    def threads(self) -> int:
        """The number of threads of a block."""
        return self.side**2

    numbers = 1
    """Elements in a word of shared memory."""

    def count(self, matrices: int, rows: int, columns: int) -> int:
        """Return the number of tiles in a stack of products."""
        return count_tiles(self.shape, matrices, rows, columns)

    def names(self, runs: tuple[bool, bool]) -> dict[str, Any]:
        """Return the names that the text of a kernel uses."""
        names: dict[str, Any] = {field.upper(): value for field, value in asdict(self).items()}
        for name, matrix, edge, by_depth in zip(("LEFT", "RIGHT"), "ab", self.shape, runs, strict=True):
            pitch = edge + self.group  # so that the elements of a column are in different banks
            names |= {
                name: self.depth * pitch,
                f"{name}_OUTER": 1,
                f"{name}_INNER": pitch,
                **fetching(matrix, edge, self.depth, self.threads, by_depth),
            }
        return names

    opening = """
a_part = cuda.local.array(ROWS, kind)
b_part = cuda.local.array(COLUMNS, kind)
x = thread % SIDE * GROUP
y = thread // SIDE * GROUP
"""
    row = "y + i // GROUP * GROUP * SIDE + i % GROUP"
    column = "x + j // GROUP * GROUP * SIDE + j % GROUP"
    """The row and column of a thread's sum ``i``, ``j`` in the tile of the block."""

    def word(self, array: str) -> str:
        """Return the text that packs word ``q`` of a slice from the loaded elements."""
        return f"{array}[q, 0]"

    def multiply(self, bits: bool) -> str:
        """Return the text that adds the product of two slices to a thread's sums.

        For ``bits`` the sum is "or" and the product "and".
        """
        return f"""
for d in range(DEPTH):
    for i in range(ROWS):
        a_part[i] = left[d * LEFT_INNER + {self.row}]
    for j in range(COLUMNS):
        b_part[j] = right[d * RIGHT_INNER + {self.column}]
    for i in range(ROWS):
        for j in range(COLUMNS):
            sums[i, j] = kind(sums[i, j] {"|" if bits else "+"} (a_part[i] {"&" if bits else "*"} b_part[j]))
"""


def count_tiles(shape: tuple[int, int], matrices: int, rows: int, columns: int) -> int:
    """Return the number of tiles of a shape in a stack of products."""
    high, wide = shape
    return matrices * -(-rows // high) * -(-columns // wide)


def fetching(matrix: str, edge: int, depth: int, threads: int, by_depth: bool) -> dict[str, int]:
    """Return the names for loading a slice of A or B of ``edge`` × ``depth`` words.

    Each thread loads several words, whose numbers within the slice differ by the number of threads. Words are numbered
    along k first if elements are adjacent along k. So one of the two coordinates in the slice is the same for all words
    of a thread.
    """
    fast = depth if by_depth else edge
    return {
        "HIGH" if matrix == "a" else "WIDE": edge,
        f"{matrix}_DEPTH": depth,
        f"{matrix}_COUNT": edge * depth // threads,
        f"{matrix}_BY_INNER": fast if by_depth else 1,
        f"{matrix}_BY_OUTER": 1 if by_depth else fast,
        f"{matrix}_OUTER": threads // fast if by_depth else 0,
        f"{matrix}_INNER": 0 if by_depth else threads // fast,
    }


SIMULATED = [Tile(4, 4, 2, 2, 2), Tile(4, 2, 2, 2, 4)]
"""Small tiles, since the simulator runs threads in Python."""
WORDS = [Tile(16, 8, 8, 4, 8), Tile(16, 4, 4, 4, 16), Tile(16, 2, 2, 2, 32)]
DOUBLES = [Tile(16, 4, 4, 2, 8), Tile(16, 2, 2, 2, 16)]
"""For 64-bit elements. Sums fit into 128 registers per thread, and a block uses at most 17 KB of shared memory."""

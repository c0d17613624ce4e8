"""How a block cuts a product into tiles: of its own, of its threads, and slices of A and B along k."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from tensorlab_cuda import driver


@dataclass(frozen=True)
class Tile:
    """What a block of ``side`` × ``side`` threads computes. All numbers are powers of two.

    A thread's elements are in groups of ``group`` × ``group`` that lie next to each other, so that it reads shared
    memory in vectors; groups of neighbouring threads lie next to each other, so that they read different banks.

    Attributes:
        side: threads along each axis.
        rows: of the result, a thread.
        columns: of the result, a thread.
        group: the edge of a group.
        depth: of the slices, along k.
    """

    side: int
    rows: int
    columns: int
    group: int
    depth: int

    @property
    def shape(self) -> tuple[int, int]:
        """The rows and the columns of the result that a block computes."""
        return self.side * self.rows, self.side * self.columns

    def count(self, matrices: int, rows: int, columns: int) -> int:
        """How many tiles there are in a stack of products."""
        high, wide = self.shape
        return matrices * -(-rows // high) * -(-columns // wide)

    def constants(self, runs: tuple[bool, bool]) -> dict[str, int]:
        """The names that a kernel's text uses.

        Each thread fetches some elements of the slices of A and of B. Their number within a slice goes up by the
        number of threads, and runs along k first where elements that follow each other along k lie next to each other.
        So one of an element's two places in a slice is the same for all that a thread fetches.
        """
        threads = self.side**2
        names = {field.upper(): value for field, value in asdict(self).items()}
        for name, matrix, edge, by_depth in zip(("LEFT", "RIGHT"), "ab", self.shape, runs, strict=True):
            fast = self.depth if by_depth else edge
            names |= {
                "HIGH" if matrix == "a" else "WIDE": edge,
                f"{name}_PITCH": edge + self.group,  # so that elements one below the other lie in different banks
                name: self.depth * (edge + self.group),
                f"{matrix}_COUNT": edge * self.depth // threads,
                f"{matrix}_BY_INNER": fast if by_depth else 1,
                f"{matrix}_BY_OUTER": 1 if by_depth else fast,
                f"{matrix}_OUTER": threads // fast if by_depth else 0,
                f"{matrix}_INNER": 0 if by_depth else threads // fast,
            }
        return names


SIMULATED = [Tile(4, 4, 2, 2, 2), Tile(4, 2, 2, 2, 4)]
"""Small ones, since a thread is one of Python."""
WORDS = [Tile(16, 8, 8, 4, 8), Tile(16, 4, 4, 4, 16), Tile(16, 2, 2, 2, 32)]
DOUBLES = [Tile(16, 4, 4, 2, 8), Tile(16, 2, 2, 2, 16)]
"""Of 64 bits. A thread's share is what 128 registers hold, and a block reads from shared memory at most 17 KB."""


def choose_tile(dtype: str, matrices: int, rows: int, columns: int) -> Tile:
    """The largest tile of which a product has enough for half of the device's processors, else the smallest."""
    real = DOUBLES if np.dtype(dtype).itemsize == 8 else WORDS
    tiles = SIMULATED if driver.simulated() else real
    enough = math.ceil(driver.device().processors / 2)
    return next((tile for tile in tiles if tile.count(matrices, rows, columns) >= enough), tiles[-1])

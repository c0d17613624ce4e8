"""The shapes of register tiles, and the choice among them; Numba is not imported."""

from __future__ import annotations

import functools
import os
from typing import Any, NamedTuple

from tensorlab.errors import ArgumentError, short_repr
from tensorlab.kernels.runtime import processor


class Tile(NamedTuple):
    """The shape of a register tile.

    The registers must suffice for ``rows * vectors`` accumulators, one row of B, and one broadcast element. There must
    be at least as many accumulators as multiply-adds that the processor executes concurrently.
    """

    vector_bytes: int
    rows: int
    vectors: int
    dots: int
    """The rows of a dot-product tile, which has four accumulators for each row."""
    low_rows: int
    """The rows of the smaller tile for the remaining rows: as few as keep the processor's multiply-adders busy."""
    sparse_rows: int
    """The rows of the tile for a sparse A. Fewer rows have more zeros in common."""
    sparse_vectors: int
    """The vectors of the tile for a sparse A."""

    def lanes(self, dtype: Any) -> int:
        """Return the number of elements in a vector."""
        return int(self.vector_bytes * 8 // dtype.bitwidth)


def half_lanes(lanes: int) -> int:
    """Return the number of elements in half a vector."""
    return max(lanes // 2, 1)


TILES = {
    "avx512": Tile(64, 8, 2, 4, 2, 4, 4),  # 32 registers. 12 rows are no faster, and exceed the 8 ways of the L1 cache
    "avx2": Tile(32, 6, 2, 2, 4, 4, 3),  # 16 registers
    "neon": Tile(16, 6, 4, 4, 2, 4, 6),  # 32 registers
    "generic": Tile(16, 4, 2, 2, 2, 4, 3),
}


VARIABLE = "TENSORLAB_TILE"
"""The environment variable that overrides the choice of the tile."""


def host_tiles() -> list[str]:
    """Return the names of the tiles that the processor that Numba compiles for supports, the best one first."""
    features = processor.features()
    needs = {"avx512": features >= {"avx512f"}, "avx2": features >= {"avx2", "fma"}}
    needs["neon"] = processor.machine() in ("arm64", "aarch64")
    return [name for name in TILES if needs.get(name, True)]


@functools.cache
def host_tile() -> Tile:
    """Return the tile that ``TENSORLAB_TILE`` names, or the best one for the processor that Numba compiles for.

    Raises:
        ArgumentError: if ``TENSORLAB_TILE`` names a tile that is not in `host_tiles`.
    """
    known = host_tiles()
    name = os.environ.get(VARIABLE) or known[0]
    if name not in known:
        raise ArgumentError(VARIABLE, f"a register tile of this processor: {', '.join(known)}", short_repr(name))
    return TILES[name]

"""What the planner of matrix products (`matmul`) has to know of a dtype; nothing here needs Numba."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorlab.kernels import library
from tensorlab.kernels.native import address
from tensorlab.kernels.tile_shape import Tile, host_tile


class Tasks(NamedTuple):
    """The compiled tasks of a dtype."""

    words: np.ndarray[Any, Any]
    """The bytes of an element, the lanes, vectors and rows of the register tile, and the addresses of the tasks."""
    kernels: Sequence[Callable[..., None]]
    """The tasks."""

    @property
    def address(self) -> int:
        """Where the words are."""
        return int(self.words.ctypes.data)


@functools.cache
def tasks(dtype: str, tile: Tile | None = None) -> Tasks:
    """The compiled tasks for a dtype.

    Args:
        dtype: of all matrices.
        tile: the shape of the register tile, by default the one for this processor; integers have none.
    """
    size = np.dtype(dtype).itemsize
    if np.dtype(dtype).kind == "f":
        tile = tile or host_tile()
        shape, names = (
            [size, tile.vector_bytes // size, tile.vectors, tile.rows],
            ["block", "row", "dots", "pack"],
        )
    else:
        tile, shape, names = None, [size, 0, 0, 0], ["integer"]
    kernels = [library.find("matmul", "task_kernel", name, dtype, tile) for name in names]
    return Tasks(np.array(shape + [address(task) for task in kernels], np.int64), kernels)

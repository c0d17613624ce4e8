"""The compiled tasks of matrix products, in a table per dtype that `product.matmul` reads. Does not import Numba."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorlab.errors import ArgumentError, short_repr
from tensorlab.kernels.matmul.caches import Caches, host_caches
from tensorlab.kernels.matmul.job import SAMPLES, Table
from tensorlab.kernels.matmul.tile_shape import Tile, host_tile
from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.native import address

VARIABLE = "TENSORLAB_SPARSE"
"""The environment variable that tells whether products skip the zeros of their left operand. Results have the same
bits, so the variable is for measurements and tests."""
_KEPT = {"0": 0, "1": 3 * SAMPLES // 4, "always": SAMPLES + 1}
"""`Table.kept` for each value of the variable. With "1", the default, the product decides; a product that skips a
quarter of the steps takes at most 0.8 of the time."""

_FLOATS = ("block", "row", "dots", "pack", "mask", "sparse")
"""The tasks of floating-point products, in the order of their addresses in `Table`."""


def _kept() -> int:
    """Return `Table.kept`.

    Raises:
        ArgumentError: if ``TENSORLAB_SPARSE`` has an unknown value.
    """
    name = os.environ.get(VARIABLE) or "1"
    if name not in _KEPT:
        raise ArgumentError(VARIABLE, f"one of {', '.join(_KEPT)}", short_repr(name))
    return _KEPT[name]


class Tasks(NamedTuple):
    """The compiled tasks for a dtype, and the table that the planner reads."""

    words: np.ndarray[Any, Any]
    """The fields of a `Table`."""
    kernels: Sequence[Callable[..., None]]
    """The tasks as Python functions."""

    @property
    def address(self) -> int:
        """The address of the words."""
        return int(self.words.ctypes.data)


def tasks(dtype: str, tile: Tile | None = None, caches: Caches | None = None) -> Tasks:
    """Return the compiled tasks for a dtype.

    Args:
        dtype: the dtype of all matrices.
        tile: the shape of the register tile, by default `host_tile`; integers do not use one.
        caches: the caches of a core, by default `host_caches`. No kernel depends on them.
    """
    kind = np.dtype(dtype).kind
    return _tasks(dtype, (tile or host_tile()) if kind == "f" else None, caches or host_caches(), _kept())


def task_arguments(dtype: str) -> list[tuple[str, str, Tile | None]]:
    """Return the arguments of `product.task_kernel` for each task of a dtype, with the default tile."""
    return _arguments(dtype, host_tile() if np.dtype(dtype).kind == "f" else None)


def _arguments(dtype: str, tile: Tile | None) -> list[tuple[str, str, Tile | None]]:
    return [(name, dtype, tile) for name in (("integer",) if tile is None else _FLOATS)]


@functools.cache
def _tasks(dtype: str, tile: Tile | None, caches: Caches, kept: int) -> Tasks:
    size = np.dtype(dtype).itemsize
    kernels = [library.find("matmul.product.task_kernel", arguments) for arguments in _arguments(dtype, tile)]
    addresses = [address(task) for task in kernels]
    addresses += [0] * (len(_FLOATS) - len(addresses))
    lanes, vectors, rows = (0, 0, 0) if tile is None else (tile.vector_bytes // size, tile.vectors, tile.rows)
    of_sparse = (0, 0) if tile is None else (tile.sparse_rows, tile.sparse_vectors)
    table = Table._make([size, lanes, vectors, rows, *addresses, *of_sparse, kept, caches])
    return Tasks(np.array(list(_flat(table)), np.int64), kernels)


def _flat(fields: tuple[Any, ...]) -> Iterator[int]:
    """Yield the integers of nested tuples in order."""
    for field in fields:
        yield from _flat(field) if isinstance(field, tuple) else (field,)

"""The tasks of matrix products, in a table per dtype that `product.matmul` reads. Does not import Numba."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, short_repr
from tensorlab.kernels.matmul.caches import Caches, host_caches
from tensorlab.kernels.matmul.job import FEW_COLUMNS, GENERAL, ONE_ROW, SAMPLES, SPARSE, Table
from tensorlab.kernels.matmul.tile_shape import Tile, host_tile
from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.native import address

VARIABLE = "TENSORLAB_SPARSE"
"""The environment variable that tells whether products skip the zeros of their left operand. Results have the same
bits, so the variable is for measurements and tests."""
_KEPT = {"0": 0, "1": 29 * SAMPLES // 32, "always": SAMPLES + 1}
"""`Table.kept` for each value of the variable. With "1", the default, the product decides; a product of many columns
that skips a tenth of the steps takes at most 0.94 of the time."""

_FLOATS = {GENERAL: ("pack", "block"), ONE_ROW: ("row",), FEW_COLUMNS: ("dots",), SPARSE: ("mask", "sparse")}
"""The tasks of each kind of floating-point product. The planner calls none of a kind whose last task is missing."""
_INTEGERS = {GENERAL: ("integer",)}
_FIELDS = {"block": "general", "integer": "general"}
"""The fields of `Table` for tasks that have another name."""


def _kept() -> int:
    """Return `Table.kept`.

    Raises:
        ArgumentError: if ``TENSORLAB_SPARSE`` has an unknown value.
    """
    name = os.environ.get(VARIABLE) or "1"
    if name not in _KEPT:
        raise ArgumentError(VARIABLE, f"one of {', '.join(_KEPT)}", short_repr(name))
    return _KEPT[name]


class Tasks:
    """The tasks for a dtype, in a table that the planner reads. Those of each kind are compiled at first use.

    Args:
        dtype: the dtype of all matrices.
        tile: the shape of the register tile, None for integers.
        caches: the caches of a core.
        kept: see `Table.kept`.
    """

    def __init__(self, dtype: str, tile: Tile | None, caches: Caches, kept: int) -> None:
        size = np.dtype(dtype).itemsize
        shape = (0, 0, 0, 0, 0)
        if tile is not None:
            shape = (tile.vector_bytes // size, tile.vectors, tile.rows, tile.sparse_rows, tile.sparse_vectors)
        table = Table(size, *shape, general=0, row=0, dots=0, pack=0, mask=0, sparse=0, kept=kept, caches=caches)
        self._words = np.array(list(_flat(table)), np.int64)
        self._dtype, self._tile = dtype, tile
        self.address = int(self._words.ctypes.data)
        """The address of the table."""

    def compile(self, kind: int) -> None:
        """Load the tasks of a kind of product, such as `GENERAL`, from disk, or compile them."""
        for name in (_INTEGERS if self._tile is None else _FLOATS)[kind]:
            task = library.find("matmul.product.task_kernel", (name, self._dtype, self._tile))
            self._words[Table._fields.index(_FIELDS.get(name, name))] = address(task)


def tasks(dtype: str, tile: Tile | None = None, caches: Caches | None = None) -> Tasks:
    """Return the tasks for a dtype.

    Args:
        dtype: the dtype of all matrices.
        tile: the shape of the register tile, by default `host_tile`; integers do not use one.
        caches: the caches of a core, by default `host_caches`. No kernel depends on them.
    """
    kind = np.dtype(dtype).kind
    return _tasks(dtype, (tile or host_tile()) if kind == "f" else None, caches or host_caches(), _kept())


def task_arguments(dtype: str) -> list[tuple[str, str, Tile | None]]:
    """Return the arguments of `product.task_kernel` for each task of a dtype, with the default tile."""
    if np.dtype(dtype).kind != "f":
        return [(name, dtype, None) for name in chain(*_INTEGERS.values())]
    return [(name, dtype, host_tile()) for name in chain(*_FLOATS.values())]


_tasks = functools.cache(Tasks)


def _flat(fields: tuple[Any, ...]) -> Iterator[int]:
    """Yield the integers of nested tuples in order."""
    for field in fields:
        yield from _flat(field) if isinstance(field, tuple) else (field,)

"""Offsets of the fields of a NumPy array that kernels read: the public C structure ``PyArrayObject_fields``.

The layout has not changed since NumPy 1.0. `check_layout` verifies it once per process.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np

DATA = object.__basicsize__  # the fields follow the object header, which is longer in a free-threaded Python
RANK, SHAPE, STRIDES, DTYPE, FLAGS = DATA + 8, DATA + 16, DATA + 24, DATA + 40, DATA + 48


@functools.cache
def check_layout() -> None:
    """Raise if the arrays of this NumPy have another layout."""
    array = np.zeros((5, 4, 3), np.float32)[::2, :, 1:]

    def words(address: int, count: int) -> tuple[int, ...]:
        return tuple((ctypes.c_int64 * count).from_address(address))

    def through(offset: int) -> tuple[int, ...]:
        return words(words(id(array) + offset, 1)[0], array.ndim)

    rank, flags = (ctypes.c_int32.from_address(id(array) + offset).value for offset in (RANK, FLAGS))
    fixed = (*words(id(array) + DATA, 1), rank, *words(id(array) + DTYPE, 1), flags)
    known = (array.ctypes.data, array.ndim, id(array.dtype), array.flags.num)
    if (*fixed, *through(SHAPE), *through(STRIDES)) == (*known, *array.shape, *array.strides):
        return
    raise RuntimeError(f"tensorlab cannot read the arrays of NumPy {np.__version__}; please report this version")

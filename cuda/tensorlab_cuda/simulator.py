"""What Numba's simulator needs to compute what a device would."""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

_arrays: WeakValueDictionary[int, np.ndarray[Any, Any]] = WeakValueDictionary()
"""The device's arrays, by their addresses."""


def prepare() -> None:
    """Let the threads of a block share their arrays.

    The simulator looks an array up by where it is made, and makes it if it is not there: two threads that look at the
    same time get two. Here the look-up is one step. It also takes a small part of the time.
    """
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    def array(self: Any, shape: Any, dtype: Any, alignment: int | None = None) -> Any:
        caller = sys._getframe(1)
        return self._allocations.setdefault((caller.f_code, caller.f_lineno), np.empty(shape, dtype))

    FakeCUDAShared.array = array


def address(memory: Any) -> int:
    """Where a device array is, which is on the host."""
    place = int(memory.ctypes.data)
    _arrays[place] = memory._ary
    return place


class Pointer:
    """The elements of a device array from an address on, before which there may be more of them.

    Raises:
        IndexError: for what is outside of the array, which a device would read and write.
    """

    __slots__ = ("_array", "_start")

    def __init__(self, address: int, kind: type[np.generic]) -> None:
        for start, array in list(_arrays.items()):
            if start <= address < start + array.nbytes:
                break
        else:
            raise IndexError(f"no device array is at {address:#x}")
        if array.dtype != kind:
            raise TypeError(f"the array at {address:#x} is of {array.dtype}, not of {kind}")
        self._array, self._start = array, (address - start) // array.itemsize

    def __getitem__(self, index: int) -> Any:
        return self._array[self._at(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        self._array[self._at(index)] = value

    def _at(self, index: int) -> int:
        place = self._start + int(index)
        if not 0 <= place < len(self._array):
            raise IndexError(f"element {place} of an array of {len(self._array)}")
        return place


def functions() -> dict[str, object]:
    """NumPy's functions, which give infinity and NaN as a device does, where those of `math` raise."""
    circular = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
    same = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", *circular)
    return {
        **{name: getattr(np, name) for name in same},
        **{f"a{name}": getattr(np, f"arc{name}") for name in (*circular, "tan2")},
        "hypot": np.hypot,
        "nextafter": np.nextafter,
        "pow": np.power,
    }

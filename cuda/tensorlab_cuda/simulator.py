"""Extensions of Numba's CUDA simulator, so that its results equal those of a device."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

_arrays: WeakValueDictionary[tuple[int, int, int], np.ndarray[Any, Any]] = WeakValueDictionary()
"""The device arrays by start and end address; several may use the same memory."""


def prepare() -> None:
    """Make the creation of shared arrays atomic.

    The simulator looks a shared array up by the line that creates it, and creates it if it is missing. Two threads
    that do so at the same time get different arrays. The replacement is one atomic step, and faster.
    """
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    def array(self: Any, shape: Any, dtype: Any, alignment: int | None = None) -> Any:
        if not shape:  # dynamic shared memory, which all such arrays share
            kind = np.dtype(dtype)
            return self._dynshared[: self._dynshared_size // kind.itemsize * kind.itemsize].view(kind)
        caller = sys._getframe(1)
        return self._allocations.setdefault((caller.f_code, caller.f_lineno), np.empty(shape, dtype))

    FakeCUDAShared.array = array
    with contextlib.suppress(ImportError):  # without greenlet, Numba starts a Python thread for each
        from tensorlab_cuda import simulator_threads

        simulator_threads.install()


def address(memory: Any) -> int:
    """Return the address of a device array, which is in host memory."""
    start = int(memory.ctypes.data)
    _arrays[start, start + memory.nbytes, id(memory._ary)] = memory._ary
    return start


def borrowed_array(address: int, size: int, kind: type[np.generic]) -> Any:
    """Return a device array in memory that another library has allocated."""
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    memory = (ctypes.c_uint8 * (size * np.dtype(kind).itemsize)).from_address(address)
    return FakeCUDAArray(np.ctypeslib.as_array(memory).view(kind))


class Running:
    """The name ``cuda`` in functions that a kernel calls; the simulator defines it only in the kernel itself."""

    def __getattr__(self, name: str) -> Any:
        from numba.cuda.simulator.kernel import _get_kernel_context

        return getattr(_get_kernel_context(), name)


class Pointer:
    """The elements of a device array, starting at an address that may be inside the array.

    Raises:
        IndexError: for an access outside of the array, which a device would execute.
    """

    __slots__ = ("_array", "_start")

    def __init__(self, address: int, kind: type[np.generic]) -> None:
        found = [(end - start, array) for (start, end, _), array in list(_arrays.items()) if start <= address < end]
        if not found:
            raise IndexError(f"no device array is at {address:#x}")
        fitting = [(size, array) for size, array in found if array.dtype == kind]
        if not fitting:
            raise TypeError(f"the array at {address:#x} is of {found[0][1].dtype}, not of {kind}")
        _, self._array = max(fitting, key=lambda pair: pair[0])
        self._start = (address - self._array.ctypes.data) // self._array.itemsize

    def __getitem__(self, index: int) -> Any:
        return self._array[self._at(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        self._array[self._at(index)] = value

    def _at(self, index: int) -> int:
        found = self._start + int(index)
        if not 0 <= found < len(self._array):
            raise IndexError(f"element {found} of an array of {len(self._array)}")
        return found


def functions() -> dict[str, object]:
    """Return NumPy's functions, which return infinity or NaN, like a device, where those of `math` raise."""
    circular = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
    same = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", *circular)
    return {
        **{name: getattr(np, name) for name in same},
        **{f"a{name}": getattr(np, f"arc{name}") for name in (*circular, "tan2")},
        "hypot": np.hypot,
        "nextafter": np.nextafter,
        "pow": np.power,
    }


# Tensor cores

_LANES = 32


def _rounded(name: str, x: Any) -> int:
    """Return the bits of a number that is rounded to a format of tensor cores: 32 bits for tf32, else 16."""
    if name == "float16":
        with np.errstate(over="ignore"):
            return int(np.float32(x).astype(np.float16).view(np.uint16))
    bits = int(np.float32(x).view(np.uint32))
    if not np.isfinite(x):
        return bits if name == "tf32" else bits >> 16
    if name == "tf32":  # to nearest, ties away from zero
        return (bits + 0x1000) & 0xFFFFE000
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16  # to nearest, ties to even


def pack(name: str) -> Any:
    """Return a function that packs numbers into a word; the first argument gets the highest bits."""

    def packed(*numbers: Any) -> np.uint32:
        word = 0
        for number in numbers:
            word = word << 16 | _rounded(name, number)
        return np.uint32(word)

    return packed


def _numbers(name: str, words: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the numbers in rows of words."""
    if name == "tf32":
        return (words & 0xFFFFE000).astype(np.uint32).view(np.float32).astype(float)
    halves = np.stack([words & 0xFFFF, words >> 16], -1).reshape(len(words), -1)
    if name == "float16":
        return halves.astype(np.uint16).view(np.float16).astype(float)
    return (halves << 16).astype(np.uint32).view(np.float32).astype(float)


def _offsets(*strides: int) -> np.ndarray[Any, Any]:
    """Return for each lane and register the offset of its word in a column-major matrix.

    The strides are those of a lane's index in its group of four, of the group, and of each bit of the register's index.
    """
    member, group, *bits = strides
    lanes = np.arange(_LANES)
    registers = [sum(step for bit, step in enumerate(bits) if r >> bit & 1) for r in range(1 << len(bits))]
    offsets: np.ndarray[Any, Any] = (lanes % 4 * member + lanes // 4 * group)[:, None] + np.array(registers)
    return offsets


_A, _B, _SUMS = _offsets(16, 1, 8, 64), _offsets(8, 1, 32), _offsets(32, 1, 16, 8)
"""The offsets of the words of A (16 × 8), B (8 × 8) and the sums (16 × 8) in the registers for ``mma.sync``."""


def mma(name: str) -> Any:
    """Return the instruction ``mma.sync.aligned.m16n8k8`` or ``m16n8k16`` of a format as a Python function."""
    from numba.cuda.simulator import kernelapi

    def multiply(*operands: Any) -> tuple[np.float32, ...]:
        thread = kernelapi.threading.current_thread()
        parity = thread.__dict__.setdefault("parity", 0)
        thread.parity = 1 - parity  # two buffers: other threads may write the next operands before all have read these
        exchanged = thread._manager.__dict__.setdefault("exchanged", ({}, {}))[parity]
        first, lane = thread.thread_id - thread.thread_id % _LANES, thread.thread_id % _LANES
        exchanged[thread.thread_id] = operands
        thread.syncthreads()
        words = np.array([exchanged[first + other][:6] for other in range(_LANES)], np.int64)
        a, b = np.empty(16 * 8, np.int64), np.empty(8 * 8, np.int64)
        a[_A], b[_B] = words[:, :4], words[:, 4:]
        rows, columns = _numbers(name, a.reshape(8, 16).T), _numbers(name, b.reshape(8, 8).T)
        with np.errstate(all="ignore"):
            product = rows @ columns.T
            return tuple(
                np.float32(float(total) + product[offset % 16, offset // 16])
                for offset, total in zip(_SUMS[lane], operands[6:], strict=True)
            )

    return multiply

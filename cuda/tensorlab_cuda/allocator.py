"""A memory pool, since an allocation by CUDA stalls the device and every training step allocates the same sizes.

Released memory is reused for the next allocation of the same size and type, even if kernels that use it are still
queued: all kernels run in the order of their launches.
"""

from __future__ import annotations

import functools
import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.errors import DeviceError
from tensorlab_cuda import driver
from tensorlab_cuda.listener import recording

_shelves: defaultdict[tuple[int, type[np.generic]], list[tuple[Any, int]]] = defaultdict(list)
"""Released device arrays and their addresses, by size and type."""


class Memory:
    """Device memory, shared by all buffers that are views of it.

    Attributes:
        array: the flat device array.
        address: the address of its first element.
        shared: whether another library received the memory. It is not reused, but returned to CUDA, which waits
            for kernels that the library may have launched on its own stream.
        limits: the minimum and maximum of int64 elements that were uploaded and not written since, otherwise None.
            With them indices are checked without waiting for the device.
    """

    __slots__ = ("_shelf", "address", "array", "limits", "shared")

    def __init__(self, array: Any, address: int, shelf: list[tuple[Any, int]]) -> None:
        self.array, self.address, self.shared, self._shelf = array, address, False, shelf
        self.limits: tuple[int, int] | None = None

    def __del__(self) -> None:
        if not self.shared:
            self._shelf.append((self.array, self.address))


class Borrowed(Memory):
    """Memory of another library, which is notified when all kernels that read it have finished."""

    def __init__(self, array: Any, address: int, done: Callable[[], None]) -> None:
        super().__init__(array, address, [])
        self.shared = True
        weakref.finalize(self, _give_back, done).atexit = False


def _give_back(done: Callable[[], None]) -> None:
    try:
        driver.synchronize()
    except DeviceError:  # in a forked child; the parent returns the memory
        return
    done()


def borrow(who: str, address: int, size: int, dtype: Any, done: Callable[[], None]) -> Memory:
    """Return memory of another library.

    Args:
        who: the name for messages.
        address: the address of the first element.
        size: the number of elements.
        dtype: their dtype.
        done: called once, when the memory is no longer used.

    Raises:
        DeviceError: if the device cannot access the memory.
    """
    array = driver.borrowed_array(who, address, size, driver.storage(dtype))
    memory = Borrowed(array, driver.address(array), done)
    _tell_of(memory)
    return memory


def allocate(size: int, dtype: Any) -> Memory:
    """Allocate uninitialized memory for at least one element, since CUDA does not allocate 0 bytes.

    Raises:
        DeviceError: if the device does not have enough memory.
    """
    memory = _allocated(size, dtype)
    _tell_of(memory)
    return memory


def _tell_of(memory: Memory) -> None:
    listening = recording()
    if listening is not None:
        listening.allocated(memory)


def _allocated(size: int, dtype: Any) -> Memory:
    kind = driver.storage(dtype)
    wanted = max(size, 1)
    shelf = _shelves[wanted, kind]
    try:
        return Memory(*shelf.pop(), shelf)
    except IndexError:
        pass
    array = driver.device_array(wanted, kind)
    if array is None:
        clear()
        array = driver.device_array(wanted, kind)
    if array is None:
        free, total = driver.free_memory()
        raise DeviceError(
            "device 'cuda'",
            f"to find {wanted * np.dtype(kind).itemsize / 1e6:,.1f} MB for {size:,} elements of {np.dtype(dtype)}",
            f"{free / 1e6:,.1f} MB that are free, of {total / 1e6:,.1f} MB",
            "delete tensors that are not needed any more, or use smaller batches",
        )
    return Memory(array, driver.address(array), shelf)


def upload(array: np.ndarray[Any, Any]) -> Memory:
    """Copy a host array to the device in C order, and return the memory."""
    memory = allocate(array.size, array.dtype)
    if array.size:
        driver.copy_to_device(memory.array, array)
        if array.dtype == np.int64:
            memory.limits = int(array.min()), int(array.max())
    return memory


def constant(array: np.ndarray[Any, Any]) -> Memory:
    """Return read-only memory with the elements of a small array, such as a constant in a program.

    The memory is cached, because operations use the same constants repeatedly and an upload stalls the device.
    """
    driver.cuda()  # raises in a forked child, which cannot use the memory
    if recording() is not None:  # it must see the uploads of every step
        return upload(array)
    return _constant(array.tobytes(), array.dtype.str)


@functools.lru_cache(maxsize=1024)
def _constant(elements: bytes, dtype: str) -> Memory:
    return upload(np.frombuffer(elements, dtype))


def unused() -> int:
    """Return the number of unused bytes in the pool, which `allocate` frees before it reports a lack of memory."""
    return sum(len(shelf) * size * np.dtype(kind).itemsize for (size, kind), shelf in _shelves.items())


def clear() -> None:
    """Free the unused memory of the pool."""
    for shelf in list(_shelves.values()):
        shelf.clear()

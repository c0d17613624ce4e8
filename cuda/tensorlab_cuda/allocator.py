"""A memory pool: an allocation by CUDA stalls the device, and each step allocates the same as the step before.

What nobody holds any more is given to the next who asks for as many elements of that type, even if kernels that use
it have not run yet: those that are launched later run later.
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
"""The arrays that nobody holds, and their addresses, by their size and type."""


class Memory:
    """A piece of memory, shared by the buffers that are views of it.

    Attributes:
        array: flat, on the device.
        address: where that is.
        shared: whether another library has been given it. Such memory is not used again, but given back to CUDA, which
            waits for what that library may have started on a stream of its own.
        limits: the least and the largest of integers that were uploaded and not written to since, else None. Indices
            are checked by these, without waiting for the device.
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
    except DeviceError:  # in a child that was forked: it is the parent's to give back
        return
    done()


def borrow(who: str, address: int, size: int, dtype: Any, done: Callable[[], None]) -> Memory:
    """Return memory of another library.

    Args:
        who: what messages name.
        address: where the first is.
        size: how many there are.
        dtype: of the elements.
        done: called when they are not needed any more, once.

    Raises:
        DeviceError: if the device does not reach them.
    """
    array = driver.borrowed_array(who, address, size, driver.storage(dtype))
    memory = Borrowed(array, driver.address(array), done)
    _tell_of(memory)
    return memory


def allocate(size: int, dtype: Any) -> Memory:
    """Allocate memory, uninitialized, for at least one element, since CUDA does not allocate 0 bytes.

    Raises:
        DeviceError: if there is no room.
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

    It is cached, because loops use the same constants again and an upload stalls the device.
    """
    driver.cuda()  # raises in a forked child, which cannot use the memory
    if recording() is not None:  # which has to see the uploads of every step
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

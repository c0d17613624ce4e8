"""Export device memory to other libraries without a copy: DLPack and the CUDA array interface.

Source: Python array API standard, ``__dlpack__``; the CUDA array interface, version 3, in Numba's documentation.
"""

from __future__ import annotations

import ctypes
from typing import Any

from tensorlab.errors import DLPackError
from tensorlab_cuda import dlpack, driver
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.memory import copied, to_host

_HOST = (dlpack.HOST, 0)


class Exported:
    """An object from which other libraries take the memory of a buffer, read-only if the protocol allows that."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the GPU in use; in the simulator the host, whose memory is used."""
        return _HOST if driver.simulated() else (dlpack.CUDA, driver.device().number)

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        """Return a capsule. Before version 1.0 it contains a copy.

        Args:
            stream: the stream of the other library: CUDA's default stream (None or 1), the per-thread one (2)
                or another one. If our kernels run on a different stream, wait for them, unless it is -1.
            max_version: the newest DLPack version that the library supports.
            dl_device: the requested device; None for the current one.
            copy: True to copy, False to forbid a copy, None to copy only if necessary.

        Raises:
            DLPackError: if the device is neither this one nor the host, if a copy is necessary but forbidden, or if
                ``stream`` is invalid.

        Source: Python array API standard, ``array.__dlpack__``.
        """
        if stream is not None and (type(stream) is not int or stream < -1 or not stream):
            raise DLPackError("__dlpack__", "a stream's number, which 0 is not, -1 or None", f"stream {stream!r}")
        here, marked = self.__dlpack_device__(), max_version is not None and tuple(max_version) >= (1, 0)
        elsewhere = dl_device is not None and tuple(dl_device) != here
        if elsewhere and dl_device is not None and tuple(dl_device) != _HOST:
            raise DLPackError("__dlpack__", f"device {here} or the host, {_HOST}", f"dl_device {dl_device}")
        if copy is False and (elsewhere or not marked):
            hint = "ask for this device and max_version=(1, 0), which can say that memory is read-only"
            raise DLPackError("__dlpack__", "that a copy is allowed", "copy=False", hint)
        if elsewhere:
            return to_host(self._buffer).__dlpack__(max_version=max_version)
        buffer = copied(self._buffer) if copy or not marked else self._buffer
        if stream != -1 and (1 if stream is None else stream) != driver.default_stream():
            driver.synchronize()
        return _capsule(buffer, here, (dlpack.COPIED if copy else dlpack.READ_ONLY) if marked else None)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        layout, dtype = self._buffer.layout, self._buffer.dtype
        return {
            "shape": layout.shape,
            "strides": None if layout.is_dense else tuple(step * dtype.itemsize for step in layout.strides),
            "typestr": dtype.str,
            "data": (_start(self._buffer), True),
            "stream": driver.default_stream(),
            "version": 3,
        }


def _start(buffer: Buffer) -> int:
    """Return the address of the first element, or 0 if there are no elements."""
    if not buffer.size:
        return 0
    buffer.memory.shared = True
    return buffer.address


def _capsule(buffer: Buffer, device: tuple[int, int], flags: int | None) -> Any:
    layout, dtype = buffer.layout, buffer.dtype
    lengths, steps = ((ctypes.c_int64 * len(layout.shape))(*values) for values in (layout.shape, layout.strides))
    code = dlpack.CODES[dtype.kind]
    tensor = dlpack.Tensor(_start(buffer), *device, len(layout.shape), code, 8 * dtype.itemsize, 1)
    tensor.shape, tensor.strides = (ctypes.cast(x, ctypes.POINTER(ctypes.c_int64)) for x in (lengths, steps))
    return dlpack.capsule(tensor, flags, lengths, steps, buffer)

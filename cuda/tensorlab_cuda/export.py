"""The device's memory for other libraries, without a copy: DLPack, and the CUDA array interface.

Source: DLPack 1.0, https://dmlc.github.io/dlpack; the CUDA array interface, version 3, in Numba's documentation.
"""

from __future__ import annotations

import ctypes
from typing import Any

from tensorlab.errors import DLPackError
from tensorlab_cuda import driver
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.memory import copied, to_host

HOST, CUDA = (1, 0), (2, 0)
"""Devices as DLPack numbers them."""

_CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
_READ_ONLY, _COPIED = 1, 2


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    """Of DLPack before 1.0, which cannot say that memory is read-only."""

    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


class _Versioned(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    )


_held: dict[int, tuple[Any, ...]] = {}
"""What must live until the other library is done, by the address of the structure that it was given."""


def _forget(managed: int) -> None:
    _held.pop(managed, None)


def _python(name: str, result: Any, *arguments: Any) -> Any:
    """A function of Python's C interface; others may take ``ctypes.pythonapi``'s own to have other types."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_new = _python("PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_is_valid = _python("PyCapsule_IsValid", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
_pointer = _python("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_NAMES = {_Managed: b"dltensor", _Versioned: b"dltensor_versioned"}


def _forget_unused(capsule: int) -> None:
    for name in _NAMES.values():  # a capsule that was used has another name
        if _is_valid(capsule, name):
            _forget(_pointer(capsule, name))


_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_delete = _CALLBACK(_forget)
"""What the other library calls when it is done."""
_discard = _CALLBACK(_forget_unused)
"""What Python calls when a capsule is freed."""


class Exported:
    """What other libraries take a buffer's memory from; read-only for them, where they can be told so."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer

    def __dlpack_device__(self) -> tuple[int, int]:
        """The current GPU; in the simulator, whose memory is the host's, the host."""
        return HOST if driver.simulated() else CUDA

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        """A capsule. Who asks for a version before 1.0 gets a copy.

        Args:
            stream: what the other library works on: CUDA's default stream (None or 1), that of the thread (2) or
                another. If kernels run on a different one, they are waited for, unless it is -1.
            max_version: the newest version that it knows.
            dl_device: where it wants the memory; None for where it is.
            copy: True for memory of its own, False to refuse a copy, None for what is cheapest.

        Raises:
            DLPackError: for another device than this one and the host, a copy that is needed and not allowed, or a
                number that is no stream's.

        Source: Python array API standard, ``array.__dlpack__``.
        """
        if stream is not None and (type(stream) is not int or stream < -1 or not stream):
            raise DLPackError("__dlpack__", "a stream's number, which 0 is not, -1 or None", f"stream {stream!r}")
        here, marked = self.__dlpack_device__(), max_version is not None and tuple(max_version) >= (1, 0)
        elsewhere = dl_device is not None and tuple(dl_device) != here
        if elsewhere and dl_device is not None and tuple(dl_device) != HOST:
            raise DLPackError("__dlpack__", f"device {here} or the host, {HOST}", f"dl_device {dl_device}")
        if copy is False and (elsewhere or not marked):
            hint = "ask for this device and max_version=(1, 0), which can say that memory is read-only"
            raise DLPackError("__dlpack__", "that a copy is allowed", "copy=False", hint)
        if elsewhere:
            return to_host(self._buffer).__dlpack__(max_version=max_version)
        buffer = copied(self._buffer) if copy or not marked else self._buffer
        if stream != -1 and (1 if stream is None else stream) != driver.default_stream():
            driver.synchronize()
        return _capsule(buffer, here, marked, _COPIED if copy else _READ_ONLY)

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
    """Where the first element is; 0 if there is none."""
    if not buffer.size:
        return 0
    buffer.memory.shared = True
    return buffer.address


def _capsule(buffer: Buffer, device: tuple[int, int], versioned: bool, flags: int) -> Any:
    layout, dtype = buffer.layout, buffer.dtype
    lengths, steps = ((ctypes.c_int64 * len(layout.shape))(*values) for values in (layout.shape, layout.strides))
    tensor = _Tensor(_start(buffer), *device, len(layout.shape), _CODES[dtype.kind], 8 * dtype.itemsize, 1)
    tensor.shape, tensor.strides = (ctypes.cast(x, ctypes.POINTER(ctypes.c_int64)) for x in (lengths, steps))
    deleter = ctypes.cast(_delete, ctypes.c_void_p)
    managed = _Versioned(1, 0, None, deleter, flags, tensor) if versioned else _Managed(tensor, None, deleter)
    address = ctypes.addressof(managed)
    _held[address] = (managed, lengths, steps, buffer)
    return _new(address, _NAMES[type(managed)], ctypes.cast(_discard, ctypes.c_void_p))

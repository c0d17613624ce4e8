"""Arrays of other libraries in the memory of the device "cuda", with the CUDA array interface or DLPack.

Numba allocates the memory; in the simulator it is host memory. Structures are packed as in DLPack's header.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import numpy as np

_CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}
_FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_VALID = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_NEW = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)


class Described:
    """An array with only the CUDA array interface, such as Numba's.

    Args:
        view: its values, a view of an array in C order.
        changes: entries of the interface to replace.
    """

    def __init__(self, view: np.ndarray, **changes: Any) -> None:
        from tensorlab_cuda import driver

        base = view if view.base is None else view.base
        base = base.reshape(-1)
        self.memory = driver.cuda().to_device(base)  # a copy, in the simulator too
        start = self.memory.ctypes.data if driver.simulated() else self.memory.__cuda_array_interface__["data"][0]
        self.address = start + view.ctypes.data - base.ctypes.data
        self.view = view
        self.__cuda_array_interface__ = {
            "shape": view.shape,
            "strides": None if view.flags.c_contiguous else view.strides,
            "typestr": view.dtype.str,
            "data": (self.address, False),
            "version": 3,
            **changes,
        }

    def write(self, value: float) -> None:
        """Overwrite every element, as the library that owns the memory may do at any time."""
        self.memory.copy_to_device(np.full(self.memory.shape, value, self.memory.dtype))


class Exported:
    """An array with only DLPack, which counts the calls of its deleter.

    Args:
        view: its values, a view of an array in C order.
        version: the DLPack version; None for one before 1.0.
        known: the options that its ``__dlpack__`` accepts.
        changes: fields of the structure to replace.
    """

    def __init__(
        self,
        view: np.ndarray,
        version: int | None = 1,
        known: tuple[str, ...] = ("stream", "max_version", "dl_device", "copy"),
        **changes: Any,
    ) -> None:
        self.described = Described(view)
        self.address, self.write = self.described.address, self.described.write
        self.view, self.version, self.known, self.changes = view, version, known, changes
        self.asked: dict[str, Any] = {}
        self.given_back = 0
        self.freed = _FREE(self._free)
        self.discarded = _FREE(self._discard)

    def _free(self, managed: int) -> None:
        self.given_back += 1

    def _discard(self, capsule: int) -> None:
        if any(_VALID(capsule, name) for name in (b"dltensor", b"dltensor_versioned")):
            self._free(0)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.changes.get("device", (2, 0))

    def __dlpack__(self, **options: Any) -> Any:
        if set(options) - set(self.known):
            raise TypeError("__dlpack__() got an unexpected keyword argument")
        self.asked = options
        view, size = self.view, self.view.itemsize
        fields = {
            "data": self.address,
            "code": (_CODES[view.dtype.kind], 8 * size, 1),
            "strides": [step // size for step in view.strides],
            "offset": 0,
            "deleter": ctypes.cast(self.freed, ctypes.c_void_p).value,
            **self.changes,
        }
        steps = fields["strides"]
        self.lengths = (ctypes.c_int64 * view.ndim)(*view.shape)
        self.steps = None if steps is None else (ctypes.c_int64 * view.ndim)(*steps)
        places = [ctypes.addressof(self.lengths), 0 if self.steps is None else ctypes.addressof(self.steps)]
        tensor = struct.pack(
            "<QiiiBBHQQQ",
            fields["data"],
            *self.__dlpack_device__(),
            view.ndim,
            *fields["code"],
            *places,
            fields["offset"],
        )
        if self.version is None:
            packed, name = tensor + struct.pack("<QQ", 0, fields["deleter"] or 0), b"dltensor"
        else:
            packed = struct.pack("<IIQQQ", self.version, 0, 0, fields["deleter"] or 0, 0) + tensor
            name = b"dltensor_versioned"
        self.structure, self.name = ctypes.create_string_buffer(packed, len(packed)), name  # both must stay alive
        return _NEW(ctypes.addressof(self.structure), name, ctypes.cast(self.discarded, ctypes.c_void_p))

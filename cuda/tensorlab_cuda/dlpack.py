"""The structures and capsules of DLPack, with which libraries exchange memory.

Source: DLPack 1.0, https://dmlc.github.io/dlpack, and its header dlpack.h.
"""

from __future__ import annotations

import ctypes
from typing import Any

HOST, CUDA, CUDA_MANAGED = 1, 2, 13
"""DLPack's device types."""
CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
"""DLPack's type codes, by NumPy's kinds of dtype."""
READ_ONLY, COPIED = 1, 2
"""Flags of a capsule."""


class Tensor(ctypes.Structure):
    """``DLTensor``: an array; strides are in elements."""

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


class Managed(ctypes.Structure):
    """``DLManagedTensor``, of DLPack before 1.0, which has no read-only flag."""

    _fields_ = (("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


class Versioned(ctypes.Structure):
    """``DLManagedTensorVersioned``, of DLPack 1.0 and later."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    )


NAMES: dict[type[ctypes.Structure], bytes] = {Managed: b"dltensor", Versioned: b"dltensor_versioned"}
"""The name of a capsule before it is consumed."""
_USED = {kind: b"used_" + name for kind, name in NAMES.items()}


def _python(name: str, result: Any, *arguments: Any) -> Any:
    """Return a function of Python's C API. Others may change the types of those in ``ctypes.pythonapi``."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_new = _python("PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_is_valid = _python("PyCapsule_IsValid", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
_pointer = _python("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_rename = _python("PyCapsule_SetName", ctypes.c_int, ctypes.py_object, ctypes.c_char_p)

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
"""The type of deleters and of capsule destructors."""


# Exporting

_held: dict[int, tuple[Any, ...]] = {}
"""Objects that must live until the other library is done, by the address of the exported structure."""


def _forget(managed: int) -> None:
    _held.pop(managed, None)


def _forget_unused(capsule: int) -> None:
    for name in NAMES.values():  # a consumed capsule has another name
        if _is_valid(capsule, name):
            _forget(_pointer(capsule, name))


_delete = CALLBACK(_forget)
"""The deleter that the other library calls when it is done."""
_discard = CALLBACK(_forget_unused)
"""The destructor that Python calls when a capsule is freed."""


def capsule(tensor: Tensor, flags: int | None, *held: Any) -> Any:
    """Create a capsule for an array.

    Args:
        tensor: the array.
        flags: its flags; None for a capsule of DLPack before 1.0, which has none.
        held: objects that are kept until the other library is done.
    """
    deleter = ctypes.cast(_delete, ctypes.c_void_p)
    managed = Managed(tensor, None, deleter) if flags is None else Versioned(1, 0, None, deleter, flags, tensor)
    address = ctypes.addressof(managed)
    _held[address] = (managed, *held)
    return _new(address, NAMES[type(managed)], ctypes.cast(_discard, ctypes.c_void_p))


# Importing


class Taken:
    """The array in the capsule of another library. The capsule owns it until `keep` is called.

    Args:
        capsule: what ``__dlpack__`` returned.

    Raises:
        ValueError: if that is not an unconsumed DLPack capsule, or its major version is greater than 1.
    """

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule
        for self._kind, name in NAMES.items():
            if _is_valid(id(capsule), name):
                break
        else:
            raise ValueError(f"its __dlpack__ gave {capsule!r}, which is no capsule of DLPack that can be used")
        self._managed: Any = self._kind.from_address(_pointer(id(capsule), name))
        version = getattr(self._managed, "major", 1)
        if version > 1:
            raise ValueError(f"its capsule is of DLPack {version}, and versions up to 1 are known")

    @property
    def tensor(self) -> Tensor:
        """The array."""
        found: Tensor = self._managed.tensor
        return found

    def keep(self) -> None:
        """Take ownership of the array from the capsule. It must be returned with `give_back`."""
        _rename(self._capsule, _USED[self._kind])
        self._capsule = None

    def give_back(self) -> None:
        """Call the other library's deleter. Call this once, after `keep`."""
        if self._managed.deleter:
            CALLBACK(self._managed.deleter)(ctypes.addressof(self._managed))

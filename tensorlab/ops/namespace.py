"""The inspection functions of the array API standard, and ``Tensor.__array_namespace__``."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from tensorlab import dtypes
from tensorlab.devices import backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, TensorlabError, short_repr
from tensorlab.registry import registries
from tensorlab.tensor import Tensor

__all__ = [
    "__array_api_version__",
    "__array_namespace_info__",
]

__array_api_version__ = "2024.12"
"""The version of the Python array API standard that tensorlab follows, except for complex numbers."""

_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")

_SIGNED = ("int8", "int16", "int32", "int64")
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
_REAL = ("float32", "float64")
_KINDS: dict[str, tuple[str, ...]] = {
    "bool": ("bool",),
    "signed integer": _SIGNED,
    "unsigned integer": _UNSIGNED,
    "integral": _SIGNED + _UNSIGNED,
    "real floating": _REAL,
    "complex floating": (),
    "numeric": _SIGNED + _UNSIGNED + _REAL,
}


class ArrayNamespaceInfo:
    """The devices, dtypes and capabilities of tensorlab.

    Source: Python array API standard, ``__array_namespace_info__``.
    """

    def capabilities(self) -> dict[str, Any]:
        """Return the capabilities: indexing by masks, shapes that depend on values, and at most 64 axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Return the device of new tensors: "cpu", or that of ``with tl.device(…):``."""
        return backend().name

    def devices(self) -> list[str]:
        """Return the registered devices that can be used here.

        A device whose hardware or driver is missing is not listed.
        """
        return [entry.name for entry in registries["backend"] if _usable(entry.name)]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        """Return the default dtypes by kind. They are the same on every device.

        Raises:
            UnknownNameError: if no plugin registers a backend of the name ``device``.
        """
        backend(device)
        return {"real floating": dtypes.default_float, "integral": dtypes.int64, "indexing": dtypes.int64}

    def dtypes(self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None) -> dict[str, DType]:
        """Return the dtypes by name, all or those of one or several kinds. They are the same on every device.

        Raises:
            ArgumentError: for an unknown kind.
            UnknownNameError: if no plugin registers a backend of the name ``device``.
        """
        backend(device)
        if kind is None:
            return {name: dtypes.as_dtype(name) for name in dtypes.NAMES}
        wanted = kind if isinstance(kind, tuple) else (kind,)
        for one in wanted:
            if one not in _KINDS:
                raise ArgumentError("dtypes", f"kinds of {', '.join(map(repr, _KINDS))}", short_repr(one))
        chosen = {name for one in wanted for name in _KINDS[one]}
        return {name: dtypes.as_dtype(name) for name in dtypes.NAMES if name in chosen}


def _usable(name: str) -> bool:
    try:
        backend(name)
    except TensorlabError:
        return False
    return True


def __array_namespace_info__() -> ArrayNamespaceInfo:  # noqa: N807  (the standard's name)
    """Return the devices, dtypes and capabilities of tensorlab.

    Source: Python array API standard, ``__array_namespace_info__``.
    """
    return ArrayNamespaceInfo()


def array_namespace(self: Tensor, *, api_version: str | None = None) -> ModuleType:
    """Return the module tensorlab, which has the functions of the Python array API standard.

    Raises:
        ArgumentError: for a version of the standard that tensorlab does not follow.
        ArgumentTypeError: for a version that is not a string.

    Source: Python array API standard, ``array.__array_namespace__``.
    """
    if api_version is not None and not isinstance(api_version, str):
        raise ArgumentTypeError("__array_namespace__", "a version such as '2024.12'", short_repr(api_version))
    if api_version is not None and api_version not in _VERSIONS:
        raise ArgumentError("__array_namespace__", f"one of {', '.join(_VERSIONS)}", short_repr(api_version))
    return sys.modules["tensorlab"]

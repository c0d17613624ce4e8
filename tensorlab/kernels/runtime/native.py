"""Kernels as functions of Python, and as the bytes that the kernel cache stores.

A kernel has three C functions. Python calls the first one by its fastest convention (``METH_FASTCALL``): it unboxes the
arguments, releases the GIL and calls the kernel. Other kernels call the second one by address. Plans call the third
one, which reads the arguments from memory. So a call is cheaper than through Numba's dispatcher. Neither Numba nor LLVM
is imported here: `linker` links object code with LLVM, and `shipped` loads what was linked before.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

_METH_FASTCALL = 0x80


@dataclass(frozen=True)
class Native:
    """A compiled kernel.

    Attributes:
        code: an object file with the three functions, whose symbols are those of `symbols` for `PREFIX`.
        needs: the external symbols that it refers to.
    """

    code: bytes
    needs: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Serialize to one line of JSON followed by the object file."""
        return json.dumps({"needs": self.needs}).encode() + b"\n" + self.code

    @classmethod
    def from_bytes(cls, content: bytes) -> Native:
        """Deserialize the result of `to_bytes`.

        Raises:
            ValueError: if the content is malformed.
            KeyError: if the header lacks a field.
        """
        line, code = content.split(b"\n", 1)
        needs = json.loads(line)["needs"]
        if not isinstance(needs, list) or not all(isinstance(symbol, str) for symbol in needs):
            raise ValueError("a header without a list of symbols")
        return cls(code, tuple(needs))


class Addresses(NamedTuple):
    """The addresses, or the symbols, of the three functions of a kernel."""

    entry: Any
    """``PyObject *entry(PyObject *self, PyObject **arguments, Py_ssize_t count)``."""
    task: Any
    """The kernel as a C function."""
    launch: Any
    """``int64 launch(int64 *words)``, see `launch_address`."""


PREFIX = "tensorlab"
"""The start of the symbols of a kernel in an object file of its own."""
DRIVER = "tensorlab."
"""The start of the symbols of drivers, kernels that other kernels call (see `library.symbol_of`)."""


def symbols(prefix: str) -> Addresses:
    """Return the symbols of the three functions of a kernel."""
    return Addresses(*(f"{prefix}_{name}" for name in Addresses._fields))


class Method(ctypes.Structure):
    """CPython's ``PyMethodDef``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


new_function = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(
    ("PyCFunction_NewEx", ctypes.pythonapi)
)


def keep_to_the_end(thing: Any) -> None:
    """Leak a reference to an object whose address CPython or compiled code uses.

    A module-level reference would not do: at interpreter shutdown a function may outlive its module.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


_launches: dict[int, int] = {}
"""For each kernel by its address, the address of the function that reads the arguments from memory."""
provided: dict[str, int] = {}
"""The addresses of kernels that other kernels call as C functions, by symbol."""


def function(addresses: Addresses) -> Callable[..., Any]:
    """Return a kernel as a Python function. Its machine code must never be freed."""
    method = Method(b"kernel", addresses.entry, _METH_FASTCALL, None)
    _launches[addresses.task] = addresses.launch
    keep_to_the_end(method)
    # The address of the task becomes the function's __self__, see `address`.
    kernel: Callable[..., Any] = new_function(ctypes.addressof(method), addresses.task, None)
    return kernel


def address(kernel: Callable[..., Any]) -> int:
    """Return the address of the kernel's C function, for callers that do not go through the interpreter."""
    return int(kernel.__self__)  # type: ignore[attr-defined]


def launch_address(kernel: Callable[..., Any]) -> int:
    """Return the address of ``int64 launch(words)``, which calls the kernel.

    Each of the words is an argument: an integer, the address of an object, or the bits of a float64. The result is 0,
    or 1 if there was no memory.
    """
    return _launches[address(kernel)]

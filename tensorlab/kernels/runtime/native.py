"""Load compiled kernels from object code and call them from Python, without Numba.

Numba compiles a kernel to one object file. A second, small object file contains three C functions. Python calls the
first one by its fastest convention (``METH_FASTCALL``): it unboxes the arguments, releases the GIL and calls the
kernel. Other kernels call the second one by address. Plans call the third one, which reads the arguments from memory.
LLVM links both files into memory in about a millisecond, so a process that finds its kernels on disk never imports
Numba. A call is also cheaper than through Numba's dispatcher.
"""

from __future__ import annotations

import ctypes
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm

_ENTRY = "tensorlab_entry"
_TASK = "tensorlab_task"
_LAUNCH = "tensorlab_launch"
_METH_FASTCALL = 0x80
_UNBOX = {
    "i64": ("i64", "call i64 @PyLong_AsLongLong(ptr {boxed})"),
    "double": ("double", "call double @PyFloat_AsDouble(ptr {boxed})"),
    "object": ("i64", "ptrtoint ptr {boxed} to i64"),
}
"""For each kind of argument, its LLVM type and the instruction that unboxes it. An object is passed by its address."""

# LLVM code as text, because it is easier to read than the calls of a builder. The parameters vary with the kernel.
_TEMPLATE = """
declare i32 @"{symbol}"(ptr, ptr{types})
declare i64 @PyLong_AsLongLong(ptr)
declare double @PyFloat_AsDouble(ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyErr_Occurred()
declare i32 @PyErr_BadArgument()
declare ptr @PyErr_NoMemory()
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @Py_IncRef(ptr)
@_Py_NoneStruct = external global i8

define ptr @{entry}(ptr %self, ptr %arguments, i64 %count) {{
  %result = alloca i64
  %exception = alloca ptr
  %as_many = icmp eq i64 %count, {count}
  br i1 %as_many, label %unbox, label %miscounted
miscounted:
  %ignored = call i32 @PyErr_BadArgument()
  ret ptr null
unbox:
{unbox}
  %error = call ptr @PyErr_Occurred()
  %right = icmp eq ptr %error, null
  br i1 %right, label %run, label %wrong
wrong:
  ret ptr null
run:
  %thread = call ptr @PyEval_SaveThread()
  %status = call i32 @"{symbol}"(ptr %result, ptr %exception{values})
  call void @PyEval_RestoreThread(ptr %thread)
  switch i32 %status, label %out_of_memory [ i32 0, label %done
                                             i32 -2, label %done ]
out_of_memory:
  %null = call ptr @PyErr_NoMemory()
  ret ptr null
done:
  {box}
}}

define {result} @{task}({parameters}) {{
  %result = alloca i64
  %exception = alloca ptr
  %status = call i32 @"{symbol}"(ptr %result, ptr %exception{values})
  {give}
}}

define i64 @{launch}(ptr %words) {{
  %result = alloca i64
  %exception = alloca ptr
{loads}
  %status = call i32 @"{symbol}"(ptr %result, ptr %exception{values})
  %done = icmp eq i32 %status, 0
  %none = icmp eq i32 %status, -2
  %right = or i1 %done, %none
  %failed = select i1 %right, i64 0, i64 1
  ret i64 %failed
}}
"""
# A status of 0 or -2 (None) means success. MemoryError is the only exception that a kernel raises.

_BOX = {
    "void": "call void @Py_IncRef(ptr @_Py_NoneStruct)\n  ret ptr @_Py_NoneStruct",
    "i64": "%word = load i64, ptr %result\n  %boxed = call ptr @PyLong_FromLongLong(i64 %word)\n  ret ptr %boxed",
}

_GIVE = {"void": "ret void", "i64": "%word = load i64, ptr %result\n  ret i64 %word"}


@dataclass(frozen=True)
class Native:
    """A compiled kernel.

    Attributes:
        kernel: the object file of the kernel.
        entry: the object file of the functions that call it.
        needs: the external symbols that the kernel refers to.
    """

    kernel: bytes
    entry: bytes
    needs: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Serialize to one line of JSON followed by both object files."""
        header = {"kernel": len(self.kernel), "needs": self.needs}
        return json.dumps(header).encode() + b"\n" + self.kernel + self.entry

    @classmethod
    def from_bytes(cls, content: bytes) -> Native:
        """Deserialize the result of `to_bytes`.

        Raises:
            ValueError: if the content is malformed.
            KeyError: if the header lacks a field.
        """
        line, code = content.split(b"\n", 1)
        header = json.loads(line)
        return cls(code[: header["kernel"]], code[header["kernel"] :], tuple(header["needs"]))


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple())


def _machine() -> Any:
    # Numba's own engine also uses static relocation on x86.
    reloc = "static" if _target().name.startswith("x86") else "default"
    return _target().create_target_machine(opt=1, reloc=reloc, codemodel="jitdefault", jit=True)


def processor() -> tuple[str, str, str]:
    """Return LLVM's target triple, processor name and processor features."""
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def entry_object(symbol: str, arguments: Sequence[str], result: str) -> bytes:
    """Return the object file of the functions that call a kernel.

    Args:
        symbol: the symbol of the compiled kernel.
        arguments: the kind of each argument, "i64", "double" or "object".
        result: the kind of the result, "void" or "i64".
    """
    unbox = []
    types = []
    for index, kind in enumerate(arguments):
        type_, instruction = _UNBOX[kind]
        types.append(type_)
        unbox += [
            f"  %at{index} = getelementptr ptr, ptr %arguments, i64 {index}",
            f"  %boxed{index} = load ptr, ptr %at{index}",
            f"  %value{index} = {instruction.format(boxed=f'%boxed{index}')}",
        ]
    loads = [
        f"  %word{index} = getelementptr i64, ptr %words, i64 {index}\n  %value{index} = load {type_}, ptr %word{index}"
        for index, type_ in enumerate(types)
    ]
    parameters = [f"{type_} %value{index}" for index, type_ in enumerate(types)]
    text = _TEMPLATE.format(
        symbol=symbol,
        entry=_ENTRY,
        task=_TASK,
        count=len(arguments),
        types="".join(f", {type_}" for type_ in types),
        unbox="\n".join(unbox),
        launch=_LAUNCH,
        loads="\n".join(loads),
        parameters=", ".join(parameters),
        values="".join(f", {parameter}" for parameter in parameters),
        result=result,
        box=_BOX[result],
        give=_GIVE[result],
    )
    return _machine().emit_object(llvm.parse_assembly(text))  # type: ignore[no-any-return]


class Method(ctypes.Structure):
    """CPython's ``PyMethodDef``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_new_function = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(
    ("PyCFunction_NewEx", ctypes.pythonapi)
)


def keep_to_the_end(thing: Any) -> None:
    """Leak a reference to an object whose address CPython or compiled code uses.

    A module-level reference would not do: at interpreter shutdown a function may outlive its module.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


_launches: dict[int, int] = {}
"""For each kernel by its address, the address of the function that reads the arguments from memory."""


def load(native: Native) -> Callable[..., Any] | None:
    """Load a kernel as a Python function; return None if this process lacks a symbol that it needs.

    The machine code is never freed, because a thread may still run it during interpreter shutdown.
    """
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    if not all(map(llvm.address_of_symbol, native.needs)):
        return None  # LLVM would abort the process
    for code in (native.kernel, native.entry):
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    method = Method(b"kernel", engine.get_function_address(_ENTRY), _METH_FASTCALL, None)
    task = engine.get_function_address(_TASK)  # becomes the function's __self__, see `address`
    _launches[task] = engine.get_function_address(_LAUNCH)
    kernel: Callable[..., Any] = _new_function(ctypes.addressof(method), task, None)
    keep_to_the_end(method)
    engine.detach()
    return kernel


def provide(symbol: str, kernel: Callable[..., Any]) -> None:
    """Register a kernel under a symbol, so that kernels loaded later can call it as a C function."""
    llvm.add_symbol(symbol, address(kernel))


def is_provided(symbol: str) -> bool:
    """Return whether a kernel is registered under a symbol."""
    return llvm.address_of_symbol(symbol) is not None


def address(kernel: Callable[..., Any]) -> int:
    """Return the address of the kernel's C function, for callers that do not go through the interpreter."""
    return int(kernel.__self__)  # type: ignore[attr-defined]


def launch_address(kernel: Callable[..., Any]) -> int:
    """Return the address of ``int64 launch(words)``, which calls the kernel.

    Each of the words is an argument: an integer, the address of an object, or the bits of a float64. The result is 0,
    or 1 if there was no memory.
    """
    return _launches[address(kernel)]

"""Emit object code with LLVM, and link it into this process, which takes about a millisecond.

Numba compiles a kernel to LLVM code. The three functions that call it (see `native`) are added to this code, so a
kernel is one object file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import llvmlite.binding as llvm

from tensorlab.kernels.runtime.native import DRIVER, PREFIX, Addresses, Native, function, provided, symbols
from tensorlab.kernels.runtime.processor import Level

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

define ptr @"{entry}"(ptr %self, ptr %arguments, i64 %count) {{
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

define {result} @"{task}"({parameters}) {{
  %result = alloca i64
  %exception = alloca ptr
  store i64 -1, ptr %result
  %status = call i32 @"{symbol}"(ptr %result, ptr %exception{values})
  {give}
}}

define i64 @"{launch}"(ptr %words) {{
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


class Code(NamedTuple):
    """A kernel in LLVM's intermediate language."""

    module: Any
    """The LLVM module, already optimized."""
    machine: Any
    """The LLVM target machine that it was optimized for."""
    symbol: str
    """The symbol of the function."""
    arguments: Sequence[str]
    """The kind of each argument, "i64", "double" or "object"."""
    result: str
    """The kind of the result, "void" or "i64"."""


def _entries(code: Code, names: Addresses) -> str:
    """Return the LLVM code of the three functions of a kernel."""
    unbox = []
    types = []
    for index, kind in enumerate(code.arguments):
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
    return _TEMPLATE.format(
        symbol=code.symbol,
        **names._asdict(),
        count=len(code.arguments),
        types="".join(f", {type_}" for type_ in types),
        unbox="\n".join(unbox),
        loads="\n".join(loads),
        parameters=", ".join(parameters),
        values="".join(f", {parameter}" for parameter in parameters),
        result=code.result,
        box=_BOX[code.result],
        give=_GIVE[code.result],
    )


def emit(code: Code, machine: Any = None, prefix: str = PREFIX, driver_symbol: Callable[[str], str] = str) -> Native:
    """Return the object code of a kernel. No other symbol of it than its three functions is visible outside.

    Args:
        code: the kernel. The three functions are added to its module.
        machine: the LLVM target machine, by default the one that it was optimized for, for code linked by `load`. It
            may be one of another architecture with pointers of 64 bits.
        prefix: the start of the symbols of the three functions.
        driver_symbol: returns the symbol to use for a driver's own (see `library.symbol_of`).
    """
    names = symbols(prefix)
    if machine is not None:
        code.module.triple, code.module.data_layout = machine.triple, str(machine.target_data)
    code.module.link_in(llvm.parse_assembly(_entries(code, names)))
    needs = []
    for thing in [*code.module.functions, *code.module.global_variables]:
        if not thing.is_declaration:
            if thing.name not in names:
                thing.linkage = "internal"
        elif not thing.name.startswith("llvm."):
            if thing.name.startswith(DRIVER):
                thing.name = driver_symbol(thing.name)
            needs.append(thing.name)
    return Native((machine or code.machine).emit_object(code.module), tuple(sorted(needs)))


def shared_machine(level: Level) -> Any:
    """Return the LLVM target machine for the code of a shared library."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(level.triple)
    return target.create_target_machine(
        cpu=level.processor, features=level.flags, opt=3, reloc="pic", codemodel="default"
    )


def load(native: Native) -> Callable[..., Any] | None:
    """Load a kernel as a Python function; return None if this process lacks a symbol that it needs.

    The machine code is never freed, because a thread may still run it during interpreter shutdown.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    # Numba's own engine also uses static relocation on x86.
    reloc = "static" if target.name.startswith("x86") else "default"
    machine = target.create_target_machine(reloc=reloc, codemodel="jitdefault", jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)  # makes the process's symbols known to LLVM
    for symbol in provided.keys() & native.needs:
        llvm.add_symbol(symbol, provided[symbol])
    if not all(map(llvm.address_of_symbol, native.needs)):
        return None  # LLVM would abort the process
    engine.add_object_file(llvm.ObjectFileRef.from_data(native.code))
    engine.finalize_object()
    loaded = function(Addresses(*map(engine.get_function_address, symbols(PREFIX))))
    engine.detach()
    return loaded

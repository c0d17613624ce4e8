"""Atomic operations on 64-bit words, and calls of compiled tasks by address, for the thread pool.

All atomic operations are sequentially consistent. Addresses are plain ``int64``.
"""

from __future__ import annotations

import os
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.runtime import processor

_WORD = ir.IntType(64)
_TASK = ir.FunctionType(ir.VoidType(), [_WORD, _WORD])
_MACHINE = processor.machine()


def _word_at(builder: ir.IRBuilder, address: ir.Value) -> ir.Value:
    return builder.inttoptr(address, _WORD.as_pointer())


@intrinsic
def load(typingctx: Any, address: Any) -> Any:
    """Return the word at ``address``."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(_word_at(builder, values[0]), "seq_cst", 8)

    return types.int64(types.int64), codegen


@intrinsic
def store(typingctx: Any, address: Any, value: Any) -> Any:
    """Write ``value`` to the word at ``address``."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store_atomic(values[1], _word_at(builder, values[0]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def fetch_add(typingctx: Any, address: Any, value: Any) -> Any:
    """Add ``value`` to the word at ``address`` and return the previous word."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.atomic_rmw("add", _word_at(builder, values[0]), values[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def fetch_and(typingctx: Any, address: Any, value: Any) -> Any:
    """Replace the word at ``address`` by its bitwise AND with ``value`` and return the previous word."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.atomic_rmw("and", _word_at(builder, values[0]), values[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def compare_and_swap(typingctx: Any, address: Any, expected: Any, value: Any) -> Any:
    """Write ``value`` if the word at ``address`` equals ``expected``, and return whether it did."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pair = builder.cmpxchg(_word_at(builder, values[0]), values[1], values[2], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@intrinsic
def pause(typingctx: Any) -> Any:
    """Hint to the processor that this is a spin-wait loop."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if _MACHINE in ("x86_64", "amd64"):
            hint = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), []), "llvm.x86.sse2.pause"
            )
            builder.call(hint, [])
        elif _MACHINE in ("aarch64", "arm64"):
            number = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [number])
            hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint")
            builder.call(hint, [number(1)])
        return context.get_dummy_value()

    return types.void(), codegen


def _external(symbol: str, result: Any, *arguments: Any) -> Any:
    return types.ExternalFunction(symbol, result(*arguments))


# CPython's own thread locks. They block without spinning, do not need the GIL, may be released by another thread than
# the one that acquired them, and exist on every platform that CPython supports.
acquire_lock = _external("PyThread_acquire_lock", types.int32, types.intp, types.int32)
release_lock = _external("PyThread_release_lock", types.void, types.intp)
yield_processor = _external("SwitchToThread" if os.name == "nt" else "sched_yield", types.int32)

# The current processor and the affinity mask of a thread, available on Linux only. A mask is a bit set in memory.
HAS_AFFINITY = hasattr(os, "sched_setaffinity")
if HAS_AFFINITY:
    current_processor = _external("sched_getcpu", types.int32)
    get_affinity = _external("sched_getaffinity", types.int32, types.int32, types.intp, types.intp)
    set_affinity = _external("sched_setaffinity", types.int32, types.int32, types.intp, types.intp)


@intrinsic
def call_task(typingctx: Any, task: Any, data: Any, chunk: Any) -> Any:
    """Call the task at address ``task`` with its packed arguments and a chunk number."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.call(builder.inttoptr(values[0], _TASK.as_pointer()), [values[1], values[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def entry_of(context: Any, builder: Any, compiled: Any, arguments: Any) -> Any:
    """Emit a wrapper of a compiled function that `call_task` can call, and return its address.

    ``arguments(builder, data, chunk)`` emits the arguments of the compiled function.
    """
    context.active_code_library.add_linking_library(compiled.library)
    name = f"task.{compiled.fndesc.llvm_func_name}"
    entry = builder.module.globals.get(name)
    if entry is None:
        entry = ir.Function(builder.module, _TASK, name)
        entry.linkage = "internal"
        body = ir.IRBuilder(entry.append_basic_block())
        target = context.declare_function(body.module, compiled.fndesc)
        # The status is ignored: tasks are compiled with NumPy's error model and never raise.
        context.call_conv.call_function(
            body, target, types.none, compiled.signature.args, arguments(body, entry.args[0], entry.args[1])
        )
        body.ret_void()
    return builder.ptrtoint(entry, _WORD)


@intrinsic
def closure(typingctx: Any, task: Any, arguments: Any) -> Any:
    """Return the address of ``task(chunk, *arguments)`` for `call_task`, and the address of its packed arguments.

    The arguments are packed into the caller's stack frame, so the caller must not return before the last call ends.
    """
    argument_types = (types.int64, *(types.unliteral(kind) for kind in arguments.types))
    task.get_call_type(typingctx, argument_types, {})
    compiled = task.dispatcher.overloads[argument_types]
    packed = types.Tuple(argument_types[1:])

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = cgutils.alloca_once_value(builder, context.cast(builder, values[1], arguments, packed))

        def unpacked(body: Any, address: Any, chunk: Any) -> list[Any]:
            return [chunk, *cgutils.unpack_tuple(body, body.load(body.inttoptr(address, data.type)))]

        addresses = [entry_of(context, builder, compiled, unpacked), builder.ptrtoint(data, _WORD)]
        return context.make_tuple(builder, signature.return_type, addresses)

    return types.UniTuple(types.int64, 2)(task, arguments), codegen

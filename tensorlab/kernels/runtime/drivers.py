"""Drivers: kernels that other kernels call, compiled once for all of them.

The code around a scalar function's inner loop (axes, strides, chunks, threads) does not depend on the function. It is a
separate kernel, a driver, which other kernels call as a C function. A new scalar function only costs the compilation of
its inner loop. Drivers are linked by symbol name. Before a kernel is loaded from disk, the drivers that it needs are
loaded or compiled.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.atomics import entry_of

__all__ = ["call_driver", "driver", "loop_address"]

_WORD = ir.IntType(64)


def driver(maker: str, words: int) -> Any:
    """Return a driver as an external function that other kernels can call.

    Args:
        maker: the name of the function that makes the driver, as in `library.find`.
        words: the number of integer parameters of the driver.
    """
    return types.ExternalFunction(library.symbol_of(maker), types.int64(*[types.int64] * words))


def call_driver(builder: Any, symbol: str, values: Any) -> None:
    """Emit a call of a driver without a result, whose symbol is that of `library.symbol_of`."""
    kind = ir.FunctionType(ir.VoidType(), [_WORD] * len(values))
    builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), values)


@intrinsic
def loop_address(typingctx: Any, loop: Any) -> Any:
    """Return the address of ``loop(count, words)`` for `call_task`, where ``words`` is the address of its data."""
    arguments = (types.int64, types.int64)
    loop.get_call_type(typingctx, arguments, {})
    compiled = loop.dispatcher.overloads[arguments]

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return entry_of(context, builder, compiled, lambda body, data, chunk: [chunk, data])

    return types.int64(loop), codegen

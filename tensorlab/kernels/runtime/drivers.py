"""Kernels that other kernels call, compiled once for all of them.

What surrounds a scalar function's inner loop (axes, strides, chunks, threads) is the same for every function. It is a
kernel of its own, a driver, which other kernels call as a function of C; a new scalar function costs the compilation of
its inner loop alone. Drivers are linked by name. One that a kernel from disk needs is found or compiled before that
kernel is loaded.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.atomics import entry_of
from tensorlab.kernels.runtime.memory import array_object

__all__ = ["driver", "loop_address"]


def driver(maker: str, number: int, words: int, arrays: int) -> Any:
    """Return the kernel that a maker makes of a number, to be called by other kernels.

    Args:
        maker: its name, see `library.Maker`.
        number: its argument.
        words: how many integers the kernel takes.
        arrays: how many arrays it takes after them.
    """
    parameters = (*[types.int64] * words, *[array_object] * arrays)
    return types.ExternalFunction(library.provide(maker, number), types.int64(*parameters))


@intrinsic
def loop_address(typingctx: Any, loop: Any) -> Any:
    """The address of ``loop(count, words)``, for `call_task`: ``words`` is the address of what it works on."""
    arguments = (types.int64, types.int64)
    loop.get_call_type(typingctx, arguments, {})
    compiled = loop.dispatcher.overloads[arguments]

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return entry_of(context, builder, compiled, lambda body, data, chunk: [chunk, data])

    return types.int64(loop), codegen

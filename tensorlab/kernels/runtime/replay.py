"""Run the launches of a plan one after the other, without Python."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.runtime.compiler import Definition, kernel
from tensorlab.kernels.runtime.memory import pointer

_WORD = ir.IntType(64)


@intrinsic
def launch(typingctx: Any, function: Any, words: Any) -> Any:
    """Call the function at an address (see `native.launch_address`) with the address of its words."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(_WORD, [_WORD])
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), [values[1]])

    return types.int64(types.int64, types.int64), codegen


@kernel
def replay_kernel() -> Definition:
    """Define the kernel ``k(launches, first, end)``, which returns the number of launches that failed, 0 or 1.

    ``launches`` is the address of pairs of words: the address of a function, and that of its words. Those from
    ``first`` to before ``end`` are called in turn, until one fails.
    """

    def replay(launches, first, end):
        pairs = pointer(launches, types.int64)
        for index in range(first, end):
            if launch(pairs[2 * index], pairs[2 * index + 1]) != 0:
                return 1
        return 0

    return replay, "int64(int64, int64, int64)"

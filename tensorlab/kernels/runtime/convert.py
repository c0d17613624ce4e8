"""Convert numbers between dtypes inside kernels, with the same result on every processor.

Bool: every nonzero byte in memory is true, because memory shared with other libraries may contain any byte. A stored
bool is 0 or 1.

Real to integer: the number is truncated to int64. NaN and numbers out of range become the least int64. Narrower
integers take the lowest bits. For uint64, numbers from 2**63 up to 2**64 are also converted exactly.

LLVM's own conversion is undefined out of range: vectorized code gave other values than the scalar loop for the
remaining elements. `tensorlab.host_arrays.cast` implements the same conversion for NumPy arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.runtime.lift import storage

_WORD = ir.IntType(64)
_LIMIT = 2.0**63


def _whole(builder: Any, value: Any, unsigned: bool) -> Any:
    """Convert a real number to a 64-bit integer."""

    def between(low: float, high: float) -> Any:
        above = builder.fcmp_ordered(">=", value, value.type(low))
        return builder.and_(above, builder.fcmp_ordered("<", value, value.type(high)))

    # An out-of-range fptosi yields poison, not a trap; select discards it.
    least = ir.Constant(_WORD, -(2**63))
    whole = builder.select(between(-_LIMIT, _LIMIT), builder.fptosi(value, _WORD), least)
    if unsigned:
        whole = builder.select(between(_LIMIT, 2 * _LIMIT), builder.fptoui(value, _WORD), whole)
    return whole


@functools.cache
def convert(source: str | None, target: str) -> Callable[..., Any]:
    """Return a function that converts an element of memory, or a computed value, to a dtype.

    Args:
        source: the dtype of the memory that the value was read from; None for a computed value of any type.
        target: the dtype to convert to.
    """
    result = storage(target)
    reads_bool, gives_bool = source == "bool", target == "bool"

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, value = signature.args[0], values[0]
        if reads_bool or (gives_bool and kind != types.boolean):
            value, kind = context.is_true(builder, kind, value), types.boolean
        if isinstance(kind, types.Float) and isinstance(result, types.Integer):
            whole = _whole(builder, value, result == types.uint64)
            return builder.trunc(whole, ir.IntType(result.bitwidth)) if result.bitwidth < 64 else whole
        return context.cast(builder, value, kind, result)

    @intrinsic
    def converted(typingctx, x):
        return result(types.unliteral(x)), codegen

    return converted  # type: ignore[no-any-return]

"""How kernels convert numbers between dtypes: the same in every kernel, at every position, on every processor.

A byte of bool memory is true unless it is 0: memory that another library shares may hold any byte. What is stored as a
bool is 0 or 1. A real number becomes a whole one through int64: its fraction is cut off, what int64 does not hold, NaN
included, becomes the least int64, and a narrower integer keeps the lowest bits. uint64 also holds what is between 2**63
and 2**64. The conversion that LLVM has is undefined beyond the target's limits: vectors gave other values than the
elements behind the last whole vector did. `tensorlab.host_arrays.cast` is the same for NumPy arrays.
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
    """A real number as 64 bits."""

    def between(low: float, high: float) -> Any:
        above = builder.fcmp_ordered(">=", value, value.type(low))
        return builder.and_(above, builder.fcmp_ordered("<", value, value.type(high)))

    # The value of a conversion that is out of its range is not used: it is no error, but no number either.
    least = ir.Constant(_WORD, -(2**63))
    whole = builder.select(between(-_LIMIT, _LIMIT), builder.fptosi(value, _WORD), least)
    if unsigned:
        whole = builder.select(between(_LIMIT, 2 * _LIMIT), builder.fptoui(value, _WORD), whole)
    return whole


@functools.cache
def convert(source: str | None, target: str) -> Callable[..., Any]:
    """``f(x)``, an element of memory, or a value that was computed, as an element of a dtype.

    Args:
        source: the dtype of memory that is read; None for a value of any number type.
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

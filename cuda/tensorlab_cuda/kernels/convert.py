"""Convert numbers between dtypes in kernels, with the same results as on the CPU.

`tensorlab.host_arrays.cast` defines how real numbers become integers. A byte of bool memory is true unless it is 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.host_arrays import cast
from tensorlab_cuda import driver

_LIMIT = 2.0**63


@functools.cache
def convert(source: str | None, target: str) -> Callable[..., Any]:
    """Return the function ``f(x)`` that converts an element of memory, or a computed value, to a dtype.

    Args:
        source: the dtype of memory that is read; None for a value of any number type.
        target: the dtype to convert to.
    """
    truth = source == "bool" or target == "bool"
    return _simulated(truth, target) if driver.simulated() else _compiled(truth, target)


def _simulated(truth: bool, target: str) -> Callable[..., Any]:
    kind = driver.storage(target)

    def converted(x: Any) -> Any:
        if truth:
            x = np.uint8(x != 0)
        elif isinstance(x, (float, np.floating)) and np.dtype(kind).kind in "iu":
            return cast(np.asarray(x), np.dtype(kind))[()]
        return kind(x)

    return converted


def _compiled(truth: bool, target: str) -> Callable[..., Any]:
    types, intrinsic = driver.extending()
    result = getattr(types, np.dtype(driver.storage(target)).name)

    def whole(builder: Any, value: Any, unsigned: bool) -> Any:
        """Convert a real number to a 64-bit integer."""

        def between(low: float, high: float) -> Any:
            above = builder.fcmp_ordered(">=", value, value.type(low))
            return builder.and_(above, builder.fcmp_ordered("<", value, value.type(high)))

        word = _word()
        number = builder.select(between(-_LIMIT, _LIMIT), builder.fptosi(value, word), word(-(2**63)))
        if unsigned:
            number = builder.select(between(_LIMIT, 2 * _LIMIT), builder.fptoui(value, word), number)
        return number

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, value = signature.args[0], values[0]
        if truth and kind != types.boolean:
            value, kind = context.is_true(builder, kind, value), types.boolean
        if isinstance(kind, types.Float) and isinstance(result, types.Integer):
            word = whole(builder, value, result == types.uint64)
            narrow = context.get_value_type(result)
            return word if narrow == word.type else builder.trunc(word, narrow)
        return context.cast(builder, value, kind, result)

    @intrinsic
    def converted(typingctx: Any, x: Any) -> Any:
        return result(types.unliteral(x)), codegen

    return converted  # type: ignore[no-any-return]


def _word() -> Any:
    from llvmlite import ir

    return ir.IntType(64)

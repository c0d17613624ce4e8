"""Copy rows of elements to a dense buffer, for loops that accept dense rows only."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["copy_rows"]

_WORD = ir.IntType(64)
_SIZES = (1, 2, 4, 8)


@intrinsic
def copy_rows(
    typingctx: Any, size: Any, rows: Any, count: Any, source: Any, step: Any, row_step: Any, target: Any
) -> Any:
    """Copy rows of ``count`` elements each to a dense buffer.

    The loops are emitted as LLVM instructions, because Numba would take a tenth of the compile time of the map driver
    for the equivalent Python code. LLVM adds a loop for a step of 1.

    Args:
        typingctx: Numba's typing context.
        size: the size of an element in bytes: 1, 2, 4 or 8.
        rows: the number of rows.
        count: the number of elements of a row.
        source: the address of the first element.
        step: the distance between the elements of a row, in elements.
        row_step: the distance between rows, in elements.
        target: the address of the buffer.
    """

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        size, *given = values
        end = builder.append_basic_block("end")
        choice = builder.switch(size, end)
        for width in _SIZES:
            with builder.goto_block(builder.append_basic_block(f"size{width}")):
                choice.add_case(_WORD(width), builder.block)
                _emit_loops(builder, ir.IntType(8 * width), *given)
                builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), codegen


def _emit_loops(builder: Any, kind: Any, rows: Any, count: Any, source: Any, step: Any, row_step: Any, to: Any) -> None:
    """Emit the copy of elements of one LLVM type."""
    x, y = (builder.inttoptr(address, kind.as_pointer()) for address in (source, to))
    with cgutils.for_range(builder, rows) as row:
        first = builder.gep(x, [builder.mul(row.index, row_step)])
        at = builder.gep(y, [builder.mul(row.index, count)])
        constant = builder.icmp_signed("==", step, _WORD(0))
        with builder.if_else(constant) as (repeated, stepped):
            with repeated:
                value = builder.load(first)
                with cgutils.for_range(builder, count) as element:
                    builder.store(value, builder.gep(at, [element.index]))
            with stepped, cgutils.for_range(builder, count) as element:
                value = builder.load(builder.gep(first, [builder.mul(element.index, step)]))
                builder.store(value, builder.gep(at, [element.index]))

"""The tiles of narrow matrix products, whose vectors run along the rows or columns of the operands.

Such a product is too narrow for the vectors of the register tile, or it is limited by memory bandwidth, which is
highest when a few long rows are read at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.matmul.tile import Emitter

_WORD = ir.IntType(64)
_BIT = ir.IntType(1)


def _load_first(emit: Emitter, base: Any, offset: Any, count: Any) -> Any:
    """Load the first ``count`` elements of a vector and fill the rest with zeros, which are not read from memory."""
    lanes = emit.vector.count
    numbers = ir.Constant(ir.VectorType(_WORD, lanes), list(range(lanes)))
    mask = emit.builder.icmp_signed("<", numbers, emit.repeat(count))
    kind = ir.FunctionType(
        emit.vector, [emit.vector.as_pointer(), ir.IntType(32), ir.VectorType(_BIT, lanes), emit.vector]
    )
    name = f"llvm.masked.load.v{lanes}f{emit.align * 8}.p0"
    load = cgutils.get_or_insert_function(emit.builder.module, kind, name)
    zeros = ir.Constant(emit.vector, [0.0] * lanes)
    return emit.builder.call(load, [emit.vector_at(base, offset), ir.IntType(32)(emit.align), mask, zeros])


def _totals(emit: Emitter, vectors: list[Any]) -> list[Any]:
    """Sum the lanes of each vector by adding adjacent lanes, and return the sums packed in vectors."""
    lanes = emit.vector.count
    even, odd = [2 * lane for lane in range(lanes)], [2 * lane + 1 for lane in range(lanes)]
    vectors = vectors + [emit.undefined] * (-len(vectors) % lanes)
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [emit.builder.fadd(emit.shuffle(x, y, even), emit.shuffle(x, y, odd)) for x, y in pairs]
    return vectors


def add_rows(dtype: Any, rows: int, lanes: int) -> Callable[..., None]:
    """Return ``add(n, x, x_step, b, b_row, total)``, which computes ``total[:n] += x[:rows] @ B[:rows, :n]``.

    ``x`` and ``b`` are addresses, strides are in elements, and a row of B is contiguous. The length of ``total`` is
    rounded up to whole vectors.
    """
    word = types.int64
    kind = types.void(word, word, word, word, word, types.CPointer(dtype))

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        n, x, x_step, b, b_row, total = values
        emit = Emitter(context, builder, dtype, lanes)
        base = emit.pointer(x)
        factors = [emit.broadcast(base, builder.mul(x_step, _WORD(row))) for row in range(rows)]
        row_pointers = emit.strided_pointers(b, b_row, rows, _WORD(rows))

        def step(load: Callable[[Any, Any], Any], at: Any) -> None:
            value = emit.load(total, at)
            for factor, row in zip(factors, row_pointers, strict=True):
                value = emit.multiply_add(factor, load(row, at), value)
            emit.store(value, total, at)

        whole = builder.and_(n, _WORD(-lanes))
        with cgutils.for_range_slice(builder, _WORD(0), whole, _WORD(lanes)) as (at, _):
            step(emit.load, at)
        with builder.if_then(builder.icmp_signed("<", whole, n)):
            left = builder.sub(n, whole)
            step(lambda base, at: _load_first(emit, base, at, left), whole)
        return context.get_dummy_value()

    @intrinsic
    def add(typingctx, n, x, x_step, b, b_row, total):
        return kind, codegen

    return add  # type: ignore[no-any-return]


def dot_tile(dtype: Any, rows: int, columns: int, lanes: int) -> Callable[..., None]:
    """Return ``tile(k, a, a_row, valid_rows, b, b_col, valid_columns, out, out_row)``, which writes dot products.

    ``out`` receives each row of A times each column of B. ``a`` and ``b`` are addresses, both are contiguous along k,
    and strides are in elements. Only the valid rows and columns are read; other elements of ``out`` repeat those of the
    last valid one.
    """
    word = types.int64
    kind = types.void(word, word, word, word, word, word, word, types.CPointer(dtype), word)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        k, a, a_row, valid_rows, b, b_col, valid_columns, out, out_row = values
        emit = Emitter(context, builder, dtype, lanes)
        a_rows = emit.strided_pointers(a, a_row, rows, valid_rows)
        b_columns = emit.strided_pointers(b, b_col, columns, valid_columns)
        whole = builder.and_(k, _WORD(-lanes))

        def add(load: Callable[[Any, Any], Any], at: Any, sums: list[Any]) -> list[Any]:
            factors = [load(base, at) for base in b_columns]
            return emit.add_products([load(base, at) for base in a_rows], factors, sums)

        count = rows * columns
        sums, chained, pointers = emit.accumulate(
            whole, lanes, [], count, lambda at, _, before: ([], add(emit.load, at, before))
        )
        left = builder.sub(k, whole)

        def add_rest() -> list[Any]:
            return add(lambda base, offset: _load_first(emit, base, offset, left), whole, sums)

        finals = emit.replaced_if(builder.icmp_signed("<", whole, k), sums, add_rest)
        totals = _totals(emit, emit.totals(finals, chained, pointers))
        each = columns if lanes % columns == 0 else 1  # elements of a row that are stored together
        for index in range(0, rows * columns, each):
            row, column = divmod(index, columns)
            at = index % lanes
            value = emit.shuffle(totals[index // lanes], emit.undefined, list(range(at, at + each)))
            target = builder.gep(out, [builder.add(builder.mul(out_row, _WORD(row)), _WORD(column))])
            builder.store(value, builder.bitcast(target, value.type.as_pointer()), align=emit.align)
        return context.get_dummy_value()

    @intrinsic
    def tile(typingctx, k, a, a_row, valid_rows, b, b_col, valid_columns, out, out_row):
        return kind, codegen

    return tile  # type: ignore[no-any-return]

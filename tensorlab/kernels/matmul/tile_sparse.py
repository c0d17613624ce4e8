"""The register tile of products that skip zeros of A, and a check whether elements of B are finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.matmul.rounding import CHAIN
from tensorlab.kernels.matmul.tile import Emitter

_WORD = ir.IntType(64)
_BYTE = ir.IntType(8)


def listed_tile(dtype: Any, rows: int, vectors: int, lanes: int) -> Callable[..., None]:
    """Return ``tile(k, a, a_row, a_col, b, b_row, valid, steps, counts, out, out_row)``.

    It is a `tile.register_tile` that visits the listed steps only. ``steps`` and ``counts`` are addresses of uint8. For
    each chain of `CHAIN` steps, ``steps`` has room for all of them, counted from the first one of the chain, and
    ``counts`` has the number of steps that are there.
    """
    word = types.int64
    kind = types.void(word, word, word, word, word, word, word, word, word, types.CPointer(dtype), word)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        k, a, a_row, a_col, b, b_row, valid, steps, counts, out, out_row = values
        emit = Emitter(context, builder, dtype, lanes)
        a_rows = emit.strided_pointers(a, a_row, rows, valid)

        def byte(address: Any, offset: Any) -> Any:
            base = builder.inttoptr(address, _BYTE.as_pointer())
            return builder.zext(builder.load(builder.gep(base, [offset])), _WORD)

        def step(now: Any, moving: list[Any], sums: list[Any]) -> tuple[list[Any], list[Any]]:
            index = builder.add(builder.and_(now, _WORD(-CHAIN)), byte(steps, now))
            a_at, b_at = builder.mul(index, a_col), builder.gep(emit.pointer(b), [builder.mul(index, b_row)])
            b_now = [emit.load(b_at, _WORD(lanes * vector)) for vector in range(vectors)]
            return [], emit.add_products((emit.broadcast(row, a_at) for row in a_rows), b_now, sums)

        def length(start: Any) -> Any:
            return byte(counts, builder.udiv(start, _WORD(CHAIN)))

        totals = iter(emit.totals(*emit.accumulate(k, 1, [], rows * vectors, step, length)))
        for row in range(rows):
            for vector in range(vectors):
                offset = builder.add(builder.mul(out_row, _WORD(row)), _WORD(lanes * vector))
                emit.store(emit.unsigned(next(totals)), out, offset)
        return context.get_dummy_value()

    @intrinsic
    def tile(typingctx, k, a, a_row, a_col, b, b_row, valid, steps, counts, out, out_row):
        return kind, codegen

    return tile  # type: ignore[no-any-return]


def rows_finite(dtype: Any, lanes: int) -> Callable[..., int]:
    """Return ``finite(k, b, b_row, vectors)``: 1 if k rows of some vectors have finite elements only, else 0."""
    word = types.int64

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        k, b, b_row, vectors = values
        emit = Emitter(context, builder, dtype, lanes)
        base = emit.pointer(b)
        bits = ir.VectorType(ir.IntType(emit.align * 8), lanes)
        seen = cgutils.alloca_once_value(builder, ir.Constant(bits, [0] * lanes))
        with cgutils.for_range(builder, k) as row:
            at = builder.mul(row.index, b_row)
            with cgutils.for_range(builder, vectors) as vector:
                x = emit.load(base, builder.add(at, builder.mul(vector.index, _WORD(lanes))))
                # x - x is +0, whose bits are 0, or NaN
                found = builder.bitcast(builder.fsub(x, x), bits)
                builder.store(builder.or_(builder.load(seen), found), seen)
        whole = ir.IntType(lanes * emit.align * 8)
        every = builder.bitcast(builder.load(seen), whole)
        return builder.zext(builder.icmp_unsigned("==", every, whole(0)), _WORD)

    @intrinsic
    def finite(typingctx, k, b, b_row, vectors):
        return word(word, word, word, word), codegen

    return finite  # type: ignore[no-any-return]

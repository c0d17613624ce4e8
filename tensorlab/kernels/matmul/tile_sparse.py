"""The vector operations of products that skip zeros of A.

The non-zero steps of a chain, that is of `CHAIN` (64) steps along k, are the bits of one word; the lowest bit is the
first step.
"""

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
GROUP = 16
"""The rows whose non-zero steps `columns_nonzero` finds at once: a cache line of float32."""


def _bits(builder: Any, name: str, word: Any, *arguments: Any) -> Any:
    """Call an LLVM function that takes a word and returns one."""
    kind = ir.FunctionType(_WORD, [_WORD, *[argument.type for argument in arguments]])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.i64"), [word, *arguments])


def masked_tile(dtype: Any, rows: int, vectors: int, lanes: int) -> Callable[..., None]:
    """Return ``tile(k, a, a_row, a_col, b, b_row, valid, masks, more, out, out_row)``.

    It is a `tile.register_tile` that visits only the steps whose bit is set in the chain's word, or in ``more``.
    ``masks`` is the address of the words.
    """
    word = types.int64
    kind = types.void(word, word, word, word, word, word, word, word, word, types.CPointer(dtype), word)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        k, a, a_row, a_col, b, b_row, valid, masks, more, out, out_row = values
        emit = Emitter(context, builder, dtype, lanes)
        a_rows = emit.strided_pointers(a, a_row, rows, valid)

        def chain(start: Any) -> tuple[Any, list[Any]]:
            place = builder.gep(builder.inttoptr(masks, _WORD.as_pointer()), [builder.udiv(start, _WORD(CHAIN))])
            left = builder.sub(k, start)
            present = builder.select(
                builder.icmp_signed("<", left, _WORD(CHAIN)),
                builder.sub(builder.shl(_WORD(1), left), _WORD(1)),
                _WORD(-1),
            )
            mask = builder.and_(builder.or_(builder.load(place), more), present)
            return _bits(builder, "ctpop", mask), [mask, start]

        def step(now: Any, moving: list[Any], sums: list[Any]) -> tuple[list[Any], list[Any]]:
            mask, start = moving
            index = builder.add(start, _bits(builder, "cttz", mask, ir.IntType(1)(1)))
            a_at, b_at = builder.mul(index, a_col), builder.gep(emit.pointer(b), [builder.mul(index, b_row)])
            b_now = [emit.load(b_at, _WORD(lanes * vector)) for vector in range(vectors)]
            rest = builder.and_(mask, builder.sub(mask, _WORD(1)))
            return [rest, start], emit.add_products((emit.broadcast(row, a_at) for row in a_rows), b_now, sums)

        totals = iter(emit.totals(*emit.accumulate(k, 1, [], rows * vectors, step, chain=chain)))
        for row in range(rows):
            for vector in range(vectors):
                offset = builder.add(builder.mul(out_row, _WORD(row)), _WORD(lanes * vector))
                emit.store(emit.unsigned(next(totals)), out, offset)
        return context.get_dummy_value()

    @intrinsic
    def tile(typingctx, k, a, a_row, a_col, b, b_row, valid, masks, more, out, out_row):
        return kind, codegen

    return tile  # type: ignore[no-any-return]


def _nonzero(emit: Emitter, base: Any, offset: Any) -> Any:
    """Emit which elements of a vector are not zero. NaN is not, and a subnormal number neither."""
    zeros = ir.Constant(emit.vector, [0.0] * emit.vector.count)
    return emit.builder.fcmp_unordered("!=", emit.load(base, offset), zeros)


def row_nonzero(dtype: Any) -> Callable[..., int]:
    """Return ``nonzero(row)``: a word with the non-zero steps of the `CHAIN` contiguous elements at an address."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, dtype, CHAIN)
        return builder.bitcast(_nonzero(emit, emit.pointer(values[0]), _WORD(0)), _WORD)

    @intrinsic
    def nonzero(typingctx, row):
        return types.int64(types.int64), codegen

    return nonzero  # type: ignore[no-any-return]


def columns_nonzero(dtype: Any) -> Callable[..., None]:
    """Return ``nonzero(steps, a, a_col, words)``, which writes the non-zero steps of `GROUP` rows to as many words.

    The columns of A are contiguous, ``a_col`` elements apart. There are at most `CHAIN` of them.
    """
    word = types.int64

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        steps, a, a_col, words = values
        emit = Emitter(context, builder, dtype, GROUP)
        base = emit.pointer(a)
        bits = ir.VectorType(_WORD, GROUP)
        found = cgutils.alloca_once_value(builder, ir.Constant(bits, [0] * GROUP))
        with cgutils.for_range(builder, steps) as step:
            bit = emit.repeat(builder.shl(_WORD(1), step.index))
            nonzero = _nonzero(emit, base, builder.mul(step.index, a_col))
            seen = builder.and_(builder.sext(nonzero, bits), bit)
            builder.store(builder.or_(builder.load(found), seen), found)
        builder.store(builder.load(found), builder.bitcast(words, bits.as_pointer()), align=8)
        return context.get_dummy_value()

    @intrinsic
    def nonzero(typingctx, steps, a, a_col, words):
        return types.void(word, word, word, types.CPointer(word)), codegen

    return nonzero  # type: ignore[no-any-return]


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


@intrinsic
def popcount(typingctx: Any, mask: Any) -> Any:
    """Return the number of set bits of a word."""
    return types.int64(types.int64), lambda context, builder, signature, values: _bits(builder, "ctpop", values[0])

"""The register tile: the innermost loop of a matrix product, and the vector moves around it.

A tile of the product, a few rows by a few vectors, is summed in vector registers over the whole of k: every step loads
one row of B, broadcasts one element of each row of A, and multiplies and adds. Numba has no vector type, so the loop is
written as LLVM instructions. LLVM splits vectors that the processor does not have, so every tile runs everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)


class Emitter:
    """Vector instructions for one element type; vectors in memory are aligned as their elements are."""

    def __init__(self, context: Any, builder: Any, dtype: Any, lanes: int) -> None:
        self.builder = builder
        self.element = context.get_value_type(dtype)
        self.align = dtype.bitwidth // 8
        self.vector = ir.VectorType(self.element, lanes)
        self.undefined = ir.Constant(self.vector, ir.Undefined)

    def pointer(self, address: Any) -> Any:
        return self.builder.inttoptr(address, self.element.as_pointer())

    def vector_at(self, base: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(base, [offset]), self.vector.as_pointer())

    def load(self, base: Any, offset: Any) -> Any:
        return self.builder.load(self.vector_at(base, offset), align=self.align)

    def store(self, value: Any, base: Any, offset: Any) -> None:
        self.builder.store(value, self.vector_at(base, offset), align=self.align)

    def shuffle(self, first: Any, second: Any, lanes: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(_INDEX, len(lanes)), lanes)
        return self.builder.shuffle_vector(first, second, mask)

    def repeat(self, scalar: Any) -> Any:
        undefined = ir.Constant(ir.VectorType(scalar.type, self.vector.count), ir.Undefined)
        return self.shuffle(
            self.builder.insert_element(undefined, scalar, _INDEX(0)), undefined, [0] * self.vector.count
        )

    def broadcast(self, base: Any, offset: Any) -> Any:
        return self.repeat(self.builder.load(self.builder.gep(base, [offset]), align=self.align))

    def lines(self, address: Any, stride: Any, count: int, valid: Any) -> list[Any]:
        """Pointers to ``count`` lines of a matrix; behind the last valid one, to that again."""
        base = self.pointer(address)
        last = self.builder.sub(valid, _WORD(1))
        chosen = [
            self.builder.select(self.builder.icmp_signed("<", _WORD(i), last), _WORD(i), last) for i in range(count)
        ]
        return [self.builder.gep(base, [self.builder.mul(index, stride)]) for index in chosen]

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        # fmuladd, not fma: without the instruction, fma is a call of the mathematical library for every element.
        name = f"llvm.fmuladd.v{self.vector.count}f{self.align * 8}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [x, y, total])


def register_tile(dtype: Any, rows: int, vectors: int, lanes: int) -> Callable[..., None]:
    """``tile(k, a, a_row, a_col, b, b_row, valid, before, out, out_row)``: puts a tile of the product into ``out``.

    ``a``, ``b`` and ``before`` are addresses, strides are in elements, and a row of B is dense. Of A only ``valid``
    rows are read, which may be fewer than the tile has: the other rows of ``out`` repeat the last of them. The dense
    tile at ``before`` is added to the product; there is none at 0.
    """
    word = types.int64
    kind = types.void(word, word, word, word, word, word, word, word, types.CPointer(dtype), word)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        k, a, a_row, a_col, b, b_row, valid, before, out, out_row = values
        emit = Emitter(context, builder, dtype, lanes)
        a_rows = emit.lines(a, a_row, rows, valid)
        b_first = emit.pointer(b)

        entry = builder.block
        head = builder.append_basic_block("tile.head")
        body = builder.append_basic_block("tile.body")
        done = builder.append_basic_block("tile.done")
        builder.branch(head)
        builder.position_at_end(head)
        step = builder.phi(_WORD)
        a_at = builder.phi(_WORD)
        b_at = builder.phi(b_first.type)
        sums = [[builder.phi(emit.vector) for _ in range(vectors)] for _ in range(rows)]
        zero = ir.Constant(emit.vector, [0.0] * lanes)
        for phi, first in [(step, _WORD(0)), (a_at, _WORD(0)), (b_at, b_first), *((s, zero) for r in sums for s in r)]:
            phi.add_incoming(first, entry)
        builder.cbranch(builder.icmp_signed("<", step, k), body, done)

        builder.position_at_end(body)
        b_row_now = [emit.load(b_at, _WORD(lanes * vector)) for vector in range(vectors)]
        for row in range(rows):
            element = emit.broadcast(a_rows[row], a_at)
            for vector in range(vectors):
                total = sums[row][vector]
                total.add_incoming(emit.multiply_add(element, b_row_now[vector], total), body)
        a_at.add_incoming(builder.add(a_at, a_col), body)
        b_at.add_incoming(builder.gep(b_at, [b_row]), body)
        step.add_incoming(builder.add(step, _WORD(1)), body)
        builder.branch(head)

        builder.position_at_end(done)
        places = [(row, vector) for row in range(rows) for vector in range(vectors)]
        with builder.if_else(builder.icmp_signed("==", before, _WORD(0))) as (alone, added):
            for branch, adds in ((alone, False), (added, True)):
                with branch:
                    for row, vector in places:
                        total = sums[row][vector]
                        if adds:
                            first = emit.load(emit.pointer(before), _WORD(lanes * (row * vectors + vector)))
                            total = builder.fadd(first, total)
                        offset = builder.add(builder.mul(out_row, _WORD(row)), _WORD(lanes * vector))
                        emit.store(total, out, offset)
        return context.get_dummy_value()

    @intrinsic
    def tile(typingctx, k, a, a_row, a_col, b, b_row, valid, before, out, out_row):
        return kind, codegen

    return tile  # type: ignore[no-any-return]


def copy_vector(dtype: Any, lanes: int) -> Callable[..., None]:
    """``copy(target, at, source, start)``: ``target[at : at + lanes] = source[start : start + lanes]`` of pointers."""
    kind = types.void(types.CPointer(dtype), types.int64, types.CPointer(dtype), types.int64)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target, at, source, start = values
        emit = Emitter(context, builder, dtype, lanes)
        emit.store(emit.load(source, start), target, at)
        return context.get_dummy_value()

    @intrinsic
    def copy(typingctx, target, at, source, start):
        return kind, codegen

    return copy  # type: ignore[no-any-return]


def transpose_block(dtype: Any, lanes: int) -> Callable[..., None]:
    """``transpose(target, target_row, source, source_row)``: a block of lanes by lanes elements, rows dense in both.

    Each of log2(lanes) passes interleaves the first half of the rows with the second (a perfect shuffle).
    """
    kind = types.void(types.CPointer(dtype), types.int64, types.CPointer(dtype), types.int64)
    low = [lane // 2 + lane % 2 * lanes for lane in range(lanes)]
    high = [lane + lanes // 2 for lane in low]

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target, target_row, source, source_row = values
        emit = Emitter(context, builder, dtype, lanes)
        block = [emit.load(source, builder.mul(source_row, _WORD(row))) for row in range(lanes)]
        for _ in range(lanes.bit_length() - 1):
            pairs = zip(block[: lanes // 2], block[lanes // 2 :], strict=True)
            block = [emit.shuffle(x, y, half) for x, y in pairs for half in (low, high)]
        for row in range(lanes):
            emit.store(block[row], target, builder.mul(target_row, _WORD(row)))
        return context.get_dummy_value()

    @intrinsic
    def transpose(typingctx, target, target_row, source, source_row):
        return kind, codegen

    return transpose  # type: ignore[no-any-return]

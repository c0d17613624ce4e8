"""The register tile: the innermost loop of a matrix product, and related vector operations.

A tile of the result, a few rows by a few vectors, is accumulated in vector registers. Every step along k loads one row
of B, broadcasts one element of each row of A, and multiplies and adds. After `CHAIN` steps the registers are added to
sums in memory and reset to zero, which bounds the rounding error (see `rounding`). Numba has no vector type, so the
loop is emitted as LLVM instructions. LLVM splits vectors that are too long for the processor, so every tile runs on
every processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.matmul.caches import LINE
from tensorlab.kernels.matmul.rounding import CHAIN

_AHEAD = 8
"""How many rows of a packed B a tile prefetches: enough to hide the latency of the L2 cache, from which long panels are
read. Rows in place may be a power of two apart, and would evict each other."""
_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)


class Emitter:
    """Emit vector instructions for one element type; vectors in memory only have the alignment of an element."""

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

    def strided_pointers(self, address: Any, stride: Any, count: int, valid: Any) -> list[Any]:
        """Return pointers to ``count`` rows or columns of a matrix; the last valid one is repeated."""
        base = self.pointer(address)
        last = self.builder.sub(valid, _WORD(1))
        chosen = [
            self.builder.select(self.builder.icmp_signed("<", _WORD(i), last), _WORD(i), last) for i in range(count)
        ]
        return [self.builder.gep(base, [self.builder.mul(index, stride)]) for index in chosen]

    def opaque(self, word: Any) -> Any:
        """Hide from LLVM how a word was computed.

        In a loop this prevents unrolling, for which the addresses of all rows of A do not fit into the registers.
        """
        return self.builder.asm(ir.FunctionType(_WORD, [_WORD]), "", "=r,0", [word], False)

    def prefetch(self, pointer: Any, writes: bool = False) -> None:
        """Prefetch the cache line at a pointer, which may be any address, to read it or to write it."""
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _INDEX, _INDEX, _INDEX])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        access, all_levels, data = _INDEX(int(writes)), _INDEX(3), _INDEX(1)
        self.builder.call(function, [self.builder.bitcast(pointer, byte), access, all_levels, data])

    def sums(self, count: int) -> list[Any]:
        """Allocate ``count`` vectors in the stack frame and return pointers to them."""
        with self.builder.goto_entry_block():
            pointer = self.builder.alloca(ir.ArrayType(self.vector, count))
        pointer.align = 64
        return [self.builder.gep(pointer, [_INDEX(0), _INDEX(position)]) for position in range(count)]

    def accumulate(
        self,
        steps: Any,
        by: int,
        moving: list[Any],
        count: int,
        step: Callable[[Any, list[Any], list[Any]], tuple[list[Any], list[Any]]],
        begun: Any = None,
        before: Callable[[], list[Any]] | None = None,
        chain: Callable[[Any], tuple[Any, list[Any]]] | None = None,
    ) -> tuple[list[Any], Any, list[Any]]:
        """Emit the loop that accumulates ``count`` vectors over the steps ``0, by, 2 * by, … < steps``.

        A vector accumulates a chain of at most `CHAIN` iterations in a register. The sum of all earlier chains is in
        memory.

        Args:
            steps: the end of the loop, a multiple of ``by``.
            by: the increment of the step per iteration.
            moving: the initial values of variables that change in every iteration, such as pointers.
            count: the number of vectors.
            step: ``(step, moving, vectors) -> (moving, vectors)``, emits one iteration.
            begun: whether there are sums of chains before the first step; None if there are not.
            before: emits these sums.
            chain: ``start -> (iterations, moving)``, emits the number of iterations of the chain that begins at a
                step, and its initial moving values. By default all steps are visited, and values move on.

        Returns:
            the vectors of the last chain, whether there were chains before it, and pointers to the sums of these.
        """
        builder = self.builder
        pointers = self.sums(count)
        names = "outer", "head", "body", "end", "first", "later", "next", "done"
        outer, head, body, end, first, later, following, done = (
            builder.append_basic_block(f"sum.{name}") for name in names
        )
        zero = ir.Constant(self.vector, [0.0] * self.vector.count)
        if before is not None:
            with builder.if_then(begun):
                for vector, pointer in zip(before(), pointers, strict=True):
                    builder.store(vector, pointer)
        entry = builder.block

        builder.branch(outer)
        builder.position_at_end(outer)
        start = builder.phi(_WORD)
        at_start = [builder.phi(value.type) for value in moving]
        for phi, value in zip([start, *at_start], [_WORD(0), *moving], strict=True):
            phi.add_incoming(value, entry)
        limit = builder.add(start, _WORD(CHAIN * by))
        goes_on = builder.icmp_signed("<", limit, steps)
        if chain is None:
            stop, from_start = builder.select(goes_on, limit, steps), at_start
        else:
            count_of_chain, from_start = chain(start)
            stop = builder.add(start, count_of_chain)
        begin = builder.block
        builder.branch(head)

        builder.position_at_end(head)
        now = builder.phi(_WORD)
        moved = [builder.phi(value.type) for value in from_start]
        vectors = [builder.phi(self.vector) for _ in range(count)]
        for phi, value in zip([now, *moved, *vectors], [start, *from_start, *[zero] * count], strict=True):
            phi.add_incoming(value, begin)
        builder.cbranch(builder.icmp_signed("<", now, stop), body, end)

        builder.position_at_end(body)
        moved_on, added = step(now, moved, vectors)
        following_step = self.opaque(builder.add(now, _WORD(by)))
        for phi, value in zip([now, *moved, *vectors], [following_step, *moved_on, *added], strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)

        builder.position_at_end(end)
        is_first = builder.icmp_signed("==", start, _WORD(0))
        if before is not None:
            is_first = builder.and_(is_first, builder.not_(begun))
        more = builder.append_basic_block("sum.more")
        builder.cbranch(goes_on, more, done)
        builder.position_at_end(more)
        builder.cbranch(is_first, first, later)
        for block, adds in ((first, False), (later, True)):
            builder.position_at_end(block)
            for vector, pointer in zip(vectors, pointers, strict=True):
                builder.store(builder.fadd(builder.load(pointer), vector) if adds else vector, pointer)
            builder.branch(following)
        builder.position_at_end(following)
        for phi, value in zip([start, *at_start], [limit, *moved[: len(moving)]], strict=True):
            phi.add_incoming(value, following)
        builder.branch(outer)

        builder.position_at_end(done)
        return vectors, builder.not_(is_first), pointers

    def totals(self, vectors: list[Any], chained: Any, pointers: list[Any]) -> list[Any]:
        """Return the sums from `accumulate`: the last chain plus the earlier chains, if there are any."""

        def added() -> list[Any]:
            pairs = zip(vectors, pointers, strict=True)
            return [self.builder.fadd(self.builder.load(pointer), vector) for vector, pointer in pairs]

        return self.replaced_if(chained, vectors, added)

    def replaced_if(self, condition: Any, vectors: list[Any], emit: Callable[[], list[Any]]) -> list[Any]:
        """Return what ``emit`` emits if the condition holds, else ``vectors``."""
        builder = self.builder
        before = builder.block
        replacing, done = builder.append_basic_block("replace"), builder.append_basic_block("done")
        builder.cbranch(condition, replacing, done)
        builder.position_at_end(replacing)
        others = emit()
        builder.branch(done)
        builder.position_at_end(done)
        chosen = []
        for vector, other in zip(vectors, others, strict=True):
            phi = builder.phi(self.vector)
            phi.add_incoming(vector, before)
            phi.add_incoming(other, replacing)
            chosen.append(phi)
        return chosen

    def unsigned(self, total: Any) -> Any:
        """Return a sum with +0 in place of -0 (see `sparse`)."""
        return self.builder.fadd(total, ir.Constant(self.vector, [0.0] * self.vector.count))

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        # fmuladd instead of fma: on processors without the instruction, fma is a library call for every element.
        name = f"llvm.fmuladd.v{self.vector.count}f{self.align * 8}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [x, y, total])

    def add_products(self, xs: Iterable[Any], ys: list[Any], totals: list[Any]) -> list[Any]:
        """Return the totals plus the product of each x and each y, for one x after another."""
        before = iter(totals)
        return [self.multiply_add(x, y, next(before)) for x in xs for y in ys]


def register_tile(dtype: Any, rows: int, vectors: int, lanes: int, copies: bool = False) -> Callable[..., None]:
    """Return ``tile(k, a, a_row, a_col, b, b_row, copy, valid, out, out_row, begun)``, which computes a tile of A @ B.

    The tile is written to ``out``, or added to the sums of earlier chains there if ``begun`` is not 0. ``a``, ``b`` and
    ``copy`` are addresses, strides are in elements, and a row of B is contiguous. Only the first ``valid`` rows of A
    are read; if the tile has more rows, its other rows repeat the last valid one. The cache lines of ``out`` are
    prefetched, because a tile of a large result is in no cache.

    With ``copies`` the rows of B are also written to ``copy``, one after another, and the columns after them are
    prefetched, because they belong to the next panel. Otherwise the next rows of a packed B are prefetched.
    """
    word = types.int64
    width = vectors * lanes
    kind = types.void(*[word] * 8, types.CPointer(dtype), word, word)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        k, a, a_row, a_col, b, b_row, copy, valid, out, out_row, begun = values
        emit = Emitter(context, builder, dtype, lanes)
        a_rows = emit.strided_pointers(a, a_row, rows, valid)
        columns = [_WORD(lanes * vector) for vector in range(vectors)]
        packed = builder.icmp_signed("==", b_row, _WORD(width))
        ahead = _WORD(width) if copies else builder.select(packed, _WORD(_AHEAD * width), _WORD(0))

        def step(now: Any, moving: list[Any], sums: list[Any]) -> tuple[list[Any], list[Any]]:
            a_at, b_at, *copy_at = moving
            b_now = [emit.load(b_at, column) for column in columns]
            for line in range(0, width, LINE // emit.align):
                emit.prefetch(builder.gep(b_at, [builder.add(ahead, _WORD(line))]))
            for target in copy_at:
                for vector, column in zip(b_now, columns, strict=True):
                    emit.store(vector, target, column)
            elements = (emit.broadcast(a_rows[row], a_at) for row in range(rows))
            added = emit.add_products(elements, b_now, sums)
            copied = [builder.gep(target, [_WORD(width)]) for target in copy_at]
            return [builder.add(a_at, a_col), builder.gep(b_at, [b_row]), *copied], added

        def places() -> Iterator[Any]:
            for row in range(rows):
                for column in columns:
                    yield builder.add(builder.mul(out_row, _WORD(row)), column)

        with builder.if_then(builder.icmp_signed(">=", k, _WORD(CHAIN))):  # a shorter tile is done before they arrive
            for place in places():
                emit.prefetch(builder.gep(out, [place]), writes=True)
        summed = emit.accumulate(
            k,
            1,
            [_WORD(0), emit.pointer(b), *[emit.pointer(copy)] * copies],
            rows * vectors,
            step,
            builder.icmp_signed("!=", begun, _WORD(0)),
            lambda: [emit.load(out, place) for place in places()],
        )
        for total, place in zip(emit.totals(*summed), places(), strict=True):
            emit.store(emit.unsigned(total), out, place)
        return context.get_dummy_value()

    @intrinsic
    def tile(typingctx, k, a, a_row, a_col, b, b_row, copy, valid, out, out_row, begun):
        return kind, codegen

    return tile  # type: ignore[no-any-return]


def copy_vector(dtype: Any, lanes: int) -> Callable[..., None]:
    """Return ``copy(target, at, source, start)``, which copies a vector from ``source[start]`` to ``target[at]``."""
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
    """Return ``transpose(target, target_row, source, source_row)``, which transposes ``lanes`` × ``lanes`` elements.

    Rows are contiguous in both. Each of log2(lanes) passes interleaves the first half of the rows with the second half
    (a perfect shuffle).
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

"""Lanes: the accumulators of a reduction, combined by vector instructions.

These functions emit LLVM code, because a loop in Python over few lanes would be unrolled, which compiles slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

AT_ONCE = 16
"""The number of rows that are combined pairwise before they are accumulated."""


def lanes_of(dtype: str) -> int:
    """Return the number of lanes for a dtype."""
    return 8 if np.dtype(dtype).itemsize == 8 else 16


def _in_pairs(builder: Any, values: list[Any], both: Callable[[Any, Any], Any], present: Any = None) -> Any:
    """Emit a pairwise reduction of LLVM values; if ``present`` is given, only the first ``present`` values count."""
    values = list(values)
    step = 1
    while step < len(values):
        for a in range(0, len(values) - step, 2 * step):
            joined = both(values[a], values[a + step])
            if present is not None:
                counts = builder.icmp_signed("<", present.type(a + step), present)
                joined = builder.select(counts, joined, values[a])
            values[a] = joined
        step *= 2
    return values[0]


def _direct(context: Any, builder: Any, function: Any, arguments: tuple[Any, ...]) -> Any:
    """Return an LLVM function that calls a jitted one, which never raises, and returns its value alone.

    Numba tests a status after every call. In a fold with some fifty calls that takes more compile time than the rest.
    """
    compiled = function.dispatcher.overloads[arguments]
    name = f"direct.{compiled.fndesc.llvm_func_name}"
    direct = builder.module.globals.get(name)
    if direct is None:
        context.active_code_library.add_linking_library(compiled.library)
        result = compiled.signature.return_type
        kind = ir.FunctionType(context.get_value_type(result), [context.get_value_type(each) for each in arguments])
        direct = ir.Function(builder.module, kind, name)
        direct.linkage = "internal"
        direct.attributes.add("alwaysinline")
        body = ir.IRBuilder(direct.append_basic_block())
        target = context.declare_function(body.module, compiled.fndesc)
        _, value = context.call_conv.call_function(body, target, result, arguments, direct.args)
        body.ret(value)
    return direct


class _Rows:
    """Emit the pairwise reduction of the elements at ``first + j``, ``first + apart + j``, … without a branch.

    The calls are emitted as LLVM instructions, because type inference of the equivalent Python calls would take most of
    a kernel's compile time.
    """

    def __init__(self, typingctx: Any, at: Any, both: Any, most: Any, present: Any, given: Any, kept: Any) -> None:
        self._read = typingctx.resolve_function_type(at, (types.int64, *given.types), {})
        self.value = self._read.return_type
        self.join = typingctx.resolve_function_type(both, (self.value, self.value), {})
        self._functions = at, both
        self._count = most.literal_value
        self._all, self.keeps = present == types.none, kept != types.none

    def both(self, context: Any, builder: Any) -> Any:
        """Return the LLVM function that combines two elements."""
        return _direct(context, builder, self._functions[1], self.join.args)

    def emit(
        self, context: Any, builder: Any, limit: Any, first: Any, j: Any, apart: Any, given: Any, kept: Any
    ) -> Any:
        """Emit the reduction; the arguments are those of `folded_rows` as LLVM values."""
        element, joined = _direct(context, builder, self._functions[0], self._read.args), self.both(context, builder)
        limit = None if self._all else limit
        indices = []
        for k in range(self._count):
            here = builder.add(first, builder.mul(apart, apart.type(k)))
            if limit is not None:
                here = builder.select(builder.icmp_signed("<", limit.type(k), limit), here, builder.sub(first, apart))
            indices.append(builder.add(here, j))
        arguments = cgutils.unpack_tuple(builder, given)
        found = [builder.call(element, [here, *arguments]) for here in indices]
        if self.keeps:
            for here, value in zip(indices, found, strict=True):
                builder.store(value, builder.gep(kept, [here]))
        return _in_pairs(builder, found, lambda a, b: builder.call(joined, [a, b]), limit)


@intrinsic(prefer_literal=True)
def folded_rows(
    typingctx: Any, at: Any, both: Any, most: Any, present: Any, first: Any, j: Any, apart: Any, given: Any, kept: Any
) -> Any:
    """Reduce the elements at ``first + j``, ``first + apart + j``, … pairwise and without a branch.

    Args:
        typingctx: Numba's typing context.
        at: a jitted function; ``at(i, *given)`` reads the element at index ``i``.
        both: a jitted function that combines two elements.
        most: the number of elements (a constant).
        present: the number of elements that exist, or None for all. Instead of a missing element, the one at
            ``first - apart + j`` is read and ignored.
        first: the index of the first element for lane 0.
        j: the lane. It is added last, so that LLVM recognizes that a loop over it reads contiguous memory.
        apart: the distance between elements.
        given: further arguments of ``at``.
        kept: None, or a pointer to which the elements are written. They are written after all have been read;
            otherwise the loop would not be vectorized.
    """
    rows = _Rows(typingctx, at, both, most, present, given, kept)
    limit = present if present == types.none else types.int64

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return rows.emit(context, builder, *values[3:])

    return rows.join.return_type(at, both, most, limit, *[types.int64] * 3, given, kept), codegen


@intrinsic(prefer_literal=True)
def accumulate(
    typingctx: Any,
    lanes: Any,
    count: Any,
    fresh: Any,
    skipped: Any,
    at: Any,
    both: Any,
    most: Any,
    present: Any,
    first: Any,
    apart: Any,
    given: Any,
    kept: Any,
) -> Any:
    """Combine ``count`` lanes (a constant) with some rows, as in `folded_rows`; each lane with its element of each row.

    Args:
        typingctx: Numba's typing context.
        lanes: a pointer to the lanes.
        count: the number of lanes.
        fresh: whether the lanes have no values yet.
        skipped: the number of lanes at the beginning that stay as they are, or None.
        at: as in `folded_rows`, like the arguments that follow.
        both: a jitted function.
        most: the number of rows.
        present: the number of rows that exist, or None.
        first: the index of the first element of the first row.
        apart: the distance between rows.
        given: further arguments of ``at``.
        kept: None, or a pointer.
    """
    rows = _Rows(typingctx, at, both, most, present, given, kept)
    limit = present if present == types.none else types.int64
    skip = skipped if skipped == types.none else types.int64
    size = count.literal_value

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lanes, _, fresh, skipped, _, _, _, limit, first, apart, given, kept = values
        fresh = context.cast(builder, fresh, signature.args[2], types.boolean)
        word = ir.IntType(64)
        end = word(size)
        if rows.keeps and size < 16:  # LLVM vectorizes a loop that tests whether arrays overlap only if it may be long
            end = builder.asm(ir.FunctionType(word, [word]), "", "=r,0", [end], False)
        target, skips = lanes, signature.args[3] != types.none
        if skips:  # LLVM would make a masked store of lanes that stay, which AVX2 on AMD's processors executes slowly
            with builder.goto_entry_block():
                buffer = builder.alloca(ir.ArrayType(lanes.type.pointee, size))
            buffer.align = 64
            target = builder.bitcast(buffer, lanes.type)
        with _loop(builder, end) as j:
            value = rows.emit(context, builder, limit, first, j, apart, given, kept)
            lane = builder.gep(lanes, [j])
            old = builder.load(lane)
            joined = builder.call(rows.both(context, builder), [old, value])
            new = builder.select(fresh, value, joined)
            if skips:
                new = builder.select(builder.icmp_signed("<", j, skipped), old, new)
            builder.store(new, builder.gep(target, [j]))
        if skips:
            vector = ir.VectorType(lanes.type.pointee, size).as_pointer()
            align = signature.args[0].dtype.bitwidth // 8
            whole = builder.load(builder.bitcast(target, vector), align=align)
            builder.store(whole, builder.bitcast(lanes, vector), align=align)
        return context.get_dummy_value()

    kinds = lanes, count, types.boolean, skip, at, both, most, limit, types.int64, types.int64, given, kept
    return types.void(*kinds), codegen


@intrinsic(prefer_literal=True)
def folded_matrix(typingctx: Any, both: Any, rows: Any, spare: Any, totals: Any, count: Any, lanes: Any) -> Any:
    """Reduce each row of a matrix pairwise to one value.

    Neighbours are combined until one value of each row is left. This takes half of the shuffles of a transposition.

    Args:
        typingctx: Numba's typing context.
        both: a jitted function.
        rows: a pointer to the rows, which are overwritten.
        spare: a pointer to memory for half of the matrix.
        totals: a pointer that receives the values.
        count: the number of rows (a constant).
        lanes: the length of a row, a power of 2 (a constant).
    """
    join = typingctx.resolve_function_type(both, (rows.dtype, rows.dtype), {})

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        joined, word = _direct(context, builder, both, join.args), ir.IntType(64)
        _, source, target, last, *_ = values
        size = lanes.literal_value
        while size > 1:
            size //= 2
            target = last if size == 1 else target
            with _loop(builder, word(count.literal_value * size), then_unrolled=True) as j:
                left = builder.shl(j, word(1), flags=["nsw", "nuw"])
                pair = [builder.load(builder.gep(source, [at])) for at in (left, builder.or_(left, word(1)))]
                builder.store(builder.call(joined, pair), builder.gep(target, [j]))
            source, target = target, source
        return context.get_dummy_value()

    return types.void(both, rows, spare, totals, count, lanes), codegen


@contextmanager
def _loop(builder: Any, end: Any, then_unrolled: bool = False) -> Iterator[Any]:
    """Emit a loop around the body of a ``with`` block, with metadata that forbids to unroll it. Yield the index.

    LLVM would unroll a loop over few elements before it could be vectorized. With ``then_unrolled`` it unrolls the
    vectorized loop, so that what one loop writes and the next one reads stays in registers.
    """
    before, loop, after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("done")
    builder.branch(loop)
    builder.position_at_end(loop)
    j = builder.phi(end.type)
    j.add_incoming(end.type(0), before)
    yield j
    following = builder.add(j, end.type(1), flags=["nsw", "nuw"])
    j.add_incoming(following, builder.block)
    again = builder.cbranch(builder.icmp_signed("<", following, end), loop, after)
    again.set_metadata("llvm.loop", _not_unrolled(builder.module, then_unrolled))
    builder.position_at_end(after)


def _not_unrolled(module: Any, then_unrolled: bool) -> Any:
    """Return the metadata of a loop that LLVM must not unroll. By its first operand it is different for each loop."""
    node = module.add_metadata([ir.MetaDataString(module, f"loop {len(module.metadata)}")])
    properties = [module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])]
    if then_unrolled:
        after = [
            module.add_metadata([ir.MetaDataString(module, "llvm.loop.isvectorized"), ir.IntType(32)(1)]),
            module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.full")]),
        ]
        name = ir.MetaDataString(module, "llvm.loop.vectorize.followup_vectorized")
        properties.append(module.add_metadata([name, *after]))
    node.operands = (node, *properties)
    return node


@intrinsic(prefer_literal=True)
def folded_lanes(typingctx: Any, both: Any, lanes: Any, count: Any) -> Any:
    """Read ``count`` (a constant) elements at a pointer as one vector, and reduce them pairwise.

    Scalar loads would stall, because the processor cannot forward a vector store to them.
    """
    kind = lanes.dtype
    join = typingctx.resolve_function_type(both, (kind, kind), {})

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = ir.VectorType(context.get_data_type(kind), count.literal_value)
        loaded = builder.load(builder.bitcast(values[1], vector.as_pointer()), align=kind.bitwidth // 8)
        parts = [builder.extract_element(loaded, ir.IntType(32)(k)) for k in range(vector.count)]
        joined = _direct(context, builder, both, join.args)
        return _in_pairs(builder, parts, lambda a, b: builder.call(joined, [a, b]))

    return join.return_type(both, lanes, count), codegen


@intrinsic(prefer_literal=True)
def copy_lanes(typingctx: Any, lanes: Any, target: Any, row: Any, count: Any) -> Any:
    """Copy ``count`` (a constant) elements, as one vector, to a row of a matrix with as many columns."""
    kind = lanes.dtype

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = ir.VectorType(context.get_data_type(kind), count.literal_value).as_pointer()
        align = kind.bitwidth // 8
        loaded = builder.load(builder.bitcast(values[0], vector), align=align)
        builder.store(loaded, builder.gep(builder.bitcast(values[1], vector), [values[2]]), align=align)
        return context.get_dummy_value()

    return types.void(lanes, target, types.int64, count), codegen

"""Reduce a dense run of elements to one value: the inner loop of every reduction.

The elements are distributed over lanes: 8 lanes for elements of eight bytes, else 16. One row of lanes is a vector, so
memory is read in order. The last elements, which do not fill a row, go to the last lanes. Within a lane, up to sixteen
elements are combined pairwise before the result is combined with the lane's accumulator. So an accumulator is read and
written once per sixteen elements, and the error of a sum is bounded as in NumPy's pairwise summation. Finally the lanes
are combined pairwise. The order depends only on the number of elements and the dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import indent
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import build, storage
from tensorlab.kernels.runtime.memory import pointer, scratch

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

    LLVM would unroll a loop over few lanes before it could be vectorized. So the loop is emitted here, with metadata
    that forbids that.

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
        before, loop, after = builder.block, builder.append_basic_block("lanes"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        j = builder.phi(word)
        j.add_incoming(word(0), before)
        value = rows.emit(context, builder, limit, first, j, apart, given, kept)
        lane = builder.gep(lanes, [j])
        old = builder.load(lane)
        joined = builder.call(rows.both(context, builder), [old, value])
        new = builder.select(fresh, value, joined)
        if signature.args[3] != types.none:
            new = builder.select(builder.icmp_signed("<", j, skipped), old, new)
        builder.store(new, lane)
        following = builder.add(j, word(1), flags=["nsw", "nuw"])
        j.add_incoming(following, builder.block)
        again = builder.cbranch(builder.icmp_signed("<", following, end), loop, after)
        again.set_metadata("llvm.loop", _not_unrolled(builder.module))
        builder.position_at_end(after)
        return context.get_dummy_value()

    kinds = lanes, count, types.boolean, skip, at, both, most, limit, types.int64, types.int64, given, kept
    return types.void(*kinds), codegen


def _not_unrolled(module: Any) -> Any:
    """Return the metadata of a loop that LLVM must not unroll. By its first operand it is different for each loop."""
    node = module.add_metadata([ir.MetaDataString(module, f"loop {len(module.metadata)}")])
    node.operands = (node, module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")]))
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


def fold_source(name: str, inputs: int, extras: int, keep: bool, dtype: str, to_lanes: bool = False) -> str:
    """Generate the source of the reduction ``name(count, *input addresses, *extras[, kept address])``.

    The function calls ``{name}_element(*inputs, *extras)`` for every element and combines the values with
    ``{name}_combine``. With ``keep`` it also stores the value of every element. It computes in ``dtype``. With
    ``to_lanes`` it is ``name(count, runs, apart, *input addresses, target)``, which writes the lanes of several runs,
    ``apart`` bytes from each other, to the rows of a matrix, instead of combining them. If a run is shorter than a row,
    the remaining lanes contain what follows the run in memory.

    The source contains few calls, because Numba takes longer to infer the types of calls than LLVM to compile them.
    """
    lanes = lanes_of(dtype)
    pointers = [f"x{k}" for k in range(inputs)]
    constants = [f"e{k}" for k in range(extras)]
    given = ", ".join([*pointers, *constants])
    parameters = ", ".join([*(f"{p}_address" for p in pointers), *constants, *["kept_address"] * keep])
    opening = "; ".join([f"{p} = pointer({p}_address, {p}_type)" for p in pointers])
    opening += "; kept = pointer(kept_address, compute)" * keep
    arguments = ", ".join([f"{p}_read({p}[i])" for p in pointers] + constants)

    def at(index: str) -> str:
        return f"{name}_at({index}, {given})"

    def join(rows: int, *, fresh: str = "False", left: str = "None", first: str = "i", skipped: str = "None") -> str:
        """Generate the statement that combines the lanes with some rows."""
        read, source = (f"{name}_kept", "kept") if keep and first != "i" else (f"{name}_at", given)
        target = "kept" if keep and first == "i" else None
        return (
            f"accumulate(lanes, {lanes}, {fresh}, {skipped}, {read}, {name}_both, {rows}, {left}, {first}, {lanes}, "
            f"({source},), {target})"
        )

    keep_one = "kept[i] = value" if keep else ""
    keep_rest = f"for j in range(rest, count): kept[j] = {at('j')}" if keep else ""
    # Numbers of rows and indices, which are the same for all runs of a length. The remaining rows are fewer than half
    # of `AT_ONCE`; a missing one is replaced by the row before it, whose values are ignored. The last elements, which
    # do not fill a row, are read with the last `lanes` elements of the run, of which the earlier ones are skipped.
    sizes = f"""
whole = count - count % {lanes * AT_ONCE}
half = max(whole, {lanes})
rest = half + {lanes * AT_ONCE // 2} if half + {lanes * AT_ONCE // 2} <= count else half
left = (count - rest) // {lanes}
skipped = {lanes} - (count - rest) % {lanes}
"""
    body = f"""
lanes = scratch({lanes}, compute)
i = 0
if whole == 0:
    {join(1, fresh="True")}
while i < whole:
    {join(AT_ONCE, fresh="i == 0")}
    i += {lanes * AT_ONCE}
if rest > half:
    i = half
    {join(AT_ONCE // 2)}
if rest < count:
    {keep_rest}
    if left >= {AT_ONCE // 4}:
        {join(AT_ONCE // 2 - 1, left="left", first="rest")}
    elif left > 0:
        {join(AT_ONCE // 4 - 1, left="left", first="rest")}
    if skipped < {lanes}:
        {join(1, first=f"count - {lanes}", skipped="skipped")}
"""
    shared = f"""
@jit
def {name}_at(i, {given}):
    return computed({name}_element({arguments}))


@jit
def {name}_both(a, b):
    return computed({name}_combine(a, b))


@jit
def {name}_kept(i, kept):
    return kept[i]
"""
    if to_lanes:
        return f"""{shared}

@jit
def {name}(count, runs, apart, {parameters}, target):
{indent(sizes, " " * 4)}
    for run in range(runs):
        {"; ".join([f"{p} = pointer({p}_address + run * apart, {p}_type)" for p in pointers])}
{indent(body, " " * 8)}
        copy_lanes(lanes, target, run, {lanes})
"""
    return f"""{shared}

@jit
def {name}_few(count, {parameters}):
    {opening}
    i = 0
    total = value = {at("0")}
    {keep_one}
    for i in range(1, count):
        value = {at("i")}
        {keep_one}
        total = {name}_both(total, value)
    return total


@jit
def {name}(count, {parameters}):
    if count < {lanes}:
        return {name}_few(count, {parameters})
    {opening}
{indent(sizes + body, " " * 4)}
    return folded_lanes({name}_both, lanes, {lanes})
"""


def fold_namespace(
    name: str, element: Callable[..., Any], combine: Callable[..., Any], compute: str, inputs: Sequence[str]
) -> dict[str, Any]:
    """Return the namespace that the source from `fold_source` needs.

    Args:
        name: the name of the generated function.
        element: the lifted function of an element.
        combine: the lifted function that combines two values.
        compute: the dtype of the computation.
        inputs: the dtype of each input.
    """
    return {
        "compute": storage(compute),
        "computed": convert(None, compute),
        **{f"x{k}_type": storage(dtype) for k, dtype in enumerate(inputs)},
        **{f"x{k}_read": convert(dtype, compute) for k, dtype in enumerate(inputs)},
        "jit": jit,
        "pointer": pointer,
        "accumulate": accumulate,
        "scratch": scratch,
        "folded_lanes": folded_lanes,
        "copy_lanes": copy_lanes,
        f"{name}_element": element,
        f"{name}_combine": combine,
    }


class Fold(NamedTuple):
    """The reduction of a dense run of one array."""

    run: Callable[..., Any]
    """``run(count, address)``, or with ``to_lanes`` ``run(count, runs, apart, address, target)``; see `fold_source`."""
    at: Callable[..., Any]
    """``at(i, pointer)`` reads element ``i``."""
    both: Callable[..., Any]
    """``both(a, b)`` combines two values."""
    compute: Any
    """The Numba type of the values."""
    input: Any
    """The Numba type of the elements in memory."""
    size: int
    """The size of an element in bytes."""


def fold_of(
    element: Callable[..., Any],
    combine: Callable[..., Any],
    compute: str,
    input: str,
    name: str,
    to_lanes: bool = False,
) -> Fold:
    """Return the reduction of a dense run.

    Args:
        element: the lifted function of an element.
        combine: the lifted function that combines two values.
        compute: the dtype of the computation.
        input: the dtype of the array.
        name: the name of the kernel in tracebacks.
        to_lanes: as in `fold_source`.
    """
    source = fold_source("fold", 1, 0, keep=False, dtype=compute, to_lanes=to_lanes)
    built = build(source, fold_namespace("fold", element, combine, compute, [input]), name)
    size = np.dtype(input).itemsize
    return Fold(built["fold"], built["fold_at"], built["fold_both"], storage(compute), storage(input), size)

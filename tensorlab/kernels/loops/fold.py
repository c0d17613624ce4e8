"""Reduce a dense run of elements to one value: the inner loop of every reduction.

The elements are distributed over lanes: 8 lanes for elements of eight bytes, else 16. One row of lanes is a vector, so
memory is read in order. The last elements, which do not fill a row, go to the last lanes. Within a lane, up to sixteen
elements are combined pairwise before the result is combined with the lane's accumulator. So an accumulator is read and
written once per sixteen elements, and the error of a sum is bounded as in NumPy's pairwise summation. Finally the lanes
are combined pairwise. The order depends only on the number of elements and the dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


@intrinsic(prefer_literal=True)
def folded_rows(
    typingctx: Any, at: Any, both: Any, most: Any, present: Any, first: Any, j: Any, apart: Any, given: Any, kept: Any
) -> Any:
    """Reduce the elements at ``first + j``, ``first + apart + j``, … pairwise and without a branch.

    The calls are emitted as LLVM instructions, because type inference of the equivalent Python calls would take most of
    a kernel's compile time.

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
    count = most.literal_value
    read = typingctx.resolve_function_type(at, (types.int64, *given.types), {})
    join = typingctx.resolve_function_type(both, (read.return_type, read.return_type), {})
    limit = present if present == types.none else types.int64

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, _, _, limit, first, j, apart, given, kept = values
        element, joined = (_direct(context, builder, each, kinds.args) for each, kinds in ((at, read), (both, join)))
        limit = None if present == types.none else limit
        indices = []
        for k in range(count):
            here = builder.add(first, builder.mul(apart, apart.type(k)))
            if limit is not None:
                here = builder.select(builder.icmp_signed("<", limit.type(k), limit), here, builder.sub(first, apart))
            indices.append(builder.add(here, j))
        arguments = cgutils.unpack_tuple(builder, given)
        found = [builder.call(element, [here, *arguments]) for here in indices]
        if signature.args[-1] != types.none:
            for here, value in zip(indices, found, strict=True):
                builder.store(value, builder.gep(kept, [here]))
        return _in_pairs(builder, found, lambda a, b: builder.call(joined, [a, b]), limit)

    return join.return_type(at, both, most, limit, *[types.int64] * 3, given, kept), codegen


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


@intrinsic
def select(typingctx: Any, condition: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` or ``no``, both of which are evaluated; a branch would prevent vectorization."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        truth = context.cast(builder, values[0], condition, types.boolean)
        return builder.select(truth, values[1], values[2])

    return yes(condition, yes, yes), codegen


@intrinsic
def opaque(typingctx: Any, number: Any) -> Any:
    """Hide a constant from LLVM, which would otherwise unroll a short loop before it is vectorized."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.IntType(64)
        return builder.asm(ir.FunctionType(kind, [kind]), "", "=r,0", values, False)

    return types.int64(types.int64), codegen


def fold_source(name: str, inputs: int, extras: int, keep: bool, dtype: str) -> str:
    """Generate the source of the reduction ``name(count, *input addresses, *extras[, kept address])``.

    The function calls ``{name}_element(*inputs, *extras)`` for every element and combines the values with
    ``{name}_combine``. With ``keep`` it also stores the value of every element. It computes in ``dtype``.

    The source contains few calls, because Numba takes longer to infer the types of calls than LLVM to compile them.
    """
    lanes = lanes_of(dtype)
    lane_count = f"opaque({lanes})" if lanes < 16 else lanes
    pointers = [f"x{k}" for k in range(inputs)]
    constants = [f"e{k}" for k in range(extras)]
    given = ", ".join([*pointers, *constants])
    parameters = ", ".join([*(f"{p}_address" for p in pointers), *constants, *["kept_address"] * keep])
    opening = "; ".join([f"{p} = pointer({p}_address, {p}_type)" for p in pointers])
    opening += "; kept = pointer(kept_address, compute)" * keep
    arguments = ", ".join([f"{p}_read({p}[i])" for p in pointers] + constants)

    def at(index: str) -> str:
        return f"{name}_at({index}, {given})"

    def rows(count: int) -> str:
        """Generate the value of ``count`` rows in a lane."""
        return (
            f"folded_rows({name}_at, {name}_both, {count}, None, i, j, {lanes}, ({given},), {'kept' if keep else None})"
        )

    def join(count: int) -> str:
        """Generate the loop over the lanes that accumulates ``count`` rows."""
        return f"for j in range({lane_count}):\n            lanes[j] = {name}_both(lanes[j], {rows(count)})"

    def rest() -> str:
        """Generate the branch-free loop over the lanes for the remaining rows, fewer than half of ``AT_ONCE``.

        A shorter loop or one with branches would not be vectorized. So a missing row is replaced by the row before it,
        whose values are ignored. The last elements, which do not fill a row, are read with the last ``lanes`` elements
        of the run, of which the earlier ones are ignored.
        """
        read, source = (f"{name}_kept", "kept") if keep else (f"{name}_at", given)
        value = f"folded_rows({read}, {name}_both, {AT_ONCE // 2 - 1}, left, i, j, {lanes}, ({source},), None)"
        before = [f"for j in range(i, count): kept[j] = {at('j')}"] * keep
        lines = [
            *before,
            f"left = (count - i) // {lanes}",
            f"missing = {lanes} - (count - i) % {lanes}",
            f"for j in range({lane_count}):",
            f"    total = select(0 < left, {name}_both(lanes[j], {value}), lanes[j])",
            f"    v = {read}(count - {lanes} + j, {source})",
            f"    lanes[j] = select(j >= missing, {name}_both(total, v), total)",
        ]
        return "if i < count:" + "".join(f"\n        {line}" for line in lines)

    keep_one = "kept[i] = value" if keep else ""
    return f"""
@jit
def {name}_at(i, {given}):
    return computed({name}_element({arguments}))


@jit
def {name}_both(a, b):
    return computed({name}_combine(a, b))


@jit
def {name}_kept(i, kept):
    return kept[i]


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
    if count < {2 * lanes}:
        return {name}_few(count, {parameters})
    {opening}
    lanes = scratch({lanes}, compute)
    i = 0
    if count < {AT_ONCE * lanes}:
        for j in range({lanes}):
            lanes[j] = {rows(1)}
        i = {lanes}
    else:
        for j in range({lanes}):
            lanes[j] = compute(0)  # which is not selected below
    while i + {lanes * AT_ONCE} <= count:
        for j in range({lane_count}):
            value = {rows(AT_ONCE)}
            lanes[j] = select(i == 0, value, {name}_both(lanes[j], value))
        i += {lanes * AT_ONCE}
    if i + {lanes * AT_ONCE // 2} <= count:
        {join(AT_ONCE // 2)}
        i += {lanes * AT_ONCE // 2}
    {rest()}
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
        "opaque": opaque,
        "pointer": pointer,
        "folded_rows": folded_rows,
        "select": select,
        "scratch": scratch,
        "folded_lanes": folded_lanes,
        f"{name}_element": element,
        f"{name}_combine": combine,
    }


class Fold(NamedTuple):
    """The reduction of a dense run of one array."""

    run: Callable[..., Any]
    """``run(count, address)`` reduces a run."""
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


def fold_of(element: Callable[..., Any], combine: Callable[..., Any], compute: str, input: str, name: str) -> Fold:
    """Return the reduction of a dense run.

    Args:
        element: the lifted function of an element.
        combine: the lifted function that combines two values.
        compute: the dtype of the computation.
        input: the dtype of the array.
        name: the name of the kernel in tracebacks.
    """
    source = fold_source("fold", 1, 0, keep=False, dtype=compute)
    built = build(source, fold_namespace("fold", element, combine, compute, [input]), name)
    size = np.dtype(input).itemsize
    return Fold(built["fold"], built["fold_at"], built["fold_both"], storage(compute), storage(input), size)

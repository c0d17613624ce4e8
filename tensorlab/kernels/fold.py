"""Folding the elements of a dense run into one value: the inner loop of every reduction.

The elements are dealt to lanes, 16 or, of eight bytes each, 8, so that a row of lanes is a vector and memory is read in
order; the last elements, which fill no row, go to the last lanes. Elements of a lane are folded in pairs, sixteen of
them at a time, before they join it: so a lane is read and written once for sixteen elements, and the error of a sum is
bounded as that of NumPy's pairwise summation is. In the end the lanes are folded in pairs. The order depends on the
count and the dtype alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.memory import pointer, scratch

AT_ONCE = 16


def lanes_of(dtype: str) -> int:
    """How many lanes elements of a dtype have."""
    return 8 if np.dtype(dtype).itemsize == 8 else 16


@intrinsic(prefer_literal=True)
def elements(typingctx: Any, place: Any, count: Any) -> Any:
    """So many elements (a constant) at a pointer, read as one vector.

    One by one they would have to wait until the vectors that were just written there have left the processor.
    """
    kind = types.UniTuple(place.dtype, count.literal_value)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        element = context.get_data_type(place.dtype)
        vector = ir.VectorType(element, kind.count)
        loaded = builder.load(builder.bitcast(values[0], vector.as_pointer()), align=place.dtype.bitwidth // 8)
        parts = [builder.extract_element(loaded, ir.IntType(32)(k)) for k in range(kind.count)]
        return context.make_tuple(builder, kind, parts)

    return kind(place, count), codegen


@intrinsic
def select(typingctx: Any, condition: Any, yes: Any, no: Any) -> Any:
    """One of two values that have both been computed: never a branch, which loops would not be vectorised for."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        truth = context.cast(builder, values[0], condition, types.boolean)
        return builder.select(truth, values[1], values[2])

    return yes(condition, yes, yes), codegen


@intrinsic
def opaque(typingctx: Any, number: Any) -> Any:
    """A number that the compiler does not know: it unrolls a short loop of so many turns only after vectorising it."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.IntType(64)
        return builder.asm(ir.FunctionType(kind, [kind]), "", "=r,0", values, False)

    return types.int64(types.int64), codegen


def pairwise(combine: str, values: list[str]) -> str:
    """The text of a call of ``combine`` that folds values in pairs."""
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=True)
        values = [f"compute({combine}({first}, {second}))" for first, second in pairs]
    return values[0]


def fold_source(name: str, inputs: int, extras: int, keep: bool, dtype: str) -> str:
    """The text of ``name(count, *input addresses, *extras[, kept address])``.

    It calls ``{name}_element(*inputs, *extras)`` for every element, folds with ``{name}_combine``, and with ``keep``
    stores the value of every element. Everything is computed in ``dtype``.
    """
    lanes = lanes_of(dtype)
    turns = f"opaque({lanes})" if lanes < 16 else lanes
    pointers = [f"x{k}" for k in range(inputs)]
    parameters = [f"x{k}_address" for k in range(inputs)] + [f"e{k}" for k in range(extras)] + ["kept_address"] * keep
    combine = f"{name}_combine"

    def value(index: str) -> str:
        arguments = [f"compute({pointer}[{index}])" for pointer in pointers] + [f"e{k}" for k in range(extras)]
        return f"compute({name}_element({', '.join(arguments)}))"

    def join(rows: int, indent: str, first: bool = False) -> str:
        """A loop over the lanes, in which each takes, or first becomes, the elements of so many rows."""
        places = [f"i + {lanes * row} + j" if row else "i + j" for row in range(rows)]
        lines = [f"v{k} = {value(place)}" for k, place in enumerate(places)]
        lines += [f"kept[{place}] = v{k}" for k, place in enumerate(places)] * keep
        folded = pairwise(combine, [f"v{k}" for k in range(rows)])
        lines.append(f"lanes[j] = {folded if first else f'compute({combine}(lanes[j], {folded}))'}")
        return f"for j in range({turns if rows > 1 else lanes}):" + "".join(f"\n{indent}    {line}" for line in lines)

    def rest() -> str:
        """What is left for less than half of ``AT_ONCE`` rows, in one loop over the lanes without a branch.

        Loops that are shorter, or that branch, would not be vectorised. So a row that is not there is read where the
        row before is, and then not folded; elements that fill no row are the end of a row that ends with them.
        """
        read = "compute(kept[{}])".format if keep else value
        rows = range(AT_ONCE // 2 - 1)
        lines = [f"v{k} = {read(f'p{k} + j')}" for k in rows]
        for step in (1 << level for level in range(len(rows).bit_length())):
            pairs = [(first, first + step) for first in rows[:: 2 * step] if first + step < len(rows)]
            lines += [f"v{a} = select({b} < rows, compute({combine}(v{a}, v{b})), v{a})" for a, b in pairs]
        lines += [
            f"total = select(0 < rows, compute({combine}(lanes[j], v0)), lanes[j])",
            f"v = {read(f'count - {lanes} + j')}",
            f"lanes[j] = select(j >= missing, compute({combine}(total, v)), total)",
        ]
        before = [f"for j in range(i, count):\n            kept[j] = {value('j')}"] * keep
        before += [f"rows = (count - i) // {lanes}", f"missing = {lanes} - (count - i) % {lanes}"]
        before += [f"p{k} = i + {lanes * k} if {k} < rows else i - {lanes}" for k in rows]
        loop = f"for j in range({turns}):" + "".join(f"\n            {line}" for line in lines)
        return "if i < count:" + "".join(f"\n        {line}" for line in [*before, loop])

    keep_one = "kept[i + j] = value" if keep else ""
    openings = [f"{p} = pointer({p}_address, {p}_type)" for p in pointers]
    openings += ["kept = pointer(kept_address, compute)"] * keep
    return f"""
@jit
def {name}_few(count, {", ".join(parameters)}):
    {chr(10).join("    " + line for line in openings).strip()}
    i = j = 0
    value = {value("0")}
    {keep_one}
    total = value
    for j in range(1, count):
        value = {value("j")}
        {keep_one}
        total = compute({combine}(total, value))
    return total


@jit
def {name}(count, {", ".join(parameters)}):
    if count < {lanes}:
        return {name}_few(count, {", ".join(parameters)})
    {chr(10).join("    " + line for line in openings).strip()}
    lanes = scratch({lanes}, compute)
    i = 0
    if count >= {AT_ONCE * lanes}:
        {join(AT_ONCE, " " * 8, first=True)}
        i = {AT_ONCE * lanes}
    else:
        {join(1, " " * 8, first=True)}
        i = {lanes}
    while i + {lanes * AT_ONCE} <= count:
        {join(AT_ONCE, " " * 8)}
        i += {lanes * AT_ONCE}
    if i + {lanes * AT_ONCE // 2} <= count:
        {join(AT_ONCE // 2, " " * 8)}
        i += {lanes * AT_ONCE // 2}
    {rest()}
    {", ".join(f"v{k}" for k in range(lanes))} = elements(lanes, {lanes})
    return {pairwise(combine, [f"v{k}" for k in range(lanes)])}
"""


def fold_namespace(name: str, element: Callable[..., Any], combine: Callable[..., Any]) -> dict[str, Any]:
    """What `fold_source` refers to, beside ``compute`` and the types of the inputs."""
    return {
        "elements": elements,
        "jit": jit,
        "opaque": opaque,
        "pointer": pointer,
        "select": select,
        "scratch": scratch,
        f"{name}_element": element,
        f"{name}_combine": combine,
    }

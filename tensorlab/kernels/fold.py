"""Folding the elements of a dense run into one value: the inner loop of every reduction.

The elements are dealt to lanes, 16 or, of eight bytes each, 8, so that a row of lanes is a vector and memory is read in
order; the last elements, which fill no row, go to the last lanes. Elements of a lane are folded in pairs, sixteen of
them at a time, before they join it: so a lane is read and written once for sixteen elements, and the error of a sum is
bounded as that of NumPy's pairwise summation is. In the end the lanes are folded in pairs. The order depends on the
count and the dtype alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.convert import convert
from tensorlab.kernels.lift import storage
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


def pairwise(name: str, values: list[str]) -> str:
    """The text that folds values, a power of two of them, in pairs."""
    while len(values) > 1:
        several, function = (4, "four") if len(values) % 4 == 0 else (2, "both")
        groups = [values[first : first + several] for first in range(0, len(values), several)]
        values = [f"{name}_{function}({', '.join(group)})" for group in groups]
    return values[0]


def fold_source(name: str, inputs: int, extras: int, keep: bool, dtype: str) -> str:
    """The text of ``name(count, *input addresses, *extras[, kept address])``.

    It calls ``{name}_element(*inputs, *extras)`` for every element, folds with ``{name}_combine``, and with ``keep``
    stores the value of every element. Everything is computed in ``dtype``.

    What it needs again and again is in small functions, which cost Numba less than the same text over and over.
    """
    lanes = lanes_of(dtype)
    turns = f"opaque({lanes})" if lanes < 16 else lanes
    pointers = [f"x{k}" for k in range(inputs)]
    constants = [f"e{k}" for k in range(extras)]
    given = ", ".join([*pointers, *constants])
    parameters = ", ".join([*(f"{p}_address" for p in pointers), *constants, *["kept_address"] * keep])
    opening = "; ".join([f"{p} = pointer({p}_address, {p}_type)" for p in pointers])
    opening += "; kept = pointer(kept_address, compute)" * keep
    arguments = ", ".join([f"{p}_read({p}[i])" for p in pointers] + constants)

    def at(place: str) -> str:
        return f"{name}_at({place}, {given})"

    def join(rows: int, first: bool = False) -> str:
        """A loop over the lanes, in which each takes, or first becomes, the elements of so many rows."""
        places = [f"i + {lanes * row} + j" if row else "i + j" for row in range(rows)]
        lines = [f"v{k} = {at(place)}" for k, place in enumerate(places)]
        lines += [
            f"kept[{place}] = v{k}" for k, place in enumerate(places)
        ] * keep  # all read first: so it is vectorised
        folded = pairwise(name, [f"v{k}" for k in range(rows)])
        lines.append(f"lanes[j] = {folded if first else f'{name}_both(lanes[j], {folded})'}")
        return f"for j in range({turns if rows > 1 else lanes}):" + "".join(f"\n            {line}" for line in lines)

    def rest() -> str:
        """What is left for less than half of ``AT_ONCE`` rows, in one loop over the lanes without a branch.

        Loops that are shorter, or that branch, would not be vectorised. So a row that is not there is read where the
        row before is, and then not folded; elements that fill no row are the end of a row that ends with them.
        """
        read = "kept[{}]".format if keep else at
        rows = range(AT_ONCE // 2 - 1)
        lines = [f"v{k} = {read(f'p{k} + j')}" for k in rows]
        for step in (1 << level for level in range(len(rows).bit_length())):
            pairs = [(first, first + step) for first in rows[:: 2 * step] if first + step < len(rows)]
            lines += [f"v{a} = select({b} < rows, {name}_both(v{a}, v{b}), v{a})" for a, b in pairs]
        lines += [
            f"total = select(0 < rows, {name}_both(lanes[j], v0), lanes[j])",
            f"v = {read(f'count - {lanes} + j')}",
            f"lanes[j] = select(j >= missing, {name}_both(total, v), total)",
        ]
        before = [f"for j in range(i, count): kept[j] = {at('j')}"] * keep
        before += [f"rows = (count - i) // {lanes}", f"missing = {lanes} - (count - i) % {lanes}"]
        before += [f"p{k} = i + {lanes * k} if {k} < rows else i - {lanes}" for k in rows]
        loop = f"for j in range({turns}):" + "".join(f"\n            {line}" for line in lines)
        return "if i < count:" + "".join(f"\n        {line}" for line in [*before, loop])

    keep_one = "kept[i] = value" if keep else ""
    return f"""
@jit
def {name}_at(i, {given}):
    return computed({name}_element({arguments}))


@jit
def {name}_both(a, b):
    return computed({name}_combine(a, b))


@jit
def {name}_four(a, b, c, d):
    return {name}_both({name}_both(a, b), {name}_both(c, d))


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
    lanes = scratch({lanes}, compute)
    i = 0
    if count >= {AT_ONCE * lanes}:
        {join(AT_ONCE, first=True)}
        i = {AT_ONCE * lanes}
    else:
        {join(1, first=True)}
        i = {lanes}
    while i + {lanes * AT_ONCE} <= count:
        {join(AT_ONCE)}
        i += {lanes * AT_ONCE}
    if i + {lanes * AT_ONCE // 2} <= count:
        {join(AT_ONCE // 2)}
        i += {lanes * AT_ONCE // 2}
    {rest()}
    {", ".join(f"v{k}" for k in range(lanes))} = elements(lanes, {lanes})
    return {pairwise(name, [f"v{k}" for k in range(lanes)])}
"""


def fold_namespace(
    name: str, element: Callable[..., Any], combine: Callable[..., Any], compute: str, inputs: Sequence[str]
) -> dict[str, Any]:
    """What `fold_source` refers to.

    Args:
        name: what it calls the fold.
        element, combine: the lifted functions.
        compute: the dtype that it computes in.
        inputs: the dtype of each input.
    """
    return {
        "compute": storage(compute),
        "computed": convert(None, compute),
        **{f"x{k}_type": storage(dtype) for k, dtype in enumerate(inputs)},
        **{f"x{k}_read": convert(dtype, compute) for k, dtype in enumerate(inputs)},
        "elements": elements,
        "jit": jit,
        "opaque": opaque,
        "pointer": pointer,
        "select": select,
        "scratch": scratch,
        f"{name}_element": element,
        f"{name}_combine": combine,
    }

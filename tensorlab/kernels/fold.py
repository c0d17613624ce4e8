"""Folding the elements of a dense run into one value: the inner loop of every reduction.

Element ``i`` goes to lane ``i % 32``, so that the lanes are vectors and do not wait for each other. Elements of a lane
are folded in pairs, eight of them at a time, before they join it: so a lane is read and written once for eight
elements, and the error of a sum grows less than that of pairwise summation. In the end the lanes are folded in pairs.
The order depends on the count alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.memory import pointer, scratch

LANES = 16
AT_ONCE = 16


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


def pairwise(combine: str, values: list[str]) -> str:
    """The text of a call of ``combine`` that folds values in pairs."""
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=True)
        values = [f"compute({combine}({first}, {second}))" for first, second in pairs]
    return values[0]


def fold_source(name: str, inputs: int, extras: int, keep: bool) -> str:
    """The text of ``name(count, *input addresses, *extras[, kept address])``.

    It calls ``{name}_element(*inputs, *extras)`` for every element, folds with ``{name}_combine``, and with ``keep``
    stores the value of every element.
    """
    pointers = [f"x{k}" for k in range(inputs)]
    parameters = [f"x{k}_address" for k in range(inputs)] + [f"e{k}" for k in range(extras)] + ["kept_address"] * keep
    combine = f"{name}_combine"

    def value(index: str) -> str:
        arguments = [f"compute({pointer}[{index}])" for pointer in pointers] + [f"e{k}" for k in range(extras)]
        return f"compute({name}_element({', '.join(arguments)}))"

    def join(rows: int, indent: str, first: bool = False) -> str:
        """A loop over the lanes, in which each takes, or first becomes, the elements of so many rows."""
        places = [f"i + {LANES * row} + j" if row else "i + j" for row in range(rows)]
        lines = [f"v{k} = {value(place)}" for k, place in enumerate(places)]
        lines += [f"kept[{place}] = v{k}" for k, place in enumerate(places)] * keep
        folded = pairwise(combine, [f"v{k}" for k in range(rows)])
        lines.append(f"lanes[j] = {folded if first else f'compute({combine}(lanes[j], {folded}))'}")
        return f"for j in range({LANES}):" + "".join(f"\n{indent}    {line}" for line in lines)

    def rest(rows: int) -> str:
        return f"if i + {LANES * rows} <= count:\n        {join(rows, ' ' * 8)}\n        i += {LANES * rows}"

    def last(count: int) -> str:
        """So many elements, which fill no row, joining the total."""
        lines = [f"v{k} = {value(f'i + {k}')}" for k in range(count)]
        lines += [f"kept[i + {k}] = v{k}" for k in range(count)] * keep
        lines.append(f"total = compute({combine}(total, {pairwise(combine, [f'v{k}' for k in range(count)])}))")
        return f"if (count - i) & {count}:" + "".join(f"\n        {line}" for line in [*lines, f"i += {count}"])

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
    if count < {LANES}:
        return {name}_few(count, {", ".join(parameters)})
    {chr(10).join("    " + line for line in openings).strip()}
    lanes = scratch({LANES}, compute)
    i = 0
    if count >= {AT_ONCE * LANES}:
        {join(AT_ONCE, " " * 8, first=True)}
        i = {AT_ONCE * LANES}
    else:
        {join(1, " " * 8, first=True)}
        i = {LANES}
    while i + {LANES * AT_ONCE} <= count:
        {join(AT_ONCE, " " * 8)}
        i += {LANES * AT_ONCE}
    {rest(8)}
    {rest(4)}
    {rest(2)}
    {rest(1)}
    {", ".join(f"v{k}" for k in range(LANES))} = elements(lanes, {LANES})
    total = {pairwise(combine, [f"v{k}" for k in range(LANES)])}
    {last(8)}
    {last(4)}
    {last(2)}
    {last(1)}
    return total
"""


def fold_namespace(name: str, element: Callable[..., Any], combine: Callable[..., Any]) -> dict[str, Any]:
    """What `fold_source` refers to, beside ``compute`` and the types of the inputs."""
    return {
        "elements": elements,
        "jit": jit,
        "pointer": pointer,
        "scratch": scratch,
        f"{name}_element": element,
        f"{name}_combine": combine,
    }

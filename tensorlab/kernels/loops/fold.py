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

from tensorlab.kernels.loops.lanes import AT_ONCE, accumulate, copy_lanes, folded_lanes, lanes_of
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import build, storage
from tensorlab.kernels.runtime.memory import pointer, scratch


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

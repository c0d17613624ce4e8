"""Folding the elements of a dense run into one value: the inner loop of every reduction.

Element ``i`` goes to lane ``i % 64``, so that the lanes are vectors and do not wait for each other; the lanes are then
folded in pairs. The order depends on the count alone, and the error of a sum grows like that of pairwise summation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.memory import pointer, scratch

LANES = 64


def fold_source(name: str, inputs: int, extras: int, keep: bool) -> str:
    """The text of ``name(count, *input addresses, *extras[, kept address])``.

    It calls ``{name}_element(*inputs, *extras)`` for every element, folds with ``{name}_combine``, and with ``keep``
    stores the value of every element.
    """
    pointers = [f"x{k}" for k in range(inputs)]
    parameters = [f"x{k}_address" for k in range(inputs)] + [f"e{k}" for k in range(extras)] + ["kept_address"] * keep

    def value(index: str) -> str:
        arguments = [f"compute({pointer}[{index}])" for pointer in pointers] + [f"e{k}" for k in range(extras)]
        return f"compute({name}_element({', '.join(arguments)}))"

    store = "kept[i + j] = value" if keep else ""
    openings = [f"{p} = pointer({p}_address, {p}_type)" for p in pointers]
    openings += ["kept = pointer(kept_address, compute)"] * keep
    return f"""
@jit
def {name}(count, {", ".join(parameters)}):
    {chr(10).join("    " + line for line in openings).strip()}
    lanes = scratch({LANES}, compute)
    width = min(count, {LANES})
    i = 0
    for j in range(width):
        value = {value("j")}
        lanes[j] = value
        {store}
    for i in range({LANES}, count - {LANES - 1}, {LANES}):
        for j in range({LANES}):
            value = {value("i + j")}
            lanes[j] = compute({name}_combine(lanes[j], value))
            {store}
    i = count - count % {LANES}
    if i > 0:
        for j in range(count - i):
            value = {value("i + j")}
            lanes[j] = compute({name}_combine(lanes[j], value))
            {store}
    while width > 1:
        half = (width + 1) // 2
        for j in range(width - half):
            lanes[j] = compute({name}_combine(lanes[j], lanes[j + half]))
        width = half
    return lanes[0]
"""


def fold_namespace(name: str, element: Callable[..., Any], combine: Callable[..., Any]) -> dict[str, Any]:
    """What `fold_source` refers to, beside ``compute`` and the types of the inputs."""
    return {
        "jit": jit,
        "pointer": pointer,
        "scratch": scratch,
        f"{name}_element": element,
        f"{name}_combine": combine,
    }

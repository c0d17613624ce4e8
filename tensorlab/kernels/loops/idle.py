"""Skip most of an optimizer's update where the gradient is 0, in blocks of elements; the bits stay the same."""

from __future__ import annotations

from typing import Any

from numba import types

from tensorlab.kernels.runtime.lift import lift
from tensorlab.scalars import ScalarFunction, idle

BLOCK = 1 << 9
"""The number of elements of a block."""


def idle_source(slots: int, hyperparameters: int) -> str:
    """Generate ``stays(first, count, *slot addresses, *hyperparameters)`` and ``is_zero(g, first, count)``.

    ``stays`` takes the step of some elements whose gradient is +0, and returns True if no weight changes. Otherwise it
    returns False and changes nothing. ``is_zero`` returns whether the words of some gradients are 0.

    Args:
        slots: the number of slots.
        hyperparameters: the number of hyperparameters.
    """
    names = [f"s{k}" for k in range(slots)]
    hyper_names = [f"h{k}" for k in range(hyperparameters)]
    parameters = ", ".join(["first", "count", *(f"{name}_address" for name in names), *hyper_names])
    pointers = "\n    ".join(f"{name} = pointer({name}_address, kind)" for name in names)
    given = ", ".join([f"read({name}[i])" for name in names] + hyper_names)
    results = ", ".join([*(f"{name}_new" for name in names), "is_still"])
    stores = f"""
    for i in range(first, first + count):
        {results} = idle({given})
        {"; ".join(f"{name}[i] = stored({name}_new)" for name in names)}
"""
    return f"""
@jit
def stays({parameters}):
    {pointers}
    moved = 0
    for i in range(first, first + count):
        {results} = idle({given})
        moved |= 0 if is_still else 1
    if moved != 0:
        return False
{stores if slots else ""}
    return True


@jit
def is_zero(g_address, first, count):
    g = pointer(g_address, word)
    if g[first] != 0:
        return False
    bits = g[first]
    for i in range(first, first + count):
        bits |= g[i]
    return bits == 0
"""


def idle_namespace(function: ScalarFunction, dtype: str) -> dict[str, Any]:
    """Return the names that `idle_source` needs; an empty dict if the function has no step for gradients of 0."""
    short = idle(function) if dtype in ("float32", "float64") else None
    if short is None:
        return {}
    word = types.uint32 if dtype == "float32" else types.uint64
    return {"IDLE_BLOCK": BLOCK, "word": word, "idle": lift(short, dtype)}

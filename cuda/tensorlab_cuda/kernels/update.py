"""The update shape: an optimizer's rule in one pass over a weight, its gradient and its slots, in place."""

from __future__ import annotations

import functools

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.kernels.lift import lift


def _source(slots: int, hyperparameters: int) -> str:
    changed = ["w", *(f"s{k}" for k in range(slots))]
    arrays = ["w", "g", *changed[1:]]
    hypers = [f"h{k}" for k in range(hyperparameters)]
    parameters = ", ".join([*(f"{a}, {a}_start" for a in arrays), *hypers])
    values = ", ".join([*(f"{a}[{a}_start + i]" for a in arrays), *(f"kind({h})" for h in hypers)])
    stores = "".join(f"        {a}[{a}_start + i] = kind({a}_new)\n" for a in changed)
    return f"""
def kernel(total, {parameters}):
    for i in range(cuda.grid(1), total, cuda.gridsize(1)):
        {", ".join(f"{a}_new" for a in changed)} = scalar({values})
{stores}"""


@functools.cache
def update_kernel(function: ScalarFunction, dtype: str, slots: int) -> driver.Kernel:
    """The kernel ``k(total, *(array, start), *hyperparameters)`` of the weight, the gradient and the slots, all dense.

    Args:
        function: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.
        dtype: of the arrays and the arithmetic.
        slots: how many slots there are.
    """
    source = _source(slots, function.arity - 2 - slots)
    namespace = {"kind": driver.storage(dtype), "scalar": lift(function, dtype)}
    return driver.build(source, namespace, f"update {function.name} {dtype}", (function,))

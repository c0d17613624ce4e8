"""The update loop: the rule of an optimizer for all weights, gradients and slots, in one pass and in place.

The elements of all weights are numbered consecutively. A table on the device has a row for each weight: the number
after its last element, and the addresses of the weight, its gradient and its slots. The numbers of a thread only grow,
so it reads the table once, from the first row on.
"""

from __future__ import annotations

import functools

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.kernels.convert import convert
from tensorlab_cuda.kernels.lift import lift


def _source(slots: int, hyperparameters: int) -> str:
    changed = ["w", *(f"s{k}" for k in range(slots))]
    arrays = ["w", "g", *changed[1:]]
    hypers = [f"h{k}" for k in range(hyperparameters)]
    pointers = "".join(f"        {a} = pointer(table[row + {k}], kind)\n" for k, a in enumerate(arrays, 1))
    values = ", ".join([*(f"read({a}[i])" for a in arrays), *(f"stored({h})" for h in hypers)])
    stores = "".join(f"        {a}[i] = stored({a}_new)\n" for a in changed)
    return f"""
def kernel({", ".join(["total", "table_address", *hypers])}):
    table = pointer(table_address, int64)
    row = int64(0)
    start = int64(0)
    end = table[0]
    for number in range(cuda.grid(1), total, cuda.gridsize(1)):
        while number >= end:
            row += {1 + len(arrays)}
            start = end
            end = table[row]
        i = number - start
{pointers}        {", ".join(f"{a}_new" for a in changed)} = scalar({values})
{stores}"""


@functools.cache
def update_kernel(function: ScalarFunction, dtype: str, slots: int) -> Kernel:
    """Return the kernel ``k(total, table, *hyperparameters)``, with a row of the table for each weight.

    Args:
        function: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.
        dtype: of the arrays and the arithmetic.
        slots: the number of slots of each weight.
    """
    hyperparameters = function.arity - 2 - slots
    source = _source(slots, hyperparameters)
    namespace = {"kind": driver.storage(dtype), "scalar": lift(function, dtype)}
    namespace |= {"read": convert(dtype, dtype), "stored": convert(None, dtype)}
    return build(source, namespace, f"update {function.name} {dtype}", (function,), hyperparameters)

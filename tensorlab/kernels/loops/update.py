"""The update kernel: an optimizer function applied in place, in one pass over a weight, its gradient and its slots."""

from __future__ import annotations

from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import build, lift, storage
from tensorlab.kernels.runtime.threads import run
from tensorlab.scalars import ScalarFunction


def _source(slots: int, hyperparameters: int) -> str:
    slot_names = [f"s{k}" for k in range(slots)]
    hyper_names = [f"h{k}" for k in range(hyperparameters)]
    arrays = ["w", "g", *slot_names]
    pointers = "\n    ".join(f"{name} = pointer({name}_address, kind)" for name in arrays)
    results = ", ".join(f"{name}_new" for name in ["w", *slot_names])
    stores = "\n        ".join(f"{name}[i] = stored({name}_new)" for name in ["w", *slot_names])
    addresses = ", ".join(f"{name}_address" for name in arrays)
    return f"""
@jit
def task(chunk, total, {", ".join([addresses, *hyper_names])}):
    {pointers}
    for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, total)):
        {results} = scalar({", ".join([f"read({name}[i])" for name in arrays] + hyper_names)})
        {stores}


def launch(pool, total, {", ".join(arrays + hyper_names)}):
    arguments = (total, {", ".join([f"data(address({x}))" for x in arrays] + [f"stored({x})" for x in hyper_names])})
    run(pool, (total + CHUNK - 1) // CHUNK, *closure(task, arguments))
"""


@kernel
def update_kernel(function: ScalarFunction, dtype: str, slots: int) -> Definition:
    """Define the kernel ``k(pool, total, weight, gradient, *slots, *hyperparameters)`` of an optimizer function.

    Args:
        function: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.
        dtype: the dtype of the weight, the gradient, the slots, and the computation.
        slots: the number of slots.

    Returns:
        the function and its signature. It takes the pool's address, the number of elements, each array (C-contiguous
        and of one size), and the hyperparameters as float64.
    """
    hyperparameters = function.arity - 2 - slots
    source = _source(slots, hyperparameters)
    namespace = {
        "CHUNK": CHUNK,
        "address": memory.address,
        "data": memory.data,
        "jit": jit,
        "kind": storage(dtype),
        "read": convert(dtype, dtype),
        "stored": convert(None, dtype),
        "closure": closure,
        "run": run,
        "pointer": memory.pointer,
        "scalar": lift(function, dtype),
    }
    name = f"update {function.name} {dtype}"
    launch = build(source, namespace, name)["launch"]
    signature = (*[types.int64] * 2, *[memory.array_object] * (2 + slots), *[types.float64] * hyperparameters)
    return launch, signature

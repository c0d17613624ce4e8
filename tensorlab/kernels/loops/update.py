"""The update kernel: an optimizer function applied in place, in one pass over a weight, its gradient and its slots."""

from __future__ import annotations

from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.loops.idle import idle_namespace, idle_source
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import build, lift, storage
from tensorlab.kernels.runtime.threads import run
from tensorlab.scalars import ScalarFunction


def _source(slots: int, hyperparameters: int, has_idle: bool) -> str:
    slot_names = [f"s{k}" for k in range(slots)]
    hyper_names = [f"h{k}" for k in range(hyperparameters)]
    arrays = ["w", "g", *slot_names]
    pointers = "\n    ".join(f"{name} = pointer({name}_address, kind)" for name in arrays)
    results = ", ".join(f"{name}_new" for name in ["w", *slot_names])
    stores = "; ".join(f"{name}[i] = stored({name}_new)" for name in ["w", *slot_names])
    addresses = [f"{name}_address" for name in arrays]
    given = ", ".join(["first", "stop - first", *addresses[2:], *hyper_names])
    skipped = f"if is_zero(g_address, first, stop - first) and stays({given}): continue"
    return f"""{idle_source(slots, hyperparameters) if has_idle else ""}
@jit
def task(chunk, total, {", ".join([*addresses, *hyper_names])}):
    {pointers}
    end = min(chunk * CHUNK + CHUNK, total)
    for first in range(chunk * CHUNK, end, {"IDLE_BLOCK" if has_idle else "CHUNK"}):
        stop = {"min(first + IDLE_BLOCK, end)" if has_idle else "end"}
        {skipped if has_idle else ""}
        for i in range(first, stop):
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
    short = idle_namespace(function, dtype)
    namespace = short | {
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
    launch = build(_source(slots, hyperparameters, bool(short)), namespace, name)["launch"]
    signature = (*[types.int64] * 2, *[memory.array_object] * (2 + slots), *[types.float64] * hyperparameters)
    return launch, signature

"""The outer update kernel: an optimizer's update of a weight whose gradient is the outer product of two vectors.

That is the gradient of one sample. Storing it and reading it again would take longer than computing it. So its elements
are computed in the loop of the update, while the processor waits for the divisions and square roots of most optimizers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels import CHUNK
from tensorlab.kernels.loops.idle import idle_namespace, idle_source
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import build, lift, storage
from tensorlab.kernels.runtime.threads import run
from tensorlab.scalars import ScalarFunction

_NARROW = 64
"""The number of columns below which rows are too short for a vectorized loop. Several are then updated together."""
_BLOCK = 1 << 10
"""The number of elements of narrow rows that are updated together. Their gradients stay in the first-level cache."""


@intrinsic
def product(typingctx: Any, x: Any, y: Any) -> Any:
    """Return ``x * y`` as `matmul.tile.register_tile` computes it: rounded once, with +0 in place of -0."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = values[0].type
        name = f"llvm.fmuladd.{kind.intrinsic_name}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        # The addition of +0 is separate, because fused with the product it would keep the -0 of an underflow.
        return builder.fadd(builder.call(fused, [*values, kind(0.0)]), kind(0.0))

    return x(x, x), codegen


@jit
def _fill(products, first, count, columns, x, x_step, d):
    """Compute elements of the outer product, counted row by row."""
    row = first // columns
    column = first - row * columns
    done = 0
    while done < count:
        steps = min(columns - column, count - done)
        factor = x[row * x_step]
        for j in range(steps):
            products[done + j] = product(factor, d[column + j])
        done += steps
        column = 0
        row += 1


def _source(slots: int, hyperparameters: int, has_idle: bool) -> str:
    slot_names = [f"s{k}" for k in range(slots)]
    hyper_names = [f"h{k}" for k in range(hyperparameters)]
    arrays = ["w", *slot_names]
    addresses = [f"{name}_address" for name in ["x", "d", *arrays]]
    pointers = "\n    ".join(f"{name} = pointer({name}_address, kind)" for name in ["x", "d", *arrays])
    read = [f"read({name}[first + j])" for name in arrays]
    read.insert(1, "product(factor, pointer(part, kind)[j])")
    results = ", ".join(f"{name}_new" for name in arrays)
    stores = "\n            ".join(f"{name}[first + j] = stored({name}_new)" for name in arrays)
    data = [f"data(address({name}))" for name in ["x", "d", *arrays]]
    given = ", ".join(["first", "steps", *addresses[3:], *hyper_names])
    skipped = f"""
            if factor == 0 and is_finite and stays({given}):
                first += steps
                continue
"""
    # 0 times a number that is not finite is NaN
    checked = """
    is_finite = True
    for j in range(columns if columns >= NARROW else 0):
        is_finite &= d[j] - d[j] == 0
"""
    return f"""{idle_source(slots, hyperparameters) if has_idle else ""}
@jit
def task(chunk, total, columns, x_step, {", ".join(addresses + hyper_names)}):
    {pointers}
    products = scratch(BLOCK, kind)
    first, end = chunk * CHUNK, min(chunk * CHUNK + CHUNK, total)
    {checked if has_idle else ""}
    while first < end:
        if columns < NARROW:
            steps = min(BLOCK, end - first)
            fill(products, first, steps, columns, x, x_step, d)
            factor, part = stored(1), address_of(products)
        else:
            row = first // columns
            column = first - row * columns
            steps = min(columns - column, end - first)
            factor, part = x[row * x_step], d_address + column * SIZE
            {skipped if has_idle else ""}
        for j in range(steps):
            {results} = scalar({", ".join(read + hyper_names)})
            {stores}
        first += steps


def launch(pool, {", ".join(["x", "d", *arrays, *hyper_names])}):
    columns = length(address(d), 1)
    total = length(address(x), 0) * columns
    x_step = stride(address(x), 0) // SIZE
    arguments = (total, columns, x_step, {", ".join(data + [f"stored({name})" for name in hyper_names])})
    run(pool, (total + CHUNK - 1) // CHUNK, *closure(task, arguments))
"""


@kernel
def outer_update_kernel(function: ScalarFunction, dtype: str, slots: int) -> Definition:
    """Define the kernel ``k(pool, x, d, weight, *slots, *hyperparameters)`` of an optimizer function.

    Args:
        function: as in `update_kernel`; the results have the bits of that kernel for the gradient ``x @ d``.
        dtype: the dtype of all arrays and of the computation.
        slots: the number of slots.

    Returns:
        the function and its signature. It takes the pool's address; x of shape (m, 1) with any stride, and d of shape
        (1, n), whose row is contiguous; the weight and its slots, C-contiguous and of shape (m, n); and the
        hyperparameters as float64.
    """
    hyperparameters = function.arity - 2 - slots
    kind = storage(dtype)
    short = idle_namespace(function, dtype)
    namespace = short | {
        "BLOCK": _BLOCK,
        "CHUNK": CHUNK,
        "NARROW": _NARROW,
        "SIZE": kind.bitwidth // 8,
        "address": memory.address,
        "address_of": memory.address_of,
        "closure": closure,
        "data": memory.data,
        "fill": _fill,
        "jit": jit,
        "kind": kind,
        "length": memory.length,
        "pointer": memory.pointer,
        "product": product,
        "read": convert(dtype, dtype),
        "run": run,
        "scalar": lift(function, dtype),
        "scratch": memory.scratch,
        "stored": convert(None, dtype),
        "stride": memory.stride,
    }
    launch = build(_source(slots, hyperparameters, bool(short)), namespace, f"outer update {function.name} {dtype}")[
        "launch"
    ]
    signature = (types.int64, *[memory.array_object] * (3 + slots), *[types.float64] * hyperparameters)
    return launch, signature

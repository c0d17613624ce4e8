"""The map shape: a scalar function over arrays of any strides, an element a thread."""

from __future__ import annotations

import functools

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.kernels.lift import lift, unravel


def _source(inputs: int, outputs: int) -> str:
    xs, ys = [f"x{k}" for k in range(inputs)], [f"y{k}" for k in range(outputs)]
    arrays = [*ys, *xs]
    parameters = ", ".join(f"{a}, {a}_start, {a}_strides" for a in arrays)
    starts = "".join(f"        {a}_at = {a}_start\n" for a in arrays)
    move = unravel("i", "shape", {f"{a}_at": f"{a}_strides" for a in arrays}, " " * 8)
    stores = "".join(f"        {y}[{y}_at] = {y}_type({y}_value)\n" for y in ys)
    return f"""
def kernel(total, shape, {parameters}):
    for i in range(cuda.grid(1), total, cuda.gridsize(1)):
{starts}{move}        {", ".join(f"{y}_value" for y in ys)} = scalar({", ".join(f"compute({x}[{x}_at])" for x in xs)})
{stores}"""


@functools.cache
def map_kernel(function: ScalarFunction, compute: str, inputs: int, outputs: tuple[str, ...]) -> driver.Kernel:
    """The kernel ``k(total, shape, *(array, start, strides))`` of the outputs and then the inputs.

    Args:
        function: the scalar function, of one argument for each input and one value for each output.
        compute: the dtype that it computes in; inputs are converted to it and its values to the outputs' dtypes.
        inputs: how many there are.
        outputs: the dtype of each.
    """
    namespace = {
        "compute": driver.storage(compute),
        "scalar": lift(function, compute),
        **{f"y{k}_type": driver.storage(dtype) for k, dtype in enumerate(outputs)},
    }
    return driver.build(_source(inputs, len(outputs)), namespace, f"map {function.name} {compute}", (function,))

"""The map loop: a scalar function over arrays with any strides, with one thread per element."""

from __future__ import annotations

import functools
from typing import Any

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.kernels.convert import convert
from tensorlab_cuda.kernels.lift import lift
from tensorlab_cuda.kernels.places import names, unravel


def _source(inputs: int, outputs: int, axes: int) -> str:
    xs, ys = [f"x{k}" for k in range(inputs)], [f"y{k}" for k in range(outputs)]
    arrays = [*ys, *xs]
    parameters = ", ".join(
        ["total", *names("n", axes), *(name for a in arrays for name in (f"{a}_address", *names(f"{a}_stride", axes)))]
    )
    pointers = "".join(f"    {a} = pointer({a}_address, {a}_type)\n" for a in arrays)
    starts = "".join(f"        {a}_at = int64({0 if axes else 'i'})\n" for a in arrays)
    move = unravel("i", "n", axes, {f"{a}_at": f"{a}_stride" for a in arrays}, " " * 8)
    stores = "".join(f"        {y}[{y}_at] = {y}_stored({y}_value)\n" for y in ys)
    return f"""
def kernel({parameters}):
{pointers}
    for i in range(cuda.grid(1), total, cuda.gridsize(1)):
{starts}{move}        {", ".join(f"{y}_value" for y in ys)} = scalar({", ".join(f"{x}_read({x}[{x}_at])" for x in xs)})
{stores}"""


@functools.cache
def map_kernel(
    function: ScalarFunction, compute: str, inputs: tuple[str, ...], outputs: tuple[str, ...], axes: int, count: Any
) -> Kernel:
    """Return the kernel ``k(total, *lengths, *(address, *strides))``; outputs precede inputs.

    Args:
        function: the scalar function, with one argument per input and one value per output.
        compute: the dtype of the computation, to which inputs are converted.
        inputs: the dtype of each input.
        outputs: the dtype of each output.
        axes: the number of axes; 0 if all arrays are dense, in which case there are neither lengths nor strides.
        count: the type in which elements are counted.
    """
    namespace = {"count_type": count, "scalar": lift(function, compute)}
    namespace |= {f"x{k}_read": convert(dtype, compute) for k, dtype in enumerate(inputs)}
    namespace |= {f"y{k}_stored": convert(None, dtype) for k, dtype in enumerate(outputs)}
    for prefix, dtypes in (("y", outputs), ("x", inputs)):
        namespace |= {f"{prefix}{k}_type": driver.storage(dtype) for k, dtype in enumerate(dtypes)}
    name = f"map {function.name} {compute}"
    return build(_source(len(inputs), len(outputs), axes), namespace, name, (function,))

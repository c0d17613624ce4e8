"""The CPU backend: NumPy's memory, and kernels that Numba compiles from scalar functions.

The kernels' modules are imported when the first kernel is needed, and Numba with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorlab.backends.host import Array, HostMemory
from tensorlab.dtypes import DType
from tensorlab.rules import Reduction, Rowwise
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape

if TYPE_CHECKING:
    from tensorlab.kernels.threads import pool
else:

    def pool() -> int:
        """The pool's own function, which takes this one's place at the first call."""
        global pool
        from tensorlab.kernels.threads import pool

        return pool()


class CPUBackend(HostMemory):
    """Kernels on the processor's cores, compiled at first use."""

    name = "cpu"

    def __init__(self) -> None:
        self._kernels: dict[tuple[Any, ...], Callable[..., None]] = {}
        self._products: dict[tuple[Any, ...], tuple[Callable[..., None], int, int]] = {}

    def map(
        self, function: ScalarFunction, inputs: Sequence[Array], shape: Shape, compute: DType, outputs: Sequence[DType]
    ) -> tuple[Array, ...]:
        """One pass over all inputs and outputs."""
        key = (function, compute, *outputs, *[x.dtype for x in inputs])
        kernel = self._kernels.get(key)
        if kernel is None:
            from tensorlab.kernels.map import map_kernel

            kernel = self._kernels[key] = map_kernel(
                function, compute.name, tuple(x.dtype.name for x in inputs), tuple(dtype.name for dtype in outputs)
            )
        if len(outputs) == 1:  # nearly always, and it need not go through a list
            result = np.empty(shape, outputs[0])
            kernel(pool(), id(result), *map(id, inputs))
            return (result,)
        results = tuple([np.empty(shape, dtype) for dtype in outputs])
        kernel(pool(), *map(id, results), *map(id, inputs))
        return results

    def reduce(self, rule: Reduction, buffer: Array, axes: tuple[int, ...], compute: DType, output: DType) -> Array:
        """Blocks of a fixed size, folded by the threads and then in pairs."""
        kept = [axis for axis in range(buffer.ndim) if axis not in axes]
        result = np.empty([buffer.shape[axis] for axis in kept], output)
        if result.size == 0:
            return result
        if buffer.size == 0:
            with np.errstate(invalid="ignore"):  # the mean of nothing is NaN
                result[...] = rule.initial if rule.result is None else rule.result.python(np.float64(rule.initial), 0.0)
            return result
        key = (rule, compute, buffer.dtype, output)
        kernel = self._kernels.get(key)
        if kernel is None:
            from tensorlab.kernels.reduce import reduce_kernel

            kernel = self._kernels[key] = reduce_kernel(rule, compute.name, buffer.dtype.name, output.name)
        ordered = buffer.transpose((*kept, *axes))
        kernel(pool(), len(kept), id(result), id(ordered))
        return result

    def rowwise(self, rule: Rowwise, inputs: Sequence[Array]) -> Array:
        """Row after row, each finished while it is in the first-level cache."""
        dense = [np.ascontiguousarray(x) for x in inputs]
        result = np.empty(inputs[0].shape, inputs[0].dtype)
        if result.size == 0:
            return result
        key = (rule, result.dtype)
        kernel = self._kernels.get(key)
        if kernel is None:
            from tensorlab.kernels.rowwise import rowwise_kernel

            kernel = self._kernels[key] = rowwise_kernel(rule, result.dtype.name, len(inputs))
        columns = result.shape[-1]
        kernel(pool(), result.size // columns, columns, id(result), *map(id, dense))
        return result

    def matmul(
        self,
        a: Array,
        b: Array,
        epilogue: ScalarFunction | None = None,
        operands: Sequence[Array] = (),
        keep: bool = False,
    ) -> tuple[Array, Array | None]:
        """Packed and register-tiled, without BLAS; the epilogue is applied while the tile is in cache."""
        dtype = a.dtype
        shape = (*a.shape[:-1], b.shape[-1])
        result = np.empty(shape, dtype)
        product = np.empty(shape, dtype) if keep else None
        if result.size:
            found = self._products.get((epilogue, a.dtype, keep)) or self._product(
                epilogue, a.dtype, keep, len(operands)
            )
            kernel, tasks, finish = found
            operand = id(operands[0]) if operands else 0
            kernel(pool(), tasks, finish, id(result), id(product) if keep else 0, id(a), id(b), operand)
        return result, product

    def _product(
        self, epilogue: ScalarFunction | None, dtype: DType, keep: bool, operands: int
    ) -> tuple[Callable[..., None], int, int]:
        from tensorlab.kernels.stacked import epilogue_address, matmul_kernel, table_address

        finish = 0 if epilogue is None and not keep else epilogue_address(epilogue, dtype.name, operands)
        found = matmul_kernel(), table_address(dtype.name), finish
        self._products[epilogue, dtype, keep] = found
        return found

    def update(
        self,
        function: ScalarFunction,
        weight: Array,
        gradient: Array,
        slots: Sequence[Array],
        hyperparameters: Sequence[float],
    ) -> None:
        """One pass over the weight, its gradient and its slots."""
        dense = np.ascontiguousarray(gradient)
        key = (function, weight.dtype, len(slots))
        kernel = self._kernels.get(key)
        if kernel is None:
            from tensorlab.kernels.update import update_kernel

            kernel = self._kernels[key] = update_kernel(function, weight.dtype.name, len(slots))
        kernel(pool(), weight.size, id(weight), id(dense), *map(id, slots), *hyperparameters)


def get_num_threads() -> int:
    """The number of threads that kernels run on: ``TENSORLAB_NUM_THREADS``, or the processors of this process."""
    from tensorlab.kernels import threads

    return threads.get_num_threads()


def set_num_threads(count: int) -> None:
    """Let kernels run on ``count`` threads, the calling one included. Results do not depend on it.

    Raises:
        ArgumentError: if ``count`` is not a whole number from 1 to 1024.
    """
    from tensorlab.kernels import threads

    threads.set_num_threads(count)

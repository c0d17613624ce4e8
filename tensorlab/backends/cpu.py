"""The CPU backend: memory in NumPy arrays, and kernels that Numba compiles from scalar functions.

The modules of kernels are imported when the first kernel is needed, and Numba when the first one has to be compiled.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorlab.backends import checks
from tensorlab.backends.cpu_windows import WindowKernels
from tensorlab.backends.host import Array, apart, contiguous, writable
from tensorlab.backends.listening import POOL, called, launched, listening, viewed
from tensorlab.dtypes import DType, float32, float64
from tensorlab.errors import DTypeError
from tensorlab.forks import guard
from tensorlab.host_arrays import cast
from tensorlab.kernels import CHUNK, catalogue
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape

if TYPE_CHECKING:
    from tensorlab.kernels.runtime.pool import pool
else:

    def pool() -> int:
        """Replace this function by the pool's own one in the first call, and call it."""
        global pool
        with guard:
            from tensorlab.kernels.runtime.pool import pool

        return pool()


_MAX_OPERANDS = 2
"""The maximum number of operands of an epilogue."""
_LARGE = 1 << 16
"""The number of bytes above which rows are copied faster by several threads."""


class CPUBackend(WindowKernels):
    """A backend that runs kernels on the processor's cores and compiles them at first use."""

    name = "cpu"
    listens = True

    def __init__(self) -> None:
        # By rule, or by the content of a function, and by dtypes: `catalogue` takes a hundred times as long to look up.
        # Functions for `map` are kept by its callers, which look them up by fewer things.
        self._kernels: dict[Any, Any] = {}

    def map(
        self, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
    ) -> Callable[..., Any]:
        """Return a function that computes all outputs in one pass over the inputs."""
        who, expected = f"map {function.name!r}", tuple(inputs)
        checks.check_function(who, function, len(inputs), len(outputs))
        names = [tuple(dtype.name for dtype in dtypes) for dtypes in (inputs, outputs)]
        kernel = catalogue.map_kernel(function, compute.name, *names)
        empty, (output, *others) = np.empty, outputs

        def run(shape: Shape, *buffers: Array) -> Array:
            checks.check_inputs(who, np.ndarray, buffers, expected, shape)
            result = empty(shape, output)
            kernel(pool() if result.size > CHUNK else 0, result, *buffers)
            if listening[0]:
                launched(kernel, (POOL if result.size > CHUNK else 0, result, *buffers), (result,))
            return result

        def run_all(shape: Shape, *buffers: Array) -> tuple[Array, ...]:
            checks.check_inputs(who, np.ndarray, buffers, expected, shape)
            results = tuple([empty(shape, dtype) for dtype in outputs])
            kernel(pool() if results[0].size > CHUNK else 0, *results, *buffers)
            if listening[0]:
                launched(kernel, (POOL if results[0].size > CHUNK else 0, *results, *buffers), results)
            return results

        if others:
            return run_all
        run.kernel = kernel  # type: ignore[attr-defined]  # compiled calls use it, see `Elementwise`
        return run

    def reduce(
        self, rule: Reduction, compute: DType, input: DType, output: DType
    ) -> Callable[[Array, tuple[int, ...] | None], Array]:
        """Return a function that reduces blocks of fixed size on all threads, and then combines these pairwise."""
        key = (rule, compute, input, output)
        found: Callable[..., Array] | None = self._kernels.get(key)
        if found is None:
            found = self._kernels[key] = self._reduction(*key)
        return found

    def _reduction(self, rule: Reduction, compute: DType, input: DType, output: DType) -> Callable[..., Array]:
        kernel = catalogue.reduce_kernel(rule, compute.name, input.name, output.name)
        who, empty = f"reduce {rule.name!r}", np.empty

        def run(buffer: Array, axes: tuple[int, ...] | None) -> Array:
            if type(buffer) is not np.ndarray or buffer.dtype is not input:
                checks.check_buffer(who, np.ndarray, buffer, input)
            if axes is None:
                result, ordered, kept = empty((), output), buffer, 0
            else:
                order, kept = _kept_first(who, buffer.ndim, axes)
                ordered = buffer if order is None else buffer.transpose(order)
                if listening[0] and order is not None:
                    viewed(ordered, buffer)
                result = empty(ordered.shape[:kept], output)
            size = buffer.size
            if size:
                kernel(pool() if size > CHUNK else 0, kept, result, ordered)
                if listening[0]:
                    launched(kernel, (POOL if size > CHUNK else 0, kept, result, ordered), (result,))
            elif result.size:
                with np.errstate(invalid="ignore"):  # the mean of no elements is NaN
                    initial = rule.initial
                    value = initial if rule.result is None else rule.result.python(np.float64(initial), 0.0)
                    result[...] = cast(np.asarray(value), output)
            return result

        run.kernel = kernel  # type: ignore[attr-defined]  # compiled calls use it, see `ReductionCall`
        return run

    def arg_reduce(self, rule: str, buffer: Array) -> Array:
        """Reduce each row to its extreme, and then search the row for its index."""
        checks.check_extremes(np.ndarray, rule, buffer)
        result = np.empty(buffer.shape[:-1], np.int64)
        if result.size:
            kernel = self.arg_reduction(rule, buffer.dtype)
            kernel(pool() if buffer.size > CHUNK else 0, result, buffer)
            if listening[0]:
                launched(kernel, (POOL if buffer.size > CHUNK else 0, result, buffer), (result,))
        return result

    def arg_reduction(self, rule: str, dtype: DType) -> Callable[..., Any]:
        """Return the kernel of `arg_reduce`, also for compiled calls."""
        key = (rule, dtype)
        kernel: Callable[..., Any] | None = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = catalogue.arg_reduce_kernel(rule, dtype.name)
        return kernel

    def rowwise(self, rule: Rowwise, inputs: Sequence[Array]) -> Array:
        """Compute one row after another, so that a row stays in the first-level cache between passes."""
        checks.check_rowwise(rule, np.ndarray, inputs)
        dense = [contiguous(x) for x in inputs]
        result = np.empty(inputs[0].shape, inputs[0].dtype)
        if result.size == 0:
            return result
        key = (rule, result.dtype)
        kernel = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = catalogue.rowwise_kernel(rule, result.dtype.name, len(inputs))
        columns = result.shape[-1]
        kernel(pool(), result.size // columns, columns, result, *dense)
        if listening[0]:
            launched(kernel, (POOL, result.size // columns, columns, result, *dense), (result,))
        return result

    def scan(self, rule: Scan, inputs: Sequence[Array], compute: DType, output: DType) -> Array:
        """Scan each row in order, with the rows divided among the threads."""
        checks.check_scan(rule, np.ndarray, inputs)
        dense = [contiguous(x) for x in inputs]
        result = np.empty(inputs[0].shape, output)
        if result.size == 0:
            return result
        key = (rule, compute, output, *[x.dtype for x in inputs])
        kernel = self._kernels.get(key)
        if kernel is None:
            names = tuple(x.dtype.name for x in inputs)
            kernel = self._kernels[key] = catalogue.scan_kernel(rule, compute.name, names, output.name)
        columns = result.shape[-1]
        kernel(pool(), result.size // columns, columns, result, *dense)
        if listening[0]:
            launched(kernel, (POOL, result.size // columns, columns, result, *dense), (result,))
        return result

    def gather(self, buffer: Array, indices: Array) -> Array:
        """Copy the selected rows on all threads if they are large, as the batches of `fit` are."""
        if indices.ndim != 1 or indices.dtype != np.int64 or not (buffer.ndim and buffer.size):
            return super().gather(buffer, indices)
        row = buffer.nbytes // len(buffer)
        if row * indices.size < _LARGE or not (buffer.flags.c_contiguous and indices.flags.c_contiguous):
            return super().gather(buffer, indices)
        kernel = self._kernels.get("gather")
        if kernel is None:
            kernel = self._kernels["gather"] = catalogue.gather_kernel()
        made = np.empty((len(indices), *buffer.shape[1:]), buffer.dtype)
        if kernel(pool(), row, made, buffer, indices):
            return super().gather(buffer, indices)  # raises the error for an index out of range
        if listening[0]:
            called(operator.getitem, (buffer, indices), made)
        return made

    def matmul(
        self,
        a: Array,
        b: Array,
        epilogue: ScalarFunction | None = None,
        operands: Sequence[Array] = (),
        keep: bool = False,
    ) -> tuple[Array, Array | None]:
        """Multiply with packed panels and register tiles, and apply the epilogue while a tile is in cache."""
        shape, dtype = checks.check_product(np.ndarray, a, b, epilogue, operands, _MAX_OPERANDS), a.dtype
        result = np.empty(shape, dtype)
        product = np.empty(shape, dtype) if keep else None
        if result.size:
            # With the number of the dtype, whose hash is faster than the dtype's.
            key = ("matmul", None if epilogue is None else epilogue.key, dtype.num, keep)
            found = self._kernels.get(key)
            if found is None:
                found = self._kernels[key] = self._product(dtype, keep, epilogue, len(operands))
            kernel, tasks, finish, compile_tasks = found
            # The result, a and b are passed as arrays; the optional arrays as ids, 0 if absent.
            p = q = 0
            if operands:
                p, q = id(operands[0]), id(operands[1]) if len(operands) > 1 else 0
            while missing := kernel(pool(), tasks, finish, result, id(product) if keep else 0, a, b, p, q):
                compile_tasks(missing)
            if listening[0]:
                extra = [*operands, 0, 0][:2]
                arguments = (POOL, tasks, finish, result, 0 if product is None else product, a, b, *extra)
                launched(kernel, arguments, (result,) if product is None else (result, product))
        return result, product

    def _pool(self) -> int:
        return pool()

    def _product(
        self, dtype: DType, keep: bool, epilogue: ScalarFunction | None, operands: int
    ) -> tuple[Callable[..., int], int, int, Callable[[int], None]]:
        """Return what `matmul` needs.

        Returns:
            the kernel, the address of the table of tasks, that of the epilogue or 0, and what compiles missing tasks.
        """
        with guard:
            from tensorlab.kernels.matmul import products
            from tensorlab.kernels.runtime import native

        if dtype.kind == "b":
            raise DTypeError("matmul", "buffers of numbers", "bool")
        finish = 0
        if epilogue is not None or keep:
            finish = native.address(catalogue.epilogue_kernel(epilogue, dtype.name, operands))
        tasks = products.tasks(dtype.name)
        return catalogue.matmul_kernel(), tasks.address, finish, tasks.compile

    def product_kernels(self) -> list[tuple[DType, Callable[..., int], int]]:
        """Return the kernel of products and the address of its tasks for float32 and float64, for compiled calls."""
        found = [(dtype, self._product(dtype, False, None, 0)) for dtype in (float32, float64)]
        return [(dtype, kernel, tasks) for dtype, (kernel, tasks, _, _) in found]

    def update(
        self, function: ScalarFunction, groups: Sequence[Sequence[Array]], hyperparameters: Sequence[float]
    ) -> None:
        """Update each weight and its slots in one pass."""
        checks.check_update(np.ndarray, writable, function, groups, hyperparameters)
        kernel = None
        for weight, gradient, *slots in groups:
            if kernel is None:
                key = ("update", function.key, weight.dtype, len(slots))
                kernel = self._kernels.get(key)
            if kernel is None:
                kernel = self._kernels[key] = catalogue.update_kernel(function, weight.dtype.name, len(slots))
            size = weight.size
            if gradient.base is not None or weight.base is not None or not gradient.flags.c_contiguous:
                given, gradient = gradient, apart(gradient, weight)
                if listening[0] and gradient is not given:
                    called(apart, (given, weight), gradient)
            kernel(pool() if size > CHUNK else 0, size, weight, gradient, *slots, *hyperparameters)
            if listening[0]:
                arguments = (POOL if size > CHUNK else 0, size, weight, gradient, *slots, *hyperparameters)
                launched(kernel, arguments, (weight, *slots), hyperparameters)


@functools.lru_cache(maxsize=1024)
def _kept_first(who: str, rank: int, axes: tuple[int, ...]) -> tuple[tuple[int, ...] | None, int]:
    """Return the order of axes with the reduced ones last, None if they already are, and the number of kept axes."""
    checks.check_axes(who, rank, axes)
    kept = tuple([axis for axis in range(rank) if axis not in axes])
    order = kept + axes
    return (None if order == tuple(range(rank)) else order), len(kept)


def get_num_threads() -> int:
    """Return the number of threads that kernels run on.

    The default is ``TENSORLAB_NUM_THREADS``, or else the number of processors that this process may use.
    """
    with guard:
        from tensorlab.kernels.runtime import pool

    return pool.get_num_threads()


def set_num_threads(count: int) -> None:
    """Set the number of threads that kernels run on, including the calling thread; results do not depend on it.

    Raises:
        ArgumentError: if ``count`` is not an integer from 1 to 1024.
    """
    with guard:
        from tensorlab.kernels.runtime import pool

    pool.set_num_threads(count)

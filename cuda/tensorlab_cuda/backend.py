"""The CUDA backend: device memory, and kernels that Numba compiles from the same scalar functions as on the CPU."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab.backends import checks
from tensorlab.dtypes import DType
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import dlpack, driver
from tensorlab_cuda.adopt import adopt
from tensorlab_cuda.allocator import constant
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.export import Exported
from tensorlab_cuda.kernels.arg_reduce import arg_reduce_kernel
from tensorlab_cuda.kernels.matmul import choose_tile, matmul_kernel
from tensorlab_cuda.kernels.places import counter
from tensorlab_cuda.kernels.reduce import reduce_kernel, segment
from tensorlab_cuda.kernels.rowwise import rowwise_kernel
from tensorlab_cuda.kernels.scan import scan_kernel
from tensorlab_cuda.kernels.update import update_kernel
from tensorlab_cuda.layout import Shape, merge_axes, rows_are_runs
from tensorlab_cuda.memory import dense, filled, map_into
from tensorlab_cuda.precision import current
from tensorlab_cuda.windows import WindowsOnHost


class CUDABackend(WindowsOnHost):
    """Kernels on an NVIDIA GPU, compiled at first use.

    Raises:
        DeviceError: if there is no GPU, or its driver or compiler is missing.
    """

    name = "cuda"
    dlpack_types = (dlpack.CUDA, dlpack.CUDA_MANAGED)
    interfaces = ("__cuda_array_interface__",)

    def __init__(self) -> None:
        self.device = driver.device()

    @property
    def about(self) -> str:
        """The GPU, and the versions of its driver and toolkit."""
        return driver.about()

    def at(self, index: int) -> CUDABackend:
        """Return the backend itself if the index is that of the GPU in use; a process uses only one.

        Raises:
            DeviceError: for another index.
        """
        if index != self.device.number:
            driver.refuse(index)
        return self

    def export(self, buffer: Buffer) -> Exported:
        """Return an object from which other libraries take the memory without a copy."""
        return Exported(buffer)

    def adopt(self, who: str, array: Any, copy: bool | None) -> Buffer:
        """Return a buffer in the memory of another library."""
        return adopt(who, array, copy)

    def map(
        self, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
    ) -> Callable[..., Any]:
        """Return a function that maps over all inputs and outputs in one pass."""
        who = f"map {function.name!r}"
        checks.check_function(who, function, len(inputs), len(outputs))

        def run(shape: Shape, *buffers: Buffer) -> Any:
            checks.check_inputs(who, Buffer, buffers, inputs, shape)
            results = tuple(Buffer.empty(shape, dtype) for dtype in outputs)
            map_into(function, compute, results, buffers)
            return results if len(results) > 1 else results[0]

        return run

    def reduce(
        self, rule: Reduction, compute: DType, input: DType, output: DType
    ) -> Callable[[Buffer, tuple[int, ...] | None], Buffer]:
        """Return a function that reduces segments of a fixed size, one per block, and then the results of segments."""

        def run(buffer: Buffer, axes: tuple[int, ...] | None) -> Buffer:
            checks.check_buffer(f"reduce {rule.name!r}", Buffer, buffer, input)
            folded_axes = tuple(range(buffer.ndim)) if axes is None else axes
            checks.check_axes(f"reduce {rule.name!r}", buffer.ndim, folded_axes)
            kept = buffer.layout.permute([axis for axis in range(buffer.ndim) if axis not in folded_axes])
            folded = buffer.layout.permute(folded_axes)
            outer, count = kept.size, folded.size
            if outer and not count:
                return filled(kept.shape, output, _of_nothing(rule))
            result = Buffer.empty(kept.shape, output)
            if not outer:
                return result
            lengths, (steps,) = merge_axes(kept.shape, [kept.strides])
            folded_lengths, (folded_steps,) = merge_axes(folded.shape, [folded.strides])
            source, kind, last = buffer, input.name, False
            across = self.device.across if outer > 1 and abs(steps[-1]) < abs(folded_steps[-1]) else 1
            while not last:
                segments = -(-count // segment(across))
                last = segments == 1
                target = result if last else Buffer.empty((outer, segments), compute)
                shapes = lengths, folded_lengths
                kernel = reduce_kernel(
                    *(rule, compute.name, kind, output.name if last else None),
                    *map(len, shapes),
                    across,
                    counter(*shapes),
                )
                driver.launch(
                    kernel,
                    *(-(-outer // across) * segments, driver.threads_for(min(count, segment(across)) * across)),
                    *(outer, count, folded.size, *lengths, *folded_lengths),
                    *(target.address, source.address, *steps, *folded_steps),
                )
                (lengths, steps), (folded_lengths, folded_steps) = ((outer,), (segments,)), ((segments,), (1,))
                source, kind, count, across = target, None, segments, 1
            return result

        return run

    def arg_reduce(self, rule: str, buffer: Buffer) -> Buffer:
        """Find the index of an extreme in each row, with one block per row."""
        checks.check_extremes(Buffer, rule, buffer)
        rows = dense(buffer)
        result = Buffer.empty(buffer.shape[:-1], np.dtype("int64"))
        if result.size:
            columns = buffer.shape[-1]
            driver.launch(
                arg_reduce_kernel(rule, buffer.dtype.name),
                *(result.size, driver.threads_for(columns)),
                *(result.size, columns, result.address, rows.address),
            )
        return result

    def rowwise(self, rule: Rowwise, inputs: Sequence[Buffer]) -> Buffer:
        """Apply a row-wise rule, with one block per row."""
        checks.check_rowwise(rule, Buffer, inputs)
        result = Buffer.empty(inputs[0].shape, inputs[0].dtype)
        if result.size:
            columns = result.shape[-1]
            rows = result.size // columns
            matrices = [dense(x) for x in inputs]
            driver.launch(
                rowwise_kernel(rule, result.dtype.name, len(inputs)),
                *(rows, driver.threads_for(columns)),
                *(rows, columns, result.address, *(x.address for x in matrices)),
            )
        return result

    def scan(self, rule: Scan, inputs: Sequence[Buffer], compute: DType, output: DType) -> Buffer:
        """Scan each row in order, with one thread per row."""
        checks.check_scan(rule, Buffer, inputs)
        result = Buffer.empty(inputs[0].shape, output)
        if result.size:
            columns = result.shape[-1]
            matrices = [dense(x) for x in inputs]
            kinds = tuple(x.dtype.name for x in inputs)
            driver.launch_flat(
                scan_kernel(rule, compute.name, kinds, output.name),
                result.size // columns,
                *(columns, result.address, *(x.address for x in matrices)),
            )
        return result

    def matmul(
        self,
        a: Buffer,
        b: Buffer,
        epilogue: ScalarFunction | None = None,
        operands: Sequence[Buffer] = (),
        keep: bool = False,
    ) -> tuple[Buffer, Buffer | None]:
        """Compute each tile of the product in one block, and apply the epilogue before the result is written."""
        checks.check_product(Buffer, a, b, epilogue, operands)
        *stack, m, k = a.shape
        n = b.shape[-1]
        result = Buffer.empty((*stack, m, n), a.dtype)
        product = Buffer.empty(result.shape, a.dtype) if keep else None
        if not result.size:
            return result, product
        arrays = [a, b, *operands]
        layouts = [a.layout, b.layout, *(p.layout.broadcast_to(result.shape) for p in operands)]
        matrices, lengths, stacks = math.prod(stack), (), [()] * len(arrays)
        if matrices > 1:
            lengths, stacks = merge_axes(tuple(stack), [layout.strides[:-2] for layout in layouts])
        precision = current(self.device.compute_capability) if a.dtype == np.float32 else "float32"
        tile = choose_tile(a.dtype.name, precision, matrices, m, n)
        runs = rows_are_runs(a.layout), not rows_are_runs(b.layout)
        kernel = matmul_kernel(epilogue, a.dtype.name, len(operands), keep, len(lengths), tile, runs)
        strides = [(*layout.strides[-2:], *steps) for layout, steps in zip(layouts, stacks, strict=True)]
        driver.launch(
            kernel,
            *(tile.count(matrices, m, n), tile.threads),
            *(matrices, m, n, k, *lengths, *(x.address for x in (result, product) if x is not None)),
            *(word for x, steps in zip(arrays, strides, strict=True) for word in (x.address, *steps)),
        )
        return result, product

    def update(
        self, function: ScalarFunction, groups: Sequence[Sequence[Buffer]], hyperparameters: Sequence[float]
    ) -> None:
        """Update all weights in one launch."""
        checks.check_update(Buffer, _is_dense, function, groups, hyperparameters)
        rows = [(weight.size, (weight, dense(gradient), *slots)) for weight, gradient, *slots in groups if weight.size]
        if rows:
            arrays = rows[0][1]
            ends = itertools.accumulate(size for size, _ in rows)
            words = [[end, *(x.address for x in row)] for end, (_, row) in zip(ends, rows, strict=True)]
            table = constant(np.array(words, np.int64))
            driver.launch_flat(
                update_kernel(function, arrays[0].dtype.name, len(arrays) - 2),
                sum(size for size, _ in rows),
                table.address,
                *map(float, hyperparameters),
            )


def _is_dense(buffer: Buffer) -> bool:
    return buffer.layout.is_dense


def _of_nothing(rule: Reduction) -> float:
    """Return the value of a reduction over no elements."""
    if rule.initial is None or rule.result is None:
        return rule.initial or 0.0
    with np.errstate(invalid="ignore"):  # the mean of no elements is NaN
        return float(rule.result.python(np.float64(rule.initial), 0.0))

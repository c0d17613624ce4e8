"""The CUDA backend: the device's memory, and kernels that Numba compiles from the CPU's very scalar functions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab.dtypes import DType
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.kernels.arg_reduce import arg_reduce_kernel
from tensorlab_cuda.kernels.map import map_kernel
from tensorlab_cuda.kernels.matmul import matmul_kernel
from tensorlab_cuda.kernels.reduce import SEGMENT, reduce_kernel
from tensorlab_cuda.kernels.rowwise import rowwise_kernel
from tensorlab_cuda.kernels.scan import scan_kernel
from tensorlab_cuda.kernels.update import update_kernel
from tensorlab_cuda.layout import Shape, merge_axes
from tensorlab_cuda.memory import DeviceMemory, dense, filled, map_into


class CUDABackend(DeviceMemory):
    """Kernels on an NVIDIA GPU, compiled at first use.

    Raises:
        DeviceError: if there is none, saying what is missing.
    """

    name = "cuda"

    def __init__(self) -> None:
        self.device = driver.device()

    @property
    def about(self) -> str:
        """The GPU and the versions of what drives it."""
        return driver.about()

    def map(
        self, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
    ) -> Callable[..., Any]:
        """One pass over all inputs and outputs."""

        kernel = map_kernel(function, compute.name, len(inputs), tuple(dtype.name for dtype in outputs))

        def run(shape: Shape, *buffers: Buffer) -> Any:
            results = tuple(Buffer.empty(shape, dtype) for dtype in outputs)
            map_into(kernel, results, buffers)
            return results if len(results) > 1 else results[0]

        return run

    def reduce(
        self, rule: Reduction, compute: DType, input: DType, output: DType
    ) -> Callable[[Buffer, tuple[int, ...] | None], Buffer]:
        """Segments of a fixed size, each folded by a block; then what they gave."""

        @functools.cache
        def kernel(first: bool, last: bool) -> driver.Kernel:
            return reduce_kernel(rule, compute.name, (output if last else compute).name, first, last)

        def run(buffer: Buffer, axes: tuple[int, ...] | None) -> Buffer:
            folded_axes = tuple(range(buffer.ndim)) if axes is None else axes
            kept = buffer.layout.permute([axis for axis in range(buffer.ndim) if axis not in folded_axes])
            folded = buffer.layout.permute(folded_axes)
            outer, count = kept.size, folded.size
            if outer and not count:
                return filled(kept.shape, output, _of_nothing(rule))
            result = Buffer.empty(kept.shape, output)
            if not outer:
                return result
            kept_shape, (kept_strides,) = merge_axes(kept.shape, [kept.strides])
            shape, (strides,) = merge_axes(folded.shape, [folded.strides])
            places: tuple[Any, ...] = (kept_shape, kept_strides, shape, strides)
            source, start, first, last = buffer, buffer.layout.offset, True, False
            while not last:
                segments = -(-count // SEGMENT)
                last = segments == 1
                target = result if last else Buffer.empty((outer, segments), compute)
                driver.launch(
                    kernel(first, last),
                    *(outer * segments, driver.threads_for(min(count, SEGMENT))),
                    *(outer, count, folded.size, *places, target.array, source.array, start),
                )
                places = ((outer,), (segments,), (segments,), (1,))
                source, start, first, count = target, 0, False, segments
            return result

        return run

    def arg_reduce(self, rule: str, buffer: Buffer) -> Buffer:
        """A block a row."""
        rows = dense(buffer)
        result = Buffer.empty(buffer.shape[:-1], np.dtype("int64"))
        if result.size:
            columns = buffer.shape[-1]
            driver.launch(
                arg_reduce_kernel(rule, buffer.dtype.name),
                *(result.size, driver.threads_for(columns)),
                *(result.size, columns, result.array, rows.array, rows.layout.offset),
            )
        return result

    def rowwise(self, rule: Rowwise, inputs: Sequence[Buffer]) -> Buffer:
        """A block a row."""
        result = Buffer.empty(inputs[0].shape, inputs[0].dtype)
        if result.size:
            columns = result.shape[-1]
            rows = result.size // columns
            matrices = [dense(x) for x in inputs]
            driver.launch(
                rowwise_kernel(rule, result.dtype.name, len(inputs)),
                *(rows, driver.threads_for(columns)),
                *(rows, columns, result.array),
                *(part for x in matrices for part in (x.array, x.layout.offset)),
            )
        return result

    def scan(self, rule: Scan, inputs: Sequence[Buffer], compute: DType, output: DType) -> Buffer:
        """A thread a row, from its first element to its last."""
        result = Buffer.empty(inputs[0].shape, output)
        if result.size:
            columns = result.shape[-1]
            matrices = [dense(x) for x in inputs]
            kinds = tuple(x.dtype.name for x in inputs)
            driver.launch_flat(
                scan_kernel(rule, compute.name, len(kinds), output.name),
                result.size // columns,
                *(columns, result.array),
                *(part for x in matrices for part in (x.array, x.layout.offset)),
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
        """A block a tile of the result; the epilogue is applied before the result is written."""
        *stack, m, k = a.shape
        n = b.shape[-1]
        result = Buffer.empty((*stack, m, n), a.dtype)
        product = Buffer.empty(result.shape, a.dtype) if keep else None
        if not result.size:
            return result, product
        arrays = [a, b, *operands]
        layouts = [a.layout, b.layout, *(p.layout.broadcast_to(result.shape) for p in operands)]
        lengths, strides = merge_axes(tuple(stack), [layout.strides[:-2] for layout in layouts])
        arguments: list[object] = [result.array] if product is None else [result.array, product.array]
        for buffer, layout, steps in zip(arrays, layouts, strides, strict=True):
            arguments += (buffer.array, layout.offset, steps, *layout.strides[-2:])
        matrices, tile = math.prod(stack), self.device.tile
        driver.launch(
            matmul_kernel(epilogue, a.dtype.name, len(operands), keep),
            *(matrices * -(-m // tile) * -(-n // tile), (tile, tile)),
            *(matrices, lengths, m, n, k, *arguments),
        )
        return result, product

    def update(
        self,
        function: ScalarFunction,
        weight: Buffer,
        gradient: Buffer,
        slots: Sequence[Buffer],
        hyperparameters: Sequence[float],
    ) -> None:
        """One pass over the weight, its gradient and its slots."""
        arrays = [weight, dense(gradient), *slots]
        driver.launch_flat(
            update_kernel(function, weight.dtype.name, len(slots)),
            weight.size,
            *(part for x in arrays for part in (x.array, x.layout.offset)),
            *map(float, hyperparameters),
        )


def _of_nothing(rule: Reduction) -> float:
    """The value of a reduction over no elements."""
    if rule.initial is None or rule.result is None:
        return rule.initial or 0.0
    with np.errstate(invalid="ignore"):  # the mean of nothing is NaN
        return float(rule.result.python(np.float64(rule.initial), 0.0))

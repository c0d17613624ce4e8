"""Memory and structure on the device: copies, views, indexing, joining."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.kernels.gather import gather_kernel
from tensorlab_cuda.kernels.map import map_kernel
from tensorlab_cuda.layout import Layout, Shape, is_view_index, merge_axes

Array = np.ndarray[Any, Any]


def _itself(x: float) -> float:
    return x


_COPY = ScalarFunction.of(_itself)


def dense(buffer: Buffer) -> Buffer:
    """The buffer, or a copy of it whose elements lie in C order without gaps."""
    if buffer.layout.is_dense:
        return buffer
    copy = Buffer.empty(buffer.shape, buffer.dtype)
    map_into(_COPY, buffer.dtype, [copy], [buffer])
    return copy


def filled(shape: Shape, dtype: Any, value: float) -> Buffer:
    """A new buffer of one value."""
    result = Buffer.empty(shape, dtype)
    one = Buffer(driver.upload(np.array([value], dtype)), dtype, Layout.dense(()))
    map_into(_COPY, dtype, [result], [one])
    return result


def map_into(function: ScalarFunction, compute: Any, outputs: Sequence[Buffer], inputs: Sequence[Buffer]) -> None:
    """Write a scalar function of inputs, which broadcast to the outputs' one shape, into the outputs."""
    shape = outputs[0].shape
    layouts = [*(y.layout for y in outputs), *(x.layout.broadcast_to(shape) for x in inputs)]
    lengths, strides = merge_axes(shape, [layout.strides for layout in layouts])
    arguments: list[Any] = []
    for buffer, layout, steps in zip([*outputs, *inputs], layouts, strides, strict=True):
        arguments += (buffer.memory, layout.offset, steps)
    kernel = map_kernel(function, compute.name, len(inputs), tuple(y.dtype.name for y in outputs))
    driver.launch_flat(kernel, outputs[0].size, lengths, *arguments)


class DeviceMemory:
    """The part of the backend protocol that moves elements without computing on them."""

    def from_host(self, array: Array) -> Buffer:
        """A copy."""
        return Buffer(driver.upload(array), array.dtype, Layout.dense(array.shape))

    def to_host(self, buffer: Buffer) -> Array:
        """A copy, when everything before has been computed."""
        whole = dense(buffer)
        elements = driver.download(whole.memory, whole.layout.offset, whole.size)
        result: Array = elements.view(whole.dtype).reshape(whole.shape)
        return result

    def shares_memory(self, a: Buffer, b: Buffer) -> bool:
        """Whether they are of one allocation."""
        return a.memory is b.memory

    def copy_into(self, target: Buffer, source: Buffer) -> None:
        """Overwrite the target's elements."""
        map_into(_COPY, target.dtype, [target], [source])

    def synchronize(self) -> None:
        """Wait for every kernel."""
        driver.synchronize()

    def reshape(self, buffer: Buffer, shape: Shape) -> Buffer:
        """A view of a dense buffer, else of a dense copy."""
        whole = dense(buffer)
        return whole.view(Layout.dense(shape, whole.layout.offset))

    def permute(self, buffer: Buffer, axes: tuple[int, ...]) -> Buffer:
        """A view with permuted strides."""
        return buffer.view(buffer.layout.permute(axes))

    def broadcast_to(self, buffer: Buffer, shape: Shape) -> Buffer:
        """A view with strides of zero."""
        return buffer.view(buffer.layout.broadcast_to(shape))

    def index(self, buffer: Buffer, index: Any) -> Buffer:
        """A view for slices and numbers, a copy for arrays.

        One integer array after full slices picks on the device. Of any other index with arrays the host computes which
        elements it means, and the device copies them.
        """
        if is_view_index(index):
            return buffer.view(buffer.layout.index(index))
        axis = _sole_array(index)
        if axis is not None and axis < buffer.ndim:
            return _take(buffer, axis, np.asarray(index[axis] if isinstance(index, tuple) else index))
        places = np.arange(buffer.size).reshape(buffer.shape)[index]
        return _take(self.reshape(buffer, (buffer.size,)), 0, np.asarray(places))

    def scatter_add(self, shape: Shape, index: Any, values: Buffer) -> Buffer:
        """On the device where no element is meant twice, else on the host, in the order of the index."""
        if is_view_index(index):
            result = filled(shape, values.dtype, 0)
            self.copy_into(result.view(result.layout.index(index)), values)
            return result
        total = np.zeros(shape, values.dtype)
        np.add.at(total, index, self.to_host(values))
        return self.from_host(total)

    def concatenate(self, buffers: Sequence[Buffer], axis: int) -> Buffer:
        """A new buffer."""
        first = buffers[0]
        shape = list(first.shape)
        shape[axis] = sum(part.shape[axis] for part in buffers)
        result = Buffer.empty(tuple(shape), first.dtype)
        start = 0
        for part in buffers:
            end = start + part.shape[axis]
            self.copy_into(result.view(result.layout.index((*[slice(None)] * axis, slice(start, end)))), part)
            start = end
        return result


def _sole_array(index: Any) -> int | None:
    """The axis of the one array of integers in an index that is otherwise of full slices; None for any other index."""
    parts = index if isinstance(index, tuple) else (index,)
    axes = [axis for axis, part in enumerate(parts) if not (isinstance(part, slice) and part == slice(None))]
    if len(axes) == 1 and isinstance(parts[axes[0]], np.ndarray) and parts[axes[0]].dtype.kind in "iu":
        return axes[0]
    return None


def _take(buffer: Buffer, axis: int, places: Array) -> Buffer:
    length = buffer.shape[axis]
    outside = places[(places < -length) | (places >= length)]
    if outside.size:
        raise IndexError(f"index {outside[0]} is out of bounds for axis {axis} with size {length}")
    whole = dense(buffer)
    result = Buffer.empty((*buffer.shape[:axis], *places.shape, *buffer.shape[axis + 1 :]), buffer.dtype)
    positive = driver.upload(np.where(places < 0, places + length, places).astype(np.int64))
    inner = math.prod(buffer.shape[axis + 1 :])
    driver.launch_flat(
        gather_kernel(),
        result.size,
        *(places.size, length, inner, result.memory, positive, whole.memory, whole.layout.offset),
    )
    return result

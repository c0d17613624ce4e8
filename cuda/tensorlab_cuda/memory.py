"""Memory operations on the device: copies, views, indexing, joining."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab.backends import checks
from tensorlab.errors import IndexOutOfBoundsError, ShapeError
from tensorlab.host_arrays import cast
from tensorlab.scalars import ScalarFunction, scalar_function
from tensorlab_cuda import driver, fallback
from tensorlab_cuda.allocator import Borrowed, constant, unused, upload
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.kernels.gather import gather_kernel
from tensorlab_cuda.kernels.map import map_kernel
from tensorlab_cuda.kernels.places import arguments, counter
from tensorlab_cuda.kernels.scatter import scatter_kernel
from tensorlab_cuda.layout import Layout, Shape, dense_strides, is_view_index, merge_axes

Array = np.ndarray[Any, Any]


def _itself(x: float) -> float:
    return x


_COPY = scalar_function(_itself)
_MAX_CACHED_BYTES = 512
"""The size in bytes up to which an uploaded array is cached."""


def dense(buffer: Buffer) -> Buffer:
    """Return the buffer, or a dense copy in C order if it is not dense."""
    if buffer.layout.is_dense:
        return buffer
    return copied(buffer)


def copied(buffer: Buffer) -> Buffer:
    """Return a dense copy in C order."""
    copy = Buffer.empty(buffer.shape, buffer.dtype)
    copy_into(copy, buffer)
    return copy


def copy_into(target: Buffer, source: Buffer) -> None:
    """Copy a buffer into another one of the same dtype, with broadcasting."""
    map_into(_COPY, target.dtype, [target], [source])


def to_host(buffer: Buffer) -> Array:
    """Copy a buffer to the host after all kernels launched before have run."""
    whole = dense(buffer)
    elements = driver.download(whole.array, whole.layout.offset, whole.size)
    result: Array = elements.view(whole.dtype).reshape(whole.shape)
    return result


def filled(shape: Shape, dtype: Any, value: float) -> Buffer:
    """Return a new buffer filled with a value."""
    result = Buffer.empty(shape, dtype)
    one = cast(np.array([value]), np.dtype(dtype))
    copy_into(result, Buffer(constant(one), dtype, Layout.dense(())))
    return result


def map_into(function: ScalarFunction, compute: Any, outputs: Sequence[Buffer], inputs: Sequence[Buffer]) -> None:
    """Map a scalar function over inputs, which broadcast to the shape of the outputs, and write the outputs."""
    shape = outputs[0].shape
    for buffer in outputs:
        buffer.memory.limits = None
    buffers = [*outputs, *inputs]
    strides = [buffer.layout.broadcast_to(shape).strides for buffer in buffers]
    lengths, steps = merge_axes(shape, strides)
    if all(step == (1,) for step in steps):
        lengths, steps = (), [()] * len(steps)
    dtypes = [buffer.dtype.name for buffer in buffers]
    count = counter(shape) if len(lengths) > 1 else np.uint64
    kernel = map_kernel(
        function, compute.name, tuple(dtypes[len(outputs) :]), tuple(dtypes[: len(outputs)]), len(lengths), count
    )
    arrays = [(buffer.address, step) for buffer, step in zip(buffers, steps, strict=True)]
    driver.launch_flat(kernel, outputs[0].size, *arguments(lengths, arrays))


class DeviceMemory:
    """The part of the backend protocol that moves elements without computing on them."""

    def from_host(self, array: Array) -> Buffer:
        """Copy an array to the device. Small arrays with equal elements share memory."""
        memory = constant(array) if array.nbytes <= _MAX_CACHED_BYTES else upload(array)
        return Buffer(memory, array.dtype, Layout.dense(array.shape))

    def to_host(self, buffer: Buffer) -> Array:
        """Copy a buffer to the host after all kernels launched before have run."""
        return to_host(buffer)

    def shares_memory(self, a: Buffer, b: Buffer) -> bool:
        """Return whether two buffers are in one allocation."""
        return a.memory is b.memory

    def computes_on_host(self, operation: str) -> None:
        """Warn or raise, depending on ``TENSORLAB_CUDA_FALLBACK``."""
        fallback.report(operation)

    def copy(self, buffer: Buffer) -> Buffer:
        """Copy a buffer on the device. If the memory belongs to another library, wait until the copy is made."""
        copy = copied(buffer)
        if isinstance(buffer.memory, Borrowed):
            driver.synchronize()
        return copy

    def copy_into(self, target: Buffer, source: Buffer) -> None:
        """Overwrite the elements of the target."""
        checks.check_copy(Buffer, target, source)
        copy_into(target, source)

    def fits(self, size: int) -> bool:
        """Return whether data fits into half of the free memory."""
        return size <= (driver.free_memory()[0] + unused()) // 2

    def synchronize(self) -> None:
        """Wait until all kernels have finished."""
        driver.synchronize()

    def reshape(self, buffer: Buffer, shape: Shape) -> Buffer:
        """Return a view of the buffer, or of a dense copy if it is not dense."""
        if math.prod(shape) != buffer.size:
            raise ShapeError("reshape", f"a shape of {buffer.size} elements", str(shape))
        whole = dense(buffer)
        return whole.view(Layout.dense(shape, whole.layout.offset))

    def permute(self, buffer: Buffer, axes: tuple[int, ...]) -> Buffer:
        """Return a view with permuted axes."""
        checks.check_axes("permute", buffer.ndim, axes)
        return buffer.view(buffer.layout.permute(axes))

    def broadcast_to(self, buffer: Buffer, shape: Shape) -> Buffer:
        """Return a view with strides of 0."""
        checks.check_broadcast("broadcast_to", buffer.shape, shape)
        return buffer.view(buffer.layout.broadcast_to(shape))

    def index(self, buffer: Buffer, index: Any) -> Buffer:
        """Return a view for slices and integers, and a copy for arrays.

        A single integer array among full slices is gathered on the device. Other indices with arrays are converted to
        flat indices on the host, and the device gathers the elements.
        """
        if is_view_index(index):
            return buffer.view(buffer.layout.index(index))
        axis = _sole_array(index)
        if axis is not None and axis < buffer.ndim:
            return _take(buffer, axis, np.asarray(index[axis] if isinstance(index, tuple) else index))
        return _take(self.reshape(buffer, (buffer.size,)), 0, _places(buffer.shape, index))

    def put(self, buffer: Buffer, index: Any, values: Buffer) -> None:
        """Assign to a part of a buffer. An index with arrays is converted to flat indices on the host."""
        if is_view_index(index):
            copy_into(buffer.view(buffer.layout.index(index)), values)
            return
        places = _places(buffer.shape, index).ravel()
        if not places.size:
            return
        sources = np.arange(buffer.size)
        sources[places] = buffer.size + np.arange(places.size)
        both = self.concatenate([self.reshape(buffer, (buffer.size,)), self.reshape(values, (values.size,))], 0)
        copy_into(buffer, self.reshape(self.gather(both, self.from_host(sources)), buffer.shape))

    def gather(self, buffer: Buffer, places: Buffer) -> Buffer:
        """Gather parts along the first axis on the device.

        The host checks the indices. It waits for the device only if the indices were computed there.

        Raises:
            IndexOutOfBoundsError: for an index out of bounds, as on the host.
        """
        checks.check_buffer("gather", Buffer, buffer)
        checks.check_buffer("gather", Buffer, places, np.dtype(np.int64))
        return picked(buffer, _checked(places, buffer.shape))

    def scatter_add(self, shape: Shape, index: Any, values: Buffer) -> Buffer:
        """Add the values at each index; each sum is in the order of the index."""
        try:
            wanted = np.broadcast_to(np.int8(0), shape)[index].shape
        except IndexError as error:
            raise IndexOutOfBoundsError(
                "scatter_add", f"indices that fit shape {shape}", "others", str(error)
            ) from None
        if values.shape != wanted:
            checks.check_broadcast("scatter_add", values.shape, wanted)
            values = self.broadcast_to(values, wanted)
        if is_view_index(index):
            result = filled(shape, values.dtype, 0)
            copy_into(result.view(result.layout.index(index)), values)
            return result
        axis = _sole_array(index)
        if axis is not None and axis < len(shape):
            return _scatter(shape, axis, np.asarray(index[axis] if isinstance(index, tuple) else index), values)
        return self.reshape(_scatter((math.prod(shape),), 0, _places(shape, index), values), shape)

    def concatenate(self, buffers: Sequence[Buffer], axis: int) -> Buffer:
        """Join buffers along an axis into a new buffer."""
        checks.check_parts("concatenate", Buffer, buffers, axis)
        first = buffers[0]
        shape = list(first.shape)
        shape[axis] = sum(part.shape[axis] for part in buffers)
        result = Buffer.empty(tuple(shape), first.dtype)
        start = 0
        for part in buffers:
            end = start + part.shape[axis]
            copy_into(result.view(result.layout.index((*[slice(None)] * axis, slice(start, end)))), part)
            start = end
        return result


def _sole_array(index: Any) -> int | None:
    """Return the axis of the only integer array in an index of otherwise full slices; None for any other index."""
    parts = index if isinstance(index, tuple) else (index,)
    axes = [axis for axis, part in enumerate(parts) if not (isinstance(part, slice) and part == slice(None))]
    if len(axes) == 1 and isinstance(parts[axes[0]], np.ndarray) and parts[axes[0]].dtype.kind in "iu":
        return axes[0]
    return None


def _places(shape: Shape, index: Any) -> Array:
    """Return the flat indices of the elements that an index selects, without creating an array of all flat indices."""
    places: Array = np.broadcast_to(0, shape)[index]
    for axis, step in enumerate(dense_strides(shape)):
        along = np.arange(shape[axis]) * step
        places = places + np.broadcast_to(along.reshape(-1, *(1,) * (len(shape) - axis - 1)), shape)[index]
    return np.asarray(places)


def _positive(places: Array, axis: int, length: int) -> Array:
    """Convert indices along an axis to nonnegative ones."""
    outside = places[(places < -length) | (places >= length)]
    if outside.size:
        raise IndexError(f"index {outside[0]} is out of bounds for axis {axis} with size {length}")
    return np.where(places < 0, places + length, places).astype(np.int64)


def _checked(places: Buffer, shape: Shape) -> Buffer:
    """Check indices along the first axis of a shape, and convert them to nonnegative ones."""
    if not shape:
        raise IndexOutOfBoundsError("gather", "indices that fit", f"indices for shape {shape}", "it has no axis")
    limits = None if places.memory.shared else places.memory.limits
    if not places.size or (limits is not None and limits[0] >= 0 and limits[1] < shape[0]):
        return places
    indices = to_host(places)  # the limits are those of all the memory, and this may be a view of a part
    if indices.min() >= 0 and indices.max() < shape[0]:
        return places
    try:
        positive = _positive(indices, 0, shape[0])
    except IndexError as error:
        received = f"indices for shape {shape}"
        raise IndexOutOfBoundsError("gather", "indices that fit", received, str(error)) from None
    return Buffer(upload(positive), places.dtype, Layout.dense(places.shape))


def picked(buffer: Buffer, places: Buffer) -> Buffer:
    """Gather parts along the first axis by indices that are known to be in range."""
    return _gathered(buffer, 0, dense(places).address, places.shape)


def _take(buffer: Buffer, axis: int, places: Array) -> Buffer:
    """Gather parts along an axis, after a check of the indices."""
    positive = upload(_positive(places, axis, buffer.shape[axis]))
    return _gathered(buffer, axis, positive.address, places.shape)


def _gathered(buffer: Buffer, axis: int, places: int, shape: Shape) -> Buffer:
    """Gather parts along an axis by the indices at an address; ``shape`` is the shape of the indices."""
    whole = dense(buffer)
    before, length, after = buffer.shape[:axis], buffer.shape[axis], buffer.shape[axis + 1 :]
    result = Buffer.empty((*before, *shape, *after), buffer.dtype)
    sizes = math.prod(shape), length, math.prod(after)
    driver.launch_flat(gather_kernel(buffer.dtype.name), result.size, *sizes, result.address, places, whole.address)
    return result


def _scatter(shape: Shape, axis: int, places: Array, values: Buffer) -> Buffer:
    """Add parts into a new buffer at indices along an axis. The host sorts the indices, and the device adds."""
    length = shape[axis]
    positive = _positive(places, axis, length).ravel()
    parts = np.argsort(positive, kind="stable")
    lists = upload(np.searchsorted(positive[parts], np.arange(length + 1)))
    order = upload(parts)
    whole = dense(values)
    result = Buffer.empty(shape, values.dtype)
    inner = math.prod(shape[axis + 1 :])
    driver.launch_flat(
        scatter_kernel(values.dtype.name),
        result.size,
        *(places.size, length, inner, result.address, lists.address, order.address, whole.address),
    )
    return result

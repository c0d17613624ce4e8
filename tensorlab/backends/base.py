"""The protocol of a backend: memory, structure, and the loop kinds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import numpy as np

from tensorlab.dtypes import DType
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape
from tensorlab.windows import Windows


class Buffer(Protocol):
    """An array of one backend; other code may only use these attributes."""

    @property
    def shape(self) -> Shape:
        """The length of each axis."""

    @property
    def ndim(self) -> int:
        """The number of axes."""

    @property
    def size(self) -> int:
        """The number of elements."""

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""


class Backend(Protocol):
    """The methods that a device has to implement.

    Operations check their arguments. A backend checks buffers again before a kernel reads their memory, because plugins
    may call it directly. `tensorlab.backends.checks` raises for buffers of another backend, dtype, shape or layout.

    A returned buffer may share memory with an argument only where the method says so. Buffers are written only by
    `update`, `copy_into`, `put`, and the kernel that creates them.
    """

    name: str

    @property
    def about(self) -> str:
        """A one-line description of the hardware; may be empty."""

    def at(self, index: int) -> Backend:
        """Return the backend of the device with this index, as in ``"cpu:0"``.

        A backend with a single device returns itself for index 0.

        Raises:
            DeviceError: if there is no such device.
        """

    # Memory
    def from_host(self, array: np.ndarray[Any, Any]) -> Any:
        """Return a buffer with the values of an aligned array in native byte order.

        It may share memory with the array, or with other buffers of the same values, so it must be copied before it is
        written.
        """

    def to_host(self, buffer: Any) -> np.ndarray[Any, Any]:
        """Return an array with the values of a buffer; it may share the buffer's memory."""

    def export(self, buffer: Any) -> Any:
        """Return an object through which other libraries can read the buffer's memory without a copy.

        For host memory this is a read-only NumPy array. For device memory it has the array API standard's
        ``__dlpack__`` and other interfaces that are usual for such memory.
        """

    def computes_on_host(self, operation: str) -> None:
        """Prepare for an operation without a kernel, which is computed on the host; a backend may warn or raise."""

    def copy(self, buffer: Any) -> Any:
        """Return a C-contiguous copy."""

    def shares_memory(self, a: Any, b: Any) -> bool:
        """Return whether two buffers may share memory."""

    def copy_into(self, target: Any, source: Any) -> None:
        """Copy the elements of a source to a target, which may be a view; both have the same shape and dtype."""

    def fits(self, size: int) -> bool:
        """Return whether ``size`` bytes can stay in device memory, leaving enough for computing on them."""

    def synchronize(self) -> None:
        """Wait until all pending work is done."""

    # Structure. These return views if possible.
    def reshape(self, buffer: Any, shape: Shape) -> Any:
        """Return the elements, in C order, in another shape."""

    def permute(self, buffer: Any, axes: tuple[int, ...]) -> Any:
        """Return the buffer with its axes in another order."""

    def broadcast_to(self, buffer: Any, shape: Shape) -> Any:
        """Repeat the buffer along axes of length 1 and new leading axes."""

    def index(self, buffer: Any, index: Any) -> Any:
        """Return ``buffer[index]`` for an index of slices, integers, None, ``...``, and arrays."""

    def put(self, buffer: Any, index: Any, values: Any) -> None:
        """Assign ``buffer[index] = values`` in place, for values of the shape and dtype of ``buffer[index]``.

        If an index selects an element more than once, the last value is stored. The buffer is C-contiguous and does not
        share its memory.
        """

    def gather(self, buffer: Any, indices: Any) -> Any:
        """Return ``buffer[indices]`` for an int64 buffer of indices along the first axis, all within its length."""

    def scatter_add(self, shape: Shape, index: Any, values: Any) -> Any:
        """Return zeros of a shape with ``values`` added at ``index``; values at repeated indices accumulate."""

    def concatenate(self, buffers: Sequence[Any], axis: int) -> Any:
        """Concatenate buffers of one dtype along an axis."""

    # The loop kinds. `map` and `reduce` return functions prepared for given dtypes, to keep each call short.
    def map(
        self, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
    ) -> Callable[..., Any]:
        """Return ``run(shape, *buffers)``, which applies a scalar function to buffers that broadcast to a shape.

        ``run`` returns a buffer, or a tuple of buffers if the function returns several values. Inputs are converted to
        ``compute``, and values to the dtypes of the outputs, like `tensorlab.host_arrays.cast`: integers wrap around,
        and real numbers become integers through int64.

        Args:
            function: the scalar function.
            compute: the dtype of the computation.
            inputs: the dtype of each input.
            outputs: the dtype of each output.
        """

    def reduce(
        self, rule: Reduction, compute: DType, input: DType, output: DType
    ) -> Callable[[Any, tuple[int, ...] | None], Any]:
        """Return ``run(buffer, axes)``, which reduces a buffer over some axes, or over all axes for None.

        The result does not have the reduced axes.

        Args:
            rule: the reduction.
            compute: the dtype of the computation.
            input: the dtype of the buffer.
            output: the dtype of the result.
        """

    def arg_reduce(self, rule: str, buffer: Any) -> Any:
        """Return the int64 index of the first "max" or "min" along the last axis; NaN counts as either."""

    def rowwise(self, rule: Rowwise, inputs: Sequence[Any]) -> Any:
        """Apply a row-wise rule along the last axis of inputs of one shape and dtype."""

    def scan(self, rule: Scan, inputs: Sequence[Any], compute: DType, output: DType) -> Any:
        """Scan along the last axis of inputs of one shape, and compute in the dtype ``compute``."""

    def matmul(
        self, a: Any, b: Any, epilogue: ScalarFunction | None = None, operands: Sequence[Any] = (), keep: bool = False
    ) -> tuple[Any, Any]:
        """Multiply two stacks of matrices of one dtype and equal leading axes.

        With an epilogue the result is ``epilogue(product, *operands)``; the operands broadcast to the product's shape.

        Returns:
            the result, and the product without the epilogue if ``keep`` is true, else None.
        """

    # Windows. Images are of (batch, height, width, channels), kernels of (rows, columns, channels / groups, filters),
    # and outputs of (batch, windows down, windows across, filters). All have one floating-point dtype.
    def convolve(
        self,
        windows: Windows,
        images: Any,
        weights: Any,
        epilogue: ScalarFunction | None = None,
        operands: Sequence[Any] = (),
        keep: bool = False,
    ) -> tuple[Any, Any]:
        """Return the product of each window with the kernel ``weights``: the sum over its elements and channels.

        With an epilogue the result is ``epilogue(product, *operands)``, where an operand has one element per filter.

        Returns:
            the result, and the product without the epilogue if ``keep`` is true, else None.
        """

    def convolve_weights(self, windows: Windows, images: Any, outputs: Any) -> Any:
        """Return the gradient of ``sum(convolve(windows, images, weights) * outputs)`` for the kernel."""

    def convolve_images(self, windows: Windows, shape: Shape, outputs: Any, weights: Any) -> Any:
        """Return the same gradient for images of a shape."""

    def window_max(self, windows: Windows, images: Any) -> tuple[Any, Any]:
        """Return the maximum of each window and channel, and which element of the window it is, as int32 in C order.

        The first of equal elements is chosen, and NaN is larger than all numbers. Padding is ignored; a window of
        padding alone has the maximum -inf and the element -1.
        """

    def window_sum(self, windows: Windows, images: Any, taps: Any = None) -> Any:
        """Return the sum of each window and channel; with ``taps`` of `window_max`, that one of its elements."""

    def window_spread(self, windows: Windows, shape: Shape, outputs: Any, taps: Any = None) -> Any:
        """Return the gradient of ``sum(window_sum(windows, images, taps) * outputs)`` for images of a shape."""

    def update(
        self, function: ScalarFunction, groups: Sequence[Sequence[Any]], hyperparameters: Sequence[float]
    ) -> None:
        """Apply an optimizer function to all weights and their slots in place, in one call per training step.

        Args:
            function: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.
            groups: ``(weight, gradient, *slots)`` for each weight. All buffers have one dtype, and those of a group
                have one shape. Weights and slots are C-contiguous and do not share their memory.
            hyperparameters: the hyperparameters, the same for all groups.
        """


class SharingBackend(Backend, Protocol):
    """A backend that also accepts arrays of other libraries in the memory of its device, without a copy.

    The two attributes are read from the registered factory before a backend exists. So they are class attributes, or
    attributes of the registered function.

    Attributes:
        dlpack_types: DLPack's device type numbers of the accepted memory.
        interfaces: names of attributes that identify arrays in such memory if they do not support DLPack.
    """

    dlpack_types: Collection[int]
    interfaces: Collection[str]

    def adopt(self, who: str, array: Any, copy: bool | None) -> Any:
        """Return a buffer in the memory of another library's array, and keep the array alive with the buffer.

        tensorlab does not write to this buffer, but the array's owner may. Such writes must not change the result of
        `Backend.copy`.

        Args:
            who: the caller's name in error messages.
            array: an object with ``__dlpack__`` and one of `dlpack_types`, or with one of `interfaces`.
            copy: False if the other library must not copy the array.

        Raises:
            DTypeError: if tensorlab does not support the dtype.
            DeviceError: if the memory belongs to another device of the same type.
            ArgumentError: if the other library refuses to share the array.
        """

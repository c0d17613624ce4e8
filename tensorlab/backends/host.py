"""Memory and structure in NumPy arrays, for the backends that compute on the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Self

import numpy as np

from tensorlab.backends import checks
from tensorlab.errors import ArgumentError, DeviceError, IndexOutOfBoundsError, ShapeError, TensorlabError
from tensorlab.shapes import Shape

Array = np.ndarray[Any, Any]

writable: Callable[[Array], bool] = attrgetter("flags.carray")
"""Whether a kernel may write the elements of an array one after the other."""

_nditer: Any = np.nditer
_OF_VIEWS, _READ_ONLY = ["multi_index", "refs_ok", "zerosize_ok"], ["readonly"]


def apart(gradient: Array, weight: Array) -> Array:
    """The gradient as a C-contiguous array, of which writing the weight changes no element that is still to be read."""
    dense = np.ascontiguousarray(gradient)
    views = dense.base is not None or weight.base is not None
    if views and np.may_share_memory(dense, weight) and dense.ctypes.data != weight.ctypes.data:
        return dense.copy()
    return dense


def _refusal(who: str, received: str, error: Exception) -> TensorlabError:
    """What is raised in place of an error of NumPy's."""
    if isinstance(error, ValueError):  # an error about axes is both
        return ShapeError(who, "shapes that fit", received, str(error))
    return IndexOutOfBoundsError(who, "indices that fit", received, str(error))


class HostMemory:
    """The part of the backend protocol that moves elements without computing on them."""

    name: str

    def at(self, index: int) -> Self:
        """Itself for 0.

        Raises:
            DeviceError: for another number.
        """
        if index:
            raise DeviceError(
                f"device '{self.name}:{index}'", f"{self.name!r} or '{self.name}:0', the only one", str(index)
            )
        return self

    @property
    def about(self) -> str:
        """Nothing that the rest of ``python -m tensorlab info`` does not say."""
        return ""

    def from_host(self, array: Array) -> Array:
        """The array itself; a copy if kernels cannot read it."""
        if not array.flags.aligned or not array.dtype.isnative:
            return array.astype(array.dtype.newbyteorder("="))
        return array

    def to_host(self, buffer: Array) -> Array:
        """The buffer itself."""
        return buffer

    def export(self, buffer: Array) -> Array:
        """A view that cannot be written to."""
        array = buffer.view()
        array.flags.writeable = False
        return array

    def computes_on_host(self, operation: str) -> None:
        """Nothing to be said of it."""

    def copy(self, buffer: Array) -> Array:
        """A new array."""
        return np.array(buffer, order="C")

    def shares_memory(self, a: Array, b: Array) -> bool:
        """Whether the memory that they span overlaps."""
        return np.may_share_memory(a, b)

    def copy_into(self, target: Array, source: Array) -> None:
        """Overwrite the target's elements."""
        checks.check_copy(np.ndarray, target, source)
        if not target.flags.writeable:
            raise ArgumentError("copy_into", "a buffer that can be written to", "a read-only one")
        target[...] = source

    def holds(self, size: int) -> bool:
        """Always: what is on the host need not be moved."""
        return True

    def synchronize(self) -> None:
        """Nothing is ever pending on the host."""

    def reshape(self, buffer: Array, shape: Shape) -> Array:
        """A view where the strides allow it."""
        try:
            return buffer.reshape(shape)
        except (ValueError, IndexError) as error:
            raise _refusal("reshape", f"shape {shape} for {buffer.shape}", error) from None

    def permute(self, buffer: Array, axes: tuple[int, ...]) -> Array:
        """A view with permuted strides."""
        try:
            return buffer.transpose(axes)
        except (ValueError, IndexError) as error:
            raise _refusal("permute", f"axes {axes} for shape {buffer.shape}", error) from None

    def broadcast_to(self, buffer: Array, shape: Shape) -> Array:
        """A view with strides of zero."""
        try:
            # What NumPy's function of this name does, without its checks in Python, which are slow.
            view: Array = _nditer(buffer, _OF_VIEWS, _READ_ONLY, itershape=shape, order="C").itviews[0]
            return view if view.shape == shape else np.broadcast_to(buffer, shape)
        except (ValueError, IndexError) as error:
            raise _refusal("broadcast_to", f"shape {shape} for {buffer.shape}", error) from None

    def index(self, buffer: Array, index: Any) -> Array:
        """A view for slices and numbers, a copy for arrays."""
        return np.asarray(buffer[index])

    def put(self, buffer: Array, index: Any, values: Array) -> None:
        """NumPy's assignment."""
        buffer[index] = values

    def gather(self, buffer: Array, places: Array) -> Array:
        """A copy."""
        try:
            return np.asarray(buffer[places])
        except (ValueError, IndexError) as error:
            raise _refusal("gather", f"indices for shape {buffer.shape}", error) from None

    def scatter_add(self, shape: Shape, index: Any, values: Array) -> Array:
        """Zeros with the values added in the order of the index."""
        result = np.zeros(shape, values.dtype)
        parts = index if isinstance(index, tuple) else (index,)
        try:
            if any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" for part in parts):
                np.add.at(result, index, values)
            else:  # only an array of integers can mean an element twice
                result[index] = values
        except (ValueError, IndexError) as error:
            raise _refusal("scatter_add", f"values of shape {values.shape} for {shape}", error) from None
        return result

    def concatenate(self, buffers: Sequence[Array], axis: int) -> Array:
        """A new array."""
        checks.check_parts("concatenate", np.ndarray, buffers, axis)
        return np.concatenate(buffers, axis)

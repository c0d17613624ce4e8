"""Memory and structure in NumPy arrays, shared by the backends that compute on the host."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Self

import numpy as np

from tensorlab.backends import checks
from tensorlab.backends.listening import called, listening, refused, viewed
from tensorlab.errors import ArgumentError, DeviceError, IndexOutOfBoundsError, ShapeError, TensorlabError
from tensorlab.shapes import Shape

Array = np.ndarray[Any, Any]

writable: Callable[[Array], bool] = attrgetter("flags.carray")
"""Return whether an array is C-contiguous, aligned and writeable."""

_nditer: Any = np.nditer
_OF_VIEWS, _READ_ONLY = ["multi_index", "refs_ok", "zerosize_ok"], ["readonly"]


def apart(gradient: Array, weight: Array) -> Array:
    """Return the gradient as a C-contiguous array, and copy it if an update of the weight could overwrite it.

    A gradient in exactly the memory of the weight is safe, because each element is read before it is written.
    """
    dense = np.ascontiguousarray(gradient)
    views = dense.base is not None or weight.base is not None
    if views and np.may_share_memory(dense, weight) and dense.ctypes.data != weight.ctypes.data:
        return dense.copy()
    return dense


def contiguous(array: Array) -> Array:
    """Return the array, or a C-contiguous copy if it is not contiguous."""
    if array.flags.c_contiguous:
        return array
    dense = np.ascontiguousarray(array)
    if listening[0]:
        called(np.ascontiguousarray, (array,), dense)
    return dense


def _tell(made: Array, buffer: Array, function: Callable[..., Array], argument: Any) -> None:
    """Tell a listener of the result of NumPy's function, which is a view or a copy."""
    if np.may_share_memory(made, buffer):
        viewed(made, buffer)
    else:
        called(function, (buffer, argument), made)


def _refusal(who: str, received: str, error: Exception) -> TensorlabError:
    """Return the tensorlab error that replaces an error of NumPy."""
    if isinstance(error, ValueError):  # first, because NumPy's AxisError is both
        return ShapeError(who, "shapes that fit", received, str(error))
    return IndexOutOfBoundsError(who, "indices that fit", received, str(error))


class HostMemory:
    """The part of the backend protocol that moves elements without computing on them."""

    name: str
    listens = False
    """Whether listeners are notified of all that the backend does; see `tensorlab.backends.listening`."""

    def at(self, index: int) -> Self:
        """Return this backend for index 0.

        Raises:
            DeviceError: for any other index.
        """
        if index:
            raise DeviceError(
                f"device '{self.name}:{index}'", f"{self.name!r} or '{self.name}:0', the only one", str(index)
            )
        return self

    @property
    def about(self) -> str:
        """An empty string: ``python -m tensorlab info`` already describes the host."""
        return ""

    def from_host(self, array: Array) -> Array:
        """Return the array itself, or a copy if kernels cannot read it."""
        if not array.flags.aligned or not array.dtype.isnative:
            return array.astype(array.dtype.newbyteorder("="))
        return array

    def to_host(self, buffer: Array) -> Array:
        """Return the buffer itself."""
        if listening[0]:
            refused("it reads the elements of a tensor")
        return buffer

    def export(self, buffer: Array) -> Array:
        """Return a read-only view."""
        if listening[0]:
            refused("it exports a tensor")
        array = buffer.view()
        array.flags.writeable = False
        return array

    def computes_on_host(self, operation: str) -> None:
        """Do nothing: the host is where buffers already are."""

    def copy(self, buffer: Array) -> Array:
        """Return a C-contiguous copy."""
        made = np.array(buffer, order="C")
        if listening[0]:
            called(np.array, (buffer,), made)
        return made

    def shares_memory(self, a: Array, b: Array) -> bool:
        """Return whether the memory ranges of two arrays overlap."""
        return np.may_share_memory(a, b)

    def copy_into(self, target: Array, source: Array) -> None:
        """Copy the elements of the source to the target."""
        checks.check_copy(np.ndarray, target, source)
        if not target.flags.writeable:
            raise ArgumentError("copy_into", "a buffer that can be written to", "a read-only one")
        target[...] = source
        if listening[0]:
            called(self.copy_into, (target, source), None, (target,))

    def fits(self, size: int) -> bool:
        """Return True: data on the host needs no other memory."""
        return True

    def synchronize(self) -> None:
        """Do nothing: no work is ever pending on the host."""

    def reshape(self, buffer: Array, shape: Shape) -> Array:
        """Return the elements in another shape, as a view if the strides allow it."""
        try:
            made = buffer.reshape(shape)
        except (ValueError, IndexError) as error:
            raise _refusal("reshape", f"shape {shape} for {buffer.shape}", error) from None
        if listening[0]:
            _tell(made, buffer, np.reshape, shape)
        return made

    def permute(self, buffer: Array, axes: tuple[int, ...]) -> Array:
        """Return a view with permuted axes."""
        try:
            made = buffer.transpose(axes)
        except (ValueError, IndexError) as error:
            raise _refusal("permute", f"axes {axes} for shape {buffer.shape}", error) from None
        if listening[0]:
            viewed(made, buffer)
        return made

    def broadcast_to(self, buffer: Array, shape: Shape) -> Array:
        """Return a view with strides of zero along repeated axes."""
        try:
            # The core of np.broadcast_to, without its slow checks in Python.
            view: Array = _nditer(buffer, _OF_VIEWS, _READ_ONLY, itershape=shape, order="C").itviews[0]
            if view.shape != shape:
                view = np.broadcast_to(buffer, shape)
        except (ValueError, IndexError) as error:
            raise _refusal("broadcast_to", f"shape {shape} for {buffer.shape}", error) from None
        if listening[0]:
            viewed(view, buffer)
        return view

    def index(self, buffer: Array, index: Any) -> Array:
        """Return a view for slices and integers, and a copy for arrays."""
        made = np.asarray(buffer[index])
        if listening[0]:
            _tell(made, buffer, operator.getitem, index)
        return made

    def put(self, buffer: Array, index: Any, values: Array) -> None:
        """Assign to the selected elements in place."""
        buffer[index] = values
        if listening[0]:
            called(self.put, (buffer, index, values), None, (buffer,))

    def gather(self, buffer: Array, indices: Array) -> Array:
        """Return a copy of the selected elements along the first axis."""
        try:
            made = np.asarray(buffer[indices])
        except (ValueError, IndexError) as error:
            raise _refusal("gather", f"indices for shape {buffer.shape}", error) from None
        if listening[0]:
            called(operator.getitem, (buffer, indices), made)
        return made

    def scatter_add(self, shape: Shape, index: Any, values: Array) -> Array:
        """Return zeros with the values added in index order."""
        result = np.zeros(shape, values.dtype)
        parts = index if isinstance(index, tuple) else (index,)
        try:
            if any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" for part in parts):
                np.add.at(result, index, values)
            else:  # only an integer array can select an element twice
                result[index] = values
        except (ValueError, IndexError) as error:
            raise _refusal("scatter_add", f"values of shape {values.shape} for {shape}", error) from None
        if listening[0]:
            called(self.scatter_add, (shape, index, values), result)
        return result

    def concatenate(self, buffers: Sequence[Array], axis: int) -> Array:
        """Concatenate arrays along an axis."""
        checks.check_parts("concatenate", np.ndarray, buffers, axis)
        made = np.concatenate(buffers, axis)
        if listening[0]:
            called(np.concatenate, (tuple(buffers), axis), made)
        return made

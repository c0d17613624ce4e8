"""Assign to parts of tensors: ``x[index] = value``, and ``x.at[index]``, whose methods return a new tensor."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.arguments import check_callable
from tensorlab.dtypes import DType, can_hold
from tensorlab.errors import ArgumentTypeError, DeviceError, DTypeError, ShapeError, StateError
from tensorlab.ops import arithmetic, extrema, powers
from tensorlab.ops.broadcasting import spread
from tensorlab.ops.choosing import where
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.indexing import getitem, plain_index, scatter, selected_shape
from tensorlab.ops.shaping import reshape
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, converted, writing

# Values


def assignable(who: str, value: Any, target: Tensor, shape: Shape, broadcast: bool = True) -> Tensor:
    """Convert a value to a tensor that can be assigned to a target.

    Args:
        who: the operation, for messages.
        value: the value: a tensor, an array or numbers.
        target: the tensor whose dtype and device the result has.
        shape: the shape of the result.
        broadcast: whether the value may broadcast to the shape.

    Raises:
        ShapeError: if the value does not fit the shape.
        DTypeError: if the value is of another kind of dtype. Within a kind it is converted.
        ArgumentError: for Python integers that the dtype cannot represent.
        DeviceError: if the value is a tensor on another device.
    """
    device = None if isinstance(value, Tensor) else target.device
    new = converted(who, value, None, device, None).snapshot()
    fits = _broadcasts(new.shape, shape) if broadcast else new.shape == shape
    if not fits:
        raise ShapeError(who, f"a value of shape {shape}", str(new.shape))
    numbers = not isinstance(value, (Tensor, np.ndarray))  # Python integers have neither width nor signedness
    if not _fits(new.dtype, target.dtype, numbers):
        raise DTypeError(who, f"a value of {target.dtype}", str(new.dtype), f"use .astype({str(target.dtype)!r})")
    if numbers:
        new = converted(who, value, target.dtype, device, None)  # refuses integers that do not fit
    if new.device != target.device:
        raise DeviceError(who, f"a value on {target.device}", new.device, f"use .to_device({target.device!r})")
    return spread(new.astype(target.dtype), shape)


def _fits(dtype: DType, target: DType, numbers: bool) -> bool:
    """Return whether a dtype may be converted to another: to a real one, within a kind, or without loss."""
    kinds = {"f": "fiub", "b": "b"}.get(target.kind, "iu" if numbers else target.kind)
    return dtype.kind in kinds or can_hold(target, dtype)


def _broadcasts(shape: Shape, target: Shape) -> bool:
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all([n in (1, wanted) for n, wanted in pairs])


def _prepared(who: str, x: Tensor, index: Any, value: Any) -> tuple[Any, Tensor]:
    """Check an assignment before anything changes. Return the index for the backend, and a value for each element."""
    plain = plain_index(index, who)
    shape = selected_shape(x, plain, who)
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim > len(shape):  # NumPy accepts leading axes of length 1
        extra = value.ndim - len(shape)
        if all(length == 1 for length in value.shape[:extra]):
            value = reshape(value, value.shape[extra:])
    return plain, assignable(who, value, x, shape)


# In place


_counts: list[int] = []


class _Probe:
    def __setitem__(self, index: Any, value: Any) -> None:
        _counts.append(sys.getrefcount(self))


def _references_of_a_temporary() -> int:
    """Return how many references ``__setitem__`` counts to an object without a name; 0 if it cannot tell."""
    _Probe()[0] = 0
    named = _Probe()
    named[0] = 0
    temporary, other = _counts
    return temporary if temporary < other else 0


_TEMPORARY = _references_of_a_temporary()
# Since Python 3.12, x[a:b] = value compiles to an instruction of its own.
_STATEMENTS = {dis.opmap[name] for name in ("STORE_SUBSCR", "STORE_SLICE") if name in dis.opmap}


def _by_statement(caller: FrameType) -> bool:
    """Return whether a statement assigns, and not a call of ``__setitem__``, which counts fewer references."""
    return caller.f_code.co_code[caller.f_lasti] in _STATEMENTS


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """Assign to selected elements: ``x[index] = value``. The index may be any that ``x[index]`` takes.

    The value broadcasts to the selected elements. If the index selects an element more than once, the last value wins.
    Nothing that was read from ``x`` before changes: neither views, NumPy arrays nor values that a tape keeps, nor an
    array whose memory ``x`` shared. A tape records the assignment: the gradient flows to the value, and to the elements
    of ``x`` that were not assigned.

    Raises:
        IndexOutOfBoundsError: for an index outside of its axis.
        ArgumentTypeError: for something that is not an index, or if ``x`` is a temporary tensor, as in
            ``x[0][1] = value``, where the change would be lost.
        ShapeError: for a value that does not broadcast to the selected elements.
        DTypeError: for a value of another kind of dtype.
        DeviceError: for a value on another device.
        StateError: if a recording tape watches ``x``: the tape would watch another value than the new one.

    Source: Python array API standard, ``array.__setitem__``.
    """
    who = "x[index] = value"
    if sys.getrefcount(self) <= _TEMPORARY and _by_statement(sys._getframe(1)):
        hint = "write x[0, 1] = value in place of x[0][1] = value, or name the tensor first"
        raise ArgumentTypeError(who, "a tensor that has a name", "a temporary tensor, whose change would be lost", hint)
    if autodiff.watching(self.key):
        hint = "use y = x.at[index].set(value) inside of the tape"
        raise StateError(who, "a recording tape watches the tensor", hint)
    plain, new = _prepared(who, self, index, value)
    recorded = autodiff.recording() and self.dtype.kind == "f"
    if recorded:
        before = self.snapshot()
        del before._buffer  # the tape needs only its key, and a second reference to the buffer would cause a copy
    with writing([self]) as (claim,):
        self._backend.put(claim.buffer, plain, new._buffer)
        self.key = autodiff.new_key()
    if recorded:
        autodiff.record((before, new), (self,), _vjps(self.shape, plain))


# As a new tensor


def _set(x: Tensor, plain: Any, new: Tensor) -> Tensor:
    """Return ``x`` with some elements replaced. The index and the value are checked already."""
    buffer = x._backend.copy(x._buffer)
    x._backend.put(buffer, plain, new._buffer)
    result = Tensor(buffer, x._backend)
    if autodiff.recording() and x.dtype.kind == "f":
        autodiff.record((x, new), (result,), _vjps(x.shape, plain))
    return result


def _vjps(shape: Shape, plain: Any) -> tuple[autodiff.Vjp, autodiff.Vjp]:
    """Return the vjps of a replacement, for the old tensor and for the new values."""

    def of_old(gradient: Tensor) -> Tensor:
        parts = getitem(gradient, plain)
        return _set(gradient, plain, parts.like(np.zeros(parts.shape)))

    def of_new(gradient: Tensor) -> Tensor:
        parts, last = getitem(gradient, plain), _last(shape, plain)
        return parts if last is None else where(last, parts, 0.0)

    return of_old, of_new


def _flat_indices(shape: Shape, plain: Any) -> np.ndarray[Any, Any] | None:
    """Return the flat index of each selected element, or None for an index that selects no element twice."""
    parts = plain if isinstance(plain, tuple) else (plain,)
    if not any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" for part in parts):
        return None
    flat: np.ndarray[Any, Any] = np.arange(int(np.prod(shape))).reshape(shape)[plain]
    return flat


def _last(shape: Shape, plain: Any) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Return a mask of the values that are the last ones for their element; None if each element has one value."""
    positions = _flat_indices(shape, plain)
    if positions is None:
        return None
    flat = positions.ravel()
    order = np.arange(flat.size)
    last_of = np.zeros(int(np.prod(shape)), np.int64)
    last_of[flat] = order
    last: np.ndarray[Any, np.dtype[np.bool_]] = last_of[flat] == order
    return last.reshape(positions.shape)


def _without_repeats(positions: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Split flat indices so that none occurs twice in a part: first occurrences, then second ones, and so on."""
    flat = positions.ravel()
    order = np.argsort(flat, kind="stable")
    ordered, count = flat[order], np.arange(flat.size)
    starts = np.maximum.accumulate(np.where(np.append(True, ordered[1:] != ordered[:-1])[: flat.size], count, 0))
    occurrence = np.empty_like(count)
    occurrence[order] = count - starts
    times = int(np.max(occurrence)) + 1 if occurrence.size else 0
    return [np.flatnonzero(occurrence == number) for number in range(times)]


class At:
    """``x.at``: an object whose items, ``x.at[index]``, are selected elements.

    Source: ``jax.numpy.ndarray.at``.
    """

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def __getitem__(self, index: Any) -> AtIndex:
        return AtIndex(self._tensor, index)

    def __repr__(self) -> str:
        return f"<at of a tensor of shape {self._tensor.shape}>"


class AtIndex:
    """Selected elements of a tensor, whose methods return a changed copy of the tensor.

    All methods are differentiable. Values broadcast to the selected elements, and are converted to the tensor's dtype
    within its kind. If the index selects an element several times, each of its values is applied in turn; `set` takes
    the last one.

    Raises:
        IndexOutOfBoundsError: (every method) for an index outside of its axis.
        ArgumentTypeError: (every method) for something that is not an index.
        ShapeError: (every method) for a value that does not broadcast to the selected elements.
        DTypeError: (every method) for a value of another kind of dtype.
        DeviceError: (every method) for a value on another device.

    Example:
        >>> tl.asarray([1.0, 2.0, 3.0]).at[1:].multiply(10.0)
        Tensor([ 1., 20., 30.], dtype=float32)
    """

    __slots__ = ("_index", "_tensor")

    def __init__(self, tensor: Tensor, index: Any) -> None:
        self._tensor, self._index = as_tensor(tensor, "x.at"), plain_index(index, "x.at")

    def get(self) -> Tensor:
        """Return the selected elements, ``x[index]``."""
        return getitem(self._tensor, self._index)

    def set(self, value: Any) -> Tensor:
        """Return the tensor with the elements replaced."""
        return _set(self._tensor, *_prepared("x.at[index].set", self._tensor, self._index, value))

    def add(self, value: Any) -> Tensor:
        """Return the tensor with a value added to the elements."""
        return self._sum("add", arithmetic.add, value)

    def subtract(self, value: Any) -> Tensor:
        """Return the tensor with a value subtracted from the elements."""
        return self._sum("subtract", arithmetic.subtract, value)

    def multiply(self, value: Any) -> Tensor:
        """Return the tensor with the elements multiplied by a value."""
        return self._combined("multiply", arithmetic.multiply, value)

    mul = multiply

    def divide(self, value: Any) -> Tensor:
        """Return the tensor with the elements divided by a value."""
        return self._combined("divide", arithmetic.divide, value)

    def power(self, value: Any) -> Tensor:
        """Return the tensor with the elements raised to a power."""
        return self._combined("power", powers.pow, value)

    def min(self, value: Any) -> Tensor:
        """Return the tensor with each element replaced by the minimum of it and a value."""
        return self._combined("min", extrema.minimum, value)

    def max(self, value: Any) -> Tensor:
        """Return the tensor with each element replaced by the maximum of it and a value."""
        return self._combined("max", extrema.maximum, value)

    def apply(self, function: Callable[[Tensor], Any]) -> Tensor:
        """Return the tensor with the elements replaced by ``function(elements)``, which keeps their shape."""
        check_callable("x.at[index].apply", "a function of a tensor", function)
        return self.set(function(self.get()))

    def __repr__(self) -> str:
        return f"<elements of a tensor of shape {self._tensor.shape}: use get, set, add, multiply, min, max, ...>"

    def _sum(self, name: str, operation: Callable[..., Tensor], value: Any) -> Tensor:
        x = self._tensor
        plain, new = _prepared(f"x.at[index].{name}", x, self._index, value)
        return operation(x, scatter(new, x.shape, plain))

    def _combined(self, name: str, operation: Callable[..., Tensor], value: Any) -> Tensor:
        x, who = self._tensor, f"x.at[index].{name}"
        plain, new = _prepared(who, x, self._index, value)
        positions = _flat_indices(x.shape, plain)
        parts = [] if positions is None else _without_repeats(positions)
        if positions is None or len(parts) <= 1:
            return _set(x, plain, self._fitting(who, operation(getitem(x, plain), new)))
        result, values, flat = reshape(x, (-1,)), reshape(new, (-1,)), positions.ravel()
        for part in parts:
            changed = self._fitting(who, operation(getitem(result, flat[part]), getitem(values, part)))
            result = _set(result, flat[part], changed)
        return reshape(result, x.shape)

    def _fitting(self, who: str, part: Tensor) -> Tensor:
        """Raise DTypeError if the operation gave another kind of dtype, as quotients of integers are."""
        return assignable(who, part, self._tensor, part.shape)

"""Assignment to parts of tensors: ``x[index] = value``, and ``x.at[index]``, which makes a new tensor."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.dtypes import DType, can_hold
from tensorlab.errors import ArgumentTypeError, DeviceError, DTypeError, ShapeError, StateError
from tensorlab.ops import arithmetic, extrema, powers
from tensorlab.ops.broadcasting import spread
from tensorlab.ops.comparison import where
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.indexing import getitem, plain_index, scatter, selected_shape
from tensorlab.ops.shaping import reshape
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, converted, writing

# Values


def assignable(who: str, value: Any, target: Tensor, shape: Shape, broadcast: bool = True) -> Tensor:
    """Return a value as a tensor of a shape and of the target's dtype and device.

    Raises:
        ShapeError: if it does not broadcast to the shape, or without ``broadcast`` is of another shape.
        DTypeError: if it is of another kind of dtype; within a kind it is converted.
        ArgumentError: for Python integers that the dtype does not hold.
        DeviceError: if it is a tensor on another device.
    """
    device = None if isinstance(value, Tensor) else target.device
    new = converted(who, value, None, device, None).snapshot()
    fits = _broadcasts(new.shape, shape) if broadcast else new.shape == shape
    if not fits:
        raise ShapeError(who, f"a value of shape {shape}", str(new.shape))
    numbers = not isinstance(value, (Tensor, np.ndarray))  # of Python, in which an integer has no width or sign
    if not _fits(new.dtype, target.dtype, numbers):
        raise DTypeError(who, f"a value of {target.dtype}", str(new.dtype), f"use .astype({str(target.dtype)!r})")
    if numbers:
        new = converted(who, value, target.dtype, device, None)  # refuses integers that do not fit
    if new.device != target.device:
        raise DeviceError(who, f"a value on {target.device}", new.device, f"use .to_device({target.device!r})")
    return spread(new.astype(target.dtype), shape)


def _fits(dtype: DType, target: DType, numbers: bool) -> bool:
    """Whether elements of a dtype may be converted to another: to real ones, within a kind, or without loss."""
    kinds = {"f": "fiub", "b": "b"}.get(target.kind, "iu" if numbers else target.kind)
    return dtype.kind in kinds or can_hold(target, dtype)


def _broadcasts(shape: Shape, target: Shape) -> bool:
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all([n in (1, wanted) for n, wanted in pairs])


def _prepared(who: str, x: Tensor, index: Any, value: Any) -> tuple[Any, Tensor]:
    """Check everything before anything changes: the index as the backend takes it, and the value for each element."""
    plain = plain_index(index, who)
    shape = selected_shape(x, plain, who)
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim > len(shape):  # leading axes of 1, as NumPy takes them
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
    """Return the references to an object that has no name, as ``__setitem__`` counts them; 0 if it cannot tell."""
    _Probe()[0] = 0
    named = _Probe()
    named[0] = 0
    temporary, other = _counts
    return temporary if temporary < other else 0


_TEMPORARY = _references_of_a_temporary()
# From Python 3.12 on, x[a:b] = value has an instruction of its own.
_STATEMENTS = {dis.opmap[name] for name in ("STORE_SUBSCR", "STORE_SLICE") if name in dis.opmap}


def _by_statement(caller: FrameType) -> bool:
    """Whether a statement assigns, and not a call of ``__setitem__``, which has fewer references."""
    return caller.f_code.co_code[caller.f_lasti] in _STATEMENTS


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """Give some elements new values: ``x[index] = value``, for everything that `Tensor.__getitem__` takes as an index.

    The value broadcasts to the elements that the index selects. Where an index selects one more than once, the last
    value counts. What was read from ``x`` before (views, NumPy arrays, values that a tape keeps) does not change, nor
    does an array whose memory ``x`` shared. A tape records it: the gradient flows to the value, and to the
    elements of ``x`` that stay.

    Raises:
        IndexOutOfBoundsError, ArgumentTypeError: for an index that does not fit.
        ShapeError, DTypeError, DeviceError: for a value that does not fit, see `assignable`.
        ArgumentTypeError: if ``x`` has no name, as in ``x[0][1] = value``: nobody could see the change.
        StateError: if a recording tape watches ``x``, which would be another value than the one that it watches.

    Source: Python array API standard, ``array.__setitem__``.
    """
    who = "x[index] = value"
    if sys.getrefcount(self) <= _TEMPORARY and _by_statement(sys._getframe(1)):
        hint = "write x[0, 1] = value in place of x[0][1] = value, or name the tensor first"
        raise ArgumentTypeError(who, "a tensor that has a name", "a temporary one, whose change would be lost", hint)
    if autodiff.watching(self.key):
        hint = "inside of the tape use y = x.at[index].set(value)"
        raise StateError(who, "a tensor that no tape watches", "one that a recording tape watches", hint)
    plain, new = _prepared(who, self, index, value)
    recorded = autodiff.recording() and self.dtype.kind == "f"
    if recorded:
        before = self.snapshot()
        del before._buffer  # a tape needs its key alone, and a second reference would cost a copy
    with writing([self]) as (claim,):
        self._backend.put(claim.buffer, plain, new._buffer)
        self.key = autodiff.new_key()
    if recorded:
        autodiff.record((before, new), (self,), _vjps(self.shape, plain))


# As a new tensor


def _set(x: Tensor, plain: Any, new: Tensor) -> Tensor:
    """Return ``x`` with some elements replaced, for an index and a value that have been checked."""
    buffer = x._backend.copy(x._buffer)
    x._backend.put(buffer, plain, new._buffer)
    result = Tensor(buffer, x._backend)
    if autodiff.recording() and x.dtype.kind == "f":
        autodiff.record((x, new), (result,), _vjps(x.shape, plain))
    return result


def _vjps(shape: Shape, plain: Any) -> tuple[autodiff.Vjp, autodiff.Vjp]:
    """The gradients of a replacement by what was there and by the new values."""

    def of_old(gradient: Tensor) -> Tensor:
        parts = getitem(gradient, plain)
        return _set(gradient, plain, parts.like(np.zeros(parts.shape)))

    def of_new(gradient: Tensor) -> Tensor:
        parts, last = getitem(gradient, plain), _last(shape, plain)
        return parts if last is None else where(last, parts, 0.0)

    return of_old, of_new


def _places(shape: Shape, plain: Any) -> np.ndarray[Any, Any] | None:
    """The position of each element that an index selects; None for an index that selects none twice."""
    parts = plain if isinstance(plain, tuple) else (plain,)
    if not any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" for part in parts):
        return None
    positions: np.ndarray[Any, Any] = np.arange(int(np.prod(shape))).reshape(shape)[plain]
    return positions


def _last(shape: Shape, plain: Any) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Where the last of the values for each element is; None if each element has one value."""
    places = _places(shape, plain)
    if places is None:
        return None
    flat = places.ravel()
    order = np.arange(flat.size)
    winner = np.zeros(int(np.prod(shape)), np.int64)
    winner[flat] = order
    last: np.ndarray[Any, np.dtype[np.bool_]] = winner[flat] == order
    return last.reshape(places.shape)


def _rounds(places: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Cut positions into lists of indices: in the first that of each position's first occurrence, and so on."""
    flat = places.ravel()
    order = np.argsort(flat, kind="stable")
    ordered, count = flat[order], np.arange(flat.size)
    starts = np.maximum.accumulate(np.where(np.append(True, ordered[1:] != ordered[:-1])[: flat.size], count, 0))
    turn = np.empty_like(count)
    turn[order] = count - starts
    rounds = int(turn.max()) + 1 if turn.size else 0
    return [np.flatnonzero(turn == number) for number in range(rounds)]


class At:
    """``x.at``, of which ``x.at[index]`` selects elements.

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
    """Selected elements of a tensor. Each method returns a new tensor and leaves the old one as it is.

    All are differentiable. Values broadcast to the selected elements and are converted to the tensor's dtype, within
    its kind. An element that the index selects several times is changed by each of its values; by `set` to the last.

    Raises:
        IndexOutOfBoundsError, ArgumentTypeError: (every method) for an index that does not fit.
        ShapeError, DTypeError, DeviceError: (every method) for a value that does not fit.

    Example:
        >>> tl.asarray([1.0, 2.0, 3.0]).at[1:].multiply(10.0)
        Tensor([ 1., 20., 30.], dtype=float32)
    """

    __slots__ = ("_index", "_tensor")

    def __init__(self, tensor: Tensor, index: Any) -> None:
        self._tensor, self._index = as_tensor(tensor, "x.at"), plain_index(index, "x.at")

    def get(self) -> Tensor:
        """Return the elements, ``x[index]``."""
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
        """Return the tensor with each element replaced by the lesser of it and a value."""
        return self._combined("min", extrema.minimum, value)

    def max(self, value: Any) -> Tensor:
        """Return the tensor with each element replaced by the greater of it and a value."""
        return self._combined("max", extrema.maximum, value)

    def apply(self, function: Callable[[Tensor], Any]) -> Tensor:
        """Return the tensor with the elements replaced by a function of them: a tensor to one of its shape."""
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
        places = _places(x.shape, plain)
        turns = [] if places is None else _rounds(places)
        if places is None or len(turns) <= 1:
            return _set(x, plain, self._fitting(who, operation(getitem(x, plain), new)))
        result, values, flat = reshape(x, (-1,)), reshape(new, (-1,)), places.ravel()
        for turn in turns:
            part = self._fitting(who, operation(getitem(result, flat[turn]), getitem(values, turn)))
            result = _set(result, flat[turn], part)
        return reshape(result, x.shape)

    def _fitting(self, who: str, part: Tensor) -> Tensor:
        """Refuse what an operation makes of another kind, such as quotients of integers."""
        return assignable(who, part, self._tensor, part.shape)

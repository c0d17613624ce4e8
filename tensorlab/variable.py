"""`Variable`, a tensor that can be assigned to, whole or in part."""

from __future__ import annotations

import sys
from typing import Any, ClassVar, NoReturn

import numpy as np

from tensorlab import autodiff
from tensorlab.arguments import named
from tensorlab.errors import DeviceError, DTypeError, ShapeError
from tensorlab.ops.broadcasting import spread
from tensorlab.ops.indexing import getitem, plain_index
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape
from tensorlab.tensor import TENSORS, Tensor, asarray, converted


class _Watched(Tensor):
    """The value of a variable that tapes watch."""

    __slots__ = ("variable",)
    watched = True

    variable: Variable


class _Probe:
    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = np.empty(0)

    def references(self) -> int:
        return sys.getrefcount(self._buffer)


_ALONE = _Probe().references()


class Variable(Tensor):
    """A tensor that can be assigned to, such as a weight.

    Whoever has read its value keeps what was read: an assignment writes in place only if nobody else holds the memory,
    and takes new memory otherwise. A part is assigned to by its index: ``v[0, 0].assign(3.0)``.

    Args:
        initial_value: anything that `asarray` takes; it is copied.
        trainable: whether a `GradientTape` watches it by itself and an optimizer may change it.
        dtype: None to keep or infer it.
        name: what it is called in messages.

    Source: ``tf.Variable``.
    """

    __slots__ = ("marks", "name", "regularizer", "trainable")
    _title: ClassVar[str] = "Variable"

    @named
    def __init__(self, initial_value: Any, trainable: bool = True, dtype: Any = None, name: str = "variable") -> None:
        value = asarray(initial_value, dtype=dtype)
        super().__init__(value._backend.copy(value._buffer), value._backend)
        self.trainable = trainable
        self.name = name
        self.marks: tuple[str, ...] = ()  # by which optimizers find its slots when both are copied or loaded
        self.regularizer: Any = None  # from this variable to what it adds to a loss; a layer's `add_weight` sets it

    @property
    def watched(self) -> bool:  # type: ignore[override]
        """Whether a tape watches it by itself."""
        return self.trainable and self.dtype.kind == "f"

    @property
    def value(self) -> Tensor:
        """The value as it is now, which later assignments do not change."""
        return self.snapshot()

    def snapshot(self) -> Tensor:
        """A tensor with the value as it is now, which a tape takes for this variable."""
        tensor: Tensor
        if self.watched:
            tensor = watched = _Watched.__new__(_Watched)
            watched.variable = self
        else:
            tensor = Tensor.__new__(Tensor)
        tensor._buffer, tensor._backend, tensor.key = self._buffer, self._backend, self.key
        return tensor

    def own_buffer(self) -> Any:
        """The buffer, after a copy if anybody else holds its memory: what may be written into."""
        if sys.getrefcount(self._buffer) > _ALONE:
            self._buffer = self._backend.copy(self._buffer)
        return self._buffer

    def assign(self, value: Any) -> Variable:
        """Replace the value, and return the variable.

        Raises:
            ShapeError: if ``value`` has another shape.
            DTypeError: if it is of another kind of dtype; within a kind it is converted.
            DeviceError: if it is a tensor on another device.
        """
        new = _assignable(f"assign to {self.name!r}", value, self)
        if sys.getrefcount(self._buffer) > _ALONE:
            self._buffer = self._backend.copy(new._buffer)
        else:
            self._backend.copy_into(self._buffer, new._buffer)
        return self

    def assign_add(self, value: Any) -> Variable:
        """Add to the value something that broadcasts to its shape. Raises what `assign` raises."""
        return self._update(_PLUS, value)

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from the value something that broadcasts to its shape. Raises what `assign` raises."""
        return self._update(_MINUS, value)

    def _update(self, rule: ScalarFunction, value: Any) -> Variable:
        """Apply a rule of the value and another in one pass, in place if nobody else holds the memory."""
        who = f"assign to {self.name!r}"
        if self.dtype.kind == "b":
            raise DTypeError(who, "a variable of numbers", "bool", "use assign")
        new = _assignable(who, value, self, broadcast=True)
        self._backend.update(rule, ((self.own_buffer(), new._buffer),), ())
        return self

    def __getitem__(self, index: Any) -> VariableSlice:
        return VariableSlice(self, index)

    def __reduce__(self) -> Any:
        arguments = Tensor(self._buffer, self._backend), self.trainable, None, self.name
        return type(self), arguments, (None, {"regularizer": self.regularizer, "marks": self.marks})

    def _describe(self) -> str:
        return f"{super()._describe()}, name={self.name!r}"


def _refuse_in_place(self: Variable, other: Any) -> NoReturn:
    raise TypeError(
        f"{self.name!r}: a Variable is changed with assign, assign_add or assign_sub; write v = v + x for a new tensor"
    )


_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
for _name in (*_ARITHMETIC, "and", "or", "xor", "lshift", "rshift"):
    setattr(Variable, f"__i{_name}__", _refuse_in_place)


TENSORS += [Variable, _Watched]


class VariableSlice(Tensor):
    """``variable[index]``: a tensor like any other, by which that part of the variable can be assigned to."""

    __slots__ = ("_index", "_variable")

    def __init__(self, variable: Variable, index: Any) -> None:
        self._variable = variable
        self._index = plain_index(index)
        self._read()

    def _read(self) -> None:
        value = getitem(self._variable, self._index)
        super().__init__(value._buffer, value._backend)
        self.key = value.key

    def snapshot(self) -> Tensor:
        """The value as a tensor that assignments do not change."""
        tensor = Tensor.__new__(Tensor)
        tensor._buffer, tensor._backend, tensor.key = self._buffer, self._backend, self.key
        return tensor

    def assign(self, value: Any) -> Variable:
        """Replace this part of the variable, of which a mask or an array may name any elements; return the variable.

        Raises:
            ShapeError: if ``value`` has another shape than this part.
            DTypeError: if it is of another kind of dtype; within a kind it is converted.
            DeviceError: if it is a tensor on another device.
        """
        variable, backend = self._variable, self._backend
        new = _assignable(f"assign to a part of {variable.name!r}", value, self)
        del self._buffer  # else the variable would not be alone with its memory
        if _is_view(self._index):
            parts = self._index if isinstance(self._index, tuple) else (self._index,)
            parts = parts if any([part is Ellipsis for part in parts]) else (*parts, ...)  # a view of one element, too
            backend.copy_into(backend.index(variable.own_buffer(), parts), new._buffer)
        else:
            backend.computes_on_host("assigning to the elements that an array names")
            array = np.array(variable.numpy(), order="C")
            array[self._index] = new.numpy()
            variable._buffer = backend.copy(backend.from_host(array))
        self._read()
        return variable

    def assign_add(self, value: Any) -> Variable:
        """Add to this part of the variable. Raises what `assign` raises."""
        with autodiff.no_grad():
            return self.assign(self.snapshot() + value)

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from this part of the variable. Raises what `assign` raises."""
        with autodiff.no_grad():
            return self.assign(self.snapshot() - value)


def _plus(value: float, other: float) -> float:
    return value + other


def _minus(value: float, other: float) -> float:
    return value - other


_PLUS, _MINUS = ScalarFunction.of(_plus), ScalarFunction.of(_minus)


def _assignable(who: str, value: Any, target: Tensor, broadcast: bool = False) -> Tensor:
    """``value`` as a tensor of the target's shape, dtype and device, or the error that says why it is none."""
    device = None if isinstance(value, Tensor) else target.device
    new = converted(who, value, None, device, None)
    fits = _broadcasts(new.shape, target.shape) if broadcast else new.shape == target.shape
    if not fits:
        raise ShapeError(who, f"a value of shape {target.shape}", str(new.shape))
    numbers = not isinstance(value, (Tensor, np.ndarray))  # of Python, in which an integer has no width or sign
    kinds = {"f": "fiub", "b": "b"}.get(target.dtype.kind, "iu" if numbers else target.dtype.kind)
    if new.dtype.kind not in kinds:
        raise DTypeError(who, f"a value of {target.dtype}", str(new.dtype), f"use .astype({str(target.dtype)!r})")
    if numbers:
        new = converted(who, value, target.dtype, device, None)  # refuses integers that do not fit
    if new.device != target.device:
        raise DeviceError(who, f"a value on {target.device}", new.device, f"use .to_device({target.device!r})")
    with autodiff.no_grad():
        return spread(new.astype(target.dtype), target.shape)


def _broadcasts(shape: Shape, target: Shape) -> bool:
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all([n in (1, wanted) for n, wanted in pairs])


def _is_view(index: Any) -> bool:
    """Whether an index is of slices, numbers, None and ``...`` alone, so that what it reads can be written to."""
    parts = index if isinstance(index, tuple) else (index,)
    return not any([isinstance(part, (np.ndarray, bool, np.bool_)) for part in parts])

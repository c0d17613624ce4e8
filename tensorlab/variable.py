"""`Variable`, a tensor that can be assigned to, whole or in part."""

from __future__ import annotations

import copy
from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, NoReturn

from tensorlab import autodiff, dtypes
from tensorlab.arguments import named
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tensorlab.ops import add, subtract
from tensorlab.ops.assignment import assignable
from tensorlab.ops.indexing import getitem, plain_index
from tensorlab.scalars import ScalarFunction, scalar_function
from tensorlab.serialization import get
from tensorlab.shapes import as_shape
from tensorlab.tensor import TENSORS, MutableTensor, Tensor, converted, lock, writing


class _Watched(Tensor):
    """The value of a variable that tapes watch."""

    __slots__ = ()
    watched = True

    variable = property(attrgetter("origin"), doc="The variable that it was read from.")

    def snapshot(self) -> Tensor:
        value = _new(_Watched)
        value._buffer, value._backend, value.key, value.origin = self._buffer, self._backend, self.key, self.origin
        return value


_new = object.__new__


class Variable(MutableTensor):
    """A tensor that can be assigned to, such as a weight.

    Whoever has read its value keeps what was read: an assignment writes in place only if nobody else holds the memory,
    and takes new memory otherwise. A part is assigned to by its index: ``v[0, 0].assign(3.0)``.

    Args:
        initial_value: anything that `asarray` takes, which is copied; or an initializer, see below.
        shape: of the variable. An initializer needs it; a value has to be of it.
        dtype: None to keep or infer that of a value, and float32 for an initializer.
        trainable: whether a `GradientTape` watches it by itself and an optimizer may change it.
        name: what it is called in messages.
        initializer: another name of ``initial_value``: a value, the name of an initializer such as "zeros", an
            `Initializer`, its config, or a function of ``(shape, dtype)``.

    Raises:
        ArgumentTypeError: without a value and an initializer, or with both.
        ArgumentError: for an initializer without a shape.
        ShapeError: for a value, or what an initializer gives, of another shape.
        UnknownNameError: for the name of no initializer.

    Example:
        >>> tl.Variable(shape=(2,), initializer="zeros")
        Variable([0., 0.], dtype=float32, name='variable')

    Source: Keras, ``keras.Variable``; ``tf.Variable``.
    """

    __slots__ = ("marks", "name", "regularizer", "trainable")
    _title: ClassVar[str] = "Variable"

    @named
    def __init__(
        self,
        initial_value: Any = None,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str = "variable",
        *,
        initializer: Any = None,
    ) -> None:
        value = _initial(f"Variable {name!r}", initial_value, initializer, shape, dtype)
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
        """Return the value as it is now, which a tape takes for this variable."""
        if not (self.trainable and self.dtype.kind == "f"):  # as `watched` says
            return super().snapshot()
        value = _new(_Watched)
        value._buffer, value._backend, value.key, value.origin = self._buffer, self._backend, self.key, self
        return value

    def own_buffer(self) -> Any:
        """Return the buffer, after a copy if anybody else has its memory; for devices that write into it themselves."""
        with writing([self]):
            pass
        return self._buffer

    def assign(self, value: Any) -> Variable:
        """Replace the value, and return the variable.

        Raises:
            ShapeError: if ``value`` has another shape.
            DTypeError: if it is of another kind of dtype; within a kind it is converted.
            DeviceError: if it is a tensor on another device.
        """
        new = self._taken(f"assign to {self.name!r}", value, broadcast=False)
        with writing([self], keep=False) as (claim,):
            if claim.alone:
                self._backend.copy_into(claim.buffer, new._buffer)
            else:
                claim.buffer = self._backend.copy(new._buffer)
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
        new = self._taken(who, value, broadcast=True)
        with writing([self]) as (claim,):
            self._backend.update(rule, ((claim.buffer, new._buffer),), ())
        return self

    def _taken(self, who: str, value: Any, broadcast: bool) -> Tensor:
        with autodiff.no_grad():  # what is assigned is the variable's new value, not an operation of the old one
            return assignable(who, value, self, self.shape, broadcast)

    def __getitem__(self, index: Any) -> VariableSlice:
        return VariableSlice(self, index)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        hint = "use v[index].assign(value), or v.at[index].set(value) for a new tensor"
        raise ArgumentTypeError("v[index] = value", "a tensor", f"Variable {self.name!r}", hint)

    def __reduce__(self) -> Any:
        arguments = Tensor(self._buffer, self._backend), None, None, self.trainable, self.name
        return type(self), arguments, (None, {"regularizer": self.regularizer, "marks": self.marks})

    def __copy__(self) -> Variable:
        """Return another variable with memory of its own, which an assignment to this one does not change."""
        return self._made_again({})

    def __deepcopy__(self, memo: Any) -> Variable:
        """Return what `__copy__` does, with a copy of the regularizer."""
        return self._made_again({"regularizer": copy.deepcopy(self.regularizer, memo)})

    def _made_again(self, changes: dict[str, Any]) -> Variable:
        make, arguments, (_, state) = self.__reduce__()
        made: Variable = make(*arguments)
        for name, value in {**state, **changes}.items():
            setattr(made, name, value)
        return made

    def _describe(self) -> str:
        return f"{super()._describe()}, name={self.name!r}"


def _initial(who: str, value: Any, initializer: Any, shape: Any, dtype: Any) -> Tensor:
    """Return what a new variable begins with: a value, or what an initializer makes."""
    if (value is None) == (initializer is None):
        given = "neither" if value is None else "both"
        raise ArgumentTypeError(who, "either an initial value, or an initializer and a shape", given)
    begin = value if initializer is None else initializer
    if isinstance(shape, bool):
        raise ArgumentTypeError(who, "a shape as the second argument", repr(shape), f"write trainable={shape}")
    lengths = None if shape is None else as_shape(who, shape)
    if isinstance(begin, (str, dict)) or callable(begin):
        if lengths is None:
            raise ArgumentError(who, "a shape for the initializer", "none", "e.g. shape=(2, 3)")
        kind = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, who)
        begin = get("initializer", begin, object)(lengths, dtype=kind)
    made = converted(who, begin, dtype, None, None)
    if lengths is not None and made.shape != lengths:
        raise ShapeError(who, f"a value of shape {lengths}", str(made.shape))
    return made


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

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        hint = "use v[index].assign(value) with an index of the whole variable"
        raise ArgumentTypeError("v[part][index] = value", "a tensor", f"a part of {self._variable.name!r}", hint)

    def assign(self, value: Any) -> Variable:
        """Replace this part of the variable, which a mask or arrays of integers may select; return the variable.

        Raises:
            ShapeError: if ``value`` has another shape than this part.
            DTypeError: if it is of another kind of dtype; within a kind it is converted.
            DeviceError: if it is a tensor on another device.
        """
        variable, backend = self._variable, self._backend
        with autodiff.no_grad():
            new = assignable(f"assign to a part of {variable.name!r}", value, self, self.shape, broadcast=False)
        self._buffer = backend.copy(self._buffer)  # a view would keep the variable from being written in place
        with writing([variable]) as (claim,):
            backend.put(claim.buffer, self._index, new._buffer)
        self._read()
        return variable

    def assign_add(self, value: Any) -> Variable:
        """Add to this part of the variable. Raises what `assign` raises."""
        return self._change(add, value)

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from this part of the variable. Raises what `assign` raises."""
        return self._change(subtract, value)

    def _change(self, operation: Callable[..., Tensor], value: Any) -> Variable:
        with lock, autodiff.no_grad():  # no other thread assigns between reading and writing
            self._read()
            return self.assign(operation(self, value))


def _plus(value: float, other: float) -> float:
    return value + other


def _minus(value: float, other: float) -> float:
    return value - other


_PLUS, _MINUS = scalar_function(_plus), scalar_function(_minus)

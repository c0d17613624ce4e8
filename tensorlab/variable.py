"""`Variable`, a tensor that can be assigned to as a whole or in part."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, NoReturn

from tensorlab import autodiff, dtypes
from tensorlab.arguments import check_name, named
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops import add, subtract
from tensorlab.ops.assignment import assignable
from tensorlab.ops.indexing import getitem, plain_index
from tensorlab.scalars import ScalarFunction
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
_alive: weakref.WeakValueDictionary[int, Variable] = weakref.WeakValueDictionary()
"""All variables by their key."""


def variables_by_buffer() -> dict[int, Variable]:
    """Return all variables by the id of the buffer that each refers to."""
    found = [reference() for reference in _alive.valuerefs()]  # a list at once, as other threads create variables
    return {id(variable._buffer): variable for variable in found if variable is not None}


class Variable(MutableTensor):
    """A tensor that can be assigned to, such as a weight.

    A value that was read before an assignment does not change: an assignment writes in place only if no other code
    refers to the memory, and otherwise uses new memory. ``v[0, 0].assign(3.0)`` assigns to a part.

    Args:
        initial_value: anything that `asarray` accepts, which is copied; or an initializer, see below.
        shape: the shape, which an initializer needs; a value must have this shape.
        dtype: the dtype. None keeps or infers that of a value, and means float32 for an initializer.
        trainable: whether tapes watch it automatically and optimizers may change it.
        name: the name in messages; "variable" if None.
        initializer: another name of ``initial_value``: a value, the name of an initializer such as "zeros", an
            `Initializer`, its config, or a function of ``(shape, dtype)``.

    Raises:
        ArgumentTypeError: without a value and an initializer, or with both.
        ArgumentError: for an initializer without a shape.
        ShapeError: if the value, or the result of the initializer, has another shape.
        UnknownNameError: for an unknown initializer.

    Example:
        >>> tl.Variable(shape=(2,), initializer="zeros")
        Variable([0., 0.], dtype=float32, name='variable')

    Source: Keras, ``keras.Variable``; ``tf.Variable``.
    """

    __slots__ = ("constraint", "marks", "name", "regularizer", "trainable")
    _title: ClassVar[str] = "Variable"

    @named
    def __init__(
        self,
        initial_value: Any = None,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = "variable",
        *,
        initializer: Any = None,
    ) -> None:
        check_name("Variable", name)
        name = "variable" if name is None else name
        value = _initial(f"Variable {name!r}", initial_value, initializer, shape, dtype)
        super().__init__(value._backend.copy(value._buffer), value._backend)
        self.trainable = trainable
        self.name = name
        self.marks: tuple[str, ...] = ()  # see `tensorlab.optimizers.slots.Slots`
        self.regularizer: Any = None  # set by a layer's `add_weight`, as the next one
        self.constraint: Any = None
        _alive[self.key] = self

    @property
    def watched(self) -> bool:  # type: ignore[override]
        """Whether tapes watch it automatically."""
        return self.trainable and self.dtype.kind == "f"

    @property
    def value(self) -> Tensor:
        """The current value, which later assignments do not change."""
        return self.snapshot()

    def snapshot(self) -> Tensor:
        """Return the current value, which has the same identity on tapes as this variable."""
        if not (self.trainable and self.dtype.kind == "f"):  # `watched` inlined
            return super().snapshot()
        value = _new(_Watched)
        value._buffer, value._backend, value.key, value.origin = self._buffer, self._backend, self.key, self
        return value

    def own_buffer(self) -> Any:
        """Return the buffer, after a copy if other code refers to its memory; for backends that write into it."""
        with writing([self]):
            pass
        return self._buffer

    def assign(self, value: Any) -> Variable:
        """Replace the value, and return the variable.

        Raises:
            ShapeError: if ``value`` has another shape.
            DTypeError: if its dtype is of another kind; within a kind it is converted.
            DeviceError: if it is a tensor on another device.
        """
        new = self._taken(f"assign to {self.name!r}", value, broadcast=False)
        with writing([self], keep=False) as (claim,):
            if claim.alone:
                self._backend.copy_into(claim.buffer, new._buffer)
            else:
                claim.replace(self._backend.copy(new._buffer))
        return self

    def assign_add(self, value: Any) -> Variable:
        """Add something that broadcasts to the shape. Raise the errors of `assign`."""
        return self._update(add.scalar, value)

    def assign_sub(self, value: Any) -> Variable:
        """Subtract something that broadcasts to the shape. Raise the errors of `assign`."""
        return self._update(subtract.scalar, value)

    def _update(self, rule: ScalarFunction, value: Any) -> Variable:
        """Apply a scalar function of the value and another one in a single pass.

        Writes in place if no other code refers to the memory.
        """
        who = f"assign to {self.name!r}"
        if self.dtype.kind == "b":
            raise DTypeError(who, "a variable of numbers", "bool", "use assign")
        new = self._taken(who, value, broadcast=True)
        with writing([self]) as (claim,):
            self._backend.update(rule, ((claim.buffer, new._buffer),), ())
        return self

    def _taken(self, who: str, value: Any, broadcast: bool) -> Tensor:
        with autodiff.no_grad():  # an assignment sets a new value; it is not an operation on the old one
            return assignable(who, value, self, self.shape, broadcast)

    def __getitem__(self, index: Any) -> VariableSlice:
        return VariableSlice(self, index)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        hint = "use v[index].assign(value), or v.at[index].set(value) for a new tensor"
        raise ArgumentTypeError("v[index] = value", "a tensor", f"Variable {self.name!r}", hint)

    def __reduce__(self) -> Any:
        arguments = Tensor(self._buffer, self._backend), None, None, self.trainable, self.name
        state = {"regularizer": self.regularizer, "constraint": self.constraint, "marks": self.marks}
        return type(self), arguments, (None, state)

    def __copy__(self) -> Variable:
        """Return another variable with its own memory."""
        return self._copied({})

    def __deepcopy__(self, memo: Any) -> Variable:
        """Return a copy as `__copy__` does, with copies of the regularizer and the constraint."""
        names = ("regularizer", "constraint")
        return self._copied({name: copy.deepcopy(getattr(self, name), memo) for name in names})

    def _copied(self, changes: dict[str, Any]) -> Variable:
        make, arguments, (_, state) = self.__reduce__()
        made: Variable = make(*arguments)
        for name, value in {**state, **changes}.items():
            setattr(made, name, value)
        return made

    def _describe(self) -> str:
        return f"{super()._describe()}, name={self.name!r}"


def _initial(who: str, value: Any, initializer: Any, shape: Any, dtype: Any) -> Tensor:
    """Return the initial value of a variable: the given value, or the result of the initializer."""
    if (value is None) == (initializer is None):
        given = "neither" if value is None else "both"
        raise ArgumentTypeError(who, "either an initial value, or an initializer and a shape", given)
    begin = value if initializer is None else initializer
    if isinstance(shape, bool):
        raise ArgumentTypeError(who, "a shape as the second argument", short_repr(shape), f"write trainable={shape}")
    lengths = None if shape is None else as_shape(who, shape)
    if isinstance(begin, (str, dict)) or callable(begin):
        if lengths is None:
            raise ArgumentError(who, "a shape for the initializer", "none", "e.g. shape=(2, 3)")
        wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, who)
        begin = get("initializer", begin, object)(lengths, dtype=wanted)
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
    """The tensor ``variable[index]``, with methods that assign to that part of the variable."""

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
        """Replace this part of the variable, which masks or integer arrays may select; return the variable.

        Raises:
            ShapeError: if ``value`` has another shape than this part.
            DTypeError: if its dtype is of another kind; within a kind it is converted.
            DeviceError: if it is a tensor on another device.
        """
        variable, backend = self._variable, self._backend
        with autodiff.no_grad():
            new = assignable(f"assign to a part of {variable.name!r}", value, self, self.shape, broadcast=False)
        self._buffer = backend.copy(self._buffer)  # copy a view, which would prevent writing in place
        with writing([variable]) as (claim,):
            backend.put(claim.buffer, self._index, new._buffer)
        self._read()
        return variable

    def assign_add(self, value: Any) -> Variable:
        """Add to this part of the variable. Raise the errors of `assign`."""
        return self._change(add, value)

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from this part of the variable. Raise the errors of `assign`."""
        return self._change(subtract, value)

    def _change(self, operation: Callable[..., Tensor], value: Any) -> Variable:
        with lock, autodiff.no_grad():  # no other thread assigns between reading and writing
            self._read()
            return self.assign(operation(self, value))

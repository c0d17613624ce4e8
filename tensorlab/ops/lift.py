"""The lift of a plain Python function of numbers to a differentiable, broadcasting operation on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, overload

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.backends import Backend
from tensorlab.devices import backend as find_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, DTypeError
from tensorlab.ops.broadcasting import sum_to
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of, is_scalar
from tensorlab.scalars import ScalarFunction, without_unused
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "astype",
    "elementwise",
]


_Pull = Callable[[Sequence[Tensor]], autodiff.Vjp]
"""From the arguments of an operation to the vjp of one of them."""


class Elementwise:
    """A differentiable, broadcasting operation made of a scalar function; called like any other.

    Attributes:
        scalar: the function that is applied to each element.
        domain: what it takes: "any" dtype, "number" (no bool), "real" (integers become float32), "integer" or "bool".
        result: the dtype that it gives: that of its arguments ("same") or "bool".
    """

    def __init__(self, scalar: ScalarFunction, domain: str = "real", result: str = "same") -> None:
        self.scalar = scalar
        self.domain = domain
        self.result = result
        self._vjps: dict[int, Elementwise] = {}
        self._arity = scalar.arity
        self._outputs: dict[DType, tuple[DType]] = {}  # by the dtypes that it has computed in
        self._pulls: list[_Pull | None] | None = None
        self.__name__ = self.__qualname__ = scalar.name
        self.__doc__ = scalar.python.__doc__

    def __repr__(self) -> str:
        return f"<elementwise operation {self.__name__!r}>"

    def __call__(self, *operands: Any) -> Tensor:
        """Apply it to tensors, arrays and numbers that broadcast together.

        Raises:
            DTypeError: for dtypes that it does not take or that have no common type.
            ShapeError: for shapes that do not broadcast.
            DeviceError: for tensors of two devices.
        """
        if len(operands) != self._arity:
            raise TypeError(f"{self.__name__} takes {self._arity} arguments, {len(operands)} were given")
        first = operands[0]
        if type(first) is Tensor:
            buffer = first._buffer
            compute, shape = buffer.dtype, buffer.shape
            for other in operands:
                if type(other) is not Tensor or other._backend is not first._backend:
                    break
                buffer = other._buffer
                if buffer.dtype is not compute or buffer.shape != shape:
                    break
            else:  # tensors that are alike, the common case: there is nothing to check or to convert
                outputs = self._outputs.get(compute)
                if outputs is not None:
                    return self._apply(operands, first._backend, shape, compute, outputs)
        tensors, backend, compute = self._converted(operands)
        shape = shapes.broadcast(self.__name__, [tensor.shape for tensor in tensors])
        outputs = self._outputs[compute] = (dtypes.bool if self.result == "bool" else compute,)
        return self._apply(tensors, backend, shape, compute, outputs)

    def _apply(
        self, tensors: Sequence[Tensor], backend: Backend, shape: Shape, compute: DType, outputs: tuple[DType]
    ) -> Tensor:
        buffers = [tensor._buffer for tensor in tensors]
        result = Tensor(backend.map(self.scalar, buffers, shape, compute, outputs)[0], backend)
        if autodiff.recording() and outputs[0].kind == "f":
            autodiff.record(tensors, (result,), self._recorded_vjps(tensors))
        return result

    def _converted(self, operands: tuple[Any, ...]) -> tuple[list[Tensor], Backend, DType]:
        """The operands as tensors of one dtype on one device; that device, and the dtype to compute in."""
        device = device_of(operands)
        given = [None if is_scalar(operand) else as_tensor(operand, self.__name__, device) for operand in operands]
        present = [tensor for tensor in given if tensor is not None]
        scalars = [operand for operand in operands if is_scalar(operand)]
        compute = self._compute(dtypes.result_type(self.__name__, [tensor.dtype for tensor in present], scalars))
        backend = common_backend(self.__name__, present) if present else find_backend()
        tensors = [
            Tensor(backend.from_host(self._number(operand, compute)), backend)
            if tensor is None
            else tensor
            if tensor.dtype is compute
            else astype(tensor, compute)
            for operand, tensor in zip(operands, given, strict=True)
        ]
        return tensors, backend, compute

    def _number(self, value: float, dtype: DType) -> np.ndarray[Any, Any]:
        try:
            return np.asarray(value, dtype)
        except OverflowError:
            hint = "convert the tensors to a wider dtype with .astype()"
            raise ArgumentError(self.__name__, f"a number that {dtype} holds", repr(value), hint) from None

    def _compute(self, dtype: DType) -> DType:
        kind = dtypes.kind(dtype)
        if self.domain == "real" and kind != "real":
            return dtypes.default_float
        refused = {"number": ("bool",), "integer": ("real",), "bool": ("integer", "real")}
        if kind in refused.get(self.domain, ()):
            raise DTypeError(self.__name__, f"tensors of {self.domain}s", str(dtype), "convert them with .astype()")
        return dtype

    def vjp(self, index: int) -> Elementwise:
        """The operation ``(gradient, *arguments) -> gradient * ∂self/∂argument``, in one pass."""
        operation = self._vjps.get(index)
        if operation is None:
            operation = self._vjps[index] = Elementwise(self.scalar.vjp(index))
        return operation

    def _recorded_vjps(self, tensors: Sequence[Tensor]) -> list[autodiff.Vjp | None]:
        """For each argument, the function from the gradient of the result to its own; it keeps what it needs."""
        if self._pulls is None:
            self._pulls = [self._pull(index) for index in range(self._arity)]
        return [pull and pull(tensors) for pull in self._pulls]

    def _pull(self, index: int) -> _Pull | None:
        given = self._vjps.get(index)
        if given is not None and not isinstance(given, Elementwise):  # a derivative that was given is not looked into
            return _through(given, index, tuple(range(self._arity)))
        slope = self.scalar.derivative(index).constant
        if slope == 0:
            return None
        if slope == 1:
            return lambda tensors: partial(sum_to, shape=tensors[index]._buffer.shape)
        scalar, (_, *places) = without_unused(self.scalar.vjp(index))
        return _through(Elementwise(scalar), index, [place - 1 for place in places])


def _through(operation: Callable[..., Tensor], index: int, places: Sequence[int]) -> _Pull:
    """From arguments to the vjp of one of them, which holds those that the operation takes beside the gradient."""
    if len(places) == 1:  # nearly always, and it need not go through a list
        (place,) = places

        def pull_one(tensors: Sequence[Tensor]) -> autodiff.Vjp:
            shape, needed = tensors[index]._buffer.shape, tensors[place]
            return lambda gradient: sum_to(operation(gradient, needed), shape)

        return pull_one

    def pull(tensors: Sequence[Tensor]) -> autodiff.Vjp:
        shape, needed = tensors[index]._buffer.shape, [tensors[place] for place in places]
        return lambda gradient: sum_to(operation(gradient, *needed), shape)

    return pull


@overload
def elementwise(function: Callable[..., float], *, domain: str = ..., result: str = ...) -> Elementwise: ...


@overload
def elementwise(*, domain: str = ..., result: str = ...) -> Callable[[Callable[..., float]], Elementwise]: ...


def elementwise(function: Any = None, *, domain: str = "real", result: str = "same") -> Any:
    """Make a differentiable, broadcasting operation of a plain Python function of numbers.

    Args:
        function: uses arithmetic, comparisons, ``math``, branches, loops, and other such functions.
        domain: what dtypes it takes, see `Elementwise`.
        result: what dtype it gives, see `Elementwise`.

    Raises:
        ScalarError: if the function cannot be lifted, naming the construct and its line.

    Example:
        >>> @tl.elementwise
        ... def mish(x: float) -> float:
        ...     return x * math.tanh(math.log1p(math.exp(x)))
        >>> mish(tl.asarray([0.0, 1.0]))
    """

    def lift(scalar: Callable[..., float]) -> Elementwise:
        return Elementwise(ScalarFunction.of(scalar), domain, result)

    return lift if function is None else lift(function)


def _identity(x: float) -> float:
    return x


_IDENTITY = ScalarFunction.of(_identity)


def astype(x: Any, dtype: Any, copy: bool = False) -> Tensor:
    """``x`` with its elements converted to another dtype. Reals lose their fraction as integers; anything non-zero is
    true.

    Args:
        x: a tensor or an array.
        dtype: one of tensorlab's dtypes.
        copy: whether a tensor that has this dtype already is copied.

    Raises:
        DTypeError: for an unknown dtype.

    Source: Python array API standard, ``astype``.
    """
    tensor = as_tensor(x, "astype")
    target = tensor.dtype if dtype is tensor.dtype else dtypes.as_dtype(dtype, "astype")
    if tensor.dtype == target and not copy:
        return tensor
    function, compute = (_NONZERO, tensor.dtype) if target.kind == "b" else (_IDENTITY, target)
    (buffer,) = tensor._backend.map(function, (tensor._buffer,), tensor.shape, compute, (target,))
    result = from_buffer_of(tensor, buffer)
    if autodiff.recording() and target.kind == "f" and tensor.dtype.kind == "f":
        autodiff.record((tensor,), (result,), (lambda gradient: astype(gradient, tensor.dtype),))
    return result


def _nonzero(x: float) -> float:
    return x != 0


_NONZERO = ScalarFunction.of(_nonzero)

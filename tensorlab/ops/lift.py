"""The lift of a plain Python function of numbers to a differentiable, broadcasting operation on tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.backends import Backend
from tensorlab.devices import backend as find_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError
from tensorlab.ops.broadcasting import sum_to
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of, is_scalar
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "astype",
    "elementwise",
]

_DOMAINS = {
    "number": ("numbers", ("integer", "real")),
    "integer": ("integers", ("integer",)),
    "bits": ("integers or bools", ("integer", "bool")),
    "bool": ("bools", ("bool",)),
}
"""What each domain that refuses a kind of dtype takes, in words and as kinds."""


class Elementwise:
    """A differentiable, broadcasting operation made of a scalar function; called like any other.

    Attributes:
        scalar: the function that is applied to each element.
        domain: what it takes: "any" dtype, "number" (no bool), "real" (integers become float32), "integer", "bool", or
            "bits" (integers and bools).
        result: the dtype that it gives: that of its arguments ("same") or "bool".
        kinds: the scalar functions that take the place of ``scalar`` for a kind of dtype, "integer" or "bool".
    """

    def __init__(
        self,
        scalar: ScalarFunction,
        domain: str = "real",
        result: str = "same",
        kinds: Mapping[str, ScalarFunction] | None = None,
        name: str = "",
    ) -> None:
        self.scalar = scalar
        self.kinds = dict(kinds or {})
        self.domain = domain
        self.result = result
        self._vjps: dict[int, Elementwise] = {}
        self._arity = scalar.arity
        self._outputs: dict[DType, tuple[DType]] = {}  # by the dtypes that it has computed in
        self._slopes: dict[int, float | None] = {}
        self.__name__ = self.__qualname__ = name or scalar.name
        self.__doc__ = scalar.python.__doc__

    def __repr__(self) -> str:
        return f"<elementwise operation {self.__name__!r}>"

    def __call__(self, *operands: Any) -> Tensor:
        """Apply it to tensors, arrays and numbers that broadcast together.

        Raises:
            DTypeError: for dtypes that it does not take or that have no common type.
            ShapeError: for shapes that do not broadcast.
            DeviceError: for tensors of two devices.
            ArgumentTypeError: for another number of arguments than it takes.
        """
        if len(operands) != self._arity:
            raise ArgumentTypeError(self.__name__, f"{self._arity} arguments", f"{len(operands)}")
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
        result = Tensor(backend.map(self._definition(compute), buffers, shape, compute, outputs)[0], backend)
        if autodiff.recording() and outputs[0].kind == "f":
            autodiff.record(tensors, (result,), [self._recorded_vjp(k, tensors) for k in range(len(tensors))])
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
            with np.errstate(over="ignore"):  # what float32 cannot hold is infinite there
                return np.asarray(value, dtype)
        except OverflowError:
            hint = "convert the tensors to a wider dtype with .astype()"
            raise ArgumentError(self.__name__, f"a number that {dtype} holds", repr(value), hint) from None

    def _compute(self, dtype: DType) -> DType:
        kind = dtypes.kind(dtype)
        if self.domain == "real" and kind != "real":
            return dtypes.default_float
        words, kinds = _DOMAINS.get(self.domain, ("", (kind,)))
        if kind not in kinds:
            raise DTypeError(self.__name__, f"tensors of {words}", str(dtype), "convert them with .astype()")
        return dtype

    def _definition(self, compute: DType) -> ScalarFunction:
        """The scalar function for a dtype."""
        return self.kinds.get(dtypes.kind(compute), self.scalar) if self.kinds else self.scalar

    def vjp(self, index: int) -> Elementwise:
        """The operation ``(gradient, *arguments) -> gradient * ∂self/∂argument``, in one pass."""
        operation = self._vjps.get(index)
        if operation is None:
            operation = self._vjps[index] = Elementwise(self.scalar.vjp(index))
        return operation

    def _recorded_vjp(self, index: int, tensors: Sequence[Tensor]) -> autodiff.Vjp | None:
        tensor = tensors[index]
        if index not in self._slopes:
            # a derivative that was given is not looked into
            self._slopes[index] = None if index in self._vjps else self.scalar.derivative(index).constant
        constant = self._slopes[index]
        if constant == 0:
            return None
        if constant == 1:
            return lambda gradient: sum_to(gradient, tensor.shape)
        return lambda gradient: sum_to(self.vjp(index)(gradient, *tensors), tensor.shape)


@overload
def elementwise(function: Callable[..., float]) -> Elementwise: ...


@overload
def elementwise(
    *, domain: str = ..., result: str = ..., kinds: Mapping[str, Callable[..., float]] | None = ..., name: str = ...
) -> Callable[[Callable[..., float] | ScalarFunction], Elementwise]: ...


def elementwise(
    function: Any = None,
    *,
    domain: str = "real",
    result: str = "same",
    kinds: Mapping[str, Callable[..., float]] | None = None,
    name: str = "",
) -> Any:
    """Make a differentiable, broadcasting operation of a plain Python function of numbers.

    Args:
        function: uses arithmetic, comparisons, ``math``, branches, loops, and other such functions.
        domain: what dtypes it takes, see `Elementwise`.
        result: what dtype it gives, see `Elementwise`.
        kinds: other functions for "integer" or "bool" dtypes, where the first one does not fit them.
        name: what messages call the operation; empty for the name of the function.

    Raises:
        ScalarError: if the function cannot be lifted, naming the construct and its line.

    Example:
        >>> @tl.elementwise
        ... def mish(x: float) -> float:
        ...     return x * math.tanh(math.log1p(math.exp(x)))
        >>> mish(tl.asarray([0.0, 1.0]))
    """

    def lift(scalar: Callable[..., float] | ScalarFunction) -> Elementwise:
        others = {kind: ScalarFunction.of(other) for kind, other in (kinds or {}).items()}
        return Elementwise(ScalarFunction.of(scalar), domain, result, others, name)

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

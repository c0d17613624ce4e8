"""Lift plain Python functions of numbers to differentiable, broadcasting operations on tensors."""

from __future__ import annotations

import copyreg
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast, overload

from tensorlab import autodiff, dtypes, shapes
from tensorlab.arguments import misfit
from tensorlab.backends import Backend
from tensorlab.devices import backend as find_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, SymbolicArgumentError, short_repr
from tensorlab.ops import compiled_calls
from tensorlab.ops.casting import astype
from tensorlab.ops.compiled_calls import CallCounts, compiled_count
from tensorlab.ops.dispatch import (
    are_lists_of_numbers,
    as_tensor,
    common_backend,
    device_of,
    in_dtype,
    is_scalar,
    one_of_each_type,
    store,
)
from tensorlab.ops.vjp_makers import VjpMaker, broadcast_vjp_maker, vjp_maker
from tensorlab.references import imported
from tensorlab.scalars import ScalarFunction, derivative, of_numbers, vjp, without_unused
from tensorlab.tensor import Tensor, converted

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
"""The kinds of dtype that each domain takes, in words and by name. Other domains take every dtype."""


class Elementwise:
    """A differentiable, broadcasting operation on tensors, made from a scalar function.

    Attributes:
        scalar: the function that is applied to each element.
        domain: the dtypes that it takes: "any", "number" (not bool), "real" (others are converted to float32),
            "integer", "bool", or "bits" (integers and bools).
        result: the dtype of the result: that of the arguments ("same") or "bool".
        kinds: scalar functions to use instead of ``scalar`` for a kind of dtype, "integer" or "bool".
    """

    __slots__ = ("__dict__", "__weakref__", "_direct")
    _remembered: ClassVar[tuple[type[Tensor], str] | None] = None  # the class of results that remember their argument

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
        self._given_vjps: dict[int, Elementwise] = {}  # vjps that the author gave, by argument
        self._arity = scalar.arity
        self.__name__ = self.__qualname__ = name or scalar.name
        self.__doc__ = scalar.doc
        self._start()

    def _start(self) -> None:
        """Reset what belongs to one process: kernels and their addresses."""
        self._vjps: dict[int, Elementwise] = {}
        self._kernels: dict[tuple[Backend, DType], Callable[..., Any]] = {}
        self._unlisted = 0  # how many of the kernels are not in the table of compiled calls yet
        self._direct: Any = None
        self._python_calls = self._compiled_calls = 0  # the latter before the current table
        self._vjp_makers: list[VjpMaker | None] | None = None
        self._biased: Elementwise | None = None  # ``self(x + bias)``, see `tensorlab.ops.nn.biased`

    def __reduce_ex__(self, protocol: Any) -> Any:
        # An operation that is a global of a module is pickled by name, as functions are; any other as data.
        for module in (self.scalar.module, type(self).__module__):
            found = getattr(sys.modules.get(str(module)), self.__qualname__, None)
            if found is self and module not in ("__main__", "__mp_main__"):
                return imported, (module, self.__qualname__)
        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined]

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        attributes, slots = cast(Any, object.__getstate__(self))
        attributes = {name: value for name, value in attributes.items() if name not in _OF_THIS_PROCESS}
        return attributes, {name: value for name, value in slots.items() if name != "_direct"}

    def __setstate__(self, state: Any) -> None:
        attributes, slots = state
        vars(self).update(attributes)
        for name, value in slots.items():
            setattr(self, name, value)
        self._start()

    def __getattr__(self, name: str) -> Any:  # called only for missing attributes
        if name == "__signature__" and "scalar" in vars(self):
            self.__signature__ = _signature(self.scalar.parameters)
            return self.__signature__
        hint = "" if "scalar" in vars(self) else "; its __init__ has to call super().__init__()"
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<elementwise operation {self.__name__!r}>"

    def _repr_html_(self) -> str:
        """Return the function of numbers as text for notebooks."""
        return self.scalar._repr_html_()

    def __call__(self, *operands: Any, out: Any = None, **unknown: Any) -> Tensor:
        """Apply the function to the elements of tensors, arrays and numbers, which broadcast.

        Args:
            operands: the arguments.
            out: a `Variable` or a NumPy array that takes the result, and is returned. It may share memory with the
                operands, as it is written after everything has been read.
            unknown: other keyword arguments, which are refused.

        Raises:
            DTypeError: for dtypes outside of the domain or without a common type, or an ``out`` of another dtype.
            ShapeError: for shapes that do not broadcast, or an ``out`` of another shape.
            DeviceError: for tensors on two devices.
            ArgumentTypeError: for a wrong number of arguments.
        """
        if unknown:
            error = misfit(self.__name__, self.__signature__, operands, {"out": out, **unknown})
            raise error or ArgumentTypeError(self.__name__, "no other arguments than out", str(list(unknown)))
        if len(operands) != self._arity:
            raise ArgumentTypeError(self.__name__, f"{self._arity} arguments", f"{len(operands)}")
        try:
            tensors, backend, compute = self._plain(operands) or self._converted(operands)
        except SymbolicArgumentError as symbolic:
            recorded: Tensor = symbolic.record(self.__name__, self, operands, {})
            return recorded
        shape = shapes.broadcast(self.__name__, [tensor._buffer.shape for tensor in tensors])
        run = self._kernels.get((backend, compute)) or self._ready(backend, compute)
        result = Tensor(run(shape, *[tensor._buffer for tensor in tensors]), backend)
        if autodiff.recording():
            self._record(result, tensors)
        self._python_calls += 1
        if self._unlisted:
            compiled_calls.list_kernels(self)
        return result if out is None else store(self.__name__, result, out)

    _by_python = __call__
    """`__call__` in Python, for when a compiled function replaces it; see `compiled_calls`."""

    @property
    def call_counts(self) -> CallCounts:
        """How many calls went through Python and through the compiled function; see `tensorlab.ops.python_calls`.

        Calls that raise are not counted. Operations that are made of equal functions share their table, so each counts
        the compiled calls of all of them.
        """
        return CallCounts(self._python_calls, self._compiled_calls + compiled_count(getattr(self, "_direct", None)))

    def _ready(self, backend: Backend, compute: DType) -> Callable[..., Any]:
        """Compile, or load, the kernel for one device and dtype."""
        run = backend.map(*self.loop(compute))
        self._kernels[backend, compute] = run
        self._unlisted += hasattr(run, "kernel")
        return run

    def loop(self, compute: DType) -> tuple[ScalarFunction, DType, tuple[DType, ...], tuple[DType, ...]]:
        """Return the arguments of `Backend.map` for arguments of one dtype."""
        return self._definition(compute), compute, (compute,) * self._arity, (self._output(compute),)

    def take_table(self, table: Callable[..., Any]) -> None:
        """Let a function make the table of the kernels for compiled calls, and use it from now on."""
        ready = [(*key, run.kernel) for key, run in self._kernels.items() if hasattr(run, "kernel")]
        entries = [(dtype, self._output(dtype), backend, kernel) for backend, dtype, kernel in ready]
        before, self._unlisted, self._direct = self._direct, 0, table(self._arity, entries, self._remembered)
        self._compiled_calls += compiled_count(before) - compiled_count(self._direct)

    def _output(self, compute: DType) -> DType:
        return dtypes.bool if self.result == "bool" else compute

    def _recorded(self, result: Tensor, *operands: Any) -> Tensor:
        """Record a compiled call on the tapes of this thread, and return its result. Operands may be numbers."""
        if autodiff.recording():
            self._record(result, [x.snapshot() if isinstance(x, Tensor) else x for x in operands])
        return result

    def _record(self, result: Tensor, operands: Sequence[Any]) -> None:
        if result._buffer.dtype.kind != "f":
            return
        if self._vjp_makers is None:
            self._vjp_makers = [self._vjp_maker(index) for index in range(self._arity)]
        inputs, vjps = [], []
        for index, x in enumerate(operands):  # a strict zip takes 0.25 µs more
            if isinstance(x, Tensor):
                make = self._vjp_makers[index]
                inputs.append(x)
                vjps.append(make and make(operands))
        autodiff.record(inputs, (result,), vjps)

    def _plain(self, operands: tuple[Any, ...]) -> tuple[list[Tensor], Backend, DType] | None:
        """Return `_converted` quickly in the common case: tensors of one dtype that has a kernel, and numbers."""
        for first in operands:
            if isinstance(first, Tensor):
                break
        else:
            return None
        recording = autodiff.recording()
        backend, compute = first._backend, first._buffer.dtype
        if (backend, compute) not in self._kernels:
            return None
        tensors: list[Tensor] = []
        for operand in operands:
            kind = type(operand)
            if kind is float or kind is int:
                if compute.kind == "b" or (kind is float and compute.kind != "f"):
                    return None  # the number is of a wider dtype
                operand = Tensor(backend.from_host(in_dtype(self.__name__, operand, compute)), backend)
            elif not isinstance(operand, Tensor) or (operand._backend, operand._buffer.dtype) != (backend, compute):
                return None
            elif recording or kind is not Tensor:
                operand = operand.snapshot()
            tensors.append(operand)
        return tensors, backend, compute

    def _converted(self, operands: tuple[Any, ...]) -> tuple[list[Tensor], Backend, DType]:
        """Convert the operands to tensors of one dtype on one device; return them, the backend and that dtype."""
        device = device_of(operands)
        lists = are_lists_of_numbers(operands)
        given = [
            None if is_scalar(operand) or listed else as_tensor(operand, self.__name__, device)
            for operand, listed in zip(operands, lists, strict=True)
        ]
        present = [tensor for tensor in given if tensor is not None]
        scalars = [operand for operand in operands if is_scalar(operand)]
        for operand, listed in zip(operands, lists, strict=True):
            scalars += one_of_each_type(operand) if listed else []
        compute = self.compute(dtypes.result_type(self.__name__, [tensor.dtype for tensor in present], scalars))
        backend = common_backend(self.__name__, present) if present else find_backend()
        tensors = []
        for operand, tensor, listed in zip(operands, given, lists, strict=True):
            if listed:
                tensor = converted(self.__name__, operand, compute, backend.name, None)
            elif tensor is None:
                tensor = Tensor(backend.from_host(in_dtype(self.__name__, operand, compute)), backend)
            elif tensor.dtype is not compute:
                tensor = astype(tensor, compute, copy=False)
            tensors.append(tensor)
        return tensors, backend, compute

    def compute(self, dtype: DType) -> DType:
        """Return the dtype in which arguments of a dtype are computed.

        Raises:
            DTypeError: for a dtype outside of the domain.
        """
        kind = dtypes.kind(dtype)
        if self.domain == "real" and kind != "real":
            return dtypes.default_float
        words, kinds = _DOMAINS.get(self.domain, ("", (kind,)))
        if kind not in kinds:
            raise DTypeError(self.__name__, f"tensors of {words}", str(dtype), "convert them with .astype()")
        return dtype

    def _definition(self, compute: DType) -> ScalarFunction:
        """Return the scalar function for a dtype."""
        return self.kinds.get(dtypes.kind(compute), self.scalar) if self.kinds else self.scalar

    def vjp(self, index: int) -> Elementwise:
        """Return the operation ``(gradient, *arguments) -> gradient * ∂self/∂argument``, which is one kernel."""
        operation = None
        if isinstance(index, int):
            operation = self._given_vjps.get(index) or self._vjps.get(index)
        if operation is None:
            operation = self._vjps[index] = Elementwise(vjp(self.scalar, index))
        return operation

    def _vjp_maker(self, index: int) -> VjpMaker | None:
        found = self.gradient_operation(index)
        if found is not None:
            return vjp_maker(found[0], index, found[1])
        return broadcast_vjp_maker(index) if derivative(self.scalar, index).constant == 1 else None

    def gradient_operation(self, index: int) -> tuple[Elementwise, Sequence[int]] | None:
        """Return the operation that a tape calls for the gradient of an argument, or None for a derivative of 0 or 1.

        Its arguments are the gradient of the result, and those arguments of this operation whose indices are returned.
        """
        given = self._given_vjps.get(index)
        if given is not None:  # it may need every argument
            return given, range(self._arity)
        if derivative(self.scalar, index).constant in (0, 1):
            return None
        scalar, (_, *needed) = without_unused(vjp(self.scalar, index))
        return Elementwise(scalar), [position - 1 for position in needed]


compiled_calls.KINDS.append(Elementwise)
_OF_THIS_PROCESS = ("_vjps", "_kernels", "_unlisted", "_vjp_makers", "_python_calls", "_compiled_calls", "_biased")


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
    """Lift a plain Python function of numbers to a differentiable, broadcasting operation on tensors.

    Results are those of plain Python, with these exceptions:

    - Where Python raises, or gives a complex number, a real result is that of IEEE 754: ``1.0 / 0.0`` and
      ``1.0 // 0.0`` are infinity, ``1.0 % 0.0``, ``(-1.0) ** 0.5`` and ``math.log(-1.0)`` are NaN, and overflow is
      infinity.
    - Rounding a real number gives a real number, so ``round`` of infinity is infinity.
    - Integers wrap around. Their division by 0, and its remainder, is 0. Integer powers with negative exponents are
      undefined.

    Args:
        function: the function. It may use arithmetic, comparisons, ``math``, branches, loops, and other such functions.
            Globals and closure variables that it reads are fixed when it is lifted.
        domain: the dtypes that the operation takes; see `Elementwise`.
        result: the dtype of the result; see `Elementwise`.
        kinds: functions to use instead for "integer" or "bool" dtypes.
        name: the name of the operation in messages; by default that of the function.

    Returns:
        The operation, or without ``function`` a decorator.

    Raises:
        ScalarError: if the function cannot be lifted, naming the construct and its line; if it takes no arguments, or
            does not return exactly one number.
        ArgumentError: for an unknown domain, result or kind.

    Example:
        >>> import math
        >>> @tl.elementwise
        ... def mish(x: float) -> float:
        ...     return x * math.tanh(math.log1p(math.exp(x)))
        >>> print(mish(tl.asarray([0.0, 1.0])).numpy().round(4))
        [0.     0.8651]
    """

    if kinds is not None and not isinstance(kinds, Mapping):
        raise ArgumentTypeError("elementwise", "kinds as a dict of functions", type(kinds).__name__)
    if not isinstance(name, str):
        raise ArgumentTypeError("elementwise", "name as a string", short_repr(name))
    for what, given, known in (
        ("domain", domain, ("any", "real", *_DOMAINS)),
        ("result", result, ("same", "bool")),
        *[("kind", kind, ("integer", "bool")) for kind in kinds or ()],
    ):
        if given not in known:
            raise ArgumentError("elementwise", f"a {what} of {', '.join(map(repr, known))}", short_repr(given))

    def lift(scalar: Callable[..., float] | ScalarFunction) -> Elementwise:
        first = of_numbers(scalar)
        others = {kind: of_numbers(other, first.arity) for kind, other in (kinds or {}).items()}
        return Elementwise(first, domain, result, others, name)

    return lift if function is None else lift(function)


def _signature(names: Sequence[str]) -> inspect.Signature:
    """Return the signature of an operation for ``help``: positional arguments, and ``out``."""
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    return inspect.Signature([*parameters, out])

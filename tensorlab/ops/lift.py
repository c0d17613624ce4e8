"""The lift of a plain Python function of numbers to a differentiable, broadcasting operation on tensors."""

from __future__ import annotations

import copyreg
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast, overload

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.arguments import misfit
from tensorlab.backends import Backend
from tensorlab.devices import backend as find_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ScalarError
from tensorlab.forks import guard
from tensorlab.ops.broadcasting import sum_to
from tensorlab.ops.casting import astype
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of, is_scalar, kinds_of, lists_of_numbers, store
from tensorlab.scalars import ScalarFunction, derivative, scalar_function, vjp, without_unused
from tensorlab.shapes import Shape
from tensorlab.tensor import TENSORS, Tensor, converted

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


_HOT = 100
"""The calls after which it pays to compile the call itself."""
_cold = _HOT
_listing = False


_Pull = Callable[[Sequence[Tensor]], autodiff.Vjp]
"""From the arguments of an operation to the vjp of one of them."""


class Elementwise:
    """A differentiable, broadcasting operation made of a scalar function; called like any other.

    Attributes:
        scalar: the function that is applied to each element.
        domain: what it takes: "any" dtype, "number" (no bool), "real" (integers become float32), "integer", "bool", or
            "bits" (integers and bools).
        result: the dtype that it gives: that of its arguments ("same") or "bool".
        kinds: the scalar functions that take the place of ``scalar`` for a kind of dtype, "integer" or "bool".
    """

    __slots__ = ("__dict__", "__weakref__", "_direct")

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
        self._given: dict[int, Elementwise] = {}  # vjps that are not derived from the source
        self._arity = scalar.arity
        self.__name__ = self.__qualname__ = name or scalar.name
        self.__doc__ = scalar.python.__doc__
        self.__signature__ = _signature(scalar.parameters)
        self._start()

    def _start(self) -> None:
        """Forget what is ready: kernels, and addresses, of this process."""
        self._vjps: dict[int, Elementwise] = {}
        self._passes: dict[tuple[Backend, DType], Callable[..., Any]] = {}  # what is ready, by device and dtype
        self._unlisted = 0  # of the passes, those that compiled calls do not know yet
        self._direct: Any = None
        self._pulls: list[_Pull | None] | None = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        # What a module holds under its own name is pickled by that, as functions are; anything else as data.
        for module in (self.scalar.module, type(self).__module__):
            if module not in (None, "__main__", "__mp_main__") and _at(module, self.__qualname__) is self:
                return _at, (module, self.__qualname__)
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

    def __getattr__(self, name: str) -> Any:  # only what is missing comes here
        hint = "" if "scalar" in vars(self) else "; its __init__ has to call super().__init__()"
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<elementwise operation {self.__name__!r}>"

    def __call__(self, *operands: Any, out: Any = None, **unknown: Any) -> Tensor:
        """Apply it to tensors, arrays and numbers that broadcast together.

        Args:
            operands: its arguments.
            out: a `Variable` or a NumPy array that takes the result, and is returned. It may share memory with the
                operands: it is written when everything has been read.

        Raises:
            DTypeError: for dtypes that it does not take or that have no common type, or an ``out`` of another dtype.
            ShapeError: for shapes that do not broadcast, or an ``out`` of another shape.
            DeviceError: for tensors of two devices.
            ArgumentTypeError: for another number of arguments than it takes.
        """
        if unknown:
            error = misfit(self.__name__, self.__signature__, operands, {"out": out, **unknown})
            raise error or ArgumentTypeError(self.__name__, "no other arguments than out", str(list(unknown)))
        if len(operands) != self._arity:
            raise ArgumentTypeError(self.__name__, f"{self._arity} arguments", f"{len(operands)}")
        tensors, backend, compute = self._plain(operands) or self._converted(operands)
        shape = shapes.broadcast(self.__name__, [tensor._buffer.shape for tensor in tensors])
        run = self._passes.get((backend, compute)) or self._ready(backend, compute)
        result = Tensor(run(shape, *[tensor._buffer for tensor in tensors]), backend)
        if autodiff.recording():
            self._record(result, tensors)
        if self._unlisted:
            self._list()
        return result if out is None else store(self.__name__, result, out)

    _by_python = __call__
    """The same, where a compiled function stands in for it."""

    def _ready(self, backend: Backend, compute: DType) -> Callable[..., Any]:
        """The pass for one device and dtype, made ready."""
        run = backend.map(self._definition(compute), compute, (compute,) * self._arity, (self._output(compute),))
        self._passes[backend, compute] = run
        self._unlisted += hasattr(run, "kernel")
        return run

    def _list(self) -> None:
        """Tell compiled calls which kernels are ready."""
        global _cold, _listing
        _cold -= 1
        if _cold > 0:
            return
        with guard:
            if _listing:  # a signal handler or a finalizer has interrupted it
                return
            _listing = True
            try:
                from tensorlab.kernels import calls

                tapes = autodiff.recording_anywhere()
                calls.install(Elementwise, self, TENSORS, tapes, autodiff.new_key)
                passes = [(*key, run.kernel) for key, run in self._passes.items() if hasattr(run, "kernel")]
                entries = [(dtype, self._output(dtype), backend, kernel) for backend, dtype, kernel in passes]
                self._unlisted, self._direct = 0, calls.table(self._arity, entries)
            finally:
                _listing = False

    def _output(self, compute: DType) -> DType:
        return dtypes.bool if self.result == "bool" else compute

    def _recorded(self, result: Tensor, *operands: Any) -> Tensor:
        """Return the result of a compiled call, recorded by the tapes of this thread; operands may be numbers."""
        if autodiff.recording():
            self._record(result, [x.snapshot() if isinstance(x, Tensor) else x for x in operands])
        return result

    def _record(self, result: Tensor, operands: Sequence[Any]) -> None:
        if result._buffer.dtype.kind != "f":
            return
        if self._pulls is None:
            self._pulls = [self._pull(index) for index in range(self._arity)]
        inputs, vjps = [], []
        for place, x in enumerate(operands):  # a zip that is strict takes a quarter of a microsecond
            if isinstance(x, Tensor):
                pull = self._pulls[place]
                inputs.append(x)
                vjps.append(pull and pull(operands))
        autodiff.record(inputs, (result,), vjps)

    def _plain(self, operands: tuple[Any, ...]) -> tuple[list[Tensor], Backend, DType] | None:
        """What `_converted` gives, for tensors of one dtype that is ready and numbers that it holds: most are that."""
        first = next((operand for operand in operands if isinstance(operand, Tensor)), None)
        if first is None:
            return None
        backend, compute = first._backend, first._buffer.dtype
        if (backend, compute) not in self._passes:
            return None
        tensors: list[Tensor] = []
        for operand in operands:
            kind = type(operand)
            if kind is float or kind is int:
                if compute.kind == "b" or (kind is float and compute.kind != "f"):
                    return None  # the number is of a wider dtype
                operand = Tensor(backend.from_host(self._number(operand, compute)), backend)
            elif not isinstance(operand, Tensor) or (operand._backend, operand._buffer.dtype) != (backend, compute):
                return None
            tensors.append(operand.snapshot())
        return tensors, backend, compute

    def _converted(self, operands: tuple[Any, ...]) -> tuple[list[Tensor], Backend, DType]:
        """The operands as tensors of one dtype on one device; that device, and the dtype to compute in."""
        device = device_of(operands)
        lists = lists_of_numbers(operands)
        given = [
            None if is_scalar(operand) or listed else as_tensor(operand, self.__name__, device)
            for operand, listed in zip(operands, lists, strict=True)
        ]
        present = [tensor for tensor in given if tensor is not None]
        scalars = [operand for operand in operands if is_scalar(operand)]
        for operand, listed in zip(operands, lists, strict=True):
            scalars += kinds_of(operand) if listed else []
        compute = self._compute(dtypes.result_type(self.__name__, [tensor.dtype for tensor in present], scalars))
        backend = common_backend(self.__name__, present) if present else find_backend()
        tensors = [
            converted(self.__name__, operand, compute, backend.name, None)
            if listed
            else Tensor(backend.from_host(self._number(operand, compute)), backend)
            if tensor is None
            else tensor
            if tensor.dtype is compute
            else astype(tensor, compute, copy=False)
            for operand, tensor, listed in zip(operands, given, lists, strict=True)
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
        operation = self._given.get(index) or self._vjps.get(index)
        if operation is None:
            operation = self._vjps[index] = Elementwise(vjp(self.scalar, index))
        return operation

    def _pull(self, index: int) -> _Pull | None:
        given = self._given.get(index)
        if given is not None:  # and is not looked into
            return _through(given, index, tuple(range(self._arity)))
        slope = derivative(self.scalar, index).constant
        if slope == 0:
            return None
        if slope == 1:
            return lambda tensors: partial(_summed_to, tensors[index]._buffer.shape)
        scalar, (_, *places) = without_unused(vjp(self.scalar, index))
        return _through(Elementwise(scalar), index, [place - 1 for place in places])


_OF_THIS_PROCESS = ("_vjps", "_passes", "_unlisted", "_pulls")


def _at(module: str, name: str) -> Any:
    """What a module holds under a name, or None."""
    return vars(importlib.import_module(module)).get(name)


def _through(operation: Callable[..., Tensor], index: int, places: Sequence[int]) -> _Pull:
    """From arguments to the vjp of one of them, which holds those that the operation takes beside the gradient."""
    # A partial is two objects where a closure is six: a tape that keeps thousands of them costs the collector less.
    if len(places) == 1:  # nearly always, and it need not go through a list
        (place,) = places
        return lambda tensors: partial(_pulled, operation, tensors[index]._buffer.shape, tensors[place])

    def pull(tensors: Sequence[Tensor]) -> autodiff.Vjp:
        return partial(_pulled_by_all, operation, tensors[index]._buffer.shape, [tensors[place] for place in places])

    return pull


def _summed_to(shape: Shape, gradient: Tensor) -> Tensor:
    return sum_to(gradient, shape)


def _pulled(operation: Callable[..., Tensor], shape: Shape, needed: Tensor, gradient: Tensor) -> Tensor:
    return sum_to(operation(gradient, needed), shape)


def _pulled_by_all(operation: Callable[..., Tensor], shape: Shape, needed: list[Tensor], gradient: Tensor) -> Tensor:
    return sum_to(operation(gradient, *needed), shape)


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

    Numbers, and other functions, that it takes from its module or an enclosing function are those of the moment: an
    operation does not change with them.

    Results are those of plain Python, with these exceptions. Where Python raises or gives a complex number, a real
    result is the IEEE one: ``1.0 / 0.0`` and ``1.0 // 0.0`` are infinity, ``1.0 % 0.0``, ``(-1.0) ** 0.5`` and
    ``math.log(-1.0)`` are NaN, and overflow is infinity. Rounding a real number gives a real one, so that ``round`` of
    infinity is infinity. Integers wrap around; division by 0 and its remainder are 0, and a power with a negative
    exponent is not meaningful, as integers stay integers.

    Raises:
        ScalarError: if the function cannot be lifted, naming the construct and its line, or is not one of one or more
            numbers that returns one.
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
        raise ArgumentTypeError("elementwise", "name as a string", repr(name))
    for what, given, known in (
        ("domain", domain, ("any", "real", *_DOMAINS)),
        ("result", result, ("same", "bool")),
        *[("kind", kind, ("integer", "bool")) for kind in kinds or ()],
    ):
        if given not in known:
            raise ArgumentError("elementwise", f"a {what} of {', '.join(map(repr, known))}", repr(given))

    def lift(scalar: Callable[..., float] | ScalarFunction) -> Elementwise:
        first = _of_numbers(scalar)
        others = {kind: _of_numbers(other, first.arity) for kind, other in (kinds or {}).items()}
        return Elementwise(first, domain, result, others, name)

    return lift if function is None else lift(function)


def _signature(names: Sequence[str]) -> inspect.Signature:
    """What ``help`` shows of an operation: its arguments by position, and ``out``."""
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    return inspect.Signature([*parameters, out])


def _of_numbers(function: Callable[..., float] | ScalarFunction, arity: int | None = None) -> ScalarFunction:
    """A function as a scalar function of one or more numbers, or of so many, that returns one."""
    scalar = scalar_function(function)
    if scalar.n_outputs != 1:
        hint = "make an operation of each"
        raise ScalarError(
            scalar.who, "a function that returns one number", f"one that returns {scalar.n_outputs}", hint
        )
    if scalar.arity != arity if arity else not scalar.arity:
        raise ScalarError(scalar.who, f"a function of {arity or 'one or more'} numbers", f"one of {scalar.arity}")
    return scalar

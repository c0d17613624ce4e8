"""Add the operators, and the methods that are operations, to `Tensor`.

Operations take and return tensors, so they are defined above `Tensor`, and the class cannot refer to them without an
import cycle. A subclass with the operators would have to be created by every backend and operation below it. Methods
that look their operation up in a table would only have the table filled from here in place of the class. So this module
assigns them once, when `tensorlab.ops` is imported; JAX does the same in ``jax/_src/numpy/array_methods.py``.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentTypeError, DTypeError, short_repr
from tensorlab.ops import (
    arithmetic,
    assignment,
    choosing,
    comparison,
    exponential,
    extrema,
    floating,
    indexing,
    linalg,
    logical,
    namespace,
    powers,
    reduction,
    rounding,
    searching,
    shaping,
    trigonometric,
)
from tensorlab.ops.dispatch import is_scalar
from tensorlab.ops.lift import astype
from tensorlab.tensor import Tensor, asarray


def _operand(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray, np.generic, list, tuple, range)) or is_scalar(value)


def _binary(operation: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Tensor, other: Any) -> Any:
        return operation(self, other) if _operand(other) else NotImplemented

    def reflected(self: Tensor, other: Any) -> Any:
        return operation(other, self) if _operand(other) else NotImplemented

    return forward, reflected


def _multiply(x1: Any, x2: Any) -> Any:
    """Return ``x1 * x2``. Raise for strings and other sequences, which Python would repeat by a tensor of rank 0."""
    for one in (x1, x2):
        if not _operand(one):
            if isinstance(one, Sequence):
                raise ArgumentTypeError("multiply", "a tensor, an array or a number", f"a {type(one).__name__}")
            return NotImplemented
    return arithmetic.multiply(x1, x2)


def _power(self: Tensor, other: Any, modulo: Any = None) -> Any:
    if modulo is not None:
        raise ArgumentTypeError(
            "pow", "two arguments", "a third argument, the modulus", "use tl.remainder(x**y, modulus)"
        )
    return powers.pow(self, other) if _operand(other) else NotImplemented


_DECIMALS = 308
"""The largest power of 10 in float64: no number has more decimals, or more digits."""


def _round(self: Tensor, ndigits: Any = None) -> Tensor:
    """Round each element to a number of decimals, ties to even. ``round(x)`` keeps the dtype too."""
    try:
        digits = 0 if ndigits is None else operator.index(ndigits)
    except TypeError:
        raise ArgumentTypeError("round", "an integer number of decimals, or None", short_repr(ndigits)) from None
    if not digits or (digits > 0 and self.dtype.kind in "iu"):
        return rounding.round(self)
    if self.dtype.kind != "f":
        raise DTypeError("round", "a tensor of real numbers", str(self.dtype), 'use .astype("float64")')
    if digits > _DECIMALS:
        return self.snapshot()
    if digits < -_DECIMALS:
        return choosing.where(floating.isfinite(self), 0.0, self)
    scale = 10.0 ** abs(digits)
    scaled = self * scale if digits > 0 else self / scale
    rounded = rounding.round(scaled)
    exact = rounded / scale if digits > 0 else rounded * scale
    return choosing.where(floating.isfinite(exact), exact, self)  # a number too large to be scaled has no decimals


def _unary(operation: Callable[..., Tensor]) -> Callable[..., Any]:
    return lambda self: operation(self)


def _divmod(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    return arithmetic.floor_divide(x1, x2), arithmetic.remainder(x1, x2)


_BINARY: dict[str, Callable[..., Any]] = {
    "add": arithmetic.add,
    "sub": arithmetic.subtract,
    "mul": arithmetic.multiply,
    "truediv": arithmetic.divide,
    "floordiv": arithmetic.floor_divide,
    "mod": arithmetic.remainder,
    "divmod": _divmod,
    "pow": powers.pow,
    "matmul": linalg.matmul,
    "and": logical.bitwise_and,
    "or": logical.bitwise_or,
    "xor": logical.bitwise_xor,
    "lshift": logical.bitwise_left_shift,
    "rshift": logical.bitwise_right_shift,
}
_COMPARISONS: dict[str, Callable[..., Tensor]] = {
    "eq": comparison.equal,
    "ne": comparison.not_equal,
    "lt": comparison.less,
    "le": comparison.less_equal,
    "gt": comparison.greater,
    "ge": comparison.greater_equal,
}
_UNARY: dict[str, Callable[..., Tensor]] = {
    "neg": arithmetic.negative,
    "pos": arithmetic.positive,
    "abs": arithmetic.abs,
    "invert": logical.bitwise_invert,
}

for _name, _operation in _BINARY.items():
    _forward, _reflected = _binary(_operation)
    setattr(Tensor, f"__{_name}__", _forward)
    setattr(Tensor, f"__r{_name}__", _reflected)
Tensor.__mul__ = lambda self, other: _multiply(self, other)  # type: ignore[method-assign]
Tensor.__rmul__ = lambda self, other: _multiply(other, self)  # type: ignore[method-assign]
Tensor.__pow__ = _power  # type: ignore[method-assign]
for _name, _operation in _COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _binary(_operation)[0])
for _name, _operation in _UNARY.items():
    setattr(Tensor, f"__{_name}__", _unary(_operation))

_FAMILIES = (arithmetic, comparison, exponential, extrema, floating, logical, rounding, trigonometric)
_ELEMENTWISE = {name: getattr(family, name) for family in _FAMILIES for name in family.__all__}
_UFUNCS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): operation
    for name, operation in {
        **_ELEMENTWISE,
        **{
            f"arc{name[1:]}": _ELEMENTWISE[name]
            for name in ("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh")
        },
        "absolute": arithmetic.abs,
        "divmod": _divmod,
        "invert": logical.bitwise_invert,
        "left_shift": logical.bitwise_left_shift,
        "matmul": linalg.matmul,
        "power": powers.pow,
        "right_shift": logical.bitwise_right_shift,
        "rint": rounding.round,
    }.items()
    if isinstance(getattr(np, name, None), np.ufunc)
}
"""The operation for each NumPy ufunc. The keys are the functions, as other ufuncs may have the same name."""


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Compute a NumPy ufunc of tensors, such as ``ndarray + tensor`` and ``np.exp(tensor)``.

    The result is a tensor if tensorlab has the operation and only operands are given. Otherwise (for a NumPy array as
    ``out``, for ``where``, ``dtype``, ``reduce``, ``outer`` and so on) NumPy computes it, and returns an array.

    Raises:
        ArgumentTypeError: if NumPy would write to a tensor, as ``out`` or as the first argument of ``at``.
    """
    who = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    for out in options.get("out", ()):
        if isinstance(out, Tensor):
            hint = "use the tensor that it returns, or for a Variable v.assign(result)"
            raise ArgumentTypeError(who, "a NumPy array as out", f"a {out._title}", hint)
    if method == "at" and isinstance(inputs[0], Tensor):
        hint = "use x.at[index], e.g. x.at[index].add(values), which returns a new tensor"
        raise ArgumentTypeError(who, "a NumPy array to change", f"a {inputs[0]._title}", hint)
    operation = _UFUNCS.get(ufunc)
    if method == "__call__" and not options and operation is not None:
        return operation(*inputs)
    given = {name: _as_array(value) for name, value in options.items()}
    return getattr(ufunc, method)(*[_as_array(x) for x in inputs], **given)


def _as_array(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Tensor) else value


def _reshape(self: Tensor, *shape: Any) -> Tensor:
    """Return the elements in another shape, given as a tuple or as several arguments."""
    return shaping.reshape(self, shape[0] if len(shape) == 1 else shape)


def _method(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def method(self: Tensor, axis: Any = None, **options: Any) -> Tensor:
        # NumPy's functions, such as np.sum(x), call methods with dtype=None and out=None
        given = {name: value for name, value in options.items() if value is not None}
        unknown = [name for name in given if name not in known]
        if unknown:
            hint = "for what else NumPy takes, convert it with np.asarray(x)"
            raise ArgumentTypeError(function.__name__, f"no argument but {', '.join(known)}", ", ".join(unknown), hint)
        return function(self, axis=axis, **given)

    known = [name for name in inspect.signature(function).parameters if name != "x"]
    method.__name__, method.__doc__ = function.__name__, f"Return ``tl.{function.__name__}`` of this tensor."
    return method


def _astype(self: Tensor, dtype: Any, copy: bool = False) -> Tensor:
    """Convert the elements to another dtype, or return this tensor if it has that dtype and ``copy`` is False."""
    if dtype is self.dtype and not copy and type(self) is Tensor:
        return self
    return astype(self, dtype, copy=copy)


def _like(self: Tensor, value: Any) -> Tensor:
    """Convert a value to a tensor of the same dtype and device."""
    return asarray(value, dtype=self.dtype, device=self.device)


def _ones_like(self: Tensor) -> Tensor:
    """Return ones of the same shape, dtype and device."""
    backend = self._backend
    return Tensor(backend.from_host(np.ones(self.shape, self.dtype)), backend)


_METHODS: dict[str, Any] = {
    "like": _like,
    "ones_like": _ones_like,
    "__array_namespace__": namespace.array_namespace,
    "__array_ufunc__": _array_ufunc,
    "__contains__": lambda self, value: _operand(value) and bool(reduction.any(comparison.equal(self, value))),
    "__round__": _round,
    "__getitem__": lambda self, index: indexing.getitem(self, index),
    "__setitem__": assignment.setitem,
    "at": property(assignment.At, doc="``x.at[index]`` selects elements; its methods return a changed copy of ``x``."),
    "astype": _astype,
    "reshape": _reshape,
    "T": property(
        shaping.transpose, doc="A view with the axes reversed, as in NumPy. The standard defines it for matrices only."
    ),
    "mT": property(shaping.matrix_transpose),
}
for _name, _member in _METHODS.items():
    setattr(Tensor, _name, _member)
for _function in (reduction.sum, reduction.mean, reduction.max, reduction.min, searching.argmax, searching.argmin):
    setattr(Tensor, _function.__name__, _method(_function))

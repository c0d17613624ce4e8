"""The operators and methods of `Tensor`, put in place here because they are made of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.ops import (
    arithmetic,
    comparison,
    exponential,
    extrema,
    floating,
    indexing,
    linalg,
    logical,
    reduction,
    rounding,
    searching,
    shaping,
    trigonometric,
)
from tensorlab.ops.dispatch import is_scalar
from tensorlab.ops.lift import astype
from tensorlab.tensor import Tensor


def _operand(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray, np.generic, list)) or is_scalar(value)


def _binary(operation: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Tensor, other: Any) -> Any:
        return operation(self, other) if _operand(other) else NotImplemented

    def reflected(self: Tensor, other: Any) -> Any:
        return operation(other, self) if _operand(other) else NotImplemented

    return forward, reflected


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
    "pow": arithmetic.pow,
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
for _name, _operation in _COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _binary(_operation)[0])
for _name, _operation in _UNARY.items():
    setattr(Tensor, f"__{_name}__", _unary(_operation))

_FAMILIES = (arithmetic, comparison, exponential, extrema, floating, logical, rounding, trigonometric)
_ELEMENTWISE = {name: getattr(family, name) for family in _FAMILIES for name in family.__all__}
_UFUNCS: dict[str, Callable[..., Any]] = {
    **_ELEMENTWISE,
    **{f"arc{name[1:]}": _ELEMENTWISE[name] for name in ("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh")},
    "absolute": arithmetic.abs,
    "divmod": _divmod,
    "invert": logical.bitwise_invert,
    "left_shift": logical.bitwise_left_shift,
    "matmul": linalg.matmul,
    "power": arithmetic.pow,
    "right_shift": logical.bitwise_right_shift,
    "rint": rounding.round,
}
"""The operation of each of NumPy's functions, by the name that it has there."""


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """``ndarray + tensor`` and ``np.exp(tensor)`` give tensors; what tensorlab does not have is NumPy's to compute."""
    operation = _UFUNCS.get(ufunc.__name__)
    if method == "__call__" and not options and operation is not None:
        return operation(*inputs)
    return getattr(ufunc, method)(*(np.asarray(x) if isinstance(x, Tensor) else x for x in inputs), **options)


def _reshape(self: Tensor, *shape: Any) -> Tensor:
    """The elements in another shape, given as a tuple or as arguments."""
    return shaping.reshape(self, shape[0] if len(shape) == 1 else shape)


def _method(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def method(self: Tensor, axis: Any = None, **options: Any) -> Tensor:
        # NumPy's functions, such as np.sum(x), call methods with dtype=None and out=None
        return function(self, axis=axis, **{name: value for name, value in options.items() if value is not None})

    return method


_METHODS: dict[str, Any] = {
    "__array_ufunc__": _array_ufunc,
    "__contains__": lambda self, value: bool(reduction.any(comparison.equal(self, value))),
    "__getitem__": lambda self, index: indexing.getitem(self, index),
    "astype": lambda self, dtype, copy=False: astype(self, dtype, copy=copy),
    "reshape": _reshape,
    "T": property(
        shaping.transpose, doc="The axes reversed. The standard has it for matrices; of more axes it is NumPy's."
    ),
    "mT": property(shaping.matrix_transpose),
}
for _name, _member in _METHODS.items():
    setattr(Tensor, _name, _member)
for _function in (reduction.sum, reduction.mean, reduction.max, reduction.min, searching.argmax, searching.argmin):
    setattr(Tensor, _function.__name__, _method(_function))

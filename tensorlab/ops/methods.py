"""The operators and methods of `Tensor`, put in place here because they are made of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.ops import elementwise_functions as e
from tensorlab.ops import linalg, reduction, shaping
from tensorlab.ops.dispatch import is_scalar
from tensorlab.ops.lift import astype
from tensorlab.tensor import Tensor


def _operand(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray, np.generic, list)) or is_scalar(value)


def _binary(operation: Callable[..., Tensor]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Tensor, other: Any) -> Any:
        return operation(self, other) if _operand(other) else NotImplemented

    def reflected(self: Tensor, other: Any) -> Any:
        return operation(other, self) if _operand(other) else NotImplemented

    return forward, reflected


def _unary(operation: Callable[..., Tensor]) -> Callable[..., Any]:
    return lambda self: operation(self)


_BINARY: dict[str, Callable[..., Tensor]] = {
    "add": e.add,
    "sub": e.subtract,
    "mul": e.multiply,
    "truediv": e.divide,
    "pow": e.pow,
    "matmul": linalg.matmul,
}
_COMPARISONS: dict[str, Callable[..., Tensor]] = {
    "eq": e.equal,
    "ne": e.not_equal,
    "lt": e.less,
    "le": e.less_equal,
    "gt": e.greater,
    "ge": e.greater_equal,
}

for _name, _operation in _BINARY.items():
    _forward, _reflected = _binary(_operation)
    setattr(Tensor, f"__{_name}__", _forward)
    setattr(Tensor, f"__r{_name}__", _reflected)
for _name, _operation in _COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _binary(_operation)[0])
for _name, _operation in {"neg": e.negative, "abs": e.abs}.items():
    setattr(Tensor, f"__{_name}__", _unary(_operation))


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """``ndarray + tensor`` and ``np.exp(tensor)`` give tensors; what tensorlab does not have is NumPy's to compute."""
    operation: Any = {"power": e.pow, "absolute": e.abs, "matmul": linalg.matmul}.get(
        ufunc.__name__, getattr(e, ufunc.__name__, None)
    )
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
    "__contains__": lambda self, value: bool(reduction.any(e.equal(self, value))),
    "__getitem__": lambda self, index: shaping.getitem(self, index),
    "astype": lambda self, dtype, copy=False: astype(self, dtype, copy),
    "reshape": _reshape,
    "T": property(shaping.transpose),
    "mT": property(shaping.matrix_transpose),
}
for _name, _member in _METHODS.items():
    setattr(Tensor, _name, _member)
for _function in (reduction.sum, reduction.mean, reduction.max, reduction.min, reduction.argmax, reduction.argmin):
    setattr(Tensor, _function.__name__, _method(_function))

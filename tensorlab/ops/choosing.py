"""Elements that a condition chooses: ``where`` and ``nonzero``."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from tensorlab import dtypes
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError
from tensorlab.ops.dispatch import are_lists_of_numbers, as_tensor, device_of, is_scalar, on_host, one_of_each_type
from tensorlab.ops.lift import elementwise
from tensorlab.tensor import Tensor, asarray

__all__ = ["nonzero", "where"]


def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """Return the int64 indices of the nonzero elements in C order, as one vector for each axis.

    Raises:
        ShapeError: for a tensor of rank 0.

    Source: Python array API standard, ``nonzero``.
    """
    tensor = as_tensor(x, "nonzero")
    if not tensor.ndim:
        raise ShapeError("nonzero", "a tensor with an axis", "a tensor of rank 0", "use .item()")
    return tuple(asarray(indices, device=tensor.device) for indices in np.nonzero(on_host("nonzero", tensor)))


def _choice(condition: float, x1: float, x2: float) -> float:
    return x1 if condition != 0 else x2


_where = elementwise(domain="any", name="where")(_choice)


@overload
def where(condition: Any, x1: None = None, x2: None = None, /) -> tuple[Tensor, ...]: ...


@overload
def where(condition: Any, x1: Any, x2: Any, /) -> Tensor: ...


def where(condition: Any, x1: Any = None, x2: Any = None, /) -> Any:
    """Return ``x1`` where a condition is true, and ``x2`` elsewhere. All three broadcast.

    Without ``x1`` and ``x2`` the result is that of `nonzero`, as in NumPy and Keras.

    Args:
        condition: bools.
        x1: the values where it is true: a tensor, an array or a number.
        x2: the values where it is false, likewise. The result has the dtype that both promote to.

    Raises:
        ArgumentTypeError: for only one of both values.
        DTypeError: for a condition of another dtype than bool, and for dtypes without a common type.
        ShapeError: for shapes that do not broadcast.

    Source: Python array API standard, ``where``.

    Example:
        >>> tl.where(tl.asarray([True, False]), [1.0, 2.0], 0.0)
        Tensor([1., 0.], dtype=float32)
    """
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ArgumentTypeError("where", "both 'x1' and 'x2', or neither", "one of them")
    device = device_of((condition, x1, x2))
    chosen = as_tensor(condition, "where", device)
    if chosen.dtype.kind != "b":
        raise DTypeError("where", "a condition of bool", str(chosen.dtype), "compare it, e.g. x != 0")
    branches = [
        x if is_scalar(x) or listed else as_tensor(x, "where", device)
        for x, listed in zip((x1, x2), are_lists_of_numbers((x1, x2)), strict=True)
    ]
    target = dtypes.result_type(
        "where",
        [x.dtype for x in branches if isinstance(x, Tensor)],
        [number for x in branches if not isinstance(x, Tensor) for number in one_of_each_type(x)],
    )
    return _where(chosen.astype(target), *branches)

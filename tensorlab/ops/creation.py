"""Making tensors from nothing but shapes and numbers, as the array API standard has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes, shapes
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor, asarray

__all__ = [
    "arange",
    "empty",
    "eye",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def full(shape: Any, fill_value: float, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor of one value; the dtype of that value unless one is given."""
    wanted = dtypes.result_type("full", [], [fill_value]) if dtype is None else dtypes.as_dtype(dtype, "full")
    return asarray(np.full(shapes.as_shape("full", shape), fill_value, wanted), device=device)


def zeros(shape: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Zeros, float32 unless said otherwise."""
    return full(shape, 0.0, dtype=dtype, device=device)


def ones(shape: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Ones, float32 unless said otherwise."""
    return full(shape, 1.0, dtype=dtype, device=device)


def empty(shape: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Zeros: nothing else can be done with a tensor whose values are not known."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(x: Any, fill_value: float, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor of one value, with the shape, dtype and device of ``x`` unless said otherwise."""
    tensor = as_tensor(x, "full_like")
    return full(
        tensor.shape,
        fill_value,
        dtype=tensor.dtype if dtype is None else dtype,
        device=tensor.device if device is None else device,
    )


def zeros_like(x: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Zeros with the shape, dtype and device of ``x``."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Ones with the shape, dtype and device of ``x``."""
    return full_like(x, 1, dtype=dtype, device=device)


def arange(
    start: float, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """``start, start + step, …`` below ``stop``; with one argument, from 0 to below it."""
    bounds: tuple[float, float] = (0, start) if stop is None else (start, stop)
    wanted = dtypes.result_type("arange", [], [*bounds, step]) if dtype is None else dtypes.as_dtype(dtype, "arange")
    return asarray(np.arange(bounds[0], bounds[1], step).astype(wanted), device=device)


def linspace(
    start: float, stop: float, num: int, *, dtype: Any = None, device: str | None = None, endpoint: bool = True
) -> Tensor:
    """``num`` evenly spaced numbers from ``start`` to ``stop``, float32 unless said otherwise."""
    wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, "linspace")
    return asarray(np.linspace(start, stop, num, endpoint=endpoint).astype(wanted), device=device)


def eye(n_rows: int, n_cols: int | None = None, *, k: int = 0, dtype: Any = None, device: str | None = None) -> Tensor:
    """Ones on the ``k``-th diagonal and zeros elsewhere, float32 unless said otherwise."""
    wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, "eye")
    return asarray(np.eye(n_rows, n_cols, k, dtype=wanted), device=device)

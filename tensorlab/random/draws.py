"""Random tensors of the usual distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes, shapes
from tensorlab.errors import DTypeError
from tensorlab.random.streams import generator
from tensorlab.tensor import Tensor, asarray


def _real(who: str, dtype: Any) -> dtypes.DType:
    wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, who)
    if wanted.kind != "f":
        raise DTypeError(who, "float32 or float64", str(wanted), "convert the numbers with .astype()")
    return wanted


def uniform(
    shape: Any = (),
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: int | None = None,
    use: str = "uniform",
) -> Tensor:
    """Numbers from ``[minval, maxval)``, all equally likely.

    Args:
        shape: of the result.
        minval: the least.
        maxval: above the largest.
        dtype: float32 (if None) or float64.
        seed: None to draw from the global streams.
        use: the stream.

    Source: Keras, ``keras.random.uniform``.
    """
    kind = _real("random.uniform", dtype).type
    numbers = generator(use, seed).random(shapes.as_shape("random.uniform", shape), dtype=kind)
    numbers = numbers * kind(maxval - minval) + kind(minval)
    # a number just below maxval may round to it
    return asarray(np.minimum(numbers, np.nextafter(kind(maxval), kind(minval))))


def normal(
    shape: Any = (),
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: int | None = None,
    use: str = "normal",
) -> Tensor:
    """Numbers from the normal distribution.

    Args:
        shape: of the result.
        mean: of the distribution.
        stddev: its standard deviation.
        dtype: float32 (if None) or float64.
        seed: None to draw from the global streams.
        use: the stream.

    Source: Keras, ``keras.random.normal``.
    """
    wanted = _real("random.normal", dtype)
    numbers = generator(use, seed).standard_normal(shapes.as_shape("random.normal", shape), dtype=wanted.type)
    return asarray(numbers * wanted.type(stddev) + wanted.type(mean))

"""Random tensors from common distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorlab import dtypes, ops, shapes
from tensorlab.errors import ArgumentError, DTypeError, ShapeError, short_repr
from tensorlab.ops.dispatch import as_tensor, on_host
from tensorlab.random.keys import key_first
from tensorlab.random.streams import Seed, generator
from tensorlab.tensor import Tensor, asarray

__all__ = ["bernoulli", "categorical", "normal", "permutation", "randint", "shuffle", "truncated_normal", "uniform"]


def _real(who: str, dtype: Any) -> dtypes.DType:
    wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, who)
    if wanted.kind != "f":
        raise DTypeError(who, "float32 or float64", str(wanted), "convert the numbers with .astype()")
    return wanted


def _integer(who: str, dtype: Any) -> dtypes.DType:
    wanted = dtypes.as_dtype(dtype, who)
    if wanted.kind not in "iu":
        raise DTypeError(who, "a dtype of integers", str(wanted))
    return wanted


def _finite(who: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ArgumentError(who, "a finite number", short_repr(value))
    return number


def _mean_and_stddev(who: str, mean: Any, stddev: Any) -> tuple[float, float]:
    return _finite(f"{who} mean", mean), _finite(f"{who} stddev", stddev)


@key_first
def uniform(
    shape: Any = (),
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    use: str = "uniform",
) -> Tensor:
    """Return random numbers from the uniform distribution on ``[minval, maxval)``.

    Args:
        shape: the shape of the result.
        minval: the lower bound, inclusive.
        maxval: the upper bound, exclusive.
        dtype: float32 (if None) or float64.
        seed: an integer or a key, for the same numbers in every call; a `SeedGenerator`; or None to draw from the
            global streams. A key may also be the first positional argument.
        use: the name of the stream.

    Raises:
        ArgumentError: for bounds that are not finite, or a ``minval`` above ``maxval``.
        DTypeError: for another dtype.

    Source: Keras, ``keras.random.uniform``.
    """
    kind = _real("random.uniform", dtype).type
    least, most = _finite("random.uniform minval", minval), _finite("random.uniform maxval", maxval)
    if least > most:
        raise ArgumentError("random.uniform", "a minval that is not above maxval", f"{minval} and {maxval}")
    numbers = generator(use, seed).random(shapes.as_shape("random.uniform", shape), dtype=kind)
    with np.errstate(over="ignore"):
        width = kind(most - least)
    # if the width overflows, compute weighted means of the bounds
    numbers = (
        numbers * width + kind(least) if np.isfinite(width) else kind(least) * (1 - numbers) + kind(most) * numbers
    )
    # rounding may give maxval itself
    return asarray(np.minimum(numbers, np.nextafter(kind(most), kind(least))))


@key_first
def normal(
    shape: Any = (),
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    use: str = "normal",
) -> Tensor:
    """Return random numbers from a normal distribution.

    Args:
        shape: the shape of the result.
        mean: the mean.
        stddev: the standard deviation.
        dtype: float32 (if None) or float64.
        seed: as in `uniform`.
        use: the name of the stream.

    Raises:
        ArgumentError: for a mean or a standard deviation that is not finite.
        DTypeError: for another dtype.

    Source: Keras, ``keras.random.normal``.

    Example:
        >>> tl.random.normal((2, 3)).shape
        (2, 3)
    """
    wanted = _real("random.normal", dtype)
    middle, spread = _mean_and_stddev("random.normal", mean, stddev)
    numbers = generator(use, seed).standard_normal(shapes.as_shape("random.normal", shape), dtype=wanted.type)
    return asarray(numbers * wanted.type(spread) + wanted.type(middle))


@key_first
def truncated_normal(
    shape: Any = (),
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    use: str = "truncated_normal",
) -> Tensor:
    """Return random numbers from a normal distribution truncated at two standard deviations from the mean.

    Numbers outside of the range are drawn again. Arguments and errors are those of `normal`.

    Source: Keras, ``keras.random.truncated_normal``.
    """
    wanted = _real("random.truncated_normal", dtype)
    middle, spread = _mean_and_stddev("random.truncated_normal", mean, stddev)
    draw, lengths = generator(use, seed), shapes.as_shape("random.truncated_normal", shape)
    numbers = draw.standard_normal(math.prod(lengths), dtype=wanted.type)
    while (far := np.flatnonzero(np.abs(numbers) > 2.0)).size:
        numbers[far] = draw.standard_normal(far.size, dtype=wanted.type)
    return asarray((numbers * wanted.type(spread) + wanted.type(middle)).reshape(lengths))


@key_first
def randint(
    shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None, use: str = "randint"
) -> Tensor:
    """Return random integers from the uniform distribution on ``[minval, maxval)``.

    Args:
        shape: the shape of the result.
        minval: the lower bound, inclusive.
        maxval: the upper bound, exclusive.
        dtype: an integer dtype.
        seed: as in `uniform`.
        use: the name of the stream.

    Raises:
        ArgumentError: for bounds that are not integers or out of the range of the dtype, or an empty interval.
        DTypeError: for a dtype that is not an integer dtype.

    Source: Keras, ``keras.random.randint``.

    Example:
        >>> x = tl.random.randint((1000,), 0, 10)
        >>> int(tl.min(x)) >= 0 and int(tl.max(x)) < 10
        True
    """
    wanted = _integer("random.randint", dtype)
    limits = np.iinfo(wanted)
    try:
        least, most = int(minval), int(maxval)
        whole = least == minval and most == maxval
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or not limits.min <= least < most <= int(limits.max) + 1:
        expected = f"integers minval < maxval in the range of {wanted}"
        raise ArgumentError("random.randint", expected, f"{short_repr(minval)} and {short_repr(maxval)}")
    lengths = shapes.as_shape("random.randint", shape)
    return asarray(np.asarray(generator(use, seed).integers(least, most, lengths, dtype=wanted.type)))


@key_first
def bernoulli(p: Any = 0.5, shape: Any = None, seed: Seed = None, use: str = "bernoulli") -> Tensor:
    """Return random bools that are true with probability ``p``.

    Args:
        p: a probability, or an array of one for each element.
        shape: the shape of the result, to which ``p`` broadcasts; the shape of ``p`` if None.
        seed: as in `uniform`.
        use: the name of the stream.

    Raises:
        ArgumentError: for a probability that is not from 0 to 1.
        ShapeError: if ``p`` does not broadcast to the shape.

    Source: JAX, ``jax.random.bernoulli``.
    """
    tensor = as_tensor(p, "random.bernoulli p")
    chances = on_host("random.bernoulli", tensor)
    if not ((chances >= 0) & (chances <= 1)).all():
        raise ArgumentError("random.bernoulli p", "probabilities from 0 to 1", str(chances)[:60])
    lengths = tensor.shape if shape is None else shapes.as_shape("random.bernoulli", shape)
    if shapes.broadcast("random.bernoulli", [tensor.shape, lengths]) != lengths:
        raise ShapeError("random.bernoulli", f"p that broadcasts to shape {lengths}", f"shape {tensor.shape}")
    return asarray(np.asarray(generator(use, seed).random(lengths) < chances), device=tensor.device)


@key_first
def categorical(
    logits: Any, num_samples: int = 1, dtype: Any = "int32", seed: Seed = None, use: str = "categorical"
) -> Tensor:
    """Return random class indices; the probabilities are the softmax of the logits.

    Args:
        logits: ``(…, n)``, unnormalized log probabilities.
        num_samples: the number of samples for each row.
        dtype: an integer dtype.
        seed: as in `uniform`.
        use: the name of the stream.

    Returns:
        integers from 0 to ``n - 1``, ``(…, num_samples)``.

    Raises:
        ShapeError: for logits without an axis or without a class, or a negative ``num_samples``.
        DTypeError: for a dtype that is not an integer dtype.

    Source: Keras, ``keras.random.categorical``; sampled as the argmax of the logits plus Gumbel noise.
    """
    tensor, wanted = as_tensor(logits, "random.categorical"), _integer("random.categorical", dtype)
    if not tensor.ndim or not tensor.shape[-1]:
        raise ShapeError("random.categorical", "logits of shape (..., n), n of at least 1", f"shape {tensor.shape}")
    (count,) = shapes.as_shape("random.categorical num_samples", num_samples)
    rows = on_host("random.categorical", tensor)[..., None, :]
    noise = generator(use, seed).gumbel(size=(*tensor.shape[:-1], count, tensor.shape[-1]))
    return asarray(np.asarray(np.argmax(rows + noise, axis=-1), wanted), device=tensor.device)


@key_first
def shuffle(x: Any, axis: int = 0, seed: Seed = None, use: str = "random shuffle") -> Tensor:
    """Return the slices of a tensor along an axis in random order.

    Args:
        x: a tensor or an array.
        axis: the axis to shuffle along.
        seed: as in `uniform`.
        use: the name of the stream.

    Raises:
        ShapeError: for an axis that is out of range.

    Source: Keras, ``keras.random.shuffle``.
    """
    tensor = as_tensor(x, "random.shuffle")
    position = shapes.normalize_axis("random.shuffle", axis, tensor.ndim)
    return ops.take(tensor, generator(use, seed).permutation(tensor.shape[position]), axis=position)


@key_first
def permutation(x: Any, axis: int = 0, seed: Seed = None, use: str = "random shuffle") -> Tensor:
    """Return the integers from 0 to ``x - 1``, or the slices of a tensor along an axis, in random order.

    Arguments and errors are those of `shuffle`.

    Source: JAX, ``jax.random.permutation``.
    """
    return shuffle(ops.arange(int(x)) if isinstance(x, (int, np.integer)) else x, axis, seed, use)

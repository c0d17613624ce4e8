"""Initializers of weights, with Keras's names and distributions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorlab import absent, dtypes, ops, random
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.rules import finite
from tensorlab.serialization import Configured
from tensorlab.serialization import deserializer as _deserializer
from tensorlab.serialization import get as _get
from tensorlab.serialization import serialize as serialize
from tensorlab.shapes import Shape, as_shape
from tensorlab.tensor import Tensor, asarray


class Initializer(Configured):
    """The base of every initializer. A subclass implements `__call__`."""

    _kind = "initializer"

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        """Return a tensor of this shape and dtype (float32 if None)."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(shape, dtype)")


class Zeros(Initializer):
    """Initialize all elements to 0."""

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return ops.zeros(shape, dtype=dtype)


class Ones(Initializer):
    """Initialize all elements to 1."""

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return ops.ones(shape, dtype=dtype)


class Constant(Initializer):
    """Initialize all elements to ``value``, or broadcast an array to the shape.

    Source: Keras, ``keras.initializers.Constant``.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, "Constant")
        return ops.broadcast_to(asarray(self.value).astype(wanted), as_shape("Constant shape", shape))


class Identity(Initializer):
    """Initialize to the identity matrix times ``gain``; a matrix that is not square has ``gain`` on its main diagonal.

    Raises:
        ShapeError: when called with a shape that is not of rank 2.

    Source: Keras, ``keras.initializers.Identity``.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = finite("Identity gain", gain)

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        if len(shape) != 2:
            raise ShapeError("Identity", "a shape of rank 2", str(tuple(shape)))
        return ops.eye(*shape, dtype=dtype) * self.gain


class RandomUniform(Initializer):
    """Draw from the uniform distribution on ``[minval, maxval)``."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed, use="initializer")


class RandomNormal(Initializer):
    """Draw from a normal distribution."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed, use="initializer")


class TruncatedNormal(Initializer):
    """Draw from a normal distribution truncated at two ``stddev`` from ``mean``; values outside are drawn again.

    Source: Keras, ``keras.initializers.TruncatedNormal``.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed, use="initializer")


_STDDEV_OF_TRUNCATED = 0.87962566103423978
"""The standard deviation of a standard normal distribution truncated at -2 and 2."""


class VarianceScaling(Initializer):
    """Draw numbers of mean 0 and variance ``scale / n``, where ``n`` depends on the shape of the weight.

    Args:
        scale: the numerator of the variance.
        mode: what ``n`` is: "fan_in" (the number of inputs of a unit), "fan_out" (the number of outputs) or "fan_avg"
            (the mean of both).
        distribution: "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
        seed: an integer, or None to draw from the global stream.

    Raises:
        ArgumentError: for a scale that is not positive, or an unknown mode or distribution.

    Source: Keras, ``keras.initializers.VarianceScaling``.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        who = type(self).__name__
        if finite(f"{who} scale", scale) <= 0:
            raise ArgumentError(f"{who} scale", "a number above 0", short_repr(scale))
        distribution = "truncated_normal" if distribution == "normal" else distribution
        for name, value, known in (("mode", mode, _MODES), ("distribution", distribution, _DISTRIBUTIONS)):
            if value not in known:
                raise ArgumentError(f"{who} {name}", f"one of {', '.join(map(repr, known))}", short_repr(value))
        self.scale, self.mode, self.distribution, self.seed = float(scale), mode, distribution, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        fan_in, fan_out = _fans(as_shape(f"{type(self).__name__} shape", shape))
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed, use="initializer")
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, math.sqrt(variance), dtype, self.seed, use="initializer")
        stddev = math.sqrt(variance) / _STDDEV_OF_TRUNCATED
        return random.truncated_normal(shape, 0.0, stddev, dtype, self.seed, use="initializer")


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


def _fans(shape: Shape) -> tuple[float, float]:
    """Return fan-in and fan-out. The axes before the last two, such as a convolution's window, multiply both."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    window = math.prod(shape[:-2])
    return float(shape[-2] * window), float(shape[-1] * window)


class GlorotUniform(VarianceScaling):
    """Draw uniformly from ``±√(6 / (fan_in + fan_out))``; the fans are the numbers of inputs and outputs of a unit.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Example:
        >>> tl.initializers.GlorotUniform(seed=0)((784, 512)).shape
        (784, 512)
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Draw from a truncated normal distribution of variance ``2 / (fan_in + fan_out)``.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """Draw uniformly from ``±√(6 / fan_in)``.

    Source: He et al., "Delving Deep into Rectifiers", arXiv:1502.01852.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Draw from a truncated normal distribution of variance ``2 / fan_in``.

    Source: He et al., "Delving Deep into Rectifiers", arXiv:1502.01852.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """Draw uniformly from ``±√(3 / fan_in)``.

    Source: LeCun et al., "Efficient BackProp", 1998.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Draw from a truncated normal distribution of variance ``1 / fan_in``.

    Source: LeCun et al., "Efficient BackProp", 1998.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


class Orthogonal(Initializer):
    """Draw a random orthogonal matrix times ``gain``; all axes except the last form the rows.

    If the matrix is not square, its rows or its columns, whichever are fewer, are orthonormal.

    Raises:
        ShapeError: when called with a shape of rank 0 or 1.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning", arXiv:1312.6120.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain, self.seed = finite("Orthogonal gain", gain), seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        if len(shape) < 2:
            raise ShapeError("Orthogonal", "a shape of rank 2 or more", str(tuple(shape)))
        rows, columns = math.prod(shape[:-1]), shape[-1]
        numbers = random.generator("initializer", self.seed).standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(numbers)
        q = q * np.sign(np.diagonal(r))  # makes the distribution uniform
        matrix = self.gain * (q.T if rows < columns else q)
        return asarray(matrix.reshape(shape), dtype=dtypes.default_float if dtype is None else dtype)


# Keras's other names for the same classes
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
variance_scaling, glorot_uniform, glorot_normal = VarianceScaling, GlorotUniform, GlorotNormal
he_uniform, he_normal, lecun_uniform, lecun_normal = HeUniform, HeNormal, LecunUniform, LecunNormal


def get(identifier: Any) -> Any:
    """Return an initializer from its name, class or config.

    An `Initializer` or a function of ``(shape, dtype)`` is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for anything else.
    """
    if callable(identifier) and not isinstance(identifier, (type, Initializer)):
        return identifier
    return _get("initializer", identifier, Initializer)


deserialize = _deserializer(__name__, "initializer", get)

if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())

"""What weights begin with."""

from __future__ import annotations

import math
from typing import Any

from tensorlab import ops, random
from tensorlab.serialization import Configured
from tensorlab.serialization import get as _get
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor


class Initializer(Configured):
    """Gives the first values of a weight; subclasses implement `__call__`."""

    _kind = "initializer"

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        """A tensor of this shape and dtype (float32 if None)."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(shape, dtype)")


class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return ops.zeros(shape, dtype=dtype)


class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return ops.ones(shape, dtype=dtype)


class Constant(Initializer):
    """All ``value``."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return ops.full(shape, float(self.value), dtype=dtype)


class RandomUniform(Initializer):
    """From ``[minval, maxval)``, all equally likely."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed, use="initializer")


class RandomNormal(Initializer):
    """From the normal distribution."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed, use="initializer")


class GlorotUniform(Initializer):
    """Uniform in ``±√(6 / (fan_in + fan_out))``, where the fans are the numbers of inputs and outputs of a unit.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        fan_in, fan_out = _fans(shape)
        limit = math.sqrt(6.0 / max(1.0, fan_in + fan_out))
        return random.uniform(shape, -limit, limit, dtype, self.seed, use="initializer")


def _fans(shape: Shape) -> tuple[float, float]:
    """Inputs and outputs of a unit; axes before the last two count for both, as in a convolution."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    receptive = math.prod(shape[:-2])
    return float(shape[-2] * receptive), float(shape[-1] * receptive)


def get(identifier: Any) -> Any:
    """An initializer from its name, its class, its config, or itself; a function of ``(shape, dtype)`` is one too.

    Raises:
        UnknownNameError: for an unknown name.
        ArgumentTypeError: for anything else.
    """
    if callable(identifier) and not isinstance(identifier, (type, Initializer)):
        return identifier
    return _get("initializer", identifier, Initializer)

"""Layers that change inputs at random in training: `Dropout`, `GaussianDropout` and `GaussianNoise`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.tensor import Tensor, from_buffer_of


@elementwise
def dropped(x: float, number: float, rate: float) -> float:
    """Return ``x / (1 - rate)`` if the random number is at least the rate, else 0."""
    return x / (1.0 - rate) if number >= rate else 0.0


@elementwise
def _noisy(x: float, number: float, stddev: float) -> float:
    return x + number * stddev


@elementwise
def _multiplied(x: float, number: float, stddev: float) -> float:
    return x * (1.0 + number * stddev)


_REAL = (int, float, np.integer, np.floating)


class _OfRate(Layer):
    """The base of layers that drop a share of their inputs in training."""

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.seed = checked_rate(self._who, rate), seed

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Drop inputs in training; otherwise return the inputs."""
        return self._dropped(inputs.astype(self.dtype)) if training and self.rate != 0 else inputs

    def _dropped(self, inputs: Tensor) -> Tensor:
        """Return the outputs in training."""
        raise NotImplementedError


class Dropout(_OfRate):
    """Set each input to 0 with probability ``rate`` in training, and divide the others by ``1 - rate``.

    Args:
        rate: a number in ``[0, 1)``.
        seed: the seed of a separate random stream; None for the global seed.

    Raises:
        ArgumentError: for another rate.

    Source: Srivastava et al., "Dropout", JMLR 15, 2014; Keras, ``keras.layers.Dropout``.

    Example:
        >>> layer = tl.layers.Dropout(0.5)
        >>> layer(tl.ones((1, 4))).tolist()  # without training=True nothing changes
        [[1.0, 1.0, 1.0, 1.0]]
    """

    def _dropped(self, inputs: Tensor) -> Tensor:
        return dropped(inputs, drawn(self, "dropout", "random", inputs), self.rate)


class GaussianNoise(Layer):
    """Add normal random numbers of mean 0 to the inputs in training.

    Args:
        stddev: their standard deviation, at least 0.
        seed: the seed of a separate random stream; None for the global seed.

    Raises:
        ArgumentError: for a negative standard deviation.

    Source: Keras, ``keras.layers.GaussianNoise``.

    Example:
        >>> layer = tl.layers.GaussianNoise(0.5)
        >>> layer(tl.ones((1, 4))).tolist()  # without training=True nothing changes
        [[1.0, 1.0, 1.0, 1.0]]
    """

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(self, stddev: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.stddev = finite(f"{self._who} stddev", stddev, 0.0)
        self.seed = seed

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Add noise in training; otherwise return the inputs."""
        if not training or self.stddev == 0:
            return inputs
        inputs = inputs.astype(self.dtype)
        return _noisy(inputs, drawn(self, "gaussian_noise", "standard_normal", inputs), self.stddev)


class GaussianDropout(_OfRate):
    """Multiply the inputs by normal random numbers of mean 1 and variance ``rate / (1 - rate)`` in training.

    Args:
        rate: a number in ``[0, 1)``.
        seed: the seed of a separate random stream; None for the global seed.

    Raises:
        ArgumentError: for another rate.

    Source: Srivastava et al., "Dropout", JMLR 15, 2014; Keras, ``keras.layers.GaussianDropout``.

    Example:
        >>> layer = tl.layers.GaussianDropout(0.5)
        >>> layer(tl.ones((1, 4))).tolist()  # without training=True nothing changes
        [[1.0, 1.0, 1.0, 1.0]]
    """

    def _dropped(self, inputs: Tensor) -> Tensor:
        numbers = drawn(self, "gaussian_dropout", "standard_normal", inputs)
        return _multiplied(inputs, numbers, math.sqrt(self.rate / (1.0 - self.rate)))


def checked_rate(who: str, rate: Any) -> float:
    """Return a rate as a float.

    Raises:
        ArgumentError: unless it is a number of at least 0 and below 1.
    """
    if isinstance(rate, bool) or not isinstance(rate, _REAL) or not 0 <= rate < 1:
        raise ArgumentError(f"{who} rate", "a number of at least 0 and below 1", short_repr(rate))
    return float(rate)


def drawn(layer: Any, use: str, distribution: str, like: Tensor) -> Tensor:
    """Return a random number for each input, from the layer's own stream, which does not depend on other layers."""
    stream = f"{use} {layer.name}" if layer.seed is None else use
    numbers = random.drawn(stream, layer.seed, distribution, like.shape, like.dtype)
    return from_buffer_of(like, like.backend.from_host(numbers))

"""Layers that change inputs at random in training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.shapes import items_of
from tensorlab.tensor import Tensor, from_buffer_of


@elementwise
def dropped(x: float, number: float, rate: float) -> float:
    """Return ``x / (1 - rate)`` if the random number is at least the rate, else 0."""
    return x / (1.0 - rate) if number >= rate else 0.0


_SATURATED = -1.0507009873554805 * 1.6732632423543772
"""The limit of selu for small inputs."""


@elementwise
def _saturated(x: float, number: float, rate: float, scale: float, shift: float) -> float:
    return scale * (x if number >= rate else _SATURATED) + shift


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


class _OfNoise(_OfRate):
    """The base of layers whose random numbers may have another shape than the inputs."""

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **options: Any) -> None:
        super().__init__(rate, seed, **options)
        self.noise_shape = None if noise_shape is None else tuple(items_of(noise_shape))
        for length in self.noise_shape or ():
            if length is not None and (isinstance(length, bool) or not isinstance(length, int) or length < 1):
                expected = "lengths of at least 1, or None for those of the inputs"
                raise ArgumentError(f"{self._who} noise_shape", expected, short_repr(noise_shape))

    def _numbers(self, use: str, inputs: Tensor) -> Tensor:
        """Return random numbers that broadcast to the inputs."""
        if self.noise_shape is None:
            return drawn(self, use, "random", inputs)
        given, lengths = self.noise_shape, inputs.shape
        if len(given) != len(lengths) or any(n not in (None, 1, m) for n, m in zip(given, lengths, strict=True)):
            expected = f"inputs to which the noise_shape {given} broadcasts"
            raise ShapeError(self._who, expected, f"inputs of shape {lengths}")
        index = tuple([slice(None, n) for n in given])
        return drawn(self, use, "random", inputs[index])


class Dropout(_OfNoise):
    """Set each input to 0 with probability ``rate`` in training, and divide the others by ``1 - rate``.

    Args:
        rate: a number in ``[0, 1)``.
        noise_shape: the shape of the random numbers, which are broadcast to the inputs: each length is 1, or that of
            the inputs, for which None stands. ``(None, 1, None)`` drops the same features of all steps of a sequence.
        seed: the seed of a separate random stream; None for the global seed.

    Raises:
        ArgumentError: for another rate or noise shape.
        ShapeError: in a call, for inputs to which the noise shape does not broadcast.

    Source: Srivastava et al., "Dropout", JMLR 15, 2014; Keras, ``keras.layers.Dropout``.

    Example:
        >>> layer = tl.layers.Dropout(0.5)
        >>> layer(tl.ones((1, 4))).tolist()  # without training=True nothing changes
        [[1.0, 1.0, 1.0, 1.0]]
    """

    def _dropped(self, inputs: Tensor) -> Tensor:
        return dropped(inputs, self._numbers("dropout", inputs), self.rate)


class AlphaDropout(_OfNoise):
    """Set each input to the smallest output of selu with probability ``rate`` in training, keeping mean and variance.

    Dropped inputs become ``α' = -1.0507 · 1.6733``. All are then scaled and shifted, ``a x + b``, so that inputs of
    mean 0 and variance 1, such as those after selu, keep both: ``a = ((1 - rate) (1 + rate α'²))^-½``, and
    ``b = -a α' rate``.

    Args:
        rate: a number in ``[0, 1)``.
        noise_shape: the shape of the random numbers, as in `Dropout`.
        seed: the seed of a separate random stream; None for the global seed.

    The errors are those of `Dropout`.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", arXiv:1706.02515; Keras,
    ``keras.layers.AlphaDropout``.

    Example:
        >>> layer = tl.layers.AlphaDropout(0.5)
        >>> layer(tl.ones((1, 4))).tolist()  # without training=True nothing changes
        [[1.0, 1.0, 1.0, 1.0]]
    """

    def _dropped(self, inputs: Tensor) -> Tensor:
        scale = 1.0 / math.sqrt((1.0 - self.rate) * (1.0 + self.rate * _SATURATED**2))
        shift = -scale * _SATURATED * self.rate
        return _saturated(inputs, self._numbers("alpha_dropout", inputs), self.rate, scale, shift)


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

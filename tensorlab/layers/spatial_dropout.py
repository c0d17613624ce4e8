"""Dropout of whole channels."""

from __future__ import annotations

from typing import Any

from tensorlab.layers.dropout import checked_rate, drawn, dropped
from tensorlab.layers.windows import Lengths, Windowed
from tensorlab.tensor import Tensor


class SpatialDropout(Windowed):
    """The base of `SpatialDropout1D` and `SpatialDropout2D`."""

    samplewise = True

    def __init__(self, rate: float, seed: int | None = None, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.seed = checked_rate(self._who, rate), seed
        self._set_format(data_format)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Drop channels in training; otherwise return the inputs."""
        self._check(inputs.shape)
        if not training or self.rate == 0:
            return inputs
        inputs = inputs.astype(self.dtype)
        one = (slice(None, 1),) * self._axes
        index = (slice(None), *one) if self.data_format == "channels_last" else (slice(None), slice(None), *one)
        return dropped(inputs, drawn(self, "spatial_dropout", "random", inputs[index]), self.rate)

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        return lengths


class SpatialDropout1D(SpatialDropout):
    """Set each channel of a sequence to 0 with probability ``rate`` in training, and divide the others by ``1 - rate``.

    Args:
        rate: a number in ``[0, 1)``.
        seed: the seed of a separate random stream; None for the global seed.

    Raises:
        ArgumentError: for another rate.
        ShapeError: in a call, unless inputs are of (batch, steps, channels).

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", arXiv:1411.4280; Keras,
    ``keras.layers.SpatialDropout1D``.

    Example:
        >>> tl.layers.SpatialDropout1D(0.5)(tl.ones((1, 2, 1))).tolist()  # without training=True nothing changes
        [[[1.0], [1.0]]]
    """

    _axes = 1

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(rate, seed, **options)


class SpatialDropout2D(SpatialDropout):
    """Set each channel of an image to 0 with probability ``rate`` in training, and divide the others by ``1 - rate``.

    Args:
        rate: a number in ``[0, 1)``.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        seed: the seed of a separate random stream; None for the global seed.

    Raises:
        ArgumentError: for another rate, or an unknown data format.
        ShapeError: in a call, for inputs of another rank.

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", arXiv:1411.4280; Keras,
    ``keras.layers.SpatialDropout2D``.

    Example:
        >>> tl.layers.SpatialDropout2D(0.5)(tl.ones((1, 1, 2, 1))).tolist()  # without training=True nothing changes
        [[[[1.0], [1.0]]]]
    """

    _axes = 2

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **options: Any) -> None:
        super().__init__(rate, seed, data_format, **options)

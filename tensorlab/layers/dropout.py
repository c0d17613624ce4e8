"""`Dropout`: set random inputs to 0 in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.ops.lift import elementwise
from tensorlab.tensor import Tensor, asarray


@elementwise
def _keep(x: float, number: float, rate: float) -> float:
    """Return ``x / (1 - rate)`` if the random number is at least the rate, else 0."""
    return x / (1.0 - rate) if number >= rate else 0.0


_REAL = (int, float, np.integer, np.floating)


class Dropout(Layer):
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

    _takes_one = True

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        if isinstance(rate, bool) or not isinstance(rate, _REAL) or not 0 <= rate < 1:
            raise ArgumentError(f"{self._who} rate", "a number of at least 0 and below 1", short_repr(rate))
        self.rate = float(rate)
        self.seed = seed

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Drop inputs in training; otherwise return the inputs."""
        if not training or self.rate == 0:
            return inputs
        # Each layer has its own stream, so its random numbers do not depend on other layers.
        use = f"dropout {self.name}" if self.seed is None else "dropout"
        drawn = random.generator(use, self.seed, moving=True).random(inputs.shape, dtype=np.float32)
        inputs = inputs.astype(self.dtype)
        mask = asarray(drawn.astype(inputs.dtype), device=inputs.device)
        return _keep(inputs, mask, self.rate)

"""`Dropout`: a random part of the inputs is set to 0 in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentError
from tensorlab.layers.base import Layer
from tensorlab.ops.lift import elementwise
from tensorlab.tensor import Tensor, asarray


@elementwise
def _keep(x: float, number: float, rate: float) -> float:
    """``x`` scaled up where the random number is at least the rate, else 0."""
    return x / (1.0 - rate) if number >= rate else 0.0


_REAL = (int, float, np.integer, np.floating)


class Dropout(Layer):
    """In training, sets each input to 0 with probability ``rate`` and divides the others by ``1 - rate``.

    Args:
        rate: from 0 up to, but not, 1.
        seed: of a stream of its own; None for the global seed.

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
            raise ArgumentError(f"{self._who} rate", "a number from 0 up to, but not, 1", repr(rate))
        self.rate = float(rate)
        self.seed = seed

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The inputs themselves unless training."""
        if not training or self.rate == 0:
            return inputs
        # The stream is named by the layer, so that what one layer draws does not depend on the others.
        use = f"dropout {self.name}" if self.seed is None else "dropout"
        drawn = random.generator(use, self.seed, moving=True).random(inputs.shape, dtype=np.float32)
        inputs = inputs.astype(self.dtype)
        mask = asarray(drawn.astype(inputs.dtype), device=inputs.device)
        return _keep(inputs, mask, self.rate)

"""`ActivityRegularization`: a penalty on what passes through."""

from __future__ import annotations

from typing import Any

from tensorlab import regularizers
from tensorlab.layers.base import Layer
from tensorlab.tensor import Tensor


class ActivityRegularization(Layer):
    """Return the inputs, and add ``(l1 Σ|x| + l2 Σx²) / batch`` to the loss.

    Args:
        l1: the factor of the absolute values.
        l2: the factor of the squares.

    Raises:
        ArgumentError: for a factor that is not a finite number of at least 0.

    Source: Keras, ``keras.layers.ActivityRegularization``.

    Example:
        >>> layer = tl.layers.ActivityRegularization(l2=0.5)
        >>> layer(tl.asarray([[1.0, 2.0], [3.0, 0.0]])).tolist()
        [[1.0, 2.0], [3.0, 0.0]]
        >>> layer.losses
        [Tensor(3.5, dtype=float32)]
    """

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **options)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs

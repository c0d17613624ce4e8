"""`Masking`: mark the padding of sequences."""

from __future__ import annotations

from typing import Any

from tensorlab import ops
from tensorlab.layers.base import Layer
from tensorlab.rules import finite
from tensorlab.tensor import Tensor


class Masking(Layer):
    """Mark the steps of sequences in which all inputs have a value, and set them to 0: ``(batch, time, …) → same``.

    The outputs have a mask, bools of shape ``(batch, time)`` for inputs ``(batch, time, features)``. Layers that take a
    mask, such as those of the plugin tensorlab-recurrent, skip the steps where it is false. Other layers pass it on, or
    warn if their outputs would need another one. The loss of a model counts only outputs whose mask is true.

    Args:
        mask_value: the value of padding.

    Raises:
        ArgumentError: for a value that is not a finite number.

    Source: Keras, ``keras.layers.Masking``.

    Example:
        >>> layer = tl.layers.Masking(mask_value=-1.0)
        >>> layer(tl.asarray([[[-1.0, -1.0], [-1.0, 2.0]]])).tolist()
        [[[0.0, 0.0], [-1.0, 2.0]]]
        >>> layer.compute_mask(tl.asarray([[[-1.0, -1.0], [-1.0, 2.0]]])).tolist()
        [[False, True]]
    """

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(self, mask_value: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.mask_value = finite(f"{self._who} mask_value", mask_value)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor:
        """Return where not all inputs along the last axis have the value."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Tensor) -> Tensor:
        """Set the marked steps to 0."""
        return ops.where(ops.expand_dims(self.compute_mask(inputs), axis=-1), inputs, ops.zeros_like(inputs))

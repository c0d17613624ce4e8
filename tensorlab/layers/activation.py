"""`Activation`: an activation as a layer of its own."""

from __future__ import annotations

from typing import Any

from tensorlab import activations
from tensorlab.layers.base import Layer
from tensorlab.tensor import Tensor


class Activation(Layer):
    """``activation(inputs)``.

    Args:
        activation: a name, an `Activation`, or a function of tensors.

    Raises:
        UnknownNameError: for an unknown name, with the nearest known ones.

    Source: Keras, ``keras.layers.Activation``.
    """

    _takes_one = True

    def __init__(self, activation: Any, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply it."""
        return inputs if self.activation is None else self.activation(inputs)

"""Models and layers that the tests of building share."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.layers import Dense

X = np.ones((8, 4), "float32")
Y = np.ones((8, 1), "float32")


class Net(tl.Model):
    """A model with a list of layers, a nested list, and a head."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden: list[Any] = [Dense(3), [Dense(3)]]
        self.head = Dense(1)
        self.fails = False
        self.calls = 0

    def call(self, x: tl.Tensor) -> tl.Tensor:
        self.calls += 1
        x = self.head(self.hidden[1][0](self.hidden[0](x)))
        if self.fails:
            raise ZeroDivisionError("on purpose")
        return x


class Made(Net):
    """A model that creates layers and weights in build, in attributes and in existing containers."""

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight((input_shape[-1],), "ones")
        self.made = Dense(input_shape[-1])
        self.hidden.append(self.made)
        self.table = {"extra": self.add_weight((1,), trainable=False)}
        self.add_weight((1,), name="unassigned", trainable=False)
        self.made.build(input_shape)

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return super().call(self.made(x) * self.gain)

"""The conformance kit names inner layers and weights of lower precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ConformanceError
from tensorlab.layers import Dense, Layer
from tensorlab.testing.layer import LayerSubject


class Outer(Layer):
    """Creates layers in the constructor, in build, and with the dtype passed on."""

    def __init__(self, given: Layer | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.inner = [Dense(6) if given is None else given, Dense(6, dtype=self.dtype)]

    def build(self, input_shape: Any) -> None:
        self.made = Dense(6)

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return self.made(self.inner[1](self.inner[0](x)))


class Closed(Outer):
    """Does not accept a dtype."""

    def __init__(self) -> None:
        super().__init__()


class Single(Layer):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.scale = tl.Variable(np.ones(1, "float32"), name="scale")

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return tl.multiply(x, self.scale.astype(x.dtype))


def ready(layer: Any, dtype: str) -> Layer:
    subject = LayerSubject(layer)
    return subject.ready(dtype, subject.inputs())


@pytest.mark.parametrize("layer", [Outer(), Closed(), Outer(Dense(6))], ids=["outer", "closed", "given"])
def test_inner_layers_have_the_checked_dtype(layer: Layer) -> None:
    for dtype in ("float64", "float32"):
        made = ready(layer, dtype)
        assert {weight.dtype.name for weight in made.weights} == {dtype}


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (
            Outer(Dense(6, dtype="float32", name="narrow")),
            "expected inner layers of float64, received <Dense 'narrow', built> of float32; construct it",
        ),
        (Single(), "expected weights of float64, received 'scale' of float32; make it with self.add_weight in build"),
    ],
)
def test_layers_and_weights_of_lower_precision_are_named(layer: Layer, words: str) -> None:
    with pytest.raises(ConformanceError) as error:
        ready(layer, "float64")
    assert words in str(error.value)
    assert " in float64: " in str(error.value)

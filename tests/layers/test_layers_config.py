"""Configs of layers: they contain the given arguments and recreate the layer."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from layer_cases import Block

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError
from tensorlab.layers import Activation, Dense, Dropout, Flatten, InputLayer, Layer, Rescaling, Reshape

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    "layer",
    [
        Dense(5, activation="relu", use_bias=False, kernel_initializer="random_normal", dtype="float64"),
        Dense(5, activation=tl.activations.tanh, kernel_initializer=tl.initializers.GlorotUniform(seed=3)),
        Dense(np.int64(5), bias_initializer=tl.initializers.Constant(0.5), dtype=tl.float64, trainable=False),
        Activation("softmax"),
        Dropout(0.25, seed=4),
        Flatten(),
        Reshape((3, 2)),
        Reshape([-1, 1]),
        Rescaling(1.0 / 255.0, offset=-1.0),
        InputLayer((6,)),
    ],
    ids=lambda layer: layer.name,
)
def test_config_recreates_the_layer(layer: Layer, rng: np.random.Generator) -> None:
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert again is not layer
    assert json.loads(json.dumps(again.get_config())) == json.loads(json.dumps(config))
    assert (again.dtype, again.trainable) == (layer.dtype, layer.trainable)
    x = rng.normal(size=(4, 6))
    layer(x), again(x)
    again.set_weights(layer.get_weights())
    assert np.array_equal(again(x).numpy(), layer(x).numpy())
    assert again(x).dtype == layer(x).dtype
    assert len(again.trainable_weights) == len(layer.trainable_weights)


def test_config_contains_arguments_and_defaults() -> None:
    config = Dense(5, "relu", kernel_initializer=tl.initializers.Zeros(), name="hidden").get_config()
    assert config == {
        "units": 5,
        "activation": "relu",
        "use_bias": True,
        "kernel_initializer": {"class_name": "zeros", "kind": "initializer", "config": {}},
        "bias_initializer": "zeros",
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
        "name": "hidden",
    }


def test_config_of_a_custom_layer_needs_no_code() -> None:
    block = Block(4, dtype="float64", name="block")
    config = block.get_config()
    assert config == {"units": 4, "scale": 2.0, "dtype": "float64", "name": "block"}
    again = Block.from_config(config)
    assert (again.units, again.scale, again.dtype, again.name) == (4, 2.0, tl.float64, "block")


def test_config_is_that_of_the_outermost_constructor() -> None:
    class Narrow(Dense):
        def __init__(self, factor: int = 3) -> None:
            super().__init__(2 * factor, activation="tanh")
            self.factor = factor

    class Narrower(Narrow):
        pass

    for made in (Narrow(5), Narrower(factor=5)):
        assert made.get_config() == {"factor": 5}
        again = type(made).from_config(made.get_config())
        assert (again.units, again.activation) == (10, tl.activations.tanh)
    assert Narrow().get_config() == {"factor": 3}


def test_config_contains_layers_that_were_passed(rng: np.random.Generator) -> None:
    class Residual(Layer):
        def __init__(self, inner: Layer, *, others: Any = (), **options: Any) -> None:
            super().__init__(**options)
            self.inner, self.others = inner, list(others)

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            for layer in (self.inner, *self.others):
                inputs = inputs + layer(inputs)
            return inputs

    layer = Residual(Dense(3, activation="tanh"), others=(Dense(3), Activation("relu")))
    config = json.loads(json.dumps(layer.get_config()))
    again = Residual.from_config(config)
    x = rng.normal(size=(4, 3)).astype("float32")
    layer(x), again(x)
    assert len(again.weights) == 4
    assert again.inner is not layer.inner
    again.set_weights(layer.get_weights())
    assert np.array_equal(again(x).numpy(), layer(x).numpy())
    assert again.others[1].activation is tl.activations.relu


def test_config_keeps_unregistered_functions() -> None:
    def doubled(x: tl.Tensor) -> tl.Tensor:
        return x * 2.0

    layer = Dense(3, activation=doubled)
    assert Dense.from_config(layer.get_config()).activation is doubled


def test_config_contains_layers_in_dicts() -> None:
    class Branches(Layer):
        def __init__(self, table: dict[str, Any]) -> None:
            super().__init__()
            self.table = table

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return self.table["a"](self.table["more"][0](inputs))

    layer = Branches({"a": Dense(3), "more": [Dense(2)], "rate": 0.5})
    again = Branches.from_config(json.loads(json.dumps(layer.get_config())))
    assert again(np.ones((1, 4), "float32")).shape == (1, 3)
    assert again.table["rate"] == 0.5
    assert layer.weights == []


@pytest.mark.parametrize("options", [{}, {"eq": False}, {"kw_only": True}])
def test_config_of_a_dataclass_contains_the_given_arguments(options: dict[str, bool]) -> None:
    @dataclasses.dataclass(**options)
    class Scale(Layer):
        factor: float = 2.0
        offsets: list[float] = dataclasses.field(default_factory=lambda: [1.0])

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return x * self.factor + self.offsets[0]

    assert Scale().get_config() == {"factor": 2.0}
    assert Scale(factor=3.0, offsets=[4.0]).get_config() == {"factor": 3.0, "offsets": [4.0]}
    for layer in (Scale(factor=3.0), Scale(offsets=[5.0])):
        again = Scale.from_config(layer.get_config())
        assert (again.factor, again.offsets) == (layer.factor, layer.offsets)
    with tl.device("reference"):
        model = tl.Sequential([Scale(factor=3.0)])
        assert model(np.ones((2, 2), "float32")).tolist() == [[4.0, 4.0]] * 2
    with pytest.raises(ArgumentTypeError, match=r"^Scale: .*'factr'"):
        Scale(factr=1.0)

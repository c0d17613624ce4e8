"""Layers: gradients, building, names, weights, and custom layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from layer_cases import Block, swish

import tensorlab as tl
from tensorlab.errors import (
    ArgumentTypeError,
    DTypeError,
    ShapeError,
    StateError,
)
from tensorlab.layers import Activation, Dense, Flatten, Layer, Rescaling, Reshape

Array = np.ndarray[Any, Any]


def central_difference(function: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """Return the gradient of a function of one array by central differences."""
    result = np.empty_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += step
        below[place] -= step
        result[place] = (function(above) - function(below)) / (2.0 * step)
    return result


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dense(4, dtype="float64"),
        lambda: Dense(4, activation="relu", dtype="float64"),
        lambda: Dense(4, activation="sigmoid", dtype="float64"),
        lambda: Dense(4, activation="softmax", dtype="float64"),
        lambda: Dense(4, activation=tl.Activation(swish), dtype="float64"),
        lambda: Dense(4, activation="tanh", use_bias=False, dtype="float64"),
        lambda: Activation("tanh", dtype="float64"),
        lambda: Flatten(dtype="float64"),
        lambda: Reshape((3, 2), dtype="float64"),
        lambda: Rescaling(0.3, 0.7, dtype="float64"),
        lambda: Block(4, dtype="float64"),
    ],
    ids=[
        "dense",
        "relu",
        "sigmoid",
        "softmax",
        "swish",
        "tanh-no-bias",
        "activation",
        "flatten",
        "reshape",
        "rescaling",
        "block",
    ],
)
def test_gradients_match_central_differences(make: Callable[[], Layer], rng: np.random.Generator) -> None:
    layer = make()
    x = rng.normal(size=(3, 2, 3))
    outputs = layer(x)
    share = rng.normal(size=outputs.shape)  # a different weight for each output
    # Keep relu away from its kink by more than the step of the difference.
    if isinstance(layer, Dense) and layer.activation is tl.activations.relu:
        kernel, _ = layer.get_weights()
        layer.set_weights([kernel, rng.choice([-4.0, 4.0], 4) * np.abs(x @ kernel).max()])
    source = tl.asarray(x)
    with tl.GradientTape() as tape:
        tape.watch(source)
        total = tl.sum(layer(source) * share)
    gradients = tape.gradient(total, [source, *layer.weights])

    def value_at(change: Callable[[Array], None]) -> Callable[[Array], float]:
        def value(array: Array) -> float:
            change(array)
            return float(np.sum(layer(inputs[0]).numpy() * share))

        return value

    inputs = [x]
    expected = central_difference(value_at(lambda array: inputs.__setitem__(0, array)), x)
    inputs[0] = x
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(gradients[0].numpy(), expected, rtol=1e-6, atol=1e-6 * scale)
    for weight, gradient in zip(layer.weights, gradients[1:], strict=True):
        start = np.array(weight.numpy())
        expected = central_difference(value_at(lambda array, weight=weight: weight.assign(array)), start)
        weight.assign(start)
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-6, atol=1e-6 * scale)


# Custom layers


class SimpleDense(Layer):
    """The book's layer, adapted to tensorlab."""

    def __init__(self, units: int, activation: Any = None) -> None:
        super().__init__()
        self.units = units
        self.activation = activation

    def build(self, input_shape: tuple[int, ...]) -> None:
        input_dim = input_shape[-1]
        self.W = self.add_weight(shape=(input_dim, self.units), initializer="random_normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        y = tl.matmul(inputs, self.W) + self.b
        if self.activation is not None:
            y = self.activation(y)
        return y


@pytest.mark.parametrize("activation", [None, tl.ops.relu, "relu"], ids=["None", "function", "name"])
def test_simple_dense_of_the_book(activation: Any) -> None:
    layer = SimpleDense(units=32, activation=activation)
    outputs = layer(tl.ones((2, 784)))
    assert outputs.shape == (2, 32)
    assert [weight.shape for weight in layer.weights] == [(784, 32), (32,)]
    expected = np.ones((2, 784)) @ layer.W.numpy().astype("float64")
    if activation is not None:
        expected = np.maximum(expected, 0.0)
        assert (expected == 0).any()
    np.testing.assert_allclose(outputs.numpy(), expected, rtol=1e-4, atol=1e-4)
    again = SimpleDense.from_config(layer.get_config())
    again.build((None, 784))
    again.set_weights(layer.get_weights())
    assert np.array_equal(again(tl.ones((2, 784))).numpy(), outputs.numpy())


def test_weights_have_names_shapes_and_order() -> None:
    layer = Block(4, name="block")
    layer(np.ones((2, 3), "float32"))
    first, second = (inner.name for inner in layer.inner)
    assert [(weight.name, weight.shape) for weight in layer.weights] == [
        ("block/gain", (4,)),
        (f"{first}/kernel", (3, 4)),
        (f"{first}/bias", (4,)),
        (f"{second}/kernel", (4, 4)),
        (f"{second}/bias", (4,)),
    ]
    assert layer.count_params() == 4 + 3 * 4 + 4 + 4 * 4 + 4
    assert [id(weight) for weight in layer.variables] == [id(weight) for weight in layer.weights]
    assert layer.inner[0].count_params() == 16


def test_add_weight_numbers_unnamed_weights() -> None:
    layer = SimpleDense(2)
    layer.build((None, 3))
    assert [weight.name for weight in layer.weights] == [f"{layer.name}/weight_0", f"{layer.name}/weight_1"]


def test_layer_is_built_once_by_its_first_inputs() -> None:
    layer = Dense(4)
    assert not layer.built
    assert layer.weights == []
    assert repr(layer) == f"<Dense {layer.name!r}>"
    layer(np.ones((2, 3), "float32"))
    kernel = layer.kernel
    layer(np.ones((5, 3), "float32"))
    assert layer.built
    assert layer.kernel is kernel
    assert len(layer.weights) == 2
    assert repr(layer) == f"<Dense {layer.name!r}, built>"


def test_names_are_numbered_or_given() -> None:
    class VeryOwnXMLLayer(Layer):
        pass

    first, second = VeryOwnXMLLayer(), VeryOwnXMLLayer()
    assert (first.name, second.name) == ("very_own_xml_layer", "very_own_xml_layer_1")
    assert VeryOwnXMLLayer(name="mine").name == "mine"
    with pytest.raises(ArgumentTypeError) as error:
        Dense(3, name=5)
    assert str(error.value) == "Dense name: expected a string, received 5"


def test_unknown_dtype_is_rejected() -> None:
    with pytest.raises(DTypeError) as error:
        Dense(3, dtype="float16", name="hidden")
    assert str(error.value).startswith("Dense 'hidden': expected one of bool, ")
    assert "received 'float16'" in str(error.value)


def test_failed_build_leaves_no_weights() -> None:
    class Fragile(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.offset = tl.Variable(1.0)

        def build(self, input_shape: tuple[int, ...]) -> None:
            self.add_weight((2,), name="first")
            if input_shape[-1] == 3:
                raise ShapeError("Fragile", "an even length", "3")
            self.add_weight((2,), name="second")

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return inputs + self.offset

    layer = Fragile()
    with pytest.raises(ShapeError, match="an even length, received 3"):
        layer(np.ones((2, 3), "float32"))
    assert not layer.built
    assert [id(weight) for weight in layer.weights] == [id(layer.offset)]
    layer(np.ones((2, 4), "float32"))
    assert [weight.name.rpartition("/")[2] for weight in layer.weights] == ["variable", "first", "second"]


def test_class_without_call_is_reported() -> None:
    with pytest.raises(StateError) as error:
        Layer(name="bare")(np.ones((2, 3), "float32"))
    assert str(error.value) == ("Layer 'bare': the class has no method call; implement call(self, inputs)")


def test_training_is_passed_only_to_calls_that_accept_it() -> None:
    seen: list[bool] = []

    class Curious(Layer):
        def call(self, inputs: tl.Tensor, training: bool = False) -> tl.Tensor:
            seen.append(training)
            return inputs

    class Indifferent(Curious):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return inputs

    x = np.ones((2, 3), "float32")
    for layer in (Curious(), Indifferent()):
        layer(x)
        layer(x, training=True)
    assert seen == [False, True]


def test_frozen_layers_and_weights_are_not_trainable() -> None:
    class Mixed(Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            self.trained = self.add_weight((2,), name="trained")
            self.fixed = self.add_weight((2,), trainable=False, name="fixed")
            self.inner = Dense(2, trainable=False)

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return self.inner(inputs) * self.trained + self.fixed

    layer = Mixed()
    layer(np.ones((2, 3), "float32"))

    def names(weights: list[tl.Variable]) -> list[str]:
        return [weight.name.rpartition("/")[2] for weight in weights]

    assert names(layer.trainable_weights) == ["trained"]
    assert names(layer.non_trainable_weights) == ["fixed", "kernel", "bias"]
    layer.inner.trainable = True
    assert names(layer.trainable_weights) == ["trained", "kernel", "bias"]
    layer.trainable = False
    assert layer.trainable_weights == []
    assert names(layer.non_trainable_weights) == ["trained", "fixed", "kernel", "bias"]


def test_set_weights_accepts_the_result_of_get_weights(rng: np.random.Generator) -> None:
    layer, other = Dense(4), Dense(4)
    for each in (layer, other):
        each.build((None, 3))
    copies = layer.get_weights()
    other.set_weights(copies)
    copies[0][...] = 7.0  # changing a copy changes no layer
    for weight, value in zip(layer.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(weight, value)
        assert not (value == 7.0).any()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([np.zeros((3, 4))], "Dense 'hidden'.set_weights: expected 2 arrays, received 1"),
        (
            [np.ones((3, 4)), np.zeros(3)],
            "Dense 'hidden'.set_weights: expected 'hidden/bias' of (4,), received (3,)",
        ),
        (
            [np.ones((4, 3)), np.zeros(4)],
            "Dense 'hidden'.set_weights: expected 'hidden/kernel' of (3, 4), received (4, 3)",
        ),
    ],
)
def test_invalid_weights_change_nothing(weights: list[Array], message: str) -> None:
    layer = Dense(4, name="hidden")
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ShapeError) as error:
        layer.set_weights(weights)
    assert str(error.value) == message
    for weight, value in zip(layer.get_weights(), before, strict=True):
        assert np.array_equal(weight, value)


def test_methods_that_need_weights_report_an_unbuilt_layer() -> None:
    layer = Dense(4, name="hidden")
    for method, ask in (
        ("count_params", layer.count_params),
        ("set_weights", lambda: layer.set_weights([np.zeros((3, 4)), np.zeros(4)])),
    ):
        with pytest.raises(StateError) as error:
            ask()
        assert str(error.value) == (
            f"Dense 'hidden'.{method}: the layer is not built; call it on data, or call build(input_shape)"
        )


def test_integers_are_passed_to_call_unchanged() -> None:
    class Lookup(tl.layers.Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            self.table = self.add_weight((5, 3))

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return tl.take(self.table, inputs, axis=0)

    layer = Lookup()
    found = layer(np.array([[4, 0], [1, 1]]))
    np.testing.assert_array_equal(found.numpy(), layer.table.numpy()[[[4, 0], [1, 1]]])

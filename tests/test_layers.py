"""Layers: outputs and gradients against NumPy, configs that make the same layer again, weights, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    ShapeError,
    StateError,
    UnknownNameError,
)
from tensorlab.layers import Activation, Dense, Dropout, Flatten, Input, Layer, Rescaling, Reshape

Array = np.ndarray[Any, Any]


def numpy_softmax(x: Array) -> Array:
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


NUMPY_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "softmax": numpy_softmax,
    "tanh": np.tanh,
}


def swish(x: float) -> float:
    return x / (1.0 + math.exp(-x))


def numpy_swish(x: Array) -> Array:
    return x / (1.0 + np.exp(-x))


def central_difference(function: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """The gradient of a function of one array, element by element."""
    result = np.empty_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += step
        below[place] -= step
        result[place] = (function(above) - function(below)) / (2.0 * step)
    return result


# Dense


@pytest.mark.parametrize("name", NUMPY_ACTIVATIONS)
def test_dense_is_numpys_product(name: str, rng: np.random.Generator) -> None:
    layer = Dense(5, activation=name, dtype="float64")
    x = rng.normal(size=(7, 3))
    kernel, bias = rng.normal(size=(3, 5)), rng.normal(size=5)
    layer.build((None, 3))
    layer.set_weights([kernel, bias])
    expected = NUMPY_ACTIVATIONS[name](x @ kernel + bias)
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (None, lambda x: x),
        (tl.Activation(swish), numpy_swish),
        (lambda x: x * x, np.square),
        (tl.ops.softmax, numpy_softmax),
        (tl.activations.relu, NUMPY_ACTIVATIONS["relu"]),
    ],
    ids=["None", "Activation", "lambda", "ops.softmax", "activations.relu"],
)
def test_dense_takes_an_activation_of_any_form(
    activation: Any, expected: Callable[[Array], Array], rng: np.random.Generator
) -> None:
    layer = Dense(5, activation=activation, dtype="float64")
    x = rng.normal(size=(7, 3))
    outputs = layer(x).numpy()
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(outputs, expected(x @ kernel + bias), rtol=1e-12, atol=1e-14)


def test_dense_without_bias_has_one_weight(rng: np.random.Generator) -> None:
    layer = Dense(5, use_bias=False, activation="tanh", dtype="float64")
    x = rng.normal(size=(7, 3))
    outputs = layer(x).numpy()
    assert [weight.name for weight in layer.weights] == [f"{layer.name}/kernel"]
    np.testing.assert_allclose(outputs, np.tanh(x @ layer.get_weights()[0]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("lead", [(), (4,), (2, 1, 3), (0,), (2, 0)])
def test_dense_applies_to_the_last_axis(lead: tuple[int, ...], rng: np.random.Generator) -> None:
    layer = Dense(5, activation="relu", dtype="float64")
    x = rng.normal(size=(*lead, 3))
    outputs = layer(x).numpy()
    kernel, bias = layer.get_weights()
    assert outputs.shape == (*lead, 5)
    np.testing.assert_allclose(outputs, np.maximum(x @ kernel + bias, 0.0), rtol=1e-12, atol=1e-14)


def test_dense_takes_a_view_as_what_it_shows(rng: np.random.Generator) -> None:
    layer = Dense(5, activation="relu", dtype="float64")
    base = rng.normal(size=(6, 14))
    outputs = layer(base[:, ::-2].T[:6].T[::2]).numpy()
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(outputs, np.maximum(base[:, ::-2][::2, :6] @ kernel + bias, 0.0), rtol=1e-12, atol=1e-14)


def test_dense_computes_in_its_own_dtype(rng: np.random.Generator) -> None:
    x = rng.normal(size=(7, 3))
    single, double = Dense(5, activation="relu"), Dense(5, activation="relu", dtype=tl.float64)
    assert single(x).dtype == tl.float32
    assert double(x.astype("float32")).dtype == tl.float64
    assert [weight.dtype for weight in single.weights] == [tl.float32] * 2
    assert [weight.dtype for weight in double.weights] == [tl.float64] * 2
    single.set_weights(double.get_weights())
    np.testing.assert_allclose(single(x).numpy(), double(x).numpy(), rtol=1e-5, atol=1e-6)


def test_dense_takes_bytes(rng: np.random.Generator) -> None:
    layer = Dense(5)
    x = rng.integers(0, 256, (7, 3)).astype("uint8")
    outputs = layer(x)
    kernel, bias = layer.get_weights()
    assert outputs.dtype == tl.float32
    np.testing.assert_allclose(outputs.numpy(), x.astype("float64") @ kernel + bias, rtol=1e-5, atol=1e-4)


def test_dense_begins_with_glorots_range_and_zeros() -> None:
    layer = Dense(300)
    layer.build((None, 200))
    kernel, bias = layer.get_weights()
    limit = math.sqrt(6.0 / 500.0)
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.999 * limit
    assert abs(kernel.mean()) < limit / 50.0
    assert not bias.any()


def test_dense_takes_initializers_of_any_form() -> None:
    def counting(shape: tuple[int, ...], dtype: Any = None) -> tl.Tensor:
        return tl.asarray(np.arange(math.prod(shape)).reshape(shape), dtype=dtype)

    layer = Dense(2, kernel_initializer=counting, bias_initializer=tl.initializers.Constant(3.0))
    layer.build((None, 3))
    kernel, bias = layer.get_weights()
    assert kernel.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert bias.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", True, None, np.array([3, 4])])
def test_dense_refuses_units_that_are_no_count(units: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        Dense(units, name="hidden")
    assert str(error.value) == f"Dense 'hidden' units: expected a whole number of at least 1, received {units!r}"


def test_dense_names_the_nearest_activation() -> None:
    with pytest.raises(UnknownNameError) as error:
        Dense(3, activation="rleu")
    assert str(error.value).startswith("activation: expected the name of a registered activation, received 'rleu'; ")
    assert "'relu'" in error.value.hint


def test_dense_refuses_an_activation_that_is_none() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        Dense(3, activation=7)
    assert str(error.value) == "activation: expected a name or a function, received 7"


def test_dense_names_the_nearest_initializer() -> None:
    with pytest.raises(UnknownNameError) as error:
        Dense(3, kernel_initializer="glorot_unifrom")
    assert error.value.hint == "did you mean 'glorot_uniform' or 'random_uniform'?"


@pytest.mark.parametrize(
    ("shape", "hint"),
    [((32, 28, 28), "; add a Flatten layer or reshape to (32, 784)"), ((32, 783), ""), ((784, 32), "")],
)
def test_dense_says_which_inputs_it_expects(shape: tuple[int, ...], hint: str) -> None:
    layer = Dense(4, name="hidden")
    layer.build((None, 784))
    before = layer.get_weights()
    with pytest.raises(ShapeError) as error:
        layer(np.zeros(shape, "float32"))
    assert str(error.value) == f"Dense 'hidden': expected inputs of shape (batch, 784), received {shape}{hint}"
    for weight, value in zip(layer.get_weights(), before, strict=True):
        assert np.array_equal(weight, value)


def test_dense_refuses_a_number() -> None:
    layer = Dense(4, name="hidden")
    with pytest.raises(ShapeError) as error:
        layer(3.0)
    assert str(error.value) == (
        "Dense 'hidden': expected inputs of shape (batch, features), received (); add an axis with expand_dims"
    )
    assert not layer.built
    assert layer.weights == []


# The layers without weights


@pytest.mark.parametrize("name", NUMPY_ACTIVATIONS)
def test_activation_layer_is_the_function(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 2, 3))
    outputs = Activation(name, dtype="float64")(x).numpy()
    np.testing.assert_allclose(outputs, NUMPY_ACTIVATIONS[name](x), rtol=1e-12, atol=1e-14)


def test_activation_layer_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as error:
        Activation("sigmiod")
    assert error.value.hint == "did you mean 'sigmoid'?"


@pytest.mark.parametrize("shape", [(5,), (5, 1), (2, 3, 4), (0, 3, 2), (3, 0, 2), (2, 3, 1, 5)])
def test_flatten_keeps_the_batch(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = rng.normal(size=shape).astype("float32")
    expected = x.reshape(shape[0], math.prod(shape[1:]))
    outputs = Flatten()(x).numpy()
    assert outputs.shape == expected.shape
    assert np.array_equal(outputs, expected)


@pytest.mark.parametrize("target", [(6,), (3, 2), (-1,), (2, -1, 1), [1, 6]])
def test_reshape_keeps_the_batch(target: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 2, 3)).astype("float32")
    expected = x.reshape(5, *target)
    outputs = Reshape(target)(x).numpy()
    assert outputs.shape == expected.shape
    assert np.array_equal(outputs, expected)


def test_reshape_says_what_does_not_fit() -> None:
    with pytest.raises(ShapeError) as error:
        Reshape((4,))(np.zeros((5, 2, 3), "float32"))
    assert "a shape of 30 elements, received (5, 4); the tensor has shape (5, 2, 3)" in str(error.value)


def test_rescaling_maps_bytes_to_the_unit_interval(rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (5, 4, 4)).astype("uint8")
    outputs = Rescaling(1.0 / 255.0)(x)
    assert outputs.dtype == tl.float32
    np.testing.assert_allclose(outputs.numpy(), x / 255.0, rtol=1e-6, atol=0.0)
    np.testing.assert_allclose(Rescaling(2.0 / 255.0, -1.0)(x).numpy(), x / 127.5 - 1.0, rtol=0.0, atol=1e-6)


def test_input_passes_on_what_it_is_given(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 4)).astype("float32")
    assert np.array_equal(Input((4,))(x).numpy(), x)
    assert Input(4).shape == (4,)
    with pytest.raises(ShapeError) as error:
        Input((4, -1), name="images")
    assert str(error.value) == "Input 'images' shape: expected lengths of at least 0, received (4, -1)"


# Dropout


def test_dropout_is_the_identity_outside_of_training(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 4)).astype("float32")
    assert np.array_equal(Dropout(0.5)(x).numpy(), x)
    assert np.array_equal(Dropout(0.0)(x, training=True).numpy(), x)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.83])
def test_dropout_drops_its_share_and_scales_the_rest(rate: float, rng: np.random.Generator) -> None:
    tl.utils.set_random_seed(int(rng.integers(1 << 62)))
    x = rng.uniform(1.0, 2.0, (200, 500)).astype("float32")
    outputs = Dropout(rate)(x, training=True).numpy()
    kept = outputs != 0
    np.testing.assert_allclose(outputs[kept], x[kept] / (1.0 - rate), rtol=1e-6)
    sigma = math.sqrt(rate * (1.0 - rate) / x.size)
    assert abs(1.0 - kept.mean() - rate) < 6.0 * sigma
    # Neither rows nor columns are dropped together: each has its own share. A tenth of 200 elements is so skew that one
    # of the 700 shares is beyond six standard deviations in one run of thirty thousand; beyond eight in one of 10⁸.
    assert np.abs(1.0 - kept.mean(axis=0) - rate).max() < 8.0 * sigma * math.sqrt(500.0)
    assert np.abs(1.0 - kept.mean(axis=1) - rate).max() < 8.0 * sigma * math.sqrt(200.0)


def test_dropout_draws_another_mask_at_every_call() -> None:
    layer, x = Dropout(0.5), np.ones((20, 20), "float32")
    assert not np.array_equal(layer(x, training=True).numpy(), layer(x, training=True).numpy())


def test_dropout_repeats_itself_with_the_seed() -> None:
    layer, x = Dropout(0.5), np.ones((20, 20), "float32")

    def draw(seed: int) -> list[Array]:
        tl.utils.set_random_seed(seed)
        return [layer(x, training=True).numpy() for _ in range(2)]

    first, again, other = draw(3), draw(3), draw(4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[1], other[1])


def test_dropout_does_not_depend_on_the_layers_beside_it() -> None:
    x = np.ones((20, 20), "float32")
    layer, other = Dropout(0.5, name="kept"), Dropout(0.5, name="beside")
    tl.utils.set_random_seed(7)
    alone = layer(x, training=True).numpy()
    tl.utils.set_random_seed(7)
    beside = other(x, training=True).numpy()
    Dense(3)(x)
    assert np.array_equal(layer(x, training=True).numpy(), alone)
    assert not np.array_equal(beside, alone)


def test_dropout_with_a_seed_of_its_own_does_not_follow_the_global_one() -> None:
    x = np.ones((20, 20), "float32")

    def draw(seed: int, own: int) -> Array:
        tl.utils.set_random_seed(seed)
        return Dropout(0.5, seed=own)(x, training=True).numpy()

    assert np.array_equal(draw(1, own=5), draw(2, own=5))
    assert not np.array_equal(draw(1, own=5), draw(1, own=6))


@pytest.mark.parametrize("rate", [1.0, -0.1, 2, "half", None, True, math.nan])
def test_dropout_refuses_what_is_no_rate(rate: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        Dropout(rate, name="drop")
    assert str(error.value) == f"Dropout 'drop' rate: expected a number from 0 up to, but not, 1, received {rate!r}"


# Gradients


class Block(Layer):
    """A third party's layer, made of others and of a weight of its own."""

    def __init__(self, units: int, scale: float = 2.0, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.scale = units, scale
        self.inner = [Dense(units, activation="tanh", dtype=self.dtype), Dense(units, dtype=self.dtype)]

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.gain = self.add_weight(shape=(self.units,), initializer="random_normal", name="gain")

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs * self.gain * self.scale


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
def test_gradients_are_the_central_differences(make: Callable[[], Layer], rng: np.random.Generator) -> None:
    layer = make()
    x = rng.normal(size=(3, 2, 3))
    outputs = layer(x)
    share = rng.normal(size=outputs.shape)  # so that every output counts, and each differently
    # Away from a kink of relu by more than a step of the difference.
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


def test_gradient_through_dropout_is_that_of_its_mask(rng: np.random.Generator) -> None:
    x = tl.Variable(rng.uniform(1.0, 2.0, (6, 5)))
    with tl.GradientTape() as tape:
        outputs = Dropout(0.4, dtype="float64")(x, training=True)
    gradient = tape.gradient(outputs, x).numpy()
    np.testing.assert_allclose(gradient, outputs.numpy() / x.numpy(), rtol=1e-12)
    assert (gradient == 0).any()


# What a layer is


class SimpleDense(Layer):
    """The book's layer, with tensorlab's names."""

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
def test_the_books_simple_dense(activation: Any) -> None:
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


def test_weights_have_names_shapes_and_an_order() -> None:
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


def test_add_weight_numbers_what_has_no_name() -> None:
    layer = SimpleDense(2)
    layer.build((None, 3))
    assert [weight.name for weight in layer.weights] == [f"{layer.name}/weight_0", f"{layer.name}/weight_1"]


def test_layer_is_built_by_its_first_inputs_and_only_once() -> None:
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


def test_names_count_up_and_can_be_given() -> None:
    class VeryOwnXMLLayer(Layer):
        pass

    first, second = VeryOwnXMLLayer(), VeryOwnXMLLayer()
    assert (first.name, second.name) == ("very_own_xml_layer", "very_own_xml_layer_1")
    assert VeryOwnXMLLayer(name="mine").name == "mine"
    with pytest.raises(ArgumentTypeError) as error:
        Dense(3, name=5)
    assert str(error.value) == "Dense name: expected a string, received 5"


def test_unknown_dtype_is_refused() -> None:
    with pytest.raises(DTypeError) as error:
        Dense(3, dtype="float16", name="hidden")
    assert str(error.value).startswith("Dense 'hidden': expected one of bool, ")
    assert "received 'float16'" in str(error.value)


def test_build_that_fails_leaves_nothing() -> None:
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


def test_a_class_without_call_says_so() -> None:
    with pytest.raises(StateError) as error:
        Layer(name="bare")(np.ones((2, 3), "float32"))
    assert str(error.value) == (
        "Layer 'bare': expected a method call(self, inputs), received a class without one; implement it"
    )


def test_call_takes_training_only_if_it_names_it() -> None:
    seen: list[bool] = []

    class Curious(Layer):
        def call(self, inputs: tl.Tensor, training: bool = False) -> tl.Tensor:
            seen.append(training)
            return inputs

    class Indifferent(Curious):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:  # type: ignore[override]
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


def test_set_weights_is_what_get_weights_gives(rng: np.random.Generator) -> None:
    layer, other = Dense(4), Dense(4)
    for each in (layer, other):
        each.build((None, 3))
    copies = layer.get_weights()
    other.set_weights(copies)
    copies[0][...] = 7.0  # they are copies: changing them changes no layer
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
def test_set_weights_is_all_or_nothing(weights: list[Array], message: str) -> None:
    layer = Dense(4, name="hidden")
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ShapeError) as error:
        layer.set_weights(weights)
    assert str(error.value) == message
    for weight, value in zip(layer.get_weights(), before, strict=True):
        assert np.array_equal(weight, value)


def test_weights_that_are_not_there_yet_are_said_to_be() -> None:
    layer = Dense(4, name="hidden")
    for method, ask in (
        ("count_params", layer.count_params),
        ("set_weights", lambda: layer.set_weights([np.zeros((3, 4)), np.zeros(4)])),
    ):
        with pytest.raises(StateError) as error:
            ask()
        assert str(error.value) == (
            f"Dense 'hidden'.{method}: expected a layer that is built, received one that is not; "
            "call it on data, or call build(input_shape)"
        )


# Configs


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
        Input((6,)),
    ],
    ids=lambda layer: layer.name,
)
def test_config_makes_the_same_layer_again(layer: Layer, rng: np.random.Generator) -> None:
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


def test_config_holds_the_arguments_and_their_defaults() -> None:
    config = Dense(5, "relu", kernel_initializer=tl.initializers.Zeros(), name="hidden").get_config()
    assert config == {
        "units": 5,
        "activation": "relu",
        "use_bias": True,
        "kernel_initializer": {"class_name": "zeros", "kind": "initializer", "config": {}},
        "bias_initializer": "zeros",
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "name": "hidden",
    }


def test_config_of_a_third_partys_layer_needs_nothing_written() -> None:
    block = Block(4, dtype="float64", name="block")
    config = block.get_config()
    assert config == {"units": 4, "scale": 2.0, "dtype": "float64", "name": "block"}
    again = Block.from_config(config)
    assert (again.units, again.scale, again.dtype, again.name) == (4, 2.0, tl.float64, "block")


def test_config_is_of_the_outermost_constructor() -> None:
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


def test_config_holds_the_layers_that_were_given(rng: np.random.Generator) -> None:
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


def test_config_with_a_function_of_no_name_keeps_the_function() -> None:
    def doubled(x: tl.Tensor) -> tl.Tensor:
        return x * 2.0

    layer = Dense(3, activation=doubled)
    assert Dense.from_config(layer.get_config()).activation is doubled


def test_integers_come_to_call_as_they_are() -> None:
    class Lookup(tl.layers.Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            self.table = self.add_weight((5, 3))

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return tl.take(self.table, inputs, axis=0)

    layer = Lookup()
    found = layer(np.array([[4, 0], [1, 1]]))
    np.testing.assert_array_equal(found.numpy(), layer.table.numpy()[[[4, 0], [1, 1]]])

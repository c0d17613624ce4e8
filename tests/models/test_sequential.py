"""Sequential: adding and removing layers, shapes, weights and configs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from weights import same

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from tensorlab.layers import Activation, Dense, Dropout, Flatten, Input, Reshape
from tensorlab.models.graph import Graph


def book_model() -> tl.Sequential:
    return tl.Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])


# Construction


def test_model_whose_first_layer_is_a_built_model_is_built_at_once() -> None:
    encoder = tl.Sequential([Input((4,)), Dense(2)], name="encoder")
    model = tl.Sequential([encoder, Dense(3)])
    assert model.built
    assert [weight.shape for weight in model.weights] == [(4, 2), (2,), (2, 3), (3,)]
    outer = tl.Sequential([model])
    assert outer.built
    assert outer.weights == model.weights
    for empty in (tl.Sequential(), tl.Sequential([Dense(2)])):
        assert not tl.Sequential([empty]).built


def test_layers_are_applied_in_order(rng: np.random.Generator) -> None:
    model = tl.Sequential()
    model.add(Flatten(dtype="float64"))
    model.add(Dense(4, activation="tanh", dtype="float64"))
    model.add(Dense(3, activation="softmax", dtype="float64"))
    x = rng.normal(size=(5, 2, 3))
    outputs = model(x).numpy()
    kernel_1, bias_1, kernel_2, bias_2 = model.get_weights()
    z = np.tanh(x.reshape(5, 6) @ kernel_1 + bias_1) @ kernel_2 + bias_2
    expected = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)
    assert [type(layer) for layer in model.layers] == [Flatten, Dense, Dense]


def test_model_uses_the_dtype_of_its_layers(rng: np.random.Generator) -> None:
    x = 1.0 + rng.normal(size=(5, 3)) * 1e-9  # all equal to 1 in float32
    model = tl.Sequential([Dense(2, dtype="float64")])
    model.build((None, 3))
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model(x).numpy(), x @ kernel + bias, rtol=1e-14)
    assert model.predict(x).dtype == np.float64


def test_model_is_built_by_the_first_data() -> None:
    model = book_model()
    assert not model.built
    assert model.weights == []
    model(np.zeros((2, 784), "float32"))
    assert model.built
    assert [weight.shape for weight in model.weights] == [(784, 512), (512,), (512, 10), (10,)]
    assert model.count_params() == 407_050
    assert [layer.count_params() for layer in model.layers] == [401_920, 5_130]


def test_build_builds_once() -> None:
    model = book_model()
    model.build((None, 784))
    weights = model.weights
    model.build((None, 784))
    assert model.built
    assert [id(weight) for weight in model.weights] == [id(weight) for weight in weights]
    assert model.count_params() == 407_050


def test_input_builds_the_model_at_once() -> None:
    model = tl.Sequential([Input((2, 3)), Flatten(), Dense(4)])
    assert model.built
    assert [weight.shape for weight in model.weights] == [(6, 4), (4,)]
    model.add(Dense(5))
    assert model.weights[2].shape == (4, 5)
    assert model.predict(np.zeros((7, 2, 3), "float32")).shape == (7, 5)


def test_add_to_a_built_model_keeps_its_weights(rng: np.random.Generator) -> None:
    model = tl.Sequential([Dense(4, activation="relu")])
    x = rng.normal(size=(5, 3)).astype("float32")
    hidden = model(x).numpy()
    before = model.get_weights()
    model.add(Dense(2))
    assert model.built
    assert same(model.get_weights()[:2], before)
    kernel, bias = model.get_weights()[2:]
    np.testing.assert_allclose(model(x).numpy(), hidden.astype("float64") @ kernel + bias, rtol=1e-5, atol=1e-6)


def test_pop_removes_the_last_layer(rng: np.random.Generator) -> None:
    model = tl.Sequential([Dense(4, activation="relu"), Dense(2)])
    first, last = model.layers
    x = rng.normal(size=(5, 3)).astype("float32")
    model(x)
    assert model.pop() is last
    assert model.layers == [first]
    assert model.predict(x).shape == (5, 4)
    model.add(Dense(6))
    assert model.predict(x).shape == (5, 6)
    model.pop(), model.pop()
    with pytest.raises(StateError) as error:
        model.pop()
    assert str(error.value) == f"Sequential {model.name!r}.pop: the model has no layers; call add(layer) first"


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Dense, f"received {Dense!r}; give an object, e.g. Dense(10), and not its class"),
        ("relu", "received 'relu'"),
        (None, "received None"),
        (tl.activations.relu, f"received {tl.activations.relu!r}"),
    ],
)
def test_add_rejects_objects_that_are_not_layers(thing: Any, words: str) -> None:
    model = tl.Sequential([Dense(3)], name="net")
    with pytest.raises(ArgumentTypeError) as error:
        model.add(thing)
    assert str(error.value) == f"Sequential 'net'.add: expected a Layer, {words}"
    assert len(model.layers) == 1
    with pytest.raises(ArgumentTypeError, match="expected a Layer"):
        tl.Sequential([Dense(3), thing])


def test_layer_cannot_be_added_twice() -> None:
    shared = Dense(3, name="shared")
    model = tl.Sequential([shared], name="net")
    with pytest.raises(ArgumentTypeError) as error:
        model.add(shared)
    assert str(error.value) == (
        "Sequential 'net'.add: expected a layer that is not in the model yet, received <Dense 'shared'>"
    )
    assert model.layers == [shared]


def test_failed_add_changes_nothing() -> None:
    model = tl.Sequential([Input((6,)), Dense(4)])
    before = model.get_weights()
    bad = Reshape((5,))
    with pytest.raises(ShapeError, match="a shape of 4 elements"):
        model.add(bad)
    assert model.built
    assert bad not in model.layers
    assert not bad.built
    assert same(model.get_weights(), before)
    assert model.count_params() == 28
    assert model.predict(np.zeros((2, 6), "float32")).shape == (2, 4)


def test_failed_build_keeps_layers_that_were_built_before(rng: np.random.Generator) -> None:
    ready, fresh = Dense(4), Dense(3)
    ready(rng.normal(size=(2, 6)))
    before = ready.get_weights()
    model = tl.Sequential([fresh, ready])
    for attempt in (lambda: model.build((None, 7)), lambda: model(np.zeros((2, 7), "float32"))):
        with pytest.raises(ShapeError) as error:
            attempt()
        assert str(error.value) == f"Dense {ready.name!r}: expected inputs of shape (batch, 6), received (1, 3)"
        assert not model.built
        assert not fresh.built
        assert fresh.weights == []
        assert same(ready.get_weights(), before)
    with pytest.raises(ShapeError) as error:
        model.build(())
    assert str(error.value) == f"Sequential {model.name!r}.build: expected a shape with the batch in front, received ()"


def test_wrong_inputs_are_reported_by_the_layer_that_receives_them() -> None:
    model = book_model()
    model.build((None, 784))
    before = model.get_weights()
    for ask in (model, model.predict):
        with pytest.raises(ShapeError) as error:
            ask(np.zeros((32, 28, 28), "float32"))
        assert "expected inputs of shape (batch, 784), received (32, 28, 28)" in str(error.value)
        assert str(error.value).endswith("; add a Flatten layer or reshape to (32, 784)")
    assert same(model.get_weights(), before)


def test_sequential_models_can_be_nested(rng: np.random.Generator) -> None:
    inner = tl.Sequential([Dense(4, activation="tanh"), Dropout(0.5)], name="inner")
    model = tl.Sequential([Flatten(), inner, Dense(2)])
    x = rng.normal(size=(5, 2, 3)).astype("float32")
    y = rng.normal(size=(5, 2)).astype("float32")
    model(x)
    assert [weight.shape for weight in model.weights] == [(6, 4), (4,), (4, 2), (2,)]
    assert np.array_equal(model(x).numpy(), model(x).numpy())
    assert not np.array_equal(model(x, training=True).numpy(), model(x, training=True).numpy())
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.train_on_batch(x, y)
    assert not any(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    inner.trainable = False
    before = model.get_weights()
    model.train_on_batch(x, y)
    assert same(model.get_weights()[:2], before[:2])
    assert not np.array_equal(model.get_weights()[2], before[2])
    assert len(model.trainable_weights) == 2


# Configs and weights


def test_config_recreates_the_model(rng: np.random.Generator) -> None:
    model = tl.Sequential(
        [Flatten(), tl.Sequential([Dense(4, activation="tanh"), Dropout(0.25)]), Dense(2), Activation("softmax")],
        name="net",
    )
    x = rng.normal(size=(5, 2, 3)).astype("float32")
    outputs = model(x).numpy()
    config = json.loads(json.dumps(model.get_config()))
    assert config["name"] == "net"
    assert config["build_input_shape"] == [None, 2, 3]
    again = tl.Sequential.from_config(config)
    assert again.name == "net"
    assert again.built
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in model.weights]
    again.set_weights(model.get_weights())
    assert np.array_equal(again(x).numpy(), outputs)
    unbuilt = tl.Sequential.from_config(tl.Sequential([Dense(3)]).get_config())
    assert not unbuilt.built


def test_invalid_weights_change_nothing(rng: np.random.Generator) -> None:
    model = tl.Sequential([Dense(4, name="a"), Dense(2, name="b")], name="net")
    with pytest.raises(StateError) as state_error:
        model.set_weights([])
    assert str(state_error.value).startswith("Sequential 'net'.set_weights: the layer is not built")
    model.build((None, 3))
    fresh = [rng.normal(size=weight.shape).astype("float32") for weight in model.weights]
    model.set_weights(fresh)
    assert same(model.get_weights(), fresh)
    wrong = [np.zeros_like(weight) for weight in fresh]
    wrong[3] = np.zeros(3, "float32")
    with pytest.raises(ShapeError) as error:
        model.set_weights(wrong)
    assert str(error.value) == "Sequential 'net'.set_weights: expected 'b/bias' of (2,), received (3,)"
    with pytest.raises(ShapeError) as error:
        model.set_weights(fresh[:3])
    assert str(error.value) == "Sequential 'net'.set_weights: expected 4 arrays, received 3"
    assert same(model.get_weights(), fresh)


def test_shapes_of_a_model() -> None:
    model = tl.Sequential([Dense(3), Dense(2)], name="net")
    for name in ("input_shape", "output_shape"):
        with pytest.raises(StateError) as error:
            getattr(model, name)
        assert str(error.value).startswith(f"Sequential 'net'.{name}: the layer is not built; ")
    model.build((8, 5))
    assert (model.input_shape, model.output_shape) == ((None, 5), (None, 2))
    assert tl.Sequential([Input((None, 4))]).output_shape == (None, None, 4)


def test_names_of_layers_are_unique() -> None:
    model = tl.Sequential([Dense(3, name="a")], name="net")
    with pytest.raises(ArgumentError) as error:
        model.add(Dense(2, name="a"))
    assert str(error.value) == (
        "Sequential 'net'.add: expected layers of different names, received a second 'a'; pass another name=..., or "
        "leave it out"
    )
    assert len(model.layers) == 1
    model.add(Dense(2, name="b"), rebuild=False)
    assert model.pop(rebuild=False).name == "b"


def test_many_layers_are_built_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = []
    prepare = Graph._prepare
    monkeypatch.setattr(Graph, "_prepare", lambda graph: (nodes.append(len(graph.nodes)), prepare(graph))[1])
    layers = [tl.layers.Flatten() for _ in range(30)]
    assert len(tl.Sequential([tl.Input((2,)), *layers]).layers) == 30
    assert sum(nodes) <= 2 * 30 + 2
    with pytest.raises(ArgumentTypeError, match=r"a layer that is not in the model yet"):
        tl.Sequential([tl.Input((2,)), *layers, layers[3]])

"""`clone_model`, `to_json` and `model_from_json`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, SavedFileError
from tensorlab.layers import Dense
from tensorlab.models import clone_model, model_from_json


def network() -> tl.Sequential:
    inner = tl.Sequential([Dense(4, activation="tanh", name="hidden")], name="body")
    return tl.Sequential([tl.Input((3,)), inner, Dense(2, name="head", kernel_regularizer="l2")], name="net")


HUGE = network().to_json().replace('"units": 4', '"units": 30000000')


class Own(tl.layers.Layer):
    def __init__(self, factor: float = 2.0, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def test_clone_has_the_layers_and_new_weights() -> None:
    model = network()
    for clone in (clone_model(model), model_from_json(model.to_json(indent=1))):
        assert clone.get_config() == model.get_config()
        assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
        assert not {id(w) for w in clone.weights} & {id(w) for w in model.weights}
        assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
        assert clone.get_weights()[0].any()
        assert not clone.compiled
        clone.set_weights(model.get_weights())
        x = np.ones((2, 3), "f4")
        np.testing.assert_array_equal(clone.predict(x, verbose=0), model.predict(x, verbose=0))


def test_clone_function_makes_the_layers() -> None:
    def wider(layer: tl.layers.Layer) -> tl.layers.Layer:
        config = layer.get_config()
        return type(layer).from_config(config | {"units": 2 * config["units"]} if "units" in config else config)

    clone = clone_model(network(), clone_function=wider)
    assert clone.output_shape == (None, 4)
    assert clone.layers[0].output_shape == (None, 4)
    deep = clone_model(network(), clone_function=wider, recursive=True)
    assert deep.layers[0].output_shape == (None, 8)


def test_json_needs_the_users_classes() -> None:
    model = tl.Sequential([tl.Input((3,)), Own(3.0)])
    text = model.to_json()
    again = model_from_json(text, custom_objects={"Own": Own})
    assert again.layers[0].factor == 3.0
    with pytest.raises(SavedFileError, match="model_from_json"):
        model_from_json(text)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: clone_model(5), ArgumentTypeError, "clone_model: expected a Model, received 5"),
        (lambda: clone_model(network(), 5), ArgumentError, "clone_model input_tensors: expected None"),
        (lambda: clone_model(network(), clone_function=5), ArgumentTypeError, "clone_function: expected a function of"),
        (lambda: clone_model(network(), clone_function=str), ArgumentTypeError, "a function that returns layers"),
        (lambda: model_from_json(5), ArgumentTypeError, "json_string: expected a str, received 5"),
        (lambda: model_from_json("{"), SavedFileError, "model_from_json"),
        (lambda: model_from_json(HUGE), SavedFileError, "weights of at most 67,108,864 elements, received the shape"),
        (lambda: model_from_json("[]"), SavedFileError, "model_from_json: expected what Model.to_json returned"),
        (lambda: model_from_json('{"model": {}}'), SavedFileError, "model_from_json: expected a model, received {}"),
        (
            lambda: model_from_json("{}", custom_objects=5),
            ArgumentTypeError,
            "custom_objects: expected a dict of",
        ),
    ],
)
def test_invalid_arguments_are_rejected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_arrays_cannot_be_in_json() -> None:
    initializer = tl.initializers.Constant(np.ones((3, 2)))
    model = tl.Sequential([tl.Input((3,)), Dense(2, kernel_initializer=initializer)])
    with pytest.raises(SavedFileError, match="expected a model without arrays among its arguments, received 1"):
        model.to_json()
    assert json.loads(network().to_json())["model"]["class_name"] == "Sequential"

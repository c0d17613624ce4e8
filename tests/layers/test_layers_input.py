"""Input, and Keras's older arguments for input shapes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.layers import Dense, Dropout, Flatten, Input, InputLayer, Rescaling, Reshape

WARNING = "do not pass an `input_shape`/`input_dim` argument to a layer.*prefer using an `Input\\(shape\\)` object"


def test_names_in_the_top_level_namespace() -> None:
    assert tl.Input is Input
    assert tl.Layer is tl.layers.Layer


@pytest.mark.parametrize(
    ("given", "shape", "batch"),
    [
        ({"shape": (784,)}, (784,), None),
        ({"shape": (2, 3), "batch_size": 16}, (2, 3), 16),
        ({"shape": (None, 3)}, (None, 3), None),
        ({"batch_shape": (8, 5)}, (5,), 8),
        ({"shape": np.int64(4)}, (4,), None),
        ({"shape": ()}, (), None),
    ],
)
def test_input_accepts_the_arguments_of_keras(given: dict[str, Any], shape: Any, batch: Any) -> None:
    assert Input(**given).shape == (batch, *shape)
    layer = InputLayer(**given)
    assert (layer.shape, layer.batch_size, layer.batch_shape) == (shape, batch, (batch, *shape))
    again = InputLayer.from_config(json.loads(json.dumps(layer.get_config())))
    assert (again.shape, again.batch_size) == (shape, batch)


def test_input_name_and_dtype() -> None:
    layer = Input((3,), dtype="float64", name="pixels")
    assert (layer.name, layer.dtype) == ("pixels", tl.float64)
    model = tl.Sequential([Input((None, 3)), Dense(2)])
    assert model.predict(np.ones((4, 7, 3))).shape == (4, 7, 2)
    model.add(Dense(1))
    assert model.get_config()["build_input_shape"] == [None, None, 3]
    assert tl.Sequential.from_config(json.loads(json.dumps(model.get_config()))).built


def test_input_rejects_missing_and_invalid_shapes() -> None:
    for arguments in ({}, {"shape": (3,), "batch_shape": (None, 3)}):
        with pytest.raises(
            ArgumentError, match=r"Input 'i': expected the shape of a sample, received shape=.*; e\.g\."
        ):
            Input(**arguments, name="i")
    with pytest.raises(ShapeError, match="Input 'i' shape: expected lengths of at least 0"):
        Input((2, -3), name="i")
    with pytest.raises(ArgumentTypeError, match="Input 'i' shape: expected a shape of integers"):
        Input((2.5,), name="i")


def test_layers_of_a_sequential_exclude_the_input() -> None:
    model = tl.Sequential([Input((3,)), Dense(2), Dense(1)])
    assert [type(layer) for layer in model.layers] == [Dense, Dense]
    assert model.pop() is not model.layers[0]
    assert len(model.layers) == 1


@pytest.mark.parametrize(
    "given", [{"input_shape": (4,)}, {"input_dim": 4}, {"input_shape": [4]}, {"batch_input_shape": (None, 4)}]
)
def test_first_layer_accepts_an_input_shape(given: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match=WARNING) as caught:
        model = tl.Sequential([Dense(3, **given), Dense(1)])
    assert caught[0].filename == __file__
    assert model.built
    assert [weight.shape for weight in model.weights] == [(4, 3), (3,), (3, 1), (1,)]
    assert len(model.layers) == 2
    again = tl.Sequential.from_config(json.loads(json.dumps(model.get_config())))  # without a warning
    assert again.count_params() == model.count_params()


def test_input_shape_of_a_later_layer_is_ignored() -> None:
    with pytest.warns(UserWarning, match=WARNING):
        model = tl.Sequential([Flatten(input_shape=(2, 2)), Dense(3, input_shape=(9,))])
    assert model.weights[0].shape == (4, 3)
    with pytest.warns(UserWarning, match=WARNING):
        layer = InputLayer(input_shape=(3,))
    assert layer.shape == (3,)
    assert InputLayer.from_config(layer.get_config()).shape == (3,)


# NumPy numbers in constructors


@pytest.mark.parametrize("rate", [np.float32(0.5), np.float64(0.5), np.float16(0.5)])
def test_dropout_accepts_rates_of_every_real_type(rate: Any) -> None:
    layer = Dropout(rate)
    assert (type(layer.rate), layer.rate) == (float, 0.5)
    assert json.loads(json.dumps(layer.get_config()))["rate"] == 0.5
    assert np.isin(layer(np.ones((9, 9), "float32"), training=True).numpy(), [0.0, 2.0]).all()
    assert Dropout(np.int64(0)).rate == 0.0


def test_layers_accept_sizes_and_factors_of_every_type() -> None:
    assert Dense(np.uint8(3)).units == 3
    assert Dense(np.array(3)).units == 3
    assert Rescaling(np.float32(0.5), np.int32(1))(np.array([[2, 4]], "uint8")).tolist() == [[2.0, 3.0]]
    assert Reshape((np.int64(2), -1))(np.zeros((3, 6))).shape == (3, 2, 3)
    assert Reshape(6)(np.zeros((3, 2, 3))).shape == (3, 6)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: Reshape((-1, -1), name="r"),
            ArgumentError,
            "Reshape 'r' target_shape: expected at most one length of -1",
        ),
        (lambda: Reshape((2, -3), name="r"), ShapeError, "Reshape 'r' target_shape: expected lengths of at least 0"),
        (lambda: Reshape("ab", name="r"), ArgumentTypeError, "Reshape 'r' target_shape: expected a shape of integers"),
        (
            lambda: Rescaling([1, 2], name="r"),
            ArgumentError,
            "Rescaling 'r' scale: expected a finite number, received [1",
        ),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        make()
    assert str(error.value).startswith(message)

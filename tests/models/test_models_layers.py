"""Layers of models: `get_layer`, and the warning about weights that are not tracked."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError
from tensorlab.layers import Dense

X, Y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")


class Hiding(tl.Model):
    """A model with a layer that cannot be found, because it is in a closure."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        hidden = Dense(3, name="hidden")
        self.head = Dense(1, name="head")
        self.apply = functools.partial(lambda x: hidden(x))

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return self.head(self.apply(x))


def test_untracked_weights_are_reported() -> None:
    model = Hiding(name="h")
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="every Variable") as caught:
        model.fit(X, Y, epochs=3, verbose=0)
    assert [str(warning.message) for warning in caught] == [
        "Hiding 'h': expected an attribute for every Variable that the outputs depend on, received 'hidden/kernel', "
        "'hidden/bias', which training does not change; keep the layer or the Variable in an attribute, or in a list, "
        "dict or other container in an attribute"
    ]
    assert caught[0].filename == __file__
    assert len(model.weights) == 2


def test_frozen_weights_and_weights_of_the_loss_are_not_reported() -> None:
    weight = tl.Variable(2.0)
    model = tl.Sequential([Dense(3), Dense(1)])
    model.compile("sgd", lambda y_true, y_pred: tl.mean(tl.square(y_true - y_pred)) * weight)
    model.layers[0].trainable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, verbose=0)


def test_get_layer_by_name_or_index() -> None:
    model = tl.Sequential([tl.Input((3,)), Dense(3, name="first"), Dense(1, name="second")], name="m")
    assert model.get_layer("second") is model.get_layer(index=1) is model.layers[-1]
    assert model.get_layer(index=-2) is model.get_layer(name="first")
    for arguments, message in (
        ({"name": "frist"}, "expected the name of a layer, received 'frist'; did you mean 'first'?"),
        ({"index": 2}, "expected an index below 2, the number of layers, received 2"),
        ({}, "expected a name or an index, received name=None and index=None"),
        ({"name": "first", "index": 0}, "expected a name or an index, received name='first' and index=0"),
    ):
        with pytest.raises(ArgumentError) as error:
            model.get_layer(**arguments)
        assert str(error.value) == f"Sequential 'm'.get_layer: {message}"

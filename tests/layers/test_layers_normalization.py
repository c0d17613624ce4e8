"""BatchNormalization, alone and in a model, matches Keras 3.15."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ShapeError
from tensorlab.layers import Activation, BatchNormalization, Dense, Input
from tensorlab.testing.layer import LayerSubject

X = np.array([[0.5, -1.0], [1.5, 2.0], [-0.5, 0.25], [1.0, 1.0], [-2.0, 0.5], [0.0, 1.0]], "f4")
Y = np.array([[0.0], [1.0], [0.0], [1.0], [1.0], [0.0]], "f4")
WEIGHTS = [np.array(each, "f4") for each in ([2.0, 0.5], [1.0, -1.0], [0.1, 0.2], [2.0, 3.0])]


def layer_of(**options: Any) -> BatchNormalization:
    layer = BatchNormalization(**options)
    layer.build((None, 2))
    layer.set_weights(WEIGHTS)
    return layer


def close(received: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.ravel(received), expected, rtol=2e-5, atol=2e-6)


def test_outputs_and_moving_averages_match_keras() -> None:
    layer = layer_of(momentum=0.9)
    at_first = [1.565544, -1.346352, 2.979404, -0.4804713, 0.1516839, -0.9855686]
    close(layer(X)[:3], at_first)
    in_training = [
        *(1.734929, -1.892305, 3.498757, -0.2449726, -0.02890015, -1.205917),
        *(2.616843, -0.7940834, -2.674643, -1.068639, 0.8530142, -0.7940834),
    ]
    close(layer(X, training=True), in_training)
    moved = [[2.0, 0.5], [1.0, -1.0], [0.09833333, 0.2425], [1.928472, 2.782812]]
    for ours, theirs in zip(layer.get_weights(), moved, strict=True):
        close(ours, theirs)
    later = [1.578331, -1.372346, 3.018159, -0.4733217, 0.1385027, -0.9977524]
    close(layer(X)[:3], later)
    layer.trainable = False  # a frozen layer uses its moving averages
    close(layer(X, training=True)[:3], later)
    for ours, theirs in zip(layer.get_weights(), moved, strict=True):
        close(ours, theirs)


def test_gradients_match_keras() -> None:
    layer = layer_of()
    x = tl.asarray(X)
    with tl.GradientTape() as tape:
        tape.watch(x)
        total = tl.sum(layer(x, training=True) * np.arange(12, dtype="f4").reshape(6, 2))
    by_x, by_gamma, by_beta = tape.gradient(total, [x, layer.gamma, layer.beta])
    expected = [
        *(-7.723563, -1.624511, -1.56651, -2.595907, -3.297643, -0.2904087),
        *(4.174108, 0.2904085, -0.1864209, 1.733567, 8.600026, 2.486852),
    ]
    close(by_x, expected)
    close(by_gamma, [-10.14202, 6.863885])
    close(by_beta, [30.0, 36.0])


def test_axis_1_without_center_and_scale() -> None:
    layer, z = BatchNormalization(axis=1, center=False, scale=False), np.arange(24.0).reshape(2, 3, 4)
    close(layer(z, training=True)[0, :, 0], [-1.228831] * 3)
    mean, variance = layer.get_weights()
    close(mean, [0.075, 0.115, 0.155])
    close(variance, [1.3625] * 3)
    assert layer.trainable_weights == []
    assert layer.weights == layer.non_trainable_weights == [layer.moving_mean, layer.moving_variance]


def test_model_trains_like_in_keras() -> None:
    dense = Dense(3, use_bias=False)
    model = tl.Sequential(
        [Input((2,)), dense, BatchNormalization(), Activation("relu"), Dense(1, activation="sigmoid")]
    )
    start = [[[0.5, -0.25, 0.1], [0.2, 0.3, -0.4]], [1] * 3, [0] * 3, [0] * 3, [1] * 3, [[1.0], [-1.0], [0.5]], [0.0]]
    model.set_weights([np.array(each, "f4") for each in start])
    model.compile(tl.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y, 3, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y)).history
    close(history["loss"], [0.731662, 0.6237854, 0.5934789])
    close(history["val_loss"], [0.6231224, 0.5956948, 0.5712082])
    assert history["val_accuracy"] == pytest.approx([0.5, 0.5, 0.8333333])
    expected = [
        [0.5140674, -0.6219993, -0.5365217, 0.1715635, 0.1081054, -0.4942704],
        [1.206026, 0.7098544, 0.9836282],
        [-0.06721269, -0.2081413, -0.08220769],
        [0.009838014, 0.001379009, -0.01849353],
        [0.9645086, 0.9645904, 0.9726608],
        [1.200959, -0.7088788, 0.5212865],
        [-0.1928094],
    ]
    for ours, theirs in zip(model.get_weights(), expected, strict=True):
        close(ours, theirs)
    close(model.predict(X), [0.4805487, 0.7948442, 0.456185, 0.6731817, 0.4222995, 0.4912157])
    # A failed run restores the moving averages too.
    before = model.get_weights()
    assert model.optimizer is not None
    model.optimizer.learning_rate = 1e30
    with pytest.raises(tl.errors.NonFiniteError):
        model.fit(X, Y, 3, epochs=3, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))


def test_layer_can_be_saved_and_copied() -> None:
    layer = layer_of(momentum=0.5, gamma_regularizer="l2", name="norm")
    config = json.loads(json.dumps(layer.get_config()))
    again = BatchNormalization.from_config(config)
    again.build((None, 2))
    assert again.get_config() == config
    assert [weight.name for weight in again.weights] == [
        f"norm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    close(layer.losses, [0.01 * (2.0**2 + 0.5**2)])
    copied = pickle.loads(pickle.dumps(layer))
    assert np.array_equal(copied(X, training=True), layer(X, training=True))


@pytest.mark.usefixtures("reference")
def test_training_gradients_match_central_differences_to_second_order() -> None:
    LayerSubject(BatchNormalization(axis=1, epsilon=0.25)).check_gradients(training=True)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: layer_of(axis="last"), ArgumentError, "axis: expected an integer, received 'last'"),
        (
            lambda: BatchNormalization(momentum=2.0),
            ArgumentError,
            "momentum: expected a number from 0 to 1, received 2.0",
        ),
        (
            lambda: BatchNormalization(epsilon=-1.0),
            ArgumentError,
            "epsilon: expected a number of at least 0, received -1.0",
        ),
        (lambda: BatchNormalization(axis=2)(X), ShapeError, "expected inputs with an axis 2, received inputs of shape"),
        (
            lambda: BatchNormalization(axis=1).build((None, None, 3)),
            ShapeError,
            "expected a known length along axis 1, received (None, None, 3); only the lengths of other axes may be",
        ),
        (
            lambda: layer_of()(np.ones((4, 3))),
            ShapeError,
            "expected inputs with 2 features along axis -1, received inputs of shape (4, 3)",
        ),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        make()
    assert str(error.value).startswith("BatchNormalization '")
    assert message in str(error.value)

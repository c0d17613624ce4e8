"""Layers over windows: layouts, errors, plans, dropout of channels, and names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from window_cases import CASES, numbers

import tensorlab as tl
from tensorlab.errors import ArgumentError, DTypeError, ShapeError
from tensorlab.layers import Conv1D, Conv2D, Conv2DTranspose, Cropping2D, Embedding, MaxPooling2D, ZeroPadding2D

_WITHOUT_FORMAT = ("Embedding", "Layer", "Unit", "Group", "Norm", "Cropping1D", "UpSampling1D")
FIRST = [
    name
    for name, (kind, arguments, _) in CASES.items()
    if not kind.startswith(_WITHOUT_FORMAT) and arguments.get("activation") != "softmax"
]


@pytest.mark.parametrize("name", FIRST)
def test_channels_first_is_the_transpose_of_channels_last(name: str) -> None:
    kind, arguments, shape = CASES[name]
    last = getattr(tl.layers, kind)(**arguments, dtype="float64")
    first = getattr(tl.layers, kind)(**arguments, data_format="channels_first", dtype="float64")
    x = numbers(name, shape)
    expected = last(x)
    moved = np.moveaxis(x, -1, 1)
    first.build(moved.shape)
    first.set_weights(last.get_weights())
    received = first(moved)
    assert first.compute_output_shape(moved.shape) == received.shape
    if received.ndim > 2:
        expected = np.moveaxis(expected.numpy(), -1, 1)
    np.testing.assert_array_equal(received.numpy(), np.asarray(expected))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2D(0, 3), r"^Conv2D 'c' filters: expected an integer of at least 1, received 0$"),
        (lambda: Conv2D(3, 3, groups=2), r"^Conv2D 'c' filters: expected a multiple of the 2 groups, received 3$"),
        (lambda: Conv2D(3, (3, 0)), r"^Conv2D 'c' kernel_size: expected an integer or 2 integers of at least 1"),
        (lambda: Conv2D(3, 3, strides=True), r"^Conv2D 'c' strides: expected an integer or 2 .*received True$"),
        (
            lambda: Conv2D(3, 3, padding="causal"),
            r"^Conv2D 'c' padding: expected 'valid' or 'same', received 'causal'$",
        ),
        (lambda: Conv1D(3, 3, padding="full"), r"^Conv1D 'c' padding: expected 'valid', 'same' or 'causal', received"),
        (lambda: Conv1D(3, (3, 3)), r"^Conv1D 'c' kernel_size: expected an integer of at least 1, received \(3, 3\)$"),
        (lambda: Conv2D(3, 3, data_format="NHWC"), r"^Conv2D 'c' data_format: expected 'channels_last' or 'channels_"),
        (
            lambda: Conv2DTranspose(3, 3, output_padding=1),
            r"^Conv2DTranspose 'c' output_padding: expected numbers below",
        ),
        (lambda: MaxPooling2D(0), r"^MaxPooling2D 'c' pool_size: expected an integer or 2 integers of at least 1"),
        (lambda: ZeroPadding2D(-1), r"^ZeroPadding2D 'c' padding: expected an integer, 2 integers or 2 pairs"),
        (lambda: Cropping2D((1, 2, 3)), r"^Cropping2D 'c' cropping: expected an integer, 2 integers or 2 pairs"),
        (lambda: tl.layers.UpSampling2D(interpolation="cubic"), r"^UpSampling2D 'c' interpolation: expected 'nearest'"),
        (lambda: tl.layers.SpatialDropout1D(1.0), r"^SpatialDropout1D 'c' rate: expected a number of at least 0"),
        (
            lambda: tl.layers.LayerNormalization(axis=1.5),
            r"^LayerNormalization 'c' axis: expected an integer or several",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorlab.layers.base.unique_name", lambda name: "c")
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv2D(2, 3, name="c"),
            (2, 5, 5),
            r"^Conv2D 'c': expected inputs of shape \(batch, height, width, channels\)",
        ),
        (
            Conv2D(2, 3, data_format="channels_first", name="c"),
            (2, 5),
            r"^Conv2D 'c': expected inputs of shape \(batch, channels, height, width\), received \(2, 5\)$",
        ),
        (
            Conv2D(2, (3, 2), dilation_rate=2, name="c"),
            (2, 4, 5, 1),
            r"^Conv2D 'c': expected inputs with height of at least 5 and width of at least 3, received height 4 and "
            r"width 5; use padding='same' or smaller windows$",
        ),
        (
            Conv1D(2, 3, name="c"),
            (2, 2, 1),
            r"^Conv1D 'c': expected inputs with steps of at least 3, received steps 2;",
        ),
        (Conv2D(2, 3, groups=2, name="c"), (2, 5, 5, 3), r"^Conv2D 'c': expected a multiple of 2 channels, received 3"),
        (Conv2D(2, 3, name="c"), (2, 5, 5, 0), r"^Conv2D 'c': expected inputs with at least one channel"),
        (
            MaxPooling2D(name="c"),
            (2, 1, 5, 3),
            r"^MaxPooling2D 'c': expected inputs with height of at least 2 and width",
        ),
        (
            Cropping2D(2, name="c"),
            (2, 4, 5, 3),
            r"^Cropping2D 'c': expected inputs with height of at least 5 and width",
        ),
        (
            tl.layers.GlobalMaxPooling1D(name="c"),
            (2, 4),
            r"^GlobalMaxPooling1D 'c': expected inputs of shape \(batch, s",
        ),
        (
            tl.layers.SpatialDropout2D(0.5, name="c"),
            (2, 4),
            r"^SpatialDropout2D 'c': expected inputs of shape \(batch, h",
        ),
        (
            tl.layers.UnitNormalization(0, name="c"),
            (2, 4),
            r"^UnitNormalization 'c' axis: expected axes after the first",
        ),
    ],
)
def test_wrong_inputs_are_refused(layer: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layer(np.ones(shape, np.float32))
    assert not layer.weights


def test_a_built_layer_refuses_other_channels() -> None:
    layer = Conv2D(2, 3, name="c")
    layer.build((None, None, None, 3))
    with pytest.raises(ShapeError, match=r"^Conv2D 'c': expected inputs with 3 channels, received inputs of shape"):
        layer(np.ones((2, 5, 5, 4), np.float32))
    with pytest.raises(ShapeError, match=r"^Conv2D 'd': expected a shape whose number of channels is known"):
        Conv2D(2, 3, name="d").build((None, 5, 5, None))
    with pytest.raises(DTypeError, match=r"^Embedding 'e': expected inputs of integers, received float32"):
        Embedding(3, 2, name="e")(np.ones((2, 2), np.float32))
    normalization = tl.layers.LayerNormalization(name="l")
    normalization.build((None, 3))
    with pytest.raises(
        ShapeError, match=r"^LayerNormalization 'l': expected inputs of lengths \(3,\) along axes \(1,\)"
    ):
        normalization(np.ones((2, 4), np.float32))


@pytest.mark.parametrize("first", [False, True])
def test_spatial_dropout_drops_whole_channels(first: bool) -> None:
    layer = tl.layers.SpatialDropout2D(0.5, data_format="channels_first" if first else None, seed=3)
    result = layer(tl.ones((20, 4, 4, 30) if not first else (20, 30, 4, 4)), training=True).numpy()
    axes = (2, 3) if first else (1, 2)
    kept = result.max(axis=axes)
    np.testing.assert_array_equal(kept, result.min(axis=axes))
    assert set(np.unique(kept)) == {0.0, 2.0}
    assert 0.4 < (kept > 0).mean() < 0.6


def test_names_are_those_of_keras() -> None:
    tl.utils.clear_session()
    assert [Conv2D(1, 1).name, Conv2D(1, 1).name, MaxPooling2D().name] == ["conv2d", "conv2d_1", "max_pooling2d"]
    assert Conv2DTranspose(1, 1).name == "conv2d_transpose"


def test_training_runs_a_plan_with_the_bits_of_python(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(40, 6, 6, 2)).astype(np.float32), rng.integers(0, 3, 40)
    trained = []
    for eagerly in (True, False):
        tl.utils.set_random_seed(0)
        layers = [Conv2D(3, 2, activation="relu"), MaxPooling2D(), tl.layers.AveragePooling2D(1), tl.layers.Flatten()]
        model = tl.Sequential([tl.Input((6, 6, 2)), Conv2D(2, 2), *layers, tl.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eagerly)
        model.fit(x, y, epochs=3, batch_size=8, verbose=0)
        trained.append(model.get_weights())
    for one, other in zip(*trained, strict=True):
        np.testing.assert_array_equal(one, other)

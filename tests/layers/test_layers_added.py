"""Normalization, Lambda, AlphaDropout, noise shapes, ActivityRegularization, and other names of layers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from record_normalization import CASES, RECORD, numbers

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, SavedFileError, ShapeError
from tensorlab.layers import ActivityRegularization, AlphaDropout, Dense, Dropout, Lambda, Normalization, aliases
from tensorlab.serialization import deserialize, serialize

ALIASES = {name: thing for name, thing in vars(aliases).items() if isinstance(thing, type) and name != thing.__name__}


def test_other_names_are_the_same_classes() -> None:
    assert len(ALIASES) == 14
    for name, cls in ALIASES.items():
        assert getattr(tl.layers, name) is cls is getattr(tl.layers, cls.__name__)
        assert name in tl.layers.__all__
    saved = serialize(tl.layers.MaxPool2D(3))  # type: ignore[attr-defined]
    assert saved["class_name"] == "MaxPooling2D"
    assert type(deserialize(saved)) is tl.layers.MaxPooling2D


# Normalization


@pytest.mark.parametrize("name", CASES)
def test_adapted_statistics_are_those_of_keras(name: str) -> None:
    arguments, shape, given = CASES[name]
    layer = Normalization(**arguments)
    x = numbers(*shape)
    layer.adapt(given(x))
    mean, variance, count, outputs = json.loads(Path(RECORD).read_text())[name]
    assert [weight.name.split("/")[1] for weight in layer.weights] == ["mean", "variance", "count"]
    assert not layer.trainable_weights
    np.testing.assert_allclose(layer.get_weights()[0], mean, rtol=1e-6)
    np.testing.assert_allclose(layer.get_weights()[1], variance, rtol=1e-5)
    assert layer.get_weights()[2] == count
    np.testing.assert_allclose(layer(x).numpy(), outputs, rtol=1e-5, atol=2e-6)
    again = deserialize(serialize(layer))
    again.build((None, *shape[1:]))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x).numpy(), layer(x).numpy())


def test_inverse_undoes_normalization(rng: np.random.Generator) -> None:
    x = rng.normal(5.0, 3.0, (20, 2))
    mean, variance = x.mean(axis=0), x.var(axis=0)
    there = Normalization(mean=mean, variance=variance, dtype="float64")
    back = Normalization(mean=mean.tolist(), variance=variance.tolist(), invert=True, dtype="float64")
    np.testing.assert_allclose(there(x).numpy(), (x - mean) / np.sqrt(variance), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(back(there(x)).numpy(), x, rtol=1e-12)
    assert there.get_config()["mean"] == mean.tolist()


class _Empty(tl.utils.PyDataset):
    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: Normalization(axis=0.5, name="n"), ArgumentError, "Normalization 'n' axis: expected an integer, seve"),
        (lambda: Normalization(mean=1.0, name="n"), ArgumentError, "expected both mean and variance, or none of them"),
        (
            lambda: Normalization(mean=[1.0], variance=2.0, name="n"),
            ArgumentError,
            r"expected a mean and a variance of one shape, received shapes \(1,\) and \(\)",
        ),
        (
            lambda: Normalization(mean=[[1.0]], variance=[[1.0]], name="n"),
            ArgumentError,
            r"mean: expected at most as many axes as there are in axis, 1, received an array of shape \(1, 1\)",
        ),
        (lambda: Normalization(mean=1.0, variance=-1.0), ArgumentError, "variance: expected numbers of at least 0"),
        (lambda: Normalization(name="n").adapt([]), ArgumentError, "Normalization 'n'.adapt: expected data, received "),
        (lambda: Normalization(name="n").adapt(_Empty()), ArgumentError, "expected data, received no samples"),
        (lambda: Normalization(name="n").adapt(3), ArgumentTypeError, "expected an array, or an iterable of arrays"),
        (lambda: Normalization(name="n").adapt([[1.0]]), ArgumentTypeError, "expected batches that are arrays, recei"),
        (lambda: Normalization(name="n").adapt(np.array(["a"])), DTypeError, "'n'.adapt: expected "),
        (
            lambda: Normalization(name="n").adapt([np.ones((2, 3)), np.ones((2, 4))]),
            ShapeError,
            r"expected batches of 2 axes, with lengths \(3,\) along axes \(1,\), received one of shape \(2, 4\)",
        ),
        (lambda: Normalization(axis=2, name="n").adapt(np.ones((2, 3))), ShapeError, r"expected inputs with the axes"),
        (
            lambda: Normalization(mean=1.0, variance=1.0, name="n").adapt(np.ones((2, 3))),
            ArgumentError,
            "expected a layer without a mean, received one that was given mean and variance",
        ),
        (
            lambda: Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0], name="n")(np.ones((2, 3))),
            ShapeError,
            r"expected a mean that broadcasts to the shape \(3,\), received one of shape \(2,\)",
        ),
        (lambda: Normalization(name="n").build((None, None)), ShapeError, r"expected known lengths along axes \(1,\)"),
    ],
)
def test_wrong_normalizations_are_refused(act: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()


def test_data_of_another_shape_change_nothing() -> None:
    layer = Normalization(name="n")
    layer.adapt(np.array([[1.0, 2.0], [3.0, 6.0]]))
    before = layer.get_weights()
    with pytest.raises(ShapeError, match=r"'n'.adapt: expected data of lengths \(2,\) along axes \(-1,\), received"):
        layer.adapt(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"'n': expected inputs of lengths \(2,\) along axes \(-1,\), received inputs"):
        layer(np.ones((2, 3)))
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    layer.adapt(np.array([[1.0, 2.0], [1.0, 2.0]]))  # replaces the statistics
    assert layer.get_weights()[0].tolist() == [1.0, 2.0]


def test_an_adapted_layer_is_the_first_of_a_model(rng: np.random.Generator, tmp_path: Path) -> None:
    x = rng.normal(100.0, 20.0, 50).astype(np.float32)
    with pytest.warns(UserWarning, match="do not pass an `input_shape`"):
        first = Normalization(axis=None, input_shape=(1,))
    first.adapt(x)
    model = tl.Sequential([first, Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, (x - 100.0) / 20.0, epochs=2, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    expected = (x - x.mean()) / x.std() * kernel[0, 0] + bias
    np.testing.assert_allclose(model.predict(x, verbose=0)[:, 0], expected, rtol=1e-4, atol=1e-6)
    model.save(tmp_path / "m.tensorlab")
    again = tl.load_model(tmp_path / "m.tensorlab")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


# Lambda


def doubled(x: tl.Tensor, by: float = 2.0) -> tl.Tensor:
    return x * by


def test_lambda_passes_arguments_training_and_mask() -> None:
    x = tl.asarray([[1.0, 2.0]])
    assert Lambda(doubled, arguments={"by": 3.0})(x).tolist() == [[3.0, 6.0]]
    assert Lambda(lambda x, training: x if training else -x)(x, training=True).tolist() == [[1.0, 2.0]]
    seen = []

    def look(x: tl.Tensor, mask: tl.Tensor | None = None) -> tl.Tensor:
        seen.append(mask)
        return x

    masked = tl.layers.Masking()(tl.asarray([[[0.0], [2.0]]]))
    Lambda(look)(masked)
    assert seen[-1].tolist() == [[False, True]]
    passed = Lambda(lambda x: x, mask=lambda x, mask: tl.logical_not(mask))(masked)
    assert tl.tensor.mask_of(passed).tolist() == [[True, False]]  # type: ignore[attr-defined]


def test_lambda_tells_the_shape_of_its_outputs() -> None:
    assert Lambda(lambda x: x[:, :2])._who.startswith("Lambda")
    assert Lambda(lambda x: x[:, :2]).compute_output_shape((None, 5)) == (None, 2)
    assert Lambda(doubled, output_shape=(7,)).compute_output_shape((None, 5)) == (None, 7)
    assert Lambda(doubled, output_shape=lambda shape: shape * 2).compute_output_shape((3, 5)) == (3, 5, 3, 5)
    inputs = tl.Input((5,))
    assert tl.Model(inputs, Lambda(lambda x: x[:, :2])(inputs)).output_shape == (None, 2)


def test_lambda_is_saved_by_the_name_of_its_function(tmp_path: Path) -> None:
    path, x = tmp_path / "m.tensorlab", np.ones((1, 2), np.float32)
    model = tl.Sequential([tl.Input((2,)), Lambda(doubled, arguments={"by": 4.0})])
    model.save(path)
    with pytest.raises(SavedFileError, match="doubled"):
        tl.load_model(path)
    assert tl.load_model(path, custom_objects={"doubled": doubled}).predict(x, verbose=0).tolist() == [[4.0, 4.0]]
    formula = tl.Sequential([tl.Input((2,)), Lambda(tl.Activation(lambda x: x * 5.0))])
    formula.save(path)
    assert tl.load_model(path).predict(x, verbose=0).tolist() == [[5.0, 5.0]]
    named = deserialize(serialize(Lambda(tl.activations.relu)))
    assert named(tl.asarray([[-1.0, 2.0]])).tolist() == [[0.0, 2.0]]
    with pytest.raises(SavedFileError, match="<lambda>"):
        tl.Sequential([tl.Input((2,)), Lambda(lambda x: x)]).save(path)


def test_lambda_refuses_what_is_no_function() -> None:
    with pytest.raises(ArgumentTypeError, match="Lambda 'l' function: expected a function of tensors, received 3"):
        Lambda(3, name="l")
    with pytest.raises(ArgumentTypeError, match="Lambda 'l' arguments: expected a dict of arguments, received 3"):
        Lambda(doubled, arguments=3, name="l")


# Random layers and penalties


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    tl.utils.set_random_seed(0)
    rate, dropped = 0.2, -1.0507009873554805 * 1.6732632423543772
    x = np.random.default_rng(0).normal(size=(400, 100))
    result = AlphaDropout(rate, dtype="float64")(x, training=True).numpy()
    a = ((1 - rate) * (1 + rate * dropped**2)) ** -0.5
    b = -a * dropped * rate
    lost = np.isclose(result, a * dropped + b, rtol=1e-13)
    np.testing.assert_allclose(result[~lost], (a * x + b)[~lost], rtol=1e-12)
    assert abs(lost.mean() - rate) < 0.01
    assert abs(result.mean()) < 0.02
    assert math.isclose(result.var(), 1.0, abs_tol=0.02)


@pytest.mark.parametrize("cls", [Dropout, AlphaDropout])
def test_noise_shape_shares_random_numbers(cls: Any) -> None:
    layer = cls(0.5, (None, 1, 6), seed=1, name="d")
    result = layer(tl.ones((5, 4, 6)), training=True).numpy()
    np.testing.assert_array_equal(result, np.repeat(result[:, :1], 4, axis=1))
    assert len(np.unique(result)) == 2
    assert deserialize(serialize(layer)).noise_shape == (None, 1, 6)
    with pytest.raises(ShapeError, match=r"'d': expected inputs to which the noise_shape \(None, 1, 6\) broadcasts"):
        layer(tl.ones((5, 4, 3)), training=True)
    with pytest.raises(ArgumentError, match="'d' noise_shape: expected lengths of at least 1, or None for those of"):
        cls(0.5, (0, 1), name="d")


def test_flatten_can_move_channels_to_the_end(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    expected = np.moveaxis(x, 1, -1).reshape(2, -1)
    layer = tl.layers.Flatten("channels_first")
    np.testing.assert_array_equal(deserialize(serialize(layer))(x).numpy(), expected)
    np.testing.assert_array_equal(tl.layers.Flatten()(x).numpy(), x.reshape(2, -1))
    with pytest.raises(ArgumentError, match="Flatten 'f' data_format: expected 'channels_last' or 'channels_first', r"):
        tl.layers.Flatten("first", name="f")


def test_constraints_of_batch_normalization_hold_after_a_step(rng: np.random.Generator) -> None:
    layer = tl.layers.BatchNormalization(beta_constraint="non_neg", gamma_constraint=tl.constraints.MaxNorm(0.5))
    model = tl.Sequential([tl.Input((3,)), layer])
    model.compile(tl.optimizers.SGD(0.5), "mse")
    x = rng.normal(size=(8, 3)).astype(np.float32)
    model.train_on_batch(x, x - 5.0)
    gamma, beta = layer.get_weights()[:2]
    np.testing.assert_array_equal(beta, np.zeros(3))
    assert np.sqrt((gamma.astype(np.float64) ** 2).sum()) < 0.5 + 1e-6


def test_activity_regularization_adds_the_penalty_to_the_loss(rng: np.random.Generator) -> None:
    x = rng.normal(size=(6, 3)).astype(np.float32)
    model = tl.Sequential([tl.Input((3,)), ActivityRegularization(0.5, 0.25)])
    model.compile("sgd", "mse")
    expected = (0.5 * np.abs(x).sum() + 0.25 * (x.astype(np.float64) ** 2).sum()) / 6
    assert math.isclose(model.evaluate(x, x, verbose=0), expected, rel_tol=1e-5)
    assert "activity_regularizer" not in serialize(model.layers[-1])["config"]
    with pytest.raises(ArgumentError, match=r"L1L2 l1: expected a number of at least 0, received -1.0"):
        ActivityRegularization(-1.0)

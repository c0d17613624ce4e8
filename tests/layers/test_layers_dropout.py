"""Dropout: the dropped fraction, masks and seeds, the gradient, and errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
)
from tensorlab.layers import Dense, Dropout, GaussianNoise

Array = np.ndarray[Any, Any]


def test_dropout_is_the_identity_without_training(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 4)).astype("float32")
    assert np.array_equal(Dropout(0.5)(x).numpy(), x)
    assert np.array_equal(Dropout(0.0)(x, training=True).numpy(), x)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.83])
def test_dropout_drops_its_rate_and_scales_the_rest(rate: float, rng: np.random.Generator) -> None:
    tl.utils.set_random_seed(int(rng.integers(1 << 62)))
    x = rng.uniform(1.0, 2.0, (200, 500)).astype("float32")
    outputs = Dropout(rate)(x, training=True).numpy()
    kept = outputs != 0
    np.testing.assert_allclose(outputs[kept], x[kept] / (1.0 - rate), rtol=1e-6)
    sigma = math.sqrt(rate * (1.0 - rate) / x.size)
    assert abs(1.0 - kept.mean() - rate) < 6.0 * sigma
    # Elements are dropped independently, so each row and column has the same rate. With 200 elements at a rate of 0.1,
    # one of the 700 fractions is beyond six standard deviations in 1 of 30,000 runs, beyond eight in 1 of 10⁸.
    assert np.abs(1.0 - kept.mean(axis=0) - rate).max() < 8.0 * sigma * math.sqrt(500.0)
    assert np.abs(1.0 - kept.mean(axis=1) - rate).max() < 8.0 * sigma * math.sqrt(200.0)


def test_dropout_uses_a_new_mask_in_every_call() -> None:
    layer, x = Dropout(0.5), np.ones((20, 20), "float32")
    assert not np.array_equal(layer(x, training=True).numpy(), layer(x, training=True).numpy())


def test_dropout_is_reproducible_with_a_seed() -> None:
    layer, x = Dropout(0.5), np.ones((20, 20), "float32")

    def draw(seed: int) -> list[Array]:
        tl.utils.set_random_seed(seed)
        return [layer(x, training=True).numpy() for _ in range(2)]

    first, again, other = draw(3), draw(3), draw(4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[1], other[1])


def test_dropout_does_not_depend_on_other_layers() -> None:
    x = np.ones((20, 20), "float32")
    layer, other = Dropout(0.5, name="kept"), Dropout(0.5, name="beside")
    tl.utils.set_random_seed(7)
    alone = layer(x, training=True).numpy()
    tl.utils.set_random_seed(7)
    beside = other(x, training=True).numpy()
    Dense(3)(x)
    assert np.array_equal(layer(x, training=True).numpy(), alone)
    assert not np.array_equal(beside, alone)


def test_dropout_with_its_own_seed_ignores_the_global_seed() -> None:
    x = np.ones((20, 20), "float32")

    def draw(seed: int, own: int) -> Array:
        tl.utils.set_random_seed(seed)
        return Dropout(0.5, seed=own)(x, training=True).numpy()

    assert np.array_equal(draw(1, own=5), draw(2, own=5))
    assert not np.array_equal(draw(1, own=5), draw(1, own=6))


@pytest.mark.parametrize("rate", [1.0, -0.1, 2, "half", None, True, math.nan])
def test_dropout_rejects_an_invalid_rate(rate: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        Dropout(rate, name="drop")
    assert str(error.value) == f"Dropout 'drop' rate: expected a number of at least 0 and below 1, received {rate!r}"


def test_gradient_of_dropout_uses_its_mask(rng: np.random.Generator) -> None:
    x = tl.Variable(rng.uniform(1.0, 2.0, (6, 5)))
    with tl.GradientTape() as tape:
        outputs = Dropout(0.4, dtype="float64")(x, training=True)
    gradient = tape.gradient(outputs, x).numpy()
    np.testing.assert_allclose(gradient, outputs.numpy() / x.numpy(), rtol=1e-12)
    assert (gradient == 0).any()


def test_gaussian_noise_is_reproducible_and_has_the_given_stddev() -> None:
    x = np.full((200, 300), 3.0, "float32")
    layer = GaussianNoise(0.5, seed=7)
    assert np.array_equal(layer(x).numpy(), x)  # without training
    assert np.array_equal(GaussianNoise(0.0)(x, training=True).numpy(), x)
    first, second = (layer(x, training=True).numpy() - 3.0 for _ in range(2))
    for noise in (first, second):
        assert noise.mean() == pytest.approx(0.0, abs=6 * 0.5 / math.sqrt(x.size))
        assert noise.std() == pytest.approx(0.5, rel=0.02)
        assert noise.std(axis=0).min() > 0.3
        assert noise.std(axis=1).min() > 0.3
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.03
    tl.utils.set_random_seed(3)
    assert np.array_equal(GaussianNoise(0.5, seed=7)(x, training=True).numpy() - 3.0, first)
    with pytest.raises(ArgumentError, match="stddev: expected a number of at least 0, received -1"):
        GaussianNoise(-1)

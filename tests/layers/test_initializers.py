"""Initializers: ranges and statistics, seeds, configs, and errors."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, UnknownNameError
from tensorlab.initializers import Constant, GlorotUniform, Initializer, Ones, RandomNormal, RandomUniform, Zeros


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (4, 5)])
@pytest.mark.parametrize(("make", "value"), [(Zeros, 0.0), (Ones, 1.0), (lambda: Constant(2.5), 2.5), (Constant, 0.0)])
def test_constants(make: Any, value: float, shape: tuple[int, ...], dtype: str | None) -> None:
    weight = make()(shape, dtype=dtype)
    assert weight.shape == shape
    assert weight.dtype == np.dtype(dtype or "float32")
    assert np.array_equal(weight.numpy(), np.full(shape, value))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_is_evenly_distributed(dtype: str, rng: np.random.Generator) -> None:
    low = float(rng.uniform(-2.0, 0.0))
    width = float(rng.uniform(0.5, 3.0))
    weight = RandomUniform(low, low + width, seed=int(rng.integers(1 << 32)))((200, 500), dtype=dtype).numpy()
    assert weight.dtype == np.dtype(dtype)
    assert weight.min() >= low - 1e-6
    assert weight.max() <= low + width + 1e-6
    counts, _ = np.histogram(weight, bins=20, range=(low, low + width))
    share = counts / weight.size
    assert np.abs(share - 0.05).max() < 6.0 * math.sqrt(0.05 * 0.95 / weight.size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_has_the_expected_moments(dtype: str, rng: np.random.Generator) -> None:
    mean, spread = float(rng.normal()), float(rng.uniform(0.5, 2.0))
    weight = RandomNormal(mean, spread, seed=int(rng.integers(1 << 32)))((300, 300), dtype=dtype).numpy()
    assert weight.dtype == np.dtype(dtype)
    standard = (weight.astype("float64") - mean) / spread
    count = weight.size
    assert abs(standard.mean()) < 6.0 / math.sqrt(count)
    assert abs((standard**2).mean() - 1.0) < 6.0 * math.sqrt(2.0 / count)
    assert abs((standard**3).mean()) < 6.0 * math.sqrt(15.0 / count)
    assert abs((standard**4).mean() - 3.0) < 6.0 * math.sqrt(96.0 / count)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((200, 300), 500.0), ((300, 200), 500.0), ((3, 3, 40, 60), 900.0), ((5, 40, 60), 500.0), ((4000,), 8000.0)],
)
def test_glorot_uniform_has_the_expected_limit(shape: tuple[int, ...], fans: float) -> None:
    limit = math.sqrt(6.0 / fans)
    weight = GlorotUniform(seed=1)(shape).numpy()
    assert weight.shape == shape
    assert np.abs(weight).max() <= limit * (1.0 + 1e-6)
    assert np.abs(weight).max() > 0.995 * limit
    # The variance is that of Glorot and Bengio: 2 / (fan_in + fan_out).
    assert weight.var() == pytest.approx(2.0 / fans, rel=0.1)


@pytest.mark.parametrize("make", [GlorotUniform, RandomUniform, RandomNormal])
def test_seeds(make: Any) -> None:
    own = make(seed=5)((6, 4)).numpy()
    assert np.array_equal(make(seed=5)((6, 4)).numpy(), own)
    assert not np.array_equal(make(seed=6)((6, 4)).numpy(), own)
    tl.utils.set_random_seed(1)
    first, second = make()((6, 4)).numpy(), make()((6, 4)).numpy()
    assert not np.array_equal(first, second)
    assert np.array_equal(make(seed=5)((6, 4)).numpy(), own)
    tl.utils.set_random_seed(1)
    assert np.array_equal(make()((6, 4)).numpy(), first)
    tl.utils.set_random_seed(2)
    assert not np.array_equal(make()((6, 4)).numpy(), first)


@pytest.mark.parametrize(
    ("initializer", "config"),
    [
        (Zeros(), {}),
        (Constant(0.25), {"value": 0.25}),
        (RandomUniform(-1.0, seed=3), {"minval": -1.0, "maxval": 0.05, "seed": 3}),
        (RandomNormal(stddev=2.0, seed=3), {"mean": 0.0, "stddev": 2.0, "seed": 3}),
        (GlorotUniform(3), {"seed": 3}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Initializer) else "",
)
def test_config_recreates_the_initializer(initializer: Initializer, config: dict[str, Any]) -> None:
    assert initializer.get_config() == config
    again = type(initializer).from_config(json.loads(json.dumps(config)))
    assert np.array_equal(again((3, 4)).numpy(), initializer((3, 4)).numpy())


def test_get_accepts_names_classes_objects_configs_and_functions() -> None:
    def own(shape: tuple[int, ...], dtype: Any = None) -> tl.Tensor:
        return tl.zeros(shape, dtype=dtype)

    ready = Constant(3.0)
    assert isinstance(tl.initializers.get("glorot_uniform"), GlorotUniform)
    assert isinstance(tl.initializers.get("GlorotUniform"), GlorotUniform)
    assert isinstance(tl.initializers.get(Ones), Ones)
    assert tl.initializers.get(ready) is ready
    assert tl.initializers.get(own) is own
    made = tl.initializers.get({"class_name": "constant", "kind": "initializer", "config": {"value": 4.0}})
    assert made((2,)).tolist() == [4.0, 4.0]


def test_get_suggests_similar_names() -> None:
    with pytest.raises(UnknownNameError) as error:
        tl.initializers.get("zeroes")
    assert str(error.value) == (
        "initializer: expected the name of a registered initializer, received 'zeroes'; did you mean 'zeros' or 'ones'?"
    )


@pytest.mark.parametrize("identifier", [7, None, [1.0]])
def test_get_rejects_other_objects(identifier: Any) -> None:
    with pytest.raises(ArgumentTypeError) as error:
        tl.initializers.get(identifier)
    assert (
        str(error.value)
        == f"initializer: expected a name, a config, or an object of Initializer, received {identifier!r}"
    )


def test_class_without_call_is_reported() -> None:
    class Empty(Initializer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no __call__\(shape, dtype\)"):
        Empty()((2,))

"""Initializers that scale with the shape, truncated and orthogonal ones: the distributions of Keras."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import initializers
from tensorlab.errors import ArgumentError, DTypeError, ShapeError
from tensorlab.layers import Dense

# class, n of a (400, 300) matrix, factor: the variance is factor / n
SCALED: list[tuple[str, float, float, bool]] = [
    ("GlorotUniform", 700 / 2, 1.0, True),
    ("GlorotNormal", 700 / 2, 1.0, False),
    ("HeUniform", 400, 2.0, True),
    ("HeNormal", 400, 2.0, False),
    ("LecunUniform", 400, 1.0, True),
    ("LecunNormal", 400, 1.0, False),
]


@pytest.mark.parametrize(("name", "count", "factor", "uniform"), SCALED)
def test_scaled_initializers_have_the_expected_variance_and_limit(
    name: str, count: float, factor: float, uniform: bool
) -> None:
    weight = getattr(initializers, name)(seed=3)((400, 300)).numpy().astype("f8")
    deviation = math.sqrt(factor / count)
    assert weight.std() == pytest.approx(deviation, rel=0.01)
    assert abs(weight.mean()) < 6 * deviation / math.sqrt(weight.size)
    # Keras 3.15 has these limits, to three digits: 0.1225, 0.1608, 0.0866, 0.1137, 0.0926, 0.1215
    limit = deviation * (math.sqrt(3) if uniform else 2 / 0.87962566103423978)
    assert 0.999 * limit < np.abs(weight).max() <= limit * (1 + 1e-6)


@pytest.mark.parametrize(
    ("arguments", "deviation", "limit"),
    [
        # of shape (3, 3, 40, 60): fan_in 360, fan_out 540; Keras 3.15 returns these figures within sampling errors
        ({}, math.sqrt(1 / 360), 2 * math.sqrt(1 / 360) / 0.87962566),
        ({"distribution": "normal"}, math.sqrt(1 / 360), 2 * math.sqrt(1 / 360) / 0.87962566),
        ({"mode": "fan_out"}, math.sqrt(1 / 540), 2 * math.sqrt(1 / 540) / 0.87962566),
        (
            {"scale": 3, "mode": "fan_out", "distribution": "uniform"},
            math.sqrt(3 / 540),
            math.sqrt(9 / 540),
        ),
        ({"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"}, math.sqrt(0.5 / 450), math.inf),
    ],
)
def test_variance_scaling(arguments: dict[str, Any], deviation: float, limit: float) -> None:
    weight = initializers.VarianceScaling(**arguments, seed=5)((3, 3, 40, 60)).numpy().astype("f8")
    assert weight.std() == pytest.approx(deviation, rel=0.03)
    assert np.abs(weight).max() <= limit * (1 + 1e-6)
    if limit == math.inf:
        assert np.abs(weight).max() > 3 * deviation


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_truncated_normal(dtype: str) -> None:
    weight = initializers.TruncatedNormal(1.0, 0.5, seed=7)((300, 400), dtype=dtype).numpy()
    assert weight.dtype == np.dtype(dtype)
    assert weight.min() >= 0.0 - 1e-6
    assert weight.max() <= 2.0 + 1e-6
    # the moments of the standard normal distribution between -2 and 2
    density, inside = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(math.sqrt(2))
    standard = (weight.astype("f8") - 1.0) / 0.5
    assert standard.mean() == pytest.approx(0.0, abs=6 * 0.88 / math.sqrt(weight.size))
    assert standard.var() == pytest.approx(1 - 4 * density / inside, rel=0.01)
    assert np.mean(np.abs(standard) < 1) == pytest.approx(math.erf(math.sqrt(0.5)) / inside, abs=0.01)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 4), (1, 1)])
def test_columns_or_rows_are_orthogonal(shape: tuple[int, ...]) -> None:
    weight = initializers.Orthogonal(2.0, seed=1)(shape, dtype="float64").numpy()
    matrix = weight.reshape(-1, shape[-1])
    square = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(square, 4 * np.eye(len(square)), atol=1e-12)
    assert initializers.Orthogonal(seed=1)(shape).dtype == tl.float32


def test_orthogonal_matrices_are_uniformly_distributed() -> None:
    signs = [initializers.Orthogonal(seed=seed)((3, 3), dtype="float64").numpy()[0, 0] > 0 for seed in range(200)]
    assert 60 < sum(signs) < 140


def test_identity_and_constant() -> None:
    assert initializers.Identity(2.0)((2, 3)).tolist() == [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    rows = initializers.Constant([1, 2, 3])((2, 3), dtype="float64")
    assert (rows.tolist(), rows.dtype) == ([[1.0, 2.0, 3.0]] * 2, tl.float64)
    layer = Dense(2, kernel_initializer=initializers.Constant(np.float32(0.5)))
    assert layer(np.ones((1, 3), "float32")).tolist() == [[1.5, 1.5]]


def test_get_accepts_the_names_of_keras() -> None:
    names = "zeros ones constant identity orthogonal random_normal random_uniform truncated_normal variance_scaling "
    names += "glorot_normal glorot_uniform he_normal he_uniform lecun_normal lecun_uniform"
    for name in names.split():
        cls = getattr(initializers, name)
        assert type(initializers.get(name)) is cls
        assert type(initializers.get(cls.__name__)) is cls
        plain = json.loads(json.dumps(tl.layers.Dense(2, kernel_initializer=cls()).get_config()))
        assert plain["kernel_initializer"]["class_name"] == name
        assert type(Dense.from_config(plain).kernel_initializer) is cls
    assert type(initializers.get("normal")) is initializers.RandomNormal
    assert type(initializers.get("uniform")) is initializers.RandomUniform
    weight = initializers.get("uniform")((300, 300)).numpy()
    assert (weight.min(), weight.max()) == (pytest.approx(-0.05, rel=0.01), pytest.approx(0.05, rel=0.01))


@pytest.mark.parametrize("name", ["HeNormal", "LecunUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal"])
def test_seeds(name: str) -> None:
    make = getattr(initializers, name)
    own = make(seed=5)((6, 4)).numpy()
    assert np.array_equal(make(seed=5)((6, 4)).numpy(), own)
    assert not np.array_equal(make(seed=6)((6, 4)).numpy(), own)
    assert not np.array_equal(make()((6, 4)).numpy(), make()((6, 4)).numpy())
    assert np.array_equal(make.from_config(make(seed=5).get_config())((6, 4)).numpy(), own)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: initializers.VarianceScaling(0), ArgumentError, "scale: expected a number above 0, received 0"),
        (
            lambda: initializers.VarianceScaling(mode="fan"),
            ArgumentError,
            "VarianceScaling mode: expected one of 'fan_in', 'fan_out', 'fan_avg', received 'fan'",
        ),
        (
            lambda: initializers.VarianceScaling(distribution="gauss"),
            ArgumentError,
            "distribution: expected one of 'truncated_normal', 'untruncated_normal', 'uniform', received 'gauss'",
        ),
        (lambda: initializers.Identity()((2,)), ShapeError, "Identity: expected a shape of rank 2, received (2,)"),
        (lambda: initializers.Orthogonal()((2,)), ShapeError, "expected a shape of rank 2 or more, received (2,)"),
        (lambda: initializers.HeNormal()((2, 2), dtype="int32"), DTypeError, "float32 or float64, received int32"),
        (
            lambda: initializers.TruncatedNormal(stddev=float("nan"))((2,)),
            ArgumentError,
            "stddev: expected a finite nu",
        ),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        make()
    assert message in str(error.value)

"""Check random keys, seed generators, and distributions other than uniform and normal."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import random
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

DRAWS: dict[str, Callable[..., tl.Tensor]] = {
    "uniform": lambda seed: random.uniform((40,), seed=seed),
    "normal": lambda seed: random.normal((40,), seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((40,), seed=seed),
    "randint": lambda seed: random.randint((40,), 0, 1000, seed=seed),
    "bernoulli": lambda seed: random.bernoulli(0.5, (40,), seed=seed),
    "categorical": lambda seed: random.categorical(np.zeros((1, 9)), 40, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(40), seed=seed),
    "permutation": lambda seed: random.permutation(40, seed=seed),
}


def test_keys_compare_hash_and_copy_by_value() -> None:
    first, second = random.split(random.key(3))
    assert first == random.split(random.key(3))[0] != second
    assert len({first, second, random.key(3), random.key(4), *random.split(first, 5), random.fold_in(first, 0)}) == 10
    assert eval(repr(first), {"Key": random.Key}) == copy.deepcopy(first) == pickle.loads(pickle.dumps(first)) == first
    assert random.fold_in(first, 1) != random.fold_in(first, -1) != random.fold_in(first, 2)
    assert random.split(first, 0) == ()


@pytest.mark.parametrize("name", DRAWS)
def test_all_functions_accept_keys_seeds_and_generators(name: str) -> None:
    draw = DRAWS[name]
    first, second = random.split(random.key(1))
    assert draw(first).tolist() == draw(first).tolist() != draw(second).tolist()
    assert draw(7).tolist() == draw(7).tolist() != draw(8).tolist()
    generator = random.SeedGenerator(first)
    drawn = [draw(generator).tolist() for _ in range(2)]
    assert drawn[0] != drawn[1]
    generator = random.SeedGenerator(first)
    assert [draw(generator).tolist() for _ in range(2)] == drawn
    random.set_seed(5)
    drawn = [draw(None).tolist() for _ in range(2)]
    random.set_seed(5)
    assert [draw(None).tolist() for _ in range(2)] == drawn
    assert drawn[0] != drawn[1]


def test_key_can_be_the_first_argument() -> None:
    key = random.key(2)
    assert random.normal(key, (3,)).tolist() == random.normal((3,), seed=key).tolist()
    assert random.uniform(key, (3,), minval=-2.0).tolist() == random.uniform((3,), -2.0, seed=key).tolist()
    assert random.randint(key, (3,), 0, 9).tolist() == random.randint((3,), 0, 9, seed=key).tolist()
    assert random.bernoulli(key, 0.5, (3,)).tolist() == random.bernoulli(0.5, (3,), seed=key).tolist()
    assert random.permutation(key, 5).tolist() == random.permutation(5, seed=key).tolist()
    assert random.normal(random.SeedGenerator(key)).shape == ()
    with pytest.raises(ArgumentError, match=r"^random\.normal: expected one key, received a key and a seed$"):
        random.normal(key, (3,), seed=1)


def test_draws_of_different_keys_and_functions_are_independent() -> None:
    keys = random.split(random.key(11), 60)
    rows = np.stack([random.normal(key, (400,), dtype="float64").numpy() for key in keys])
    correlations = np.corrcoef(rows)[np.triu_indices(60, 1)] * math.sqrt(400)
    assert abs(correlations.std() - 1.0) < 0.1
    assert np.abs(correlations).max() < 6.0
    key = random.key(1)
    uniform = random.uniform(key, (2000,)).numpy()
    assert abs(np.corrcoef(uniform, random.normal(key, (2000,)).numpy())[0, 1]) < 0.15


def test_seed_generator_without_a_seed_uses_the_global_seed() -> None:
    random.set_seed(3)
    keys = [random.SeedGenerator().next() for _ in range(2)]
    random.set_seed(3)
    assert [random.SeedGenerator().next() for _ in range(2)] == keys
    assert keys[0] != keys[1]
    generator = random.SeedGenerator(4)
    generator.next()
    assert pickle.loads(pickle.dumps(generator)).next() == generator.next()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_seed_generator_differs_in_a_forked_process() -> None:
    generator = random.SeedGenerator(4)
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork in a process with threads
        child = os.fork()
    if not child:
        os.write(writer, json.dumps(generator.next().words).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        theirs = tuple(json.loads(pipe.read()))
    os.waitpid(child, 0)
    assert theirs != generator.next().words


def test_layers_and_initializers_accept_keys() -> None:
    key = random.key(6)
    make = tl.initializers.RandomNormal(seed=key)
    assert make((3, 2)).tolist() == make((3, 2)).tolist()
    x = np.ones((4, 9), np.float32)
    masks = [tl.layers.Dropout(0.5, seed=key)(x, training=True).numpy() for _ in range(2)]
    assert set(np.unique(masks)) == {0.0, 2.0}


# Distributions


def test_truncated_normal_is_within_two_standard_deviations() -> None:
    values = random.truncated_normal((200, 200), mean=1.0, stddev=0.5, dtype="float64", seed=1).numpy()
    assert values.shape == (200, 200)
    assert np.abs(values - 1.0).max() <= 1.0
    assert abs(values.mean() - 1.0) < 0.02
    assert abs(values.std() - 0.5 * 0.87962566) < 0.01  # the standard deviation of a normal distribution truncated at 2
    assert random.truncated_normal().dtype == tl.float32
    assert random.truncated_normal((0, 3)).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64"])
def test_randint_covers_its_range(dtype: str) -> None:
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    ends = random.randint((2000,), high - 3, high + 1, dtype, seed=2)
    assert ends.dtype == dtype
    assert set(ends.tolist()) == {high - 3, high - 2, high - 1, high}
    counts = np.bincount(random.randint((6000,), 0, 3, dtype, seed=3).numpy().astype(int))
    assert np.abs(counts - 2000).max() < 250
    assert random.randint((), low, low + 1, dtype).item() == low


def test_bernoulli_and_categorical_frequencies() -> None:
    chances = np.array([0.0, 0.25, 1.0])
    drawn = random.bernoulli(chances, (4000, 3), seed=4)
    assert drawn.dtype == tl.bool
    np.testing.assert_allclose(drawn.numpy().mean(0), chances, atol=0.04)
    assert random.bernoulli(chances).shape == (3,)
    classes = random.categorical(np.log([[0.7, 0.1, 0.2], [1e-30, 1.0, 1.0]]), 4000, seed=5)
    assert (classes.dtype, classes.shape) == (tl.int32, (2, 4000))
    frequencies = np.stack([np.bincount(row, minlength=3) / 4000 for row in classes.numpy()])
    np.testing.assert_allclose(frequencies, [[0.7, 0.1, 0.2], [0.0, 0.5, 0.5]], atol=0.05)


def test_shuffle_and_permutation_keep_slices_intact() -> None:
    array = np.arange(24.0).reshape(4, 6)
    for axis in (0, 1, -1):
        shuffled = random.shuffle(array, axis, seed=6).numpy()
        assert sorted(np.moveaxis(shuffled, axis, 0).tolist()) == np.moveaxis(array, axis, 0).tolist()
        assert not np.array_equal(shuffled, array)
    assert sorted(random.permutation(9).tolist()) == list(range(9))
    with tl.device("reference"):
        assert random.shuffle(tl.asarray([1, 2])).device == random.randint(3, 0, 5).device == "reference"


def test_uniform_over_almost_the_full_float32_range() -> None:
    values = random.uniform((1000,), -3e38, 3e38, seed=7).numpy()
    assert np.isfinite(values).all()
    assert values.min() < -2e38 < 2e38 < values.max()


REJECTED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: random.key(-1), ArgumentError, "random.key: expected an integer from 0 to 2**63 - 1, received -1"),
    (
        lambda: random.split(3),
        ArgumentTypeError,
        "random.split key: expected a key, received 3; make one with tl.random",
    ),
    (lambda: random.split(random.key(0), -1), ArgumentError, "random.split num: expected a number of keys of at least"),
    (
        lambda: random.split(random.key(0), 1.5),
        ArgumentTypeError,
        "random.split num: expected an integer, received",
    ),
    (
        lambda: random.fold_in(random.key(0), "a"),
        ArgumentTypeError,
        "random.fold_in data: expected an integer, rec",
    ),
    (
        lambda: setattr(random.key(0), "words", 1),
        ArgumentTypeError,
        "Key.words: expected no assignment to an immutable key, re",
    ),
    (
        lambda: random.uniform((2,), 0, 2**1100),
        ArgumentError,
        "random.uniform maxval: expected a finite number, receiv",
    ),
    (
        lambda: random.uniform((2,), 2, 1),
        ArgumentError,
        "random.uniform: expected a minval that is not above maxval, re",
    ),
    (lambda: random.normal((2,), "a"), ArgumentError, "random.normal mean: expected a finite number, received 'a'"),
    (
        lambda: random.randint((2,), 5, 5),
        ArgumentError,
        "random.randint: expected integers minval < maxval in the range of int32, received 5 and 5",
    ),
    (
        lambda: random.randint((2,), 0, 300, "uint8"),
        ArgumentError,
        "random.randint: expected integers minval < ma",
    ),
    (
        lambda: random.randint((2,), 0.5, 3),
        ArgumentError,
        "random.randint: expected integers minval < maxval in",
    ),
    (
        lambda: random.randint((2,), 0, 3, "float32"),
        DTypeError,
        "random.randint: expected a dtype of integers, received",
    ),
    (
        lambda: random.bernoulli(1.5),
        ArgumentError,
        "random.bernoulli p: expected probabilities from 0 to 1, received 1",
    ),
    (lambda: random.bernoulli([0.5, 0.5], (3,)), ShapeError, "random.bernoulli: expected shapes that broadcast togeth"),
    (
        lambda: random.bernoulli([0.5, 0.5], ()),
        ShapeError,
        "random.bernoulli: expected p that broadcasts to shape (), ",
    ),
    (
        lambda: random.categorical(1.0),
        ShapeError,
        "random.categorical: expected logits of shape (..., n), n of at least",
    ),
    (
        lambda: random.categorical([1.0], 2, "bool"),
        DTypeError,
        "random.categorical: expected a dtype of integers, rece",
    ),
    (lambda: random.shuffle([1], 1), ShapeError, "random.shuffle: expected an axis from -1 to 0 for a tensor of rank"),
]


@pytest.mark.parametrize(("call", "kind", "message"), REJECTED)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert str(error.value).startswith(message)

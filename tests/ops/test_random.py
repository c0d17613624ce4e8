"""Check random streams against Philox as published, and the statistics of their distributions."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import random
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

WORD = (1 << 64) - 1


@pytest.fixture(autouse=True)
def _seeded_afterwards() -> Iterator[None]:
    yield
    random.set_seed(0)


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> list[int]:
    """Compute Philox4x64-10 of one counter, as in the paper: ten rounds of two products, with a new key for each."""
    k0, k1 = key
    c0, c1, c2, c3 = counter
    for _ in range(10):
        left, right = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = right >> 64 ^ c1 ^ k0, right & WORD, left >> 64 ^ c3 ^ k1, left & WORD
        k0, k1 = k0 + 0x9E3779B97F4A7C15 & WORD, k1 + 0xBB67AE8584CAA73B & WORD
    return [c0, c1, c2, c3]


def test_draws_match_philox_of_seed_use_draw_step_and_epoch(rng: np.random.Generator) -> None:
    seed, epoch, step = (int(n) for n in rng.integers(0, 1 << 62, 3))
    random.set_seed(seed)
    random.move_to(epoch, step)
    for draw in range(3):
        words = random.generator("dropout").bit_generator.random_raw(8)
        key = (seed, zlib.crc32(b"dropout"))
        # NumPy increments the counter before each block of four words.
        expected = [word for block in (1, 2) for word in philox(key, (block, draw, step, epoch))]
        assert words.tolist() == expected


def test_draws_with_a_seed_argument_match_philox_of_that_seed() -> None:
    random.move_to(3, 4)
    for _ in range(2):
        words = random.generator("normal", 17).bit_generator.random_raw(4)
        assert words.tolist() == philox((17, zlib.crc32(b"normal")), (1, 0, 0, 0))


def draws() -> list[bytes]:
    tensors = [tl.random.uniform((5,)), tl.random.normal((2, 3)), tl.random.uniform((5,)), tl.random.normal((4,))]
    return [tensor.numpy().tobytes() for tensor in tensors]


def test_set_seed_repeats_all_draws(rng: np.random.Generator) -> None:
    seed = int(rng.integers(0, 1 << 63))
    random.set_seed(seed)
    first = draws()
    assert draws() != first
    random.set_seed(seed)
    assert draws() == first
    tl.utils.set_random_seed(seed)
    assert draws() == first
    random.set_seed(seed ^ 1)
    assert not set(draws()) & set(first)


def test_resumed_run_repeats_the_draws_of_the_original() -> None:
    random.set_seed(5)
    whole = {}
    for epoch in (1, 2):
        for step in (1, 2):
            random.move_to(epoch, step)
            whole[epoch, step] = draws()
    assert len({tuple(drawn) for drawn in whole.values()}) == 4
    random.set_seed(5)
    random.move_to(2, 1)
    assert draws() == whole[2, 1]


def test_streams_of_different_uses_are_independent() -> None:
    random.set_seed(1)
    alone = tl.random.uniform((4,), use="mine").tolist()
    random.set_seed(1)
    tl.random.uniform((1000,), use="theirs")
    assert tl.random.uniform((4,), use="mine").tolist() == alone
    assert tl.random.uniform((4,), use="mine").tolist() != alone


def test_seed_argument_repeats_the_same_draw() -> None:
    first = tl.random.normal((3,), seed=4).tolist()
    random.set_seed(8)
    random.move_to(1, 9)
    assert tl.random.normal((3,), seed=4).tolist() == first
    assert tl.random.normal((3,), seed=5).tolist() != first


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
def test_uniform_distribution(dtype: str | None, rng: np.random.Generator) -> None:
    random.set_seed(int(rng.integers(1 << 60)))
    count = 200_000
    numbers = tl.random.uniform((count // 2, 2), minval=-3.0, maxval=5.0, dtype=dtype)
    assert numbers.dtype == np.dtype(dtype or "float32")
    assert numbers.shape == (count // 2, 2)
    values = np.sort(numbers.numpy().astype(np.float64).ravel())
    assert values[0] >= -3.0
    assert values[-1] < 5.0
    # The Kolmogorov statistic exceeds 3 once in 10⁷ runs.
    distance = np.max(np.abs((values + 3.0) / 8.0 - (np.arange(count) + 0.5) / count))
    assert math.sqrt(count) * distance < 3.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_excludes_its_upper_bound(dtype: str) -> None:
    # The spacing of float32 at 100 is 2⁻¹⁷, so about four of a million numbers would round up to 101.
    numbers = tl.random.uniform((1 << 20,), minval=100.0, maxval=101.0, dtype=dtype, seed=3).numpy()
    assert numbers.max() < 101.0
    assert numbers.max() > 100.9999
    assert numbers.min() >= 100.0


@pytest.mark.parametrize("dtype", [None, "float64"])
def test_normal_distribution(dtype: str | None, rng: np.random.Generator) -> None:
    random.set_seed(int(rng.integers(1 << 60)))
    count = 100_000
    numbers = tl.random.normal((count,), mean=2.0, stddev=0.5, dtype=dtype)
    assert numbers.dtype == np.dtype(dtype or "float32")
    values = np.sort((numbers.numpy().astype(np.float64) - 2.0) / 0.5)
    cumulative = np.array([0.5 * (1.0 + math.erf(value / math.sqrt(2.0))) for value in values])
    distance = np.max(np.abs(cumulative - (np.arange(count) + 0.5) / count))
    assert math.sqrt(count) * distance < 3.0


def test_shapes_of_draws() -> None:
    assert tl.random.uniform().shape == ()
    assert tl.random.normal(3).shape == (3,)
    assert tl.random.normal((2, 0, 3)).shape == (2, 0, 3)
    with tl.device("reference"):
        assert tl.random.uniform((2,)).device == "reference"


@pytest.mark.parametrize("seed", [-1, 1 << 63, 1.5, True, None, "1"])
def test_set_seed_rejects_invalid_seeds(seed: object) -> None:
    with pytest.raises(ArgumentError) as error:
        random.set_seed(seed)
    assert str(error.value) == f"set_seed: expected an integer from 0 to 2**63 - 1, received {seed!r}"


@pytest.mark.parametrize("seed", [-1, 1 << 64, 1.5])
def test_seed_argument_rejects_invalid_seeds(seed: object) -> None:
    with pytest.raises(ArgumentError) as error:
        tl.random.uniform((2,), seed=seed)
    assert str(error.value) == f"seed: expected an integer from 0 to 2**63 - 1, received {seed!r}"


@pytest.mark.parametrize("name", ["uniform", "normal"])
def test_draws_reject_invalid_dtypes_and_shapes(name: str) -> None:
    draw = getattr(tl.random, name)
    with pytest.raises(DTypeError) as error:
        draw((2,), dtype="int32")
    assert str(error.value) == (
        f"random.{name}: expected float32 or float64, received int32; convert the numbers with .astype()"
    )
    with pytest.raises(ShapeError, match=rf"^random\.{name}: expected lengths of at least 0, received \(-1,\)$"):
        draw(-1)
    with pytest.raises(ArgumentTypeError, match=rf"^random\.{name}: expected a shape of integers, received 2\.5$"):
        draw(2.5)

"""Random numbers from counter-based streams: the whole random state is a few integers.

Every draw is a Philox4x64 sequence of its own. Its key is (seed, use), its counter (draw, step, epoch): two runs with
one seed draw the same numbers wherever they draw them, and a run that is resumed at some step goes on as it would have.

Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import secrets
import zlib
from collections import Counter
from typing import Any

import numpy as np

from tensorlab import dtypes, shapes
from tensorlab.errors import ArgumentError, DTypeError
from tensorlab.tensor import Tensor, asarray


class _State:
    """The seed, where a training run is, and how often each use has drawn there."""

    def __init__(self) -> None:
        self.seed = secrets.randbits(63)
        self.epoch = self.step = 0
        self.draws: Counter[str] = Counter()


_state = _State()


def set_seed(seed: int) -> None:
    """Start all streams again, from this seed.

    Raises:
        ArgumentError: unless it is a whole number from 0 to 2⁶³ - 1.
    """
    _state.seed = _checked_seed("set_seed", seed)
    move_to(0, 0)


def _checked_seed(who: str, seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 1 << 63:
        raise ArgumentError(who, "a whole number from 0 to 2**63 - 1", repr(seed))
    return int(seed)


def _real(who: str, dtype: Any) -> dtypes.DType:
    wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, who)
    if wanted.kind != "f":
        raise DTypeError(who, "float32 or float64", str(wanted), "convert the numbers with .astype()")
    return wanted


def move_to(epoch: int, step: int) -> None:
    """Say where the training run is: what is drawn from here on belongs to this step of this epoch.

    Args:
        epoch: a number that differs from epoch to epoch; 0 outside of training.
        step: of the epoch, counted from 1; 0 before the first.
    """
    _state.epoch, _state.step = epoch, step
    _state.draws.clear()


def generator(use: str, seed: int | None = None, moving: bool = False) -> np.random.Generator:
    """NumPy's generator for the next draw of some use, such as "shuffle".

    Args:
        use: draws of one use do not change those of another.
        seed: None for the global seed; with a seed of its own, every call draws the same ...
        moving: ... unless it moves with the training run and from draw to draw, as with the global seed.
    """
    draw = 0
    moving = moving or seed is None
    if moving:
        draw = _state.draws[use]
        _state.draws[use] += 1
    key = (_state.seed if seed is None else _checked_seed("seed", seed), zlib.crc32(use.encode()))
    position = (0, draw, _state.step, _state.epoch) if moving else (0, 0, 0, 0)
    return np.random.Generator(np.random.Philox(key=np.array(key, np.uint64), counter=np.array(position, np.uint64)))


def uniform(
    shape: Any = (),
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: int | None = None,
    use: str = "uniform",
) -> Tensor:
    """Numbers from ``[minval, maxval)``, all equally likely.

    Args:
        shape: of the result.
        minval: the least.
        maxval: above the largest.
        dtype: float32 (if None) or float64.
        seed: None to draw from the global streams.
        use: the stream.

    Source: Keras, ``keras.random.uniform``.
    """
    kind = _real("random.uniform", dtype).type
    numbers = generator(use, seed).random(shapes.as_shape("random.uniform", shape), dtype=kind)
    numbers = numbers * kind(maxval - minval) + kind(minval)
    # a number just below maxval may round to it
    return asarray(np.minimum(numbers, np.nextafter(kind(maxval), kind(minval))))


def normal(
    shape: Any = (),
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: int | None = None,
    use: str = "normal",
) -> Tensor:
    """Numbers from the normal distribution.

    Args:
        shape: of the result.
        mean: of the distribution.
        stddev: its standard deviation.
        dtype: float32 (if None) or float64.
        seed: None to draw from the global streams.
        use: the stream.

    Source: Keras, ``keras.random.normal``.
    """
    wanted = _real("random.normal", dtype)
    numbers = generator(use, seed).standard_normal(shapes.as_shape("random.normal", shape), dtype=wanted.type)
    return asarray(numbers * wanted.type(stddev) + wanted.type(mean))

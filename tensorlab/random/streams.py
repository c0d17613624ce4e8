"""Counter-based streams of random numbers, whose state is a few integers.

Every draw uses a new Philox4x64 sequence. Its key is (seed, use), its counter (draw, step, epoch). Draws are counted
for each use, and only `set_seed` resets these counts. So draws before, between and after training runs are independent.
Every training run has a number, which is part of the key of its draws, and counts its draws from 0 in every step. So a
run that is resumed at some step draws the same numbers as an uninterrupted run.

Forked processes draw different numbers from their parent and from each other. The lineage of a process, 0 if it was not
forked, is mixed into its seed. It is derived from the number of earlier forks, so programs that fork are reproducible.

Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import secrets
import threading
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tensorlab import forks
from tensorlab.backends.listening import called, listening, refused
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, short_repr
from tensorlab.forks import counting
from tensorlab.shapes import Shape

WORD = (1 << 64) - 1


class Key:
    """128 bits that determine random numbers; created by `key`, `split` and `fold_in`. Immutable and hashable."""

    __slots__ = ("words",)

    words: tuple[int, int]

    def __init__(self, words: tuple[int, int]) -> None:
        object.__setattr__(self, "words", words)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ArgumentTypeError(f"Key.{name}", "no assignment to an immutable key", short_repr(value))

    def __repr__(self) -> str:
        return f"Key(({self.words[0]:#018x}, {self.words[1]:#018x}))"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def __reduce__(self) -> Any:
        return Key, (self.words,)


class KeySource:
    """The interface of objects that provide a new key for each draw."""

    def next(self) -> Key:
        """Return the next key."""
        raise NotImplementedError


Seed = int | Key | KeySource | None
"""The types that random functions accept as ``seed``; None for the global streams."""


@dataclass
class _Position:
    """The current position of a thread: its training run (0 if none), epoch and step, and the number of draws there."""

    run: int = 0
    epoch: int = 0
    step: int = 0
    draws: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


class _State:
    """The seed, and all counts since it was set."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.lineage = self.forks = self.runs = 0
        self.outside = _Position()


class _Here(threading.local):
    """The position of this thread; None outside of training runs."""

    position: _Position | None = None


_state = _State(secrets.randbits(63))
_here = _Here()


def set_seed(seed: int) -> None:
    """Restart all streams from this seed.

    Raises:
        ArgumentError: unless it is an integer from 0 to 2⁶³ - 1.
    """
    global _state
    started = _State(checked_seed("set_seed", seed))
    with counting:
        _state, _here.position = started, None


def checked_seed(who: str, seed: Any) -> int:
    """Return a seed as an int.

    Raises:
        ArgumentError: unless it is an integer from 0 to 2⁶³ - 1.
    """
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 1 << 63:
        raise ArgumentError(who, "an integer from 0 to 2**63 - 1", short_repr(seed))
    return int(seed)


def get_state() -> dict[str, Any]:
    """Return the random state as plain integers, for `set_state`, JSON or a checkpoint.

    Save it together with the weights and the optimizer's state. After restoring all three, a program draws the same
    numbers as without the interruption. In a callback of `fit`, it is the state of the current run, and the next `fit`
    after `set_state` continues that run.

    Example:
        >>> state = tl.random.get_state()
        >>> first = tl.random.normal((3,))
        >>> tl.random.set_state(state)
        >>> bool(tl.all(tl.random.normal((3,)) == first))
        True
    """
    with counting:
        runs = _state.runs if _here.position is None or not _here.position.run else _here.position.run - 1
        counted = {"seed": _state.seed, "lineage": _state.lineage, "forks": _state.forks, "runs": runs}
        return {**counted, "draws": dict(_state.outside.draws)}


def set_state(state: Mapping[str, Any]) -> None:
    """Restore a state that `get_state` returned.

    Raises:
        ArgumentError: for anything else; the state is then unchanged.
    """
    global _state
    try:
        restored = _State(state["seed"])
        restored.lineage, restored.forks, restored.runs = (state[name] for name in ("lineage", "forks", "runs"))
        restored.outside.draws.update(state["draws"])
        numbers = [*(state[name] for name in ("seed", "lineage", "forks", "runs")), *state["draws"].values()]
    except (TypeError, LookupError, ValueError, AttributeError):
        numbers = [None]
    if not all(type(number) is int and 0 <= number <= WORD for number in numbers):
        raise ArgumentError("random.set_state", "what get_state returned", short_repr(state))
    with counting:
        _state = restored


def move_to(epoch: int, step: int) -> None:
    """Set the position of this thread in its training run, which determines the numbers of the following draws.

    A custom training loop that must be resumable calls this before every step, and ``move_to(0, 0)`` at the end; `fit`
    does so. Draws are counted from 0 at each position. Only at (0, 0) does the count continue where it stopped.

    Args:
        epoch: the number of the epoch; 0 outside of training.
        step: the number of the step in the epoch, counted from 1; 0 before the first step.
    """
    exact = type(epoch) is type(step) is int and 0 <= epoch <= WORD and 0 <= step <= WORD
    for name, number in () if exact else (("epoch", epoch), ("step", step)):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number <= WORD:
            raise ArgumentError(f"random.move_to {name}", f"an integer from 0 to {WORD}", short_repr(number))
    run = _here.position.run if _here.position else 0
    _here.position = _Position(run, int(epoch), int(step)) if run or epoch or step else None


def get_position() -> dict[str, Any]:
    """Return the position of this thread in its training run, and the draws there, as plain integers."""
    here = _here.position or _Position()
    return {"epoch": here.epoch, "step": here.step, "draws": dict(here.draws)}


def set_position(position: Mapping[str, Any]) -> None:
    """Continue the draws at a position that `get_position` returned, in the current training run.

    Raises:
        ArgumentError: for anything else.
    """
    try:
        epoch, step, draws = position["epoch"], position["step"], dict(position["draws"])
        plain = all(type(number) is int and 0 <= number <= WORD for number in (epoch, step, *draws.values()))
    except (TypeError, LookupError, ValueError, AttributeError):
        plain = False
    if not plain or not all(isinstance(use, str) for use in draws):
        raise ArgumentError("random.set_position", "what get_position returned", short_repr(position))
    move_to(epoch, step)
    if _here.position is not None:
        _here.position.draws.update(draws)


def enter_run() -> Any:
    """Start a training run with separate streams in this thread.

    Returns:
        the previous position, for `leave_run`.
    """
    before = _here.position
    with counting:
        _state.runs += 1
        _here.position = _Position(_state.runs)
    return before


def leave_run(before: Any) -> None:
    """Return to the position before `enter_run`, and continue its counts."""
    _here.position = before


def drawn(use: str, seed: Seed, distribution: str, shape: Shape, dtype: DType) -> np.ndarray[Any, Any]:
    """Return float32 random numbers of a distribution of NumPy, converted to a dtype.

    A plan draws again in every step, so layers use this function for what they draw in training.

    Args:
        use: the name of the stream; see `generator`.
        seed: None for the global seed, or a seed whose draws depend on the position in the training run.
        distribution: the method of NumPy's generator.
        shape: the shape of the result.
        dtype: the dtype of the result.
    """
    draw = getattr(_generator(use, seed, moving=True), distribution)
    numbers = np.asarray(draw(shape, dtype=np.float32), dtype)
    if listening[0]:
        called(drawn, (use, seed, distribution, shape, dtype), numbers)
    return numbers


def generator(use: str, seed: Seed = None, moving: bool = False) -> np.random.Generator:
    """Return NumPy's generator for the next draw of some use, such as "shuffle".

    Args:
        use: the name of the stream. Streams are independent of each other.
        seed: None for the global seed, a seed or a key, or a `SeedGenerator`.
        moving: whether draws with a seed or a key depend on the position in the training run and on the number of
            earlier draws, as with the global seed. Otherwise every call draws the same.
    """
    if listening[0]:
        refused("it draws random numbers")
    return _generator(use, seed, moving)


def _generator(use: str, seed: Seed, moving: bool) -> np.random.Generator:
    if not isinstance(use, str):
        raise ArgumentTypeError("random use", "a string", short_repr(use))
    name = zlib.crc32(use.encode())
    if isinstance(seed, KeySource):
        seed, moving = seed.next(), False
    own = None if seed is None else seed.words if isinstance(seed, Key) else (checked_seed("seed", seed), name)
    if own is not None and not moving:
        return philox(own, (0, 0, 0, name if isinstance(seed, Key) else 0))
    with counting:
        position = _here.position or _state.outside
        draw = position.draws[use]
        position.draws[use] += 1
        # a given seed replaces the run number too, so that identical training runs draw identical numbers
        key = (_state.seed, position.run << 32 | name) if own is None else own
        lineage = _state.lineage
    return philox((key[0] ^ lineage, key[1]), (0, draw, position.step, position.epoch))


def lineage() -> int:
    """Return the number that distinguishes forked processes: 0 in one that was not forked, or after `set_seed`."""
    return _state.lineage


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> np.random.Generator:
    """Return NumPy's generator for the Philox4x64-10 sequence of a key, starting at a counter."""
    words = [np.array([word & WORD for word in words], np.uint64) for words in (key, counter)]
    return np.random.Generator(np.random.Philox(key=words[0], counter=words[1]))


def derive(key: tuple[int, int], use: str, number: int, count: int = 1) -> list[int]:
    """Return 64-bit words derived from a key, the name of a purpose and a number."""
    words = philox(key, (0, number, 0, zlib.crc32(use.encode()))).bit_generator.random_raw(count)
    return [int(word) for word in words]


def _before_fork() -> None:
    _state.forks += 1


def _in_child() -> None:
    (_state.lineage,) = derive((_state.seed, _state.lineage), "fork", _state.forks)
    _state.forks = 0


forks.around(_before_fork, _in_child)

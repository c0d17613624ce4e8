"""Counter-based streams of random numbers: the whole random state is a few integers.

Every draw is a Philox4x64 sequence of its own. Its key is (seed, use), its counter (draw, step, epoch). Draws are
counted by use and are never counted again from the start, except by `set_seed`: what is drawn before, between and after
training runs is independent. A training run has a number, which goes into the key of what is drawn in it, and counts
its draws anew at every step: a run that is resumed at some step draws what the uninterrupted one draws.

Forked processes differ from each other and from their parent: the lineage of a process, 0 unless it was forked, is
mixed into its seed. It depends on how many forks came before, so a program that forks repeats itself, too.

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
from tensorlab.errors import ArgumentError, ArgumentTypeError
from tensorlab.forks import counting

WORD = (1 << 64) - 1


class Key:
    """128 bits that random numbers are drawn from; made by `key`, `split` and `fold_in`. Immutable and hashable."""

    __slots__ = ("words",)

    words: tuple[int, int]

    def __init__(self, words: tuple[int, int]) -> None:
        object.__setattr__(self, "words", words)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ArgumentTypeError(f"Key.{name}", "a key that is not changed", "an assignment")

    def __repr__(self) -> str:
        return f"Key(({self.words[0]:#018x}, {self.words[1]:#018x}))"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def __reduce__(self) -> Any:
        return Key, (self.words,)


class KeySource:
    """What gives another key for each draw."""

    def next(self) -> Key:
        """Return the next key."""
        raise NotImplementedError


Seed = int | Key | KeySource | None
"""What random functions take as ``seed``; None for the global streams."""


@dataclass
class _Place:
    """Where a thread draws: in which training run (0 outside of all), at which step, and what has been drawn there."""

    run: int = 0
    epoch: int = 0
    step: int = 0
    draws: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


class _State:
    """The seed, and what has been counted since it was set."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.lineage = self.forks = self.runs = 0
        self.outside = _Place()


class _Here(threading.local):
    """The place that this thread has moved to; None outside of training runs."""

    place: _Place | None = None


_state = _State(secrets.randbits(63))
_here = _Here()


def set_seed(seed: int) -> None:
    """Start all streams again, from this seed.

    Raises:
        ArgumentError: unless it is a whole number from 0 to 2⁶³ - 1.
    """
    global _state
    started = _State(checked_seed("set_seed", seed))
    with counting:
        _state, _here.place = started, None


def checked_seed(who: str, seed: Any) -> int:
    """A seed as an int.

    Raises:
        ArgumentError: unless it is a whole number from 0 to 2⁶³ - 1.
    """
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 1 << 63:
        raise ArgumentError(who, "a whole number from 0 to 2**63 - 1", repr(seed))
    return int(seed)


def get_state() -> dict[str, Any]:
    """Return the random state as plain integers, for `set_state`, JSON or a checkpoint.

    Save it with the weights and the optimizer's state: with all three restored, a program goes on with the numbers that
    the uninterrupted one draws. In a callback of `fit`, the state is that of the run that is going on, which the next
    `fit` after `set_state` continues.

    Example:
        >>> state = tl.random.get_state()
        >>> first = tl.random.normal((3,))
        >>> tl.random.set_state(state)
        >>> bool(tl.all(tl.random.normal((3,)) == first))
        True
    """
    with counting:
        runs = _state.runs if _here.place is None or not _here.place.run else _here.place.run - 1
        counted = {"seed": _state.seed, "lineage": _state.lineage, "forks": _state.forks, "runs": runs}
        return {**counted, "draws": dict(_state.outside.draws)}


def set_state(state: Mapping[str, Any]) -> None:
    """Go back to a state that `get_state` returned.

    Raises:
        ArgumentError: for anything else; the state is then as it was.
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
        raise ArgumentError("random.set_state", "what get_state returned", repr(state)[:200])
    with counting:
        _state = restored


def move_to(epoch: int, step: int) -> None:
    """Say where the training run of this thread is: what is drawn from here on belongs to this step of this epoch.

    A training loop of your own that is to be resumable calls this before every step, and ``move_to(0, 0)`` at its end;
    `fit` does so. Draws are counted from 0 at each place but for (0, 0), where they go on where they stopped.

    Args:
        epoch: a number that differs from epoch to epoch; 0 outside of training.
        step: of the epoch, counted from 1; 0 before the first.
    """
    exact = type(epoch) is type(step) is int and 0 <= epoch <= WORD and 0 <= step <= WORD
    for name, number in () if exact else (("epoch", epoch), ("step", step)):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number <= WORD:
            raise ArgumentError(f"random.move_to {name}", f"a whole number from 0 to {WORD}", repr(number))
    run = _here.place.run if _here.place else 0
    _here.place = _Place(run, int(epoch), int(step)) if run or epoch or step else None


def enter_run() -> Any:
    """Begin a training run with streams of its own in this thread.

    Returns:
        where the thread was, for `leave_run`.
    """
    before = _here.place
    with counting:
        _state.runs += 1
        _here.place = _Place(_state.runs)
    return before


def leave_run(before: Any) -> None:
    """Go back to where the thread was before `enter_run`; draws go on there where they stopped."""
    _here.place = before


def generator(use: str, seed: Seed = None, moving: bool = False) -> np.random.Generator:
    """Return NumPy's generator for the next draw of some use, such as "shuffle".

    Args:
        use: draws of one use do not change those of another.
        seed: None for the global seed; with a seed or a key of its own, every call draws the same ...
        moving: ... unless it moves with the training run and from draw to draw, as with the global seed. A
            `SeedGenerator` moves on by itself.
    """
    if not isinstance(use, str):
        raise ArgumentTypeError("random use", "a string", repr(use))
    name = zlib.crc32(use.encode())
    if isinstance(seed, KeySource):
        seed, moving = seed.next(), False
    own = None if seed is None else seed.words if isinstance(seed, Key) else (checked_seed("seed", seed), name)
    if own is not None and not moving:
        return philox(own, (0, 0, 0, name if isinstance(seed, Key) else 0))
    with counting:
        place = _here.place or _state.outside
        draw = place.draws[use]
        place.draws[use] += 1
        # with a seed of its own, what is trained alike draws alike
        key = (_state.seed, place.run << 32 | name) if own is None else own
        lineage = _state.lineage
    return philox((key[0] ^ lineage, key[1]), (0, draw, place.step, place.epoch))


def lineage() -> int:
    """Return what tells forked processes apart: 0 in one that was not forked, or after `set_seed`."""
    return _state.lineage


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> np.random.Generator:
    """Return NumPy's generator of the numbers that Philox4x64-10 makes of a key from a counter on."""
    words = [np.array([word & WORD for word in words], np.uint64) for words in (key, counter)]
    return np.random.Generator(np.random.Philox(key=words[0], counter=words[1]))


def derive(key: tuple[int, int], use: str, number: int, count: int = 1) -> list[int]:
    """Return words of 64 bits that depend on a key, on what they are for, and on a number."""
    words = philox(key, (0, number, 0, zlib.crc32(use.encode()))).bit_generator.random_raw(count)
    return [int(word) for word in words]


def _before_fork() -> None:
    _state.forks += 1


def _in_child() -> None:
    (_state.lineage,) = derive((_state.seed, _state.lineage), "fork", _state.forks)
    _state.forks = 0


forks.around(_before_fork, _in_child)

"""Keys, which are immutable seeds from which further keys are derived, and generators of keys.

A key is passed to a random function as ``seed``, or, as in JAX, as the first argument. It gives the same numbers in
every call, and different ones for different functions.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from tensorlab.arguments import with_argument_errors
from tensorlab.errors import ArgumentError, ArgumentTypeError, short_repr
from tensorlab.forks import counting
from tensorlab.random import streams
from tensorlab.random.streams import WORD, Key, KeySource, checked_seed, derive
from tensorlab.serialization import Value, add_value, check_config

__all__ = ["SeedGenerator", "fold_in", "key", "key_first", "split"]

P = ParamSpec("P")
R = TypeVar("R")


def key(seed: int) -> Key:
    """Return the key of a seed.

    Args:
        seed: an integer from 0 to 2⁶³ - 1.

    Raises:
        ArgumentError: for anything else.

    Example:
        >>> first, second = tl.random.split(tl.random.key(0))
        >>> tl.random.normal(first, (2,)).shape
        (2,)

    Source: JAX, ``jax.random.key``.
    """
    return _derived((checked_seed("random.key", seed), 0), "key", 0)


def split(key: Key, num: int = 2) -> tuple[Key, ...]:
    """Derive keys that are independent of each other and of the original key.

    Args:
        key: a key; do not draw from it afterwards.
        num: the number of keys.

    Raises:
        ArgumentTypeError: for something that is not a key, or a ``num`` that is not an integer.
        ArgumentError: for a negative ``num``.

    Source: JAX, ``jax.random.split``.
    """
    words = _checked("random.split", key).words
    count = _whole("random.split num", num)
    if count < 0:
        raise ArgumentError("random.split num", "a number of keys of at least 0", str(count))
    return tuple(_derived(words, "split", index) for index in range(count))


def fold_in(key: Key, data: int) -> Key:
    """Derive a key from a key and an integer, such as the number of a step.

    Raises:
        ArgumentTypeError: for something that is not a key, or not an integer.

    Source: JAX, ``jax.random.fold_in``.
    """
    return _derived(_checked("random.fold_in", key).words, "fold_in", _whole("random.fold_in data", data))


def _derived(words: tuple[int, int], use: str, number: int) -> Key:
    first, second = derive(words, use, number, 2)
    return Key((first, second))


def _checked(who: str, key: Any) -> Key:
    if not isinstance(key, Key):
        raise ArgumentTypeError(f"{who} key", "a key", short_repr(key), "make one with tl.random.key(0)")
    return key


def _whole(who: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentTypeError(who, "an integer", short_repr(value)) from None


class SeedGenerator(KeySource):
    """A seed with a counter: every draw with it, as ``seed=``, uses the next of its keys.

    Args:
        seed: an integer or a key; None to draw one from the global streams, which depend on `set_seed`.

    Raises:
        ArgumentError: for another seed.

    Example:
        >>> generator = tl.random.SeedGenerator(1)
        >>> bool(tl.all(tl.random.normal((3,), seed=generator) == tl.random.normal((3,), seed=generator)))
        False

    Source: Keras, ``keras.random.SeedGenerator``.
    """

    def __init__(self, seed: int | Key | None = None) -> None:
        if seed is None:
            seed = int(streams.generator("seed generator").integers(1 << 63))
        self._key = seed if isinstance(seed, Key) else key(seed)
        self._count = 0

    def next(self) -> Key:
        """Return the next key. Forked processes get different keys."""
        with counting:
            count, self._count = self._count, self._count + 1
        first, second = fold_in(self._key, count).words
        return Key((first ^ streams.lineage(), second))

    def get_state(self) -> int:
        """Return the number of keys that it has given, for `set_state`."""
        return self._count

    def set_state(self, count: int) -> None:
        """Continue after ``count`` keys.

        Raises:
            ArgumentError: unless it is an integer of at least 0.
        """
        if type(count) is not int or not 0 <= count <= WORD:
            raise ArgumentError("SeedGenerator.set_state", "the number of keys given", short_repr(count))
        self._count = count

    def __getstate__(self) -> tuple[Key, int]:
        return self._key, self._count

    def __setstate__(self, state: tuple[Key, int]) -> None:
        self._key, self._count = state


def _key(config: Mapping[str, Any]) -> Key:
    words = check_config("Key", config, "words")["words"]
    if not isinstance(words, list) or len(words) != 2 or not all(type(w) is int and 0 <= w <= WORD for w in words):
        raise ArgumentTypeError("Key", "two words of 64 bits", short_repr(words))
    return Key((words[0], words[1]))


def _generator(config: Mapping[str, Any]) -> SeedGenerator:
    generator = SeedGenerator(_key(check_config("SeedGenerator", config, "count")))
    generator.set_state(config["count"])
    return generator


add_value(Key, Value("Key", lambda key: {"words": list(key.words)}, _key))
add_value(
    SeedGenerator,
    Value("SeedGenerator", lambda made: {"words": list(made._key.words), "count": made.get_state()}, _generator),
)


def key_first(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a random function so that it accepts a key as the first argument, as in JAX, in place of ``seed``."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if arguments and isinstance(arguments[0], (Key, KeySource)):
            if named.get("seed") is not None:
                raise ArgumentError(f"random.{function.__name__}", "one key", "a key and a seed")
            arguments, named["seed"] = arguments[1:], arguments[0]
        return checked(*arguments, **named)

    checked = with_argument_errors(function, "tensorlab.random", f"random.{function.__name__}")
    return call

"""Automatic names of layers, and seeds."""

from __future__ import annotations

import re
from collections import Counter

from tensorlab import random
from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.forks import counting

_names: Counter[str] = Counter()


def snake_case(class_name: str) -> str:
    """Return a class name in snake case: ``MyLayer`` gives ``my_layer``, and ``Conv2D`` gives ``conv2d``."""
    if not isinstance(class_name, str):
        raise ArgumentTypeError("snake_case", "the name of a class", short_repr(class_name))
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", class_name).lower()


def unique_name(class_name: str) -> str:
    """Return ``dense``, then ``dense_1``, ``dense_2``, …; names are unique across threads."""
    base = snake_case(class_name)
    with counting:
        count = _names[base]
        _names[base] += 1
    return f"{base}_{count}" if count else base


def set_random_seed(seed: int) -> None:
    """Make initial weights, shuffling, dropout and all other randomness of tensorlab reproducible.

    Automatic names of layers are counted from the start again, because dropout has one random stream for each name.
    Python's and NumPy's own generators are not changed; tensorlab does not use them.

    Raises:
        ArgumentError: unless it is an integer from 0 to 2⁶³ - 1.

    Source: Keras, ``keras.utils.set_random_seed``.

    Example:
        >>> tl.utils.set_random_seed(1)
        >>> first = tl.random.normal((3,))
        >>> tl.utils.set_random_seed(1)
        >>> bool(tl.all(tl.random.normal((3,)) == first))
        True
    """
    random.set_seed(seed)
    _names.clear()


def clear_session(free_memory: bool = True) -> None:
    """Count the automatic names of layers from the start again: the next `Dense` is ``dense``.

    Args:
        free_memory: accepted as in Keras, and ignored. tensorlab keeps no models alive.

    Source: Keras, ``keras.utils.clear_session``.

    Example:
        >>> tl.utils.clear_session()
        >>> tl.layers.Dense(1).name, tl.layers.Dense(1).name
        ('dense', 'dense_1')
    """
    _names.clear()

"""Helpers under Keras's names."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any

import numpy as np

from tensorlab import ops, random
from tensorlab.tensor import Tensor

_names: Counter[str] = Counter()
_guard = threading.RLock()


def unique_name(class_name: str) -> str:
    """Return ``dense``, then ``dense_1``, ``dense_2``, …; in every thread another one."""
    base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
    with _guard:
        count = _names[base]
        _names[base] += 1
    return f"{base}_{count}" if count else base


def set_random_seed(seed: int) -> None:
    """Make everything random in tensorlab repeat itself: initial weights, shuffling, dropout.

    Layers without a name are numbered from the beginning again, since dropout's numbers are drawn by name.

    Python's and NumPy's own generators are left alone; tensorlab does not use them.

    Raises:
        ArgumentError: unless it is a whole number from 0 to 2⁶³ - 1.

    Source: Keras, ``keras.utils.set_random_seed``.
    """
    random.set_seed(seed)
    _names.clear()


def to_categorical(x: Any, num_classes: int | None = None) -> Tensor:
    """Integers as rows with a single 1.

    Args:
        x: integers from 0 on.
        num_classes: the length of a row; the largest integer plus one if None.

    Source: Keras, ``keras.utils.to_categorical``.
    """
    labels = ops.astype(x, "int64")
    count = int(np.max(labels.numpy())) + 1 if num_classes is None else num_classes
    return ops.one_hot(labels, count)

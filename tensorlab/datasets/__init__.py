"""Data sets as NumPy arrays: ``((x_train, y_train), (x_test, y_test)) = mnist.load_data()``.

- :mod:`~tensorlab.datasets.mnist`: 70,000 handwritten digits, read from disk or downloaded once.
- :mod:`~tensorlab.datasets.digits`: 1,797 handwritten digits of the same shape, included in scikit-learn.

Data sets from plugins are found by name: ``get("name")()``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.datasets import digits, mnist
from tensorlab.registry import registries

__all__ = ["digits", "get", "mnist"]


def get(name: str) -> Callable[..., Any]:
    """Return the function that loads a data set, by name: ``get("mnist")`` is `mnist.load_data`.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for something that is not a string.
    """
    found: Callable[..., Any] = registries["dataset"].get(name)
    return found

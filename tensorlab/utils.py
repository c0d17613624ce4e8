"""Helpers with Keras's names."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, StateError, short_repr
from tensorlab.forks import counting
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor

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


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """Return one-hot rows for class labels.

    Args:
        x: labels starting at 0: integers, bools, or floats with integer values. A last axis of length 1 is dropped.
        num_classes: the length of a row; the largest label plus one if None.

    Returns:
        a float64 array of shape ``(*labels.shape, num_classes)`` with 1 at the label and 0 elsewhere.

    Raises:
        DTypeError: for labels that are not integers.
        ArgumentError: for a label below 0 or not below ``num_classes``, or no label and no ``num_classes``.

    Source: Keras, ``keras.utils.to_categorical``.

    Example:
        >>> tl.utils.to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    given = as_tensor(x, "to_categorical x", "cpu" if not isinstance(x, Tensor) else None).numpy()
    if given.dtype.kind == "f" and not np.array_equal(given, np.floor(given)):
        raise DTypeError("to_categorical x", "labels that are integers", f"{given.dtype} with fractions")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise ArgumentError("to_categorical x", "labels that are integers", "infinite ones")
    labels = given[..., 0] if given.ndim > 1 and given.shape[-1] == 1 else given
    if num_classes is None and not labels.size:
        raise ArgumentError("to_categorical num_classes", "a number, as there are no labels", "None")
    count = int(labels.max()) + 1 if num_classes is None else num_classes
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
        raise ArgumentError("to_categorical num_classes", "an integer, or None", short_repr(num_classes))
    wrong = np.flatnonzero((labels < 0) | (labels >= count))
    if wrong.size:
        value = int(labels.ravel()[wrong[0]])
        hint = "" if value < 0 else f"pass num_classes={int(labels.max()) + 1} or more, or leave it out"
        expected = f"labels from 0 to {short_repr(count - 1)}" if num_classes is not None else "labels from 0 on"
        raise ArgumentError("to_categorical x", expected, f"{value} at position {wrong[0]}", hint)
    try:
        rows = np.zeros((*labels.shape, count))
    except (ValueError, MemoryError):
        hint = "use the sparse losses and metrics, which take the labels themselves"
        raise ArgumentError(
            "to_categorical num_classes", "a number of classes that memory holds", short_repr(count), hint
        ) from None
    np.put_along_axis(rows, labels.astype(np.int64)[..., None], 1.0, axis=-1)
    return rows


class PyDataset:
    """The base of data sets that compute their batches, which `fit`, `evaluate` and `predict` accept as ``x``.

    A subclass has ``__len__``, the number of batches, and ``__getitem__``, which returns the batch of an index: ``x``,
    ``(x, y)`` or ``(x, y, sample_weight)``. It may also have ``on_epoch_begin`` and ``on_epoch_end``. Any other class
    with a length and items may be used as well.

    Args:
        workers: accepted as in Keras, and ignored: batches are computed between the steps, in order.
        use_multiprocessing: as ``workers``.
        max_queue_size: as ``workers``.

    Source: Keras, ``keras.utils.PyDataset``.

    Example:
        >>> class Squares(tl.utils.PyDataset):
        ...     def __len__(self):
        ...         return 4
        ...     def __getitem__(self, index):
        ...         x = np.arange(8.0).reshape(8, 1) + index
        ...         return x, x * x
        >>> model = tl.Sequential([tl.Input((1,)), tl.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> model.fit(Squares(), epochs=2, verbose=0).epoch
        [0, 1]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Return the batch of an index."""
        raise StateError(
            type(self).__name__, "the class has no method __getitem__", "implement __getitem__(self, index)"
        )

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None if there is no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise StateError(type(self).__name__, "the class has no method __len__", "implement __len__(self)")

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset

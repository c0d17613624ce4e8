"""`PyDataset`, and how data is split."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError, short_repr
from tensorlab.tensor import Tensor


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


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Split samples in two parts, such as for training and validation.

    Args:
        dataset: an array, or a tuple or list of arrays with one sample for each index, such as ``(x, y)``.
        left_size: the size of the first part: a number of samples, or a fraction of them; the rest if None.
        right_size: the size of the second part, likewise.
        shuffle: whether the samples are shuffled first.
        seed: of the shuffling; None to draw from the global stream.
        preferred_backend: accepted as in Keras, and ignored.

    Returns:
        both parts, each of the same kind as ``dataset``. They are arrays, and not batches as in Keras.

    Raises:
        ArgumentError: for sizes out of range, that are too large together, or of which one leaves nothing to the other.
        ArgumentTypeError: for another data set.
        ShapeError: for arrays of different lengths.

    Source: Keras, ``keras.utils.split_dataset``.

    Example:
        >>> (x, y), (x_val, y_val) = tl.utils.split_dataset((np.arange(8), np.arange(8) % 2), left_size=0.75)
        >>> x, x_val
        (array([0, 1, 2, 3, 4, 5]), array([6, 7]))
    """
    several = isinstance(dataset, (tuple, list)) and all(isinstance(each, (np.ndarray, Tensor)) for each in dataset)
    arrays = [np.asarray(each) for each in dataset] if several else None
    if arrays is None and not hasattr(dataset, "__getitem__"):
        raise ArgumentTypeError("split_dataset dataset", "arrays", short_repr(dataset), "load the data into arrays")
    try:
        arrays = [np.asarray(dataset)] if arrays is None else arrays
    except ValueError as error:
        raise ArgumentTypeError("split_dataset dataset", "arrays of samples", str(error)) from None
    if not arrays or any(not each.ndim or len(each) != len(arrays[0]) for each in arrays):
        raise ShapeError("split_dataset dataset", "arrays of one length", str([each.shape for each in arrays]))
    left, right = _sizes(left_size, right_size, len(arrays[0]))
    order = np.arange(len(arrays[0]))
    if shuffle:
        order = random.permutation(len(order), seed=seed, use="split_dataset").numpy()
    parts = [[each[chosen] for each in arrays] for chosen in (order[:left], order[len(order) - right :])]
    if not several:
        return parts[0][0], parts[1][0]
    kind = type(dataset)
    return (tuple(parts[0]), tuple(parts[1])) if kind is tuple else (parts[0], parts[1])


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    """Return the sizes of both parts as numbers of samples."""
    if left is None and right is None:
        raise ArgumentError("split_dataset", "left_size, right_size or both", "neither")
    counts: list[int | None] = []
    for name, size in (("left_size", left), ("right_size", right)):
        whole, fraction = isinstance(size, (int, np.integer)), isinstance(size, (float, np.floating))
        valid = not isinstance(size, bool) and ((whole and 0 < size < total) or (fraction and 0 < size < 1))
        if size is not None and not valid:
            expected = f"a number of samples from 1 to {total - 1}, or a fraction between 0 and 1"
            raise ArgumentError(f"split_dataset {name}", expected, short_repr(size))
        counts.append(None if size is None else round(size * total) if fraction else int(size))
    first, second = counts
    first = total - second if first is None and second is not None else first
    second = total - first if second is None and first is not None else second
    assert first is not None
    assert second is not None
    if first + second > total or not first or not second:
        received = f"{first} and {second} samples"
        raise ArgumentError("split_dataset", f"two parts of at most {total} samples, none of them empty", received)
    return first, second

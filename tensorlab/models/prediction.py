"""Parts of `predict`: the choice of the batch size, and the arrays that take the outputs of all batches."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor

_BYTES = 1 << 22
"""The bytes that the inputs and outputs of the largest layer may take for one batch, so that they stay in cache."""
_MIN_BATCH, _MAX_BATCH = 256, 4096
"""The limits of the batch size. A smaller batch reads the weights from memory too often, whatever its outputs take."""
_STEP = 32
"""A divisor of every batch size that is chosen, and the batch size if none is."""


def choose_batch_size(shapes: list[Shape], itemsize: int) -> int:
    """Return the batch size for samples that may be computed together with any others.

    A product of few rows takes most of its time to read the weights. Outputs of many samples do not stay in cache until
    the next layer reads them.

    Args:
        shapes: the shapes of one sample, before the first layer and after each layer.
        itemsize: the bytes of an element.
    """
    sizes = [math.prod(shape) for shape in shapes]
    largest = max([before + after for before, after in itertools.pairwise(sizes)], default=sizes[0])
    fitting = _BYTES // max(largest * itemsize, 1)
    return min(max(fitting, _MIN_BATCH), _MAX_BATCH) // _STEP * _STEP


def leaves_one(count: int) -> bool:
    """Return whether the last of the batches of 32 samples has a single one.

    A matrix product of one row may round differently from one of several. So that sample is also a batch of its own if
    the others are divided into larger batches, and results do not depend on the choice, to the bit.
    """
    return count > 1 and count % _STEP == 1


class Collected:
    """The outputs of several batches as arrays of all samples.

    Args:
        count: the number of samples.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._whole: np.ndarray[Any, Any] | None = None
        self._filled = 0
        self._parts: list[Any] = []

    def add(self, outputs: Any, samples: int) -> None:
        """Add the outputs for the next ``samples`` samples."""
        part = outputs._backend.to_host(outputs._buffer) if isinstance(outputs, Tensor) else on_host(outputs)
        if not self._parts and isinstance(part, np.ndarray) and part.shape[:1] == (samples,):
            whole, end = self._whole, self._filled + samples
            if end == samples == self._count:
                self._whole, self._filled = part.copy(), end
                return
            if whole is None:
                whole = self._whole = np.empty((self._count, *part.shape[1:]), part.dtype)
            if part.shape[1:] == whole.shape[1:] and part.dtype == whole.dtype:
                whole[self._filled : end] = part
                self._filled = end
                return
        if self._whole is not None:
            self._parts.append(self.result())
            self._whole = None
        self._parts.append(part)

    def result(self) -> Any:
        """Return the outputs of the batches that were added."""
        if self._whole is None:
            return joined(self._parts)
        return self._whole if self._filled == self._count else self._whole[: self._filled].copy()


def on_host(outputs: Any) -> Any:
    """Return outputs with NumPy arrays in place of tensors."""
    if isinstance(outputs, Tensor):
        return outputs.numpy()
    if isinstance(outputs, dict):
        return {name: on_host(value) for name, value in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return [on_host(value) for value in outputs]
    return np.asarray(outputs)


def joined(parts: list[Any]) -> Any:
    """Return the outputs of batches as those of all samples."""
    first = parts[0]
    if isinstance(first, dict):
        return {name: joined([part[name] for part in parts]) for name in first}
    if isinstance(first, list):
        return [joined([part[number] for part in parts]) for number in range(len(first))]
    return first.copy() if len(parts) == 1 and first.ndim else np.concatenate(parts)

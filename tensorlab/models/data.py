"""`Samples`: the data of `fit`, `evaluate` and `predict`, checked once and cut into batches."""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, Self

import numpy as np

from tensorlab import dtypes, ops, random
from tensorlab.autodiff import flatten
from tensorlab.backends import Backend
from tensorlab.devices import backend, sharing_backend
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.host_arrays import is_mapped
from tensorlab.layers.arguments import is_structure, map_leaves
from tensorlab.models.data_checks import check_finite, refuse_batches, weights_by_label
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Rows, Tensor, can_defer

Batch = tuple[Any, Any, Any]
"""The inputs, targets and weights of some samples: a tensor, a list or dict of tensors, or None for no targets."""


class Takes(Enum):
    """What a model takes as inputs, or gives as outputs, and so how lists and dicts of arrays are meant."""

    ONE = "one array"
    """Lists are one array."""
    NAMED = "one array, or a dict or a list with one"
    """So in a list with one array, or in a dict, is the array of the only input."""
    SEVERAL = "arrays in a list or a dict"
    """A list of arrays has one for each input."""

    def is_structure(self, value: Any) -> bool:
        """Return whether a value has several arrays, and is not an array itself."""
        if self is Takes.ONE or not is_structure(value):
            return False
        return isinstance(value, dict) or self is Takes.SEVERAL or len(value) == 1


def count_of(values: Any) -> int:
    """Return the number of samples of a tensor, or of several in a list or dict."""
    return len(values) if isinstance(values, Tensor) else len(flatten(values)[0])


class Samples:
    """Inputs, and optionally targets and weights, of equal length.

    Numbers are checked to be finite at once, except in a memory-mapped file (`numpy.memmap`), which may be larger than
    memory: its samples are read, and checked, batch by batch.

    Args:
        who: what the data is given to.
        x: the inputs.
        y: the targets.
        targets: whether there have to be targets.
        device: where arrays are copied to, as a whole; None for the current device. Arrays that do not fit there
            stay on the host, and are copied batch by batch.
        weights: a weight for each sample.
        takes: how lists and dicts of inputs and of targets are meant.

    Attributes:
        x: the inputs: a tensor, or a list or dict of tensors. So are ``y`` and ``weights``, or None.
        unread: which of "x", "y" and "sample_weight" have floats that `batches` checks.

    Raises:
        ArgumentTypeError: if targets are missing, or for a generator.
        DTypeError: for anything but numbers.
        ShapeError: if there are none, or their lengths differ.
        NonFiniteError: if an input, a target or a weight is NaN or infinite.
    """

    def __init__(
        self,
        who: str,
        x: Any,
        y: Any = None,
        targets: bool = False,
        device: str | None = None,
        weights: Any = None,
        takes: tuple[Takes, Takes] = (Takes.ONE, Takes.ONE),
    ) -> None:
        if targets and y is None:
            raise ArgumentTypeError(f"{who} y", "a target for each sample", "None")
        self._who = who
        self._backend = backend(device)
        self._staying: set[int] = set()  # of the arrays on the host, by identity
        self.x = self._structure(f"{who} x", x, takes[0])
        self.y = None if y is None else self._structure(f"{who} y", y, takes[1])
        self.weights = None if weights is None else self._structure(f"{who} sample_weight", weights, takes[1])
        self.given_shape = self.x.shape if isinstance(self.x, Tensor) else ()
        first, *others = tensors = [*self._tensors(self.x, self.y, self.weights)]
        if not first[1].ndim or not first[1].shape[0]:
            raise ShapeError(f"{who} {first[0]}", "at least one sample", f"shape {first[1].shape}")
        self.count = first[1].shape[0]
        lists = [value for value in (x, y) if isinstance(value, (list, tuple)) and is_structure(value)]
        for name, tensor in others:
            self._check_count(first, name, tensor, bool(lists) and takes[0] is Takes.ONE)
        self._first_index = 0  # of the array that was passed
        self.unread: set[str] = set()
        for name, tensor in tensors:
            if _is_unread(tensor):
                self.unread.add(name)
            else:
                check_finite(f"{who} {name}", tensor)

    def _check_count(self, first: tuple[str, Tensor], name: str, tensor: Tensor, lists: bool) -> None:
        """Raise ShapeError for another number of samples than that of the first inputs."""
        if tensor.shape[:1] == (self.count,):
            return
        if name.startswith("sample_weight"):
            expected = f"a weight for each sample, shape {(self.count,)}"
            raise ShapeError(f"{self._who} {name}", expected, str(tensor.shape))
        one = "; a list of arrays is taken as one array, as the model has one input and one output" if lists else ""
        raise ShapeError(
            self._who,
            f"{first[0]} and {name} of one length",
            f"{first[0]} of shape {first[1].shape} and {name} of shape {tensor.shape}",
            f"give one {'target' if name.startswith('y') else 'row'} for each sample{one}",
        )

    def _structure(self, who: str, value: Any, takes: Takes) -> Any:
        """Convert an argument to a tensor, or to a list or dict of tensors."""
        if takes is Takes.ONE or not takes.is_structure(value):
            return self._numbers(who, value)
        if not value:
            raise ArgumentTypeError(who, "an array of all samples", "an empty dict")
        if isinstance(value, dict):
            return {key: self._structure(f"{who}[{key!r}]", item, Takes.SEVERAL) for key, item in value.items()}
        return [self._structure(f"{who}[{index}]", item, Takes.SEVERAL) for index, item in enumerate(value)]

    def weigh_classes(self, class_weight: Any) -> None:
        """Give each sample the weight of its class.

        Targets are labels, ``(n,)`` or ``(n, 1)``, which are rounded, or one-hot rows.

        Args:
            class_weight: weights by label; the weight of other labels is 1.

        Raises:
            ArgumentError: for anything but a dict of labels and finite numbers.
            ShapeError: for other targets.

        Source: Keras, ``class_weight_to_sample_weights`` in ``keras.src.trainers.data_adapters``.
        """
        who = f"{self._who} class_weight"
        weights = weights_by_label(who, class_weight)
        if isinstance(self.y, (list, dict)):
            hint = "pass sample_weight, with an array for each output"
            raise ArgumentError(who, "None for a model of several outputs", short_repr(class_weight), hint)
        if self.y is None or self.y.ndim > 2:
            received = "no targets" if self.y is None else f"targets of shape {self.y.shape}"
            raise ShapeError(who, "labels or one-hot rows as targets", received, "pass sample_weight")
        y = self.y.numpy()
        found = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] != 1 else np.round(y.ravel())
        labels, indices = np.unique(found, return_inverse=True)
        each = np.array([weights.get(int(label), 1.0) for label in labels], dtypes.default_float)
        self.weights = self._to_device(who, each[indices])

    def expand(self) -> bool:
        """Reshape numbers, ``(n,)``, to samples of one feature, ``(n, 1)``, and return whether they were numbers."""
        if not isinstance(self.x, Tensor) or self.x.ndim != 1:
            return False
        self.x = self._replaced(self.x, ops.expand_dims(self.x, axis=1))
        return True

    @property
    def on_processor(self) -> bool:
        """Whether the samples are on the device "cpu", and computed there."""
        return self._backend.name == "cpu" and all([tensor.device == "cpu" for tensor in flatten(self.x)])

    def steps(self, batch_size: int, last_alone: bool = False) -> int:
        """Return the number of batches; the last one may be smaller."""
        return math.ceil((self.count - last_alone) / batch_size) + last_alone

    def split(self, fraction: float) -> tuple[Samples, Samples]:
        """Split off a fraction of the samples at the end, and return both parts.

        Raises:
            ArgumentError: if one part would be empty.
        """
        first = math.floor(self.count * (1.0 - fraction))
        if not 0 < first < self.count:
            raise ArgumentError(
                f"{self._who} validation_split",
                f"a fraction that leaves samples on both sides of {self.count}",
                f"{fraction}, which leaves {max(min(first, self.count), 0)} to train on",
            )
        return self._part(slice(first)), self._part(slice(first, None))

    def take(self, count: int) -> Samples:
        """Return the first ``count`` samples, or all if there are fewer."""
        return self._part(slice(count)) if count < self.count else self

    def _part(self, part: slice) -> Samples:
        made = copy.copy(self)
        made._staying = set(self._staying)

        def cut_of(tensor: Any) -> Any:
            return None if tensor is None else made._replaced(tensor, tensor[part])

        for name in ("x", "y", "weights"):
            setattr(made, name, map_leaves(cut_of, getattr(self, name)))
        made.count = count_of(made.x)
        made._first_index += part.start or 0
        made.given_shape = (made.count, *self.given_shape[1:]) if self.given_shape else ()
        return made

    def _replaced(self, old: Tensor, new: Tensor) -> Tensor:
        """Return a tensor that is on the host if another one is."""
        if id(old) in self._staying:
            self._staying.add(id(new))
        return new

    def batches(
        self, batch_size: int, shuffle: bool = False, last_alone: bool = False, skip: int = 0
    ) -> Iterable[Batch]:
        """Return the batches, as inputs, targets and weights: in order as views, or shuffled as copies.

        Args:
            batch_size: the number of samples of each batch; the last one may have fewer.
            shuffle: whether to shuffle the samples.
            last_alone: whether the last sample is a batch of its own.
            skip: the number of batches to leave out at the beginning.

        Raises:
            NonFiniteError: if a number in a memory-mapped file is NaN or infinite.
        """
        if self.count <= batch_size and not shuffle and not last_alone and not skip:
            return (self._batch(slice(0, self.count), {}, range(self._first_index, self._first_index + self.count)),)
        order = random.generator("shuffle").permutation(self.count) if shuffle else None
        return self._batches(batch_size, order, last_alone, skip)

    def _batches(self, batch_size: int, order: Any, last_alone: bool, skip: int) -> Iterator[Batch]:
        indices: dict[Backend, Any] = {}  # on each device with samples; copied once, so that no batch has to wait
        positions: Any = range(self._first_index, self._first_index + self.count)
        if order is not None:
            positions = self._first_index + order
            owners = {tensor._backend for _, tensor in self._tensors(self.x, self.y, self.weights)}
            indices = {owner: owner.from_host(order) for owner in owners}
        end = self.count - last_alone
        starts = itertools.chain(range(0, end, batch_size), range(end, self.count))
        for start in itertools.islice(starts, skip, None):
            part = slice(start, min(start + batch_size, end if start < end else self.count))
            yield self._batch(part, indices, positions)

    def _batch(self, part: slice, indices: dict[Backend, Any], positions: Sequence[int]) -> Batch:
        def taken(tensor: Any) -> Any:
            return None if tensor is None else self._take(tensor, part, indices)

        if self.y is None and self.weights is None and isinstance(self.x, Tensor):  # fast, for predict
            x, y, weights = self._take(self.x, part, indices), None, None
        else:
            y, weights, x = [map_leaves(taken, values) for values in (self.y, self.weights, self.x)]
        if self.unread:
            for name, tensor in self._tensors(x, y, weights):
                if name in self.unread:
                    check_finite(f"{self._who} {name}", tensor, positions[part])
        return x, y, weights

    @staticmethod
    def _tensors(x: Any, y: Any, weights: Any) -> Iterator[tuple[str, Tensor]]:
        """Yield the tensors that there are, each with the name of its argument, ``y['age']`` of one in a dict."""
        for name, values in (("x", x), ("y", y), ("sample_weight", weights)):
            if isinstance(values, Tensor):
                yield name, values
            elif values is not None:
                yield from _named(name, values)

    def first(self) -> Any:
        """Return the first inputs, as a batch of one."""
        if isinstance(self.x, Tensor):
            return self._take(self.x, slice(0, 1), {})
        return map_leaves(lambda tensor: self._take(tensor, slice(0, 1), {}), self.x)

    def __enter__(self) -> Self:
        """Begin a block in which errors about the shape of a batch name the shape that was passed."""
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """End the block.

        Raises:
            ShapeError: instead of one that names a batch of these samples.
        """
        if not isinstance(error, ShapeError) or not isinstance(self.x, Tensor):
            return
        if len(self.given_shape) == 1:
            count = self.count
            raise ShapeError(
                f"{self._who} x",
                error.expected,
                f"shape {self.given_shape}",
                f"for {count} samples of one number pass x[:, None], for one sample of {count} numbers x[None]",
            ) from None
        batch = re.compile(rf"\((\d+), {re.escape(', '.join(map(str, self.given_shape[1:])))},?\)")
        found = batch.fullmatch(error.received)
        if found is not None:
            hint = error.hint.replace(f"({found[1]}, ", f"({self.count}, ")
            raise ShapeError(error.who, error.expected, str(self.given_shape), hint) from None

    def _take(self, tensor: Tensor, part: slice, indices: dict[Backend, Any]) -> Tensor:
        """Return a part of the samples; with shuffled indices, the samples at that part of the indices."""
        owner = tensor._backend
        if owner in indices:
            selected = owner.index(indices[owner], part)
            if can_defer(tensor):
                chosen: Tensor = Rows(tensor, selected)
            else:
                chosen = Tensor(owner.gather(tensor._buffer, selected), owner)
        elif part.start == 0 and part.stop >= tensor.shape[0] and not tensor.watched:  # all, as another object
            chosen = tensor.snapshot()
        else:
            chosen = tensor[part]
        return self._moved(chosen) if id(tensor) in self._staying else chosen

    def _numbers(self, who: str, value: Any) -> Tensor:
        """Convert an argument to a tensor, on the device if it fits there."""
        if type(value) is np.ndarray:
            return self._to_device(who, value)
        if isinstance(value, Tensor) or sharing_backend(who, value) is not None:
            return as_tensor(value, who)
        refuse_batches(who, value)
        if isinstance(value, dict):
            raise ArgumentTypeError(who, "an array of all samples", "a dict", "the model has one input and one output")
        return self._to_device(who, value)

    def _to_device(self, who: str, value: Any) -> Tensor:
        """Convert an array or nested lists to a tensor, on the device if it fits."""
        try:
            tensor = as_tensor(value, who, "cpu")
        except DTypeError as error:
            raise DTypeError(who, error.expected, error.received, error.hint) from None
        if tensor._backend is self._backend:
            return tensor
        if self._backend.fits(tensor.size * tensor.dtype.itemsize):
            return self._moved(tensor)
        self._staying.add(id(tensor))
        return tensor

    def _moved(self, tensor: Tensor) -> Tensor:
        """Copy a tensor from the host to the device."""
        there = self._backend
        return tensor if tensor._backend is there else Tensor(there.from_host(tensor.numpy()), there)


def _named(name: str, values: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(values, Tensor):
        yield name, values
        return
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield from _named(f"{name}[{key!r}]", value)


def _is_unread(tensor: Tensor) -> bool:
    """Return whether a tensor has floats in a memory-mapped file, which has not been copied to another device."""
    buffer = tensor._buffer
    return tensor.dtype.kind == "f" and isinstance(buffer, np.ndarray) and is_mapped(buffer)

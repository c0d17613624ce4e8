"""`Stream`: data that comes in batches, from a generator or from an object that computes them."""

from __future__ import annotations

import itertools
from collections import abc
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from tensorlab import random
from tensorlab.errors import ArgumentError, ArgumentTypeError, TensorlabError
from tensorlab.layers.arguments import describe
from tensorlab.models.data import Batch, Samples, Takes
from tensorlab.models.data_checks import check_count, weights_by_label
from tensorlab.utils import PyDataset

_ARRAYS = ("__array__", "__array_interface__", "__cuda_array_interface__", "__dlpack__", "dtype")


def is_stream(x: Any, y: Any = None) -> bool:
    """Return whether x gives batches: an iterator, an iterable, or an object with a length and items.

    Arrays of any library are none, nor are lists, tuples, dicts, strings and their like. With y, an object with a
    length and items is an array too, whose items are samples.
    """
    if any(hasattr(x, name) for name in _ARRAYS) or isinstance(x, (abc.Sequence, abc.Mapping, abc.Set)):
        return False
    if isinstance(x, PyDataset) or hasattr(x, "__next__"):
        return True
    if hasattr(x, "__len__") and hasattr(x, "__getitem__"):
        return y is None
    return hasattr(x, "__iter__")


class Stream:
    """Batches of inputs, and of targets and weights, which are checked when they come.

    Args:
        who: what the data is given to.
        source: gives batches ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``. An object with ``len()`` and
            items gives them by index, and an iterable starts again in every epoch. An iterator is read once.
        targets: whether there have to be targets.
        device: where batches are copied to; None for the current device.
        takes: how lists and dicts of inputs and of targets are meant.

    Attributes:
        where: the step that the next batch is for, for messages.
        check: called with the targets of each batch and their number.

    Raises:
        ArgumentError: for a source of length 0.
    """

    def __init__(
        self,
        who: str,
        source: Any,
        targets: bool,
        device: str | None,
        takes: tuple[Takes, Takes] = (Takes.ONE, Takes.ONE),
    ) -> None:
        self._who, self._source, self._targets, self._device = who, source, targets, device
        self._takes = takes
        self.where = "batch 1"
        self.check: Callable[[Any, int], object] = _accept
        self._class_weight: Any = None
        self._expands = False
        self._indexed = hasattr(source, "__getitem__") and not self.read_once
        self._iterator: Iterator[Any] | None = None  # that has not given its first batches to an epoch yet
        self._peeked: list[Any] = []
        self.length: int | None = None
        if isinstance(source, PyDataset):
            self.length = source.num_batches
        elif hasattr(source, "__len__"):
            self.length = len(source)
        if self.length is not None:
            check_count(f"{who} len(x)", self.length)

    @property
    def read_once(self) -> bool:
        """Whether the source is an iterator, which cannot start again."""
        return hasattr(self._source, "__next__")

    def steps(self, batch_size: int) -> int | None:
        """Return the number of batches, or None if it is not known."""
        return self.length

    def weigh_classes(self, class_weight: Any) -> None:
        """Give each sample of the following batches the weight of its class, as `Samples.weigh_classes` does."""
        weights_by_label(f"{self._who} class_weight", class_weight)
        self._class_weight = class_weight

    def expand(self) -> bool:
        """Reshape numbers, ``(n,)``, to samples of one feature in all batches; return whether they are numbers."""
        self._expands = not self._expands and self._converted(self._first_item()).expand()
        return self._expands

    def first(self) -> Any:
        """Return the first inputs of the first batch, as a batch of one.

        Raises:
            ArgumentError: if there are no batches.
        """
        return self._converted(self._first_item()).first()

    def _first_item(self) -> Any:
        if self._indexed:
            return self._source[0]
        if self.ended():
            raise ArgumentError(f"{self._who} x", "at least one batch", "data that ends before the first one")
        return self._peeked[0]

    def ended(self) -> bool:
        """Return whether there are no further batches; one is read ahead for that."""
        if self._indexed or self._peeked:
            return False
        if self._iterator is None:
            self._iterator = self._begin()
        self._peeked.extend(itertools.islice(self._iterator, 1))
        return not self._peeked

    def _begin(self) -> Iterator[Any]:
        try:
            iterator: Iterator[Any] = iter(self._source)
        except TypeError:
            raise ArgumentTypeError(f"{self._who} x", "data", describe(self._source)) from None
        return iterator

    def batches(self, batch_size: int, shuffle: bool = False, skip: int = 0) -> Iterator[Batch]:
        """Return the batches. The batch size is that of the source, and only batches with an index are shuffled.

        Args:
            batch_size: ignored.
            shuffle: whether to shuffle.
            skip: the number of batches to leave out at the beginning.
        """
        order: Any = None
        if shuffle and self._indexed and self.length is not None:
            order = random.generator("shuffle").permutation(self.length).tolist()
        return self._batches(self._items(order, skip))

    def _batches(self, items: Iterable[Any]) -> Iterator[Batch]:
        for item in items:
            samples = self._converted(item)
            yield from samples.batches(samples.count)

    def _items(self, order: list[int] | None, skip: int) -> Iterable[Any]:
        if not self._indexed:
            peeked, self._peeked = self._peeked, []
            iterator, self._iterator = self._iterator or self._begin(), None
            # The chain stands between both generators, else closing this one would close that of the user.
            yield from itertools.islice(itertools.chain(peeked, iterator), skip, None)
            return
        indices: Any = range(self.length) if self.length is not None else iter(int, 1)
        for index in itertools.islice(indices if order is None else order, skip, None):
            yield self._source[index]

    def _converted(self, item: Any) -> Samples:
        parts = item if isinstance(item, (tuple, list)) else (item,)
        who = f"{self._who}, {self.where},"
        if not 1 <= len(parts) <= 3:
            expected = "x, (x,), (x, y) or (x, y, sample_weight)"
            raise ArgumentTypeError(who, f"a batch {expected}", describe(item))
        x, y, weights = (*parts, None, None)[:3]
        samples = Samples(who, x, y, targets=self._targets, device=self._device, weights=weights, takes=self._takes)
        if self._class_weight is not None:
            if weights is not None:
                raise ArgumentError(who, "class_weight or sample_weight", "both", "multiply the sample weights")
            samples.weigh_classes(self._class_weight)
        if self._expands:
            samples.expand()
        if samples.y is not None:
            self.check(samples.y, samples.count)
        return samples

    def end_epoch(self) -> None:
        """Call ``on_epoch_end`` of the source, if it has such a method."""
        getattr(self._source, "on_epoch_end", _nothing)()

    def begin_epoch(self) -> None:
        """Call ``on_epoch_begin`` of the source, if it has such a method."""
        getattr(self._source, "on_epoch_begin", _nothing)()

    def note(self, error: Exception) -> None:
        """Add to an exception of the source for which step it was raised."""
        if not isinstance(error, TensorlabError):
            error.add_note(f"{self._who}: x raised this for {self.where}")

    def refuse(self, **others: Any) -> None:
        """Raise ArgumentError for arguments that belong into the batches.

        Args:
            others: the arguments by name.
        """
        for name, value in others.items():
            if value is not None:
                hint = f"let x give {'(x, y)' if name == 'y' else '(x, y, sample_weight)'}, without {name}=..."
                raise ArgumentError(self._who, f"{name} in the batches of x", f"{name} beside them", hint)

    def __enter__(self) -> Self:
        """Begin a block, as `Samples` does; errors name the batch already."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the block."""


def _accept(targets: Any, count: int) -> None:
    """Accept all targets."""


def _nothing() -> None:
    """Do nothing, for sources without the method."""

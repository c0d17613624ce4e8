"""`Epochs`: how the batches of some data are divided into epochs."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from tensorlab.errors import levels_to_the_user
from tensorlab.models.data import Batch, Samples
from tensorlab.models.data_checks import check_count
from tensorlab.models.stream import Stream
from tensorlab.random import streams

Data = Samples | Stream


class Epochs:
    """The batches of some data, epoch by epoch.

    Without a number of steps, an epoch takes all batches. With one, it takes so many, and the next epoch goes on where
    it ended. If there are not enough batches left, the epoch ends with a warning, and the next one starts again.

    Args:
        who: what the data is given to, for messages.
        data: the data.
        batch_size: the number of samples of each batch.
        steps: the number of steps of an epoch; None for all batches.
        shuffle: whether to shuffle the samples, whenever they start again.

    Attributes:
        data: the data.
        steps: the number of steps of an epoch, or None if it is not known.

    Source: Keras, ``EpochIterator`` in ``keras.src.trainers.epoch_iterator``.
    """

    def __init__(self, who: str, data: Data, batch_size: int, steps: int | None = None, shuffle: bool = False) -> None:
        self._who, self.data, self._batch_size, self._shuffle = who, data, batch_size, shuffle
        self._limit, self._total = steps, data.steps(batch_size)
        self.steps = self._total if steps is None else steps
        self._current: Iterator[Batch] | None = None
        self._seen = 0  # batches of the current iterator
        self._began: dict[str, Any] = {}  # the random position at which it was made, which determines its order
        self._taken = 0  # steps of the next epoch that were taken in an earlier process

    @property
    def run_code(self) -> bool:
        """Whether each batch runs code of the user, which may change anything between two steps."""
        return isinstance(self.data, Stream)

    def have_ended(self) -> bool:
        """Return whether the data is an iterator without further batches."""
        return isinstance(self.data, Stream) and self.data.read_once and self._current is None and self.data.ended()

    def described(self) -> dict[str, Any]:
        """Return how the data is divided, which has to be the same to go on."""
        batch_size = None if isinstance(self.data, Stream) else self._batch_size
        limit, total = self._limit, self._total
        return {"batch_size": batch_size, "steps_per_epoch": limit, "batches": total, "shuffle": bool(self._shuffle)}

    def get_state(self) -> dict[str, Any]:
        """Return, as plain data, how far the batches have been read."""
        return {"seen": self._seen if self._current is not None else None, "began": self._began}

    def go_on(self, state: Mapping[str, Any], taken: int) -> None:
        """Continue where `get_state` was called, with the same batches in the same order.

        Args:
            state: what it returned.
            taken: how many steps the epoch had taken.
        """
        self._taken = taken
        if state.get("seen") is not None:
            self._seen = check_count(f"{self._who} batches", state["seen"], least=0)
            streams.set_position(state.get("began", {}))
            self._began = dict(state["began"])
            self._current = iter(self.data.batches(self._batch_size, self._shuffle, skip=self._seen))

    def epoch(self, number: int = 1) -> Iterator[Batch]:
        """Yield the batches of the next epoch.

        Args:
            number: which epoch it is, for messages.
        """
        stream = self.data if isinstance(self.data, Stream) else None
        if stream is not None:
            stream.begin_epoch()
        before, self._taken = self._taken, 0
        if self._current is None or (self._limit is None and not before):
            self._began, self._seen = streams.get_position(), 0
            self._current = iter(self.data.batches(self._batch_size, self._shuffle))
        taken = before
        for taken in itertools.count(before):
            if taken == self._limit:
                break
            if stream is not None:
                stream.where = f"step {taken + 1} of epoch {number}"
            try:
                batch = next(self._current)
            except StopIteration:
                self._current = None
                break
            except Exception as error:
                if stream is not None:
                    stream.note(error)
                raise
            self._seen += 1
            yield batch
        if self._seen == self._total:
            self._current = None
        if self._limit is not None and taken < self._limit:
            warnings.warn(
                f"{self._who}: the data ended after {taken} of {self._limit} steps of epoch {number}; give more "
                "batches, or a smaller number of steps",
                stacklevel=levels_to_the_user(),
            )
        if self._limit is None:
            self.steps = taken
        if stream is not None:
            stream.end_epoch()

"""`Slots`: what an optimizer keeps with each weight."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, Self

from tensorlab.errors import StateError
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


class Slots:
    """The slots of each weight, by name.

    A weight is found by its key, which no other tensor of the process has. A copy of it, and the same weight in another
    process, have other keys. So weights and slots also share marks, random names that copies and pickles of both carry
    along: slots that were copied or loaded belong to the first weight with their mark that comes.
    """

    def __init__(self) -> None:
        self._by_mark: dict[str, dict[str, Variable]] = {}  # in the order in which the weights came
        self._by_key: dict[int, dict[str, Variable]] = {}

    def find(self, weight: Variable) -> dict[str, Variable] | None:
        """Return the slots of a weight, or None if it has none."""
        found = self._by_key.get(weight.key)
        if found is None and len(self._by_key) < len(self._by_mark):
            found = self._claim(weight)
        return found

    def _claim(self, weight: Variable) -> dict[str, Variable] | None:
        """Give a weight the slots that were copied or loaded with its mark, if no other weight has them."""
        taken = {id(slots) for slots in self._by_key.values()}
        for mark in weight.marks:
            found = self._by_mark.get(mark)
            if found is not None and id(found) not in taken:
                for name, slot in found.items():
                    if (slot.shape, slot.dtype) != (weight.shape, weight.dtype):
                        of_slot, of_weight = (f"{each.dtype} of shape {each.shape}" for each in (slot, weight))
                        problem = f"the slot is {of_slot}, but its weight {weight.name!r} is {of_weight}"
                        raise StateError(f"slot {name!r}", problem, "call forget_slots() to start anew")
                self._by_key[weight.key] = found
                return found
        return None

    def add(self, weight: Variable) -> dict[str, Variable]:
        """Return the slots of a weight that had none: a dict to put them into."""
        mark = next((mark for mark in weight.marks if mark not in self._by_mark), None)
        if mark is None:
            mark = secrets.token_hex(8)
            weight.marks = (mark, *weight.marks)  # its own before those of the weight that it is a copy of
        slots: dict[str, Variable] = {}
        self._by_mark[mark] = self._by_key[weight.key] = slots
        return slots

    def strangers(self, weights: list[Variable]) -> bool:
        """Whether there are slots that were copied or loaded, of which none has been asked for, and none is of these
        weights."""
        waiting = not self._by_key and any(self._by_mark.values())
        return waiting and bool(weights) and all([self.find(weight) is None for weight in weights])

    def __iter__(self) -> Iterator[dict[str, Variable]]:
        """The slots of each weight, in the order in which the weights came."""
        return iter(list(self._by_mark.values()))

    def drop_last(self) -> None:
        """Forget the slots of the weight that came last."""
        _, dropped = self._by_mark.popitem()
        self._by_key = {key: slots for key, slots in self._by_key.items() if slots is not dropped}

    def __getstate__(self) -> dict[str, dict[str, tuple[str, Tensor]]]:
        return {
            mark: {name: (slot.name, slot.snapshot()) for name, slot in slots.items()}
            for mark, slots in self._by_mark.items()
        }

    def __setstate__(self, state: dict[str, dict[str, tuple[str, Tensor]]]) -> None:
        self._by_key = {}
        self._by_mark = {
            mark: {name: Variable(value, trainable=False, name=label) for name, (label, value) in slots.items()}
            for mark, slots in state.items()
        }

    def __copy__(self) -> Self:
        made = type(self)()
        made.__setstate__(self.__getstate__())
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

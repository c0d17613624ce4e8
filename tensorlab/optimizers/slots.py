"""`Slots`: the numbers that an optimizer stores for each weight."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, Self

from tensorlab.errors import StateError
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


def _fits(slot: tuple[int, ...], weight: tuple[int, ...]) -> bool:
    """Return whether a slot may belong to a weight: an axis along which it has one mean has the length 1."""
    return len(slot) == len(weight) and all(own in (1, length) for own, length in zip(slot, weight, strict=True))


class Slots:
    """The slots of each weight, by name.

    A weight is identified by its key, which is unique in the process. Copies and unpickled weights have new keys. So
    weights and slots also share marks: random names that are copied and pickled with both. Copied or loaded slots are
    assigned to the first weight with a matching mark that asks for them.
    """

    def __init__(self) -> None:
        self._by_mark: dict[str, dict[str, Variable]] = {}  # in the order in which weights were added
        self._by_key: dict[int, dict[str, Variable]] = {}

    def find(self, weight: Variable) -> dict[str, Variable] | None:
        """Return the slots of a weight, or None if it has none."""
        found = self._by_key.get(weight.key)
        if found is None and len(self._by_key) < len(self._by_mark):
            found = self._claim(weight)
        return found

    def _claim(self, weight: Variable) -> dict[str, Variable] | None:
        """Assign copied or loaded slots with a matching mark to a weight, if no other weight has them."""
        taken = {id(slots) for slots in self._by_key.values()}
        for mark in weight.marks:
            found = self._by_mark.get(mark)
            if found is not None and id(found) not in taken:
                for name, slot in found.items():
                    if slot.dtype != weight.dtype or not _fits(slot.shape, weight.shape):
                        of_slot, of_weight = (f"{each.dtype} of shape {each.shape}" for each in (slot, weight))
                        problem = f"the slot is {of_slot}, but its weight {weight.name!r} is {of_weight}"
                        raise StateError(f"slot {name!r}", problem, "call forget_slots() to start over")
                self._by_key[weight.key] = found
                return found
        return None

    def add(self, weight: Variable) -> dict[str, Variable]:
        """Create an empty dict for the slots of a weight that has none, and return it."""
        mark = next((mark for mark in weight.marks if mark not in self._by_mark), None)
        if mark is None:
            mark = secrets.token_hex(8)
            weight.marks = (mark, *weight.marks)  # before the marks of the weight that it is a copy of
        slots: dict[str, Variable] = {}
        self._by_mark[mark] = self._by_key[weight.key] = slots
        return slots

    def belong_to_others(self, weights: list[Variable]) -> bool:
        """Return whether there are copied or loaded slots, none is in use yet, and none belongs to these weights."""
        waiting = not self._by_key and any(self._by_mark.values())
        return waiting and bool(weights) and all([self.find(weight) is None for weight in weights])

    def __iter__(self) -> Iterator[dict[str, Variable]]:
        """Iterate over the slots of each weight, in the order in which weights were added."""
        return iter(list(self._by_mark.values()))

    def without_last(self) -> Self:
        """Return the slots without those of the weight that was added last.

        It is another object, which tells plans that the slots have changed.
        """
        made = type(self)()
        made._by_mark = dict([*self._by_mark.items()][:-1])
        kept = {id(slots) for slots in made._by_mark.values()}
        made._by_key = {key: slots for key, slots in self._by_key.items() if id(slots) in kept}
        return made

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

"""`Checkpoint`: the weights and optimizers of a model at one time, to go back to."""

from __future__ import annotations

from tensorlab.models.steps import Steps
from tensorlab.optimizers import Optimizer


class Checkpoint:
    """The weights of a model and the state of its optimizers, as they are when it is made.

    A weight is copied only when it changes.

    Args:
        model: a model that is built.
    """

    def __init__(self, model: Steps) -> None:
        self._weights = [(weight, weight.snapshot()) for weight in model.weights]
        optimizers = [each for each in vars(model).values() if isinstance(each, Optimizer)]
        self._optimizers = [(each, each.iterations, [v.snapshot() for v in each.variables]) for each in optimizers]

    def restore(self) -> None:
        """Set the weights, the slots and the numbers of steps back, and drop slots that were added since."""
        for weight, value in self._weights:
            weight.assign(value)
        for optimizer, iterations, slots in self._optimizers:
            optimizer.iterations = iterations
            optimizer.forget_slots(keep=len(slots))
            for slot, value in zip(optimizer.variables, slots, strict=True):
                slot.assign(value)

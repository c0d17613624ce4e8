"""What every run of a model does: check what it is given, keep apart from other runs, and undo what failed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from tensorlab import autodiff, callbacks, optimizers, random
from tensorlab.callbacks import Callback
from tensorlab.errors import ArgumentTypeError, ShapeError, TensorlabError
from tensorlab.layers.arguments import check_one_output
from tensorlab.layers.calling import Block
from tensorlab.models.data import Samples, check_count
from tensorlab.models.steps import Steps, flat
from tensorlab.ops.dispatch import device_of

P = ParamSpec("P")
R = TypeVar("R")


def undoing_builds(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Wrap `fit` and its kind: if a first run raises, nothing is left built, unless steps were taken and count."""

    @functools.wraps(method)
    def wrapper(self: Runs, /, *args: P.args, **kwargs: P.kwargs) -> R:
        around = self._stepped
        if around:
            self._stepped = False
        try:
            with Block(self) as block:
                try:
                    return method(self, *args, **kwargs)
                except BaseException as error:
                    if self._stepped and not isinstance(error, TensorlabError):
                        block.keep()
                    raise
        finally:
            if self._stepped is not around:
                self._stepped = around

    return wrapper


class Runs(Steps):
    """What `fit`, `evaluate` and `predict` have in common."""

    stop_training = False
    """Set it to True in a callback, and `fit` ends after the current step."""
    _running: int | None = None  # the id of the model during a run, which that of a copy made meanwhile is not
    _stepped = False  # whether this run of `fit` has taken a step

    def _needs(self, what: str, step: str) -> bool:
        """Return whether a run needs a compiled loss, or targets: not if a subclass computes the loss."""
        return not self._replaces(step, "compute_loss")

    def _samples(self, who: str, x: Any, y: Any, step: str) -> Samples:
        """Check the data against the model before anything is changed."""
        samples = Samples(who, x, y, targets=self._needs("targets", step), device=device_of(self.weights))
        if self._replaces(step):  # how it calls the model is its own business
            return samples
        with self.building():
            outputs = self._try(samples)
            if not self._replaces("compute_loss") and self.loss is not None and samples.y is not None:
                found = check_one_output(self._who, outputs)
                self.loss.check(samples.y, (samples.count, *found.shape[1:]))
        return samples

    def _try(self, samples: Samples) -> Any:
        """Call the model on the first sample, which builds it.

        A model that is built may take numbers as samples of one feature, as in Keras.
        """
        built = self.built
        with autodiff.no_grad(), samples:
            try:
                return self(samples.first(), training=False)
            except ShapeError:
                if not built or not samples.expand():
                    raise
            return self(samples.first(), training=False)

    @contextmanager
    def _run(self) -> Iterator[None]:
        """Keep the metrics of a run apart from those of another run of this model that a callback of it begins."""
        before, stopping, checked = self._running, self.stop_training, self._checked
        outer = before == id(self)
        kept = [(metric, metric.snapshot()) for metric in self.metrics] if outer else []
        self._running, self.stop_training = id(self), False
        try:
            yield
        finally:
            self._running, self._checked = before, checked
            if outer:
                self.stop_training = stopping
                for metric, state in kept:
                    metric.restore(state)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Go back to the weights and optimizers from before, after an error of tensorlab."""
        weights = [(weight, weight.snapshot()) for weight in self.weights]  # copied only when a weight changes
        kept = [(each, each.iterations, [slot.snapshot() for slot in each.variables]) for each in self._optimizers()]
        try:
            yield
        except TensorlabError:
            for weight, value in weights:
                weight.assign(value)
            for optimizer, iterations, slots in kept:
                optimizer.iterations = iterations
                optimizer.forget_slots(keep=len(slots))
                for slot, value in zip(optimizer.variables, slots, strict=True):
                    slot.assign(value)
            raise

    def _optimizers(self) -> list[optimizers.Optimizer]:
        """Return the optimizer that `compile` was given, and those that are attributes."""
        return [each for each in vars(self).values() if isinstance(each, optimizers.Optimizer)]


@contextmanager
def own_draws() -> Iterator[None]:
    """Draw random numbers from streams of this run alone."""
    before = random.enter_run()
    try:
        yield
    finally:
        random.leave_run(before)


def check_batch_size(who: str, value: int | None) -> int:
    return 32 if value is None else check_count(who, value)


def check_epochs(who: str, epochs: Any, initial_epoch: Any) -> None:
    check_count(f"{who} epochs", epochs, least=0)
    check_count(f"{who} initial_epoch", initial_epoch, least=0)


def check_frequency(who: str, value: Any) -> Any:
    """Return whether to evaluate after an epoch, counted from 1."""
    if isinstance(value, (list, tuple, set)):
        return lambda epoch: epoch in value
    count = check_count(who, value)
    return lambda epoch: epoch % count == 0


def check_callbacks(who: str, identifiers: Any) -> list[Callback]:
    """Return the callbacks that a run is given."""
    if identifiers is None:
        return []
    given = list(flat((identifiers,) if isinstance(identifiers, (Callback, str)) else identifiers or ()))
    if not all(isinstance(each, (Callback, str)) for each in given):
        classes = any(isinstance(each, type) for each in given)
        hint = "give an object of the class, e.g. EarlyStopping()" if classes else ""
        raise ArgumentTypeError(f"{who} callbacks", "a list of Callbacks or names of some", repr(identifiers), hint)
    return [callbacks.get(each) for each in given]


def find_observers() -> list[Callback]:
    return callbacks.find_observers()

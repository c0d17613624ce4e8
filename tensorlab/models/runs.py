"""What all runs of a model share: checking arguments, keeping the state of nested runs, undoing what failed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from tensorlab import autodiff, callbacks, dtypes, random
from tensorlab.callbacks import Callback
from tensorlab.errors import ArgumentTypeError, FileAccessError, ShapeError, TensorlabError, short_repr
from tensorlab.layers.arguments import check_one_output, map_leaves
from tensorlab.layers.calling import Block, Trial, context
from tensorlab.layers.weights import device_of_weights
from tensorlab.models.checkpoint import Checkpoint
from tensorlab.models.data import Samples, Takes
from tensorlab.models.data_checks import check_count
from tensorlab.models.epochs import Data
from tensorlab.models.outputs import OutputLosses
from tensorlab.models.steps import Steps, flat
from tensorlab.models.stream import Stream, is_stream
from tensorlab.tensor import Tensor
from tensorlab.waiting import Request, expecting

P = ParamSpec("P")
R = TypeVar("R")


def undoing_builds(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Run a method such as `fit` inside of `Runs.undoing_builds`."""

    @functools.wraps(method)
    def wrapper(self: Runs, /, *args: P.args, **kwargs: P.kwargs) -> R:
        targets = kwargs.get("y", args[1] if len(args) > 1 else None)
        with expecting(lambda: _expected(self, method.__name__.removeprefix("_"), targets)), _UndoingBuilds(self):
            return method(self, *args, **kwargs)

    return wrapper


def _expected(model: Runs, run: str, targets: Any) -> list[Request]:
    """Return the kernels that a run of the model will need. It finds none if something is wrong with the model."""
    from tensorlab.models.expected import expected_kernels

    with contextlib.suppress(Exception):  # the run itself reports what is wrong
        labels = dtypes.as_dtype(getattr(targets, "dtype", "int64"))
        return [*expected_kernels(model, run, labels)]
    return []


class Runs(Steps):
    """The parts that `fit`, `evaluate` and `predict` share."""

    stop_training = False
    """Set it to True in a callback, and `fit` ends after the current step."""
    _running: int | None = None  # the id of the model during a run, which that of a copy made meanwhile is not
    stepped = False
    """Whether the current run has taken a step. It is set by whoever takes one inside of `undoing_builds`."""

    def _needs(self, what: str, step: str) -> bool:
        """Return whether a run needs a compiled loss, or targets. It does not if a subclass computes the loss."""
        return not self._replaces(step, "compute_loss")

    def checked_data(self, who: str, x: Any, y: Any, step: str = "train_step", sample_weight: Any = None) -> Data:
        """Check the data of a run, as `checked_samples` does; it may also be batches, which are checked as they come.

        Raises:
            ArgumentError: for targets or weights beside batches.
        """
        if not is_stream(x, y):
            return self.checked_samples(who, x, y, step, sample_weight)
        stream = Stream(who, x, self._needs("targets", step), device_of_weights(self), self._takes())
        stream.refuse(y=y, sample_weight=sample_weight)
        if self._replaces(step):
            return stream
        with self.building():
            outputs = self.dry_run(stream)
            if not self._replaces("compute_loss") and self.loss is not None:
                stream.check = lambda targets, count: self._check_targets(targets, outputs, count)
        return stream

    def checked_samples(self, who: str, x: Any, y: Any, step: str = "train_step", sample_weight: Any = None) -> Samples:
        """Check the data of a run against the model, which is built if it was not, before anything else is changed.

        Args:
            who: the method or function that was given the data, for messages.
            x: the inputs.
            y: the targets, or None.
            step: the method that will be called with each batch. If a subclass replaces it, only the data is checked.
            sample_weight: a weight for each sample, or None.

        Raises:
            ShapeError: if x and y differ in length or do not fit the model.
            ArgumentTypeError: if targets are missing.
            ArgumentError: for targets that the loss does not accept.
            NonFiniteError: if an input is NaN or infinite.
        """
        needed = self._needs("targets", step)
        device, takes = device_of_weights(self), self._takes()
        samples = Samples(who, x, y, targets=needed, device=device, weights=sample_weight, takes=takes)
        if self._replaces(step):  # nobody knows how it calls the model
            return samples
        with self.building():
            outputs = self.dry_run(samples)
            if not self._replaces("compute_loss") and self.loss is not None and samples.y is not None:
                self._check_targets(samples.y, outputs, samples.count)
        return samples

    def _check_targets(self, targets: Any, outputs: Any, count: int) -> None:
        """Raise if the loss does not accept some targets, of which there are ``count``, for such outputs."""
        if isinstance(outputs, (list, tuple, dict)):
            self._described_outputs(outputs)
        loss = self.loss
        if isinstance(loss, OutputLosses):
            self._described_outputs(outputs)
            loss.check_all(targets, outputs, count)
        elif loss is not None:
            loss.check(targets, (count, *check_one_output(self._who, outputs).shape[1:]))

    def _takes(self) -> tuple[Takes, Takes]:
        """Return how lists and dicts of inputs and of targets are meant."""
        kind = Takes.ONE if self._takes_one else Takes.SEVERAL
        return kind, kind

    _packing: Any = None
    """The structure of the batches of the current run, with 0 for a tensor; None if each is one tensor."""

    def _flat(self, x: Any, y: Any, weights: Any) -> list[Tensor | None]:
        """Return the tensors of a batch in a list, as plans take them."""
        if all([value is None or isinstance(value, Tensor) for value in (x, y, weights)]):
            self._packing = None
            return [x, y, weights]
        packing = map_leaves(lambda leaf: 0, (x, y, weights))
        if packing != self._packing:  # an equal one stays, as plans depend on its identity
            self._packing = packing
        return autodiff.flatten((x, y, weights))

    def _packed(self, tensors: Sequence[Tensor | None]) -> Any:
        """Undo `_flat`."""
        return tensors if self._packing is None else autodiff.pack_as(self._packing, iter(tensors))

    def dry_run(self, samples: Data) -> Any:
        """Call the model on the first sample, to build it and to check the shape of the samples. Return the outputs.

        A run does this once for its data, before its first batch. A model that is already built may take numbers as
        samples of one feature, as in Keras.

        Raises:
            ShapeError: if the samples do not fit the model.
        """
        built = self.built
        with autodiff.no_grad(), samples, Trial(self, training=False):
            try:
                return self(samples.first(), training=False)
            except ShapeError:
                if not built or not samples.expand():
                    raise
            return self(samples.first(), training=False)

    @contextmanager
    def _run(self) -> Iterator[None]:
        """Save the metrics of a run and restore them after another run that one of its callbacks starts."""
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
    def training_run(self) -> Iterator[Checkpoint]:
        """Return a ``with`` block for the steps of one training, of data that `checked_samples` has accepted.

        `fit`, `train_on_batch`, and backends that train by other means take their steps inside of it. After an error
        of tensorlab it restores the weights and the optimizers. After any other exception, such as KeyboardInterrupt,
        and after a file that cannot be written, they stay as the last step left them. Yields the checkpoint from before
        the first step.
        """
        checkpoint = Checkpoint(self)
        with self._run():
            self._checked = self.loss
            try:
                yield checkpoint
            except TensorlabError as error:
                if _undoes_training(error):
                    checkpoint.restore()
                raise

    def undoing_builds(self) -> Block:
        """Return a ``with`` block that drops what was built inside of it if it raises.

        What was built is kept if a step was taken (see `stepped`) and the exception does not undo the training.
        """
        return _UndoingBuilds(self)


class _UndoingBuilds(Block):
    __slots__ = ("around",)
    layer: Runs
    around: bool  # `stepped` of the run around this one

    def __enter__(self) -> Self:
        self.around = self.layer.stepped
        if self.around:
            self.layer.stepped = False
        return super().__enter__()

    def __exit__(self, kind: Any, error: Any = None, *traceback: object) -> None:
        stepped = self.layer.stepped
        if stepped and error is not None and not _undoes_training(error):
            self.keep()
        if self.built:
            self.leave(failed=error is not None)
        else:
            context.call = self.outer
        if stepped is not self.around:
            self.layer.stepped = self.around


def _undoes_training(error: BaseException) -> bool:
    """Return whether a run that ends with an exception is undone.

    That is so for errors of tensorlab, which say that an argument, the data or the model is wrong. A disk that is full
    is no reason to drop what has been trained.
    """
    return isinstance(error, TensorlabError) and not isinstance(error, FileAccessError)


@contextmanager
def own_draws() -> Iterator[None]:
    """Return a ``with`` block whose random numbers come from streams that no other run uses."""
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
    identifiers = identifiers.callbacks if isinstance(identifiers, callbacks.CallbackList) else identifiers
    given = list(flat((identifiers,) if isinstance(identifiers, (Callback, str)) else identifiers))
    if not all(isinstance(each, (Callback, str)) for each in given):
        classes = any(isinstance(each, type) for each in given)
        hint = "give an object of the class, e.g. EarlyStopping()" if classes else ""
        raise ArgumentTypeError(
            f"{who} callbacks", "a list of Callbacks or names of some", short_repr(identifiers), hint
        )
    return [callbacks.get(each) for each in given]


def find_observers() -> list[Callback]:
    return callbacks.find_observers()

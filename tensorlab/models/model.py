"""`Model`: a layer that can be compiled, trained, evaluated and asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table

from tensorlab import autodiff, callbacks, losses, metrics, optimizers, random, terminal
from tensorlab.arguments import named
from tensorlab.callbacks import Callback, CallbackList, History, Logs, ProgressBar, show
from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError, StateError, TensorlabError
from tensorlab.gradients import GradientTape
from tensorlab.layers import Layer
from tensorlab.layers.arguments import check_one_output
from tensorlab.losses import Loss
from tensorlab.metrics import Mean, Metric
from tensorlab.models.data import Samples, check_count
from tensorlab.ops.dispatch import device_of
from tensorlab.tensor import Tensor


class Model(Layer):
    """The base of every model: a layer with `compile`, `fit`, `evaluate` and `predict`.

    Source: Keras, ``keras.Model``.
    """

    _optimizer: optimizers.Optimizer | None = None
    _loss: losses.Loss | None = None
    _metrics: tuple[Metric, ...] = ()

    # Setting up

    @named
    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Sequence[Any] | None = None) -> None:
        """Choose how to train.

        Args:
            optimizer: a name or an Optimizer.
            loss: a name, a Loss, or a function of ``(y_true, y_pred)``.
            metrics: names, Metrics, or functions of ``(y_true, y_pred)``; reported beside the loss.

        Raises:
            UnknownNameError: for an unknown name, with the nearest known ones.
            ArgumentError: for metrics that are no list, or a loss without a reduction.

        Nothing is changed then.
        """
        if isinstance(metrics, str) or not isinstance(metrics, (list, tuple, type(None))):
            raise ArgumentError(f"{self._who}.compile metrics", "a list", repr(metrics), "e.g. metrics=['accuracy']")
        chosen = (
            optimizers.get(optimizer),
            None if loss is None else losses.get(loss),
            _metrics(f"{self._who}.compile", metrics or ()),
        )
        if chosen[1] is not None and chosen[1].reduction in (None, "none"):
            raise ArgumentError(
                f"{self._who}.compile loss", "a loss that is one number", f"reduction={chosen[1].reduction!r}"
            )
        self._optimizer, self._loss, self._metrics = chosen

    def _compiled(self, method: str) -> tuple[optimizers.Optimizer, losses.Loss]:
        if self._optimizer is None or self._loss is None:
            raise StateError(
                f"{self._who}.{method}",
                "a model that is compiled with a loss",
                "one that is not",
                "call compile(optimizer=..., loss=...) first",
            )
        return self._optimizer, self._loss

    @property
    def optimizer(self) -> optimizers.Optimizer | None:
        """The optimizer that `compile` was given."""
        return self._optimizer

    @property
    def loss(self) -> Loss | None:
        """The loss that `compile` was given."""
        return self._loss

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that `compile` was given."""
        return list(self._metrics)

    @property
    def layers(self) -> list[Layer]:
        """The layers that its attributes hold, also inside of lists and other containers, in order."""
        return self._members()[1]

    # Training

    @named
    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Any] | None = None,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
    ) -> History:
        """Train.

        Args:
            x: samples along the first axis.
            y: a target for each.
            batch_size: samples a step; the last step of an epoch may have fewer.
            epochs: how often each sample is used.
            verbose: "auto" for a progress bar on a terminal and a line an epoch elsewhere, 0 for nothing, 1 for the
                bar, 2 for the lines.
            callbacks: what watches: `Callback` objects, or names of registered ones.
            validation_data: ``(x, y)`` that the metrics are computed on after each epoch, as ``val_…``.
            shuffle: whether every epoch takes the samples in an order of its own.

        Returns:
            the metrics of every epoch, in ``history.history``.

        Raises:
            StateError: before `compile`.
            ShapeError: if x and y differ in length or do not fit the model.
            ArgumentError: for targets that no output stands for, or a number out of range.
            NonFiniteError: if x or the loss is NaN or infinite.

        After any of these the weights and the optimizer are as they were before the call.
        """
        optimizer, loss = self._compiled("fit")
        who = f"{self._who}.fit"
        batch_size = check_count(f"{who} batch_size", batch_size)
        epochs = check_count(f"{who} epochs", epochs)
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError(f"{who} verbose", "'auto', 0, 1 or 2", repr(verbose))
        watchers = _callbacks(who, callbacks)
        validation = None
        with self.building():
            samples = self._samples(who, x, y, loss)
            if validation_data is not None:
                if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                    raise ArgumentTypeError(f"{who} validation_data", "a pair (x, y)", type(validation_data).__name__)
                validation = self._samples(f"{who} validation_data", *validation_data, loss)
        history = History()
        bar = [ProgressBar(verbose)] if verbose else []
        watching = CallbackList(
            [history, *bar, *watchers], self, epochs=epochs, steps=samples.steps(batch_size), verbose=verbose
        )
        before = self._training_state(optimizer)
        outside = random.enter_run()
        try:
            watching.call("on_train_begin", {})
            logs: Logs = {}
            for epoch in range(epochs):
                logs = self._epoch(epoch, samples, batch_size, shuffle, watching)
                if validation is not None:
                    report = self._evaluate(validation, batch_size)
                    logs |= {f"val_{name}": value for name, value in report.items()}
                watching.call("on_epoch_end", epoch, logs)
            watching.call("on_train_end", logs)
        except TensorlabError:
            self._restore(optimizer, before)
            raise
        finally:
            random.leave_run(outside)
            for shown in bar:
                shown.close()
        return history

    def _epoch(self, epoch: int, samples: Samples, batch_size: int, shuffle: bool, watching: CallbackList) -> Logs:
        # Counted over all calls of fit, so that the next call does not draw the same numbers again.
        started = self._compiled("fit")[0].iterations + 1
        watching.call("on_epoch_begin", epoch, {})
        random.move_to(started, 0)  # after those who watch, who may draw numbers too
        trackers = self._trackers()
        patience = 1 if watching.watches_steps else _PATIENCE
        losses: list[tuple[Tensor, int]] = []
        for step, (x, y) in enumerate(samples.batches(batch_size, shuffle)):
            random.move_to(started, step + 1)
            losses.append((self._train_step(x, y, trackers), len(x)))
            if len(losses) == patience:
                self._read(losses, trackers)
                losses = []
            if watching.watches_steps:
                watching.call("on_train_batch_end", step, _results(trackers))
        self._read(losses, trackers)
        return _results(trackers)

    def _train_step(self, x: Tensor, y: Tensor | None, trackers: list[Metric]) -> Tensor:
        """Take a step and return its loss, which nobody has read yet: the device may still be at it."""
        optimizer, loss = self._compiled("fit")
        assert y is not None
        weights = self.trainable_weights
        with GradientTape() as tape:
            outputs = self(x, training=True)
            value = sum(self.losses, start=loss.reduced(y, outputs))
        optimizer.apply_gradients(zip(tape.gradient(value, weights), weights, strict=True))
        for metric in trackers[1:]:
            metric.update_state(y, outputs)
        return value

    def _read(self, losses: list[tuple[Tensor, int]], trackers: list[Metric]) -> None:
        """Take the losses of the last steps into account, or raise if one is not a finite number, naming its step."""
        taken = self._compiled("fit")[0].iterations
        for step, (value, count) in enumerate(losses, taken - len(losses) + 1):
            loss = float(value)
            if not math.isfinite(loss):
                hint = "lower the learning rate or scale the inputs"
                raise NonFiniteError(f"{self._who} loss", "a finite number", f"{loss} at step {step}", hint)
            trackers[0].add(loss, count)

    @named
    def train_on_batch(self, x: Any, y: Any) -> Logs:
        """Take one step on one batch, and return its metrics.

        Raises:
            what `fit` raises, with the same promise.
        """
        optimizer, loss = self._compiled("train_on_batch")
        samples = self._samples(f"{self._who}.train_on_batch", x, y, loss)
        trackers = self._trackers()
        before = self._training_state(optimizer)
        try:
            ((x, y),) = samples.batches(samples.count)
            self._read([(self._train_step(x, y, trackers), samples.count)], trackers)
        except TensorlabError:
            self._restore(optimizer, before)
            raise
        return _results(trackers)

    def _samples(self, who: str, x: Any, y: Any, loss: losses.Loss) -> Samples:
        """Check the data against the model before anything is changed."""
        samples = Samples(who, x, y, targets=True, device=device_of(self.weights))
        assert samples.y is not None
        with self.building(), autodiff.no_grad():
            outputs = check_one_output(self._who, self(samples.first(), training=False))
            loss.check(samples.y, (samples.count, *outputs.shape[1:]))
        return samples

    def _training_state(self, optimizer: optimizers.Optimizer) -> tuple[list[Tensor], int, list[Tensor]]:
        """Snapshots: nothing is copied unless a weight is changed."""
        return (
            [weight.snapshot() for weight in self.weights],
            optimizer.iterations,
            [slot.snapshot() for slot in optimizer.variables],
        )

    def _restore(self, optimizer: optimizers.Optimizer, state: tuple[list[Tensor], int, list[Tensor]]) -> None:
        weights, optimizer.iterations, slots = state
        for weight, value in zip(self.weights, weights, strict=True):
            weight.assign(value)
        optimizer.forget_slots(keep=len(slots))
        for slot, value in zip(optimizer.variables, slots, strict=True):
            slot.assign(value)

    def _trackers(self) -> list[Metric]:
        """The loss first, then the metrics, all of them at 0."""
        for metric in self._metrics:
            metric.reset_state()
        return [Mean("loss"), *self._metrics]

    # Asking

    @named
    def evaluate(
        self, x: Any, y: Any, batch_size: int = 32, verbose: int | str = "auto", return_dict: bool = False
    ) -> Any:
        """The loss and the metrics on some data.

        Returns:
            the loss alone, or ``[loss, *metrics]``, or with ``return_dict`` a dict.

        Raises:
            what `fit` raises.
        """
        _, loss = self._compiled("evaluate")
        samples = self._samples(f"{self._who}.evaluate", x, y, loss)
        logs = self._evaluate(samples, check_count(f"{self._who}.evaluate batch_size", batch_size))
        if verbose:
            terminal.console(soft_wrap=True).print(show(logs), markup=False)
        if return_dict:
            return logs
        values = list(logs.values())
        return values if len(values) > 1 else values[0]

    def _evaluate(self, samples: Samples, batch_size: int) -> Logs:
        _, loss = self._compiled("evaluate")
        trackers = self._trackers()
        with autodiff.no_grad():
            for x, y in samples.batches(batch_size):
                assert y is not None
                outputs = self(x, training=False)
                trackers[0].add(sum(self.losses, start=loss.reduced(y, outputs)), len(x))
                for metric in trackers[1:]:
                    metric.update_state(y, outputs)
        return _results(trackers)

    @named
    def predict(self, x: Any, batch_size: int = 32, verbose: int | str = 0) -> np.ndarray[Any, Any]:
        """The outputs for some inputs, as a NumPy array.

        Raises:
            ShapeError: for inputs that do not fit.
            NonFiniteError: if an input is NaN or infinite.
        """
        samples = Samples(f"{self._who}.predict", x, device=device_of(self.weights))
        size = check_count(f"{self._who}.predict batch_size", batch_size)
        with self.building(), autodiff.no_grad():
            batches = samples.batches(size)
            parts = [check_one_output(self._who, self(batch, training=False)).numpy() for batch, _ in batches]
        return np.concatenate(parts)

    @named
    def summary(self) -> None:
        """Print a table of the layers, their outputs' shapes and their numbers of parameters."""
        table = Table("Layer (type)", "Output shape", "Parameters", title=f"Model {self.name!r}", title_justify="left")
        table.columns[2].justify = "right"
        for layer, shape in zip(self._members()[1], self._output_shapes(), strict=True):
            count = f"{layer.count_params():,}" if layer.built else "not built"
            table.add_row(f"{layer.name} ({type(layer).__name__})", shape, count)
        console = terminal.console()
        console.print(table)
        trained = sum(math.prod(weight.shape) for weight in self.trainable_weights)
        total = sum(math.prod(weight.shape) for weight in self.weights)
        console.print(f"Parameters: {total:,} ({trained:,} trainable)" if self.built else "Parameters: not built yet")

    def _output_shapes(self) -> list[str]:
        return ["?" for _ in self._members()[1]]


def _metrics(who: str, identifiers: Sequence[Any]) -> tuple[Metric, ...]:
    """Metrics that can be computed, each reported under a name of its own."""
    chosen = tuple(metrics.get("accuracy" if identifier == "acc" else identifier) for identifier in identifiers)
    for metric in chosen:
        if type(metric).call is metrics.Metric.call:
            raise ArgumentTypeError(f"{who} metrics", "metrics of targets and outputs", repr(metric.name))
    names = [metric.name for metric in chosen]
    if len({"loss", *names}) <= len(names):
        hint = "give one of them another, e.g. Accuracy(name='acc_2')"
        raise ArgumentError(f"{who} metrics", "names that differ, from each other and from 'loss'", repr(names), hint)
    return chosen


def _callbacks(who: str, identifiers: Any) -> list[Callback]:
    """The callbacks that `fit` is given, and then whoever watches every run."""
    given = () if identifiers is None else identifiers
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, (Callback, str)) for each in given):
        raise ArgumentTypeError(f"{who} callbacks", "a list of Callbacks or names of some", repr(identifiers))
    return [*map(callbacks.get, given), *callbacks.find_observers()]


_PATIENCE = 64
"""The steps after which their losses are read, if nobody watches: a device that is asked for each waits after each."""


def _results(trackers: list[Metric]) -> Logs:
    return {tracker.name: tracker.result() for tracker in trackers}

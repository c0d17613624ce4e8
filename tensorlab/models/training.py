"""`fit`, `evaluate` and `predict`: runs over all samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, random, terminal
from tensorlab.arguments import named
from tensorlab.callbacks import CallbackList, History, Logs, ProgressBar, show
from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError, short_repr
from tensorlab.layers.arguments import describe
from tensorlab.models.data import Samples, check_count
from tensorlab.models.runs import (
    Runs,
    check_batch_size,
    check_callbacks,
    check_epochs,
    check_frequency,
    find_observers,
    own_draws,
    undoing_builds,
)
from tensorlab.models.steps import as_logs
from tensorlab.ops.dispatch import device_of
from tensorlab.tensor import Tensor

_PATIENCE = 64
"""Steps after which losses are read when no callback needs them; reading each one would stall the device."""


class Training(Runs):
    """`fit`, `evaluate`, `predict`, and their counterparts for one batch."""

    stop_evaluating = False
    """Set it to True in a callback, and `evaluate` ends after the current batch."""
    stop_predicting = False
    """Set it to True in a callback, and `predict` ends after the current batch."""
    history: History | None = None
    """What the last `fit` recorded, also if it was interrupted."""

    @named
    @undoing_builds
    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float | None = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
        *,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train the model.

        Args:
            x: samples along the first axis. Numbers, ``(n,)``, are reshaped to ``(n, 1)`` if a built model needs
                that.
            y: a target for each sample.
            batch_size: samples a step, 32 if None; the last step of an epoch may have fewer.
            epochs: the epoch to stop before; the number of epochs if ``initial_epoch`` is 0.
            verbose: "auto" or 1 for a progress bar on a terminal and in a notebook, and a line an epoch elsewhere, 0
                for nothing, 2 for the lines.
            callbacks: a `Callback`, the name of a registered one, or a list of them.
            validation_split: the fraction of the samples, taken from the end, that is not trained on but evaluated
                after each epoch; ignored if ``validation_data`` is given.
            validation_data: ``(x, y)`` to evaluate after each epoch, reported as ``val_…``.
            shuffle: whether to shuffle the samples before each epoch.
            initial_epoch: the first epoch.
            steps_per_epoch: steps an epoch, at most as many as there are batches; all of them if None.
            validation_batch_size: as ``batch_size``, for the validation.
            validation_freq: evaluate after every n-th epoch, or after the epochs in a list, counted from 1.

        Returns:
            the metrics of every epoch, in ``history.history``.

        Raises:
            StateError: before `compile`.
            ShapeError: if x and y differ in length or do not fit the model.
            ArgumentError: for targets that the loss does not accept, or a number out of range.
            NonFiniteError: if x or the loss is NaN or infinite.

        After any of these, and any other error of tensorlab, the weights and the optimizers are as they were before
        the call. After an exception of a callback or of other code, KeyboardInterrupt included, they are as the last
        step left them, and `history` has the epochs so far.

        Source: Keras, ``keras.Model.fit``.
        """
        who = f"{self._who}.fit"
        self._compiled("fit", loss=self._needs("loss", "train_step"))
        batch_size = check_batch_size(f"{who} batch_size", batch_size)
        check_epochs(who, epochs, initial_epoch)
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError(f"{who} verbose", "'auto', 0, 1 or 2", short_repr(verbose))
        given = check_callbacks(who, callbacks)
        history = next((each for each in given if isinstance(each, History)), None) or History()
        bar = ProgressBar(verbose) if verbose and not any(isinstance(each, ProgressBar) for each in given) else None
        shown = [bar] if bar else []
        try:
            for each in shown:
                each.prepare()
            samples, validation = self._data(who, x, y, validation_split, validation_data)
            steps = samples.steps(batch_size)
            if steps_per_epoch is not None:
                steps = min(steps, check_count(f"{who} steps_per_epoch", steps_per_epoch))
            evaluate_after = check_frequency(f"{who} validation_freq", validation_freq)
            validating = check_batch_size(f"{who} validation_batch_size", validation_batch_size or batch_size)
            every = [*(each for each in given if each is not history), *find_observers(), history, *shown]
            watching = CallbackList(every, self, verbose=verbose, epochs=epochs, steps=steps)
            self.history = history
            with own_draws(), self.training_run():
                watching.call("on_train_begin", {})
                logs: Logs = {}
                for epoch in range(initial_epoch, epochs):
                    logs = self._train_epoch(epoch, samples, batch_size, steps, shuffle, watching)
                    if validation is not None and evaluate_after(epoch + 1):
                        report = self._evaluate(validation, validating, watching)
                        logs |= {f"val_{name}": value for name, value in report.items()}
                    watching.call("on_epoch_end", epoch, dict(logs))
                    if self.stop_training:
                        break
                watching.call("on_train_end", dict(logs))
        finally:
            for each in shown:
                each.close()
        return history

    def _data(self, who: str, x: Any, y: Any, split: Any, validation_data: Any) -> tuple[Samples, Samples | None]:
        """Check the data for training and for validation, before anything is changed."""
        split = 0.0 if split is None else split
        if isinstance(split, bool) or not isinstance(split, (int, float, np.number)) or not 0 <= split < 1:
            raise ArgumentError(f"{who} validation_split", "a fraction from 0 to below 1", short_repr(split))
        with self.building():
            samples = self.checked_samples(who, x, y, "train_step")
            if validation_data is not None:
                if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                    raise ArgumentTypeError(f"{who} validation_data", "a pair (x, y)", describe(validation_data))
                validation_x, validation_y = validation_data
                return samples, self.checked_samples(f"{who} validation_data", validation_x, validation_y, "test_step")
            return samples.split(float(split)) if split else (samples, None)

    def _train_epoch(
        self, epoch: int, samples: Samples, batch_size: int, steps: int, shuffle: bool, watching: CallbackList
    ) -> Logs:
        # Counted over all calls of fit, so that the next call draws other random numbers.
        started = self._compiled("fit").iterations + 1
        self.reset_metrics()
        watching.call("on_epoch_begin", epoch, {})
        random.move_to(started, 0)  # after the callbacks, which may draw random numbers too
        takes_any = any(callback.takes_non_finite_loss for callback in watching.callbacks)
        own = self._replaces("train_step", "compute_metrics")
        unread: list[tuple[Any, int]] = []
        logs: Logs | None = None
        for step, (x, y) in enumerate(samples.batches(batch_size, shuffle)):
            if step == steps:
                break
            random.move_to(started, step + 1)
            watching.call("on_train_batch_begin", step, {})
            watched = watching.watches_steps
            if own:
                logs = self._own_step("train_step", x, y)
                self.stepped = True
                if not takes_any and "loss" in logs:
                    self._check_loss("", logs["loss"])
            else:
                loss, y_pred = self.gradient_step(x, y)
                self.stepped = True
                self._update_metrics(y, y_pred)
                unread.append((loss, len(x)))
                if watched or len(unread) == _PATIENCE:
                    self.take_losses(unread, takes_any)
                    unread = []
            if watched:
                watching.call("on_train_batch_end", step, self.get_metrics_result() if logs is None else dict(logs))
            if self.stop_training:
                break
        self.take_losses(unread, takes_any)
        return self.get_metrics_result() if logs is None else logs

    def _own_step(self, method: str, x: Any, y: Any) -> Logs:
        """Call a step that a subclass may have replaced, and return its logs."""
        logs = getattr(self, method)((x,) if y is None else (x, y))
        if not isinstance(logs, dict):
            hint = 'return e.g. {"loss": loss}'
            raise ArgumentTypeError(f"{self._who}.{method}", "a dict of logs", type(logs).__name__, hint)
        return as_logs(logs)

    def take_losses(self, losses: Sequence[tuple[Any, int]], takes_any: bool = False) -> None:
        """Add the losses of the last steps to the mean that is reported.

        Args:
            losses: the loss of each step, with the number of its samples.
            takes_any: whether losses may be NaN or infinite.

        Raises:
            NonFiniteError: if a loss is not finite, naming its step.
        """
        taken = self._compiled("fit").iterations
        for step, (value, count) in enumerate(losses, taken - len(losses) + 1):
            loss = float(value)
            if not takes_any:
                self._check_loss(f" at step {step}", loss)
            if self._loss_tracker is not None:
                self._loss_tracker.add(loss, count)

    def _check_loss(self, where: str, loss: Any) -> None:
        if isinstance(loss, float) and not math.isfinite(loss):
            hint = "lower the learning rate or scale the inputs"
            raise NonFiniteError(f"{self._who} loss", "a finite number", f"{loss}{where}", hint)

    @named
    @undoing_builds
    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        *,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute the loss and the metrics of some data.

        Args:
            x: samples along the first axis.
            y: a target for each sample.
            batch_size: samples a batch, 32 if None.
            verbose: 0 for nothing; otherwise the result is printed.
            callbacks: as for `fit`.
            return_dict: whether to return a dict.

        Returns:
            the loss alone, or ``[loss, *metrics]`` in the order of `metrics_names`, or with ``return_dict`` a dict.

        Raises:
            what `fit` raises, also NonFiniteError if the loss is NaN or infinite.

        Source: Keras, ``keras.Model.evaluate``.
        """
        who = f"{self._who}.evaluate"
        self._compiled("evaluate", loss=self._needs("loss", "test_step"))
        given = check_callbacks(who, callbacks)
        size = check_batch_size(f"{who} batch_size", batch_size)
        samples = self.checked_samples(who, x, y, "test_step")
        watching = CallbackList(given, self, verbose=verbose, epochs=1, steps=samples.steps(size))
        with self._run():
            self._checked = self.loss
            logs = self._evaluate(samples, size, watching)
        if "loss" in logs and isinstance(logs["loss"], float) and not math.isfinite(logs["loss"]):
            wrong = next((w.name for w in self.weights if not np.isfinite(w.numpy()).all()), None)
            hint = f"the weight {wrong!r} is not finite" if wrong else "scale the inputs"
            raise NonFiniteError(f"{who} loss", "a finite number", str(logs["loss"]), hint)
        if verbose:
            terminal.console(soft_wrap=True, force_jupyter=False).print(show(logs), markup=False)
        return _reported(logs, return_dict)

    def _evaluate(self, samples: Samples, batch_size: int, watching: CallbackList) -> Logs:
        self.reset_metrics()
        watching.call("on_test_begin", {})
        self.stop_evaluating = False
        watched = watching.overrides("on_test_batch_end")
        logs: Logs | None = None
        for step, (x, y) in enumerate(samples.batches(batch_size)):
            watching.call("on_test_batch_begin", step, {})
            if self._replaces("test_step", "compute_metrics"):
                logs = self._own_step("test_step", x, y)
            else:
                loss, y_pred = self._examine(x, y)
                self._update_metrics(y, y_pred)
                if self._loss_tracker is not None:
                    self._loss_tracker.add(loss, len(x))
            if watched:
                watching.call("on_test_batch_end", step, self.get_metrics_result() if logs is None else dict(logs))
            if self.stop_evaluating:
                break
        found = self.get_metrics_result() if logs is None else logs
        watching.call("on_test_end", dict(found))
        return found

    @named
    @undoing_builds
    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = 0, *, callbacks: Any = None) -> Any:
        """Return the outputs for some inputs, as NumPy arrays.

        Args:
            x: samples along the first axis.
            batch_size: samples a batch, 32 if None.
            verbose: ignored.
            callbacks: as for `fit`.

        Raises:
            ShapeError: for inputs that do not fit.
            NonFiniteError: if an input is NaN or infinite.

        Source: Keras, ``keras.Model.predict``.
        """
        who = f"{self._who}.predict"
        size = check_batch_size(f"{who} batch_size", batch_size)
        given = check_callbacks(who, callbacks)
        samples = Samples(who, x, device=device_of(self.weights))
        watching = CallbackList(given, self, verbose=verbose, epochs=1, steps=samples.steps(size))
        parts = []
        if self.stop_predicting:
            self.stop_predicting = False
        watching.call("on_predict_begin", {})
        with autodiff.no_grad(), samples:
            if samples.x.ndim == 1 and not self._replaces("predict_step"):
                self.dry_run(samples)
            for step, (batch, _) in enumerate(samples.batches(size)):
                watching.call("on_predict_batch_begin", step, {})
                outputs = self.predict_step((batch,))
                parts.append(_on_host(outputs))
                watching.call("on_predict_batch_end", step, {"outputs": outputs})
                if self.stop_predicting:
                    break
        watching.call("on_predict_end", {})
        return _joined(parts)

    # One batch

    @named
    @undoing_builds
    def train_on_batch(self, x: Any, y: Any = None, *, return_dict: bool = True) -> Any:
        """Take one step on one batch, and return its metrics as a dict, or as `evaluate` does.

        Raises:
            what `fit` raises, with the same promise.
        """
        self._compiled("train_on_batch", loss=self._needs("loss", "train_step"))
        samples = self.checked_samples(f"{self._who}.train_on_batch", x, y, "train_step")
        with self.training_run():
            self.reset_metrics()
            ((inputs, targets),) = samples.batches(samples.count)
            if self._replaces("train_step", "compute_metrics"):
                logs = self._own_step("train_step", inputs, targets)
                self._check_loss("", logs.get("loss"))
            else:
                loss, outputs = self.gradient_step(inputs, targets)
                self._update_metrics(targets, outputs)
                self.take_losses([(loss, samples.count)])
                logs = self.get_metrics_result()
        return _reported(logs, return_dict)

    @named
    def test_on_batch(self, x: Any, y: Any = None, *, return_dict: bool = True) -> Any:
        """Return the metrics of one batch as a dict, or as `evaluate` does. Raises what `evaluate` raises."""
        return self.evaluate(x, y, batch_size=_length(x), verbose=0, return_dict=return_dict)

    @named
    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch, as NumPy arrays. Raises what `predict` raises."""
        return self.predict(x, batch_size=_length(x))


def _reported(logs: Logs, as_dict: bool) -> Any:
    values = list(logs.values())
    return logs if as_dict else values if len(values) != 1 else values[0]


def _on_host(outputs: Any) -> Any:
    """Return outputs with NumPy arrays in place of tensors."""
    if isinstance(outputs, Tensor):
        return outputs.numpy()
    if isinstance(outputs, dict):
        return {name: _on_host(value) for name, value in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return [_on_host(value) for value in outputs]
    return np.asarray(outputs)


def _joined(parts: list[Any]) -> Any:
    """Return the outputs of batches as those of all samples."""
    first = parts[0]
    if isinstance(first, dict):
        return {name: _joined([part[name] for part in parts]) for name in first}
    if isinstance(first, list):
        return [_joined([part[number] for part in parts]) for number in range(len(first))]
    return first.copy() if len(parts) == 1 and first.ndim else np.concatenate(parts)


def _length(x: Any) -> int:
    """Return the number of samples, or 1 for data that is refused later."""
    try:
        return max(np.shape(x)[:1], default=1) or 1
    except (ValueError, TypeError, RuntimeError):  # such as lists of different lengths
        return 1

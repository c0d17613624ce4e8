"""`fit`: steps over all samples, for several epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from tensorlab import autodiff, random
from tensorlab.arguments import named
from tensorlab.callbacks import BackupAndRestore, CallbackList, History, Logs, ProgressBar
from tensorlab.errors import ArgumentError, ArgumentTypeError, levels_to_the_user, short_repr
from tensorlab.layers.arguments import describe
from tensorlab.models.data import count_of
from tensorlab.models.data_checks import check_count
from tensorlab.models.epochs import Data, Epochs
from tensorlab.models.evaluation import Evaluation, reported
from tensorlab.models.resuming import Resuming
from tensorlab.models.runs import (
    check_batch_size,
    check_callbacks,
    check_epochs,
    check_frequency,
    find_observers,
    own_draws,
    undoing_builds,
)
from tensorlab.models.stream import Stream, is_stream
from tensorlab.plans import Repeated
from tensorlab.tensor import Tensor, gather

_PATIENCE = 64
"""Steps after which losses are read when no callback needs them; reading each one would stall the device."""


_MIN_STEPS = 16
"""The number of steps below which recording a plan takes longer than it saves."""


class Training(Evaluation):
    """`fit`, and its counterpart for one batch."""

    history: History | None = None
    """What the last `fit` recorded, also if it was interrupted."""
    training_plan: Repeated | None = None
    """How the last steps were taken, or None; ``model.training_plan.explain()`` prints it."""

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
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        checkpoint: Any = None,
        save_every: int | str = "epoch",
        keep_checkpoints: int = 3,
    ) -> History:
        """Train the model.

        Args:
            x: samples along the first axis. Numbers, ``(n,)``, are reshaped to ``(n, 1)`` if a built model needs
                that. Or batches ``(x, y)`` or ``(x, y, sample_weight)``: from a generator, from any other iterable,
                which starts again in every epoch, or from an object with a length and items, such as a
                `tensorlab.utils.PyDataset`.
            y: a target for each sample; None if x gives batches.
            batch_size: samples a step, 32 if None; the last step of an epoch may have fewer. Ignored if x gives
                batches.
            epochs: the epoch to stop before; the number of epochs if ``initial_epoch`` is 0.
            verbose: "auto" or 1 for a progress bar on a terminal and in a notebook, and a line an epoch elsewhere, 0
                for nothing, 2 for the lines.
            callbacks: a `Callback`, the name of a registered one, or a list of them.
            validation_split: the fraction of the samples, taken from the end, that is not trained on but evaluated
                after each epoch; ignored if ``validation_data`` is given.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or batches to evaluate after each epoch, reported as
                ``val_…``.
            shuffle: whether to shuffle the samples before each epoch; of batches, those with an index.
            class_weight: the weight of the samples of each class, by its label; 1 for a label that is not there.
                Targets are labels, ``(n,)`` or ``(n, 1)``, or one-hot rows.
            sample_weight: a number that the loss of each sample is multiplied by. The loss is the mean over all
                samples of a batch, whatever the weights are.
            initial_epoch: the first epoch.
            steps_per_epoch: steps an epoch; all batches if None. The next epoch goes on where the last one ended. If
                there are fewer batches left, the epoch ends with a warning, and arrays start again.
            validation_steps: batches of the validation data that are evaluated, from its beginning; all if None.
            validation_batch_size: as ``batch_size``, for the validation.
            validation_freq: evaluate after every n-th epoch, or after the epochs in a list, counted from 1.
            checkpoint: a folder for checkpoints of this run. If the program is killed and started again, the run goes
                on from the newest one, in the middle of an epoch too, and ends with the same bits as without the
                interruption. If the run had ended, nothing is trained. Ctrl+C (SIGINT) and SIGTERM save a checkpoint
                after the current step, and then end the run; a second one ends it at once. One run at a time may use
                the folder. If a checkpoint cannot be written, because the disk is full for example, there is a warning,
                and the run goes on.
            save_every: "epoch" for a checkpoint after each epoch, or a number of steps for further ones.
            keep_checkpoints: how many checkpoints are kept.

        Returns:
            the metrics of every epoch, in ``history.history``.

        Raises:
            StateError: before `compile`.
            ShapeError: if x, y and the weights differ in length or do not fit the model.
            ArgumentError: for targets that the loss does not accept, a number out of range, or both kinds of weights.
            NonFiniteError: if x or the loss is NaN or infinite.
            StateError: if the folder has checkpoints of another run, or another run uses it.
            FileAccessError: if the folder cannot be used, or a callback cannot write its file.

        After any of these, and any other error of tensorlab, the weights and the optimizers are as they were before
        the call. After a FileAccessError, an exception of a callback or of other code, KeyboardInterrupt included, they
        are as the last step left them, and `history` has the epochs so far.

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
            data, validation = self._data(who, x, y, sample_weight, class_weight, validation_split, validation_data)
            counts = {"steps_per_epoch": steps_per_epoch, "validation_steps": validation_steps}
            counts = {name: None if n is None else check_count(f"{who} {name}", n) for name, n in counts.items()}
            batches = Epochs(who, data, batch_size, counts["steps_per_epoch"], shuffle)
            evaluate_after = check_frequency(f"{who} validation_freq", validation_freq)
            validating = check_batch_size(f"{who} validation_batch_size", validation_batch_size or batch_size)
            if isinstance(validation, Stream) and validation.read_once and validation_steps is None and epochs > 1:
                hint = "pass validation_steps, or data that can be read again"
                raise ArgumentError(f"{who} validation_data", "data for every epoch", "an iterator", hint)
            every = [*(each for each in given if each is not history), *find_observers(), history, *shown]
            watching = CallbackList(every, model=self, verbose=verbose, epochs=epochs, steps=batches.steps)
            backup = next((each for each in given if isinstance(each, BackupAndRestore)), checkpoint)
            saving: AbstractContextManager[Resuming | None] = nullcontext()
            if backup is not None:
                saving = Resuming(who, self, backup, save_every, keep_checkpoints, batches, watching.callbacks)
            self.history = history
            with saving as resuming, own_draws(), self.training_run():
                watching.call("on_train_begin", {})
                logs: Logs = {}
                known = (batches.steps or _MIN_STEPS) * (epochs - initial_epoch)
                few = f"there are fewer than {_MIN_STEPS} steps" if known < _MIN_STEPS else ""
                first = initial_epoch
                if resuming is not None:
                    first, logs = resuming.begin(initial_epoch, epochs)
                for epoch in range(first, epochs):
                    if batches.have_ended():
                        _warn_of_end(who, epoch)
                        break
                    logs = self._train_epoch(epoch, batches, watching, few, resuming)
                    if validation is not None and evaluate_after(epoch + 1):
                        held = Epochs(f"{who} validation_data", validation, validating, counts["validation_steps"])
                        report = self._evaluate(held, watching)
                        logs |= {f"val_{name}": value for name, value in report.items()}
                    watching.call("on_epoch_end", epoch, dict(logs))
                    if resuming is not None:
                        resuming.save(epoch + 1, 0, 0, self.stop_training, logs)
                    if self.stop_training:
                        break
                self._compiled("fit").finalize_variable_values(self.trainable_weights)
                watching.call("on_train_end", dict(logs))
        finally:
            for each in shown:
                each.close()
            if self.training_plan is not None:
                self.training_plan.free()
        return history

    def _data(
        self, who: str, x: Any, y: Any, weights: Any, class_weight: Any, split: Any, validation_data: Any
    ) -> tuple[Data, Data | None]:
        """Check the data for training and for validation, before anything is changed."""
        split = 0.0 if split is None else split
        if isinstance(split, bool) or not isinstance(split, (int, float, np.number)) or not 0 <= split < 1:
            raise ArgumentError(f"{who} validation_split", "a fraction from 0 to below 1", short_repr(split))
        if class_weight is not None and weights is not None:
            raise ArgumentError(who, "class_weight or sample_weight", "both", "multiply the sample weights")
        with self.building():
            data: Data = self.checked_data(who, x, y, "train_step", weights)
            validation: Data | None = None
            if validation_data is not None:
                x, y, weights = validation_data, None, None
                if not is_stream(validation_data):
                    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                        expected = "(x, y), (x, y, sample_weight) or batches"
                        raise ArgumentTypeError(f"{who} validation_data", expected, describe(validation_data))
                    x, y, weights = (*validation_data, None)[:3]
                validation = self.checked_data(f"{who} validation_data", x, y, "test_step", weights)
            elif split:
                if isinstance(data, Stream):
                    hint = "pass validation_data"
                    raise ArgumentError(f"{who} validation_split", "arrays to split", "x as batches", hint)
                data, validation = data.split(float(split))
            if class_weight is not None:
                data.weigh_classes(class_weight)
            return data, validation

    def _train_epoch(
        self,
        epoch: int,
        batches: Epochs,
        watching: CallbackList,
        few: str,
        resuming: Resuming | None,
    ) -> Logs:
        # Counted over all calls of fit, so that the next call draws other random numbers.
        started = self._compiled("fit").iterations + 1
        self.reset_metrics()
        watching.call("on_epoch_begin", epoch, {})
        random.move_to(started, 0)  # after the callbacks, which may draw random numbers too
        taken = 0
        logs: Logs | None = None
        if resuming is not None and (before := resuming.go_on()) is not None:
            started, taken, logs = before
        takes_any = any(callback.takes_non_finite_loss for callback in watching.callbacks)
        own = self._replaces("train_step", "compute_metrics")
        take_step = self._planned_steps(watching.between_steps, few)
        unread: list[tuple[Any, int]] = []
        for step, (x, y, weights) in enumerate(batches.epoch(epoch + 1), taken):
            if batches.run_code and not own:
                take_step = self._planned_steps(watching.between_steps, few)
            random.move_to(started, step + 1)
            watching.call("on_train_batch_begin", step, {})
            watched = watching.watches_steps
            if own:
                gather(autodiff.flatten((x, y, weights)))
                logs = self._own_step("train_step", x, y, weights)
                self.stepped = True
                if not takes_any and "loss" in logs:
                    self._check_loss("", logs["loss"])
            else:
                unread.append((take_step(*self._flat(x, y, weights)), count_of(x)))
                self.stepped = True
                if watched or len(unread) == _PATIENCE:
                    self.take_losses(unread, takes_any)
                    unread = []
            if watched:
                watching.call("on_train_batch_end", step, self.get_metrics_result() if logs is None else dict(logs))
            if resuming is not None and resuming.after_step() and not self.stop_training:
                self.take_losses(unread, takes_any)
                unread = []
                resuming.save(epoch, step + 1, started, self.stop_training, logs)
            if self.stop_training:
                break
        self.take_losses(unread, takes_any)
        watching.params["steps"] = batches.steps
        return self.get_metrics_result() if logs is None else logs

    def _take_step(self, *tensors: Tensor | None) -> Tensor:
        """Take a step on the tensors of a batch, update the metrics, and return the loss."""
        loss: Tensor
        gather(tensors)
        x, y, weights = self._packed(tensors)
        loss, y_pred = self.gradient_step(x, y, weights)
        self.stepped = True
        self._update_metrics(y, y_pred, weights)
        return loss

    def _planned_steps(self, reason: str = "", few: str = "") -> Callable[..., Any]:
        """Return `_take_step` as a function that runs a plan, unless there is a reason against it."""
        if self.training_plan is None:
            self.training_plan = Repeated(self._take_step, [self])
        return self.training_plan.begin("run_eagerly is set" if self.run_eagerly else reason, few)

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

    @named
    @undoing_builds
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch, and return its metrics as `evaluate` does.

        The arguments are those of `fit`.

        Raises:
            what `fit` raises, with the same promise.
        """
        who = f"{self._who}.train_on_batch"
        self._compiled("train_on_batch", loss=self._needs("loss", "train_step"))
        if class_weight is not None and sample_weight is not None:
            raise ArgumentError(who, "class_weight or sample_weight", "both", "multiply the sample weights")
        samples = self.checked_samples(who, x, y, "train_step", sample_weight)
        if class_weight is not None:
            samples.weigh_classes(class_weight)
        with self.training_run():
            self.reset_metrics()
            ((inputs, targets, weights),) = samples.batches(samples.count)
            if self._replaces("train_step", "compute_metrics"):
                logs = self._own_step("train_step", inputs, targets, weights)
                self._check_loss("", logs.get("loss"))
            else:
                loss = self._planned_steps()(*self._flat(inputs, targets, weights))
                self.take_losses([(loss, samples.count)])
                logs = self.get_metrics_result()
        return reported(logs, return_dict)


def _warn_of_end(who: str, epoch: int) -> None:
    warnings.warn(
        f"{who}: training ends after {epoch} epochs, because the generator has no more batches; pass an object that "
        "gives them anew in every epoch, or steps_per_epoch",
        stacklevel=levels_to_the_user(),
    )

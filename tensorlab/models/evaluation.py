"""`evaluate` and `predict`: runs over all samples that change no weight."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import autodiff, terminal
from tensorlab.arguments import named
from tensorlab.callbacks import Callback, CallbackList, Logs, show
from tensorlab.errors import ArgumentTypeError, NonFiniteError
from tensorlab.layers import Layer
from tensorlab.layers.samplewise import is_samplewise
from tensorlab.layers.weights import device_of_weights
from tensorlab.models import inference
from tensorlab.models.compiled import as_logs
from tensorlab.models.data import Samples, count_of
from tensorlab.models.data_checks import check_count, refuse_batches
from tensorlab.models.epochs import Epochs
from tensorlab.models.prediction import Collected, choose_batch_size, joined, leaves_one, on_host
from tensorlab.models.runs import Runs, check_batch_size, check_callbacks, undoing_builds
from tensorlab.models.stream import Stream, is_stream
from tensorlab.plans import Repeated
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor

FEW = 32
"""The number of batches below which recording a plan takes longer than it saves."""


class Evaluation(Runs):
    """`evaluate`, `predict`, and their counterparts for one batch."""

    stop_evaluating = False
    """Set it to True in a callback, and `evaluate` ends after the current batch."""
    _test_plan: Repeated | None = None
    stop_predicting = False
    """Set it to True in a callback, and `predict` ends after the current batch."""

    @named
    @undoing_builds
    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute the loss and the metrics of some data.

        Args:
            x: samples along the first axis, or batches, as for `fit`.
            y: a target for each sample.
            batch_size: samples a batch, 32 if None.
            verbose: 0 for nothing; otherwise the result is printed.
            sample_weight: a weight for each sample, as for `fit`.
            steps: the number of batches to evaluate; all if None.
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
        steps = None if steps is None else check_count(f"{who} steps", steps)
        batches = Epochs(who, self.checked_data(who, x, y, "test_step", sample_weight), size, steps)
        watching = CallbackList(given, model=self, verbose=verbose, epochs=1, steps=batches.steps)
        with self._run():
            self._checked = self.loss
            logs = self._evaluate(batches, watching)
        if "loss" in logs and isinstance(logs["loss"], float) and not math.isfinite(logs["loss"]):
            wrong = next((w.name for w in self.weights if not np.isfinite(w.numpy()).all()), None)
            hint = f"the weight {wrong!r} is not finite" if wrong else "scale the inputs"
            raise NonFiniteError(f"{who} loss", "a finite number", str(logs["loss"]), hint)
        if verbose:
            terminal.console(soft_wrap=True, force_jupyter=False).print(show(logs), markup=False)
        return reported(logs, return_dict)

    def _evaluate(self, batches: Epochs, watching: CallbackList) -> Logs:
        self.reset_metrics()
        watching.call("on_test_begin", {})
        self.stop_evaluating = False
        watched = watching.overrides("on_test_batch_end")
        reason = "callbacks watch the batches" if watching.overrides("on_test_batch_begin") or watched else ""
        is_short = batches.steps is not None and batches.steps < FEW
        few = f"there are fewer than {FEW} batches" if is_short else ""
        take_step = self._planned_tests(reason, few)
        logs: Logs | None = None
        for step, (x, y, weights) in enumerate(batches.epoch()):
            if batches.run_code:
                take_step = self._planned_tests(reason, few)
            watching.call("on_test_batch_begin", step, {})
            if self._replaces("test_step", "compute_metrics"):
                logs = self._own_step("test_step", x, y, weights)
            else:
                loss = take_step(*self._flat(x, y, weights))
                if self._loss_tracker is not None:
                    self._loss_tracker.add(loss, count_of(x))
            if watched:
                watching.call("on_test_batch_end", step, self.get_metrics_result() if logs is None else dict(logs))
            if self.stop_evaluating:
                break
        if self._test_plan is not None:
            self._test_plan.free()
        found = self.get_metrics_result() if logs is None else logs
        watching.call("on_test_end", dict(found))
        return found

    def _take_test(self, *tensors: Tensor | None) -> Tensor:
        """Evaluate the tensors of a batch, update the metrics, and return the loss."""
        loss: Tensor
        x, y, weights = self._packed(tensors)
        loss, y_pred = self._examine(x, y, weights)
        self._update_metrics(y, y_pred, weights)
        return loss

    def _planned_tests(self, reason: str, few: str) -> Callable[..., Any]:
        """Return `_take_test` as a function that runs a plan, unless there is a reason against it."""
        if self._test_plan is None:
            self._test_plan = Repeated(self._take_test, [self])
        return self._test_plan.begin("run_eagerly is set" if self.run_eagerly else reason, few)

    @named
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return the outputs for some inputs, as NumPy arrays.

        Args:
            x: samples along the first axis, or batches, as for `fit`; targets and weights in them are ignored.
            batch_size: samples a batch. None lets tensorlab choose: 32, or more if the result is the same to the bit.
                That is so if every layer is `samplewise`, nothing replaces `predict_step`, no callback watches batches,
                and the model is built and on "cpu".
            verbose: ignored.
            steps: the number of batches to predict; all if None.
            callbacks: as for `fit`.

        Raises:
            ShapeError: for inputs that do not fit.
            NonFiniteError: if an input is NaN or infinite.

        Source: Keras, ``keras.Model.predict``.
        """
        if callbacks is None and batch_size is None and steps is None:
            outputs = inference.repeated(self, x)
            if outputs is not None:
                return outputs
        return self._predict(x, batch_size, verbose, steps, callbacks)

    @undoing_builds
    def _predict(self, x: Any, batch_size: int | None, verbose: int | str, count: int | None, callbacks: Any) -> Any:
        who = f"{self._who}.predict"
        size = check_batch_size(f"{who} batch_size", batch_size)
        given = check_callbacks(who, callbacks)
        if is_stream(x):
            count = None if count is None else check_count(f"{who} steps", count)
            return self._predict_batches(
                Epochs(who, Stream(who, x, False, device_of_weights(self), self._takes()), size, count), given
            )
        samples = Samples(who, x, device=device_of_weights(self), takes=self._takes())
        if count is not None:
            samples = samples.take(check_count(f"{who} steps", count) * size)
        last_alone = False
        if batch_size is None and samples.count > size and self._may_choose_batches(samples, given):
            chosen = choose_batch_size(self._shapes_of_sample(samples.x.shape[1:]), self.dtype.itemsize)
            size, last_alone = max(chosen, size), leaves_one(samples.count)
        notify: Callable[..., None] = _ignore
        if given:
            steps = samples.steps(size, last_alone)
            notify = CallbackList(given, model=self, verbose=verbose, epochs=1, steps=steps).call
        collected = Collected(samples.count)
        if self.stop_predicting:
            self.stop_predicting = False
        notify("on_predict_begin", {})
        own_step = self._replaces("predict_step")
        single, few = isinstance(samples.x, Tensor), samples.count <= inference.MAX_SAMPLES
        compute = inference.called if single and few and not given else _called
        with autodiff.no_grad(), samples:
            if single and samples.x.ndim == 1 and not own_step:
                self.dry_run(samples)
            for step, (batch, _, _) in enumerate(samples.batches(size, last_alone=last_alone)):
                notify("on_predict_batch_begin", step, {})
                outputs = self.predict_step((batch,)) if own_step else compute(self, batch)
                collected.add(outputs, count_of(batch))
                notify("on_predict_batch_end", step, {"outputs": outputs})
                if self.stop_predicting:
                    break
        notify("on_predict_end", {})
        return collected.result()

    def _predict_batches(self, batches: Epochs, callbacks: list[Callback]) -> Any:
        """Return the outputs for batches whose number need not be known."""
        notify = CallbackList(callbacks, model=self, verbose=0, epochs=1, steps=batches.steps).call
        self.stop_predicting = False
        own_step, parts = self._replaces("predict_step"), []
        notify("on_predict_begin", {})
        with autodiff.no_grad():
            if not own_step:
                self.dry_run(batches.data)
            for step, (batch, _, _) in enumerate(batches.epoch()):
                notify("on_predict_batch_begin", step, {})
                outputs = self.predict_step((batch,)) if own_step else _called(self, batch)
                parts.append(on_host(outputs))
                notify("on_predict_batch_end", step, {"outputs": outputs})
                if self.stop_predicting:
                    break
        notify("on_predict_end", {})
        return joined(parts)

    def _may_choose_batches(self, samples: Samples, callbacks: list[Callback]) -> bool:
        """Return whether `predict` may divide samples into any batches, because neither outputs nor hooks differ."""
        return (
            self.built
            and isinstance(samples.x, Tensor)
            and samples.x.ndim > 1
            and samples.on_processor
            and is_samplewise(self)
            and not self._replaces("predict_step")
            and not any([each.overrides("on_predict_batch_begin", "on_predict_batch_end") for each in callbacks])
        )

    def _shapes_of_sample(self, shape: Shape) -> list[Shape]:
        """Return the shapes of a sample of this shape: the inputs, and the outputs of each layer if they are known."""
        return [shape]

    @named
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the metrics of one batch, as `evaluate` does. Raises what `evaluate` raises."""
        refuse_batches(f"{self._who}.test_on_batch x", x)
        size = self._length(x)
        return self.evaluate(x, y, size, verbose=0, sample_weight=sample_weight, return_dict=return_dict)

    @named
    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch, as NumPy arrays. Raises what `predict` raises."""
        refuse_batches(f"{self._who}.predict_on_batch x", x)
        return self.predict(x, batch_size=self._length(x))

    def _length(self, x: Any) -> int:
        """Return the number of samples, or 1 for data that is refused later."""
        if self._takes()[0].is_structure(x):
            x = autodiff.flatten(x)[0]
        return _length(x)

    def _own_step(self, method: str, x: Any, y: Any, weights: Any = None) -> Logs:
        """Call a step that a subclass may have replaced, and return its logs."""
        data = (x, y, weights) if weights is not None else (x,) if y is None else (x, y)
        logs = getattr(self, method)(data)
        if not isinstance(logs, dict):
            hint = 'return e.g. {"loss": loss}'
            raise ArgumentTypeError(f"{self._who}.{method}", "a dict of logs", type(logs).__name__, hint)
        return as_logs(logs)

    def _check_loss(self, where: str, loss: Any) -> None:
        if isinstance(loss, float) and not math.isfinite(loss):
            hint = "lower the learning rate or scale the inputs"
            raise NonFiniteError(f"{self._who} loss", "a finite number", f"{loss}{where}", hint)


def _called(model: Layer, batch: Any) -> Any:
    return model(batch, training=False)


def _ignore(*arguments: Any) -> None:
    """Do nothing, as a list of no callbacks does."""


def reported(logs: Logs, as_dict: bool) -> Any:
    """Return logs as they are, or their values in a list, or a single value itself."""
    values = list(logs.values())
    return logs if as_dict else values if len(values) != 1 else values[0]


def _length(x: Any) -> int:
    """Return the number of samples, or 1 for data that is refused later."""
    try:
        return max(np.shape(x)[:1], default=1) or 1
    except (ValueError, TypeError, RuntimeError):  # such as lists of different lengths
        return 1

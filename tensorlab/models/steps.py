"""What a model is compiled with, and one step of training, evaluation and prediction."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from tensorlab import autodiff, optimizers
from tensorlab.arguments import named
from tensorlab.callbacks import Logs
from tensorlab.checking import here
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError, short_repr
from tensorlab.gradients import GradientTape
from tensorlab.losses import Loss
from tensorlab.metrics import Mean
from tensorlab.models.compiled import Compiled
from tensorlab.models.data import count_of
from tensorlab.models.outputs import OutputLosses
from tensorlab.models.outputs import chosen_loss as choose_loss
from tensorlab.models.outputs import chosen_metrics as choose_metrics
from tensorlab.tensor import Tensor


class Steps(Compiled):
    """`compile`, and the steps that a subclass may replace."""

    run_eagerly = False
    """Whether every step runs its Python code; see `compile`."""

    # Setting up

    @named
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        loss_weights: Any = None,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Set the optimizer, the loss and the metrics.

        Args:
            optimizer: a name or an Optimizer.
            loss: a name, a Loss, or a function of ``(y_true, y_pred)``. For several outputs, a list or dict with one
                for each, or None for an output without a loss; a single one is used for each. Their names in a dict are
                the keys of the model's outputs, or the names of the layers that compute them. The loss of the model is
                the sum, and each is reported as ``NAME_loss``.
            metrics: names, Metrics, losses, or functions of ``(y_true, y_pred)``; reported beside the loss, under the
                names that are given here. Of equal names the second is reported with ``_1``, and so on.
                For several outputs, a list or dict with a list for each; they are reported as ``NAME_METRIC``.
            weighted_metrics: metrics that sample weights and class weights apply to, as they do to the loss. Other
                metrics ignore them. One that is also in ``metrics`` is reported as ``weighted_…``.
            run_eagerly: whether every step runs its Python code, for example to print or to debug. Otherwise most steps
                of an epoch run a plan, with the same results; see `training_plan`.
            loss_weights: a number that each loss is multiplied by in the sum: a list or dict as ``loss``.
            steps_per_execution: accepted as in Keras, and ignored: a plan needs no Python between steps.
            jit_compile: accepted as in Keras, and ignored: every kernel is compiled.
            auto_scale_loss: accepted as in Keras, and ignored: there is no float16 whose gradients vanish.

        Raises:
            UnknownNameError: for an unknown name; the message suggests similar names.
            ArgumentError: for metrics that are no list or dict, losses, weights or metrics of other outputs than there
                are, a loss without a reduction, or another ``run_eagerly``.
            ArgumentTypeError: for a metric that is not one of targets and outputs.

        In these cases nothing is changed.
        """
        who, outputs = f"{self._who}.compile", self._known_outputs()
        chosen_optimizer = optimizers.get(optimizer)
        several = outputs is not None and len(outputs.labels) > 1
        chosen_loss = choose_loss(who, loss, loss_weights, several)
        chosen = choose_metrics(f"{who} metrics", metrics)
        weighted = choose_metrics(f"{who} weighted_metrics", weighted_metrics)
        if outputs is not None:
            if isinstance(chosen_loss, OutputLosses):
                chosen_loss.resolve(outputs)
            chosen.positions(f"{who} metrics", outputs)
            weighted.positions(f"{who} weighted_metrics", outputs)
        if not isinstance(run_eagerly, (bool, type(None))):
            raise ArgumentError(f"{who} run_eagerly", "True or False", short_repr(run_eagerly))
        self._optimizer, self._loss, self.run_eagerly = chosen_optimizer, chosen_loss, bool(run_eagerly)
        self._loss_name = loss if isinstance(loss, str) else ""
        self._chosen_metrics = chosen, weighted
        self._weighted_metrics = tuple([metric for metric, _ in weighted.pairs])
        self._metrics = (*[metric for metric, _ in chosen.pairs], *self._weighted_metrics)
        self._outputs, self._positions = None, ()
        if outputs is not None:
            self._resolve(outputs)
        self._loss_tracker = Mean("loss") if chosen_loss is not None or self._replaces("compute_loss") else None

    # What a subclass may replace

    def train_step(self, data: Any) -> Logs:
        """Take one step on a batch.

        `fit` calls this if a subclass replaces it or `compute_metrics`; otherwise it computes the same without reading
        the loss and the metrics after every step.

        Args:
            data: ``(x, y)``, or ``(x,)`` if `fit` was given no targets, or ``(x, y, sample_weight)``.

        Returns:
            the metrics so far, by name.

        Source: Keras, ``keras.Model.train_step``.
        """
        x, y, sample_weight = unpack(data)
        loss, y_pred = self.gradient_step(x, y, sample_weight)
        if self._loss_tracker is not None:
            self._loss_tracker.update_state(loss, count_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> Logs:
        """Evaluate a batch. Takes and returns what `train_step` does.

        Source: Keras, ``keras.Model.test_step``.
        """
        x, y, sample_weight = unpack(data)
        loss, y_pred = self._examine(x, y, sample_weight)
        if self._loss_tracker is not None:
            self._loss_tracker.update_state(loss, count_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for a batch.

        Args:
            data: ``(x,)``.

        Source: Keras, ``keras.Model.predict_step``.
        """
        return self(unpack(data)[0], training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss of a batch: the compiled loss plus `losses`.

        Args:
            x: inputs, which are ignored.
            y: targets.
            y_pred: outputs.
            sample_weight: a weight for each sample, or None.
            training: whether the batch is trained on, which is ignored.

        Raises:
            StateError: if there is no loss.
            ShapeError: for targets or weights that do not fit the outputs.

        Source: Keras, ``keras.Model.compute_loss``.
        """
        if self._loss is None:
            added = self.losses
            if not added:
                raise uncompiled(f"{self._who}.compute_loss", self)
            return sum(added[1:], start=added[0])
        self._described_outputs(y_pred)
        return sum(self.losses, start=self._loss(y, y_pred, *_given(sample_weight)))

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Logs:
        """Update the compiled metrics, and return the results of all metrics.

        Args:
            x: inputs, which are ignored.
            y: targets.
            y_pred: outputs.
            sample_weight: a weight for each sample, for the weighted metrics.

        Source: Keras, ``keras.Model.compute_metrics``.
        """
        self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    # How they are computed

    def gradient_step(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Change the weights by one step of the optimizer for a batch, and return the loss and the outputs.

        Every training takes its steps with this method. Nothing is copied to the host, so the device may still be
        computing when it returns.

        Args:
            x: inputs.
            y: targets.
            sample_weight: passed to `compute_loss`.

        Raises:
            StateError: before `compile`.
        """
        optimizer = self._compiled("train_step")
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            used = tape.watched_variables()
            loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
            if here.watchers:
                here.watchers[-1].loss(self, loss)
        weights = self.trainable_weights  # the first call may have made them
        if len(used) > len(weights) or not {*map(id, used)} <= {*map(id, weights)}:  # some may be held and frozen
            self._warn_of_missing_attributes(used)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        if here.watchers:
            here.watchers[-1].weights(optimizer, weights)
        return loss, y_pred

    def _examine(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Return the loss and the outputs of a batch, without training."""
        with autodiff.no_grad():
            y_pred = self(x, training=False)
            return self._loss_of(x, y, y_pred, sample_weight, training=False), y_pred

    _checked: Loss | None = None
    """The loss that the targets of the current run have been checked with, all at once."""

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        if self._checked is not None and self._loss is self._checked and not self._replaces("compute_loss"):
            return sum(self.losses, start=self._loss.reduced(y, y_pred, *_given(sample_weight)))
        if "training" in inspect.signature(self.compute_loss).parameters:
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=training)
        else:
            loss = self.compute_loss(x, y, y_pred, sample_weight)
        if not isinstance(loss, Tensor) or loss.ndim:
            received = f"a tensor of shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise ArgumentTypeError(f"{self._who}.compute_loss", "a tensor that is one number", received)
        return loss

    def _replaces(self, *methods: str) -> bool:
        """Return whether a subclass, or this object, has a method of its own."""
        kind, own = type(self), self.__dict__
        return True in [name in own or getattr(kind, name) is not getattr(Steps, name) for name in methods]

    def _compiled(self, method: str, loss: bool = False) -> optimizers.Optimizer:
        if self._optimizer is None or (loss and self._loss is None):
            raise uncompiled(f"{self._who}.{method}", self)
        return self._optimizer


def uncompiled(who: str, model: Steps) -> StateError:
    """Return the error for a model that is not compiled, or compiled without a loss."""
    problem = "the model is compiled without a loss" if model.compiled else "the model is not compiled"
    return StateError(who, problem, "call compile(optimizer=..., loss=...) first")


def _given(sample_weight: Any) -> tuple[Any, ...]:
    """Return the arguments for weights: none if there are none, for losses that do not take any."""
    return () if sample_weight is None else (sample_weight,)


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample weights, None for what is missing.

    Source: Keras, ``keras.utils.unpack_x_y_sample_weight``.
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ArgumentError("data of a step", "(x,), (x, y) or (x, y, sample_weight)", f"{len(data)} items")
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def flat(items: Any) -> Iterator[Any]:
    """Yield the items of nested lists and tuples; of anything else, itself."""
    if isinstance(items, (list, tuple)):
        for item in items:
            yield from flat(item)
    else:
        yield items

"""Training with one launch per epoch: a kernel executes all steps of the epoch.

Three steps of the model are recorded and combined into a program. So every model whose steps consist of kernels can be
trained this way, with the same results, whatever its layers, losses, metrics and optimizers are.
"""

from __future__ import annotations

import functools
import gc
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.callbacks import History
from tensorlab.errors import ArgumentError, DeviceError, StateError
from tensorlab.models.checkpoint import Checkpoint
from tensorlab.models.data import Samples
from tensorlab.models.data_checks import check_count
from tensorlab.models.runs import own_draws
from tensorlab.models.steps import uncompiled
from tensorlab_cuda import driver
from tensorlab_cuda.allocator import upload
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.kernels.program import phases, program_kernel, tables
from tensorlab_cuda.memory import copy_into, picked, to_host
from tensorlab_cuda.recording import discard, record


def fit_persistent(model: Any, x: Any, y: Any, batch_size: int = 32, epochs: int = 1, shuffle: bool = True) -> History:
    """Train a model on the device "cuda" as `Model.fit` does, but with one launch per epoch.

    Batches are those of ``fit``; results differ only by the order in which sums are accumulated. The first call for a
    model compiles its program. It is faster than ``fit`` if launches take most of the time of a step, as with small
    models and small batches.

    Args:
        model: a compiled model; if it is built, its weights must be on the device. Its steps must not need the host: no
            layer may draw random numbers, and no loss, metric or regularizer may read a tensor.
        x: samples along the first axis. ``x`` and ``y`` must fit into half of the free device memory.
        y: a target for each sample.
        batch_size: the number of samples per step; the last step of an epoch may have fewer.
        epochs: the number of epochs.
        shuffle: whether every epoch uses a new random order of the samples.

    Returns:
        the metrics of every epoch, in ``history.history``.

    Raises:
        StateError: if the model is not compiled, or its steps differ in more than their batches.
        ArgumentError: for a layer that draws random numbers, naming it; for a model that overrides ``train_step`` or
            ``compute_metrics``; or for invalid arguments, as in ``fit``.
        DeviceError: for a model or data on another device, or a step that reads a tensor on the host.
        NonFiniteError: if x or the loss is NaN or infinite.

    After an error of tensorlab, weights and optimizer have their state from before the call. After any other exception,
    such as KeyboardInterrupt, they have their state from the end of the last epoch. Both are as in ``fit``.
    """
    who = f"fit_persistent of {model.name!r}"
    _check_model(who, model)
    batch_size = check_count(f"{who} batch_size", batch_size)
    epochs = check_count(f"{who} epochs", epochs)
    with tl.device("cuda"), model.undoing_builds():
        samples = model.checked_samples(who, x, y)
        _check_on_device(who, samples)
        history = model.history = History()
        with own_draws(), model.training_run() as checkpoint:
            program = _Program(who, model, samples, batch_size, checkpoint)
            for epoch in range(epochs):
                history.on_epoch_end(epoch, program.run_epoch(shuffle))
    return history


def _check_model(who: str, model: Any) -> None:
    """Raise unless the steps of a model can be recorded and run on the device."""
    if model.optimizer is None or model.loss is None:
        raise uncompiled(who, model)
    for method in ("train_step", "compute_metrics"):
        if getattr(type(model), method) is not getattr(tl.Model, method):
            hint = "train it with model.fit, or replace compute_loss only"
            raise ArgumentError(who, f"a model with the {method} of Model", f"one that replaces {method}", hint)
    for layer in model.layers:
        hint = "train it with model.fit"
        if isinstance(layer, (tl.layers.Dropout, tl.layers.GaussianNoise)):
            received = f"{type(layer).__name__} {layer.name!r}"
            raise ArgumentError(who, "layers that draw no random numbers", received, hint)
        if isinstance(layer, tl.layers.BatchNormalization):
            received = f"BatchNormalization {layer.name!r}"
            raise ArgumentError(who, "weights that only the optimizer changes", received, hint)
    for weight in model.weights:
        if weight.device != "cuda":
            hint = "make it inside of \"with tl.device('cuda'):\""
            raise DeviceError(who, "a model on the device 'cuda'", f"{weight.name!r} on {weight.device!r}", hint)


def _check_on_device(who: str, samples: Samples) -> None:
    """Raise unless the data is on the device."""
    for name, tensor in (("x", samples.x), ("y", samples.y)):
        if isinstance(tensor, (list, dict)):
            hint = "train a model of several inputs or outputs with model.fit"
            raise ArgumentError(f"{who} {name}", "one array", f"a {type(tensor).__name__} of {len(tensor)}", hint)
        if tensor is not None and tensor.device != "cuda":
            hint = "train it with model.fit, which sends it batch by batch"
            size = f"{tensor.size * tensor.dtype.itemsize / 1e6:,.1f} MB on the device {tensor.device!r}"
            raise DeviceError(f"{who} {name}", "data that fits into half of what is free on the device", size, hint)


class _Program:
    """The kernel that executes the steps of an epoch, and its memory.

    Args:
        who: the name of the training, for messages.
        model: the built model.
        samples: the data, on the device.
        batch_size: samples per step.
        checkpoint: the current state of the model.
    """

    def __init__(self, who: str, model: Any, samples: Samples, batch_size: int, checkpoint: Checkpoint) -> None:
        assert samples.y is not None
        self._who, self._model, self._data, self._batch_size = who, model, (samples.x, samples.y), batch_size
        self._count = samples.count
        self._optimizer = model.optimizer
        full, rest = divmod(samples.count, batch_size)
        self._counts = [batch_size] * full + [rest] * (rest > 0)
        kept = max(3, len(self._counts))  # three steps are recorded, even if there are fewer
        self._order = Buffer.empty((kept * batch_size,), np.dtype(np.int64))
        self._values = [Buffer.empty((kept,), np.dtype(np.float64)) for _ in model.metrics]  # the first is of the loss
        stretches = [(first, n, size) for first, n, size in ((0, full, batch_size), (full, int(rest > 0), rest)) if n]
        try:
            self._stretches = self._recorded(stretches, checkpoint)
        except BaseException:  # recorded launches were not executed
            checkpoint.restore()
            raise
        launches = [launch for _, part, _ in self._stretches for launch in part]
        self._threads = max(driver.device().threads, *(launch.threads for launch in launches))
        self._kernel, self._shared = program_kernel(
            tuple(phases(part) for _, part, _ in self._stretches), self._threads
        )

    def _recorded(self, stretches: list[tuple[int, int, int]], checkpoint: Checkpoint) -> list[Any]:
        """Record the steps for each stretch of equal batch sizes: the number of steps, their launches, and memory."""
        who, optimizer = self._who, self._optimizer
        steps = [functools.partial(self._step_of, first, n, size) for first, n, size in stretches]
        # The first step of a kind compiles kernels. Exceptions that Numba catches meanwhile leave reference cycles with
        # the frames of the step, which refer to weights. A weight that is referenced elsewhere is copied before it is
        # written, so steps would differ until the garbage collector runs.
        for step in steps:
            discard(who, step)
        checkpoint.restore()
        gc.collect()
        taken = optimizer.iterations
        optimizer.apply_gradients([(None, weight) for weight in self._model.trainable_weights])  # allocates the slots
        before = self._addresses()
        found = [(n, *record(who, step)) for (_, n, _), step in zip(stretches, steps, strict=True)]
        optimizer.iterations = taken
        if self._addresses() != before:
            raise StateError(who, "a training step moves weights in memory", "train the model with model.fit")
        return found

    def _addresses(self) -> list[int]:
        variables = (*self._model.trainable_weights, *self._optimizer.variables)
        return [variable.own_buffer().address for variable in variables]

    def _step_of(self, first: int, steps: int, count: int, take: int) -> None:
        """Execute step ``take`` of a stretch."""
        self._optimizer.iterations = take
        self._step(first + take if steps > 1 else first, count)

    def _step(self, number: int, count: int) -> None:
        """Execute a training step, as `Model.fit` does, and keep its loss and metrics on the device."""
        model, start = self._model, number * self._batch_size
        indices = self._order.view(self._order.layout.index(slice(start, start + count)))
        x, y = (tl.Tensor(picked(tensor.buffer, indices), tensor.backend) for tensor in self._data)
        loss, outputs = model.gradient_step(x, y)
        found = [loss, *(tl.mean(metric.sample_values(y, outputs)) for metric in model.metrics[1:])]
        for kept, value in zip(self._values, found, strict=True):
            copy_into(kept.view(kept.layout.index(number)), value.buffer)

    def run_epoch(self, shuffle: bool) -> dict[str, float]:
        """Train for an epoch and return its metrics.

        Raises:
            NonFiniteError: if a loss is not finite, naming its step.
        """
        taken, count = self._optimizer.iterations, self._count
        tl.random.move_to(taken + 1, 0)  # as `Model.fit` does
        order = np.zeros(self._order.size, np.int64)
        order[:count] = tl.random.generator("shuffle").permutation(count) if shuffle else np.arange(count)
        driver.copy_to_device(self._order.array, order)
        given = [upload(table) for table in tables([part[:2] for part in self._stretches], taken)]
        driver.launch_together(
            self._kernel,
            self._threads,
            self._shared,
            *(table.address for table in given),
            *(steps for steps, _, _ in self._stretches),
        )
        self._optimizer.iterations += len(self._counts)
        self._model.stepped = True
        return self._results()

    def _results(self) -> dict[str, float]:
        """Return the metrics of the epoch launched last."""
        model, steps = self._model, len(self._counts)
        losses, *others = (to_host(kept)[:steps] for kept in self._values)
        model.reset_metrics()
        model.take_losses(list(zip(losses, self._counts, strict=True)))
        for metric, values in zip(model.metrics[1:], others, strict=True):
            for value, count in zip(values, self._counts, strict=True):
                metric.add(float(value), count)
        results: dict[str, float] = model.get_metrics_result()
        return results

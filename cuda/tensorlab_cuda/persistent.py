"""Training in one launch an epoch: a kernel that takes all of its steps, and that the host only waits for.

Three steps of the model are recorded, and what they have in common becomes a program. So whatever consists of kernels
can be trained, with the same numbers: any layers, losses, metrics and optimizers, a plugin's as well.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab import autodiff
from tensorlab.callbacks import History
from tensorlab.errors import ArgumentError, DeviceError, NonFiniteError, StateError
from tensorlab.models.data import Samples, check_count
from tensorlab_cuda import driver
from tensorlab_cuda.allocator import upload
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.kernels.program import phases, program_kernel, tables
from tensorlab_cuda.memory import copy_into, picked, to_host
from tensorlab_cuda.recording import record


def fit_persistent(model: Any, x: Any, y: Any, batch_size: int = 32, epochs: int = 1, shuffle: bool = True) -> History:
    """Train a model on the device "cuda" as `Model.fit` does, but with one launch an epoch.

    Batches are the same as those of ``fit``, and so are results but for the order in which sums are added up. The first
    call for a model compiles its program. It pays where the time of a step is that of its launches: small models, small
    batches.

    Args:
        model: compiled, and on the device if it is built. Its steps must not need the host: no layer may draw random
            numbers, and no loss, metric or regularizer may read a tensor.
        x: samples along the first axis; they and ``y`` have to fit into half of the device's free memory.
        y: a target for each.
        batch_size: samples a step; the last step of an epoch may have fewer.
        epochs: how often each sample is used.
        shuffle: whether every epoch takes the samples in an order of its own.

    Returns:
        the metrics of every epoch, in ``history.history``.

    Raises:
        StateError: before `compile`, or if steps differ in more than their batches.
        ArgumentError: for a layer that draws random numbers, naming it; or what ``fit`` raises for its arguments.
        DeviceError: for a model or data on another device, or a step that reads a tensor on the host.
        NonFiniteError: if x or the loss is NaN or infinite.

    After any of these the weights and the optimizer are as they were before the call.
    """
    who = f"fit_persistent of {model.name!r}"
    if model.optimizer is None or model.loss is None:
        problem = "the model is compiled without a loss" if model.compiled else "the model is not compiled"
        raise StateError(who, problem, "call compile(optimizer=..., loss=...) first")
    for layer in model.layers:
        if isinstance(layer, tl.layers.Dropout):
            hint = "train it with model.fit"
            raise ArgumentError(who, "layers that draw no random numbers", f"Dropout {layer.name!r}", hint)
    batch_size = check_count(f"{who} batch_size", batch_size)
    epochs = check_count(f"{who} epochs", epochs)
    with tl.device("cuda"):
        samples = _samples(who, model, x, y)
        before = _state(model)
        history = History()
        outside = tl.random.enter_run()
        try:
            run = _Run(who, model, samples, batch_size)
            for epoch in range(epochs):
                history.on_epoch_end(epoch, run.epoch(shuffle))
        except BaseException:  # a step that is recorded counts, too
            _restore(model, before)
            raise
        finally:
            tl.random.leave_run(outside)
    return history


def _samples(who: str, model: Any, x: Any, y: Any) -> Samples:
    """The data, checked against the model, which is built if it was not."""
    samples = Samples(who, x, y, targets=True, device="cuda")
    for name, tensor in (("x", samples.x), ("y", samples.y)):
        if tensor is not None and tensor.device != "cuda":
            hint = "train it with model.fit, which sends it batch by batch"
            size = f"{tensor.size * tensor.dtype.itemsize / 1e6:,.1f} MB on the device {tensor.device!r}"
            raise DeviceError(f"{who} {name}", "data that fits into half of what is free on the device", size, hint)
    for weight in model.weights:
        if weight.device != "cuda":
            hint = "make it inside of \"with tl.device('cuda'):\""
            raise DeviceError(who, "a model on the device 'cuda'", f"{weight.name!r} on {weight.device!r}", hint)
    with model.building(), autodiff.no_grad():
        outputs = model(samples.first())
        model.loss.check(samples.y, (samples.count, *outputs.shape[1:]))
    return samples


State = tuple[int, list[Any], list[Any]]


def _state(model: Any) -> State:
    optimizer = model.optimizer
    return optimizer.iterations, *([v.snapshot() for v in group] for group in (model.weights, optimizer.variables))


def _restore(model: Any, state: State) -> None:
    optimizer = model.optimizer
    optimizer.iterations, weights, slots = state
    optimizer.forget_slots(keep=len(slots))
    for variable, value in zip((*model.weights, *optimizer.variables), (*weights, *slots), strict=True):
        variable.assign(value)


class _Run:
    """The program of an epoch of a model, and what it works on."""

    def __init__(self, who: str, model: Any, samples: Samples, batch_size: int) -> None:
        assert samples.y is not None
        self._who, self._model, self._data, self._batch_size = who, model, (samples.x, samples.y), batch_size
        self._count = samples.count
        self._weights, self._optimizer = model.trainable_weights, model.optimizer
        full, rest = divmod(samples.count, batch_size)
        self._counts = [batch_size] * full + [rest] * (rest > 0)
        kept = max(3, len(self._counts))  # three steps are recorded, even if there are fewer
        self._order = Buffer.empty((kept * batch_size,), np.dtype(np.int64))
        self._values = [Buffer.empty((kept,), np.dtype(np.float64)) for _ in model.metrics]  # the first is of the loss
        taken = self._optimizer.iterations
        self._optimizer.apply_gradients([(None, weight) for weight in self._weights])  # which makes their slots
        before = self._addresses()
        self._stretches = [
            (steps, *record(who, functools.partial(self._recorded_step, first, steps, count)))
            for first, steps, count in ((0, full, batch_size), (full, int(rest > 0), rest))
            if steps
        ]
        self._optimizer.iterations = taken
        if self._addresses() != before:
            raise StateError(who, "a training step moves weights in memory", "train the model with model.fit")
        launches = [launch for _, part, _ in self._stretches for launch in part]
        self._threads = max(driver.device().threads, *(launch.threads for launch in launches))
        self._kernel, self._shared = program_kernel(
            tuple(phases(part) for _, part, _ in self._stretches), self._threads
        )

    def _addresses(self) -> list[int]:
        return [variable.own_buffer().address for variable in (*self._weights, *self._optimizer.variables)]

    def _recorded_step(self, first: int, steps: int, count: int, take: int) -> None:
        self._optimizer.iterations = take
        self._step(first + take if steps > 1 else first, count)

    def _step(self, number: int, count: int) -> None:
        """Take a step of an epoch, as `Model.fit` does, and keep its loss and metrics on the device."""
        model, start = self._model, number * self._batch_size
        places = self._order.view(self._order.layout.index(slice(start, start + count)))
        x, y = (tl.Tensor(picked(tensor._buffer, places), tensor._backend) for tensor in self._data)
        with tl.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = sum(model.losses, start=model.loss.reduced(y, outputs))
        self._optimizer.apply_gradients(zip(tape.gradient(loss, self._weights), self._weights, strict=True))
        found = [loss, *(tl.mean(metric.sample_values(y, outputs)) for metric in model.metrics[1:])]
        for kept, value in zip(self._values, found, strict=True):
            copy_into(kept.view(kept.layout.index(number)), value._buffer)

    def epoch(self, shuffle: bool) -> dict[str, float]:
        """Train for an epoch and return its metrics.

        Raises:
            NonFiniteError: if a loss is not a finite number, naming its step.
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
        return self._results(taken)

    def _results(self, taken: int) -> dict[str, float]:
        steps = len(self._counts)
        losses, *others = (to_host(kept)[:steps] for kept in self._values)
        for number in np.flatnonzero(~np.isfinite(losses))[:1]:
            hint = "lower the learning rate or scale the inputs"
            received = f"{losses[number]} at step {taken + number + 1}"
            raise NonFiniteError(f"{self._who} loss", "a finite number", received, hint)
        trackers = self._model.metrics
        for tracker, values in zip(trackers, (losses, *others), strict=True):
            tracker.reset_state()
            for value, count in zip(values, self._counts, strict=True):
                tracker.add(float(value), count)
        return {tracker.name: tracker.result() for tracker in trackers}

"""Checks of epochs in one launch, against `fit` on the reference. See `test_cuda_checks`."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from test_cuda_checks import check, real
from test_cuda_training import counted, lion, squared_tanh

import tensorlab as tl
from tensorlab import layers
from tensorlab.errors import ArgumentError, DeviceError, NonFiniteError, ShapeError, StateError

Make = Callable[[], tl.Sequential]


def classifier(optimizer: Any = "rmsprop") -> tl.Sequential:
    model = tl.Sequential([layers.Dense(8, activation="tanh"), layers.Dense(3, activation="softmax")])
    optimizer = optimizer() if callable(optimizer) and optimizer is not lion else optimizer
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def both(make: Make, train: Callable[[tl.Sequential, str], Any]) -> list[tuple[tl.Sequential, list[Any]]]:
    """Train a model on the reference and on the device, from one seed; return models and results of training."""
    trained = []
    for device in ("reference", "cuda"):
        tl.random.set_seed(11)
        with tl.device(device):
            model = make()
            trained.append((model, train(model, device)))
    return trained


def agree(trained: list[tuple[tl.Sequential, Any]], tolerance: float = 1e-5) -> None:
    """Assert that weights, slots, number of steps and history are the same on both devices."""
    (here, expected), (there, received) = trained
    assert {weight.device for weight in there.weights} == {"cuda"}
    assert there.optimizer.iterations == here.optimizer.iterations > 0
    slots = zip(here.optimizer.variables, there.optimizer.variables, strict=True)
    for left, right in [*zip(here.weights, there.weights, strict=True), *slots]:
        np.testing.assert_allclose(right.numpy(), left.numpy(), rtol=tolerance, atol=1e-7)
    assert list(received) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(received[name], values, rtol=tolerance)


def fitting(x: Any, y: Any, batch_size: int, epochs: int, **options: Any) -> Callable[[tl.Sequential, str], Any]:
    """Return a function that trains with `fit` on the reference and with `fit_persistent` on the device."""

    def train(model: tl.Sequential, device: str) -> Any:
        from tensorlab_cuda import fit_persistent

        if device == "cuda":
            return fit_persistent(model, x, y, batch_size, epochs, **options).history
        return model.fit(x, y, batch_size, epochs, verbose=0, **options).history

    return train


@check
def fit_persistent_matches_fit(rng):
    x, y = real(rng, 10, 12), rng.integers(0, 3, 10)  # the last batch is smaller
    for optimizer in ("rmsprop", "adam", lambda: tl.optimizers.SGD(0.1, momentum=0.9), lion):
        agree(both(lambda optimizer=optimizer: classifier(optimizer), fitting(x, y, 4, 2)))


@check
def fit_and_fit_persistent_can_alternate(rng):
    x, y = real(rng, 8, 4), rng.integers(0, 3, 8)
    persistent = fitting(x, y, 4, 1)

    def train(model: tl.Sequential, device: str) -> Any:
        model.fit(x, y, 4, verbose=0)
        persistent(model, device)
        first = model.get_weights()
        model.fit(x, y, 4, verbose=0)
        assert not any(np.array_equal(a, b) for a, b in zip(first, model.get_weights(), strict=True))
        return persistent(model, device)

    agree(both(lambda: classifier("adam"), train))  # Adam depends on the number of the step


def huber(y_true: float, y_pred: float, delta: float = 0.5) -> float:
    error = abs(y_true - y_pred)
    return 0.5 * error * error if error <= delta else delta * (error - 0.5 * delta)


def distance(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
    return tl.max(tl.abs(y_true - y_pred), axis=-1)


@check
def custom_layers_losses_metrics_and_optimizers_are_trained(rng):
    x, y = real(rng, 5, 2, 3), real(rng, 5, 2)

    def make() -> tl.Sequential:
        dense = layers.Dense(4, activation=tl.Activation(squared_tanh), kernel_regularizer="l2")
        model = tl.Sequential([layers.Flatten(), dense, layers.Rescaling(2.0), layers.Dense(2, use_bias=False)])
        model.compile(lion, tl.losses.LossRule(huber)(delta=0.3), metrics=["binary_accuracy", distance])
        return model

    agree(both(make, fitting(x, y, 2, 1, shuffle=False)))


@check
def epoch_may_have_one_or_two_steps(rng):
    x, y = real(rng, 6, 4), rng.integers(0, 3, 6)
    for batch_size in (10, 3):  # only a smaller batch, or two of one size
        agree(both(classifier, fitting(x, y, batch_size, 1)))


@check
def epoch_is_one_launch(rng):
    from tensorlab_cuda import driver, fit_persistent
    from tensorlab_cuda.kernels.program import program_kernel

    x, y = real(rng, 4, 2), rng.integers(0, 3, 4)
    with tl.device("cuda"):
        model = classifier()
    fit_persistent(model, x, y, 4)
    compiled = program_kernel.cache_info().misses
    counts = []
    for epochs in (1, 2):
        with counted(driver, ("launch_together", "_start", "copy_to_device", "download")) as calls:
            fit_persistent(model, x, y, 4, epochs)
        counts.append(calls)
    more = counts[1] - counts[0]
    assert more == {"launch_together": 1, "_start": 1, "copy_to_device": 3, "download": 2}  # per epoch
    assert program_kernel.cache_info().misses == compiled


class Noise(layers.Layer):
    """A custom layer that draws random numbers on the host."""

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return inputs + tl.random.normal(inputs.shape[1:])


class Stepping(tl.Sequential):
    """A model with a custom training step, which cannot be recorded."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def reading(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
    """A metric that reads its tensors on the host."""
    return tl.abs(y_pred) * float(tl.sum(y_pred))


@contextlib.contextmanager
def unchanged(model: tl.Sequential) -> Iterator[None]:
    """Assert that weights, slots and the number of steps do not change."""
    optimizer = model.optimizer
    before = model.get_weights(), optimizer and (optimizer.iterations, [v.numpy() for v in optimizer.variables])
    yield
    after = model.get_weights(), optimizer and (optimizer.iterations, [v.numpy() for v in optimizer.variables])
    np.testing.assert_equal(after, before)


@check
def unsupported_models_and_data_are_rejected(rng):
    from tensorlab_cuda import allocator, driver, fit_persistent

    x, y = real(rng, 6, 4), real(rng, 6, 4)
    who = "^fit_persistent of 'model': expected"

    def model(*parts: layers.Layer, optimizer: Any = "sgd", loss: Any = "mse", **options: Any) -> tl.Sequential:
        made = tl.Sequential([layers.Dense(4), *parts], name="model")
        if loss:
            made.compile(optimizer, loss, **options)
        made.build((None, 4))
        return made

    with tl.device("cuda"):
        uncompiled, dropping, noisy = model(loss=None), model(layers.Dropout(0.5, name="drop")), model(Noise())
        normal = model(layers.BatchNormalization(name="norm"))
        metric, plain, wild = model(metrics=[reading]), model(), model(optimizer=tl.optimizers.SGD(1e30))
        own = Stepping([layers.Dense(4)], name="model")
        own.compile("sgd", "mse")
    elsewhere = model()
    for made, error, message in (
        (uncompiled, StateError, "^fit_persistent of 'model': the model is not compiled; call compile"),
        (dropping, ArgumentError, f"{who} layers that draw no random numbers, received Dropout 'drop'; train it with"),
        (normal, ArgumentError, f"{who} weights that only the optimizer changes, received BatchNormalization 'norm'"),
        (noisy, StateError, "^fit_persistent of 'model': the training steps differ in the data that"),
        (metric, DeviceError, f"{who} a step that stays on the device, received one that reads a tensor on the host"),
        (
            elsewhere,
            DeviceError,
            rf"{who} a model on the device 'cuda', received '.*/kernel' on 'cpu'; make it inside of",
        ),
        (own, ArgumentError, f"{who} a model with the train_step of Model, received one that replaces train_step"),
        (
            wild,
            NonFiniteError,
            r"^Sequential 'model' loss: expected a finite number, received (inf|nan) at step",
        ),
    ):
        with unchanged(made), pytest.raises(error, match=message):
            fit_persistent(made, x, y, 2, epochs=3)
    with unchanged(plain):
        for options, error, message in (
            ({"batch_size": 0}, ArgumentError, r"^fit_persistent of 'model' batch_size: expected an integer"),
            (
                {"epochs": 1.5},
                ArgumentError,
                r"^fit_persistent of 'model' epochs: expected an integer of at least",
            ),
            ({"y": y[:, :3]}, ShapeError, r"^MeanSquaredError: expected targets of the outputs' shape \(6, 4\)"),
            ({"y": y[:3]}, ShapeError, r"^fit_persistent of 'model': expected x and y of one length"),
            ({"x": x * math.nan}, NonFiniteError, r"^fit_persistent of 'model' x: expected finite numbers"),
        ):
            with pytest.raises(error, match=message):
                fit_persistent(plain, **{"x": x, "y": y, **options})
        told = driver.free_memory
        allocator.clear()
        try:
            driver.free_memory = lambda: (0, 1 << 30)
            with pytest.raises(
                DeviceError,
                match=r"^fit_persistent of 'model' x: expected data that fits into half of what is free on the device, "
                r"received 1\.0 MB on the device 'cpu'; train it with model\.fit, which sends it batch by batch$",
            ):
                fit_persistent(plain, *np.zeros((2, 62_500, 4), np.float32))
        finally:
            driver.free_memory = told


@check
def interrupt_keeps_the_completed_epochs(rng):
    """Recorded steps are rolled back."""
    from tensorlab_cuda import fit_persistent, persistent, recording

    x, y = real(rng, 6, 4), rng.integers(0, 3, 6)

    def made() -> tl.Sequential:
        tl.random.set_seed(3)
        with tl.device("cuda"):
            model = classifier("adam")
            model.build((None, 4))
        return model

    expected, model = made(), made()
    fit_persistent(expected, x, y, 3, epochs=2, shuffle=False)
    with interrupted_at_call(2, persistent._Program, "_results"), pytest.raises(KeyboardInterrupt):
        fit_persistent(model, x, y, 3, epochs=5, shuffle=False)
    assert model.optimizer.iterations == expected.optimizer.iterations == 4
    np.testing.assert_equal(model.get_weights(), expected.get_weights())
    assert len(model.history.history["loss"]) == 1
    model = made()
    for call in (1, 60):  # in the first step, and in a later one
        with (
            unchanged(model),
            interrupted_at_call(call, recording.Recording, "launched"),
            pytest.raises(KeyboardInterrupt),
        ):
            fit_persistent(model, x, y, 3)


@contextlib.contextmanager
def interrupted_at_call(number: int, owner: Any, name: str) -> Iterator[None]:
    """Raise KeyboardInterrupt in a call of a method, counted from 1."""
    told, calls = getattr(owner, name), itertools.count(1)

    def call(*arguments: Any) -> Any:
        if next(calls) == number:
            raise KeyboardInterrupt
        return told(*arguments)

    setattr(owner, name, call)
    try:
        yield
    finally:
        setattr(owner, name, told)

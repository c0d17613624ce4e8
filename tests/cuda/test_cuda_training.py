"""Checks of layers, losses, metrics, optimizers and `fit` on CUDA against the reference. See `test_cuda_checks`.

The reference backend compiles nothing, and its results are what those of every backend are compared with.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from test_cuda_checks import check, on, real, same

import tensorlab as tl
from tensorlab import layers
from tensorlab.errors import DeviceError
from tensorlab.losses.crossentropy import LabelLoss
from tensorlab.registry import registries

DEVICES = ("reference", "cuda")


def agree(compute: Callable[[], list[Any]], tolerance: float = 1e-5) -> None:
    """Assert that both devices return the same numbers for the same seed, on their own device."""
    results = []
    for device in DEVICES:
        tl.random.set_seed(5)
        with tl.device(device):
            values = compute()
        assert {value.device for value in values if isinstance(value, tl.Tensor)} <= {device}
        results.append([np.asarray(value) for value in values])
    for here, there in zip(*results, strict=True):
        assert (here.dtype, here.shape) == (there.dtype, there.shape)
        np.testing.assert_allclose(there, here, rtol=tolerance, atol=tolerance)


@contextlib.contextmanager
def counted(driver: Any, names: Sequence[str] = ("launch", "copy_to_device", "download")) -> Iterator[Counter[str]]:
    """Count the calls of some functions of the driver."""
    calls: Counter[str] = Counter()
    plain = {name: getattr(driver, name) for name in names}

    def counting(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls[name] += 1
            return plain[name](*arguments)

        return call

    try:
        for name in names:
            setattr(driver, name, counting(name))
        yield calls
    finally:
        for name in names:
            setattr(driver, name, plain[name])


@check
def layers_match_the_reference(rng):
    x = real(rng, 3, 2, 4)
    made: list[Callable[[], layers.Layer]] = [
        *(lambda name=name: layers.Activation(name) for name in ("relu", "sigmoid", "softmax", "tanh")),
        lambda: layers.Dense(3, activation="sigmoid"),
        lambda: layers.Dense(3, activation=tl.Activation(squared_tanh)),
        layers.Flatten,
        lambda: layers.Reshape((4, 2)),
        lambda: layers.Rescaling(0.5, 1.0),
    ]

    for make in made:

        def compute(make: Callable[[], layers.Layer] = make) -> list[Any]:
            layer, inputs = make(), tl.asarray(x)
            with tl.GradientTape() as tape:
                tape.watch(inputs)
                outputs = layer(inputs, training=True)
                total = tl.sum(outputs * outputs)
            return [outputs, *tape.gradient(total, [inputs, *layer.trainable_weights])]

        agree(compute)


@check
def seeds_give_the_same_numbers_on_both_devices(rng):
    x = real(rng, 4, 5)
    drawn = []
    for device in DEVICES:
        tl.random.set_seed(3)
        with tl.device(device):
            dropout, dense = layers.Dropout(0.4, name="dropout"), layers.Dense(3)
            masks = [dropout(tl.ones((4, 5)), training=True).numpy() for _ in range(2)]
            dense(tl.asarray(x))
            drawn.append([*masks, *dense.get_weights(), tl.random.normal((3,)).numpy()])
    for here, there in zip(*drawn, strict=True):
        assert np.array_equal(here, there)
    assert not np.array_equal(drawn[0][0], drawn[0][1])
    assert 0 in drawn[0][0]


@check
def losses_and_metrics_match_the_reference(rng):
    outputs = rng.uniform(0.05, 0.95, (4, 3)).astype(np.float32)
    outputs /= outputs.sum(1, keepdims=True)
    labels = rng.integers(0, 3, 4)
    hot = np.eye(3, dtype=np.float32)[labels]
    for name in (entry.name for entry in registries["loss"]):
        targets = labels if isinstance(tl.losses.get(name), (LabelLoss, tl.losses.Circle)) else hot

        def loss(name: str = name, targets: Any = targets) -> list[Any]:
            given = tl.asarray(outputs)
            with tl.GradientTape() as tape:
                tape.watch(given)
                value = tl.losses.get(name)(tl.asarray(targets), given)
            return [value, tape.gradient(value, given)]

        agree(loss)
    # These are no functions of targets and outputs, or they need arguments.
    others = {"mean", "io_u", "mean_io_u", "one_hot_io_u", "one_hot_mean_io_u", "precision_at_recall"}
    others |= {"recall_at_precision", "sensitivity_at_specificity", "specificity_at_sensitivity"}
    for name in (entry.name for entry in registries["metric"] if entry.name not in others):
        targets = labels if name.startswith("sparse") else hot

        def metric(name: str = name, targets: Any = targets) -> list[Any]:
            chosen = tl.metrics.get(name)
            chosen.update_state(tl.asarray(targets), tl.asarray(outputs))
            return [chosen.result()]

        agree(metric)


@check
def tapes_can_be_nested(rng):
    x = real(rng, 5)

    def compute() -> list[Any]:
        given = tl.asarray(x)
        with tl.GradientTape() as outer:
            outer.watch(given)
            with tl.GradientTape() as inner:
                inner.watch(given)
                y = tl.sum(tl.tanh(given) * given)
            slope = inner.gradient(y, given)
        return [slope, outer.gradient(slope, given)]

    agree(compute)


def _trained(device: str, x: np.ndarray, y: np.ndarray, optimizer: str) -> tuple[tl.Sequential, list[Any]]:
    tl.random.set_seed(11)
    with tl.device(device):
        model = tl.Sequential(
            [
                layers.Dense(5, activation="tanh"),  # its outputs are all different
                layers.Dropout(0.3, name="dropout"),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, batch_size=12, epochs=2, validation_data=(x[:5], y[:5]), verbose=0).history
        return model, [*model.get_weights(), model.predict(x), *history.values()]


@check
def training_matches_the_reference(rng):
    x, y = real(rng, 24, 6), rng.integers(0, 3, 24)
    for optimizer in ("rmsprop", "adam"):
        here, expected = _trained("reference", x, y, optimizer)
        there, received = _trained("cuda", x, y, optimizer)
        assert {weight.device for weight in there.weights} == {"cuda"}
        for left, right in zip(expected, received, strict=True):
            np.testing.assert_allclose(right, left, rtol=1e-4, atol=1e-5)
    for source, target in itertools.permutations((here, there), 2):
        source.set_weights([2 * weight for weight in source.get_weights()])
        target.set_weights(source.get_weights())
        for weight, moved in zip(source.weights, target.weights, strict=True):
            assert moved.device != weight.device
            assert np.array_equal(moved.numpy(), weight.numpy())
    assert there.optimizer is not None
    there.optimizer.set_state(there.optimizer.get_state(), there.trainable_weights)
    assert {slot.device for slot in there.optimizer.variables} == {"cuda"}


@check
def weights_after_a_hundred_steps_match_the_reference(rng):
    x, y = real(rng, 4, 2), real(rng, 4, 1)
    weights = []
    for device in DEVICES:
        tl.random.set_seed(2)
        with tl.device(device):
            model = tl.Sequential([layers.Dense(1, activation="tanh")])
            model.compile(optimizer="rmsprop", loss="mse")
            model.fit(x, y, batch_size=4, epochs=100, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for here, there in zip(*weights, strict=True):
        np.testing.assert_allclose(there, here, rtol=0, atol=1e-5)


@check
def model_accepts_host_arrays(rng):
    x, y = real(rng, 6, 4), rng.integers(0, 2, 6)
    with tl.device("cuda"):
        model = tl.Sequential([layers.Dense(2, activation="softmax")])
        model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x[:1], y[:1], verbose=0)
    model.fit(x, y, verbose=0, validation_data=(x, y))
    outputs = model(x)
    assert outputs.device == "cuda"
    np.testing.assert_array_equal(model.predict(x), outputs.numpy())
    model.evaluate(x, y, verbose=0)
    model.train_on_batch(x, y)
    with pytest.raises(DeviceError, match=r"expected tensors on one device, received 'cpu' and 'cuda'; move one of"):
        model(tl.asarray(x))


@check
def data_is_copied_to_the_device_once(rng):
    from tensorlab_cuda import driver

    x, y = real(rng, 8, 101), rng.integers(0, 2, 8)
    copied: list[tuple[int, ...]] = []
    plain = driver.copy_to_device
    try:
        driver.copy_to_device = lambda memory, array: copied.append(array.shape) or plain(memory, array)
        with tl.device("cuda"):
            model = tl.Sequential([layers.Dense(2, activation="softmax")])
            model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
            model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    finally:
        driver.copy_to_device = plain
    assert copied.count(x.shape) == 1
    assert copied.count((101, 2)) == 1  # the initial weights
    assert (4, 101) not in copied  # batches are gathered on the device


def lion(w: float, g: float, m: float, learning_rate: float = 0.01, decay: float = 0.9) -> tuple[float, float]:
    """The rule of a custom optimizer."""
    change = decay * m + (1.0 - decay) * g
    sign = 1.0 if change > 0.0 else -1.0
    return w - learning_rate * sign, change


def squared_tanh(x: float) -> float:
    """A custom activation."""
    return math.tanh(x) * math.tanh(x)


@check
def optimizer_step_is_one_launch(rng):
    from tensorlab_cuda import driver

    shapes = [(7, 5), (5,), (), (0, 2), (2, 3)]
    weights, gradients = [[real(rng, *shape) for shape in shapes] for _ in range(2)]
    for given_as in ("adam", lion):
        moved = []
        for device in DEVICES:
            with tl.device(device):
                variables = [tl.Variable(weight) for weight in weights]
                given = [tl.asarray(gradient) for gradient in gradients]
            optimizer = tl.optimizers.get(given_as)
            optimizer.apply_gradients(zip(given, variables, strict=True))  # creates the slots
            with counted(driver) as calls:
                for _ in range(2):
                    optimizer.apply_gradients(zip(given, variables, strict=True))
            if device == "cuda":
                assert calls["launch"] == 2
                assert calls["copy_to_device"] <= 1  # the addresses of weights, once
            moved.append(variables)
        for here, there in zip(*moved, strict=True):
            np.testing.assert_allclose(there.numpy(), here.numpy(), rtol=1e-6, atol=1e-6)


@check
def large_data_is_copied_batch_by_batch(rng):
    from tensorlab_cuda import allocator, driver

    x, y = real(rng, 10, 67), rng.integers(0, 3, 10)
    copied: list[tuple[int, ...]] = []
    plain, told = driver.copy_to_device, driver.free_memory
    weights = []
    for device in DEVICES:
        tl.random.set_seed(4)
        try:
            driver.copy_to_device = lambda memory, array: copied.append(array.shape) or plain(memory, array)
            driver.free_memory = lambda: (x.nbytes - allocator.unused(), 2 * x.nbytes)  # x needs more than half of it
            with tl.device(device):
                model = tl.Sequential([layers.Dense(3, activation="softmax")])
                model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
                model.fit(x, y, batch_size=4, epochs=2, verbose=0, validation_data=(x[:5], y[:5]))
                weights.append(
                    [*model.get_weights(), model.predict(x), model.train_on_batch(x, y, return_dict=True)["loss"]]
                )
        finally:
            driver.copy_to_device, driver.free_memory = plain, told
    assert copied.count((4, 67)) == 4  # in two epochs
    assert copied.count((2, 67)) == 2
    assert copied.count(x.shape) == 2  # predict and train_on_batch use one batch
    assert copied.count((5, 67)) == 1  # validation data, which needs less than half
    for here, there in zip(*weights, strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-6)


@check
def training_step_does_not_synchronize(rng):
    from tensorlab_cuda import driver

    x, y = real(rng, 12, 5), rng.integers(0, 3, 12)
    with tl.device("cuda"):
        model = tl.Sequential(
            [layers.Dense(4, activation="relu"), layers.Dense(3, activation="softmax")],
        )
        model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, batch_size=6, verbose=0)
        counts = []
        for epochs in (1, 2):
            with counted(driver) as calls:
                model.fit(x, y, batch_size=6, epochs=epochs, verbose=0)
            counts.append(calls)
    more = counts[1] - counts[0]
    assert more["copy_to_device"] <= 2  # the order of the second epoch, and the addresses of gradients
    assert more["download"] == 4  # losses and accuracies of two steps, at the end of the epoch
    assert more["launch"] <= 2 * 24

    class Watching(tl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            self.seen = [*getattr(self, "seen", []), logs]

    watching = Watching()
    history = model.fit(x, y, batch_size=6, verbose=0, callbacks=[watching]).history
    assert len(watching.seen) == 2
    assert watching.seen[-1] == {name: values[0] for name, values in history.items()}


@check
def assignment_needs_no_transfer(rng):
    from tensorlab_cuda import driver

    with tl.device("cuda"):
        variable = tl.Variable(real(rng, 3, 4))
    held, value = variable.snapshot(), on(real(rng, 3, 4))
    before = held.numpy()
    plain = driver.download
    try:
        driver.download = None
        variable.assign(value)
        variable.assign_add(value)
        copy = tl.asarray(tl.matrix_transpose(variable), copy=True)
    finally:
        driver.download = plain
    same(held, before, 0)
    same(variable, 2 * value.numpy())
    same(copy, variable.numpy().T, 0)

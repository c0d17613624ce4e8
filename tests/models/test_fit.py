"""`fit`: order of samples, batches, seeds, dtypes, and results that do not depend on the number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from weights import same

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.layers import Dense, Dropout, Flatten, Rescaling

Array = np.ndarray[Any, Any]
SAMPLES, FEATURES, CLASSES = 23, 5, 4


def data(rng: np.random.Generator, count: int = SAMPLES) -> tuple[Array, Array]:
    return rng.normal(size=(count, FEATURES)).astype("float32"), rng.integers(0, CLASSES, count)


def network(dropout: float = 0.0, optimizer: Any = "rmsprop") -> tl.Sequential:
    layers = [Dense(16, activation="relu"), Dense(CLASSES, activation="softmax")]
    if dropout:
        layers.insert(1, Dropout(dropout))
    model = tl.Sequential(layers)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def twins() -> tuple[tl.Sequential, tl.Sequential]:
    """Return two networks with the same weights."""
    first, second = network(), network()
    for each in (first, second):
        each.build((None, FEATURES))
    second.set_weights(first.get_weights())
    return first, second


def test_model_learns(rng: np.random.Generator) -> None:
    x = rng.normal(size=(300, FEATURES)).astype("float32")
    y = (x @ rng.normal(size=(FEATURES, CLASSES))).argmax(axis=-1)
    model = network(optimizer=tl.optimizers.RMSprop(0.01))
    history = model.fit(x, y, epochs=40, batch_size=32, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.85
    assert model.optimizer.iterations == 40 * 10


def test_batches_are_in_order_without_shuffling(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model, other = twins()
    history = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    expected: list[tuple[float, float]] = []
    for _ in range(2):
        logs = []
        for start in (0, 8, 16):
            batch = slice(start, start + 8)
            logs.append((len(x[batch]), other.train_on_batch(x[batch], y[batch], return_dict=True)))
        expected.append(tuple(sum(n * each[name] for n, each in logs) / SAMPLES for name in ("loss", "accuracy")))
    assert [n for n, _ in logs] == [8, 8, 7]  # the last batch is smaller
    assert same(model.get_weights(), other.get_weights())
    assert history["loss"] == pytest.approx([loss for loss, _ in expected], rel=1e-12)
    assert history["accuracy"] == pytest.approx([accuracy for _, accuracy in expected], rel=1e-12)
    assert model.optimizer.iterations == 6


def seen_by(model_fit: Callable[[Any], Any]) -> list[list[int]]:
    """Return the targets of every batch on which a model is trained."""
    batches: list[list[int]] = []

    def watching(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
        batches.append([int(value) for value in y_true.numpy().ravel()])
        return tl.sum(y_pred * 0.0, axis=-1)

    model = tl.Sequential([Dense(1)])
    model.compile("sgd", watching)
    model_fit(model)
    return batches


def test_shuffling_uses_every_sample_once_with_its_target(rng: np.random.Generator) -> None:
    numbers = np.arange(SAMPLES)
    batches = seen_by(lambda model: model.fit(numbers[:, None], numbers, epochs=3, batch_size=8, verbose=0))
    assert [len(batch) for batch in batches] == [8, 8, 7] * 3
    epochs = [[number for batch in batches[k : k + 3] for number in batch] for k in (0, 3, 6)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(SAMPLES))
        assert epoch != list(range(SAMPLES))
    assert epochs[0] != epochs[1] != epochs[2]
    x = rng.permutation(100)[:, None]
    pairs: list[Array] = []

    def together(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
        pairs.append((y_true.numpy() - 2.0 * y_pred.numpy()).ravel())
        return tl.sum(y_pred * 0.0, axis=-1)

    model = tl.Sequential([Dense(1, kernel_initializer="ones")])  # the identity
    model.compile("sgd", together)
    model.fit(x, 2.0 * x, batch_size=7, verbose=0)
    assert not np.concatenate(pairs).any()


def test_next_fit_uses_another_order() -> None:
    numbers = np.arange(SAMPLES)

    def twice(model: tl.Sequential) -> None:
        for _ in range(2):
            model.fit(numbers[:, None], numbers, batch_size=SAMPLES, verbose=0)

    first, second = seen_by(twice)
    assert first != second
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_seed_reproduces_a_run_bit_for_bit(dropout: float, rng: np.random.Generator) -> None:
    x, y = data(rng)

    def run(seed: int) -> tuple[list[Array], dict[str, list[float]]]:
        tl.utils.set_random_seed(seed)
        model = network(dropout)
        history = model.fit(x, y, epochs=3, batch_size=8, verbose=0, validation_data=(x, y)).history
        return model.get_weights(), history

    weights, history = run(7)
    again, repeated = run(7)
    assert same(again, weights)
    assert repeated == history
    other, different = run(8)
    assert not any(np.array_equal(a, b) for a, b in zip(other, weights, strict=True))
    assert different != history


def test_callbacks_and_output_do_not_change_a_run(rng: np.random.Generator) -> None:
    x, y = data(rng)

    def run(**options: Any) -> list[Array]:
        tl.utils.set_random_seed(7)
        model = network(0.4)
        model.fit(x, y, epochs=2, batch_size=8, **options)
        return model.get_weights()

    expected = run(verbose=0)
    assert same(run(verbose=2), expected)
    assert same(run(verbose=1, validation_data=(x[:5], y[:5])), expected)
    assert same(run(verbose=0, callbacks=[tl.callbacks.Callback()]), expected)


@pytest.fixture
def threads() -> Iterator[None]:
    before = tl.get_num_threads()
    yield
    tl.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_results_do_not_depend_on_the_number_of_threads(rng: np.random.Generator) -> None:
    x = rng.normal(size=(600, 301)).astype("float32")
    y = rng.integers(0, 10, 600)

    def run(count: int) -> tuple[list[Array], dict[str, list[float]]]:
        tl.set_num_threads(count)
        tl.utils.set_random_seed(7)
        model = tl.Sequential([Dense(129, activation="relu"), Dense(10, activation="softmax")])
        model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=2, batch_size=250, verbose=0).history
        return model.get_weights(), history

    weights, history = run(1)
    for count in (2, 3, 7):
        again, repeated = run(count)
        assert same(again, weights)
        assert repeated == history


def test_batch_size_may_exceed_the_number_of_samples(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model, other = twins()
    model.fit(x, y, batch_size=1000, shuffle=False, verbose=0)
    other.train_on_batch(x, y)
    assert model.optimizer.iterations == 1
    assert same(model.get_weights(), other.get_weights())


def test_uint8_data_is_accepted(rng: np.random.Generator) -> None:
    images, labels = rng.integers(0, 256, (SAMPLES, 4, 3)).astype("uint8"), rng.integers(0, 4, SAMPLES).astype("uint8")

    def model_of(layers: list[tl.layers.Layer]) -> tl.Sequential:
        model = tl.Sequential([*layers, Flatten(), Dense(CLASSES, activation="softmax")])
        model.build((None, 4, 3))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    scaled, plain = model_of([Rescaling(1.0 / 255.0)]), model_of([])
    plain.set_weights(scaled.get_weights())
    scaled.fit(images, labels, batch_size=8, shuffle=False, verbose=0)
    plain.fit(images.astype("float32") / 255.0, labels.astype("int64"), batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(scaled.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_tensors_lists_and_views_are_accepted(rng: np.random.Generator) -> None:
    x, y = data(rng)
    wide = np.zeros((SAMPLES, 2 * FEATURES), "float32")
    wide[:, ::2] = x
    weights = []
    for inputs, targets in ((x, y), (tl.asarray(x), tl.asarray(y)), (x.tolist(), y.tolist()), (wide[:, ::2], y[:])):
        tl.utils.set_random_seed(7)
        model = network()
        model.fit(inputs, targets, batch_size=8, verbose=0)
        weights.append(model.get_weights())
    assert all(same(each, weights[0]) for each in weights)


def test_data_is_not_changed(rng: np.random.Generator) -> None:
    x, y = data(rng)
    before = x.copy(), y.copy()
    network().fit(x, y, epochs=2, batch_size=8, verbose=0)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_frozen_layer_is_not_trained(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model = network()
    model.build((None, FEATURES))
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(x, y, batch_size=8, verbose=0)
    after = model.get_weights()
    assert same(after[:2], before[:2])
    assert not np.array_equal(after[2], before[2])


def test_regression_with_one_output(rng: np.random.Generator) -> None:
    x = rng.normal(size=(64, 2)).astype("float32")
    y = x @ np.array([1.5, -2.0]) + 0.5
    model = tl.Sequential([Dense(1)])
    model.compile(tl.optimizers.SGD(0.1, momentum=0.5), "mse")
    history = model.fit(x, y, epochs=30, batch_size=16, verbose=0).history
    assert history["loss"][-1] < 1e-3
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel.ravel(), [1.5, -2.0], atol=0.05)
    np.testing.assert_allclose(bias, [0.5], atol=0.05)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"batch_size": 0}, ArgumentError, "batch_size: expected an integer of at least 1, received 0"),
        ({"batch_size": 2.5}, ArgumentError, "batch_size: expected an integer of at least 1, received 2.5"),
        ({"epochs": -1}, ArgumentError, "epochs: expected an integer of at least 0, received -1"),
        ({"epochs": True}, ArgumentError, "epochs: expected an integer of at least 0, received True"),
        ({"initial_epoch": -1}, ArgumentError, "initial_epoch: expected an integer of at least 0, received -1"),
        ({"steps_per_epoch": 0}, ArgumentError, "steps_per_epoch: expected an integer of at least 1, received 0"),
        ({"validation_freq": 0}, ArgumentError, "validation_freq: expected an integer of at least 1, received 0"),
        (
            {"validation_split": 1.0},
            ArgumentError,
            "validation_split: expected a fraction from 0 to below 1, received 1.0",
        ),
        (
            {"validation_split": 0.99},
            ArgumentError,
            "validation_split: expected a fraction that leaves samples on both sides of 23, received 0.99, "
            "which leaves 0 to train on",
        ),
        ({"verbose": 3}, ArgumentError, "verbose: expected 'auto', 0, 1 or 2, received 3"),
        (
            {"callbacks": [tl.callbacks.EarlyStopping]},
            ArgumentTypeError,
            "callbacks: expected a list of Callbacks or names of some, received [<class "
            "'tensorlab.callbacks.monitor.EarlyStopping'>]; give an object of the class, e.g. EarlyStopping()",
        ),
        (
            {"callbacks": [print]},
            ArgumentTypeError,
            "callbacks: expected a list of Callbacks or names of some, received [<built-in",
        ),
        ({"validation_data": np.zeros((3, 5))}, ArgumentTypeError, "validation_data: expected (x, y), (x, y, sample"),
        (
            {"validation_data": (np.zeros((3, 5)),)},
            ArgumentTypeError,
            "validation_data: expected (x, y), (x, y, sample",
        ),
        (
            {"validation_data": (np.zeros((3, 5)), np.zeros(2, "int64"))},
            ShapeError,
            "validation_data: expected x and y of one length, received x of shape (3, 5) and y of shape (2,)",
        ),
    ],
)
def test_invalid_arguments_change_nothing(
    arguments: dict[str, Any], kind: type[Exception], message: str, rng: np.random.Generator
) -> None:
    x, y = data(rng)
    model = network()
    model.fit(x, y, batch_size=8, verbose=0)
    before, iterations = model.get_weights(), model.optimizer.iterations
    with pytest.raises(kind) as error:
        model.fit(x, y, **{"verbose": 0, **arguments})
    assert str(error.value).startswith(f"Sequential {model.name!r}.fit {message}")
    assert same(model.get_weights(), before)
    assert model.optimizer.iterations == iterations

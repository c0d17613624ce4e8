"""`fit`, `evaluate` and `predict` with batches: from generators, other iterables, and objects with items."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from weights import same

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError, ShapeError, StateError
from tensorlab.layers import Dense

X = np.sin(np.arange(24.0)).reshape(12, 2).astype("float32")
Y = (X[:, :1] - 0.5 * X[:, 1:]).astype("float32")


def network() -> tl.Sequential:
    model = tl.Sequential([Dense(1, kernel_initializer="ones")], name="net")
    model.compile("sgd", "mse")
    return model


def generator(count: int, size: int = 4) -> Iterator[Any]:
    for index in range(count):
        rows = slice(index * size % 12, index * size % 12 + size)
        yield X[rows], Y[rows]


class Again:
    """An iterable that begins anew."""

    def __iter__(self) -> Iterator[Any]:
        return generator(3)


class Items:
    """An object with a length and items, which are batches."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


class Data(Items, tl.utils.PyDataset):
    pass


class Loader:
    """An iterable with a length but no items, as data loaders of other libraries are."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Any]:
        return generator(3)


@pytest.mark.parametrize("kind", [Again, Items, Data, Loader])
def test_batches_are_those_of_arrays(kind: type) -> None:
    model, other = network(), network()
    found = model.fit(kind(), epochs=3, shuffle=False, verbose=0, validation_data=kind())
    expected = other.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y))
    assert found.history["loss"] == expected.history["loss"]
    np.testing.assert_allclose(found.history["val_loss"], expected.history["val_loss"], rtol=1e-6)
    assert same(model.get_weights(), other.get_weights())
    assert found.params["steps"] == 3
    assert model.evaluate(kind(), verbose=0) == other.evaluate(X, Y, batch_size=4, verbose=0)
    assert np.array_equal(model.predict(kind()), other.predict(X, batch_size=4))
    assert model.predict(kind(), steps=2).shape == (8, 1)


def test_long_epochs_of_batches_run_a_plan() -> None:
    model, other = network(), network()
    model.fit(generator(30), verbose=0)
    other.fit(np.tile(X, (10, 1)), np.tile(Y, (10, 1)), batch_size=4, shuffle=False, verbose=0)
    assert model.training_plan is not None
    assert len(model.training_plan.plans) == 1
    assert same(model.get_weights(), other.get_weights())


def test_batches_whose_code_changes_the_weights() -> None:
    def changing(model: tl.Sequential) -> Iterator[Any]:
        for step in range(12):
            if step in (5, 9):
                model.set_weights([2.0 * weight for weight in model.get_weights()])
            if step == 7:
                model.optimizer.learning_rate = 0.1
            yield X, Y

    found = []
    for eagerly in (False, True):
        model = network()
        model.compile("sgd", "mse", run_eagerly=eagerly)
        model.fit(changing(model), verbose=0)
        found.append(model.get_weights())
    assert same(*found)


def test_shuffle_changes_the_order_of_items() -> None:
    order: list[int] = []

    class Recording(Items):
        def __len__(self) -> int:
            return 30

        def __getitem__(self, index: int) -> Any:
            order.append(index)
            return X, Y

    model = network()
    model.fit(Recording(), epochs=2, verbose=0)
    first, second = order[1:31], order[31:]  # after the item that builds the model
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second
    assert first != sorted(first)
    model.evaluate(Recording(), verbose=0)
    assert order[-30:] == list(range(30))


def test_hooks_of_a_data_set_are_called() -> None:
    calls: list[str] = []

    class Hooked(Data):
        def on_epoch_begin(self) -> None:
            calls.append("begin")

        def on_epoch_end(self) -> None:
            calls.append("end")

    network().fit(Hooked(), epochs=2, verbose=0)
    assert calls == ["begin", "end"] * 2


def test_generator_goes_on_in_the_next_epoch() -> None:
    seen: list[float] = []

    def counted() -> Iterator[Any]:
        for number in range(100):
            seen.append(number)
            yield X[:4] + np.float32(number), Y[:4]

    model = network()
    model.compile(tl.optimizers.SGD(0.0), "mse")
    history = model.fit(counted(), epochs=3, steps_per_epoch=2, verbose=0)
    assert seen == [0, 1, 2, 3, 4, 5]
    losses = [float(np.mean(((X[:4] + n).sum(axis=1, keepdims=True) - Y[:4]) ** 2)) for n in range(6)]
    np.testing.assert_allclose(history.history["loss"], np.reshape(losses, (3, 2)).mean(axis=1), rtol=1e-5)


def test_generator_that_ends() -> None:
    model = network()
    with pytest.warns(UserWarning, match="the data ended after 1 of 3 steps of epoch 2; give more batches") as caught:
        history = model.fit(generator(4), epochs=2, steps_per_epoch=3, verbose=0)
    assert caught[0].filename == __file__
    assert history.epoch == [0, 1]
    with pytest.warns(UserWarning, match="fit: training ends after 1 epochs, because the generator has no more"):
        history = model.fit(generator(4), epochs=5, verbose=0)
    assert history.epoch == [0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert network().fit(generator(4), verbose=0).epoch == [0]  # which Keras warns about


def test_exceptions_of_a_generator_name_the_step() -> None:
    def failing() -> Iterator[Any]:
        yield from generator(4)
        raise OSError("the disk is gone")

    model = network()
    with pytest.raises(OSError, match="the disk is gone") as error:
        model.fit(failing(), epochs=3, steps_per_epoch=3, verbose=0)
    assert error.value.__notes__ == ["Sequential 'net'.fit: x raised this for step 2 of epoch 2"]
    assert model.optimizer.iterations == 4  # what was trained is kept, as after any error that is not tensorlab's
    assert model.history.epoch == [0]


@pytest.mark.parametrize(
    ("batch", "kind", "message"),
    [
        ((X[:4], Y[:3]), ShapeError, ": expected x and y of one length, received x of shape (4, 2) and y of shape"),
        ((X[:4, :1], Y[:4]), ShapeError, ""),
        ((X[:4], np.zeros((4, 3))), ShapeError, "MeanSquaredError: expected targets of the outputs' shape (4, 1)"),
        ((X[:4] * np.nan, Y[:4]), NonFiniteError, " x: expected finite numbers, received nan at (0, 0)"),
        ((X[:4],), ArgumentTypeError, " y: expected a target for each sample, received None"),
        ((X[:4], Y[:4], np.ones(3)), ShapeError, " sample_weight: expected a weight for each sample, shape (4,)"),
        ((1, 2, 3, 4), ArgumentTypeError, ": expected a batch x, (x,), (x, y) or (x, y, sample_weight), received a tu"),
    ],
)
def test_wrong_batches_change_nothing(batch: Any, kind: type[Exception], message: str) -> None:
    def data() -> Iterator[Any]:
        yield X[:4], Y[:4]
        yield batch

    model = network()
    model.build((None, 2))
    before = model.get_weights()
    with pytest.raises(kind) as error:
        model.fit(data(), verbose=0)
    where = "" if message.startswith("Mean") or not message else "Sequential 'net'.fit, step 2 of epoch 1,"
    assert str(error.value).startswith(where + message)
    assert same(model.get_weights(), before)
    assert model.optimizer.iterations == 0


REFUSED: list[tuple[Callable[[tl.Sequential], Any], str]] = [
    (
        lambda model: model.fit(generator(3), Y, verbose=0),
        "fit: expected y in the batches of x, received y beside them; let x give (x, y), without y=...",
    ),
    (
        lambda model: model.fit(Data(), sample_weight=np.ones(3), verbose=0),
        "fit: expected sample_weight in the batches of x, received sample_weight beside them; let x give (x, y, "
        "sample_weight), without sample_weight=...",
    ),
    (
        lambda model: model.fit(generator(3), validation_split=0.5, verbose=0),
        "fit validation_split: expected arrays to split, received x as batches; pass validation_data",
    ),
    (
        lambda model: model.fit(generator(0), verbose=0),
        "fit x: expected at least one batch, received data that ends before the first one",
    ),
    (
        lambda model: model.fit(X, Y, epochs=2, validation_data=generator(3), verbose=0),
        "fit validation_data: expected data for every epoch, received an iterator; pass validation_steps, or data "
        "that can be read again",
    ),
    (
        lambda model: model.fit(((X, Y, np.ones(12)) for _ in range(2)), class_weight={0: 1.0}, verbose=0),
        "fit, step 1 of epoch 1,: expected class_weight or sample_weight, received both; multiply the sample weights",
    ),
    (
        lambda model: model.fit(X, Y, steps_per_epoch=0, verbose=0),
        "fit steps_per_epoch: expected an integer of at least 1, received 0",
    ),
    (
        lambda model: model.fit(X, Y, validation_data=(X, Y), validation_steps="all", verbose=0),
        "fit validation_steps: expected an integer of at least 1, received 'all'",
    ),
    (lambda model: model.evaluate(X, Y, steps=-1), "evaluate steps: expected an integer of at least 1, received -1"),
    (lambda model: model.predict(X, steps=0.5), "predict steps: expected an integer of at least 1, received 0.5"),
]


@pytest.mark.parametrize(("run", "message"), REFUSED)
def test_arguments_that_do_not_fit_batches(run: Callable[[tl.Sequential], Any], message: str) -> None:
    model = network()
    with pytest.raises(ArgumentError) as error:
        run(model)
    assert str(error.value) == f"Sequential 'net'.{message}"
    assert not model.built


def test_data_set_without_methods() -> None:
    class Empty(tl.utils.PyDataset):
        pass

    with pytest.raises(StateError, match="Empty: the class has no method __len__; implement __len__"):
        network().fit(Empty(), verbose=0)

    class Sized(tl.utils.PyDataset):
        def __len__(self) -> int:
            return 2

    with pytest.raises(StateError, match="Sized: the class has no method __getitem__; implement __getitem__"):
        network().fit(Sized(), verbose=0)


def test_endless_data_set() -> None:
    class Endless(Data):
        @property
        def num_batches(self) -> None:
            return None

        def __getitem__(self, index: int) -> Any:
            return super().__getitem__(index % 3)

    history = network().fit(Endless(), steps_per_epoch=5, epochs=2, verbose=0)
    assert history.epoch == [0, 1]


def test_classes_of_batches_are_weighted() -> None:
    labels = np.arange(12) % 3

    def data() -> Iterator[Any]:
        for start in range(0, 12, 4):
            yield X[start : start + 4], labels[start : start + 4]

    found = []
    for given in ((data(),), (X, labels)):
        model = tl.Sequential([Dense(3, kernel_initializer="ones")])
        model.compile("sgd", tl.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(*given, batch_size=4, shuffle=False, class_weight={0: 1.0, 2: 5.0}, verbose=0)
        found.append(model.get_weights())
    assert same(*found)
    with pytest.raises(ArgumentError, match="fit class_weight: expected a dict of weights by label"):
        network().fit(generator(3), class_weight=[1.0], verbose=0)


def test_numbers_as_batches_get_an_axis() -> None:
    def data() -> Iterator[Any]:
        yield X[:4, 0], Y[:4]
        yield X[4:8, 0], Y[4:8]

    model = tl.Sequential([tl.Input((1,)), Dense(1)])
    model.compile("sgd", "mse")
    assert len(model.fit(data(), verbose=0).history["loss"]) == 1


def test_objects_with_items_and_targets_are_arrays() -> None:
    class Rows:
        """Samples by index, as NumPy reads them."""

        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, index: int) -> Any:
            return X[index]

    model, other = network(), network()
    model.fit(Rows(), Y, shuffle=False, verbose=0)
    other.fit(X, Y, shuffle=False, verbose=0)
    assert same(model.get_weights(), other.get_weights())


def test_models_with_own_steps_take_batches() -> None:
    class Own(tl.Sequential):
        def train_step(self, data: Any) -> Any:
            x, y = data
            return super().train_step((x, y))

        def predict_step(self, data: Any) -> Any:
            return 2.0 * super().predict_step(data)

    model, other = Own([Dense(1, kernel_initializer="ones")]), network()
    model.compile("sgd", "mse")
    model.fit(generator(3), verbose=0)
    other.fit(generator(3), verbose=0)
    assert same(model.get_weights(), other.get_weights())
    assert np.array_equal(model.predict(generator(3)), 2.0 * other.predict(generator(3)))


def test_callbacks_stop_predictions_and_evaluations_of_batches() -> None:
    class Stop(tl.callbacks.Callback):
        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_predicting = batch == 1

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_evaluating = batch == 0

    model = network()
    assert model.predict(Items(), callbacks=[Stop()]).shape == (8, 1)
    stop = Stop()
    model.evaluate(Items(), callbacks=[stop], verbose=0)
    assert stop.params["steps"] == 3

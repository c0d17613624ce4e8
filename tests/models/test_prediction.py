"""The batches that `predict` chooses: only where results stay the same to the bit."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Activation, BatchNormalization, Dense, Dropout, Flatten, Layer, Reshape, Softmax
from tensorlab.layers.samplewise import is_samplewise
from tensorlab.models import prediction

Array = np.ndarray[Any, Any]


class Seen(Layer):
    """The identity, which notes the sizes of the batches."""

    samplewise = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sizes: list[int] = []

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        self.sizes.append(len(inputs))
        return inputs


class Centred(Layer):
    """Subtract the mean over the batch, so that outputs depend on the batch."""

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return inputs - tl.mean(inputs, axis=0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose batches of 96 samples, so that few samples suffice."""
    monkeypatch.setattr(prediction, "_MIN_BATCH", 96)
    monkeypatch.setattr(prediction, "_MAX_BATCH", 96)


def built(*layers: Layer, features: int = 5) -> tl.Sequential:
    model = tl.Sequential([tl.Input((features,)), *layers])
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.5 if "variance" in w.name else -0.2, 0.7, w.shape) for w in model.weights])
    return model


def sizes_of(model: tl.Model, x: Array, **options: Any) -> list[int]:
    seen = next(layer for layer in model.layers if isinstance(layer, Seen))
    seen.sizes.clear()
    model.predict(x, **options)
    return seen.sizes.copy()


# The choice


def test_batches_have_the_size_that_fits_the_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    choose = prediction.choose_batch_size
    for shapes in ([(784,), (512,), (10,)], [(1,)], [(100_000,), (7,)], [(3, 5), (0,)], [(40, 40, 3), (64,)]):
        for itemsize in (4, 8):
            size = choose(shapes, itemsize)
            assert prediction._MIN_BATCH <= size <= prediction._MAX_BATCH
            assert size % 32 == 0
            numbers = [int(np.prod(shape)) for shape in shapes]
            largest = max([a + b for a, b in itertools.pairwise(numbers)], default=numbers[0])
            assert size == prediction._MIN_BATCH or size * largest * itemsize <= prediction._BYTES
    assert choose([(8,), (8,)], 4) > choose([(784,), (512,), (10,)], 4) > choose([(4000,), (4000,)], 4)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [1]),
        (32, [32]),
        (96, [96]),
        (97, [96, 1]),
        (129, [96, 32, 1]),
        (200, [96, 96, 8]),
        (161, [96, 64, 1]),
    ],
)
def test_a_single_last_sample_stays_alone_as_with_batches_of_32(count: int, expected: list[int]) -> None:
    model = built(Seen())
    x = np.ones((count, 5), np.float32)
    assert sizes_of(model, x) == expected
    assert sizes_of(model, x, batch_size=32) == [32] * (count // 32) + [count % 32] * (count % 32 > 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("features", "units", "last"), [(5, 7, 3), (300, 40, 1), (512, 33, 10), (1100, 16, 2)])
def test_results_are_those_of_batches_of_32_to_the_bit(
    features: int, units: int, last: int, dtype: str, rng: np.random.Generator
) -> None:
    model = built(
        Dense(units, activation="relu", dtype=dtype),
        BatchNormalization(dtype=dtype),
        Dropout(0.5, dtype=dtype),
        Dense(last, activation="softmax" if last > 1 else "sigmoid", dtype=dtype),
        Seen(dtype=dtype),
        features=features,
    )
    x = rng.normal(size=(417, features)).astype(dtype)
    for count in (1, 2, 31, 33, 64, 95, 97, 98, 129, 193, 289, 417):
        expected = model.predict(x[:count], batch_size=32)
        assert np.array_equal(model.predict(x[:count]), expected), count
    transposed = np.asfortranarray(x[:200])
    assert np.array_equal(model.predict(transposed), model.predict(transposed, batch_size=32))
    assert model.predict(x).dtype == dtype
    assert sizes_of(model, x) == [96] * 4 + [32, 1]


def test_samples_of_several_axes_and_lengths_that_were_not_known(rng: np.random.Generator) -> None:
    model = tl.Sequential([tl.Input((None, 3)), Dense(4, activation="tanh"), Seen(), Dense(2, activation="softmax")])
    x = rng.normal(size=(130, 6, 3)).astype("float32")
    assert np.array_equal(model.predict(x), model.predict(x, batch_size=32))
    assert sizes_of(model, x) == [96, 34]
    assert model._shapes_of_sample((6, 3)) == [(6, 3), (6, 3), (6, 4), (6, 4), (6, 2)]


# Where nothing is chosen


class Stepping(tl.Sequential):
    def predict_step(self, data: Any) -> Any:
        return super().predict_step(data)


def with_own_step() -> tl.Sequential:
    model = built(Seen())
    model.predict_step = lambda data: model(data[0])  # type: ignore[method-assign]
    return model


class Outer(tl.Model):
    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen()

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return self.seen(inputs)


class DeclaredOuter(Outer):
    samplewise = True


X = np.linspace(-1, 1, 500, dtype=np.float32).reshape(100, 5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: built(Seen(), Centred()),
        lambda: built(Seen(), Dense(5, activation=lambda x: x - tl.mean(x, axis=0))),
        lambda: built(Seen(), Softmax(axis=0)),
        lambda: built(Seen(), Softmax(axis=(0, 1))),
        lambda: built(Seen(), Dense(1), Reshape(()), Activation("softmax")),
        lambda: built(Seen(), tl.Sequential([Centred()])),
        lambda: Stepping([tl.Input((5,)), Seen()]),
        with_own_step,
        Outer,
    ],
)
def test_batches_of_32_if_samples_or_steps_could_depend_on_each_other(make: Any) -> None:
    model = make()
    assert sizes_of(model, X) == [32, 32, 32, 4]
    expected = model.predict(X, batch_size=32)
    assert np.array_equal(model.predict(X), expected)


def test_declared_model_chooses_batches() -> None:
    model = DeclaredOuter()
    assert sizes_of(model, X) == [32, 32, 32, 4]  # not built yet
    assert sizes_of(model, X) == [96, 4]


def test_numbers_as_samples_of_one_feature_are_divided_into_batches_of_32() -> None:
    model = built(Seen(), Dense(1), features=1)
    assert sizes_of(model, X[:, 0]) == [1, 1, 32, 32, 32, 4]  # first the dry run, with and without an axis


def test_another_device_keeps_batches_of_32() -> None:
    with tl.device("reference"):
        model = built(Seen())
        assert sizes_of(model, X) == [32, 32, 32, 4]


@pytest.mark.parametrize("moment", ["on_predict_batch_begin", "on_predict_batch_end"])
def test_callbacks_that_watch_batches_see_those_of_32(moment: str) -> None:
    model, seen = built(Seen()), []
    watching = tl.callbacks.LambdaCallback(**{moment: lambda batch, logs: seen.append((batch, *logs))})
    assert sizes_of(model, X, callbacks=[watching]) == [32, 32, 32, 4]
    assert [batch for batch, *_ in seen] == [0, 1, 2, 3]
    assert watching.params["steps"] == 4


@pytest.mark.parametrize("count", [20, 96, 97, 129, 200])
def test_callbacks_are_told_the_number_of_batches(count: int) -> None:
    model, begun = built(Seen()), []
    callback = tl.callbacks.LambdaCallback(on_predict_begin=begun.append)
    x = np.ones((count, 5), np.float32)
    assert len(sizes_of(model, x, callbacks=[callback])) == callback.params["steps"]
    assert begun == [{}]


# The declaration


def test_built_in_layers_are_samplewise_except_where_arguments_mix_samples() -> None:
    mixing = (
        Softmax(axis=0),
        Softmax(axis=None),
        Softmax(axis=(0, 1)),
        Softmax(axis=-2),
        BatchNormalization(axis=0),
        BatchNormalization(axis=-2),
        Activation(lambda x: x / tl.sum(x)),
        Dense(3, activation=lambda x: x),
        tl.Sequential([Centred()]),
        tl.layers.Concatenate(axis=0),
        tl.layers.Lambda(lambda x: x / tl.sum(x)),
        tl.layers.Normalization(axis=0),
        Layer(),
    )
    built = tl.Sequential([tl.Input((4,)), Dense(3), Seen()])
    separate = (
        *(Dense(3, activation=each) for each in (None, "relu", "softmax", "log_softmax", "sigmoid", tl.softmax)),
        *(Activation(each) for each in (None, "linear", "gelu", "softmax", tl.Activation(lambda x: x * x))),
        *(Softmax(), Softmax(axis=1), Softmax(axis=[1, 2]), BatchNormalization(), BatchNormalization(axis=1)),
        *(tl.layers.ReLU(), tl.layers.LeakyReLU(), tl.layers.ELU(), Dropout(0.5), tl.layers.GaussianNoise(0.5)),
        *(Flatten(), Reshape((2, 3)), tl.layers.Rescaling(0.5), tl.layers.InputLayer((6,)), built),
        *(tl.layers.PReLU(), tl.layers.Identity(), tl.layers.GaussianDropout(0.5), tl.layers.Permute((2, 1))),
        *(tl.layers.RepeatVector(2), tl.layers.Embedding(3, 2), tl.layers.SpatialDropout1D(0.5)),
        *(tl.layers.SpatialDropout2D(0.5), tl.layers.LayerNormalization(), tl.layers.UnitNormalization()),
        *(tl.layers.ZeroPadding1D(), tl.layers.Cropping1D(), tl.layers.UpSampling1D(), tl.layers.Normalization()),
        *(tl.layers.ZeroPadding2D(), tl.layers.Cropping2D(), tl.layers.UpSampling2D(), tl.layers.AlphaDropout(0.5)),
        *(tl.layers.ActivityRegularization(), tl.layers.GroupNormalization(2)),
        *(tl.layers.Add(), tl.layers.Subtract(), tl.layers.Multiply(), tl.layers.Average(), tl.layers.Maximum()),
        *(tl.layers.Minimum(), tl.layers.Concatenate(), tl.layers.Dot(1)),
        tl.layers.Masking(),
        *(getattr(tl.layers, f"{kind}Pooling{rank}D")() for kind in ("Max", "Average") for rank in (1, 2)),
        *(getattr(tl.layers, f"Global{kind}Pooling{rank}D")() for kind in ("Max", "Average") for rank in (1, 2)),
    )
    assert [layer for layer in mixing if is_samplewise(layer)] == []
    assert [layer for layer in separate if not is_samplewise(layer)] == []
    declared = {type(layer).__name__ for layer in separate} | {"InputLayer", "Layer"}
    # A product of one window may round in another way than one of many.
    kinds = ("Conv{}D", "Conv{}DTranspose", "DepthwiseConv{}D", "SeparableConv{}D")
    convolutions = {kind.format(rank) for kind in kinds for rank in (1, 2)}
    others = {"Input", "KerasTensor", "Lambda"}
    names = {getattr(tl.layers, name).__name__ for name in tl.layers.__all__ if name[0].isupper()}
    assert names <= declared | convolutions | others


def test_samplewise_layers_compute_a_sample_without_regard_to_others(rng: np.random.Generator) -> None:
    x, other = rng.normal(size=(2, 64, 4, 6)).astype("float32")
    other[7] = x[7]
    for layer in (
        Dense(3, activation="softmax"),
        Activation("log_softmax"),
        Softmax(axis=1),
        Softmax(axis=[1, 2]),
        BatchNormalization(axis=1),
        tl.layers.ELU(),
        Flatten(),
        Reshape((2, 12)),
    ):
        assert is_samplewise(layer)
        assert np.array_equal(layer(x).numpy()[7], layer(other).numpy()[7]), layer


def test_declaration_is_not_inherited_by_a_class_with_its_own_call() -> None:
    class Own(Dense):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return super().call(inputs)

    class Called(Dense):
        def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
            return super().__call__(inputs, *args, training=training, **kwargs)

    class Again(Own):
        samplewise = True

    class Plain(Dense):
        pass

    class Stack(tl.Sequential):
        def call(self, inputs: tl.Tensor, training: bool | None = None) -> tl.Tensor:
            return super().call(inputs, training)

    patched = Dense(3)
    patched.call = lambda inputs: inputs  # type: ignore[method-assign]
    assert [is_samplewise(each) for each in (Own(3), Called(3), Stack([Dense(3)]), patched)] == [False] * 4
    assert [is_samplewise(each) for each in (Again(3), Plain(3))] == [True] * 2


# The outputs


def test_outputs_are_own_arrays_that_can_be_written() -> None:
    model = built(Seen())
    for x in (X, X[:1], X[:32]):
        outputs = model.predict(x)
        assert outputs.flags.writeable
        assert outputs.flags.c_contiguous
        assert outputs.base is None
        outputs[...] = 7
        assert np.array_equal(model.predict(x), x)


def test_outputs_that_differ_between_batches_are_joined() -> None:
    class Changing(tl.Model):
        def predict_step(self, data: Any) -> Any:
            (x,) = data
            return x.numpy().astype("float64") + 0.5 if len(x) < 32 else x

    outputs = Changing().predict(X)
    assert outputs.dtype == np.float64
    assert np.array_equal(outputs, np.concatenate([X[:96], X[96:].astype("float64") + 0.5]))

    class Fewer(tl.Model):
        def predict_step(self, data: Any) -> Any:
            return data[0][::2]

    assert np.array_equal(Fewer().predict(X), X[::2])

    class Means(tl.Model):
        def predict_step(self, data: Any) -> Any:
            return {"mean": tl.mean(data[0], axis=1), "pair": [data[0], 2.0 * data[0]]}

    outputs = Means().predict(X)
    np.testing.assert_allclose(outputs["mean"], X.mean(axis=1), rtol=1e-6)
    assert np.array_equal(outputs["pair"][1], 2 * X)


def test_stopped_prediction_returns_what_was_computed() -> None:
    model = built(Seen())

    def stop(*_: Any) -> None:
        model.stop_predicting = True

    outputs = model.predict(X, callbacks=tl.callbacks.LambdaCallback(on_predict_batch_end=stop))
    assert np.array_equal(outputs, X[:32])
    assert outputs.base is None


# Threads and forks


def test_threads_predict_at_the_same_time(rng: np.random.Generator) -> None:
    model = built(Dense(40, activation="relu"), Dense(10, activation="softmax"), features=300)
    x = rng.normal(size=(400, 300)).astype("float32")
    expected = model.predict(x, batch_size=32)
    with ThreadPoolExecutor(4) as pool:
        for outputs in pool.map(lambda _: model.predict(x), range(12)):
            assert np.array_equal(outputs, expected)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 and later, of forks and threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_forked_child_predicts_the_same(rng: np.random.Generator) -> None:
    model = built(Dense(40, activation="relu"), Dense(10, activation="softmax"), features=300)
    x = rng.normal(size=(400, 300)).astype("float32")
    expected = model.predict(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(model.predict(x), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(model.predict(x), expected)

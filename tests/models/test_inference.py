"""`predict` of few samples runs a plan, with the same bits, as long as nothing in the model has changed."""

from __future__ import annotations

import copy
import os
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import NonFiniteError, ShapeError
from tensorlab.layers import Activation, BatchNormalization, Dense, Dropout, Flatten, Layer, Rescaling, Reshape
from tensorlab.models import inference

Array = np.ndarray[Any, Any]


def network(*layers: Layer, shape: tuple[int, ...] = (5,)) -> tl.Sequential:
    tl.utils.set_random_seed(4)  # with some weights no input is above 0 after the first layer
    found = layers or (Dense(4, activation="relu"), Dense(3, activation="softmax"))
    return tl.Sequential([tl.Input(shape), *found])


def planned(model: tl.Model, x: Array) -> Array:
    """Predict until a plan is used, and return its outputs."""
    for _ in range(4):  # the first call of a layer changes its attributes
        model.predict(x)
    outputs = inference.repeated(model, x)
    assert outputs is not None
    return outputs


@pytest.mark.parametrize(
    "make",
    [
        network,
        lambda: network(Dense(1, activation="sigmoid")),
        lambda: network(Dense(4, activation="tanh", use_bias=False), BatchNormalization(), Dropout(0.5), Dense(2)),
        lambda: network(Rescaling(0.5), Activation("softmax")),
        lambda: network(Reshape((3, 2)), Dense(2), Flatten(), shape=(2, 3)),
        lambda: network(tl.Sequential([Dense(4, activation="relu")]), Dense(2)),
    ],
)
def test_plans_give_the_same_bits(make: Callable[[], tl.Sequential], rng: np.random.Generator) -> None:
    model = make()
    shape = model.input_shape[1:]
    for count in (1, 2, 32):
        for dtype in ("float32", "float64"):
            x = rng.normal(size=(count, *shape)).astype(dtype)
            outputs = planned(model, x)
            for _ in range(2):
                assert np.array_equal(outputs, model(x, training=False).numpy())
                x = rng.normal(size=x.shape).astype(dtype)
                outputs = model.predict(x)
            assert outputs.flags.writeable
            assert outputs.base is None
            kept = outputs.copy()
            model.predict(-x)
            assert np.array_equal(outputs, kept)
        if len(shape) == 1:
            strided = np.asfortranarray(rng.normal(size=(count, *shape)).astype("float32"))
            assert np.array_equal(planned(model, strided), model(strided, training=False).numpy())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metrics": ["accuracy"]},
        {"loss_weights": [2.0], "metrics": ["accuracy"], "weighted_metrics": ["sparse_categorical_crossentropy"]},
        {"optimizer": tl.optimizers.SGD(momentum=0.5, global_clipnorm=1.0, use_ema=True)},
    ],
)
def test_compiled_and_trained_models_have_plans(options: dict[str, Any], rng: np.random.Generator) -> None:
    model = network(Dense(4, activation="relu", kernel_regularizer="l2"), Dense(3, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", **options)
    x, y = rng.standard_normal((8, 5)).astype("float32"), rng.integers(0, 3, 8)
    for _ in range(2):
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        planned(model, x)


def test_models_that_compute_nothing_need_no_plan(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 2, 3)).astype("float32")
    for model in (network(Dropout(0.5), shape=(2, 3)), network(Flatten(), shape=(2, 3))):
        for _ in range(6):
            assert np.array_equal(model.predict(x), x.reshape(model(x).shape))


X = np.linspace(-1, 2, 5, dtype=np.float32)[None]


def _fit(model: Any) -> None:
    model.compile(tl.optimizers.SGD(0.5), "mse")
    model.fit(X, np.ones((1, 3)), verbose=0)


def _replace_kernel(model: Any) -> None:
    model.layers[0].kernel = tl.Variable(np.full((5, 4), 0.5, np.float32))


def _activate(model: Any) -> None:
    model.layers[0].activation = "tanh"


def _call(model: Any) -> None:
    model.layers[1].call = lambda inputs: inputs[:, :3] * 2.0


CHANGES: dict[str, Callable[[Any], Any]] = {
    "fit": _fit,
    "assign": lambda model: model.layers[0].kernel.assign_add(np.ones((5, 4), np.float32)),
    "part": lambda model: model.layers[1].bias[0].assign(7.0),
    "set_weights": lambda model: model.set_weights([w + 0.25 for w in model.get_weights()]),
    "kernel": _replace_kernel,
    "activation": _activate,
    "call": _call,
    "add": lambda model: model.add(Dense(2)),
    "pop": lambda model: model.pop(),
    "swap": lambda model: (model.pop(), model.add(Activation("exponential"))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_of_the_model_are_noticed(change: str) -> None:
    model = network()
    before = planned(model, X)
    CHANGES[change](model)
    expected = model(X, training=False).numpy()
    assert before.shape != expected.shape or not np.array_equal(before, expected)
    for _ in range(5):
        assert np.array_equal(model.predict(X), expected)


def test_own_predict_step_and_callbacks_are_used() -> None:
    model, seen = network(), []
    outputs = planned(model, X)
    model.predict(X, callbacks=tl.callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append(batch)))
    assert seen == [0]
    model.predict_step = lambda data: 2.0 * model(data[0])  # type: ignore[method-assign]
    for _ in range(5):
        assert np.array_equal(model.predict(X), 2.0 * outputs)


def test_invalid_samples_are_rejected_as_without_a_plan() -> None:
    model = network()
    planned(model, X)
    wrong = X.copy()
    wrong[0, 3] = np.nan
    with pytest.raises(NonFiniteError, match=r"predict x: expected finite numbers, received nan at \(0, 3\)"):
        model.predict(wrong)
    with pytest.raises(ShapeError, match="expected inputs of shape"):
        model.predict(X[:, :3])
    assert np.array_equal(model.predict(X), model(X).numpy())


class Counting(Dense):
    calls = 0

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        type(self).calls += 1
        return super().call(inputs)


def test_models_with_code_of_users_run_it_every_time() -> None:
    for layer in (Counting(3), Dense(3, activation=lambda x: x * 2.0)):
        model = network(layer)
        for _ in range(5):
            model.predict(X)
        assert inference.repeated(model, X) is None
    assert Counting.calls == 6  # also when it was built
    model = type("Own", (tl.Sequential,), {})([tl.Input((5,)), Dense(3)])
    for _ in range(5):
        model.predict(X)
    assert inference.repeated(model, X) is None


def test_plans_can_be_switched_off() -> None:
    model = network()
    planned(model, X)
    with tl.disable_jit():
        assert inference.repeated(model, X) is None
        assert np.array_equal(model.predict(X), model(X).numpy())
    model.compile("sgd", "mse", run_eagerly=True)
    for _ in range(5):
        model.predict(X)
    assert inference.repeated(model, X) is None


def test_model_that_changes_all_the_time_is_not_recorded_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_MAX_RECORDINGS", 4)
    recorded = []
    record = inference.record
    monkeypatch.setattr(inference, "record", lambda *given: (recorded.append(1), record(*given))[1])
    model = network()
    for number in range(10):
        model.layers[0].activation = tl.Activation(lambda x: x * x)
        for _ in range(2):
            assert np.array_equal(model.predict(X), model(X).numpy()), number
    assert len(recorded) == 4


def test_copies_have_their_own_plans() -> None:
    model = network()
    outputs = planned(model, X)
    for make in (copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))):
        other = make(model)
        assert np.array_equal(planned(other, X), outputs)
    other.set_weights([w + 1.0 for w in other.get_weights()])
    assert np.array_equal(other.predict(X), other(X).numpy())
    assert np.array_equal(model.predict(X), outputs)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 and later, of forks and threads
def test_threads_and_forks(rng: np.random.Generator) -> None:
    model = network()
    planned(model, X)
    batches = rng.normal(size=(64, 1, 5)).astype("float32")
    expected = [model(x).numpy() for x in batches]
    with ThreadPoolExecutor(4) as pool:
        for outputs, right in zip(pool.map(model.predict, batches), expected, strict=True):
            assert np.array_equal(outputs, right)
    if hasattr(os, "fork"):
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(model.predict(batches[0]), expected[0]) else 1)
        assert os.waitpid(child, 0)[1] == 0


def calls_of(function: Callable[[], Any]) -> int:
    """Return the number of calls of Python functions."""
    counted = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return counted


def test_one_sample_takes_few_python_calls() -> None:
    model = network()
    tensor = tl.asarray(X)
    planned(model, X)
    assert calls_of(lambda: model.predict(X)) <= 40
    assert calls_of(lambda: model(tensor)) <= 60
    with tl.disable_jit():
        assert calls_of(lambda: model.predict(X)) <= 140

"""Models in many threads: predictions beside a training, and first calls at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.layers import Dense, Dropout

X = np.random.default_rng(2).normal(size=(45, 4)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")


def make() -> Any:
    model = tl.Sequential([Dense(4, activation="relu"), Dropout(0.25), Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Return what a function returns in many threads that begin at the same time."""
    results: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except BaseException as error:  # shown by the comparison
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def trained(seed: int) -> Any:
    tl.utils.set_random_seed(seed)
    model = make()
    history = model.fit(X, Y, batch_size=8, epochs=5, verbose=0).history
    return [history, *[weight.tolist() for weight in model.get_weights()]]


def test_sixteen_threads_predict_while_another_one_trains_a_second_model() -> None:
    model = make()
    model.fit(X, Y, batch_size=8, verbose=0)
    expected = [model.predict(X[:count], verbose=0).tolist() for count in (1, 7, 45)]
    alone = trained(8)
    done = threading.Event()

    def work(number: int) -> Any:
        if number == 16:
            try:
                return trained(8)
            finally:
                done.set()
        different, rounds = 0, 0
        while not done.is_set() or rounds < 3:
            found = [model.predict(X[:count], verbose=0).tolist() for count in (1, 7, 45)]
            different, rounds = different + (found != expected), rounds + 1
        return different

    results = at_once(17, work)
    assert results[:16] == [0] * 16
    assert results[16] == alone


def test_first_calls_of_one_model_in_many_threads() -> None:
    for call in ("predict", "call"):
        model = make()
        results = at_once(16, lambda n, m=model: m.predict(X, verbose=0) if call == "predict" else m(X).numpy())  # noqa: B023
        assert len(model.weights) == 4
        for result in results:
            np.testing.assert_allclose(result, model.predict(X, verbose=0), rtol=1e-6)


def test_models_are_trained_in_many_threads() -> None:
    """Each thread has its own model. They share kernels, and the threads that compute."""
    models = [make() for _ in range(4)]
    for model in models:
        model.build((None, 4))
        model.set_weights(models[0].get_weights())
    losses = at_once(4, lambda n: models[n].fit(X, Y, batch_size=8, epochs=10, verbose=0).history["loss"])
    assert np.isfinite(np.array(losses)).all()

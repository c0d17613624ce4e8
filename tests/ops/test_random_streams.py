"""Check the random state: draws around and during training, in threads, in forked processes, and after restoring."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import random
from tensorlab.errors import ArgumentError, NonFiniteError
from tensorlab.layers import Dense, Layer


@pytest.fixture(autouse=True)
def _seeded_afterwards() -> Iterator[None]:
    yield
    random.set_seed(0)


class Noisy(Layer):
    """A layer that draws from a stream with a fixed name and records the numbers."""

    def __init__(self, seen: list[float]) -> None:
        super().__init__(name="noisy")
        self.seen = seen

    def call(self, inputs: tl.Tensor, training: bool = False) -> tl.Tensor:
        if training:
            self.seen.append(float(tl.random.normal()))
        return inputs


def model_of(*layers: Layer) -> tl.Sequential:
    model = tl.Sequential([*layers, Dense(1)], name="model")
    model.compile("sgd", "mse")
    return model


def data(count: int = 6) -> tuple[Any, Any]:
    return np.arange(float(count))[:, None], np.arange(float(count))


def number() -> float:
    return float(tl.random.uniform())


def test_models_trained_in_a_loop_differ_in_weights_batches_and_noise() -> None:
    def loop() -> list[tuple[bytes, tuple[float, ...], tuple[float, ...], float]]:
        results = []
        for _ in range(3):
            seen: list[float] = []
            order: list[float] = []

            def watching(y_true: tl.Tensor, y_pred: tl.Tensor, order: list[float] = order) -> tl.Tensor:
                order.extend(y_true.numpy().ravel().tolist())
                return tl.sum(y_pred * 0.0, axis=-1)

            model = model_of(Noisy(seen))
            model.compile("sgd", watching)
            model.build((None, 1))
            weights = model.get_weights()[0].tobytes()
            model.fit(*data(40), batch_size=20, epochs=1, verbose=0)
            results.append((weights, tuple(order[-40:]), tuple(seen), number()))
        return results

    random.set_seed(3)
    first = loop()
    for part in zip(*first, strict=True):  # weights, sample order, noise during training, noise outside training
        assert len(set(part)) == 3
    random.set_seed(3)
    assert loop() == first


def test_fit_does_not_advance_the_global_streams() -> None:
    random.set_seed(1)
    alone = [number() for _ in range(4)]
    random.set_seed(1)
    drawn = [number(), number()]
    model_of(Noisy([])).fit(*data(), verbose=0)
    drawn.append(number())
    with pytest.raises(NonFiniteError):
        model_of().fit(data()[0], np.full(6, 1e300), verbose=0)
    assert [*drawn, number()] == alone


def test_rejected_fit_draws_nothing() -> None:
    noise: list[list[float]] = []
    for refused in (False, True):
        random.set_seed(1)
        noise.append([])
        model = model_of(Noisy(noise[-1]))
        if refused:
            with pytest.raises(NonFiniteError):
                model.fit(np.full((2, 1), np.nan), np.ones(2), verbose=0)
        model.fit(*data(), verbose=0)
    assert noise[0] == noise[1]


def test_model_trained_in_a_callback_has_its_own_streams() -> None:
    def train(inner: bool) -> tuple[list[float], list[float]]:
        outside: list[float] = []
        inside: list[float] = []

        class Another(tl.callbacks.Callback):
            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                if inner:
                    model_of(Noisy(inside)).fit(*data(), batch_size=3, verbose=0)

        random.set_seed(2)
        model_of(Noisy(outside)).fit(*data(), batch_size=3, epochs=2, callbacks=[Another()], verbose=0)
        return outside, inside

    (alone, _), (outside, inside) = train(False), train(True)
    assert outside == alone
    assert len({*outside, *inside}) == len(outside) + len(inside) == 8


class Checkpoint(tl.callbacks.Callback):
    """Save the complete training state after the first epoch."""

    saved: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            model = self.model
            state = model.optimizer.get_state(model.trainable_weights)
            self.saved = model.get_weights(), state, json.dumps(random.get_state())


@pytest.mark.parametrize("by", ["seed", "state"])
def test_resumed_fit_repeats_the_draws_of_the_original(by: str) -> None:
    random.set_seed(4)
    whole: list[float] = []
    model, checkpoint = model_of(Noisy(whole)), Checkpoint()
    model.fit(*data(), batch_size=3, epochs=3, callbacks=[checkpoint], verbose=0)
    after = number()
    weights, state, drawn = checkpoint.saved
    random.set_seed(4 if by == "seed" else 5)
    resumed: list[float] = []
    another = model_of(Noisy(resumed))
    another.build((None, 1))
    another.set_weights(weights)
    another.optimizer.set_state(state, another.trainable_weights)
    if by == "state":
        random.set_state(json.loads(drawn))
    another.fit(*data(), batch_size=3, epochs=2, verbose=0)
    assert resumed == whole[2:]
    assert number() == after
    assert [w.tobytes() for w in another.get_weights()] == [w.tobytes() for w in model.get_weights()]


def test_set_state_repeats_later_draws() -> None:
    random.set_seed(6)
    model_of(Noisy([])).fit(*data(), verbose=0)
    number()
    state = random.get_state()

    def go_on() -> list[float]:
        seen = [number()]
        model_of(Noisy(seen)).fit(*data(), verbose=0)
        return [*seen, number()]

    first = go_on()
    random.set_seed(7)
    random.set_state(state)
    assert random.get_state() == state
    assert go_on() == first


def test_invalid_state_is_rejected_and_changes_nothing() -> None:
    number()
    before = random.get_state()
    wrong = [None, {}, [1], {**before, "seed": -1}, {**before, "runs": 1.5}, {**before, "draws": {"a": "1"}}]
    for state in [*wrong, {**before, "lineage": 1 << 64}, {**before, "forks": True}, {**before, "draws": [1]}]:
        with pytest.raises(ArgumentError) as error:
            random.set_state(state)
        expected = "random.set_state: expected what get_state returned, received "
        assert str(error.value) == expected + repr(state)[:200]
    assert random.get_state() == before


def test_threads_never_repeat_draws_of_a_shared_stream() -> None:
    random.set_seed(8)
    drawn: list[list[float]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def draw(numbers: list[float]) -> None:
        start.wait()
        numbers.extend(number() for _ in range(100))

    threads = [threading.Thread(target=draw, args=(numbers,)) for numbers in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    random.set_seed(8)
    assert {value for numbers in drawn for value in numbers} == {number() for _ in range(800)}


def test_models_trained_in_threads_draw_independently() -> None:
    random.set_seed(9)
    seen: list[list[float]] = [[], []]
    start = threading.Barrier(2)

    def train(noise: list[float]) -> None:
        model = model_of(Noisy(noise))
        start.wait()
        model.fit(*data(), batch_size=1, epochs=5, verbose=0)

    threads = [threading.Thread(target=train, args=(noise,)) for noise in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    random.set_seed(9)
    alone: list[list[float]] = [[], []]
    for noise in alone:
        model_of(Noisy(noise)).fit(*data(), batch_size=1, epochs=5, verbose=0)
    assert len({*alone[0], *alone[1]}) == 60
    assert sorted(seen) == sorted(alone)  # in either order


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


def in_child(draw: Callable[[], Any]) -> Any:
    """Run a function in a forked process and return its result."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if not child:
        os.write(writer, json.dumps(draw()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(text)


def bits() -> list[int]:
    """Draw without compiling a kernel: from a global stream, and from a moving stream with its own seed."""
    streams = random.generator("uniform"), random.generator("dropout", 3, moving=True)
    return [int(stream.bit_generator.random_raw()) for stream in streams]


@forks
@pytest.mark.parametrize("seeded", [True, False])
def test_forked_processes_draw_different_numbers(seeded: bool) -> None:
    if seeded:
        random.set_seed(10)

    def with_grandchild() -> list[list[int]]:
        return [in_child(bits), bits()]

    drawn = [in_child(bits), in_child(bits), bits(), *in_child(with_grandchild)]
    for stream in zip(*drawn, strict=True):
        assert len(set(stream)) == 5
    random.set_seed(10)
    again = [in_child(bits), in_child(bits), bits(), *in_child(with_grandchild)]
    assert (again == drawn) == seeded  # set_seed restarts the count of forks


@forks
def test_set_seed_in_a_forked_process_repeats_all_draws() -> None:
    random.set_seed(11)
    expected = bits()

    def seeded() -> list[int]:
        random.set_seed(11)
        return bits()

    assert in_child(seeded) == expected
    state = random.get_state()
    expected = bits()

    def restored() -> list[int]:
        random.set_state(state)
        return bits()

    assert in_child(restored) == expected


def _send(connection: Any) -> None:
    connection.send(bits())


@forks
def test_multiprocessing_processes_draw_different_numbers() -> None:
    random.set_seed(12)
    context = multiprocessing.get_context("fork")
    drawn = [bits()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        for _ in range(3):
            ours, theirs = context.Pipe()
            process = context.Process(target=_send, args=(theirs,))
            process.start()
            drawn.append(ours.recv())
            process.join()
    assert len({tuple(each) for each in drawn}) == 4


def test_unique_names_are_thread_safe() -> None:
    names: list[list[str]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def make(own: list[str]) -> None:
        start.wait()
        own.extend(tl.utils.unique_name("ThreadSafe") for _ in range(200))

    threads = [threading.Thread(target=make, args=(own,)) for own in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({name for own in names for name in own}) == 1600

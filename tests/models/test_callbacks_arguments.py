"""Callbacks: what their constructors accept, and the list of callbacks that own training loops call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from tensorlab.errors import NonFiniteError, TensorlabError, UnknownAttributeError
from tensorlab.layers import Dense

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")

REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: EarlyStopping(patience=1.5), "EarlyStopping patience: expected an integer of at least 0, received 1.5"),
    (lambda: EarlyStopping(patience=-1), "EarlyStopping patience: expected an integer of at least 0, received -1"),
    (lambda: EarlyStopping(min_delta="0"), "EarlyStopping min_delta: expected a finite number, received '0'"),
    (lambda: EarlyStopping(baseline="1"), "EarlyStopping baseline: expected a finite number, received '1'"),
    (
        lambda: EarlyStopping(start_from_epoch=None),
        "EarlyStopping start_from_epoch: expected an integer of at least 0, received None",
    ),
    (lambda: EarlyStopping(monitor=3), "EarlyStopping monitor: expected the name of a metric, received 3"),
    (
        lambda: ReduceLROnPlateau(cooldown=-1),
        "ReduceLROnPlateau cooldown: expected an integer of at least 0, received -1",
    ),
    (lambda: ReduceLROnPlateau(min_lr=-1), "ReduceLROnPlateau min_lr: expected a number of at least 0, received -1"),
    (
        lambda: LearningRateScheduler(0.1),
        "LearningRateScheduler schedule: expected a function of the epoch and perhaps the learning rate, received 0.1",
    ),
    (lambda: CSVLogger("log", separator=", "), "CSVLogger separator: expected a single character, received ', '"),
    (lambda: LambdaCallback("print"), "LambdaCallback on_epoch_begin: expected a function, or None, received 'print'"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_arguments_that_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(TensorlabError) as error:
        make()
    assert str(error.value) == message


def network() -> tl.Sequential:
    model = tl.Sequential([Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_lambda_callback_takes_functions_by_position() -> None:
    calls: list[tuple[str, Any]] = []
    callback = LambdaCallback(
        lambda epoch, logs: calls.append(("begin", epoch)),
        lambda epoch, logs: calls.append(("end", epoch)),
        None,
        lambda logs: calls.append(("last", sorted(logs))),
        on_test_begin=lambda logs: calls.append(("test", None)),
    )
    network().fit(X, Y, epochs=2, verbose=0, callbacks=[callback])
    assert calls == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1), ("last", ["loss"])]


def test_hooks_may_be_called_without_logs() -> None:
    class Own(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(epoch)
            super().on_train_begin()

    network().fit(X, Y, epochs=2, verbose=0, callbacks=[Own()])


def test_list_of_callbacks_for_own_training_loops() -> None:
    calls: list[Any] = []

    class Own(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            calls.append((self.model, self.params, logs))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            calls.append((batch, logs))

    model = network()
    callbacks = CallbackList([Own()], add_history=True, model=model, epochs=3)
    assert [type(each) for each in callbacks] == [Own, History]
    callbacks.on_train_begin()
    callbacks.on_train_batch_end(0, {"loss": 1.0})
    callbacks.on_epoch_end(0, logs={"loss": 2.0})
    assert calls == [(model, {"epochs": 3}, {}), (0, {"loss": 1.0})]
    assert callbacks.callbacks[1].history == {"loss": [2.0]}
    history = model.fit(X, Y, verbose=0, callbacks=callbacks)
    assert history is callbacks.callbacks[1]
    with pytest.raises(UnknownAttributeError, match=r"CallbackList: expected a method of a callback.*did you mean"):
        callbacks.on_epochs_end(0)
    assert not hasattr(callbacks, "save")


def test_terminate_on_nan_may_raise() -> None:
    model = tl.Sequential([tl.Input((2,)), Dense(1)])
    model.compile(tl.optimizers.SGD(1e30), "mse")
    before = model.get_weights()
    with pytest.raises(NonFiniteError):
        model.fit(X, 3 * Y, epochs=9, batch_size=2, verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])
    assert np.array_equal(model.get_weights()[0], before[0])

"""Early stopping and learning rate callbacks: recorded results of Keras 3.15 for the same sequences of losses."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.callbacks import CSVLogger, EarlyStopping, LearningRateScheduler, ReduceLROnPlateau, TerminateOnNaN
from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError

NAN = float("nan")
LOSSES = [
    [5, 4, 3, 3.5, 3.2, 2.9, 4, 4, 4, 4],
    [1] * 10,
    [3, 2.95, 2.9, 2.85, 2.8, 2.7, 2.6, 2.5, 2.4, 2.3],
    [NAN, 2, 1, NAN, 3, 3, 3, 3, 3, 3],
    [0.5, 0.6, 0.7, 0.65, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4],
]

# For each sequence: the last epoch, stopped_epoch, best_epoch, and the epoch whose weights are restored
STOPPED: list[tuple[dict[str, Any], list[tuple[Any, ...]]]] = [
    ({}, [(3, 3, 2, None), (1, 1, 0, None), (9, 0, 9, None), (1, 1, 0, None), (1, 1, 0, None)]),
    ({"patience": 2}, [(4, 4, 2, None), (2, 2, 0, None), (9, 0, 9, None), (2, 2, 0, None), (2, 2, 0, None)]),
    (
        {"patience": 2, "min_delta": 0.1},
        [(4, 4, 2, None), (2, 2, 0, None), (2, 2, 0, None), (2, 2, 0, None), (2, 2, 0, None)],
    ),
    (
        {"patience": 1, "mode": "max"},
        [(1, 1, 0, None), (1, 1, 0, None), (1, 1, 0, None), (1, 1, 0, None), (3, 3, 2, None)],
    ),
    (
        {"patience": 2, "baseline": 2.0},
        [(3, 3, 2, None), (2, 2, 0, None), (9, 0, 9, None), (1, 1, 0, None), (2, 2, 0, None)],
    ),
    (
        {"patience": 2, "start_from_epoch": 3},
        [(7, 7, 5, None), (5, 5, 3, None), (9, 0, 9, None), (5, 5, 3, None), (5, 5, 3, None)],
    ),
    (
        {"patience": 3, "restore_best_weights": True},
        [(8, 8, 5, 5), (3, 3, 0, 0), (9, 0, 9, 9), (3, 3, 0, 0), (3, 3, 0, 0)],
    ),
    (
        {"patience": 0, "restore_best_weights": True, "mode": "max"},
        [(1, 1, 0, 0), (1, 1, 0, 0), (1, 1, 0, 0), (1, 1, 0, 0), (3, 3, 2, 2)],
    ),
    (
        {"patience": 2, "baseline": 0.1, "restore_best_weights": True},
        [(3, 3, 2, 2), (1, 1, 0, 0), (9, 0, 9, 9), (1, 1, 0, 0), (1, 1, 0, 0)],
    ),
]

# For each sequence: the learning rate after each epoch, starting from 1
REDUCED: list[tuple[dict[str, Any], list[list[float]]]] = [
    (
        {"patience": 1, "cooldown": 2},
        [
            [1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001],
            [1.0, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001, 1e-05],
            [1.0] * 10,
            [1.0, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001, 1e-05],
            [1.0, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001, 0.0001],
        ],
    ),
    (
        {"patience": 1, "factor": 0.5, "min_lr": 0.3},
        [[1.0, 1.0, 1.0, 0.5, *[0.3] * 6], [1.0, 0.5, *[0.3] * 8], [1.0] * 10, *[[1.0, 0.5, *[0.3] * 8]] * 2],
    ),
    (
        {"patience": 2, "min_delta": 0.2, "factor": 0.5},
        [
            [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
            [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625],
            [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125],
            [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625],
            [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625],
        ],
    ),
    (
        {"patience": 1, "mode": "max", "factor": 0.5},
        [*[[0.5**n for n in range(10)]] * 4, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]],
    ),
]


class Model(SimpleNamespace):
    """The part of a model that these callbacks use."""

    def __init__(self) -> None:
        super().__init__(stop_training=False, epoch=0, restored=None, optimizer=SimpleNamespace(learning_rate=1.0))

    def get_weights(self) -> list[Any]:
        return [self.epoch]

    def set_weights(self, weights: list[Any]) -> None:
        (self.restored,) = weights


@pytest.mark.parametrize(("arguments", "expected"), STOPPED)
def test_early_stopping_matches_keras(arguments: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    callback = EarlyStopping(monitor="loss", **arguments)  # reused for all runs
    for losses, numbers in zip(LOSSES, expected, strict=True):
        model = Model()
        callback.set_model(model)
        callback.on_train_begin({})
        for model.epoch, loss in enumerate(losses):
            callback.on_epoch_end(model.epoch, {"loss": loss})
            if model.stop_training:
                break
        callback.on_train_end({})
        assert (model.epoch, callback.stopped_epoch, callback.best_epoch, model.restored) == numbers


@pytest.mark.parametrize(("arguments", "expected"), REDUCED)
def test_reduce_lr_on_plateau_matches_keras(arguments: dict[str, Any], expected: list[list[float]]) -> None:
    callback = ReduceLROnPlateau(monitor="loss", **arguments)
    for losses, numbers in zip(LOSSES, expected, strict=True):
        model, rates = Model(), []
        callback.set_model(model)
        callback.on_train_begin({})
        for epoch, loss in enumerate(losses):
            logs = {"loss": loss}
            before = model.optimizer.learning_rate
            callback.on_epoch_end(epoch, logs)
            assert logs["learning_rate"] == before
            rates.append(model.optimizer.learning_rate)
        assert rates == pytest.approx(numbers)


def network(optimizer: Any = "sgd", metrics: Any = None) -> tuple[tl.Sequential, Any, Any]:
    model = tl.Sequential([tl.layers.Dense(1, kernel_initializer="ones")], name="net")
    model.compile(optimizer, "mse", metrics=metrics)
    x = np.arange(8.0, dtype="float32").reshape(8, 1) / 8
    return model, x, 2 * x


def test_early_stopping_ends_fit_and_restores_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = network(tl.optimizers.SGD(3.0))  # too large, so the loss grows
    stop = EarlyStopping(patience=1, restore_best_weights=True, verbose=1)
    history = model.fit(x, y, epochs=9, verbose=0, validation_split=0.5, callbacks=stop, shuffle=False).history
    assert len(history["val_loss"]) == stop.stopped_epoch + 1 < 9
    assert stop.best_epoch == int(np.argmin(history["val_loss"]))
    assert model.evaluate(x[4:], y[4:], verbose=0) == pytest.approx(min(history["val_loss"]), rel=1e-5)
    assert capsys.readouterr().out == (
        f"Epoch {stop.stopped_epoch + 1}: early stopping\n"
        f"Restoring model weights from the end of the best epoch: {stop.best_epoch + 1}.\n"
    )


def test_mode_follows_from_the_metric() -> None:
    model, x, y = network(metrics=["acc", "mae", lambda t, p: p])
    for monitor, falls in (("val_acc", False), ("mae", True), ("val_loss", True)):
        callback = EarlyStopping(monitor)
        callback.set_model(model)
        assert callback._falls() == falls
    with pytest.raises(ArgumentError) as error:
        model.fit(x, y, epochs=3, verbose=0, callbacks=EarlyStopping("lambda"))
    assert str(error.value) == (
        "EarlyStopping mode: expected 'min' or 'max', as it is not known whether a larger value is better, "
        "received 'auto' with monitor='lambda'"
    )


def test_missing_metric_causes_a_warning() -> None:
    model, x, y = network()
    with pytest.warns(UserWarning, match="EarlyStopping: expected a metric 'val_loss' after each epoch, received 'l"):
        history = model.fit(x, y, epochs=1, verbose=0, callbacks=EarlyStopping())
    assert history.epoch == [0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarlyStopping(mode="least"), "EarlyStopping mode: expected 'auto', 'min' or 'max', received 'least'"),
        (lambda: ReduceLROnPlateau(factor=1.0), "ReduceLROnPlateau factor: expected a number below 1, received 1.0"),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        make()
    assert str(error.value) == message


def test_schedule_sets_the_learning_rate(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = network(tl.optimizers.SGD(0.8))
    halving = LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    history = model.fit(x, y, epochs=2, verbose=0, callbacks=halving).history
    assert history["learning_rate"] == [0.4, 0.2]
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.2.\n" in capsys.readouterr().out
    by_epoch = LearningRateScheduler(lambda epoch: np.float32(0.25))  # the older signature
    assert model.fit(x, y, verbose=0, callbacks=by_epoch).history["learning_rate"] == [0.25]
    with pytest.raises(ArgumentTypeError, match="schedule: expected a function that returns a float, received None"):
        model.fit(x, y, verbose=0, callbacks=LearningRateScheduler(lambda epoch, rate: None))


def test_nan_loss_ends_the_run_or_raises(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = network(tl.optimizers.SGD(1e30))
    history = model.fit(x, y, 2, epochs=3, verbose=0, callbacks=TerminateOnNaN()).history
    assert len(history["loss"]) == 1
    assert not np.isfinite(history["loss"][0])
    assert capsys.readouterr().out.startswith("Batch ")
    assert model.optimizer.iterations < 4
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    with pytest.raises(NonFiniteError, match="net' loss: expected a finite number, received"):
        model.fit(x, y, 2, epochs=3, verbose=0)


def test_csv_logger_writes_the_logs(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    model, x, y = network()
    first = model.fit(x, y, epochs=2, verbose=0, callbacks=CSVLogger(file)).history
    second = model.fit(
        x, y, epochs=1, verbose=0, callbacks=CSVLogger(file, append=True), validation_data=(x, y)
    ).history
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert [float(row["loss"]) for row in rows] == first["loss"] + second["loss"]
    # Keras writes NA where a column has no value; the header is from the first run.
    assert [row["val_loss"] for row in rows] == ["NA", "NA", str(second["val_loss"][0])]
    model.fit(x, y, epochs=1, verbose=0, callbacks=CSVLogger(file, separator=";"))
    assert file.read_text().startswith("epoch;loss;val_loss\n0;")

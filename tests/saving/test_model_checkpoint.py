"""`ModelCheckpoint`: which files are saved when, as in Keras."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.callbacks import LambdaCallback, ModelCheckpoint
from tensorlab.errors import ArgumentError, FileAccessError
from tensorlab.layers import Dense

VALUES = [3.0, 2.0, 2.5, 1.0, 4.0]
"""The metric "score" after each epoch."""


def fit(*callbacks: Any, epochs: int = 5) -> Any:
    def add(epoch: int, logs: dict[str, Any]) -> None:
        logs["score"] = VALUES[epoch]

    model = tl.Sequential([Dense(1)])
    model.compile("sgd", "mse")
    x = np.linspace(0.0, 1.0, 12).reshape(6, 2)
    model.fit(
        x, x[:, :1], batch_size=2, epochs=epochs, verbose=0, callbacks=[LambdaCallback(on_epoch_end=add), *callbacks]
    )
    return model


def test_file_is_saved_after_every_epoch(tmp_path: Path) -> None:
    model = fit(ModelCheckpoint(tmp_path / "deep" / "{epoch:02d}-{score:.1f}.tensorlab"))
    assert sorted(os.listdir(tmp_path / "deep")) == [f"0{n + 1}-{value}.tensorlab" for n, value in enumerate(VALUES)]
    again = tl.load_model(tmp_path / "deep" / "05-4.0.tensorlab")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert again.optimizer.iterations == 15


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({"mode": "min"}, [1, 2, 4]),
        ({"mode": "max"}, [1, 5]),
        ({"mode": "min", "initial_value_threshold": 2.2}, [2, 4]),
        ({"mode": "max", "initial_value_threshold": 5}, []),
    ],
)
def test_only_the_best_is_saved(options: Any, epochs: list[int], tmp_path: Path) -> None:
    path = tmp_path / "{epoch}.tensorlab"
    fit(ModelCheckpoint(path, monitor="score", save_best_only=True, **options))
    assert sorted(os.listdir(tmp_path)) == [f"{epoch}.tensorlab" for epoch in epochs]


def test_mode_is_that_of_the_metric(tmp_path: Path) -> None:
    fit(ModelCheckpoint(tmp_path / "best.tensorlab", monitor="loss", save_best_only=True))
    assert os.listdir(tmp_path) == ["best.tensorlab"]
    with pytest.raises(ArgumentError, match="whether a larger value is better"):
        fit(ModelCheckpoint(tmp_path / "best.tensorlab", monitor="score", save_best_only=True))


def test_weights_after_a_number_of_batches(tmp_path: Path) -> None:
    path = tmp_path / "{epoch}-{batch}-{loss:.3f}.tensorlab"
    model = fit(ModelCheckpoint(str(path), save_weights_only=True, save_freq=4), epochs=4)
    names = sorted(os.listdir(tmp_path))
    assert [name.rpartition("-")[0] for name in names] == ["2-1", "3-2", "4-3"]
    model.load_weights(tmp_path / names[-1])
    with pytest.raises(ValueError, match="a model file, received a file of kind 'weights'"):
        tl.load_model(tmp_path / names[0])


def test_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.tensorlab"
    fit(ModelCheckpoint(path, monitor="score", mode="min", save_best_only=True, verbose=1), epochs=3)
    assert capsys.readouterr().out.split("\n") == [
        "",
        "Epoch 1: score improved from None to 3.00000, saving model to " + str(path),
        "",
        "Epoch 2: score improved from 3.00000 to 2.00000, saving model to " + str(path),
        "",
        "Epoch 3: score did not improve from 2.00000",
        "",
    ]
    fit(ModelCheckpoint(path, verbose=1), epochs=1)
    assert capsys.readouterr().out == f"\nEpoch 1: saving model to {path}\n"


def test_metric_that_is_missing_is_warned_of_and_the_model_saved(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="ModelCheckpoint: expected a metric 'val_loss' after each epoch"):
        fit(ModelCheckpoint(tmp_path / "m.tensorlab", save_best_only=True), epochs=1)
    assert os.listdir(tmp_path) == ["m.tensorlab"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ModelCheckpoint(3), "ModelCheckpoint filepath: expected a path as a str or a Path, received 3"),
        (lambda: ModelCheckpoint("a", mode="best"), "mode: expected 'auto', 'min' or 'max', received 'best'"),
        (lambda: ModelCheckpoint("a", save_freq=0), "save_freq: expected 'epoch', or a number of batches, received 0"),
        (lambda: ModelCheckpoint("a", initial_value_threshold="x"), "expected a finite number, received 'x'"),
    ],
)
def test_wrong_arguments_are_refused(make: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert said in str(caught.value)


def test_paths_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        fit(ModelCheckpoint(f"{tmp_path}/{{epoch}}-{{acc:.2f}}.tensorlab"))
    assert str(caught.value).endswith(
        "expected fields of the logs, received epoch, acc (KeyError: 'acc'); known fields: loss, score, epoch"
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(FileAccessError, match="expected a path in a folder, received"):
        fit(ModelCheckpoint(tmp_path / "file" / "m.tensorlab"))

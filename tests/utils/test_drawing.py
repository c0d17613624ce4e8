"""`plot_model` and `History.plot`: files of each kind, and what is in the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, FileAccessError, StateError
from tensorlab.layers import Dense, Dropout
from tensorlab.utils import plot_model

pytest.importorskip("matplotlib")


def texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def network() -> tl.Sequential:
    inner = tl.Sequential([Dense(4, activation="tanh", name="hidden"), Dropout(0.2)], name="body")
    return tl.Sequential([tl.Input((3,)), inner, Dense(2, activation="softmax", name="head")], name="net")


def test_picture_has_every_layer(tmp_path: Path) -> None:
    figure = plot_model(
        network(),
        tmp_path / "model.svg",
        show_shapes=True,
        show_dtype=True,
        show_layer_names=True,
        expand_nested=True,
        show_layer_activations=True,
        show_trainable=True,
    )
    found = texts(figure)
    for expected in (
        "Input",
        "body (Sequential)",
        "hidden (Dense)",
        "head (Dense)",
        "Activation: tanh",
        "Input shape: (None, 3)",
        "Output shape: (None, 2)",
        "Dtype: float32",
        "Parameters: 16",
        "Trainable: yes",
    ):
        assert expected in found, expected
    assert (tmp_path / "model.svg").read_text().count("<svg") == 1
    plain = texts(plot_model(network(), None))
    assert plain == ["Input", "Sequential", "Parameters: 16", "Dense", "Parameters: 10"]


@pytest.mark.parametrize(("ending", "beginning"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_files_have_the_kind_of_their_ending(tmp_path: Path, ending: str, beginning: bytes) -> None:
    path = tmp_path / f"model{ending}"
    plot_model(network(), path, dpi=50)
    assert path.read_bytes().startswith(beginning)


def test_models_that_are_not_built_are_drawn() -> None:
    assert texts(plot_model(tl.Sequential([Dense(2)]), None, show_shapes=True))[:2] == ["Dense", "Input shape: ?"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot_model(5), ArgumentTypeError, "plot_model: expected a model with layers, received 5"),
        (lambda: plot_model(tl.Sequential()), StateError, "plot_model: the model has no layers"),
        (lambda: plot_model(network(), "a.dot"), ArgumentError, "to_file: expected a path that ends with .svg, .png, "),
        (lambda: plot_model(network(), 5), ArgumentTypeError, "to_file: expected a path as a str or a Path, or None"),
        (lambda: plot_model(network(), None, dpi=0), ArgumentError, "dpi: expected a number from 10 to 2400"),
        (lambda: plot_model(network(), "no/folder/a.svg"), FileAccessError, "expected a file that can be written"),
        (lambda: tl.callbacks.History().plot(), StateError, "History.plot: no epoch has ended"),
    ],
)
def test_invalid_arguments_are_rejected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_history_has_a_line_for_training_and_validation(tmp_path: Path) -> None:
    history = tl.callbacks.History()
    for epoch in range(4):
        logs = {"loss": 1.0 / (epoch + 1), "val_loss": 2.0 / (epoch + 1), "accuracy": 0.1 * epoch, "each": np.ones(2)}
        history.on_epoch_end(epoch, logs)
    figure = history.plot(tmp_path / "history.png", dpi=50)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "accuracy"]
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    np.testing.assert_allclose(loss.lines[1].get_ydata(), [2.0, 1.0, 2.0 / 3, 0.5])
    np.testing.assert_allclose(loss.lines[0].get_xdata(), [1, 2, 3, 4])
    assert len(accuracy.lines) == 1
    assert len(history.plot(metrics=["accuracy"]).axes) == 1
    with pytest.raises(ArgumentError, match=r"metrics: expected some of loss, accuracy, received 'acuracy'"):
        history.plot(metrics=["acuracy"])

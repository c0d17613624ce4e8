"""Callbacks: the hooks and their logs, the history, and the output of `fit` that is not on a terminal."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.callbacks import Callback, History, ProgressBar, show
from tensorlab.layers import Dense

LINE = re.compile(r"Epoch (\d+)/(\d+) - (\d+)/(\d+) - \d+\.\ds - loss: \d+\.\d{4} - accuracy: \d\.\d{4}")


class Recorder(Callback):
    """Records its calls."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[Any, ...]]] = []

    def on_train_begin(self, logs: dict[str, float]) -> None:
        self.seen.append(("train begin", (dict(logs),)))

    def on_train_end(self, logs: dict[str, float]) -> None:
        self.seen.append(("train end", (dict(logs),)))

    def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
        self.seen.append(("epoch begin", (epoch, dict(logs))))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.seen.append(("epoch end", (epoch, dict(logs))))

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        self.seen.append(("batch end", (batch, dict(logs), self.model.optimizer.iterations)))


def trained(rng: np.random.Generator, **options: Any) -> tuple[tl.Sequential, History]:
    x, y = rng.normal(size=(11, 3)).astype("float32"), rng.integers(0, 4, 11)
    model = tl.Sequential([Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, model.fit(x, y, batch_size=4, **options)


def test_hooks_are_called_in_order_with_logs(rng: np.random.Generator) -> None:
    recorder = Recorder()
    validation = rng.normal(size=(5, 3)).astype("float32"), rng.integers(0, 4, 5)
    model, history = trained(rng, epochs=2, verbose=0, callbacks=[recorder], validation_data=validation)
    assert [moment for moment, _ in recorder.seen] == [
        "train begin",
        *(["epoch begin", "batch end", "batch end", "batch end", "epoch end"] * 2),
        "train end",
    ]
    by_moment: dict[str, list[tuple[Any, ...]]] = {}
    for moment, arguments in recorder.seen:
        by_moment.setdefault(moment, []).append(arguments)
    assert by_moment["train begin"] == [({},)]
    assert by_moment["epoch begin"] == [(0, {}), (1, {})]
    assert [(batch, iterations) for batch, _, iterations in by_moment["batch end"]] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (0, 4),
        (1, 5),
        (2, 6),
    ]
    assert all(list(logs) == ["loss", "accuracy"] for _, logs, _ in by_moment["batch end"])
    for epoch, logs in by_moment["epoch end"]:
        assert logs == {name: values[epoch] for name, values in history.history.items()}
        assert list(logs) == ["loss", "accuracy", "val_loss", "val_accuracy"]
        last = by_moment["batch end"][3 * epoch + 2][1]
        assert last == {name: logs[name] for name in ("loss", "accuracy")}
    assert by_moment["train end"] == [(by_moment["epoch end"][-1][1],)]
    assert recorder.model is model
    assert (recorder.params["epochs"], recorder.params["steps"], recorder.params["verbose"]) == (2, 3, 0)


def test_callback_can_change_the_learning_rate(rng: np.random.Generator) -> None:
    class Freeze(Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
            self.model.optimizer.learning_rate = 0.0 if epoch else 0.5
            self.weights = self.model.get_weights()

    freeze = Freeze()
    model, _ = trained(rng, epochs=2, verbose=0, callbacks=[freeze])
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), freeze.weights, strict=True))


def test_error_of_a_callback_is_raised(rng: np.random.Generator) -> None:
    class Broken(Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            raise ValueError("out of patience")

    with pytest.raises(ValueError, match="out of patience"):
        trained(rng, epochs=2, verbose=1, callbacks=[Broken()])
    trained(rng, epochs=1, verbose=1)  # the progress bar of the first run was removed


def test_history_has_a_list_per_metric(rng: np.random.Generator) -> None:
    _, history = trained(rng, epochs=3, verbose=0)
    assert history.epoch == [0, 1, 2]
    assert list(history.history) == ["loss", "accuracy"]
    assert all(len(values) == 3 for values in history.history.values())
    assert all(type(value) is float for values in history.history.values() for value in values)


@pytest.mark.parametrize("verbose", ["auto", 2, 1])
def test_piped_output_has_one_line_per_epoch(
    verbose: Any, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    _, history = trained(rng, epochs=3, verbose=verbose)
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = [line for line in captured.out.splitlines() if line.strip()]
    assert len(lines) == 3
    for epoch, line in enumerate(lines):
        found = LINE.fullmatch(line)
        assert found is not None, line
        assert found.groups() == (str(epoch + 1), "3", "3", "3")
        assert f"loss: {history.history['loss'][epoch]:.4f}" in line
        assert f"accuracy: {history.history['accuracy'][epoch]:.4f}" in line
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", captured.out)


def test_verbose_0_prints_nothing(rng: np.random.Generator, capsys: pytest.CaptureFixture[str]) -> None:
    trained(rng, epochs=2, verbose=0)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_terminal_shows_a_progress_bar(
    rng: np.random.Generator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich treat the output as a terminal
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    trained(rng, epochs=2, verbose="auto")
    text = capsys.readouterr().out
    assert "\x1b[" in text
    assert "ETA" in text
    assert "3/3" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert len(LINE.findall(plain)) == 2


def test_values_are_shown_with_four_decimals() -> None:
    assert show({"loss": 0.25774, "accuracy": 1.0}) == "loss: 0.2577 - accuracy: 1.0000"
    assert show({}) == ""


def test_progress_bar_can_be_closed_at_any_time() -> None:
    bar = ProgressBar(1)
    bar.close()
    bar.params = {"epochs": 1, "steps": 2}
    bar.on_epoch_begin(0, {})
    bar.close()
    bar.close()
    assert bar.bar is None

"""Plugins that observe a run: what they receive, and that they do not change the run."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from plugin_samples import plugin_of

import tensorlab as tl
from tensorlab.errors import PluginError, PluginWarning
from tensorlab.plugins import manager

pytestmark = pytest.mark.usefixtures("plugins_restored")


def data(rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(size=(20, 3)).astype("float32"), rng.integers(0, 2, 20)


def trained(x: Any, y: Any, **options: Any) -> tuple[list[bytes], dict[str, list[float]]]:
    tl.utils.set_random_seed(5)
    model = tl.Sequential(
        [tl.layers.Dense(4, activation="relu"), tl.layers.Dropout(0.5), tl.layers.Dense(2, "softmax")]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, **options).history
    return [weight.tobytes() for weight in model.get_weights()], history


def test_observer_receives_events_and_cannot_change_the_run(rng: np.random.Generator) -> None:
    x, y = data(rng)
    alone = trained(x, y, validation_data=(x, y))
    seen: list[Any] = []

    def look(moment: str, model: Any, logs: dict[str, float] | None = None) -> dict[str, float]:
        assert isinstance(model, tl.Sequential)
        seen.append((moment, dict(logs or {})))
        tl.random.uniform((2,))  # its draws do not affect the run
        if logs is not None:
            logs.clear()
        return {"loss": -1.0}

    plugin = plugin_of(
        tensorlab_fit_start=lambda model, params: (seen.append(params), look("fit start", model))[1],
        tensorlab_fit_end=lambda model, logs: look("fit end", model, logs),
        tensorlab_epoch_start=lambda model, epoch: look(f"epoch {epoch} start", model),
        tensorlab_epoch_end=lambda model, epoch, logs: look(f"epoch {epoch} end", model, logs),
        tensorlab_batch_end=lambda batch, logs, model: look(f"batch {batch}", model, logs),
    )
    record = tl.plugins.register(plugin, "watcher")
    assert record.outcome == "observes fit_start, fit_end, epoch_start, epoch_end, batch_end"
    assert trained(x, y, validation_data=(x, y)) == alone
    assert seen.pop(0) == {"epochs": 2, "steps": 3, "verbose": 0}
    batches = ["batch 0", "batch 1", "batch 2"]
    epochs = [moment for e in (0, 1) for moment in (f"epoch {e} start", *batches, f"epoch {e} end")]
    assert [moment for moment, _ in seen] == ["fit start", *epochs, "fit end"]
    ends = [logs for moment, logs in seen if re.fullmatch("epoch . end", moment)]
    assert ends == [{name: values[e] for name, values in alone[1].items()} for e in (0, 1)]
    assert seen[-1][1] == ends[-1]


def test_failing_observer_warns_and_is_disabled_for_the_run(rng: np.random.Generator) -> None:
    x, y = data(rng)
    alone = trained(x, y)
    calls = []

    def fail(batch: int) -> None:
        calls.append(batch)
        raise ZeroDivisionError("one by zero")

    tl.plugins.register(plugin_of(tensorlab_batch_end=fail, tensorlab_fit_end=lambda: calls.append(-1)), "clumsy")
    counted: list[int] = []
    tl.plugins.register(plugin_of(tensorlab_batch_end=lambda batch: counted.append(batch)), "sound")
    for run in (1, 2):
        with pytest.warns(PluginWarning) as warned:
            assert trained(x, y) == alone
        assert [str(each.message) for each in warned] == [
            "plugin 'clumsy' of clumsy: tensorlab_batch_end raised ZeroDivisionError: one by zero; "
            "it is not called again in this run"
        ]
        assert warned[0].filename == __file__, "the warning must point to the call of fit"
        assert calls == [0] * run
        assert counted == [0, 1, 2] * 2 * run


def test_failing_observer_raises_when_strict(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data(rng)
    model = tl.Sequential([tl.layers.Dense(2, activation="softmax")])
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    model.build((None, 3))
    before = model.get_weights()
    tl.plugins.register(plugin_of(tensorlab_batch_end=lambda batch: 1 // batch), "clumsy")
    monkeypatch.setenv("TENSORLAB_STRICT", "1")
    with pytest.raises(PluginError) as error:
        model.fit(x, y, verbose=0)
    assert str(error.value) == (
        "plugin 'clumsy' of clumsy: tensorlab_batch_end: expected a hook that only observes, received "
        "ZeroDivisionError: integer division or modulo by zero"
    )
    for weight, kept in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(weight, kept)


def test_no_observers_by_default() -> None:
    assert manager.observers() == []

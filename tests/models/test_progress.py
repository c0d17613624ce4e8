"""The output of `fit` on terminals, in notebooks and in files, while kernels are compiled, and after an error."""

from __future__ import annotations

import io
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import tensorlab as tl
from tensorlab import waiting
from tensorlab.callbacks import ProgressBar, show
from tensorlab.callbacks import progress as module
from tensorlab.waiting import Waiting

LINE = re.compile(r"Epoch \d/2 - 3/3 - \d+\.\ds - loss: \d+\.\d{4}")


def fit(rng: np.random.Generator, **options: Any) -> None:
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = rng.normal(size=(5, 3)).astype("float32")
    model.fit(x, x[:, :1], **{"batch_size": 2, "epochs": 2, **options})


class Notebook:
    """The part of a Jupyter kernel that `ProgressBar` uses. It records what each output showed."""

    def __init__(self) -> None:
        self.outputs: list[list[str]] = []

    def display(self, bundle: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        shown = [bundle["text/plain"]]
        self.outputs.append(shown)
        return SimpleNamespace(update=lambda bundle, raw: shown.append(bundle["text/plain"]))


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    kernel = Notebook()
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.display = kernel.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(module._NotebookBar, "_INTERVAL", 0.0)
    return kernel


@pytest.mark.parametrize("verbose", ["auto", 1, True])
def test_notebook_shows_a_bar_and_then_a_line(
    verbose: Any, notebook: Notebook, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(rng, verbose=verbose)
    assert capsys.readouterr().out == ""
    first, second = notebook.outputs  # one output per epoch
    first = [text for text in first if "compiling" not in text]  # depends on the kernels that tests before needed
    assert first[:3] == ["", "fit preparing kernels", "Epoch 1/2 preparing kernels"]
    assert re.fullmatch(r"Epoch 1/2 \[={6}\.{14}\] 1/3 ETA \d+:\d\d loss: \d+\.\d{4}", first[3])
    assert re.fullmatch(r"Epoch 1/2 \[={20}\] 3/3 ETA 0:00 loss: \d+\.\d{4}", first[5])
    assert LINE.fullmatch(first[-1])
    assert LINE.fullmatch(second[-1])
    assert len(first) == 7


def test_notebook_output_is_rate_limited(
    notebook: Notebook, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._NotebookBar, "_INTERVAL", 1000.0)
    fit(rng)
    assert [len(shown) for shown in notebook.outputs] == [4, 3]  # steps are not shown
    fit(rng, verbose=0)
    assert len(notebook.outputs) == 2


def test_verbose_2_prints_plain_lines_in_a_notebook(
    notebook: Notebook, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(rng, verbose=2)
    assert notebook.outputs == []
    assert [bool(LINE.fullmatch(line)) for line in capsys.readouterr().out.splitlines()] == [True, True]


def test_error_removes_the_bar(notebook: Notebook, rng: np.random.Generator) -> None:
    with pytest.raises(tl.errors.ShapeError):
        fit(rng, validation_data=(np.zeros((2, 3)), np.zeros((3, 1))))
    assert notebook.outputs == [["", "fit preparing kernels", ""]]


def test_ipython_on_a_terminal_is_not_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell in (None, SimpleNamespace(), SimpleNamespace(kernel=None)):
        ipython = ModuleType("IPython")
        ipython.get_ipython = lambda shell=shell: shell  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert module.notebook_display() is None
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    assert module.notebook_display() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert module.notebook_display() is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["100", "20"])
def test_terminal_shows_that_kernels_are_prepared(
    columns: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    fit(rng)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "preparing" in plain
    assert plain.index("preparing") < plain.index("1/2")
    assert len(LINE.findall(plain)) == 2  # complete for any width


def test_output_in_ascii(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    fit(rng)
    sys.stdout.flush()
    assert all(LINE.fullmatch(line) for line in raw.getvalue().decode("ascii").splitlines())


def test_values_of_every_type_are_shown() -> None:
    logs = {"loss": 0.25774, "learning_rate": 1e-5, "zero": 0.0, "nan": float("nan"), "several": np.arange(2)}
    assert show(logs) == "loss: 0.2577 - learning_rate: 1.0000e-05 - zero: 0.0000 - nan: nan - several: [0 1]"


def test_progress_bar_passed_as_callback_replaces_the_default(
    rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(rng, callbacks=[ProgressBar(2)])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_bar_says_how_many_kernels_are_compiled(notebook: Notebook, rng: np.random.Generator) -> None:
    class Needing(tl.callbacks.Callback):
        def on_train_begin(self, logs: Any) -> None:
            waiting.show(Waiting(14, 25, 8.0))

        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            waiting.show(Waiting(24, 25, 1.0))

    fit(rng, callbacks=[Needing()])
    first, _ = notebook.outputs
    assert "fit compiling kernels: 14 of 25, about 8 s left" in first
    assert "Epoch 1/2 compiling kernels: 24 of 25, about 1 s left" in first
    assert waiting._watchers == []


def test_bar_on_a_terminal_says_how_many_kernels_are_compiled() -> None:
    bar = ProgressBar()
    bar.console, bar.live = Console(file=io.StringIO(), force_terminal=True, width=100), True
    bar.prepare()
    waiting.show(Waiting(14, 25, 8.0))
    assert isinstance(bar.bar, module._TerminalBar)
    assert bar.bar.progress.tasks[0].fields["words"] == "compiling kernels: 14 of 25, about 8 s left"
    bar.close()
    assert waiting._watchers == []

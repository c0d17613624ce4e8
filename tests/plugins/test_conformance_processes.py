"""Checks of the conformance kit that use new processes: configs and imports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conformance_cases import guarded, why

import tensorlab as tl
from tensorlab.plugins import manager
from tensorlab.plugins.manager import Plugin
from tensorlab.testing import fresh, plugin
from tensorlab.testing.activation import ActivationSubject
from tensorlab.testing.layer import LayerSubject
from tensorlab.testing.report import Check, Report


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (lambda self: {"scale": 5.0}, "layer 'Rescaling' from its config at ("),
        (
            lambda self: {"scale": object()},
            "expected plain data: numbers, strings, lists, names, received Object of type object is not JSON",
        ),
        (
            lambda self: {"scale": 3, "other": 1},
            "in another process: expected that it can be constructed from its config",
        ),
    ],
)
def test_wrong_config_fails(config: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tl.layers.Rescaling, "get_config", config)
    monkeypatch.setattr(LayerSubject, "_check_arguments", lambda *arguments: None)
    assert words in why(LayerSubject("Rescaling"), "config")


def test_config_of_an_unregistered_object_is_skipped() -> None:
    (check,) = [c for c in ActivationSubject(tl.Activation(guarded)).checks() if c.heading == "config"]
    result = check.result()
    assert (result.outcome, result.why) == (
        "skipped",
        "it is not registered by a plugin, so another process cannot know its name",
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", None),
        ("import numpy\nnumpy.random.seed(1)", "random numbers drawn from a global generator (numpy.random)"),
        ("open('left_behind.txt', 'w').close()", "a file written (left_behind.txt)"),
        ("import tensorlab as tl\n(tl.ones(3) + 1).numpy()", "compiled kernels loaded (tensors were computed)"),
        ("raise ValueError('not today')", "its import: expected no exception, received ValueError: not today"),
        ("import os\nos._exit(3)", "a new process: expected an answer, received exit code 3 and 'no output'"),
        ("print('noise')", None),
    ],
)
def test_import_with_side_effects_fails(
    source: str, words: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busy.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = Check(
        "p", "import", plugin._check_of_import("plugin 'busy'", Plugin("busy", "busy", "1", module="busy"))
    ).result()
    if words is None:
        assert result.outcome == "passed", result.why
    else:
        assert words in result.why


def test_slow_import_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def slow(question: str) -> dict[str, Any]:
        asked.append(question)
        return {"seconds": 1.5, "written": [], "drawn": [], "compiled": False}

    monkeypatch.setattr(fresh, "ask", slow)
    result = Check(
        "p", "import", plugin._check_of_import("plugin 'busy'", Plugin("busy", "busy", "1", module="busy"))
    ).result()
    assert "received more than 1 s (1.5 s); move the work into functions" in result.why
    assert asked == ['{"import": "busy"}'] * 2, "a slow import is measured twice"


def test_plugins_that_register_nothing_or_do_not_load_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    manager.load()
    records = [
        Plugin("hollow", "tensorlab-hollow", "1"),
        Plugin("rotten", "tensorlab-rotten", "1", error="ImportError: x"),
        Plugin("empty", "tensorlab-empty", "1", hooks=("tensorlab_register_losses",)),
        Plugin("unasked", "tensorlab-unasked", "1", skipped=True),
    ]
    monkeypatch.setattr(manager, "plugins", [*manager.plugins, *records])
    hollow = Report("hollow", plugin.checks("tensorlab_hollow"))
    assert [(result.heading, result.outcome) for result in hollow] == [("loads", "failed"), ("import", "skipped")]
    assert (
        "expected registered objects or observing hooks, received none; a hook is a function" in hollow.results[0].why
    )
    assert Report("empty", plugin.checks("empty")).results[0].why == hollow.results[0].why.replace("hollow", "empty")
    assert Report("unasked", plugin.checks("unasked")).results[0].why == (
        "plugin 'unasked': expected that tensorlab-unasked loads, received excluded by TENSORLAB_PLUGINS; "
        "add tensorlab-unasked to TENSORLAB_PLUGINS"
    )
    (rotten,) = Report("rotten", plugin.checks("rotten"))
    assert rotten.heading == "loads"
    assert "expected that tensorlab-rotten loads, received ImportError: x" in rotten.why

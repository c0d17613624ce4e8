"""The conformance kit: valid objects pass, each mistake fails the check that describes it, and reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import tensorlab as tl
from tensorlab import commands
from tensorlab.environment import pip
from tensorlab.errors import ConformanceError, UnknownNameError
from tensorlab.testing import plugin, plugin_test
from tensorlab.testing.report import Check, NotApplicableError, Report, Result, fail

ROOT = Path(__file__).parents[2]

HEAD = """
import math, random
import numpy as np
import tensorlab as tl
from tensorlab import Activation, hookimpl
"""

ACTIVATION = """
@hookimpl
def tensorlab_register_activations():
    return {{"{name}": {thing}}}
"""

WRONG = {
    "slope": (
        """
def hat(x):
    return 1.0 / (1.0 + x * x)
def slope(x):
    return -x / (1.0 + x * x) ** 2
        """,
        ACTIVATION.format(name="slope", thing="Activation(hat, slope)"),
    ),
    "zero": (
        """
def cardinal(x):
    return math.sin(x) / x
        """,
        ACTIVATION.format(name="zero", thing="Activation(cardinal)"),
    ),
    "double": (
        """
def softplus(x):
    return math.log(1.0 + math.exp(x))
        """,
        ACTIVATION.format(name="double", thing="Activation(softplus)"),
    ),
    "lost": (
        """
class Scale(tl.layers.Layer):
    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor
    def call(self, inputs):
        return inputs * self.factor
    def get_config(self):
        return {}
        """,
        '\n@hookimpl\ndef tensorlab_register_layers():\n    return {"Scale": Scale}\n',
    ),
    "drawing": (
        """
random.random()
def squared(x):
    return x * x
        """,
        ACTIVATION.format(name="drawing", thing="Activation(squared)"),
    ),
}
"""Five plugins with one mistake each; the last one computes `tl.square` and so shares its kernels."""


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])},
        cwd=site,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the five plugins are installed."""
    folder = tmp_path_factory.mktemp("site")
    for name, (definitions, hook) in WRONG.items():
        (folder / f"wrong_{name}.py").write_text(HEAD + definitions + hook)
        metadata = folder / f"wrong_{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: wrong-{name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[tensorlab]\n{name} = wrong_{name}\n")
    return folder


@pytest.fixture(scope="module")
def failures(site: Path) -> dict[str, dict[str, str]]:
    """Return the failed checks of each plugin, and the reasons."""
    program = (
        "import json, tensorlab as tl\nfrom tensorlab.testing import plugin, Report\n"
        f"reports = {{name: Report(name, plugin.checks('wrong-' + name)) for name in {list(WRONG)}}}\n"
        "print(json.dumps({name: {r.heading: r.why for r in report.failures} for name, report in reports.items()}))"
    )
    done = python(site, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("name", "heading", "words"),
    [
        (
            "slope",
            "gradients",
            ["DerivativeError: Activation of scalar function 'hat'", "expected a derivative that is"],
        ),
        (
            "zero",
            "special values",
            ["'zero' in float32 at 0", "expected finite values, received nan", "add a branch"],
        ),
        ("double", "dtypes", ["'double' in float32 at (39, 0): expected 100, as float64, received inf", "too large"]),
        ("lost", "config", ["layer 'Scale'.get_config(): expected 'factor'", "remove get_config"]),
        ("drawing", "import", ["only definitions, received random numbers drawn from a global generator", "(random)"]),
    ],
)
def test_wrong_plugin_fails_exactly_one_check(
    name: str, heading: str, words: list[str], failures: Mapping[str, Mapping[str, str]]
) -> None:
    assert list(failures[name]) == [heading]
    for part in words:
        assert part in failures[name][heading]


def test_command_exits_with_1_and_prints_the_reason(site: Path) -> None:
    done = python(site, "-m", "tensorlab", "check-plugin", "wrong-slope")
    assert (done.returncode, done.stderr) == (1, "")
    header, row, summary = done.stdout.splitlines()
    assert header.split() == ["subject", "check", "result", "why"]
    assert row.startswith(
        "plugin 'slope'  gradients  failed  plugin 'slope': expected that wrong-slope loads, received "
    )
    assert summary == "wrong-slope: 1 failed"


# The command, in this process


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin with three checks."""

    def no() -> None:
        raise NotApplicableError("it has none")

    made = [Check("one", "first", lambda: None), Check("one", "second", lambda: fail("a", "b", "c", "d"))]
    monkeypatch.setattr(plugin, "checks", lambda name, examples=None: [*made, Check("two", "third", no)])


@pytest.mark.usefixtures("small")
def test_report_as_table_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["check-plugin", "any"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "subject  check   result   why",
        "one      first   passed",
        "         second  failed   a: expected b, received c; d",
        "two      third   skipped  it has none",
        "any: 1 passed, 1 failed, 1 skipped",
    ]
    assert commands.main(["check-plugin", "any", "--json"]) == 1
    results = json.loads(capsys.readouterr().out)
    assert results[1] == {
        "subject": "one",
        "heading": "second",
        "outcome": "failed",
        "why": "a: expected b, received c; d",
    }
    assert [result["outcome"] for result in results] == ["passed", "failed", "skipped"]


@pytest.mark.usefixtures("small")
def test_terminal_shows_the_running_check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    assert commands.main(["check-plugin", "any", "--json"]) == 1
    assert capsys.readouterr().err == "", "nothing may be written to a file, even with colors"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert commands.main(["check-plugin", "any", "--json"]) == 1
    output, shown = capsys.readouterr()
    assert len(json.loads(output)) == 3
    assert "two: third" in shown
    assert shown.endswith("\x1b[?25h\r\x1b[1A\x1b[2K"), "the status line must be removed"


def test_unknown_plugin_suggests_similar_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["check-plugin", "tensorlba"]) == 1
    said = (
        "check-plugin: expected the name of an installed plugin, received 'tensorlba'; did you mean 'tensorlab'? "
        f"(a new one is found once it is installed in {sys.prefix}: {pip()} install -e .)\n"
    )
    assert capsys.readouterr() == ("", said)
    with pytest.raises(UnknownNameError, match="did you mean 'tensorlab'"):
        tl.testing.check_plugin("tensorlba")


# Reports


def test_report_raises_failures_and_runs_all_checks() -> None:
    def crash() -> None:
        raise KeyError("inner")

    checks = [
        Check("s", "crashes", crash),
        Check("s", "refused", lambda: fail("w", "x", "y")),
        Check("s", "fine", lambda: None),
    ]
    report = Report("s", checks)
    assert not report.passed
    assert [result.outcome for result in report] == ["failed", "failed", "passed"]
    assert report.results[0] == Result("s", "crashes", "failed", "expected no exception, received KeyError: 'inner'")
    with pytest.raises(AssertionError) as caught:
        report.raised()
    assert isinstance(caught.value, ConformanceError)
    assert str(caught.value) == (
        "s: expected every check to pass, received 2 of 3 that failed; \n"
        "crashes: expected no exception, received KeyError: 'inner'\nrefused: w: expected x, received y"
    )
    assert str(report).splitlines()[1:] == [
        "s, refused: failed: w: expected x, received y",
        "s, fine: passed",
        "s: 1 passed, 2 failed",
    ]
    assert Report("t", checks[2:]).raised().summary() == "t: 1 passed"


def test_plugin_test_has_one_id_per_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def no() -> None:
        raise NotApplicableError("it has none")

    checks = [
        Check("loss 'a'", "first one", lambda: None),
        Check("loss 'a'", "second", lambda: fail("w", "x", "y")),
        Check("loss 'a'", "third", no),
    ]
    monkeypatch.setattr(plugin, "checks", lambda name, examples: checks)
    test: Any = plugin_test("any")
    (mark,) = test.pytestmark
    assert mark.kwargs["ids"] == ["loss a-first one", "loss a-second", "loss a-third"]
    test(checks[0])
    with pytest.raises(pytest.fail.Exception, match=r"^w: expected x, received y$"):
        test(checks[1])
    with pytest.raises(pytest.skip.Exception, match=r"^it has none$"):
        test(checks[2])

"""The pytest plugin: tests for conformance checks, errors, and that it does nothing unless requested."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_environment import ROOT, install

from tensorlab.environment import pip
from tensorlab.plugins import Plugin, manager
from tensorlab.testing import plugin
from tensorlab.testing.report import Check, NotApplicableError, fail

pytest_plugins = ["pytester"]

IDS = [
    "acme-hat::plugin::hat::loads",
    "acme-hat::activation::hat::gradients",
    "acme-hat::activation::hat::special-values",
]
WITHOUT = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider")  # the first prints a summary, which takes a second
SOUND = """
import tensorlab as tl
@tl.hookimpl
def tensorlab_register_activations():
    return {"hat": tl.ops.exp}
"""


@pytest.fixture
def hat(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    """A plugin with three checks, of which one passes, one fails and one is skipped; returns a pytester."""

    def none() -> None:
        raise NotApplicableError("it has none")

    checks = [
        Check("plugin 'hat'", "loads", lambda: None),
        Check("activation 'hat'", "gradients", lambda: fail("activation 'hat' at 0", "1", "2", "correct it")),
        Check("activation 'hat'", "special values", none),
    ]
    manager.load()
    record = Plugin("hat", "acme-hat", "1.0")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(WITHOUT[:2]))
    monkeypatch.setattr(plugin, "checks", lambda name: {"acme-hat": checks}[name])
    manager.plugins.append(record)
    yield pytester
    manager.plugins.remove(record)


def node_ids(run: pytest.RunResult) -> list[str]:
    return [line for line in run.outlines if "::" in line]


def test_entry_point_is_registered() -> None:
    (point,) = [p for p in importlib.metadata.entry_points(group="pytest11") if p.value == "pytest_tensorlab"]
    assert point.name == "tensorlab", "reinstall this checkout: pip install -e ."


@pytest.mark.parametrize("name", ["acme-hat", "Acme_Hat", "hat"])
def test_each_check_is_a_test(name: str, hat: pytest.Pytester) -> None:
    assert node_ids(hat.runpytest_inprocess("--tensorlab-plugin", name, "--collect-only", "-q")) == IDS
    tree = hat.runpytest_inprocess("--tensorlab-plugin", name, "--collect-only").outlines
    assert [line for line in tree if "<" in line] == [
        "<Distribution acme-hat>",
        "  <Group plugin>",
        "    <Group hat>",
        "      <Heading loads>",
        "  <Group activation>",
        "    <Group hat>",
        "      <Heading gradients>",
        "      <Heading special-values>",
    ]


def test_failure_shows_the_message_of_the_check(hat: pytest.Pytester) -> None:
    run = hat.runpytest_inprocess("--tensorlab-plugin", "acme-hat", "-rsf")
    run.assert_outcomes(passed=1, failed=1, skipped=1)
    run.stdout.fnmatch_lines(
        [
            "collected 3 items",
            "acme-hat .Fs *",
            "*__ activation 'hat': gradients __*",
            "activation 'hat' at 0: expected 1, received 2; correct it",
            "FAILED acme-hat::activation::hat::gradients - *",
        ]
    )
    run.stdout.fnmatch_lines(["SKIPPED * it has none"])
    assert "Traceback" not in str(run.stdout)
    assert "report.py" not in "".join(line for line in run.outlines if not line.startswith("SKIPPED"))
    verbose = hat.runpytest_inprocess("--tensorlab-plugin", "acme-hat", "-v")
    verbose.stdout.fnmatch_lines(["acme-hat::activation::hat::gradients FAILED *"])


def test_checks_can_be_selected_like_tests(hat: pytest.Pytester) -> None:
    asked = ("--tensorlab-plugin", "acme-hat", "--collect-only", "-q")
    assert node_ids(hat.runpytest_inprocess(*asked, "-k", "hat and not loads")) == IDS[1:]
    assert node_ids(hat.runpytest_inprocess(*asked, "--deselect", IDS[1])) == [IDS[0], IDS[2]]
    hat.runpytest_inprocess("--tensorlab-plugin", "acme-hat").assert_outcomes(passed=1, failed=1, skipped=1)
    hat.runpytest_inprocess("--tensorlab-plugin", "acme-hat", "--lf").assert_outcomes(failed=1)
    hat.runpytest_inprocess("--tensorlab-plugin", "acme-hat", "--nf").assert_outcomes(passed=1, failed=1, skipped=1)


def test_checks_are_added_to_test_files(hat: pytest.Pytester) -> None:
    file = hat.makepyfile("def test_own(): pass")
    own = f"{file.name}::test_own"
    collect = ("--collect-only", "-q")
    assert node_ids(hat.runpytest_inprocess("--tensorlab-plugin", "acme-hat", *collect)) == [own, *IDS]
    assert node_ids(hat.runpytest_inprocess("--tensorlab-plugin", "acme-hat", file, *collect)) == [own, *IDS]
    assert node_ids(hat.runpytest_inprocess(*collect)) == [own]


def test_setting_adds_checks_to_the_whole_suite(hat: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    hat.makepyprojecttoml('[tool.pytest.ini_options]\ntensorlab_plugins = ["acme-hat"]\n')
    collect = ("--collect-only", "-q")
    assert node_ids(hat.runpytest_inprocess(*collect)) == IDS, "without test files"
    (hat.path / "tests").mkdir()
    (hat.path / "tests" / "test_own.py").write_text("def test_own(): pass")
    own = "tests/test_own.py::test_own"
    assert node_ids(hat.runpytest_inprocess(*collect)) == [own, *IDS]
    assert node_ids(hat.runpytest_inprocess(".", *collect)) == [own, *IDS]
    assert node_ids(hat.runpytest_inprocess("--tensorlab-plugin", "hat", *collect)) == [own, *IDS], "no duplicates"
    assert node_ids(hat.runpytest_inprocess("tests", *collect)) == [own]
    hat.makepyprojecttoml('[tool.pytest.ini_options]\ntensorlab_plugins = "acme-hat"\ntestpaths = ["tests"]\n')
    assert node_ids(hat.runpytest_inprocess(*collect)) == [own, *IDS]
    monkeypatch.chdir(hat.path.parent)
    assert node_ids(hat.runpytest_inprocess(hat.path, *collect)) == [own, *IDS]


def test_unknown_distribution_is_reported_with_suggestions(hat: pytest.Pytester) -> None:
    run = hat.runpytest_inprocess("--tensorlab-plugin", "acme-hatt")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert str(run.stderr).strip() == (
        "ERROR: --tensorlab-plugin: expected the name of an installed plugin, received 'acme-hatt'; did you mean "
        f"'acme-hat' or 'hat'? (a new one is found once it is installed in {sys.prefix}: {pip()} install -e .)"
    )
    hat.makeini("[pytest]\ntensorlab_plugins = nothing-of-this-kind\n")
    run = hat.runpytest_inprocess()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: tensorlab_plugins: expected the name of an installed plugin, received 'nothing-of-this" in str(
        run.stderr
    )
    assert "known names: acme-hat, " in str(run.stderr)
    assert hat.runpytest_inprocess("--help").ret == 0


# In new processes


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plugin ``hat`` installed."""
    if not (folder / "site").exists():
        install(folder / "site", "hat", SOUND)
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", *WITHOUT, "--rootdir", str(folder), *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder / "site"), str(ROOT)])},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_id_of_a_check_can_be_an_argument(tmp_path: Path) -> None:
    chosen = pytest_in(tmp_path, "--collect-only", "-q", "acme-hat::plugin", "acme-hat::activation::hat::plain-Python")
    assert chosen.returncode == 0, chosen.stdout
    assert [line for line in chosen.stdout.splitlines() if "::" in line] == [
        "acme-hat::plugin::hat::loads",
        "acme-hat::plugin::hat::import",
        "acme-hat::plugin::hat::kernels",
        "acme-hat::activation::hat::plain-Python",
    ]


def test_unknown_id_is_reported_with_known_ids(tmp_path: Path) -> None:
    none = pytest_in(tmp_path, "acme-hat::activation::hat::dtype")
    assert none.returncode == pytest.ExitCode.INTERRUPTED
    text = "acme-hat: expected the id of a check, received 'acme-hat::activation::hat::dtype'; known ids:\n"
    assert text + "acme-hat::plugin::hat::loads\n" in none.stdout
    other = pytest_in(tmp_path, "nowhere::activation::hat")
    assert other.returncode == pytest.ExitCode.USAGE_ERROR
    assert "file or directory not found: nowhere::activation::hat" in other.stderr


def test_checks_run_with_xdist(tmp_path: Path) -> None:
    run = pytest_in(tmp_path, "-n", "2", "--tensorlab-plugin", "hat", "-k", "loads")
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout


def test_nothing_is_imported_unless_requested(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n"
        "def test_nothing():\n"
        "    assert 'pytest_tensorlab' in sys.modules\n"
        "    assert not {'tensorlab', 'numba', 'numpy'} & set(sys.modules)\n"
    )
    run = pytest_in(tmp_path)
    assert run.returncode == 0, run.stdout


def test_pytest_plugin_and_tensorlab_do_not_import_each_other() -> None:
    program = (
        "import sys, pytest\nbefore = set(sys.modules)\nimport pytest_tensorlab\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    again = "import sys, tensorlab\nprint(sorted({'pytest', 'pytest_tensorlab'} & set(sys.modules)))"
    for text, expected in ((program, "['pytest_tensorlab']\n"), (again, "[]\n")):
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, cwd=ROOT)
        assert (done.stdout, done.stderr) == (expected, "")

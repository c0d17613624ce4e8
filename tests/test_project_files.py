"""Project files: the form of the changelog, and lists of Python versions that must agree."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import tensorlab as tl

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
GROUPS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_changelog_has_the_form_of_keep_a_changelog() -> None:
    first, *sections = re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)
    assert first.startswith("# Changelog\n")
    headings = [section.partition("\n")[0] for section in sections]
    assert headings[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", heading) for heading in headings[1:]]
    versions = [tuple(map(int, match[1].split("."))) for match in released if match]
    assert len(versions) == len(released), headings
    assert versions == sorted(versions, reverse=True)
    assert all(date.fromisoformat(match[2]) for match in released if match)
    for section in sections:
        groups = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert groups == [group for group in GROUPS if group in groups]


def test_newest_release_is_not_newer_than_the_version() -> None:
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", CHANGELOG, re.MULTILINE)
    current = re.match(r"\d+\.\d+\.\d+", tl.__version__)
    assert current is not None
    newest = released[0] if released else "0.0.0"
    assert tuple(map(int, newest.split("."))) <= tuple(map(int, current[0].split(".")))


def test_supported_python_versions_agree_in_all_files() -> None:
    files = {name: ROOT / name for name in (".github/workflows/tests.yml", ".ci/run")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in project["classifiers"]]
    versions = [match[1] for match in named if match]
    (matrix,) = re.findall(r"^ +python: \[(.+)\]$", files[".github/workflows/tests.yml"].read_text(), re.MULTILINE)
    (tested,) = re.findall(r"^for version in (.+); do$", files[".ci/run"].read_text(), re.MULTILINE)
    assert re.findall(r"[\d.]+", matrix) == tested.split() == versions
    assert project["requires-python"].startswith(f">={versions[0]},")


def test_security_page_is_linked_and_names_files_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert all("[SECURITY.md](SECURITY.md)" in (ROOT / page).read_text() for page in ("README.md", "ARCHITECTURE.md"))
    programs = re.findall(r"`(\w+\.py)`", text)
    assert programs == ["readers.py", "operations.py"]
    assert all((ROOT / "tests/fuzzing" / program).is_file() for program in programs)


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tensorlab|tests|cuda|plugins)/[\w/*.-]+)`", text))
    run = {path for line in re.findall(r"^\| run \| `(.+)` \|$", text, re.MULTILINE) for path in line.split()}
    assert len(named) > 30
    assert len(run) > 10
    kernels = {"tensorlab/kernels/loops/pairs.py", "cuda/tensorlab_cuda/kernels/pairs.py"}
    examples = {"tensorlab/optimizers/lion.py", "tensorlab/layers/scale.py", *kernels}
    assert {path for path in named | run if not list(ROOT.glob(path))} == examples

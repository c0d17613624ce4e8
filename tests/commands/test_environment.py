"""Commands in messages install into the environment of the running process."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tensorlab import environment

THIS = shlex.quote(sys.executable)
BESIDE = str(Path(sys.executable).parent / "python3")
BASE = shlex.quote(sys._base_executable)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("found", "has_pip", "python", "pip"),
    [
        ({"python": sys.executable}, True, "python", "python -m pip"),
        ({"python": "/elsewhere/python"}, True, THIS, f"{THIS} -m pip"),
        ({}, True, THIS, f"{THIS} -m pip"),
        ({"python3": "/usr/bin/python3"}, False, THIS, f"python3 -m pip --python {THIS}"),
        ({"python": sys.executable, "python3": BESIDE}, False, "python", f"{BASE} -m pip --python {THIS}"),
        ({}, False, THIS, f"{BASE} -m pip --python {THIS}"),
    ],
)
def test_pip_command_of_this_environment(
    found: dict[str, str], has_pip: bool, python: str, pip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.shutil, "which", found.get)
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: object() if has_pip else None)
    assert (environment.python(), environment.pip()) == (python, pip)


def test_extra_is_installed_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "pip", lambda: "pip")
    monkeypatch.setattr(environment, "_CHECKOUT", tmp_path)
    assert environment.install_extra("plot") == 'pip install -e ".[plot]" in the checkout of tensorlab'
    (tmp_path / "pyproject.toml").touch()
    assert environment.install_extra("plot") == f'pip install -e "{tmp_path}[plot]"'
    monkeypatch.chdir(tmp_path)
    assert environment.install_extra("plot") == 'pip install -e ".[plot]"'


def test_no_text_installs_tensorlab_from_an_index() -> None:
    root = Path(__file__).parents[2]
    found = [path for folder in ("tensorlab", "cuda", "examples", "plugins") for path in (root / folder).rglob("*")]
    for path in [*found, *root.glob("*.md")]:
        if path.suffix in (".py", ".md", ".toml"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"install (-\S+ )*[\"']?tensorlab(-cuda)?([\[\"'`\s]|$)", text), path

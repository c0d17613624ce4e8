"""Shell commands for messages that install into the environment of this process."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1]


def python() -> str:
    """Return the shell command for this interpreter, because ``python`` on the search path may be another one."""
    found = shutil.which("python")
    return "python" if found is not None and Path(found) == Path(sys.executable) else shlex.quote(sys.executable)


def pip() -> str:
    """Return the shell command for pip that installs into this environment.

    An environment created without pip uses the pip of another Python.
    """
    if importlib.util.find_spec("pip"):
        return f"{python()} -m pip"
    found = shutil.which("python3")
    active = found is None or Path(found).parent == Path(sys.executable).parent
    other = shlex.quote(getattr(sys, "_base_executable", "python3")) if active else "python3"
    return f"{other} -m pip --python {shlex.quote(sys.executable)}"


def install_extra(extra: str) -> str:
    """Return the command that installs an extra of tensorlab from its checkout.

    The package named tensorlab on the index is an unrelated one.
    """
    if (_CHECKOUT / "pyproject.toml").is_file():
        folder = "." if Path.cwd() == _CHECKOUT else str(_CHECKOUT)
        return f'{pip()} install -e "{folder}[{extra}]"'
    return f'{pip()} install -e ".[{extra}]" in the checkout of tensorlab'

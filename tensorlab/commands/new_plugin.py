"""write the folder of a new plugin, which passes every check as it is"""

from __future__ import annotations

import argparse
import builtins
import keyword
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

from tensorlab import environment
from tensorlab.commands import templates
from tensorlab.errors import ArgumentError, TensorlabError, UnknownNameError, nearest
from tensorlab.registry import registries

_WHO = "new-plugin"
_PREFIX = "tensorlab-"
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this command."""
    parser.add_argument(
        "name", type=_argument(_stem), help="of what it adds, such as mish; the folder is tensorlab-mish"
    )
    parser.add_argument(
        "--kind", required=True, type=_argument(_kind), help=f"what it adds: {', '.join(templates.KINDS)}"
    )
    parser.add_argument("--path", type=Path, default=Path(), help="where the folder is made; here by default")


def run(options: argparse.Namespace) -> int:
    """Write the folder and say what to do with it."""
    folder = write(options.name, options.kind, options.path)
    print(f"{folder}: {', '.join(sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file()))}")
    install = f"{environment.pip()} install -e {shlex.quote(str(folder))}"
    print(f"next: {install} && {environment.python()} -m tensorlab check-plugin {folder.name}")
    return 0


def write(name: str, kind: str, path: Path) -> Path:
    """Write the folder of a plugin: all of it or nothing.

    Args:
        name: of what it adds; ``tensorlab-`` in front of it is left out.
        kind: one of `templates.KINDS`, such as "activation".
        path: the folder that it is made in.

    Returns:
        the folder, ``tensorlab-name``.

    Raises:
        UnknownNameError: for another kind.
        ArgumentError: for a name that is no name or is taken, a path that is no folder or cannot be
            written into, a folder that is there.
    """
    who, kind, stem = _WHO, _kind(kind), _stem(name)
    function = stem.replace("-", "_")
    registered = templates.registered_name(kind, function)
    if registered in registries[kind]:
        taken = registries[kind].entry(registered)
        raise ArgumentError(
            who, f"the name of no {kind} yet", f"{name!r}, of {taken.distribution}", "choose another one"
        )
    folder = path / f"{_PREFIX}{stem.replace('_', '-')}"
    if not path.is_dir():
        raise ArgumentError(f"{who} --path", "a folder", f"{path}, which is none", "make it first")
    try:
        folder.mkdir()
    except FileExistsError:
        hint = "choose another name or --path"
        raise ArgumentError(who, "a folder that is not there yet", str(folder), hint) from None
    except OSError as error:
        raise _unwritable(who, error) from error
    try:
        for file, text in templates.files(kind, function, folder.name).items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
    except BaseException as error:
        shutil.rmtree(folder)
        if isinstance(error, OSError):
            raise _unwritable(who, error) from error
        raise
    return folder


def _argument(checked: Callable[[str], str]) -> Callable[[str], str]:
    """Let a parser report what a check refuses, as an argument that makes no sense."""

    def read(text: str) -> str:
        try:
            return checked(text)
        except TensorlabError as error:
            hint = f"; {error.hint}" if error.hint else ""
            raise argparse.ArgumentTypeError(f"expected {error.expected}, received {error.received}{hint}") from None

    return read


def _kind(kind: str) -> str:
    if kind not in templates.KINDS:
        raise UnknownNameError(f"{_WHO} --kind", "a kind of plugin", repr(kind), nearest(kind, templates.KINDS))
    return kind


def _stem(name: str) -> str:
    """The name without the prefix, if a module and a distribution can be called by it."""
    stem = name.removeprefix(_PREFIX)
    function = stem.replace("-", "_")
    if not _NAME.fullmatch(stem):
        hint = "it becomes the name of a module and of a distribution"
        raise ArgumentError(
            _WHO, "a name of small letters, digits and single hyphens, such as soft-step", repr(name), hint
        )
    if keyword.iskeyword(function) or hasattr(builtins, function) or function in templates.IMPORTED:
        hides = f"a function called {function} would hide it"
        hint = f"{'it is a word of the language' if keyword.iskeyword(function) else hides}; choose another one"
        raise ArgumentError(_WHO, "a name that the module does not need", repr(name), hint)
    return stem


def _unwritable(who: str, error: OSError) -> ArgumentError:
    return ArgumentError(f"{who} --path", "a folder that can be written into", error.strerror or str(error))

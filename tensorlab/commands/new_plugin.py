"""Write the folder of a new plugin, which passes every check without changes."""

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
from tensorlab.errors import ArgumentError, TensorlabError, UnknownNameError, nearest, short_repr
from tensorlab.registry import registries

_WHO = "new-plugin"
_PREFIX = "tensorlab-"
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "name", type=_argument(_stem), help="the name of what it adds, such as mish; the folder is tensorlab-mish"
    )
    parser.add_argument(
        "--kind", required=True, type=_argument(_kind), help=f"what it adds: {', '.join(templates.KINDS)}"
    )
    parser.add_argument("--path", type=Path, default=Path(), help="where the folder is created; by default here")


def run(options: argparse.Namespace) -> int:
    """Write the folder and print the next command."""
    folder = write(options.name, options.kind, options.path)
    print(f"{folder}: {', '.join(sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file()))}")
    install = f"{environment.pip()} install -e {shlex.quote(str(folder))}"
    print(f"next: {install} && {environment.python()} -m tensorlab check-plugin {folder.name}")
    return 0


def write(name: str, kind: str, path: Path) -> Path:
    """Write the folder of a plugin, completely or not at all.

    Args:
        name: the name of what it adds; a prefix ``tensorlab-`` is removed.
        kind: one of `templates.KINDS`, such as "activation".
        path: the folder in which it is created.

    Returns:
        the folder, ``tensorlab-name``.

    Raises:
        UnknownNameError: for an unknown kind.
        ArgumentError: for an invalid or taken name, a path that is not a writable folder, or a folder that exists.
    """
    who, kind, stem = _WHO, _kind(kind), _stem(name)
    function = stem.replace("-", "_")
    registered = templates.registered_name(kind, function)
    if registered in registries[kind]:
        taken = registries[kind].entry(registered)
        raise ArgumentError(
            who, f"a name that no {kind} has", f"{name!r}, of {taken.distribution}", "choose another one"
        )
    folder = path / f"{_PREFIX}{stem.replace('_', '-')}"
    if not path.is_dir():
        raise ArgumentError(f"{who} --path", "a folder", f"{path}, which is not a folder", "create it first")
    try:
        folder.mkdir()
    except FileExistsError:
        hint = "choose another name or --path"
        raise ArgumentError(who, "a folder that does not exist yet", str(folder), hint) from None
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
    """Make a parser report what a check rejects as an invalid argument."""

    def read(text: str) -> str:
        try:
            return checked(text)
        except TensorlabError as error:
            hint = f"; {error.hint}" if error.hint else ""
            raise argparse.ArgumentTypeError(f"expected {error.expected}, received {error.received}{hint}") from None

    return read


def _kind(kind: str) -> str:
    if kind not in templates.KINDS:
        raise UnknownNameError(f"{_WHO} --kind", "a kind of plugin", short_repr(kind), nearest(kind, templates.KINDS))
    return kind


def _stem(name: str) -> str:
    """Return the name without the prefix. It must be valid as the name of a module and of a distribution."""
    stem = name.removeprefix(_PREFIX)
    function = stem.replace("-", "_")
    if not _NAME.fullmatch(stem):
        hint = "it becomes the name of a module and of a distribution"
        raise ArgumentError(
            _WHO, "a name of lower-case letters, digits and single hyphens, such as soft-step", short_repr(name), hint
        )
    if keyword.iskeyword(function) or hasattr(builtins, function) or function in templates.IMPORTED:
        hides = f"a function called {function} would hide it"
        hint = f"{'it is a keyword of Python' if keyword.iskeyword(function) else hides}; choose another one"
        raise ArgumentError(_WHO, "a name that the module does not use itself", short_repr(name), hint)
    return stem


def _unwritable(who: str, error: OSError) -> ArgumentError:
    return ArgumentError(f"{who} --path", "a writable folder", error.strerror or str(error))

"""The command line, ``python -m tensorlab <command>``: one small module for each command.

A module of `COMMANDS` has a docstring, whose first line is the command's help; optionally ``add_arguments(parser)``;
and ``run(options)``, which prints and returns the exit code: 0 on success, 1 if something is wrong. Code 2 is for
invalid arguments.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from tensorlab.errors import TensorlabError, nearest
from tensorlab.version import __version__

COMMANDS = ("build_kernels", "cache", "check_plugin", "info", "kernels", "new_plugin", "plugins", "warm_up")
"""The commands: module ``check_plugin`` is ``python -m tensorlab check-plugin``."""

_STATUS = "Exit status: 0 on success, 1 if something is wrong, 2 for invalid arguments."


class _Paragraphs(argparse.HelpFormatter):
    """Wrap each paragraph of a description by itself."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip().split("\n\n")
        return "\n\n".join(super(_Paragraphs, self)._fill_text(each, width, indent) for each in paragraphs)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Paragraphs, **options)

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the words of the command line; those of the process if None.

    Returns:
        the exit code.
    """
    words = sys.argv[1:] if arguments is None else arguments
    parser = _Parser(
        prog="python -m tensorlab",
        description="Show what tensorlab finds on this machine, compile kernels, and write and check plugins.",
        epilog=_STATUS,
    )
    parser.add_argument("--version", action="version", version=f"tensorlab {__version__}")
    known = {name.replace("_", "-"): name for name in COMMANDS}
    if words and not words[0].startswith("-") and words[0] not in known:
        parser.error(f"expected a command, received {words[0]!r}; {nearest(words[0], known)}")
    commands = parser.add_subparsers(title="commands", metavar="command", parser_class=_Parser)
    for spelling, name in known.items():
        module = importlib.import_module(f"tensorlab.commands.{name}")
        heading, _, text = str(module.__doc__).partition("\n")
        summary = f"{heading[0].lower()}{heading[1:].rstrip('.')}"
        description = f"{heading}\n\n{text.strip()}"
        command = commands.add_parser(spelling, help=summary, description=description, epilog=_STATUS)
        if hasattr(module, "add_arguments"):
            module.add_arguments(command)
        command.set_defaults(run=module.run)
    options, unknown = parser.parse_known_args(words)
    if unknown:
        command = commands.choices.get(words[0], parser)
        command.error(f"unrecognized arguments: {' '.join(unknown)}; --help lists the valid ones")
    if "run" not in options:
        parser.print_help()
        return 0
    try:
        return int(options.run(options))
    except TensorlabError as error:
        print(error, file=sys.stderr)
        return 1

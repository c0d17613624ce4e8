"""Printing that works with every output encoding.

A character that the encoding lacks is replaced by ASCII: ``━`` by ``-``, ``∞`` by ``inf``, ``é`` by ``e``, any other by
``?``. The library prints through `console` and does not change the program's streams. A program that owns its streams,
such as a command or an example, is run with `program`.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import unicodedata
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

HANDLER = "tensorlab"
"""The name of the error handler, for ``open(..., errors=...)`` and ``stream.reconfigure(errors=...)``."""

_SPELLINGS = {
    "∞": "inf",
    "…": "...",
    "→": "->",
    "←": "<-",
    "×": "x",
    "·": "*",
    "−": "-",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "√": "sqrt",
    "Σ": "sum",
    "∂": "d",
    "²": "^2",
    "³": "^3",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "•": "*",
    "✓": "+",
    "✗": "x",
}
_BOX = {"HORIZONTAL": "-", "VERTICAL": "|"}


def _spelling(character: str) -> str:
    if character in _SPELLINGS:
        return _SPELLINGS[character]
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):  # used by rich for tables and bars
        words = name.split()
        return next((sign for word, sign in _BOX.items() if word in words and len(words) == 4), "+")
    if "BLOCK" in name:
        return "#"
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    return plain if plain.isascii() and plain else "?"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelling, error.object[error.start : error.end])), error.end


codecs.register_error(HANDLER, _spell)


class _Spelling:
    """A wrapper of a text stream that replaces characters that the encoding lacks."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return self._stream.write(text.encode(encoding, HANDLER).decode(encoding))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def console(stderr: bool = False, **options: Any) -> Console:
    """Return a rich console on the current standard output or standard error that can print every character.

    Args:
        stderr: whether to use standard error.
        options: for `rich.console.Console`. ``highlight`` is False by default, so numbers are not coloured.
    """
    from rich.console import Console  # a local import: rich would take a fifth of the import of tensorlab

    stream = sys.stderr if stderr else sys.stdout
    file: Any = None if stream is None else _Spelling(stream)  # None in a process without a console
    return Console(file=file, **{"highlight": False, **options})


def use_for(*streams: Any) -> None:
    """Let a program's own streams replace characters that their encoding lacks; ignore streams of other types."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)


def program(main: Callable[[], int | str | None], name: str = "") -> NoReturn:
    """Run a program that owns its streams, and end the process with its exit status.

    An output that cannot be written ends the process with status 1, an interruption with 130, both without a traceback.
    A closed pipe prints no message.

    Args:
        main: the program. It returns its exit status, or raises `SystemExit`.
        name: the name in messages; the name of the file if empty.
    """
    name = name or os.path.basename(sys.argv[0])
    use_for(sys.stdout, sys.stderr)
    status: int | str | None
    try:
        try:
            status = main()
        except SystemExit as ended:
            status = ended.code
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"{name}: failed: {error}", file=sys.stderr)
        _drop_output()
        status = 1
    sys.exit(status)


def _drop_output() -> None:
    """Discard buffered output, so that the interpreter does not try to write it at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

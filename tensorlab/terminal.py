"""Printing that no output encoding stops.

A character that the encoding lacks is spelled in ASCII: ``━`` as ``-``, ``∞`` as ``inf``, ``é`` as ``e``, any other as
``?``. The library prints through `console`, and does not change the program's streams. A program that owns its streams,
such as a command or an example, calls `use_for` with them.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from typing import IO, Any

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
    if name.startswith("BOX DRAWINGS"):  # rich draws tables and bars with them
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
    """A text stream that spells what its encoding lacks; in all else the stream that it is given."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return self._stream.write(text.encode(encoding, HANDLER).decode(encoding))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def console(stderr: bool = False, **options: Any) -> Console:
    """Return a rich console on the present standard output, or standard error, that no character stops.

    Args:
        stderr: whether it is the standard error.
        options: of `rich.console.Console`. Numbers are not coloured unless ``highlight`` says so.
    """
    stream = sys.stderr if stderr else sys.stdout
    file: Any = None if stream is None else _Spelling(stream)  # None: a process without a console
    return Console(file=file, **{"highlight": False, **options})


def use_for(*streams: Any) -> None:
    """Let a program's own streams spell what their encoding lacks. Streams of other kinds are left alone."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)

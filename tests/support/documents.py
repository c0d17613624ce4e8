"""Find and run the examples in docstrings and in Markdown files."""

from __future__ import annotations

import ast
import doctest
import linecache
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tensorlab as tl

ROOT = Path(__file__).parents[2]


class Example(NamedTuple):
    """An example in a docstring: its name, file, line and text."""

    name: str
    path: Path
    line: int
    text: str


def docstring_examples(*folders: str) -> dict[str, Example]:
    """Return every docstring with ``>>>`` in the Python files of some folders, including those of attributes.

    Files are parsed, not imported, so operations that are not functions (`tl.exp`) are found too.
    """
    found = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")) if (ROOT / folder).is_dir() else [ROOT / folder]:
            module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            for scope, line, text in _docstrings(ast.parse(path.read_text(encoding="utf-8")), module):
                name = scope if scope not in found else f"{scope}, line {line}"
                if ">>>" in text:
                    found[name] = Example(name, path, line, text)
    return found


def _docstrings(node: ast.AST, name: str) -> Iterator[tuple[str, int, str]]:
    """Yield the scope, the line and the text of each string that is a statement of its own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant) and isinstance(child.value.value, str):
            yield name, child.lineno, child.value.value
        named = isinstance(child, (ast.ClassDef, ast.FunctionDef))
        yield from _docstrings(child, f"{name}.{child.name}" if named else name)


def run_docstring(example: Example) -> None:
    """Run the examples of a docstring.

    Raises:
        AssertionError: with the expected and the received output, if a result differs.
    """
    names: dict[str, Any] = {"math": math, "np": np, "tl": tl}
    test = doctest.DocTestParser().get_doctest(example.text, names, example.name, str(example.path), example.line - 1)
    output: list[str] = []
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    doctest.DocTestRunner(optionflags=flags).run(test, out=output.append)
    assert not output, "".join(output)


class Block(NamedTuple):
    """A Python block of a Markdown file: its text, and the line of the opening fence."""

    line: int
    text: str


SKIPPED = re.compile(r"<!-- not run: .+ -->\s*\Z")


def python_blocks(path: Path) -> list[Block]:
    """Return the Python blocks of a Markdown file, except those with a comment that says why they are not run."""
    text = path.read_text(encoding="utf-8")
    blocks = []
    for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if not SKIPPED.search(text[: match.start()]):
            blocks.append(Block(text.count("\n", 0, match.start()) + 1, match[1]))
    return blocks


def run_block(path: Path, block: Block, names: dict[str, Any]) -> None:
    """Execute a block so that tracebacks show its lines in the Markdown file.

    The source is stored in `linecache`, as notebooks store that of their cells, so that scalar functions can read it.
    """
    source, name = "\n" * block.line + block.text, f"<{path.name}:{block.line}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), names)

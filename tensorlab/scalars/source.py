"""Where a Python function was written: its syntax tree in the file, notebook cell or text it came from."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import time
import types
from dataclasses import dataclass
from pathlib import Path

from tensorlab.errors import ScalarError

Definition = ast.FunctionDef | ast.Lambda
Span = tuple[tuple[int, int], tuple[int, int]]

_READABLE, _HINT = "a function whose source can be read", "define it in a file or a notebook cell"
_CHANGED = "the source that was run", "a source that has changed since", "restart Python, or run the cell again"


@dataclass(frozen=True)
class Source:
    """A function, the tree of its definition, what an error message calls it, and the text around it."""

    function: types.FunctionType
    definition: Definition
    who: str
    text: str

    def confirm(self) -> None:
        """Check that the text gives the code that runs: exec may run another text under the name of a file.

        A file that nobody has written since this process began is confirmed after the function has been parsed: tools
        that rewrite code, such as pytest's assertions, change what is refused for a better reason.

        Raises:
            ScalarError: it does not.
        """
        code = self.function.__code__
        trusted = code.co_filename.startswith(_PACKAGE) and not _written_since(code.co_filename)
        if not trusted and _compared(code) not in _compiled(self.text):
            raise ScalarError(self.who, *_CHANGED)


def describe(name: str, file: str, line: int) -> str:
    """What an error message calls a scalar function."""
    return f"scalar function {name!r} ({file}, line {line})"


_WRAPPING = ("__wrapped__", "__func__", "func")
"""Where functools.lru_cache, a method, and functools.partial keep the function in them."""


def name_of(thing: object) -> str:
    """What an error message calls something that is no Python function, with the place of the one that is in it."""
    name = getattr(thing, "__name__", type(thing).__name__)
    inner = thing
    while kept := [at for at in _WRAPPING if hasattr(inner, at)]:
        inner = getattr(inner, kept[0])
    code = getattr(inner, "__code__", None) or getattr(vars(type(thing)).get("__call__"), "__code__", None)
    return describe(name, code.co_filename, code.co_firstlineno) if code else f"scalar function {name!r}"


def find(function: types.FunctionType) -> Source:
    """The definition of a function.

    Raises:
        ScalarError: it is an async one, there is no source, it is no longer the one that was run, or several lambdas of
            one line cannot be told apart.
    """
    code = function.__code__
    who = describe(function.__name__, code.co_filename, code.co_firstlineno)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ScalarError(who, "a function that computes its value at once", "an async one", "write it with 'def'")
    try:
        text = "".join(inspect.findsource(function)[0])
        tree = _parsed(text)
    except (OSError, TypeError):
        raise ScalarError(who, _READABLE, "one without source", _HINT) from None
    except SyntaxError:
        raise ScalarError(who, _READABLE, "a source that does not parse", _HINT) from None
    if not os.path.exists(code.co_filename) and _compared(code) not in _compiled(text):
        # Whatever exec and eval compile is called "<string>"; this text is that of something else.
        raise ScalarError(who, _READABLE, "one without source", _HINT)
    around = [statement for statement in tree.body if _spans_line(statement, code.co_firstlineno)]
    candidates: list[ast.AST] = [statement for statement in around if _may_be(statement, code)]
    if not candidates:
        candidates = [node for statement in around for node in ast.walk(statement) if _may_be(node, code)]
    if len(candidates) > 1:
        candidates = [node for node in candidates if _span(node) == _code_span(code)]
        if len(candidates) != 1:
            raise ScalarError(
                who, "one lambda a line", "several that cannot be told apart", "write each on a line of its own"
            )
    definition = candidates[0] if candidates else None
    if not isinstance(definition, Definition):
        raise ScalarError(who, *_CHANGED)
    source = Source(function, definition, who, text)
    if _written_since(code.co_filename):
        source.confirm()
    return source


_STARTED = time.time()
_PACKAGE = str(Path(__file__).parent.parent) + os.sep
"""Our own files, whose code comes from nowhere else: importing them need not compile them."""


def _written_since(file: str) -> bool:
    """Whether a file may have been written, or put in the place of another, since this process began."""
    try:
        status = os.stat(file)
    except OSError:  # in an archive
        return True
    return max(status.st_mtime, status.st_ctime) >= _STARTED


Compared = tuple[object, ...]


def _compared(code: types.CodeType) -> Compared:
    """What of a function's code depends on its text."""
    constants = [_compared(one) if isinstance(one, types.CodeType) else repr(one) for one in code.co_consts]
    return code.co_firstlineno, code.co_code, code.co_names, code.co_varnames, tuple(constants)


@functools.lru_cache(maxsize=8)
def _compiled(source: str) -> frozenset[Compared]:
    """The code of every function in a text."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as in notebook cells
    found, pending = set(), [compile(source, "", "exec", flags, dont_inherit=True)]
    while pending:
        code = pending.pop()
        found.add(_compared(code))
        pending += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return frozenset(found)


@functools.lru_cache(maxsize=8)
def _parsed(source: str) -> ast.Module:
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree: ast.Module = compile(source, "", "exec", flags, dont_inherit=True)
    return tree


def _spans_line(statement: ast.stmt, line: int) -> bool:
    """Whether a line is one of the statement's, its decorators included: most of a module need not be walked."""
    first = next(iter(getattr(statement, "decorator_list", ())), statement)
    return first.lineno <= line <= (statement.end_lineno or line)


def _may_be(node: ast.AST, code: types.CodeType) -> bool:
    """Whether the code was compiled from this definition, by its line, its name and its parameters."""
    if isinstance(node, ast.Lambda):
        matches = code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    elif isinstance(node, ast.FunctionDef):
        first = node.decorator_list[0] if node.decorator_list else node
        matches = code.co_name == node.name and first.lineno == code.co_firstlineno
    else:
        return False
    parameters = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return matches and list(code.co_varnames[: code.co_argcount]) == parameters


def _span(node: ast.AST) -> Span | None:
    """From where to where the body of a lambda goes in the source."""
    if not isinstance(node, ast.Lambda):
        return None
    body = node.body
    return (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)


def _code_span(code: types.CodeType) -> Span | None:
    """From where to where the instructions of a code object go in the source; None without debug ranges."""
    starts, ends = [], []
    for line, end_line, column, end_column in code.co_positions():
        if None not in (line, end_line, column, end_column) and (line, column) != (end_line, end_column):
            starts.append((line or 0, column or 0))
            ends.append((end_line or 0, end_column or 0))
    return (min(starts), max(ends)) if starts else None

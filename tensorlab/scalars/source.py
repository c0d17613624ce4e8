"""Find the definition of a Python function in the file, notebook cell or text that it came from."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import linecache
import os
import time
import types
from dataclasses import dataclass

from tensorlab.errors import ScalarError

Definition = ast.FunctionDef | ast.Lambda
Span = tuple[tuple[int, int], tuple[int, int]]

_READABLE, _HINT = "a function whose source can be read", "define it in a file or a notebook cell"
_CHANGED = "the source that was run", "a source that has changed since", "restart Python, or run the cell again"


@dataclass(frozen=True)
class Source:
    """The source of a function.

    Attributes:
        function: the function.
        definition: the syntax tree of its definition.
        who: what error messages call it.
        text: the whole text that contains the definition; empty if it needs no confirmation.
    """

    function: types.FunctionType
    definition: Definition
    who: str
    text: str

    def confirm(self) -> None:
        """Check that the text compiles to the code that runs; ``exec`` may run another text under a file's name.

        For a file that was not written since this process began, call it after the function has been parsed. Tools that
        rewrite code, such as pytest's assertions, would otherwise hide the more useful error of the parser.

        Raises:
            ScalarError: if it does not.
        """
        code = self.function.__code__
        trusted = code.co_filename.startswith(_PACKAGE) and not _written_since(code.co_filename)
        if not trusted and _compared(code) not in _compiled(self.text):
            raise ScalarError(self.who, *_CHANGED)


def describe(name: str, file: str, line: int) -> str:
    """Return what error messages call a scalar function."""
    return f"scalar function {name!r} ({file}, line {line})"


_WRAPPING = ("__wrapped__", "__func__", "func")
"""The attributes in which functools.lru_cache, a method and functools.partial keep their function."""


def name_of(thing: object) -> str:
    """Return what error messages call an object that is not a Python function.

    They give the file and line of the function that it wraps, if there is one.
    """
    name = getattr(thing, "__name__", type(thing).__name__)
    inner = thing
    while kept := [at for at in _WRAPPING if hasattr(inner, at)]:
        inner = getattr(inner, kept[0])
    code = getattr(inner, "__code__", None) or getattr(vars(type(thing)).get("__call__"), "__code__", None)
    return describe(name, code.co_filename, code.co_firstlineno) if code else f"scalar function {name!r}"


def find(function: types.FunctionType) -> Source:
    """Return the definition of a function.

    Raises:
        ScalarError: if it is an async function, there is no source, the source has changed since it was run, or the
            line has several lambdas that cannot be told apart.
    """
    code = function.__code__
    who = describe(function.__name__, code.co_filename, code.co_firstlineno)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ScalarError(who, "a synchronous function", "an async function", "write it with 'def'")
    own = _own_definition(function)
    if own is not None:
        return Source(function, own, who, "")
    try:
        text = "".join(inspect.findsource(function)[0])
        tree = _parsed(text)
    except (OSError, TypeError):
        raise ScalarError(who, _READABLE, "one without source", _HINT) from None
    except SyntaxError:
        raise ScalarError(who, _READABLE, "a source that does not parse", _HINT) from None
    if not os.path.exists(code.co_filename) and _compared(code) not in _compiled(text):
        # exec and eval name all code "<string>", so this text may belong to other code.
        raise ScalarError(who, _READABLE, "one without source", _HINT)
    around = [statement for statement in tree.body if _spans_line(statement, code.co_firstlineno)]
    candidates: list[ast.AST] = [statement for statement in around if _may_be(statement, code)]
    if not candidates:
        candidates = [node for statement in around for node in ast.walk(statement) if _may_be(node, code)]
    if len(candidates) > 1:
        candidates = [node for node in candidates if _span(node) == _code_span(code)]
        if len(candidates) != 1:
            raise ScalarError(
                who, "one lambda per line", "several that cannot be told apart", "write each on a line of its own"
            )
    definition = candidates[0] if candidates else None
    if not isinstance(definition, Definition):
        raise ScalarError(who, *_CHANGED)
    source = Source(function, definition, who, text)
    if _written_since(code.co_filename):
        source.confirm()
    return source


def _own_definition(function: types.FunctionType) -> ast.FunctionDef | None:
    """Parse one function of tensorlab without the rest of its file, which would take ten times as long.

    Return None for another package's function, if the file was written since this process began, and for a function
    that is not a plain ``def`` of its module.
    """
    code = function.__code__
    if not is_own(function) or _written_since(code.co_filename):
        return None
    first = code.co_firstlineno - 1
    lines = linecache.getlines(code.co_filename, function.__globals__)[first:]
    if not lines or not lines[0].startswith(("def ", "@")):
        return None
    start = next((number for number, line in enumerate(lines) if line.startswith("def ")), 0)
    body = itertools.takewhile(lambda line: line[:1] in " )#\n", lines[start + 1 :])
    try:
        (definition,) = _parsed("\n" * (first + start) + "".join([lines[start], *body])).body
    except SyntaxError:
        return None
    return definition if isinstance(definition, ast.FunctionDef) and definition.name == code.co_name else None


_STARTED = time.time()
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
"""The folder of tensorlab. Its functions are from the files that they name, so this need not be confirmed."""


def is_own(function: types.FunctionType) -> bool:
    """Return whether a function is from a file of tensorlab, which can still be read in another current folder."""
    file = function.__code__.co_filename
    return file.startswith(_PACKAGE) and os.path.isabs(file)


def _written_since(file: str) -> bool:
    """Return whether a file may have been written or replaced since this process began."""
    try:
        status = os.stat(file)
    except OSError:  # in an archive
        return True
    return max(status.st_mtime, status.st_ctime) >= _STARTED


Compared = tuple[object, ...]


def _compared(code: types.CodeType) -> Compared:
    """Return the parts of a function's code that depend on its text."""
    constants = [_compared(one) if isinstance(one, types.CodeType) else repr(one) for one in code.co_consts]
    return code.co_firstlineno, code.co_code, code.co_names, code.co_varnames, tuple(constants)


@functools.lru_cache(maxsize=8)
def _compiled(source: str) -> frozenset[Compared]:
    """Return the code of every function in a text, in a form to compare."""
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
    """Return whether a statement, with its decorators, includes a line."""
    first = next(iter(getattr(statement, "decorator_list", ())), statement)
    return first.lineno <= line <= (statement.end_lineno or line)


def _may_be(node: ast.AST, code: types.CodeType) -> bool:
    """Return whether code may be compiled from this definition, by its line, name and parameters."""
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
    """Return the first and last position of a lambda's body in the source; None for another node."""
    if not isinstance(node, ast.Lambda):
        return None
    body = node.body
    return (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)


def _code_span(code: types.CodeType) -> Span | None:
    """Return the first and last position of a code object's instructions in the source; None without debug ranges."""
    starts, ends = [], []
    for line, end_line, column, end_column in code.co_positions():
        if None not in (line, end_line, column, end_column) and (line, column) != (end_line, end_column):
            starts.append((line or 0, column or 0))
            ends.append((end_line or 0, end_column or 0))
    return (min(starts), max(ends)) if starts else None

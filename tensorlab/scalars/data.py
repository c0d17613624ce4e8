"""Scalar functions as plain data, for files: nested lists of names, numbers and strings, and never Python code.

The data is a table of functions, each of which may call those before it; the last one is the function itself. A reader
builds the syntax tree node by node, and gives it to the parser that reads Python functions. So what a file may contain
is exactly what a scalar function may contain.
"""

from __future__ import annotations

import ast
import keyword
import math
import types
import unicodedata
from collections.abc import Mapping
from typing import Any

from tensorlab.errors import ScalarError, short_repr
from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.parse import Parser
from tensorlab.scalars.source import Source, describe

MAX_NODES = 10_000
"""The number of nodes of all functions together above which data is refused; real functions have a few hundred."""
MAX_WORK = 1_000_000
"""The number of nodes computed for one element above which a loop counts as unbounded."""
_MAX_DEPTH = 150
_MAX_NAME_LENGTH = 200
_MAX_INTEGER = 1 << 64

_BINARY: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "//": ast.FloorDiv,
    "%": ast.Mod,
    "**": ast.Pow,
    "<<": ast.LShift,
    ">>": ast.RShift,
    "&": ast.BitAnd,
    "|": ast.BitOr,
    "^": ast.BitXor,
}
_UNARY: dict[str, type[ast.unaryop]] = {"negative": ast.USub, "positive": ast.UAdd, "not": ast.Not, "~": ast.Invert}
_LOGICAL: dict[str, type[ast.boolop]] = {"and": ast.And, "or": ast.Or}
_COMPARISONS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
_SPELLINGS = {node: spelled for table in (_BINARY, _UNARY, _LOGICAL, _COMPARISONS) for spelled, node in table.items()}


def to_data(function: ScalarFunction) -> dict[str, Any]:
    """Return a scalar function, with all that it calls, as plain data for JSON.

    Raises:
        ScalarError: if `from_data` would not accept it, for example because it is too long.
    """
    table: list[dict[str, Any]] = []
    positions: dict[tuple[str, str], int] = {}

    def add(each: ScalarFunction) -> int:
        known = (each.key, each.name)
        if known not in positions:
            calls = {name: add(callee) for name, callee in each.calls.items()}
            table.append(
                {
                    "name": each.name,
                    "file": each.file.replace("\\", "/").rpartition("/")[2],
                    "line": each.line,
                    "parameters": list(each.parameters),
                    "defaults": {name: _written(tree.number(value)) for name, value in each.defaults.items()},
                    "calls": calls,
                    "body": _block(each.body),
                }
            )
            positions[known] = len(table) - 1
        return positions[known]

    try:
        add(function)
    except RecursionError:
        raise _too_deep(function.who) from None
    data = {"functions": table}
    from_data(function.who, data, unbounded=True)
    return data


def _block(body: tree.Body) -> list[Any]:
    return [_statement(node) for node in body]


def _statement(node: ast.stmt) -> list[Any]:
    match node:
        case ast.Assign(value=value):
            return ["=", tree.targets(node), _written(value)]
        case ast.Return():
            return ["return", *map(_written, tree.outputs(node))]
        case ast.If(test=test, body=body, orelse=orelse):
            return ["if", _written(test), _block(body), _block(orelse)]
        case ast.While(test=test, body=body):
            return ["while", _written(test), _block(body)]
        case ast.For(iter=ast.Call(args=bounds), body=body):
            return ["for", tree.targets(node)[0], [*map(_written, bounds)], _block(body)]
    return [type(node).__name__.lower()]  # break, continue, pass


def _written(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=attribute):
            return ["constant", attribute]
        case ast.UnaryOp(op=op, operand=operand):
            return [_SPELLINGS[type(op)], _written(operand)]
        case ast.BinOp(left=left, op=operator, right=right):
            return [_SPELLINGS[type(operator)], _written(left), _written(right)]
        case ast.BoolOp(op=logical, values=values):
            return [_SPELLINGS[type(logical)], *map(_written, values)]
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            pairs = zip(ops, comparators, strict=True)
            return [
                "compare",
                _written(left),
                *[item for op, x in pairs for item in (_SPELLINGS[type(op)], _written(x))],
            ]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ["choose", _written(test), _written(body), _written(orelse)]
        case ast.Call(args=arguments):
            return ["call", tree.called(node), *map(_written, arguments)]
    raise TypeError(f"{type(node).__name__} is not in the language of scalar functions")


def from_data(who: str, data: Any, unbounded: bool = False) -> ScalarFunction:
    """Return the scalar function that `to_data` wrote, after checking every node.

    Args:
        who: what error messages call the data.
        data: the data, which may come from anybody.
        unbounded: whether loops are accepted that may not end, or take more than a million operations for an element.

    Raises:
        ScalarError: for anything outside of the language, and for such loops. No code of the data runs.
    """
    reader = _Reader(who)
    try:
        table = reader.fields(data, "functions")[0]
        made: list[ScalarFunction] = []
        works: dict[int, float] = {}
        for each in reader.list_of(table, "functions", least=1):
            made.append(reader.function(each, made))
            works[id(made[-1])] = _work(made[-1].body, made[-1].calls, works)
            _ = made[-1].key
    except RecursionError:
        raise _too_deep(who) from None
    if not unbounded and works[id(made[-1])] > MAX_WORK:
        raise ScalarError(
            f"{who}: {made[-1].who}",
            f"loops of at most {MAX_WORK:,} operations for an element",
            "a loop that may take more, or not end",
            "if you trust the file, allow them with unbounded_loops=True",
        )
    return made[-1]


def _too_deep(who: str) -> ScalarError:
    return ScalarError(who, f"expressions and blocks of at most {_MAX_DEPTH} levels", "more")


def _work(body: tree.Body, calls: Mapping[str, ScalarFunction], works: Mapping[int, float]) -> float:
    """Return a bound of the number of nodes that are computed; infinity for a loop without a known bound."""

    def of_expression(node: ast.AST) -> float:
        inner = [each for each in ast.walk(node) if isinstance(each, ast.expr)]
        called = [tree.called(each) for each in inner if isinstance(each, ast.Call)]
        return len(inner) + sum([works[id(calls[name])] for name in called if name in calls])

    total = float(len(body))
    for node in body:
        match node:
            case ast.While():
                return math.inf
            case ast.For(iter=ast.Call(args=bounds), body=inner):
                total += of_expression(node.iter) + (_trips(bounds) or math.inf) * _work(inner, calls, works)
            case ast.If(test=test, body=inner, orelse=orelse):
                total += of_expression(test) + _work(inner, calls, works) + _work(orelse, calls, works)
            case _:
                total += of_expression(node)
    return total


def _trips(bounds: list[ast.expr]) -> int | None:
    """Return the number of rounds of a ``range`` with literal bounds, at least 1; None if it is not known."""
    numbers = [tree.as_number(bound) for bound in bounds]
    whole = [number for number in numbers if isinstance(number, int)]
    if len(whole) < len(numbers) or whole[2:] == [0]:
        return None
    counts = range(*whole)
    first, last = counts.start, counts.stop
    return max(1, -(-abs(last - first) // abs(counts.step)))  # len(counts) fails above 2**63


class _Reader:
    """Builds syntax trees from data. Each method refuses what it does not know."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.nodes = 0
        self.loops = 0  # around the current statement

    def error(self, expected: str, received: Any) -> ScalarError:
        return ScalarError(self.who, expected, short_repr(received, 80), "the file is damaged, or not of tensorlab")

    def fields(self, data: Any, *names: str) -> list[Any]:
        if not isinstance(data, dict) or set(data) != set(names):
            raise self.error(f"a dict with {', '.join(names)}", data)
        return [data[name] for name in names]

    def list_of(self, data: Any, what: str, least: int = 0, most: int = MAX_NODES) -> list[Any]:
        if not isinstance(data, list) or not least <= len(data) <= most:
            raise self.error(f"a list of {what}", data)
        return data

    def name(self, data: Any) -> str:
        if (
            not isinstance(data, str)
            or len(data) > _MAX_NAME_LENGTH
            or not data.isidentifier()
            or keyword.iskeyword(data)
            or data.startswith("__")
            or unicodedata.normalize("NFKC", data) != data
        ):
            raise self.error("the name of a variable or a function", data)
        return data

    def function(self, data: Any, before: list[ScalarFunction]) -> ScalarFunction:
        """Read one function, which may call those before it."""
        names = ("name", "file", "line", "parameters", "defaults", "calls", "body")
        title, file, line, parameters, defaults, calls, body = self.fields(data, *names)
        if title != "lambda":
            title = self.name(title)
        if not isinstance(file, str) or len(file) > _MAX_NAME_LENGTH or not file.isprintable():
            raise self.error("the name of a file", file)
        if type(line) is not int or not 0 <= line < 1 << 31:
            raise self.error("the number of a line", line)
        if not isinstance(defaults, dict) or not isinstance(calls, dict):
            raise self.error("a dict of defaults and one of calls", [defaults, calls])
        parameters = [self.name(each) for each in self.list_of(parameters, "parameters", most=255)]
        if len(set(parameters)) < len(parameters):
            raise self.error("parameters of different names", parameters)
        given = parameters[len(parameters) - len(defaults) :]
        if set(given) != set(defaults):
            raise self.error(f"defaults of the last parameters of {', '.join(parameters)}", list(defaults))
        values = tuple([self.number(defaults[name]) for name in given])
        callees = {self.name(name): self.callee(position, before) for name, position in calls.items()}
        statements = self.block(body, 0)
        arguments = ast.arguments([], [ast.arg(name) for name in parameters], None, [], [], None, [])
        # The parser takes everything else from a function: names from outside, and defaults.
        outside = {"math": math, **callees}
        function = types.FunctionType(_nothing.__code__, outside, "function" if title == "lambda" else title, values)
        definition = ast.FunctionDef("function", arguments, statements, [], None, lineno=line)
        described = f"{self.who}: {describe(title, file, line)}"
        parsed = _Checker(Source(function, definition, described, ""), _as_scalar)
        return ScalarFunction(
            title, parsed.parameters, parsed.body, parsed.names.calls, defaults=parsed.defaults, file=file, line=line
        )

    def callee(self, position: Any, before: list[ScalarFunction]) -> ScalarFunction:
        if type(position) is not int or not 0 <= position < len(before):
            raise self.error(f"the number of one of the {len(before)} functions before", position)
        return before[position]

    def number(self, data: Any) -> tree.Number:
        value = tree.as_number(self.expression(data, 0))
        if value is None:
            raise self.error("a number", data)
        return value

    def block(self, data: Any, depth: int) -> list[ast.stmt]:
        if depth > _MAX_DEPTH:
            raise _too_deep(self.who)
        return [self.statement(each, depth + 1) for each in self.list_of(data, "statements", least=1)]

    def repeated(self, data: Any, depth: int) -> list[ast.stmt]:
        """Read the body of a loop."""
        self.loops += 1
        body = self.block(data, depth)
        self.loops -= 1
        return body

    def count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise ScalarError(self.who, f"scalar functions of at most {MAX_NODES:,} nodes", "more")

    def statement(self, data: Any, depth: int) -> ast.stmt:
        self.count()
        match data:
            case ["=", [str() as single], value]:
                return tree.assign(self.name(single), self.expression(value, depth))
            case ["=", [_, _, *_] as several, value]:
                return tree.unpack([*map(self.name, several)], self.expression(value, depth))
            case ["return", _, *_]:
                return tree.returning([self.expression(value, depth) for value in data[1:]])
            case ["if", test, body, []]:
                return ast.If(self.expression(test, depth), self.block(body, depth), [])
            case ["if", test, body, orelse]:
                return ast.If(self.expression(test, depth), self.block(body, depth), self.block(orelse, depth))
            case ["while", test, body]:
                return ast.While(self.expression(test, depth), self.repeated(body, depth), [])
            case ["for", str() as target, [_, *_] as bounds, body]:
                counts = tree.call("range", *[self.expression(bound, depth) for bound in bounds])
                store = ast.Name(self.name(target), ast.Store())
                return ast.For(store, counts, self.repeated(body, depth), [], lineno=1)
            case ["break"] if self.loops:
                return ast.Break()
            case ["continue"] if self.loops:
                return ast.Continue()
            case ["pass"]:
                return ast.Pass()
        raise self.error("a statement of a scalar function", data)

    def expression(self, data: Any, depth: int) -> ast.expr:
        self.count()
        if depth > _MAX_DEPTH:
            raise _too_deep(self.who)

        def inner(item: Any) -> ast.expr:
            return self.expression(item, depth + 1)

        match data:
            case bool():
                return ast.Constant(data)
            case int() | float() if 0 <= data < (_MAX_INTEGER if isinstance(data, int) else math.inf):
                return ast.Constant(data)
            case str():
                return tree.name(self.name(data))
            case ["constant", str() as attribute] if isinstance(getattr(math, attribute, None), float):
                return tree.math_name(attribute)
            case [str() as operator, operand] if operator in _UNARY:
                return ast.UnaryOp(_UNARY[operator](), inner(operand))
            case [str() as operator, left, right] if operator in _BINARY:
                return ast.BinOp(inner(left), _BINARY[operator](), inner(right))
            case [str() as operator, _, _, *_] if operator in _LOGICAL:
                return ast.BoolOp(_LOGICAL[operator](), [*map(inner, data[1:])])
            case ["compare", first, _, _, *_] if len(data) % 2 == 0 and all(map(_is_comparison, data[2::2])):
                ops = [_COMPARISONS[operator]() for operator in data[2::2]]
                return ast.Compare(inner(first), ops, [*map(inner, data[3::2])])
            case ["choose", test, body, orelse]:
                return ast.IfExp(inner(test), inner(body), inner(orelse))
            case ["call", str() as called, *arguments]:
                module, _, attribute = called.rpartition(".")
                if module not in ("", "math"):
                    raise self.error("a call of a function of math, or of a scalar function", data)
                function = self.name(attribute)
                return tree.call(tree.math_name(function) if module else function, *map(inner, arguments))
        raise self.error("an expression of a scalar function", data)


def _is_comparison(operator: Any) -> bool:
    return isinstance(operator, str) and operator in _COMPARISONS


def _nothing() -> None:
    """The code of the function that the parser is given; it never runs."""


def _as_scalar(value: object) -> ScalarFunction | None:
    return value if isinstance(value, ScalarFunction) else None


class _Checker(Parser):
    """Parses trees that have been parsed before, and leaves constants of ``math`` as they are."""

    def constant(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Attribute) and tree.as_number(node) is not None and "math" not in self.locals:
            return node
        return super().constant(node)

"""Parse Python functions to the language of scalar functions, or raise an error that says what is outside of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from tensorlab.errors import ScalarError
from tensorlab.scalars import tree
from tensorlab.scalars.expressions import ExpressionParser
from tensorlab.scalars.flow import Flow
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import Names
from tensorlab.scalars.source import Source
from tensorlab.scalars.surroundings import Surroundings, as_plain_number
from tensorlab.scalars.vocabulary import hint_for

_PLAIN_RETURN = "a number, or a tuple of two or more numbers, on every path"


class Parser(ExpressionParser):
    """Parses one function.

    Args:
        source: its definition.
        convert: returns the scalar function of an object that it calls, or None if it is not a function of numbers.

    Raises:
        ScalarError: if something is outside of the language.
    """

    def __init__(self, source: Source, convert: Callable[[object], ScalarFunction | None]) -> None:
        self.source, self.convert = source, convert
        definition = source.definition
        self.parameters = self._parameters(definition.args)
        body = [ast.Return(definition.body)] if isinstance(definition, ast.Lambda) else definition.body
        self.locals = {*self.parameters, *self._bound(body)}
        if "math" in self.locals:
            raise self.error("names other than 'math'", "'math' as the name of a number", definition, "rename it")
        self.flow = Flow(self.parameters, self.locals)
        self.surroundings = Surroundings(source.function)
        self.names = Names(self.locals)
        self.n_outputs = 0
        self.defaults = self._defaults()
        self.body = self.block(body)
        if not tree.leaves(self.body):
            raise self.error(_PLAIN_RETURN, "a path that returns nothing", definition, "end every path in a return")

    def error(self, expected: str, received: str, node: ast.AST, hint: str = "") -> ScalarError:
        """Return an error with the line of a construct."""
        line = getattr(node, "lineno", self.source.definition.lineno)
        return ScalarError(self.source.who, expected, f"{received} at line {line}", hint)

    def _parameters(self, arguments: ast.arguments) -> tuple[str, ...]:
        for extra, mark in ((arguments.vararg, "*"), (arguments.kwarg, "**")):
            if extra:
                raise self.error("a fixed number of parameters", f"'{mark}{extra.arg}'", extra, "name each parameter")
        if arguments.kwonlyargs:
            only = arguments.kwonlyargs[0]
            raise self.error(
                "positional parameters", f"the keyword-only parameter {only.arg!r}", only, "remove the '*'"
            )
        return tuple(argument.arg for argument in (*arguments.posonlyargs, *arguments.args))

    def _defaults(self) -> dict[str, float]:
        defaults = {}
        values = self.source.function.__defaults__ or ()
        for parameter, value in zip(self.parameters[len(self.parameters) - len(values) :], values, strict=True):
            plain = as_plain_number(value)
            if plain is None:
                received = f"{value!r} for {parameter!r}"
                raise self.error(
                    "numbers as defaults", received, self.source.definition, "take the value from a global"
                )
            defaults[parameter] = plain
        return defaults

    def _bound(self, body: Sequence[ast.stmt]) -> set[str]:
        return {
            node.id for node in tree.walk(body) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        }

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Parse statements. The result is never empty."""
        parsed = [inner for statement in body for inner in self.statement(statement)]
        return parsed or [ast.Pass()]

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Parse one statement to the statements that it stands for."""
        match node:
            case ast.Assign():
                value, *copies = node.targets[::-1]
                first = self.assignment(value, node.value)
                return first + [inner for target in copies[::-1] for inner in self.assignment(target, value)]
            case ast.AugAssign():
                self.target(node.target)
                updated = ast.BinOp(node.target, node.op, node.value)
                return self.assignment(node.target, ast.copy_location(updated, node))
            case ast.AnnAssign():
                return self.assignment(node.target, node.value) if node.value else []
            case ast.If():
                return [self.choice(node)]
            case ast.While() | ast.For() if not node.orelse:
                return [self.loop(node)]
            case ast.While() | ast.For():
                raise self.construct_error("an 'else' of a loop", node)
            case ast.Return():
                return self.returned(node)
            case ast.Expr(value=ast.Constant(value=str())):
                return []  # a docstring
            case ast.Expr():
                self.expression(node.value)
                return []  # an expression has no effect beyond its value
            case ast.Break() | ast.Continue():
                self.flow.leave(node)
                return [node]
            case ast.Pass():
                return [node]
        raise self.construct_error("", node)

    def choice(self, node: ast.If) -> ast.stmt:
        """Parse an ``if`` with its ``else``."""
        test, before = self.expression(node.test), self.flow.known
        body = self.block(node.body)
        with self.flow.other(before):
            return ast.If(test, body, self.block(node.orelse) if node.orelse else [])

    def loop(self, node: ast.While | ast.For) -> ast.stmt:
        """Parse a ``while``, or a ``for`` over a range."""
        loop: ast.While | ast.For
        if isinstance(node, ast.While):
            loop = ast.While(self.expression(node.test), [], [])
        else:
            counted = self.range(node.iter)
            loop = ast.For(ast.Name(self.target(node.target), ast.Store()), counted, [], [], lineno=1)
        with self.flow.loop(loop):
            loop.body = self.block(node.body)
        return loop

    def target(self, node: ast.expr) -> str:
        """Return the name that a statement binds."""
        if not isinstance(node, ast.Name):
            raise self.construct_error(f"an assignment to {ast.unparse(node)!r}", node)
        return node.id

    def assignment(self, target: ast.expr, value: ast.expr) -> list[ast.stmt]:
        """Parse ``name = value``, ``a, b = b, a`` or ``a, b = helper(x)``."""
        if not isinstance(target, ast.Tuple | ast.List):
            assigned = tree.assign(self.target(target), self.expression(value))
            self.flow.bind(tree.targets(assigned))
            return [assigned]
        names = [self.target(element) for element in target.elts]
        statements = self.unpacking(names, value)
        self.flow.bind(names)
        return statements

    def unpacking(self, names: Sequence[str], value: ast.expr) -> list[ast.stmt]:
        """Parse an assignment to several names."""
        if isinstance(value, ast.Tuple):
            if len(value.elts) != len(names):
                raise self.error(f"{len(names)} values", f"{len(value.elts)}", value)
            values = [self.expression(element) for element in value.elts]
            if not any({*names[:index]} & tree.used(later) for index, later in enumerate(values)):
                return [tree.assign(name, item) for name, item in zip(names, values, strict=True)]
            temporaries = [self.names.temporary() for _ in names]
            copies = [tree.assign(name, tree.name(item)) for name, item in zip(names, temporaries, strict=True)]
            return [*(tree.assign(name, item) for name, item in zip(temporaries, values, strict=True)), *copies]
        function, call = self.call_of_outputs(value)
        if function is None or function.n_outputs != len(names):
            given = f"{ast.unparse(value)!r}, which is {function.n_outputs if function else 1}"
            raise self.error(f"{len(names)} values", given, value)
        return [tree.unpack(names, call)]

    def range(self, node: ast.expr) -> ast.expr:
        """Parse ``range(...)`` with one to three numbers."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id not in self.locals
            and self.surroundings.look_up(node.func) is range
            and 1 <= len(node.args) <= 3
            and not node.keywords
        ):
            return tree.call("range", *map(self.expression, node.args))
        hint = ""
        if isinstance(node, ast.Call) and not {*tree.used(node.func)} & self.locals:
            hint = hint_for(self.surroundings.look_up(node.func))
        hint = hint or "count with 'for i in range(n)', and make each element an argument"
        raise self.error("'for' over range(...)", f"'for' over {ast.unparse(node)!r}", node, hint)

    def returned(self, node: ast.Return) -> list[ast.stmt]:
        """Parse a ``return``, which has to return as many values as every other one."""
        if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
            raise self.error(_PLAIN_RETURN, "a return of nothing", node, "end every path in a return of a number")
        statements: list[ast.stmt] = []
        if isinstance(node.value, ast.Tuple):
            values = [self.expression(element) for element in node.value.elts]
            if len(values) < 2:
                raise self.error(_PLAIN_RETURN, f"a tuple of {len(values)}", node, "return the number itself")
        else:
            function, value = self.call_of_outputs(node.value)
            values = [value]
            if function is not None and function.n_outputs > 1:
                temporaries = [self.names.temporary() for _ in range(function.n_outputs)]
                statements.append(tree.unpack(temporaries, value))
                values = [tree.name(item) for item in temporaries]
        self.n_outputs = self.n_outputs or len(values)
        if len(values) != self.n_outputs:
            raise self.error(f"{self.n_outputs} values in every return", f"a return of {len(values)}", node)
        self.flow.leave(node)
        return [*statements, tree.returning(values)]

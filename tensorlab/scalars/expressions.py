"""The expressions of the language of scalar functions: numbers, arithmetic, conditions, and calls."""

from __future__ import annotations

import ast
import builtins
import types
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from tensorlab.scalars import tree
from tensorlab.scalars.names import MISSING, Names, Surroundings, as_plain_number, article
from tensorlab.scalars.vocabulary import ARITY, spelling

if TYPE_CHECKING:
    from tensorlab.scalars.function import ScalarFunction

LANGUAGE = "arithmetic on numbers, assignments, if, while, for over range, return, and calls of functions of numbers"

_CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.ListComp: "a list comprehension",
    ast.SetComp: "a set comprehension",
    ast.DictComp: "a dict comprehension",
    ast.GeneratorExp: "a generator expression",
    ast.List: "a list",
    ast.Tuple: "a tuple",
    ast.Set: "a set",
    ast.Dict: "a dict",
    ast.Subscript: "a subscript",
    ast.Starred: "a starred expression",
    ast.JoinedStr: "an f-string",
    ast.Lambda: "a lambda",
    ast.NamedExpr: "a ':='",
    ast.Await: "an 'await'",
    ast.Yield: "a 'yield'",
    ast.YieldFrom: "a 'yield from'",
    ast.FunctionDef: "a function definition",
    ast.AsyncFunctionDef: "an async function definition",
    ast.ClassDef: "a class definition",
    ast.Delete: "a 'del'",
    ast.AsyncFor: "an 'async for'",
    ast.With: "a 'with'",
    ast.AsyncWith: "an 'async with'",
    ast.Match: "a 'match'",
    ast.Raise: "a 'raise'",
    ast.Try: "a 'try'",
    ast.TryStar: "a 'try'",
    ast.Assert: "an 'assert'",
    ast.Import: "an import",
    ast.ImportFrom: "an import",
    ast.Global: "a 'global'",
    ast.Nonlocal: "a 'nonlocal'",
}
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class ExpressionParser(ABC):
    """Parses the expressions of one function."""

    locals: set[str]
    names: Names
    surroundings: Surroundings
    lift: Callable[[object], ScalarFunction]

    @abstractmethod
    def refuse(self, expected: str, received: str, node: ast.AST, hint: str = "") -> NoReturn:
        """Raises the error for a construct, at its line."""

    def refuse_construct(self, received: str, node: ast.AST, hint: str = "") -> NoReturn:
        """Raises the error for a construct that the language does not have."""
        kind = type(node).__name__
        self.refuse(LANGUAGE, received or _CONSTRUCTS.get(type(node), article(kind)), node, hint)

    def expression(self, node: ast.expr) -> ast.expr:
        """An expression of one number."""
        function, parsed = self.call_of_outputs(node)
        if function is not None and function.n_outputs > 1:
            received = f"a call of {function.name!r}, which returns {function.n_outputs},"
            self.refuse("an expression of one number", received, node, "assign its outputs to names first")
        return parsed

    def call_of_outputs(self, node: ast.expr) -> tuple[ScalarFunction | None, ast.expr]:
        """An expression that may be a call of several outputs, and the scalar function it calls if it is a call."""
        match node:
            case ast.Call():
                return self.call(node)
            case ast.Constant(value=bool() | int() | float() as value):
                return None, tree.number(value)
            case ast.Constant():
                self.refuse_construct(f"the constant {node.value!r}", node)
            case ast.Name(id=name) if name in self.locals:
                return None, tree.name(name)
            case ast.Name() | ast.Attribute():
                return None, self.constant(node)
            case ast.UnaryOp():
                return None, ast.UnaryOp(node.op, self.expression(node.operand))
            case ast.BinOp() if not isinstance(node.op, ast.MatMult):
                return None, ast.BinOp(self.expression(node.left), node.op, self.expression(node.right))
            case ast.BinOp():
                self.refuse_construct("a matrix product '@'", node)
            case ast.BoolOp():
                return None, ast.BoolOp(node.op, [self.expression(value) for value in node.values])
            case ast.Compare():
                if not all(isinstance(op, _COMPARISONS) for op in node.ops):
                    self.refuse_construct(f"the comparison {ast.unparse(node)!r}", node)
                operands = [self.expression(operand) for operand in node.comparators]
                return None, ast.Compare(self.expression(node.left), node.ops, operands)
            case ast.IfExp():
                return None, ast.IfExp(*map(self.expression, (node.test, node.body, node.orelse)))
        self.refuse_construct("", node)

    def constant(self, node: ast.expr) -> ast.expr:
        """The value that a name from outside of the function has now."""
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id in self.locals:
            self.refuse_construct(f"an attribute {ast.unparse(node)!r}", node)
        if not isinstance(root, ast.Name):
            self.refuse_construct(f"an attribute {ast.unparse(node)!r}", node)
        value = self.surroundings.look_up(node)
        plain = as_plain_number(value)
        if plain is None:
            hint = "a global or closure variable must be an int, a float or a bool"
            self.refuse_construct(self.surroundings.describe(node, value), node, "" if value is MISSING else hint)
        return tree.number(plain)

    def call(self, node: ast.Call) -> tuple[ScalarFunction | None, ast.expr]:
        """A call of a function of numbers."""
        text = ast.unparse(node.func)
        local = {inner.id for inner in ast.walk(node.func) if isinstance(inner, ast.Name)} & self.locals
        value = MISSING if local else self.surroundings.look_up(node.func)
        known = spelling(value)
        if known is not None:
            return None, self.known_call(known, text, node)
        if not is_function(value):
            hints = {True: "a scalar function is passed by closure or global, not as an argument"}
            hint = hints.get(bool(local), "call a function of math or a plain Python function of numbers")
            self.refuse_construct(f"a call of {text!r}", node, hint)
        function = self.lift_at(value, node)
        arguments = self.bind(function, node)
        return function, tree.call(self.names.call(function), *arguments)

    def lift_at(self, value: object, node: ast.Call) -> ScalarFunction:
        """The scalar function that a call calls; ``lift`` refuses recursion by a RecursionError."""
        try:
            return self.lift(value)
        except RecursionError:
            text = ast.unparse(node.func)
            self.refuse_construct(f"a call of {text!r} that comes back to itself", node, "write the recursion as a loop")

    def known_call(self, known: str, text: str, node: ast.Call) -> ast.expr:
        """A call of a function of ``math``, of NumPy or a builtin, in its one spelling."""
        least, most = ARITY[known]
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            self.refuse(f"plain arguments for {text!r}", f"{ast.unparse(node)!r}", node)
        if not least <= len(node.args) <= (most or len(node.args)):
            wanted = f"{least}" if least == most else f"{least} or more"
            self.refuse(f"{wanted} arguments for {text!r}", f"{len(node.args)}", node)
        arguments = [self.expression(argument) for argument in node.args]
        match known, arguments:
            case "pow", [base, exponent]:
                return ast.BinOp(base, ast.Pow(), exponent)
            case "%", [left, right]:
                return ast.BinOp(left, ast.Mod(), right)
            case "math.log", [value, base]:
                logarithm = tree.math_name("log")
                return ast.BinOp(tree.call(logarithm, value), ast.Div(), tree.call(logarithm, base))
            case ("min" | "max"), [first, second, *rest]:
                nested = tree.call(known, first, second)
                for argument in rest:
                    nested = tree.call(known, nested, argument)
                return nested
        module, _, attribute = known.rpartition(".")
        return tree.call(tree.math_name(attribute) if module else known, *arguments)

    def bind(self, function: ScalarFunction, node: ast.Call) -> list[ast.expr]:
        """The arguments of a call in the order of the parameters, defaults filled in."""
        given = dict(zip(function.parameters, node.args, strict=False))
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        missing = [p for p in function.parameters if p not in given and p not in named and p not in function.defaults]
        wrong = len(node.args) > function.arity or missing or {*named} - {*function.parameters} or {*named} & {*given}
        if wrong:
            signature = f"{function.name}({', '.join(function.parameters)})"
            self.refuse(f"the arguments of {signature}", f"{ast.unparse(node)!r}", node)
        return [
            self.expression(given[parameter] if parameter in given else named[parameter])
            if parameter in given or parameter in named
            else tree.number(function.defaults[parameter])
            for parameter in function.parameters
        ]


def is_function(value: object) -> bool:
    """Whether a value may be a scalar function: a Python function, or a lifted or compiled one."""
    from tensorlab.scalars.function import ScalarFunction

    return isinstance(value, types.FunctionType | ScalarFunction) or isinstance(
        getattr(value, "py_func", None), types.FunctionType
    )


assert builtins  # placeholder

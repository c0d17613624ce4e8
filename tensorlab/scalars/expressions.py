"""Parse the expressions of scalar functions: numbers, arithmetic, conditions and calls."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable

from tensorlab.errors import ScalarError, nearest
from tensorlab.scalars import tree
from tensorlab.scalars.flow import Flow
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import Names
from tensorlab.scalars.surroundings import MISSING, Surroundings, article, as_plain_number
from tensorlab.scalars.vocabulary import ARITY, NOT_OF_NUMBERS, hint_for, is_of_math, spelling

LANGUAGE = "arithmetic on numbers, assignments, if, while, for over range, return, and calls of functions of numbers"

_SHOWN = 60
"""How many characters of a construct a message shows."""

_HINTS: dict[type[ast.AST], str] = {
    ast.Subscript: "make each element an argument",
    ast.Try: "test for the case with 'if'",
    ast.Assert: "leave it out, or return math.nan with 'if'",
    ast.Raise: "return math.nan instead",
    ast.ListComp: "write a for loop over range",
    ast.GeneratorExp: "write a for loop over range",
    ast.List: "use a variable for each number",
    ast.Lambda: "define the function at the top of the module",
    ast.FunctionDef: "define the function at the top of the module",
    ast.With: "leave it out",
    ast.NamedExpr: "assign in a statement of its own",
}
"""What to write instead of a construct, as a hint in a message."""

_CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.ListComp: "a list comprehension",
    ast.SetComp: "a set comprehension",
    ast.DictComp: "a dict comprehension",
    ast.GeneratorExp: "a generator expression",
    ast.List: "a list",
    ast.Tuple: "a tuple",
    ast.Set: "a set",
    ast.Dict: "a dict",
    ast.Call: "the call",
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
"""What a message calls a construct; others have the name of their syntax node."""

_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class ExpressionParser(ABC):
    """Parses the expressions of one function.

    Attributes:
        locals: the parameters and variables of the function.
        flow: which of them have a value at this point.
        names: the names in use, and the scalar functions that are called.
        surroundings: the globals and closure variables.
        convert: returns the scalar function of an object, or None if it is not a function of numbers.
    """

    locals: set[str]
    flow: Flow
    names: Names
    surroundings: Surroundings
    convert: Callable[[object], ScalarFunction | None]

    @abstractmethod
    def error(self, expected: str, received: str, node: ast.AST, hint: str = "") -> ScalarError:
        """Return an error with the line of a construct."""

    def construct_error(self, received: str, node: ast.AST, hint: str = "") -> ScalarError:
        """Return an error for a construct that is not in the language."""
        if not received:
            text = ast.unparse(node).splitlines()[0]
            received = f"{_CONSTRUCTS.get(type(node), article(type(node).__name__))} {text[:_SHOWN]!r}"
        return self.error(LANGUAGE, received, node, hint or _HINTS.get(type(node), ""))

    def expression(self, node: ast.expr) -> ast.expr:
        """Parse an expression of one number."""
        function, parsed = self.call_of_outputs(node)
        if function is not None and function.n_outputs > 1:
            received = f"a call of {function.name!r}, which returns {function.n_outputs},"
            raise self.error("an expression of one number", received, node, "assign its outputs to names first")
        return parsed

    def call_of_outputs(self, node: ast.expr) -> tuple[ScalarFunction | None, ast.expr]:
        """Parse an expression that may be a call of several outputs.

        Returns:
            The scalar function that it calls, or None if it is not such a call; and the parsed expression.
        """
        match node:
            case ast.Call():
                return self.call(node)
            case ast.Constant(value=bool() | int() | float() as value):
                return None, tree.number(value)
            case ast.Constant():
                raise self.construct_error(f"the constant {node.value!r}", node)
            case ast.Name(id=name) if name in self.locals:
                if name not in self.flow.known:
                    hint = "give it one before the branch or the loop"
                    raise self.error("a value on every path", f"{name!r}, which may have none,", node, hint)
                return None, tree.name(name)
            case ast.Name() | ast.Attribute():
                return None, self.constant(node)
            case ast.BinOp(op=ast.MatMult()):
                raise self.construct_error("a matrix product '@'", node)
            case ast.Compare() if not all(isinstance(op, _COMPARISONS) for op in node.ops):
                raise self.construct_error(f"the comparison {ast.unparse(node)!r}", node)
            case ast.UnaryOp() | ast.BinOp() | ast.BoolOp() | ast.Compare() | ast.IfExp():
                return None, tree.map_operands(node, self.expression)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
            self.call(node.value)  # its message may say more
        raise self.construct_error("", node)

    def constant(self, node: ast.expr) -> ast.expr:
        """Return the current value of a name from outside of the function, as a literal."""
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id in self.locals:
            raise self.construct_error(f"an attribute {ast.unparse(node)!r}", node)
        if not isinstance(root, ast.Name):
            raise self.construct_error(f"an attribute {ast.unparse(node)!r}", node)
        value = self.surroundings.look_up(node)
        plain = as_plain_number(value)
        if plain is None:
            hint = "a global or closure variable must be an int, a float or a bool"
            if value is MISSING and isinstance(node, ast.Name):
                hint = nearest(node.id, self.locals) if self.locals else ""
            raise self.construct_error(self.surroundings.describe(node, value), node, hint)
        return tree.number(plain)

    def call(self, node: ast.Call) -> tuple[ScalarFunction | None, ast.expr]:
        """Parse a call. Return the scalar function that it calls, if it is one, and the parsed call."""
        text = ast.unparse(node.func)
        local = {inner.id for inner in ast.walk(node.func) if isinstance(inner, ast.Name)} & self.locals
        value = MISSING if local else self.surroundings.look_up(node.func)
        known = spelling(value)
        if known is not None:
            return None, self.known_call(known, text, node)
        hint = hint_for(value)
        if hint:
            raise self.construct_error("", node, hint)
        function = self.callee(value, node)
        if function is None:
            hint = "call a function of math or a plain Python function of numbers"
            if is_of_math(value):
                hint = NOT_OF_NUMBERS
            if value is MISSING and not local:
                raise self.construct_error(self.surroundings.describe(node.func, value), node, self.near(node.func))
            if local:
                hint = "a scalar function comes from a global or a closure, not from an argument"
            raise self.construct_error(f"a call of {text!r}", node, hint)
        arguments = self.bind(function, node)
        return function, tree.call(self.names.call(function), *arguments)

    def near(self, node: ast.expr) -> str:
        """Return a hint with the known names nearest to an unknown one."""
        known = [name for name in ARITY if "%" not in name]
        if isinstance(node, ast.Name):
            outside = {**self.surroundings.globals, **self.surroundings.closure}
            known += [name for name, value in outside.items() if callable(value)]
        return nearest(ast.unparse(node), known)

    def callee(self, value: object, node: ast.Call) -> ScalarFunction | None:
        """Return the scalar function that a call calls, or None if it calls something else."""
        try:
            return self.convert(value)
        except RecursionError:
            received = f"a call of {ast.unparse(node.func)!r} that comes back to itself"
            raise self.construct_error(received, node, "write the recursion as a loop") from None

    def known_call(self, known: str, text: str, node: ast.Call) -> ast.expr:
        """Parse a call of a function of ``math`` or NumPy, or a builtin, to its one spelling."""
        least, most = ARITY[known]
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self.error(f"plain arguments for {text!r}", f"{ast.unparse(node)!r}", node)
        if not least <= len(node.args) <= (most or len(node.args)):
            wanted = f"{least}" if least == most else f"{least} or more"
            arguments = "argument" if wanted == "1" else "arguments"
            raise self.error(f"{wanted} {arguments} for {text!r}", f"{len(node.args)}", node)
        values = [self.expression(argument) for argument in node.args]
        match known, values:
            case "pow", [base, exponent]:
                return ast.BinOp(base, ast.Pow(), exponent)
            case "%", [left, right]:
                return ast.BinOp(left, ast.Mod(), right)
            case "math.log", [value, base]:
                logarithm = tree.math_name("log")
                return ast.BinOp(tree.call(logarithm, value), ast.Div(), tree.call(logarithm, base))
            case (("min" | "max"), [first, second, *rest]):
                nested = tree.call(known, first, second)
                for argument in rest:
                    nested = tree.call(known, nested, argument)
                return nested
        module, _, attribute = known.rpartition(".")
        return tree.call(tree.math_name(attribute) if module else known, *values)

    def bind(self, function: ScalarFunction, node: ast.Call) -> list[ast.expr]:
        """Return the arguments of a call in the order of the parameters, with defaults filled in."""
        given = dict(zip(function.parameters, node.args, strict=False))
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        missing = [p for p in function.parameters if p not in given and p not in named and p not in function.defaults]
        wrong = len(node.args) > function.arity or missing or {*named} - {*function.parameters} or {*named} & {*given}
        if wrong:
            signature = f"{function.name}({', '.join(function.parameters)})"
            raise self.error(f"the arguments of {signature}", f"{ast.unparse(node)!r}", node)
        return [
            self.expression(given[parameter] if parameter in given else named[parameter])
            if parameter in given or parameter in named
            else tree.number(function.defaults[parameter])
            for parameter in function.parameters
        ]

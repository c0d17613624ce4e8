"""A scalar function: the plain-Python function of numbers from which tensorlab writes its kernels."""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import linecache
import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ArgumentTypeError, ScalarError
from tensorlab.scalars import tree
from tensorlab.scalars.kinds import Kinds
from tensorlab.scalars.mathematics import DEFINED
from tensorlab.scalars.names import Surroundings
from tensorlab.scalars.parse import Parser
from tensorlab.scalars.source import describe, find, name_of
from tensorlab.scalars.vocabulary import ARITY, FORMAT_DEPENDENT, NOT_OF_NUMBERS, is_of_math, spelling

_KEPT_AS = "__tensorlab_scalar__"


class ScalarFunction:
    """A parsed scalar function; :meth:`of` makes one of a Python function.

    Attributes:
        name: the name of the Python function.
        parameters: its parameters.
        defaults: the defaults that some of them have.
        n_outputs: how many numbers it returns.
        file, line: where it was written.
        body: its statements in the language of :mod:`tensorlab.scalars.tree`; not to be changed.
        calls: the scalar functions that the body calls, by the names it calls them by.
    """

    def __init__(
        self,
        name: str,
        parameters: tuple[str, ...],
        body: tree.Body,
        calls: Mapping[str, ScalarFunction],
        *,
        defaults: Mapping[str, float] | None = None,
        file: str,
        line: int,
        python: Callable[..., Any] | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.name, self.parameters, self.body = name, parameters, tuple(body)
        self.arity = len(parameters)
        self.defaults, self.file, self.line = dict(defaults or {}), file, line
        mentioned = {used for statement in body for used in tree.used(statement)}
        self.calls = {called: function for called, function in calls.items() if called in mentioned}
        self.n_outputs = next(len(tree.outputs(node)) for node in tree.statements(body) if isinstance(node, ast.Return))
        self._written, self._surroundings = python, surroundings
        self._derivatives: dict[int, ScalarFunction] = {}
        self._vjps: dict[int, ScalarFunction] = {}

    @classmethod
    def of(cls, function: Callable[..., Any] | ScalarFunction) -> ScalarFunction:
        """The scalar function of a Python function: of the same function the same one, until a number or a function
        that it takes from its surroundings has changed.

        Args:
            function: a Python function or lambda, one compiled by Numba, a function of ``math``, a NumPy function
                that has an equal there, a builtin such as ``abs``, or a ScalarFunction.

        Raises:
            ScalarError: the function cannot be lifted; the message names the construct and its line.
        """
        return cls._of(function, ())

    @classmethod
    def _of(cls, function: object, callers: tuple[types.FunctionType, ...]) -> ScalarFunction:
        lifted = cls._lift(function, callers)
        if lifted is None:
            raise ScalarError(
                name_of(function),
                "a Python function of numbers",
                f"an object of type {type(function).__name__!r}",
                NOT_OF_NUMBERS if is_of_math(function) else "write it as a plain function with 'def' or 'lambda'",
            )
        return lifted

    @classmethod
    def _lift(cls, function: object, callers: tuple[types.FunctionType, ...]) -> ScalarFunction | None:
        """The scalar function of what may be one; ``callers`` are those whose parsing led here."""
        if isinstance(function, ScalarFunction):
            return function
        known = spelling(function)
        if known is not None:
            return _library_function(known)
        if isinstance(function, types.BuiltinFunctionType):
            function = DEFINED.get(function)
        function = getattr(function, "py_func", function)  # what Numba compiled
        if not isinstance(function, types.FunctionType):
            return None
        if function in callers:
            raise RecursionError
        kept = vars(function).get(_KEPT_AS)
        if isinstance(kept, ScalarFunction) and kept.python is function:  # functools.wraps copies the attribute
            return kept
        source = find(function)
        parsed = Parser(source, lambda value: cls._lift(value, (*callers, function)))
        source.confirm()
        scalar = cls(
            "lambda" if isinstance(source.definition, ast.Lambda) else function.__name__,
            parsed.parameters,
            parsed.body,
            parsed.names.calls,
            defaults=parsed.defaults,
            file=function.__code__.co_filename,
            line=function.__code__.co_firstlineno,
            python=function,
            surroundings=parsed.surroundings,
        )
        setattr(function, _KEPT_AS, scalar)  # on the function, so that both are freed together
        return scalar

    @property
    def who(self) -> str:
        """What an error message calls the function."""
        return describe(self.name, self.file, self.line)

    @functools.cached_property
    def source(self) -> str:
        """The function in the language it was parsed to, as Python."""
        defaults = {name: f"={ast.unparse(tree.number(value))}" for name, value in self.defaults.items()}
        parameters = [name + defaults.get(name, "") for name in self.parameters]
        return self._definition(self._identifier, parameters, self.body)

    @functools.cached_property
    def key(self) -> str:
        """A hash of what the function computes: of its source with all constants, and of all that it calls.

        It depends neither on where the function was written or run, nor on the function's name.
        """
        callees = {called: tree.name(f"_{function.key}") for called, function in self.calls.items()}
        canonical = self._definition(
            "scalar", self.parameters, [tree.replace(statement, callees) for statement in self.body]
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @functools.cached_property
    def kinds(self) -> Kinds:
        """Which of its variables are bools, integers or real numbers."""
        return Kinds(self.parameters, self.body, {called: function.kinds for called, function in self.calls.items()})

    @functools.cached_property
    def python_kinds(self) -> Kinds:
        """Which of its variables are bools, integers or real numbers when it runs as plain Python with real numbers."""
        calls = {called: function.python_kinds for called, function in self.calls.items()}
        return Kinds(self.parameters, self.body, calls, in_python=True)

    @property
    def constant(self) -> float | None:
        """The number that the function always returns, where it is just ``return number``."""
        match self.body:
            case (ast.Return(value=ast.expr() as value),):
                return tree.as_number(value)
        return None

    @functools.cached_property
    def loops(self) -> bool:
        """Whether there is a loop in it, or in what it calls."""
        own = any(isinstance(node, ast.While | ast.For) for node in tree.statements(self.body))
        return own or any(function.loops for function in self.calls.values())

    @functools.cached_property
    def depends_on_format(self) -> bool:
        """Whether its value is another one in each real dtype, beyond rounding."""
        called = {tree.called(node) for node in tree.walk(self.body) if isinstance(node, ast.Call)}
        return not called.isdisjoint(FORMAT_DEPENDENT) or any(
            function.depends_on_format for function in self.calls.values()
        )

    @property
    def module(self) -> str | None:
        """The module of the Python function that was written; None for one that is derived."""
        return getattr(self._written, "__module__", None)

    @property
    def python(self) -> Callable[..., Any]:
        """The function in plain Python: the one that was written, while it still means the same, or else what it meant
        when it was parsed, or is derived, as ordinary Python code."""
        return self._written if self._written is not None and self._is_current() else self._generated

    def _is_current(self) -> bool:
        """Whether the function that was written still means what it meant when it was parsed."""
        return (self._surroundings is None or self._surroundings.unchanged()) and all(
            [function._is_current() for function in self.calls.values()]
        )

    @functools.cached_property
    def _generated(self) -> Callable[..., Any]:
        file = f"<tensorlab {self.name} {self.key[:16]}>"
        namespace: dict[str, Any] = {**self.calls, "math": math}
        exec(compile(self.source, file, "exec"), namespace)
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(keepends=True), file)
        python: Callable[..., Any] = namespace[self._identifier]
        setattr(python, _KEPT_AS, self)
        return python

    def derivative(self, index: int = 0) -> ScalarFunction:
        """∂f/∂parameters[index]: a scalar function of the same parameters, by forward mode on the source.

        Of a function of several outputs it returns the derivative of each. At a kink it follows the branch that
        Python takes there. The derivative of ``abs`` at 0 is 0, and ``max`` and ``min`` of equals take half of the
        derivative of each, as JAX's and PyTorch's do: so sums of them that are smooth have their own derivative.

        Raises:
            ScalarError: it depends on something whose derivative is not known.
        """
        from tensorlab.scalars.differentiate import differentiate

        self._check_index(index)
        if index not in self._derivatives:
            self._derivatives[index] = differentiate(self, self.parameters[index])
        return self._derivatives[index]

    def vjp(self, index: int = 0) -> ScalarFunction:
        """``(g, *parameters) -> g * derivative(index)(*parameters)``.

        Raises:
            ScalarError: the function has several outputs, or depends on something whose derivative is not known.
        """
        from tensorlab.scalars.combine import pull_back

        self._check_index(index)
        if index not in self._vjps:
            self._vjps[index] = pull_back(self, index)
        return self._vjps[index]

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.python(*arguments, **named)

    # What a scalar function computes is plain data: it is pickled as that, and so is what was written as a lambda.

    def __reduce__(self) -> Any:
        body = tree.text(self.body)
        return _restored, (self.name, self.parameters, body, self.calls, self.defaults, self.file, self.line)

    def __copy__(self) -> ScalarFunction:
        return self

    def __deepcopy__(self, memo: Any) -> ScalarFunction:
        return self

    def __repr__(self) -> str:
        return f"<{self.who}: ({', '.join(self.parameters)}) -> {self.n_outputs}>"

    @property
    def _identifier(self) -> str:
        return "lambda_" if self.name == "lambda" else self.name

    def _definition(self, name: str, parameters: Sequence[str], body: tree.Body) -> str:
        written = "\n".join(f"    {line}" for line in tree.text(body).splitlines())
        return f"def {name}({', '.join(parameters)}):\n{written}\n"

    def _check_index(self, index: int) -> None:
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            raise ArgumentTypeError(self.who, "the index of a parameter", repr(index), "")
        if not 0 <= index < self.arity:
            expected = f"the index of one of its {self.arity} parameters"
            raise ArgumentError(self.who, expected, repr(index), f"they are {', '.join(self.parameters) or 'none'}")


def _restored(
    name: str,
    parameters: tuple[str, ...],
    body: str,
    calls: Mapping[str, ScalarFunction],
    defaults: Mapping[str, float],
    file: str,
    line: int,
) -> ScalarFunction:
    return ScalarFunction(name, parameters, ast.parse(body).body, calls, defaults=defaults, file=file, line=line)


@functools.cache
def _library_function(known: str) -> ScalarFunction:
    """A function of ``math``, or a builtin, as a function that calls it."""
    name = known.removeprefix("math.")
    parameters = ("x", "y")[: ARITY[known][0]]
    arguments = [tree.name(parameter) for parameter in parameters]
    value: ast.expr
    if known == "pow":
        value = ast.BinOp(arguments[0], ast.Pow(), arguments[1])
    elif known == "%":
        name, value = "mod", ast.BinOp(arguments[0], ast.Mod(), arguments[1])
    else:
        value = tree.call(known if known == name else tree.math_name(name), *arguments)
    python = getattr(math if known != name else builtins, name, None)
    return ScalarFunction(name, parameters, [ast.Return(value)], {}, file="builtin", line=1, python=python)

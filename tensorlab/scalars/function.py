"""The scalar function: a function of numbers as a value that can be printed, hashed, run and pickled."""

from __future__ import annotations

import ast
import hashlib
import linecache
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tensorlab import markup
from tensorlab.forks import cached_property
from tensorlab.scalars import tree
from tensorlab.scalars.kinds import Kinds
from tensorlab.scalars.source import describe
from tensorlab.scalars.surroundings import Surroundings
from tensorlab.scalars.vocabulary import FORMAT_DEPENDENT, QUICK

_MAX_SHORT_NODES = 40
"""The number of nodes of the syntax tree up to which a function is short."""

ATTRIBUTE = "__tensorlab_scalar__"
"""The attribute of a Python function that refers to its scalar function, so that both are freed together."""


_OF_BODY = frozenset({"body", "calls", "_surroundings"})
"""The attributes that a deferred function lacks at first."""


class ScalarFunction:
    """A function of numbers, with its body in the small language of :mod:`tensorlab.scalars.tree`.

    It is immutable. `scalar_function` makes one from a Python function; `derivative`, `vjp` and `compose` make one from
    others. Calling it runs plain Python.

    Attributes:
        name: the name of the Python function.
        parameters: the names of its parameters.
        defaults: the default values of some parameters.
        arity: how many parameters there are.
        n_outputs: how many numbers it returns.
        file: the file in which it was written.
        line: the line at which it was written.
        body: its statements; not to be changed.
        calls: the scalar functions that the body calls, by the names it calls them by.
        derived: a cache for functions made from this one, freed with it.
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
        self.derived: dict[tuple[str, int], ScalarFunction] = {}
        self._written, self._surroundings = python, surroundings

    _made: Callable[[], ScalarFunction]

    @classmethod
    def deferred(
        cls,
        name: str,
        parameters: tuple[str, ...],
        n_outputs: int,
        made: Callable[[], ScalarFunction],
        *,
        defaults: Mapping[str, float],
        file: str,
        line: int,
        python: Callable[..., Any] | None = None,
    ) -> ScalarFunction:
        """Return a function whose body is made when it is first needed, which may be never.

        Args:
            name: the name of the Python function.
            parameters: the names of its parameters.
            n_outputs: how many numbers it returns.
            made: returns the same function with its body.
            defaults: the default values of some parameters.
            file: the file in which it was written.
            line: the line at which it was written.
            python: the Python function, if it has not been parsed yet.
        """
        self = cls.__new__(cls)
        self.name, self.parameters, self.arity, self.n_outputs = name, parameters, len(parameters), n_outputs
        self.defaults, self.file, self.line, self.derived = dict(defaults), file, line, {}
        self._written, self._made = python, made
        return self

    if not TYPE_CHECKING:  # a type checker would accept every attribute

        def __getattr__(self, name: str) -> Any:  # called only for missing attributes
            if name in _OF_BODY and "_made" in vars(self):
                for attribute, value in vars(self._made()).items():
                    vars(self).setdefault(attribute, value)  # another thread may have made it meanwhile
                return vars(self)[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def replace(self, **changes: Any) -> ScalarFunction:
        """Return the function that differs in some of: name, parameters, body, calls, defaults, file, line."""
        fields = ("name", "parameters", "body", "calls", "defaults", "file", "line")
        return ScalarFunction(**{field: changes.get(field, getattr(self, field)) for field in fields})

    @property
    def who(self) -> str:
        """What error messages call the function."""
        return describe(self.name, self.file, self.line)

    @cached_property
    def source(self) -> str:
        """The function as Python source, in the language that it was parsed to."""
        defaults = {name: f"={ast.unparse(tree.number(value))}" for name, value in self.defaults.items()}
        parameters = [name + defaults.get(name, "") for name in self.parameters]
        return _definition(self._identifier, parameters, self.body)

    @cached_property
    def key(self) -> str:
        """A hash of what the function computes: of its source with all constants, and of all that it calls.

        It depends neither on where the function was written or run, nor on the function's name.
        """
        callees = {called: tree.name(f"_{function.key}") for called, function in self.calls.items()}
        body = [tree.replace(statement, callees) for statement in self.body]
        return hashlib.sha256(_definition("scalar", self.parameters, body).encode()).hexdigest()

    @cached_property
    def kinds(self) -> Kinds:
        """Which variables are bools, integers or real numbers in a kernel."""
        return Kinds(self.parameters, self.body, {called: function.kinds for called, function in self.calls.items()})

    @cached_property
    def python_kinds(self) -> Kinds:
        """Which variables are bools, integers or real numbers in plain Python, for real arguments."""
        calls = {called: function.python_kinds for called, function in self.calls.items()}
        return Kinds(self.parameters, self.body, calls, in_python=True)

    @property
    def constant(self) -> float | None:
        """The number that the function always returns, if its body is just ``return number``."""
        match self.body:
            case (ast.Return(value=ast.expr() as value),):
                return tree.as_number(value)
        return None

    @cached_property
    def loops(self) -> bool:
        """Whether there is a loop in the function or in one that it calls."""
        own = any(isinstance(node, ast.While | ast.For) for node in tree.statements(self.body))
        return own or any(function.loops for function in self.calls.values())

    @cached_property
    def short(self) -> bool:
        """Whether the function consists of a few operations, and of calls of functions of ``math``."""
        return not self.loops and not self.calls and len([*tree.walk(self.body)]) <= _MAX_SHORT_NODES

    @cached_property
    def quick(self) -> bool:
        """Whether the function is short and takes a few machine instructions."""
        nodes = [*tree.walk(self.body)]
        called = {tree.called(node) for node in nodes if isinstance(node, ast.Call)}
        slow = any(isinstance(node, ast.Pow | ast.Mod | ast.FloorDiv) for node in nodes)
        return self.short and called <= QUICK and not slow

    @cached_property
    def depends_on_format(self) -> bool:
        """Whether its value in float32 and in float64 differs by more than rounding."""
        called = {tree.called(node) for node in tree.walk(self.body) if isinstance(node, ast.Call)}
        return not called.isdisjoint(FORMAT_DEPENDENT) or any(
            function.depends_on_format for function in self.calls.values()
        )

    @property
    def module(self) -> str | None:
        """The module of the Python function that was parsed; None for a derived function."""
        return getattr(self._written, "__module__", None)

    @property
    def doc(self) -> str | None:
        """The docstring of the Python function that was parsed; None for a derived function."""
        return getattr(self._written, "__doc__", None)

    @property
    def python(self) -> Callable[..., Any]:
        """The function in plain Python.

        It is the Python function that was parsed, as long as nothing that it takes from outside has changed. Otherwise,
        and for a derived function, it is compiled from `source`.
        """
        return self._written if self._written is not None and self._is_current() else self._generated

    def _is_current(self) -> bool:
        """Return whether the parsed Python function still computes what it did when it was parsed."""
        if "body" not in vars(self):  # deferred, so nothing has been taken from outside
            return True
        return (self._surroundings is None or self._surroundings.unchanged()) and all(
            [function._is_current() for function in self.calls.values()]
        )

    @cached_property
    def _generated(self) -> Callable[..., Any]:
        file = f"<tensorlab {self.name} {self.key[:16]}>"
        namespace: dict[str, Any] = {**self.calls, "math": math}
        exec(compile(self.source, file, "exec"), namespace)
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(keepends=True), file)
        python: Callable[..., Any] = namespace[self._identifier]
        namespace |= self.calls  # one of which may have the name of this function
        setattr(python, ATTRIBUTE, self)
        return python

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.python(*arguments, **named)

    # A scalar function is pickled as its source, so one that was written as a lambda can be pickled too.

    def __reduce__(self) -> Any:
        body = tree.text(self.body)
        return _restored, (self.name, self.parameters, body, self.calls, self.defaults, self.file, self.line)

    def __copy__(self) -> ScalarFunction:
        return self

    def __deepcopy__(self, memo: Any) -> ScalarFunction:
        return self

    def __repr__(self) -> str:
        return f"<{self.who}: ({', '.join(self.parameters)}) -> {self.n_outputs}>"

    def _repr_html_(self) -> str:
        return markup.text(f"# {self.who}", self.source)

    @property
    def _identifier(self) -> str:
        return "lambda_" if self.name == "lambda" else self.name


def _definition(name: str, parameters: Sequence[str], body: tree.Body) -> str:
    written = "\n".join(f"    {line}" for line in tree.text(body).splitlines())
    return f"def {name}({', '.join(parameters)}):\n{written}\n"


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

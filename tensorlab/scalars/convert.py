"""Convert Python functions to scalar functions."""

from __future__ import annotations

import ast
import builtins
import functools
import math
import types
from collections.abc import Callable
from typing import Any

from tensorlab.errors import ScalarError
from tensorlab.scalars import tree
from tensorlab.scalars.function import ATTRIBUTE, ScalarFunction
from tensorlab.scalars.mathematics import DEFINED
from tensorlab.scalars.parse import Parser
from tensorlab.scalars.source import find, is_own, name_of
from tensorlab.scalars.vocabulary import ARITY, NOT_OF_NUMBERS, is_of_math, spelling


def scalar_function(function: Callable[..., Any] | ScalarFunction) -> ScalarFunction:
    """Return the scalar function of a Python function.

    The result is kept on the Python function, and returned again until a number or a function that it takes from a
    global or a closure has changed.

    Args:
        function: a Python function or lambda, one compiled by Numba, a function of ``math``, a NumPy function with an
            equivalent in ``math``, a builtin such as ``abs``, or a ScalarFunction, which is returned as it is.

    Raises:
        ScalarError: if the function is outside of the language. The message names the construct and its line.

    Example:
        >>> from tensorlab.scalars import scalar_function
        >>> print(scalar_function(lambda x: x * x).source)
        def lambda_(x):
            return x * x
        <BLANKLINE>
    """
    converted = _deferred(function) or _convert(function, ())
    if converted is None:
        raise ScalarError(
            name_of(function),
            "a Python function of numbers",
            f"an object of type {type(function).__name__!r}",
            NOT_OF_NUMBERS if is_of_math(function) else "write it as a plain function with 'def' or 'lambda'",
        )
    return converted


def _deferred(function: object) -> ScalarFunction | None:
    """Return the scalar function of a function of tensorlab itself, to be parsed when it is first needed, or None.

    Parsing all of them would take a third of the import of tensorlab. They are known to be in the language, and their
    annotations say how many numbers they return.
    """
    if not isinstance(function, types.FunctionType) or ATTRIBUTE in vars(function) or not is_own(function):
        return None
    returned = str(function.__annotations__.get("return", "")).removeprefix("tuple[").removesuffix("]").split(", ")
    if not _NUMBERS.issuperset(returned):
        return None
    code, values = function.__code__, function.__defaults__ or ()
    parameters = code.co_varnames[: code.co_argcount]
    scalar = ScalarFunction.deferred(
        function.__name__,
        parameters,
        len(returned),
        lambda: _parsed(function, ()),
        defaults=dict(zip(parameters[len(parameters) - len(values) :], values, strict=True)),
        file=code.co_filename,
        line=code.co_firstlineno,
        python=function,
    )
    setattr(function, ATTRIBUTE, scalar)
    return scalar


_NUMBERS = frozenset({"float", "int", "bool"})


def _convert(function: object, callers: tuple[types.FunctionType, ...]) -> ScalarFunction | None:
    """Return the scalar function of an object, or None if it is not a function of numbers.

    Args:
        function: what to convert.
        callers: the functions whose parsing led here, to find recursion.

    Raises:
        RecursionError: if the function is among its callers.
    """
    if isinstance(function, ScalarFunction):
        return function
    known = spelling(function)
    if known is not None:
        return _library_function(known)
    if isinstance(function, types.BuiltinFunctionType):
        function = DEFINED.get(function)
    function = getattr(function, "py_func", function)  # of a function that Numba compiled
    if not isinstance(function, types.FunctionType):
        return None
    if function in callers:
        raise RecursionError
    cached = vars(function).get(ATTRIBUTE)
    if isinstance(cached, ScalarFunction) and cached.python is function:  # functools.wraps copies the attribute
        return cached
    scalar = _parsed(function, callers)
    setattr(function, ATTRIBUTE, scalar)
    return scalar


def _parsed(function: types.FunctionType, callers: tuple[types.FunctionType, ...]) -> ScalarFunction:
    source = find(function)
    parsed = Parser(source, lambda value: _convert(value, (*callers, function)))
    source.confirm()
    return ScalarFunction(
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


@functools.cache
def _library_function(known: str) -> ScalarFunction:
    """Return a scalar function that calls a function of ``math`` or a builtin."""
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

"""Make scalar functions from others: composition, constant parameters, and fewer parameters."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tensorlab.errors import ScalarError
from tensorlab.scalars import tree
from tensorlab.scalars.convert import scalar_function
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import Names
from tensorlab.scalars.optimize import optimize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def compose(outer: ScalarFunction | Callable[..., Any], inner: ScalarFunction | Callable[..., Any]) -> ScalarFunction:
    """Return ``outer(inner(...), ...)``: the value of ``inner`` is the first argument of ``outer``.

    Its parameters are those of ``inner``, then the remaining ones of ``outer``, renamed where the names clash.

    Raises:
        ScalarError: if ``inner`` has several outputs, or ``outer`` has no parameters.

    Example:
        >>> import math
        >>> from tensorlab.scalars import compose
        >>> compose(math.tanh, lambda x, y: x + y)(1.0, -1.0)
        0.0
    """
    outer, inner = scalar_function(outer), scalar_function(inner)
    if inner.n_outputs != 1:
        received = f"{inner.n_outputs} outputs"
        raise ScalarError(inner.who, "one output to pass on", received, "compose functions of one output")
    if not outer.parameters:
        raise ScalarError(outer.who, "a first parameter, for the inner function's value", "none", "add one")
    names = Names(inner.parameters)
    others = [names.fresh(parameter) for parameter in outer.parameters[1:]]
    value = tree.call(names.call(inner), *map(tree.name, inner.parameters))
    renamed = dict(zip(outer.parameters[1:], others, strict=True))
    defaults = {renamed[name]: default for name, default in outer.defaults.items() if name in renamed}
    if len(defaults) == len(others):  # else a parameter without a default comes after the inner function's
        defaults = {**inner.defaults, **defaults}
    return outer.replace(
        name=f"{outer.name}_of_{inner.name}",
        parameters=(*inner.parameters, *others),
        body=[ast.Return(tree.call(names.call(outer), value, *map(tree.name, others)))],
        calls=names.calls,
        defaults=defaults,
    )


def with_constants(function: ScalarFunction, values: Mapping[str, float]) -> ScalarFunction:
    """Return the function of its remaining parameters, with some parameters set to constants."""
    if not values:
        return function
    parameters = tuple([name for name in function.parameters if name not in values])
    defaults = {name: value for name, value in function.defaults.items() if name not in values}
    constants = dict(values)

    def made() -> ScalarFunction:
        assignments = [tree.assign(name, tree.number(value)) for name, value in constants.items()]
        names = Names.of(function)
        body = optimize(parameters, [*assignments, *function.body], names.calls)
        return function.replace(parameters=parameters, body=body, calls=names.calls, defaults=defaults)

    # Deferred, because tensorlab makes some activations that a program may not use.
    return ScalarFunction.deferred(
        function.name, parameters, function.n_outputs, made, defaults=defaults, file=function.file, line=function.line
    )


def without_unused(function: ScalarFunction) -> tuple[ScalarFunction, tuple[int, ...]]:
    """Return the function without the parameters that its body does not use, and the positions of those left."""
    used = {name for statement in function.body for name in tree.used(statement)}
    kept = tuple([k for k, parameter in enumerate(function.parameters) if parameter in used])
    if len(kept) == function.arity:
        return function, kept
    parameters = tuple([function.parameters[k] for k in kept])
    defaults = {name: default for name, default in function.defaults.items() if name in parameters}
    return function.replace(parameters=parameters, defaults=defaults), kept


def of_numbers(function: Callable[..., float] | ScalarFunction, arity: int | None = None) -> ScalarFunction:
    """Convert a function to a scalar function of one or more numbers, or of ``arity`` numbers, that returns one.

    Raises:
        ScalarError: if it takes or returns another number of numbers.
    """
    scalar = scalar_function(function)
    if scalar.n_outputs != 1:
        hint = "make an operation of each"
        raise ScalarError(
            scalar.who, "a function that returns one number", f"one that returns {scalar.n_outputs}", hint
        )
    if scalar.arity != arity if arity else not scalar.arity:
        raise ScalarError(scalar.who, f"a function of {arity or 'one or more'} numbers", f"one of {scalar.arity}")
    return scalar

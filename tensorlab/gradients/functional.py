"""Gradients of functions: `grad`, `value_and_grad` and `jacobian`, as in JAX."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.autodiff import flatten, pack_as
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.gradients.tape import GradientTape
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor, from_buffer_of


def value_and_grad(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that computes ``fn`` and its gradient with respect to some of its arguments.

    Args:
        fn: a function that returns a real tensor of rank 0, or with ``has_aux`` a pair ``(value, aux)``.
        argnums: the position of the argument to differentiate with respect to, or a tuple of positions. Such an
            argument is a tensor, an array, a number, or nested lists, tuples and dicts of them.
        has_aux: whether ``fn`` returns a pair ``(value, aux)``; ``aux`` may be any object and is not differentiated.

    Returns:
        A function of the arguments of ``fn`` that returns ``(value, gradient)``, or with ``has_aux`` ``((value, aux),
        gradient)``. The gradient has the structure of the argument, or is a tuple of gradients if ``argnums`` is a
        tuple. It is zero if the value does not depend on the argument. The function raises ArgumentError for a position
        out of range, ArgumentTypeError if ``fn`` does not return a tensor, DTypeError for an argument or a value
        that is not real, and ShapeError for a value that is not of rank 0.

    Raises:
        ArgumentTypeError: if ``fn`` is not a function.

    Example:
        >>> def loss(weights, x, y):
        ...     return tl.mean(tl.square(x @ weights["w"] + weights["b"] - y))
        >>> weights = {"w": tl.asarray([[1.0], [2.0]]), "b": tl.asarray(0.5)}
        >>> value, gradients = tl.value_and_grad(loss)(weights, tl.ones((4, 2)), tl.zeros((4, 1)))
        >>> float(value), float(gradients["b"])
        (12.25, 7.0)

    Source: ``jax.value_and_grad``.
    """
    who = f"grad of {_name('grad', fn)}"

    @functools.wraps(fn)
    def differentiated(*arguments: Any, **named: Any) -> tuple[Any, Any]:
        tape, chosen, result = _trace(who, fn, argnums, arguments, named)
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            raise ArgumentTypeError(who, "a function that returns (value, aux)", type(result).__name__)
        value = _real(who, result[0] if has_aux else result)
        if value.shape:
            hint = "reduce it, e.g. with tl.sum, or use tl.jacobian"
            raise ShapeError(who, "a function that returns a tensor of rank 0", f"shape {value.shape}", hint)
        leaves = flatten(chosen)
        found = tape.backward([(value.key, value.ones_like())], [leaf.key for leaf in leaves], keep=False)
        gradients = [found[leaf.key] if leaf.key in found else leaf.like(np.zeros(leaf.shape)) for leaf in leaves]
        return (value, result[1]) if has_aux else value, pack_as(chosen, iter(gradients))

    return differentiated


def grad(fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes the gradient of ``fn``, or with ``has_aux`` the pair ``(gradient, aux)``.

    Arguments and errors are those of `value_and_grad`.

    Example:
        >>> float(tl.grad(lambda x: x**3)(2.0))
        12.0
        >>> float(tl.grad(tl.grad(lambda x: x**3))(2.0))
        12.0

    Source: ``jax.grad``.
    """
    both = value_and_grad(fn, argnums, has_aux)

    @functools.wraps(fn)
    def gradient(*arguments: Any, **named: Any) -> Any:
        value, result = both(*arguments, **named)
        return (result, value[1]) if has_aux else result

    return gradient


def jacobian(fn: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that computes the Jacobian of ``fn`` with respect to some of its arguments.

    The arguments are those of `value_and_grad`; ``fn`` may return a tensor of any shape.

    Returns:
        A function of the arguments of ``fn`` that returns the Jacobian. It has the structure of the argument, with a
        tensor of shape ``value.shape + x.shape`` for each tensor ``x``. ``tl.jacobian(tl.grad(f))`` computes the
        Hessian.

    Example:
        >>> tl.jacobian(lambda x: x * x)(tl.asarray([1.0, 2.0]))
        Tensor([[2., 0.],
                [0., 4.]], dtype=float32)

    Source: ``jax.jacrev``.
    """
    who = f"jacobian of {_name('jacobian', fn)}"

    @functools.wraps(fn)
    def differentiated(*arguments: Any, **named: Any) -> Any:
        tape, chosen, result = _trace(who, fn, argnums, arguments, named)
        value, leaves = _real(who, result), flatten(chosen)
        found = [
            leaf.like(np.zeros((*value.shape, *leaf.shape))) if part is None else part
            for leaf, part in zip(leaves, tape._jacobians(value, leaves), strict=True)
        ]
        return pack_as(chosen, iter(found))

    return differentiated


def _trace(
    who: str, fn: Callable[..., Any], argnums: int | Sequence[int], arguments: Sequence[Any], named: dict[str, Any]
) -> tuple[GradientTape, Any, Any]:
    """Call a function under a tape.

    Return the tape, the arguments to differentiate with respect to, and the result.
    """
    positions = [
        _position(who, argnum, len(arguments)) for argnum in (argnums if isinstance(argnums, Sequence) else (argnums,))
    ]
    watched = list(arguments)
    with GradientTape(watch_accessed_variables=False) as tape:
        for position in positions:
            aliases = [_alias(who, leaf) for leaf in flatten(arguments[position])]
            tape.watch(aliases)
            watched[position] = pack_as(arguments[position], iter(aliases))
        result = fn(*watched, **named)
    chosen = tuple([watched[position] for position in positions])
    return tape, chosen if isinstance(argnums, Sequence) else chosen[0], result


def _position(who: str, argnum: Any, count: int) -> int:
    try:
        position = operator.index(argnum)
    except TypeError:
        raise ArgumentTypeError(who, "argnums of integers", short_repr(argnum)) from None
    if not -count <= position < count:
        hint = "keyword arguments are not counted"
        if not count:
            raise ArgumentError(who, "a positional argument", "none", hint)
        raise ArgumentError(who, f"argnums from {-count} to {count - 1}", short_repr(argnum), hint)
    return position % count


def _alias(who: str, value: Any) -> Tensor:
    """Return a new tensor with the same value.

    Other uses of the original tensor, as another argument or in a closure, then do not add to its gradient.
    """
    tensor = _real(who, as_tensor(value, who))
    alias = from_buffer_of(tensor, tensor._buffer)
    autodiff.record((tensor,), (alias,), (lambda gradient: gradient,))
    return alias


def _real(who: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise ArgumentTypeError(who, "a function that returns a tensor", type(value).__name__)
    if value.dtype.kind != "f":
        raise DTypeError(who, "arguments and results of float32 or float64", str(value.dtype), 'use .astype("float32")')
    return value


def _name(who: str, fn: Callable[..., Any]) -> str:
    if not callable(fn):
        raise ArgumentTypeError(who, "a function", type(fn).__name__)
    return short_repr(getattr(fn, "__name__", type(fn).__name__))

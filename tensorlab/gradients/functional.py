"""Gradients of functions: `grad`, `value_and_grad` and `jacobian`, as in JAX."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.autodiff import flatten, pack_as
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tensorlab.gradients.tape import GradientTape
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor, from_buffer_of


def value_and_grad(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that computes ``fn`` and the gradient of it with respect to some of its arguments.

    Args:
        fn: gives a real tensor of rank 0, or with ``has_aux`` a pair of one and of anything else.
        argnums: the position of the argument, or a tuple of positions. The arguments there are tensors, arrays,
            numbers, or nested lists, tuples and dicts of them.
        has_aux: whether ``fn`` gives something beside the value.

    Returns:
        a function of the arguments of ``fn`` that gives ``(value, gradient)``, with ``has_aux`` ``((value, aux),
        gradient)``. The gradient has the structure of the argument, and is a tuple of those if ``argnums`` is one;
        zeros where the value does not depend on an argument.

    Raises:
        ArgumentTypeError: if ``fn`` is no function.
        (by that function)
        ArgumentError: for a position that no argument has.
        ArgumentTypeError: if ``fn`` does not give a tensor.
        DTypeError: for an argument or a value that is not real.
        ShapeError: for a value that is not of rank 0.

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
    """A function that computes the gradient of ``fn``, and with ``has_aux`` gives ``(gradient, aux)``.

    The arguments are those of `value_and_grad`, and so are the errors.

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
    """A function that computes the derivative of each element of what ``fn`` gives by each element of its arguments.

    The arguments are those of `value_and_grad`; ``fn`` may give a tensor of any shape.

    Returns:
        a function of the arguments of ``fn`` that gives a tensor of shape ``value.shape + argument.shape`` in place of
        each tensor in the argument. ``tl.jacobian(tl.grad(f))`` gives the Hessian.

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
    """Call a function: the tape that saw it, the arguments to differentiate by as it was given them, and the result."""
    places = [
        _place(who, position, len(arguments)) for position in (argnums if isinstance(argnums, Sequence) else (argnums,))
    ]
    followed = list(arguments)
    with GradientTape(watch_accessed_variables=False) as tape:
        for place in places:
            aliases = [_alias(who, leaf) for leaf in flatten(arguments[place])]
            tape.watch(aliases)
            followed[place] = pack_as(arguments[place], iter(aliases))
        result = fn(*followed, **named)
    chosen = tuple([followed[place] for place in places])
    return tape, chosen if isinstance(argnums, Sequence) else chosen[0], result


def _place(who: str, position: Any, count: int) -> int:
    try:
        place = operator.index(position)
    except TypeError:
        raise ArgumentTypeError(who, "argnums of whole numbers", repr(position)) from None
    if not -count <= place < count:
        hint = "arguments given by name are not counted"
        if not count:
            raise ArgumentError(who, "an argument to differentiate by", "none", hint)
        raise ArgumentError(who, f"argnums from {-count} to {count - 1}", repr(position), hint)
    return place % count


def _alias(who: str, value: Any) -> Tensor:
    """The same value as a tensor of its own, so that one that is given twice or captured is not taken for another."""
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
    return repr(getattr(fn, "__name__", type(fn).__name__))

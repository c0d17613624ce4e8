"""Make the vjps of a broadcasting elementwise operation from its arguments.

A vjp keeps only the arguments that it needs. Each is a `partial`, which is two objects where a closure is six: a tape
keeps thousands of them, which the garbage collector has to visit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tensorlab.autodiff import Vjp
from tensorlab.ops.broadcasting import sum_to
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor

VjpMaker = Callable[[Sequence[Tensor]], Vjp]
"""Returns the vjp of one argument of an operation, from all of its arguments."""


def vjp_maker(operation: Callable[..., Tensor], index: int, needed: Sequence[int]) -> VjpMaker:
    """Return what makes the vjps of one argument.

    Args:
        operation: computes the gradient of the argument from that of the result and some arguments.
        index: the position of the argument.
        needed: the positions of the arguments that ``operation`` takes.
    """
    if len(needed) == 1:  # the common case, without a list
        (position,) = needed
        return lambda tensors: partial(_vjp_of_one, operation, tensors[index]._buffer.shape, tensors[position])

    def make(tensors: Sequence[Tensor]) -> Vjp:
        kept = [tensors[position] for position in needed]
        return partial(_vjp_of_several, operation, tensors[index]._buffer.shape, kept)

    return make


def broadcast_vjp_maker(index: int) -> VjpMaker:
    """Return what makes the vjps of one argument with the derivative 1: the sum over broadcast axes."""
    return lambda tensors: partial(_sum_to, tensors[index]._buffer.shape)


def _sum_to(shape: Shape, gradient: Tensor) -> Tensor:
    return sum_to(gradient, shape)


def _vjp_of_one(operation: Callable[..., Tensor], shape: Shape, needed: Tensor, gradient: Tensor) -> Tensor:
    return sum_to(operation(gradient, needed), shape)


def _vjp_of_several(operation: Callable[..., Tensor], shape: Shape, needed: list[Tensor], gradient: Tensor) -> Tensor:
    return sum_to(operation(gradient, *needed), shape)

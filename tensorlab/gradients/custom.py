"""`custom_gradient`: a function with a gradient that its author gives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tensorlab import autodiff, ops
from tensorlab.autodiff import flatten, pack_as
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentTypeError, ShapeError
from tensorlab.ops.dispatch import as_tensor
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, from_buffer_of


def custom_gradient(fn: Callable[..., tuple[Any, Callable[..., Any]]]) -> Callable[..., Any]:
    """Give a function a custom gradient, for example one that is numerically stable where the chain rule is not.

    Args:
        fn: a function that returns the pair ``(result, gradient)``. It takes tensors as positional arguments, to which
            arrays and numbers are converted, and any keyword arguments. ``result`` is a tensor, or nested lists, tuples
            and dicts of tensors. ``gradient`` is a function from the gradient of each of these tensors to the gradient
            of each positional argument, or None for an argument without one. It is differentiated in turn for second
            derivatives.

    Returns:
        A function of the same arguments that returns ``result``. It raises ArgumentTypeError if ``fn`` does not return
        such a pair, or reads a trainable variable that is not an argument; and, when a gradient is computed, ShapeError
        for gradients that do not fit the arguments in number or shape.

    Example:
        >>> @tl.custom_gradient
        ... def log1pexp(x):
        ...     e = tl.exp(x)
        ...     return tl.log(1.0 + e), lambda upstream: upstream * (1.0 - 1.0 / (1.0 + e))

    Source: ``tf.custom_gradient``.
    """
    who = f"custom gradient of {getattr(fn, '__name__', type(fn).__name__)!r}"

    @functools.wraps(fn)
    def call(*arguments: Any, **named: Any) -> Any:
        inputs = [as_tensor(argument, who) for argument in arguments]
        # Outer tapes record the operations in here too, as the gradient may use intermediate results.
        with autodiff.Tape(watch_variables=autodiff.recording()) as watcher:
            pair = fn(*inputs, **named)
        if not (isinstance(pair, tuple) and len(pair) == 2 and callable(pair[1])):
            raise ArgumentTypeError(who, "a function that returns (result, gradient function)", type(pair).__name__)
        for key, variable in watcher.variables.items():
            if key not in [tensor.key for tensor in inputs]:
                received, hint = f"one that reads variable {variable.name!r}", "pass it as an argument"
                raise ArgumentTypeError(who, "a function of its arguments alone", received, hint)
        result, gradient = pair
        outputs = [as_tensor(leaf, who) for leaf in flatten(result)]
        outputs = [from_buffer_of(output, output._buffer) for output in outputs]
        autodiff.record(inputs, outputs, _vjp(who, inputs, outputs, gradient))
        return pack_as(result, iter(outputs))

    return call


def _vjp(who: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], gradient: Callable[..., Any]) -> autodiff.Vjp:
    """Return a vjp that passes zeros for outputs that nothing depends on, and checks the gradients."""
    device = inputs[0].device if inputs else None
    taken = [(tensor.shape, tensor.dtype) for tensor in inputs]  # a reference to the tensors would keep them alive
    made = [(tensor.shape, tensor.dtype) for tensor in outputs]

    def vjp(*flowing: Tensor | None) -> list[Tensor | None]:
        upstream = [
            ops.zeros(shape, dtype=dtype, device=device) if part is None else part
            for part, (shape, dtype) in zip(flowing, made, strict=True)
        ]
        answer = gradient(*upstream)
        given = list(answer) if isinstance(answer, (list, tuple)) else [answer]
        if len(given) != len(taken):
            expected = f"{len(taken)} gradients, one for each positional argument"
            raise ShapeError(who, expected, str(len(given)), "return None for an argument that has none")
        return [_fitting(who, *kind, value, device) for kind, value in zip(taken, given, strict=True)]

    return vjp


def _fitting(who: str, shape: Shape, dtype: DType, value: Any, device: str | None) -> Tensor | None:
    if value is None or dtype.kind != "f":
        return None
    tensor = as_tensor(value, who, device)
    if tensor.shape != shape:
        raise ShapeError(who, f"a gradient of shape {shape}", str(tensor.shape))
    return tensor.astype(dtype)

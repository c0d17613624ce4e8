"""Tools to find out where a computation goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.checking import here
from tensorlab.errors import NonFiniteError
from tensorlab.layers import Layer
from tensorlab.layers.calling import Block, context
from tensorlab.plans import disable_jit
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable

__all__ = ["check_numerics"]


@contextmanager
def check_numerics() -> Iterator[None]:
    """Return a ``with`` block in which the first value that is NaN or infinite raises an error that says where it is.

    In this thread it checks the outputs of each layer, the loss, each gradient that a tape computes, and the weights
    after each step of training. All code runs in Python, without plans, and each value is read. So training takes
    several times as long, with the same bits. It may also be used as a decorator. Blocks may end in any order.

    Raises:
        NonFiniteError: naming the layer and the models around it, the step of the optimizer, and the index.

    Source: TensorFlow, ``tf.debugging.enable_check_numerics``.

    Example:
        >>> model = tl.Sequential([tl.layers.Dense(2, kernel_initializer="ones", name="first")], name="net")
        >>> with tl.debug.check_numerics():
        ...     model(np.array([[1e38, 3e38]], "float32"))
        Traceback (most recent call last):
            ...
        tensorlab.errors.NonFiniteError: Dense 'first' of Sequential 'net': expected finite outputs, received inf at \
index (0, 0) of float32 of shape (1, 2)
    """
    watchers, own = here.watchers, _Finite()  # of this thread; another one may end the block
    watchers.append(own)
    try:
        with disable_jit():
            yield
    finally:
        watchers.remove(own)


class _Finite:
    """Raises for values that are not finite."""

    def outputs(self, layer: Layer, inputs: Any, outputs: Any) -> None:
        found = _found(outputs)
        if found:
            broken = [weight.name for weight in layer._members()[0] if _found(weight)]
            hint = f"its weight {broken[0]!r} is not finite" if broken else ""
            if _found(inputs):
                hint = "its inputs are not finite"
            raise NonFiniteError(_where(), "finite outputs", found, hint)

    def loss(self, model: Layer, loss: Any) -> None:
        found = _found(loss)
        if found:
            raise NonFiniteError(
                f"loss of {_where()}", "a finite number", found, "the outputs of all layers are finite"
            )

    def weights(self, optimizer: Any, weights: Sequence[Variable]) -> None:
        for weight in weights:
            found = _found(weight)
            if found:
                who, hint = f"{optimizer._who} at step {optimizer.iterations}", "lower the learning rate"
                raise NonFiniteError(who, f"a finite weight {weight.name!r}", found, f"{hint}; its gradient was finite")

    def vjps(self, inputs: Sequence[Any], vjps: Any) -> Any:
        where = _where()
        names = [f" of the weight {x.variable.name!r}" if getattr(x, "watched", False) else "" for x in inputs]

        def check(gradient: Any, name: str) -> Any:
            found = _found(gradient)
            if found:
                raise NonFiniteError(where, f"a finite gradient{name}", found)
            return gradient

        def checked(vjp: Callable[..., Any] | None, name: str) -> Callable[..., Any] | None:
            return None if vjp is None else lambda *flowing: check(vjp(*flowing), name)

        if callable(vjps):
            return lambda *flowing: [check(g, n) for g, n in zip(vjps(*flowing), names, strict=True)]
        return [checked(vjp, name) for vjp, name in zip(vjps, names, strict=True)]


def _found(values: Any) -> str:
    """Return the first element that is not finite in words; an empty text if there is none."""
    for value in autodiff.flatten(values):
        if not isinstance(value, (Tensor, Variable)):
            continue
        array = value.numpy()
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            index = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
            place = f"at index {index} of {array.dtype} of shape {array.shape}" if index else f"of {array.dtype}"
            return f"{array[index]} {place}"
    return ""


def _where() -> str:
    """Return the layers whose calls are being executed in words, the innermost first, and the step of the optimizer."""
    names: list[str] = []
    step, call = "", context.call
    while call is not None:
        layer: Any = call.layer
        if not isinstance(call, Block) or not names:
            names.append(layer._who)
        iterations = getattr(getattr(layer, "optimizer", None), "iterations", None)
        if iterations is not None and autodiff.recording():
            step = f" at step {iterations + 1}"
        call = call.outer
    return f"{' of '.join(dict.fromkeys(names)) or 'an operation outside of layers'}{step}"

"""Activations under their names in ``keras.ops``. They are in `tensorlab.ops` only."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from tensorlab.ops import activations, further_activations
from tensorlab.ops.lift import Elementwise
from tensorlab.rules import finite
from tensorlab.scalars import scalar_function
from tensorlab.scalars.combine import with_constants
from tensorlab.tensor import Tensor

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "relu6",
    "selu",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]

Function = Callable[..., float]


@functools.lru_cache(maxsize=256)
def _operation(function: Function, values: tuple[tuple[str, float], ...]) -> Elementwise:
    """Return the operation of a function of a number, in which its parameters are constants, as in `Activation`."""
    return Elementwise(with_constants(scalar_function(function), dict(values)), name=function.__name__)


def _applied(function: Function) -> Callable[..., Tensor]:
    """Return a function of a tensor and the parameters of a function of a number."""
    signature = inspect.signature(function)

    def apply(*args: Any, **kwargs: Any) -> Tensor:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        (_, x), *others = bound.arguments.items()
        values = tuple([(name, finite(f"{function.__name__} {name}", value)) for name, value in others])
        return _operation(function, values)(x)

    apply.__name__ = apply.__qualname__ = function.__name__
    apply.__doc__ = function.__doc__
    apply.__signature__ = signature  # type: ignore[attr-defined]
    return apply


celu = _applied(further_activations.celu)
elu = _applied(activations.elu)
hard_shrink = _applied(further_activations.hard_shrink)
hard_sigmoid = _applied(activations.hard_sigmoid)
hard_silu = hard_swish = _applied(further_activations.hard_silu)
hard_tanh = _applied(further_activations.hard_tanh)
leaky_relu = _applied(activations.leaky_relu)
log_sigmoid = _applied(further_activations.log_sigmoid)
relu6 = _applied(activations.relu6)
selu = _applied(activations.selu)
silu = swish = _applied(activations.silu)
soft_shrink = _applied(further_activations.soft_shrink)
softplus = _applied(activations.softplus)
softsign = _applied(activations.softsign)
sparse_plus = _applied(further_activations.sparse_plus)
sparse_sigmoid = _applied(further_activations.sparse_sigmoid)
squareplus = _applied(further_activations.squareplus)
tanh_shrink = _applied(further_activations.tanh_shrink)
threshold = _applied(further_activations.threshold)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    """Compute ``x`` times the normal distribution function of ``x``.

    Args:
        x: a tensor or an array.
        approximate: whether to compute ``x / 2 · (1 + tanh(√(2 / π) (x + 0.044715 x³)))`` instead, as Keras does here;
            the activation "gelu" is exact.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415; Keras, ``keras.ops.gelu``.
    """
    return _operation(further_activations.approximate_gelu if approximate else activations.gelu, ())(x)

"""Regularizers: penalties on weights that are added to the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tensorlab import absent, ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.serialization import Configured, serialize
from tensorlab.serialization import deserializer as _deserializer
from tensorlab.serialization import get as _get
from tensorlab.tensor import Tensor

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


class Regularizer(Configured):
    """The base of every regularizer. A subclass implements `__call__`, which computes a scalar tensor from a weight.

    Source: Keras, ``keras.regularizers.Regularizer``.
    """

    _kind = "regularizer"

    def __call__(self, x: Any) -> Tensor:
        """Return the penalty of a weight."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(x)")


@elementwise
def _cost(x: float, l1: float, l2: float) -> float:
    return l1 * abs(x) + l2 * (x * x)


class L1L2(Regularizer):
    """Compute ``l1 Σ |x| + l2 Σ x²``.

    Raises:
        ArgumentError: for a factor that is not a finite number of at least 0.

    Source: Keras, ``keras.regularizers.L1L2``.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = (finite(f"{type(self).__name__} {n}", v, 0.0) for n, v in (("l1", l1), ("l2", l2)))

    def __call__(self, x: Any) -> Tensor:
        """Return the penalty of a weight."""
        return ops.sum(_cost(x, self.l1, self.l2))


class L1(L1L2):
    """Compute ``l1 Σ |x|``.

    Source: Keras, ``keras.regularizers.L1``.
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """Compute ``l2 Σ x²``.

    Source: Keras, ``keras.regularizers.L2``.

    Example:
        >>> float(tl.regularizers.L2(0.1)(tl.asarray([1.0, 2.0])))
        0.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


class OrthogonalRegularizer(Regularizer):
    """Compute ``factor`` times the mean of ``|cos|`` over all pairs of different rows, or of columns, of a matrix.

    Args:
        factor: the factor, at least 0.
        mode: "rows" or "columns".

    Raises:
        ArgumentError: for another mode, or a factor out of range.

    Source: Keras, ``keras.regularizers.OrthogonalRegularizer``.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = finite("OrthogonalRegularizer factor", factor, 0.0)
        if mode not in ("rows", "columns"):
            raise ArgumentError("OrthogonalRegularizer mode", "'rows' or 'columns'", short_repr(mode))
        self.mode = mode

    def __call__(self, x: Any) -> Tensor:
        """Return the penalty of a weight.

        Raises:
            ShapeError: unless it is a matrix.
        """
        if len(x.shape) != 2:
            raise ShapeError("OrthogonalRegularizer", "a weight of two axes", str(tuple(x.shape)))
        rows = x if self.mode == "rows" else ops.matrix_transpose(x)
        size = rows.shape[0]
        square = ops.sum(ops.square(rows), axis=1, keepdims=True)
        unit = rows / ops.maximum(ops.sqrt(square), 1e-12)
        cosines = ops.matmul(unit, ops.matrix_transpose(unit)) * (1.0 - ops.eye(size, dtype=rows.dtype))
        return ops.sum(ops.abs(cosines)) * (self.factor / (size * (size - 1.0)))


# Keras's other names for the same classes
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Callable[[Any], Tensor] | None:
    """Return a regularizer from its name, class or config.

    None, a `Regularizer` or a function of a weight is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for anything else.
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, (type, Regularizer))):
        return identifier
    found: Regularizer = _get("regularizer", identifier, Regularizer)
    return found


deserialize = _deserializer(__name__, "regularizer", get)

if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())

"""`Probabilities`: what softmax and sigmoid give, which remembers what it was made of.

Far from 0, softmax and sigmoid give exactly 0 or 1: neither the loss nor its gradient can be computed from that. So
their results remember the logits, and a crossentropy that is given such a result computes from these. Any further
operation gives an ordinary tensor.
"""

from __future__ import annotations

from typing import Any, Self

from tensorlab import autodiff, dtypes
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.shaping import moveaxis, reshape
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, owned


class Probabilities(Tensor):
    """The result of an operation on logits, which it keeps alive while it is alive itself.

    Attributes:
        source: the operation, "sigmoid" or what `softmax_along` names.
        logits: what it was applied to, of the same shape.
    """

    __slots__ = ()  # as of every tensor that can be assigned to, which makes it an ordinary one

    @property
    def source(self) -> str:
        name: str = self.origin[0]
        return name

    @property
    def logits(self) -> Tensor:
        tensor: Tensor = self.origin[1]
        return tensor

    @classmethod
    def of(cls, source: str, result: Tensor, logits: Tensor) -> Self:
        """Return the result of an operation, as one that remembers its logits."""
        made = cls.__new__(cls)
        made._buffer, made._backend, made.key = result._buffer, result._backend, result.key
        made.origin = source, owned(logits)
        return made

    def snapshot(self) -> Tensor:
        """The value alone, which a tape may keep longer than the logits are needed."""
        return owned(self)


Probabilities.__name__ = "Tensor"  # what messages call it


def logits_of(source: str, tensor: Any) -> Tensor | None:
    """Return the logits that stand for the result of an operation, or None.

    They stand for no tensor by which somebody differentiates, and for none that is known to other tapes than they are.
    """
    if isinstance(tensor, Probabilities) and tensor.source == source and autodiff.alike(tensor, tensor.logits):
        return tensor.logits
    return None


def softmax_along(axis: int, ndim: int) -> str:
    """Return the name of a softmax along an axis, counted from 0: "softmax" for the last one."""
    return "softmax" if axis == ndim - 1 else f"softmax along axis {axis}"


def with_axis_last(tensor: Tensor, axis: int) -> Tensor:
    """Return a tensor with an axis, counted from 0, moved to the end; a softmax along it still remembers its logits."""
    if axis == tensor.ndim - 1:
        return tensor
    logits = logits_of(softmax_along(axis, tensor.ndim), tensor)
    moved = moveaxis(tensor, axis, -1)
    return moved if logits is None else Probabilities.of("softmax", moved, moveaxis(logits, axis, -1))


def reshaped(tensor: Tensor, shape: Shape) -> Tensor:
    """Return the elements in another shape; the result of a sigmoid still remembers its logits."""
    result = reshape(tensor, shape)
    if isinstance(tensor, Probabilities) and tensor.source == "sigmoid":
        return Probabilities.of("sigmoid", result, reshape(tensor.logits, shape))
    return result


class Sigmoid(Elementwise):
    """The sigmoid, whose results remember their logits."""

    def __call__(self, *operands: Any, out: Any = None, **unknown: Any) -> Tensor:
        """Apply it to a tensor, an array or a number. Raises what `Elementwise` raises."""
        if len(operands) != 1 or out is not None or unknown:
            return super().__call__(*operands, out=out, **unknown)
        x = as_tensor(operands[0], self.__name__)
        if x.dtype.kind != "f":
            x = x.astype(dtypes.default_float)
        return Probabilities.of("sigmoid", super().__call__(x), x)

"""`Probabilities`: the results of softmax and sigmoid, which remember their logits.

For large logits softmax and sigmoid are exactly 0 or 1, from which neither a loss nor its gradient can be computed. So
their results remember the logits, and a crossentropy of such a result computes from these. Any other operation on it
returns an ordinary tensor.
"""

from __future__ import annotations

from typing import Any, Self

from tensorlab import autodiff, dtypes
from tensorlab.errors import SymbolicArgumentError
from tensorlab.ops import compiled_calls
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.shaping import moveaxis, reshape
from tensorlab.shapes import Shape
from tensorlab.tensor import TENSORS, SharedTensor, Tensor


class Probabilities(Tensor):
    """The result of a softmax or sigmoid, with a reference to its logits."""

    __slots__ = ()  # an assignment turns every kind of tensor into a plain one, for which their layouts must be equal

    @property
    def source(self) -> str:
        """The operation: "sigmoid", or a softmax as `softmax_along` names it."""
        name: str = self.origin[0]
        return name

    @property
    def logits(self) -> Tensor:
        """A snapshot of the argument of the operation, of the same shape."""
        plain = object.__new__(Tensor)
        _, plain._buffer, plain.key = self.origin
        plain._backend = self._backend
        return plain

    @classmethod
    def of(cls, source: str, result: Tensor, logits: Tensor) -> Self:
        """Return the result of an operation with a reference to its logits."""
        made = cls.__new__(cls)
        made._buffer, made._backend, made.key = result._buffer, result._backend, result.key
        made.origin = source, logits._buffer, logits.key  # a snapshot takes longer to make
        return made

    def snapshot(self) -> Tensor:
        """Return a snapshot without the logits, as a tape may keep it longer than they are needed."""
        plain = object.__new__(Tensor)
        plain._buffer, plain._backend, plain.key = self._buffer, self._backend, self.key
        return plain


Probabilities.__name__ = "Tensor"  # for messages
TENSORS.append(Probabilities)


def logits_of(source: str, tensor: Any) -> Tensor | None:
    """Return the logits to use in place of the result of an operation, or None.

    It is None if a tape watches the result itself, or if other tapes know the result than know the logits: the
    gradients would differ.
    """
    if (
        isinstance(tensor, Probabilities)
        and tensor.source == source
        and autodiff.interchangeable(tensor, tensor.logits)
    ):
        return tensor.logits
    return None


def as_logits(value: Any, who: str) -> Tensor:
    """Convert the argument of a softmax or sigmoid to a tensor of real numbers that no other code writes into.

    Args:
        value: a tensor, an array or a number. A tensor that shares memory gets its own, once and for all.
        who: the operation, for messages.
    """
    tensor = value if isinstance(value, Tensor) else as_tensor(value, who)
    if tensor.dtype.kind != "f":
        tensor = tensor.astype(dtypes.default_float)
    if isinstance(tensor, SharedTensor):
        tensor.own()
    return tensor.snapshot()


def softmax_along(axis: int, ndim: int) -> str:
    """Return the name of a softmax along an axis, counted from 0: "softmax" for the last one."""
    return "softmax" if axis == ndim - 1 else f"softmax along axis {axis}"


def with_axis_last(tensor: Tensor, axis: int) -> Tensor:
    """Return a tensor with an axis, counted from 0, moved to the end. A softmax along it keeps its logits."""
    if axis == tensor.ndim - 1:
        return tensor
    logits = logits_of(softmax_along(axis, tensor.ndim), tensor)
    moved = moveaxis(tensor, axis, -1)
    return moved if logits is None else Probabilities.of("softmax", moved, moveaxis(logits, axis, -1))


def reshaped(tensor: Tensor, shape: Shape) -> Tensor:
    """Reshape a tensor. The result of a sigmoid keeps its logits."""
    result = reshape(tensor, shape)
    if isinstance(tensor, Probabilities) and tensor.source == "sigmoid":
        return Probabilities.of("sigmoid", result, reshape(tensor.logits, shape))
    return result


class Sigmoid(Elementwise):
    """The sigmoid as an operation whose results remember their logits."""

    _remembered = (Probabilities, "sigmoid")

    def __call__(self, *operands: Any, out: Any = None, **unknown: Any) -> Tensor:
        """Return the sigmoid of a tensor, an array or a number. It raises what `Elementwise` raises."""
        if len(operands) != 1 or out is not None or unknown:
            return self._plainly(*operands, out=out, **unknown)
        x = operands[0]
        if type(x) is not Tensor or x._buffer.dtype.kind != "f":
            try:
                x = as_logits(x, self.__name__)
            except SymbolicArgumentError as symbolic:
                recorded: Tensor = symbolic.record(self.__name__, self, operands, {})
                return recorded
        return Probabilities.of("sigmoid", self._plainly(x), x)

    _plainly = Elementwise._by_python
    _by_python = __call__


compiled_calls.KINDS.append(Sigmoid)

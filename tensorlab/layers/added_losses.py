"""Losses that layers add while they are called: `add_loss`, and penalties on their outputs."""

from __future__ import annotations

from typing import Any

from tensorlab import autodiff, ops
from tensorlab.errors import ArgumentTypeError
from tensorlab.layers.arguments import describe
from tensorlab.layers.calling import Block, Trial, context
from tensorlab.layers.weights import Weighted
from tensorlab.tensor import Tensor


class CallLosses:
    """The losses of the last call of a layer. Copies and pickles start without any."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: list[Tensor] = []

    def __reduce__(self) -> Any:
        return CallLosses, ()


class AddsLosses(Weighted):
    """The base of `Layer` for `add_loss` and `losses`."""

    _call_losses: CallLosses
    activity_regularizer: Any = None
    """A penalty on the outputs: a function of a tensor, or None."""

    def add_loss(self, loss: Any) -> None:
        """Add a term to the loss of the model, such as a penalty that depends on the inputs of this layer.

        Call it in `call`. The term counts for this call of the layer and of the layers around it; the next call begins
        without it. `Model.compute_loss` adds all `losses`.

        Args:
            loss: a tensor, of which the sum is taken, or a list of tensors.

        Raises:
            ArgumentTypeError: for anything else.

        Source: Keras, ``keras.layers.Layer.add_loss``.

        Example:
            >>> class Sparse(tl.layers.Layer):
            ...     def call(self, inputs):
            ...         self.add_loss(0.01 * tl.mean(tl.abs(inputs)))
            ...         return inputs
            >>> model = tl.Sequential([tl.layers.Dense(3, activation="relu"), Sparse(), tl.layers.Dense(1)])
            >>> outputs = model(tl.ones((4, 2)))
            >>> len(model.losses)
            1
        """
        layers: dict[int, Any] = {id(self): self}
        call = context.call
        while call is not None:
            if isinstance(call, Trial):  # the next call adds it again
                return
            if not isinstance(call, Block):
                layers[id(call.layer)] = call.layer
            call = call.outer
        for term in autodiff.flatten(loss):
            if not isinstance(term, Tensor):
                hint = "compute it with tensorlab's operations, which a tape records"
                raise ArgumentTypeError(f"{self._who}.add_loss", "a tensor", describe(term), hint)
            value = ops.sum(term) if term.ndim else term
            for layer in layers.values():
                layer._call_losses.values.append(value)

    def _penalize(self, outputs: Any) -> None:
        """Add the penalty on the outputs, divided by the number of samples."""
        for output in autodiff.flatten(outputs):
            if isinstance(output, Tensor):
                penalty = self.activity_regularizer(output)
                self.add_loss(penalty / max(output.shape[0], 1) if output.ndim else penalty)

    @property
    def losses(self) -> list[Tensor]:
        """The terms that `add_loss` added in the last call, and the penalties of the regularizers of the weights.

        Source: Keras, ``keras.layers.Layer.losses``.
        """
        return [*self._call_losses.values, *super().losses]

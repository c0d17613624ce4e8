"""`Embedding`: a vector for each integer."""

from __future__ import annotations

from typing import Any

from tensorlab import constraints, initializers, ops, regularizers
from tensorlab.errors import DTypeError
from tensorlab.layers.base import Layer
from tensorlab.layers.dense import positive
from tensorlab.tensor import Tensor


class Embedding(Layer):
    """Return the row of a matrix for each integer: ``(batch, …) → (batch, …, output_dim)``.

    Args:
        input_dim: the number of rows; inputs are from 0 to ``input_dim - 1``.
        output_dim: the length of a row.
        embeddings_initializer: the initial value of the matrix, ``(input_dim, output_dim)``.
        embeddings_regularizer: a penalty on the matrix that is added to the loss.
        embeddings_constraint: what the matrix has to satisfy after each step.
        mask_zero: whether 0 is padding: the outputs then have a mask, which is false there. Layers that take a mask,
            such as those of the plugin tensorlab-recurrent, skip these steps.

    Raises:
        ArgumentError: for a number that is not an integer of at least 1.
        UnknownNameError: for an unknown initializer, regularizer or constraint.
        DTypeError: in a call, for inputs that are not integers.
        IndexOutOfBoundsError: in a call, for an integer that is out of range.

    Source: Keras, ``keras.layers.Embedding``.

    Example:
        >>> layer = tl.layers.Embedding(10, 3)
        >>> layer(tl.asarray([[1, 9], [0, 1]])).shape
        (2, 2, 3)
    """

    _takes_one = True
    samplewise = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.input_dim = positive(f"{self._who} input_dim", input_dim)
        self.output_dim = positive(f"{self._who} output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = self.supports_masking = bool(mask_zero)

    def build(self, input_shape: Any) -> None:
        """Create the matrix."""
        self.embeddings = self._add_configured("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Tensor) -> Tensor:
        """Look up the rows."""
        if inputs.dtype.kind not in "iu":
            raise DTypeError(self._who, "inputs of integers", str(inputs.dtype), 'use .astype("int64")')
        indices = ops.reshape(inputs.astype("int64"), (inputs.size,))
        rows = ops.take(self.embeddings, indices, axis=0)
        return ops.reshape(rows, (*inputs.shape, self.output_dim))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None) -> Tensor | None:
        """Return where the inputs are not 0."""
        return ops.not_equal(inputs, 0)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the outputs for a shape of inputs, in which lengths may be None."""
        return (*input_shape, self.output_dim)

"""`Input`: the declaration of the shape of the data."""

from __future__ import annotations

from typing import Any

from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.arguments import sample_shape
from tensorlab.layers.base import Layer
from tensorlab.tensor import Tensor


class Input(Layer):
    """Declare the shape of one sample, so that a `Sequential` is built immediately.

    Args:
        shape: the shape of one sample, without the batch axis. Use None for a length that varies between batches.
        batch_size: the number of samples, if known. It is not checked.
        dtype: the dtype of the data; float32 if None.
        batch_shape: the shape with the batch axis, in place of ``shape`` and ``batch_size``.
        name: the name in messages.

    Raises:
        ArgumentError: unless exactly one of ``shape`` and ``batch_shape`` is given.
        ShapeError: for a negative length.

    Source: Keras, ``keras.Input``.

    Example:
        >>> model = tl.Sequential([tl.Input(shape=(784,)), tl.layers.Dense(10)])
        >>> model.built
        True
    """

    _takes_one = True
    samplewise = True

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        batch_shape: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(dtype=dtype, name=name, **options)
        if self._input_shape_given is not None:  # passed as input_shape, Keras's old name
            shape = vars(self)["_constructed_with"]["shape"] = self._input_shape_given
        if (shape is None) == (batch_shape is None):
            given = f"shape={short_repr(shape)} and batch_shape={short_repr(batch_shape)}"
            raise ArgumentError(self._who, "the shape of a sample", given, "e.g. Input(shape=(784,))")
        if batch_shape is not None:
            lengths = sample_shape(f"{self._who} batch_shape", batch_shape)
            if not lengths:
                raise ShapeError(f"{self._who} batch_shape", "a shape with the batch in front", "()")
            batch_size, *shape = lengths
        self.shape = sample_shape(f"{self._who} shape", shape)
        self.batch_size = batch_size

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape including the batch axis."""
        return self.batch_size, *self.shape

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs


InputLayer = Input

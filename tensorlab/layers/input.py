"""`Input`: the declaration of the shape of the data, and its layer."""

from __future__ import annotations

from typing import Any

from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.arguments import sample_shape
from tensorlab.layers.base import Layer
from tensorlab.layers.symbolic import KerasTensor, Node, described
from tensorlab.tensor import Tensor


class InputLayer(Layer):
    """The layer at the beginning of a model, which declares the shape of one sample and returns its inputs.

    `Input` makes one, and returns its symbolic output.

    Args:
        shape: the shape of one sample, without the batch axis. Use None for a length that varies between batches.
        batch_size: the number of samples, if known. It is not checked.
        dtype: the dtype of the data; float32 if None.
        batch_shape: the shape with the batch axis, in place of ``shape`` and ``batch_size``.
        name: the name in messages.

    Raises:
        ArgumentError: unless exactly one of ``shape`` and ``batch_shape`` is given.
        ShapeError: for a negative length.

    Source: Keras, ``keras.layers.InputLayer``.
    """

    _takes_one = True
    samplewise = True
    transparent = False
    """Whether a model need not call it, because the user has not declared it."""

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
        self.built = True

    @property
    def _who(self) -> str:
        return f"Input {self.name!r}"

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape including the batch axis."""
        return self.batch_size, *self.shape

    @described
    def output(self) -> KerasTensor:
        """The symbolic output."""
        return declared(self)

    input = output

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs


def declared(layer: InputLayer) -> KerasTensor:
    """Return the symbolic output of an input layer."""
    for node in layer._calls:
        return KerasTensor(node, 0)
    return KerasTensor(Node(layer, (), {}, None, 0, [(layer.batch_shape, layer.dtype)]), 0)


def Input(  # noqa: N802 (Keras's name)
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    batch_shape: Any = None,
    name: str | None = None,
) -> KerasTensor:
    """Declare the shape of one sample, and return a symbolic tensor that layers can be called on.

    As the first item of a `Sequential`, it lets the model be built immediately.

    Args:
        shape: the shape of one sample, without the batch axis. Use None for a length that varies between batches.
        batch_size: the number of samples, if known. It is not checked.
        dtype: the dtype of the data; float32 if None.
        batch_shape: the shape with the batch axis, in place of ``shape`` and ``batch_size``.
        name: the name of the input, by which `Model.fit` takes data in a dict.

    Raises:
        ArgumentError: unless exactly one of ``shape`` and ``batch_shape`` is given.
        ShapeError: for a negative length.

    Source: Keras, ``keras.Input``.

    Example:
        >>> x = tl.Input(shape=(784,))
        >>> model = tl.Model(x, tl.layers.Dense(10)(x))
        >>> model.output_shape
        (None, 10)
        >>> tl.Sequential([tl.Input(shape=(784,)), tl.layers.Dense(10)]).built
        True
    """
    return declared(InputLayer(shape, batch_size, dtype, batch_shape, name))

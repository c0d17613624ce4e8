"""`Model`: a layer that can be compiled, trained and evaluated, and that predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tensorlab.arguments import named
from tensorlab.errors import ArgumentError, nearest, short_repr
from tensorlab.layers import Layer
from tensorlab.models.files import Files
from tensorlab.models.summary import print_summary


class Model(Files):
    """The base of every model: a layer with `compile`, `fit`, `evaluate` and `predict`.

    A subclass implements `call`. It may also replace `train_step`, `test_step`, `predict_step`, `compute_loss` and
    `compute_metrics`, which `fit`, `evaluate` and `predict` then call.

    Source: Keras, ``keras.Model``.

    Example:
        >>> class Half(tl.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dense = tl.layers.Dense(1)
        ...     def call(self, inputs):
        ...         return self.dense(inputs)
        ...     def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        ...         return 0.5 * tl.mean(tl.square(y - y_pred))
    """

    supports_masking = None  # its layers attach masks

    @property
    def layers(self) -> list[Layer]:
        """The layers that its attributes hold, also inside of lists and other containers, in order."""
        return self._members()[1]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return one of `layers`, by its name or its index.

        Raises:
            ArgumentError: if there is none, or not exactly one of both is given.

        Source: Keras, ``keras.Model.get_layer``.
        """
        who, layers = f"{self._who}.get_layer", self.layers
        if (name is None) == (index is None):
            raise ArgumentError(who, "a name or an index", f"name={short_repr(name)} and index={short_repr(index)}")
        if index is not None:
            if not isinstance(index, int) or not -len(layers) <= index < len(layers):
                raise ArgumentError(who, f"an index below {len(layers)}, the number of layers", short_repr(index))
            return layers[index]
        for layer in layers:
            if isinstance(name, str) and layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ArgumentError(who, "the name of a layer", short_repr(name), nearest(short_repr(name), names))

    @named
    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers, their outputs' shapes and their numbers of parameters.

        Args:
            line_length: the largest number of characters in a line; that of the terminal if None.
            positions: accepted as in Keras, and ignored: columns are as wide as their contents.
            print_fn: a function that is called with each line instead.
            expand_nested: whether the layers of models inside of the model are shown, indented.
            show_trainable: whether to add a column that says which layers are trained: Y, N, or - without weights.
            layer_range: the names of the first and the last layer to show, or patterns of names.

        Raises:
            ArgumentError: for a ``line_length`` out of range, or a ``layer_range`` that names no layers.

        Source: Keras, ``keras.Model.summary``.
        """
        print_summary(self, line_length, print_fn, expand_nested, show_trainable, layer_range)

    def _output_shapes(self) -> list[tuple[Layer, str]]:
        """Return the layers that `summary` lists, each with the shape of its outputs."""
        return [(layer, "?") for layer in self._members()[1]]

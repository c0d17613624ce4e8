"""`Sequential`: a stack of layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from tensorlab import autodiff
from tensorlab.arguments import named
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError, short_repr
from tensorlab.layers import Input, Layer
from tensorlab.layers.arguments import check_one_output, computed_on_zeros
from tensorlab.layers.base import is_samplewise
from tensorlab.models.model import Model
from tensorlab.serialization import check_config, deserialize, serialize
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor


class Sequential(Model):
    """A stack of layers; each takes the output of the one before.

    It is built by the first data, or at once if it begins with an `Input`, or with a stack that does.

    Args:
        layers: the layers, in order.
        name: what it is called in messages.

    Source: Keras, ``keras.Sequential``.

    Example:
        >>> from tensorlab.layers import Dense
        >>> images, labels = np.random.rand(64, 20), np.arange(64) % 3
        >>> model = tl.Sequential([Dense(8, activation="relu"), Dense(3, activation="softmax")])
        >>> model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> history = model.fit(images, labels, epochs=2, batch_size=32, verbose=0)
        >>> model.predict(images, verbose=0).shape
        (64, 3)
    """

    _takes_one = True

    @property
    def samplewise(self) -> bool:
        """Whether all layers are, and the batch is never the last axis, along which some layers compute."""
        return all([is_samplewise(layer) for layer in self._layers]) and all([len(each) > 1 for each in self._shapes])

    def __init__(self, layers: Iterable[Layer] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._layers: list[Layer] = []
        self._shapes: list[Shape] = []
        self._shapes_if_longer: list[Shape] = []  # if the lengths that are None are 2 and not 1
        try:
            given = list(() if layers is None else layers)
        except TypeError:
            raise ArgumentTypeError(
                self._who, "a list of layers", short_repr(layers), "write Sequential([...])"
            ) from None
        for layer in given:
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without an `Input` in front."""
        return self._layers[1:] if self._layers and isinstance(self._layers[0], Input) else self._layers.copy()

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch of inputs, with None for lengths that vary.

        Raises:
            StateError: before the model is built.
        """
        self._check_built("input_shape")
        return self._input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch of outputs.

        Raises:
            StateError: before the model is built.
        """
        self._check_built("output_shape")
        return self._batch_shapes()[-1] if self._shapes else self._input_shape

    def _batch_shapes(self) -> list[tuple[int | None, ...]]:
        """Return the shape of a batch of outputs of each layer, with None for lengths that vary."""
        others = self._shapes_if_longer or self._shapes
        pairs = [zip(shape[1:], other[1:], strict=False) for shape, other in zip(self._shapes, others, strict=True)]
        return [(None, *[length if length == longer else None for length, longer in each]) for each in pairs]

    @named
    def add(self, layer: Layer, rebuild: bool = True) -> None:
        """Append a layer.

        Args:
            layer: the layer.
            rebuild: accepted as in Keras, and ignored: a model that is built stays built.

        Raises:
            ArgumentTypeError: for something that is not a layer, or one that is in the model already.
            ArgumentError: for a layer whose name another one has.
        """
        if not isinstance(layer, Layer):
            hint = "give an object, e.g. Dense(10), and not its class" if isinstance(layer, type) else ""
            raise ArgumentTypeError(f"{self._who}.add", "a Layer", short_repr(layer), hint)
        if any(layer is present for present in self._layers):
            raise ArgumentTypeError(f"{self._who}.add", "a layer that is not in the model yet", short_repr(layer))
        if layer.name and any(layer.name == present.name for present in self._layers):
            hint = "pass another name=..., or leave it out"
            raise ArgumentError(f"{self._who}.add", "layers of different names", f"a second {layer.name!r}", hint)
        before = self._layers
        if not before:
            self.dtype = layer.dtype
            if layer._input_shape_given is not None:
                before = [Input(layer._input_shape_given, dtype=layer.dtype)]
        try:
            self._layers = [*before, layer]  # a new list, since a copy of the model has the old one
            first = self._layers[0]
            if self.built:
                with autodiff.no_grad():
                    if None in self._input_shape[1:]:
                        self._shapes = self._shapes_of(self._input_shape)
                    else:
                        shape = self._shapes[-1] if self._shapes else self._input_shape
                        (outputs,) = computed_on_zeros(self, shape, layer)
                        self._shapes = [*self._shapes, check_one_output(layer._who, outputs).shape]
            elif (beginning := _beginning(first)) is not None:
                self.build((None, *beginning.shape))
        except BaseException:
            self._layers = before
            raise

    @named
    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer, and return it.

        Args:
            rebuild: accepted as in Keras, and ignored.

        Raises:
            StateError: if there is none.
        """
        if not self._layers:
            raise StateError(f"{self._who}.pop", "the model has no layers", "call add(layer) first")
        last = self._layers[-1]
        self._layers, self._shapes = self._layers[:-1], self._shapes[:-1]
        self._shapes_if_longer = self._shapes_if_longer[:-1]
        return last

    def build(self, input_shape: Any) -> None:
        """Create the weights of every layer.

        Args:
            input_shape: with the batch, which may be None, as the first length.

        Raises:
            ShapeError: if a layer does not take the output of the one before; then nothing is built.
            ArgumentTypeError: if a layer returns several tensors.
        """
        self._shapes = self._shapes_of(input_shape)
        self._input_shape = (None, *tuple(input_shape)[1:])

    def _shapes_of(self, input_shape: Any) -> list[Shape]:
        """Build every layer that is not built, and return the shapes of their outputs.

        A batch of zeros finds every shape, whatever a layer does in its call.
        """

        def shapes(tensor: Any) -> list[Shape]:
            if not isinstance(tensor, Tensor):
                raise ArgumentTypeError(f"{self._who}.build", "one shape", short_repr(input_shape))
            each = []
            for layer in self._layers:
                tensor = check_one_output(layer._who, layer(tensor))
                each.append(tensor.shape)
            return each

        found: list[list[Shape]] = computed_on_zeros(self, input_shape, shapes)
        self._shapes_if_longer = found[1] if len(found) > 1 else []
        return found[0]

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Apply every layer in turn."""
        for layer in self._layers:
            inputs = layer(inputs, training=training)
        return inputs

    def _shapes_of_sample(self, shape: Shape) -> list[Shape]:
        if len(self._shapes) != len(self._layers):
            return super()._shapes_of_sample(shape)
        # Lengths that were not known when the model was built are 1 in its shapes.
        known = math.prod([length for length in self._input_shape[1:] if length is not None])
        repeats = math.prod(shape) // max(known, 1)
        return [shape, *[(repeats, *each[1:]) for each in self._shapes]]

    def _output_shapes(self) -> list[tuple[Layer, str]]:
        known = len(self._shapes) == len(self._layers)
        rows = zip(self._layers, map(str, self._batch_shapes()) if known else ["?"] * len(self._layers), strict=True)
        return [(layer, shape) for layer, shape in rows if not isinstance(layer, Input)]

    def get_config(self) -> dict[str, Any]:
        """Return the name, and the configs of the layers."""
        config: dict[str, Any] = {"name": self.name, "layers": [serialize(layer) for layer in self._layers]}
        if self.built:
            config["build_input_shape"] = list(self._input_shape)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Sequential:
        """Create a model of the same layers, with new weights; it is built if the other was."""
        check_config(f"{cls.__name__}.from_config", config, "layers")
        model = cls(layers=[deserialize(layer) for layer in config["layers"]], name=config.get("name"))
        if "build_input_shape" in config:
            model.build(config["build_input_shape"])
        return model


def _beginning(layer: Layer) -> Input | None:
    """Return the `Input` that a layer is or begins with, or None."""
    if isinstance(layer, Sequential):
        return _beginning(layer._layers[0]) if layer._layers else None
    return layer if isinstance(layer, Input) else None

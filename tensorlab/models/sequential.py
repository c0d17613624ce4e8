"""`Sequential`: a stack of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tensorlab import dtypes
from tensorlab.arguments import named
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    ShapeError,
    StateError,
    TensorlabError,
    short_repr,
)
from tensorlab.layers import InputLayer, KerasTensor, Layer
from tensorlab.layers.arguments import describe, sample_shape
from tensorlab.layers.calling import Call
from tensorlab.layers.input import declared
from tensorlab.layers.symbolic import Node
from tensorlab.models.data import Takes
from tensorlab.models.graph import Graph
from tensorlab.models.model import Model, graph_rows
from tensorlab.models.outputs import Outputs
from tensorlab.models.summary import Row
from tensorlab.serialization import check_config, deserialize, serialize


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

    def __init__(self, layers: Iterable[Layer] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._layers: list[Layer] = []
        try:
            given = list(() if layers is None else layers)
        except TypeError:
            raise ArgumentTypeError(
                self._who, "a list of layers", short_repr(layers), "write Sequential([...])"
            ) from None
        self._add(given[:1])
        self._add(given[1:])  # together, since each change of a graph makes it anew

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without an `Input` in front."""
        return self._layers[1:] if self._layers and isinstance(self._layers[0], InputLayer) else self._layers.copy()

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
        self._add([layer])

    def _add(self, layers: list[Layer]) -> None:
        """Append layers, or none if one of them does not fit."""
        before = self._layers
        try:
            layers = [self._append(layer) for layer in layers]
            if self._graph is not None and layers:
                with Call(self, training=False):
                    self._graph = self._extended(self._graph.inputs, self._graph.outputs, layers)
            elif self._layers and (shape := _declared_shape(self._layers[0])) is not None:
                self.build((None, *shape))
        except BaseException:
            self._layers = before
            raise

    def _append(self, layer: Any) -> Layer:
        """Append a layer to the list, and return it."""
        if isinstance(layer, KerasTensor) and isinstance(layer.node.layer, InputLayer):
            layer = layer.node.layer
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
            if layer._input_shape_given is not None and not isinstance(layer, InputLayer):
                before = [InputLayer(layer._input_shape_given, dtype=layer.dtype)]
        self._layers = [*before, layer]  # a new list, since a copy of the model has the old one
        return layer

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
        self._layers = self._layers[:-1]
        if self._graph is not None:
            nodes = self._graph.nodes
            self._graph = Graph(self._who, self._graph.inputs, nodes[max(len(nodes) - 2, 0)].outputs)
        return last

    def build(self, input_shape: Any) -> None:
        """Create the weights of every layer.

        Args:
            input_shape: with the batch, which may be None, as the first length.

        Raises:
            ShapeError: if a layer does not take the output of the one before; then nothing is built.
            ArgumentTypeError: if a layer returns several tensors.
        """
        several = list, tuple, dict
        if isinstance(input_shape, several) and any(isinstance(length, several) for length in input_shape):
            raise ArgumentTypeError(f"{self._who}.build", "one shape", short_repr(input_shape))
        lengths = sample_shape(f"{self._who}.build", input_shape)
        if not lengths:
            raise ShapeError(f"{self._who}.build", "a shape with the batch in front", "()")
        layers, first = self._layers, self._layers[0] if self._layers else None
        if isinstance(first, InputLayer):
            layers = layers[1:]
        else:
            first = InputLayer(lengths[1:], dtype=self.dtype, name="input")
            first.transparent = True
        x = declared(first)
        try:
            self._graph = self._extended(x, x, layers)
        except DTypeError as error:
            try:  # the data may be integers, such as indices
                x = KerasTensor(Node(first, (), {}, None, 0, [(first.batch_shape, dtypes.int64)]), 0)
                self._graph = self._extended(x, x, layers)
            except TensorlabError:
                raise error from None

    def _extended(self, inputs: KerasTensor, outputs: KerasTensor, layers: Iterable[Layer]) -> Graph:
        """Return a graph with further layers."""
        for layer in layers:
            found = layer(outputs)
            if not isinstance(found, KerasTensor):
                hint = "return one of them"
                raise ArgumentTypeError(f"{layer._who}.call", "one tensor as its result", describe(found), hint)
            outputs = found
        return Graph(self._who, inputs, outputs)

    def _takes(self) -> tuple[Takes, Takes]:
        return Takes.ONE, Takes.ONE

    def _known_outputs(self) -> Outputs:
        return Outputs((None,), False)

    def _inputs_in_order(self, inputs: Any) -> list[Any]:
        return [inputs]  # the layers themselves accept what they can, whatever the model was built for

    def _rows(self) -> list[Row]:
        if self._graph is not None:
            return graph_rows(self._graph, declared=False)
        return [Row(layer, "?", "") for layer in self.layers]

    def get_config(self) -> dict[str, Any]:
        """Return the name, and the configs of the layers."""
        config: dict[str, Any] = {"name": self.name, "layers": [serialize(layer) for layer in self._layers]}
        if self._graph is not None:
            config["build_input_shape"] = [None, *self.input_shape[1:]]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Sequential:
        """Create a model of the same layers, with new weights; it is built if the other was."""
        check_config(f"{cls.__name__}.from_config", config, "layers")
        model = cls(layers=[deserialize(layer) for layer in config["layers"]], name=config.get("name"))
        if "build_input_shape" in config:
            model.build(config["build_input_shape"])
        return model


def _declared_shape(layer: Layer) -> tuple[int | None, ...] | None:
    """Return the shape of a sample that an `Input` declares, or with which a model begins; None without one."""
    if isinstance(layer, InputLayer):
        return layer.shape
    if isinstance(layer, Sequential):
        return _declared_shape(layer._layers[0]) if layer._layers else None
    if isinstance(layer, Model) and layer._graph is not None:
        shape = layer.input_shape
        return shape[1:] if isinstance(shape, tuple) else None
    return None

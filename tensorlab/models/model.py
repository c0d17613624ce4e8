"""`Model`: a layer that can be compiled, trained and evaluated, and that predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tensorlab import autodiff, ops
from tensorlab.arguments import named
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError, nearest, short_repr
from tensorlab.layers import InputLayer, KerasTensor, Layer
from tensorlab.layers.arguments import map_leaves
from tensorlab.layers.samplewise import is_samplewise
from tensorlab.layers.symbolic import described
from tensorlab.models.architecture import graph_from_config, graph_to_config
from tensorlab.models.data import Takes
from tensorlab.models.files import Files
from tensorlab.models.graph import Graph
from tensorlab.models.outputs import Outputs
from tensorlab.models.summary import Row, marked_up, print_summary
from tensorlab.serialization import Value, add_value, check_config, deserialize
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor
from tensorlab.utils import unique_name


class Model(Files):
    """The base of every model: a layer with `compile`, `fit`, `evaluate` and `predict`.

    There are three ways to make one:

    - ``Model(inputs, outputs)`` for symbolic tensors: `Input` returns one, and so does a layer that is called on one.
      Layers may be shared, and there may be several inputs and outputs, in lists or dicts.
    - A subclass that implements `call`.
    - `Sequential`, for layers in a row.

    A subclass may also replace `train_step`, `test_step`, `predict_step`, `compute_loss` and `compute_metrics`, which
    `fit`, `evaluate` and `predict` then call.

    Args:
        inputs: a symbolic tensor, or a list or dict of several.
        outputs: the same, computed from them.
        name: the name in messages.
        trainable: whether training changes the weights.
        options: further arguments of `Layer`.

    Raises:
        ArgumentTypeError: if only one of inputs and outputs is given, or for anything but symbolic tensors.
        ArgumentError: for outputs that depend on other inputs, or two layers of one name.

    Source: Keras, ``keras.Model``.

    Example:
        >>> image, age = tl.Input((20,), name="image"), tl.Input((1,), name="age")
        >>> hidden = tl.layers.Dense(8, activation="relu")(image)
        >>> both = tl.layers.Concatenate()([hidden, age])
        >>> model = tl.Model([image, age], tl.layers.Dense(3)(both))
        >>> model.predict([np.ones((4, 20)), np.ones((4, 1))], verbose=0).shape
        (4, 3)

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
    _graph: Graph | None = None
    _graph_given = False  # to the constructor

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True, **options: Any
    ) -> None:
        if name is None and type(self) is Model:
            name = unique_name("Functional")
        super().__init__(name=name, trainable=trainable, **options)
        given = vars(self).get("_constructed_with", {})
        for argument, value in (("inputs", inputs), ("outputs", outputs)):  # the config has the layers instead
            if argument in given and given[argument] is value:
                self._graph_given = self._graph_given or value is not None
                del given[argument]
        if inputs is None and outputs is None:
            return
        if inputs is None or outputs is None:
            received = f"inputs={short_repr(inputs)} and outputs={short_repr(outputs)}"
            raise ArgumentTypeError(self._who, "symbolic inputs and outputs, or neither", received)
        self._graph = Graph(self._who, _sorted(inputs), _sorted(outputs))
        self._layers = self._graph.layers
        self.built = True
        object.__setattr__(self, "_built_for", map_leaves(lambda tensor: tensor.shape, self._graph.inputs))
        if not trainable:
            self.trainable = False

    # Its structure

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order of the graph; or those in attributes, also inside of lists and other containers."""
        return self._members()[1]

    def _described(self, what: str) -> Graph:
        if self._graph is None:
            hint = "make it as tl.Model(inputs, outputs), or build the Sequential"
            raise StateError(f"{self._who}.{what}", "the model has no symbolic inputs and outputs", hint)
        return self._graph

    @described
    def input(self) -> Any:
        """The symbolic input, or a list or dict of several.

        Raises:
            StateError: for a subclass with a ``call`` of its own, and a `Sequential` that is not built.
        """
        return self._described("input").inputs

    @described
    def output(self) -> Any:
        """The symbolic output, or a list or dict of several; see `input`."""
        return self._described("output").outputs

    @described
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs in a list; see `input`."""
        return autodiff.flatten(self._described("inputs").inputs)

    @described
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs in a list; see `input`."""
        return autodiff.flatten(self._described("outputs").outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [tensor.name for tensor in autodiff.flatten(self._described("input_names").inputs)]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that compute the outputs, which are the names of losses and metrics in logs."""
        return [tensor.name for tensor in autodiff.flatten(self._described("output_names").outputs)]

    @property
    def input_shape(self) -> Any:
        """The shape of a batch of inputs, with None for lengths that vary; of several inputs, a list or dict.

        Raises:
            StateError: before the model is built.
        """
        self._check_built("input_shape")
        return map_leaves(lambda tensor: tensor.shape, self._described("input_shape").inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of a batch of outputs; see `input_shape`."""
        self._check_built("output_shape")
        return map_leaves(lambda tensor: tensor.shape, self._described("output_shape").outputs)

    @property
    def samplewise(self) -> bool:
        """Whether all layers are, and the batch is never the last axis, along which some layers compute."""
        if self._graph is None:
            return False
        shapes = [shape for node in self._graph.nodes for shape, _ in node.results]
        return all([is_samplewise(layer) for layer in self._graph.layers]) and all([len(each) > 1 for each in shapes])

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

    # Computing

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the outputs of a model that was made of symbolic tensors."""
        if self._graph is None:
            return super().call(inputs)
        return self._graph.run(self._inputs_in_order(inputs), training)

    def _takes(self) -> tuple[Takes, Takes]:
        if self._graph is None:
            return super()._takes()
        inputs, outputs = [Takes.NAMED if isinstance(each, int) else Takes.SEVERAL for each in self._graph.ends]
        return inputs, outputs

    def _known_outputs(self) -> Outputs | None:
        if self._graph is None or type(self).call is not Model.call:
            return None
        outputs = self._graph.ends[1]
        if isinstance(outputs, int):
            return Outputs((None,), False)
        if isinstance(outputs, dict):
            return Outputs(tuple(sorted(outputs)), True)
        return Outputs(tuple(self.output_names), False)

    def _inputs_in_order(self, inputs: Any) -> list[Any]:
        """Return a tensor for each symbolic input.

        Raises:
            ArgumentError: for another number of inputs, or a dict without one of their names.
            ShapeError: for an input of another shape.
        """
        graph = self._described("call")
        wanted: list[KerasTensor] = autodiff.flatten(graph.inputs)
        if isinstance(inputs, dict):
            names = list(graph.ends[0]) if isinstance(graph.ends[0], dict) else [tensor.name for tensor in wanted]
            lacking = [name for name in names if name not in inputs]
            if lacking:
                hint = f"the model has the inputs {names}"
                raise ArgumentError(f"{self._who} inputs", f"an array for {lacking[0]!r}", str(list(inputs)), hint)
            given = [inputs[name] for name in names]
        else:
            given = autodiff.flatten(inputs)
        if len(given) != len(wanted):
            names = [tensor.name for tensor in wanted]
            raise ArgumentError(f"{self._who} inputs", f"{len(names)} arrays, for {names}", f"{len(given)}")
        for tensor, value in zip(wanted, given, strict=True):
            if not isinstance(value, Tensor):
                raise ArgumentTypeError(f"{self._who} input {tensor.name!r}", "a tensor", short_repr(value))
        given = [_in_rank(value, len(tensor.shape)) for tensor, value in zip(wanted, given, strict=True)]
        for tensor, value in zip(wanted, given, strict=True):
            if len(value.shape) != len(tensor.shape) or any(
                [length not in (None, own) for length, own in zip(tensor.shape[1:], value.shape[1:], strict=True)]
            ):
                expected = f"a batch of shape {tensor.shape}"
                raise ShapeError(f"{self._who} input {tensor.name!r}", expected, str(tuple(value.shape)))
        return given

    def _shapes_of_sample(self, shape: Shape) -> list[Shape]:
        if self._graph is None:
            return super()._shapes_of_sample(shape)
        # Lengths that were not known when the model was built count as 1, and what they are here as repeats.
        known = [self._known(each) for node in self._graph.nodes for each, _ in node.results]
        repeats = math.prod(shape) // max(math.prod(known[0]), 1)
        return [shape, *[(repeats, *each) for each in known]]

    @staticmethod
    def _known(shape: Any) -> Shape:
        return tuple([length for length in shape[1:] if length is not None])

    # Showing

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

        If layers are not in a row, a column says which results each layer takes: ``dense_1[0][0]`` is the first result
        of the first call of ``dense_1``.

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

    def _repr_html_(self) -> str:
        return marked_up(self)

    def _rows(self) -> list[Row]:
        """Return what `summary` shows of each layer."""
        if self._graph is None:
            return [Row(layer, "?", "") for layer in self._members()[1]]
        return graph_rows(self._graph)

    # Configs

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data. A graph is the list of its layers, and of their calls."""
        config: dict[str, Any] = super().get_config()
        if self._graph is None or not self._graph_given:
            return config
        return {**config, "name": self.name, **graph_to_config(self._graph)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Create a model of the same layers, with new weights.

        Raises:
            ArgumentTypeError: for anything but what `get_config` returns.
            ArgumentError: if calls depend on one another, or on layers that are not there.
        """
        who = f"{cls.__name__}.from_config"
        check_config(who, config)
        if not {"layers", "input_layers", "output_layers"} <= set(config):
            return super().from_config(config)
        inputs, outputs = graph_from_config(who, config)
        others = {name: value for name, value in config.items() if name not in _GRAPH}
        return cls(inputs=inputs, outputs=outputs, **{name: deserialize(value) for name, value in others.items()})


def _sorted(value: Any) -> Any:
    """Return a dict sorted by its keys, and the only item of a list, as Keras does."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return value[0]
    return {key: value[key] for key in sorted(value, key=str)} if isinstance(value, dict) else value


def _in_rank(value: Any, rank: int) -> Any:
    """Add or remove a last axis of length 1 if that gives the number of axes, as Keras does."""
    if value.ndim == rank - 1 and rank > 1:
        return ops.expand_dims(value, axis=-1)
    return ops.squeeze(value, axis=-1) if value.ndim == rank + 1 and value.shape[-1] == 1 else value


add_value(Model, Value("Functional", Model.get_config, Model.from_config))
_GRAPH = ("layers", "input_layers", "output_layers")


def graph_rows(graph: Graph, declared: bool = True) -> list[Row]:
    """Return what `Model.summary` shows of each layer of a graph.

    Args:
        graph: the graph.
        declared: whether to show input layers.
    """
    histories = graph.histories()
    rows = []
    for layer in graph.layers:
        if isinstance(layer, InputLayer) and (layer.transparent or not declared):
            continue
        nodes = [number for number, node in enumerate(graph.nodes) if node.layer is layer]
        shapes = [shape for shape, _ in graph.nodes[nodes[0]].results]
        links = [histories[index] for number in nodes for index in graph.taken(number)]
        shown = ", ".join([f"{name}[{call}][{index}]" for name, call, index in links]) or "-"
        rows.append(Row(layer, str(shapes[0]) if len(shapes) == 1 else str(shapes), shown))
    if not graph.branches:
        rows = [Row(row.layer, row.shape, "") for row in rows]
    return rows

"""`Graph`: the layers between the inputs and the outputs of a model, in the order in which they compute."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tensorlab import autodiff
from tensorlab.errors import ArgumentError, levels_to_the_user
from tensorlab.layers import InputLayer, KerasTensor, Layer
from tensorlab.layers.arguments import map_leaves
from tensorlab.layers.input import declared
from tensorlab.layers.symbolic import Node, check_symbolic


class TensorIndex(int):
    """The position of a tensor among all tensors of a graph."""


class _Step(NamedTuple):
    """One call of a layer. Most take one tensor and return one; others have a negative source or target."""

    layer: Layer
    source: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    training: bool | None
    target: int
    targets: range
    spent: tuple[int, ...]
    """Tensors that no later step reads."""


class Graph:
    """A plan of calls of layers, from symbolic inputs to symbolic outputs.

    Args:
        who: the model, in messages.
        inputs: a symbolic tensor, or nested lists, tuples and dicts of several.
        outputs: the same, computed from them.

    Attributes:
        layers: the layers, those far from the outputs first, as in Keras.
        nodes: the calls, each after those whose results it takes.

    Raises:
        ArgumentTypeError: for anything but symbolic tensors.
        ArgumentError: for an input that is given twice, outputs that depend on an `Input` that is not among the inputs,
            or two layers of one name.

    Source: Keras, ``keras.src.ops.function``.
    """

    def __init__(self, who: str, inputs: Any, outputs: Any) -> None:
        given = check_symbolic(f"{who} inputs", inputs)
        wanted = check_symbolic(f"{who} outputs", outputs)
        counts = Counter(tensor.key for tensor in given)
        twice = [tensor for tensor in given if counts[tensor.key] > 1]
        if twice:
            raise ArgumentError(f"{who} inputs", "each input once", f"{twice[0]!r} twice")
        nodes, seen, used = _walked(who, given, wanted)
        unused = [tensor for tensor in given if tensor.key not in used]
        if unused:
            warnings.warn(
                f"{who}: no output depends on the input {unused[0].name!r}; leave it out of the inputs",
                stacklevel=levels_to_the_user(),
            )
        # An input that a layer computes, which is not in this graph, gets an Input of its own.
        own = [_own_input(tensor) for tensor in given]
        front = [tensor.node for tensor in own]
        ends = {id(node) for node in front}
        self.nodes = [*front, *(node for node in nodes if id(node) not in ends)]
        indices: dict[tuple[int, int], TensorIndex] = {}
        for node in self.nodes:
            for index in range(len(node.results)):
                indices[id(node), index] = TensorIndex(len(indices))
        indices.update({tensor.key: indices[each.key] for tensor, each in zip(given, own, strict=True)})

        def index_of(leaf: Any) -> Any:
            return indices[leaf.key] if isinstance(leaf, KerasTensor) else leaf

        self._arguments = [map_leaves(index_of, (node.args, node.kwargs)) for node in self.nodes]
        self._inputs, self._outputs = map_leaves(index_of, inputs), map_leaves(index_of, outputs)
        self.layers = _in_order(self.nodes, seen, self._links())
        names = Counter(layer.name for layer in self.layers if layer.name)
        again = next((name for name, count in names.items() if count > 1), None)
        if again is not None:
            same = " and ".join([repr(layer) for layer in self.layers if layer.name == again])
            raise ArgumentError(who, "layers of different names", same, "pass another name=..., or leave it out")
        self._prepare()

    # Its structure

    @property
    def inputs(self) -> Any:
        """The symbolic inputs, in the structure that was given."""
        return map_leaves(self._tensors().__getitem__, self._inputs)

    @property
    def outputs(self) -> Any:
        """The symbolic outputs, in the structure that was given."""
        return map_leaves(self._tensors().__getitem__, self._outputs)

    def _tensors(self) -> list[KerasTensor]:
        return [KerasTensor(node, index) for node in self.nodes for index in range(len(node.results))]

    def _owners(self) -> list[tuple[int, int]]:
        """Return for each tensor the position of its node, and which of its results it is."""
        return [(number, index) for number, node in enumerate(self.nodes) for index in range(len(node.results))]

    def _links(self) -> list[list[int]]:
        """Return for each node the positions of the nodes whose results it takes."""
        owners = self._owners()
        return [[owners[index][0] for index in _indices(arguments)] for arguments in self._arguments]

    def histories(self) -> list[tuple[str, int, int]]:
        """Return for each tensor the name of the layer, which of its calls computes it, and which result it is."""
        counts: dict[int, int] = {}
        found = []
        for node in self.nodes:
            number = counts[id(node.layer)] = counts.get(id(node.layer), -1) + 1
            found += [(node.layer.name, number, index) for index in range(len(node.results))]
        return found

    def taken(self, number: int) -> list[TensorIndex]:
        """Return the indices of the tensors that a node takes."""
        return [*_indices(self._arguments[number])]

    @property
    def branches(self) -> bool:
        """Whether the layers are not in a row, each called once."""
        taken = [self.taken(number) for number in range(len(self.nodes))]
        every = [index for each in taken for index in each]
        return (
            len(self.layers) < len(self.nodes)
            or len(set(every)) < len(every)
            or any([len(each) > 1 for each in taken])
            or sum([not each for each in taken]) > 1
        )

    @property
    def arguments(self) -> list[Any]:
        """The arguments of each node, with indices in place of tensors."""
        return self._arguments

    @property
    def ends(self) -> tuple[Any, Any]:
        """The inputs and the outputs, with indices in place of tensors."""
        return self._inputs, self._outputs

    # Computing

    def _prepare(self) -> None:
        """Make the list of steps."""
        last = {index: number for number, each in enumerate(self._arguments) for index in _indices(each)}
        kept = {*_indices(self._outputs)}
        spent: list[list[int]] = [[] for _ in self.nodes]
        self._given, self._steps = [*_indices(self._inputs)], list[_Step]()
        self._count = 0
        ranges = []
        for number, node in enumerate(self.nodes):
            ranges.append(range(self._count, self._count + len(node.results)))
            self._count = ranges[-1].stop
            for index in ranges[-1]:
                if index not in kept:
                    spent[last.get(TensorIndex(index), number)].append(index)
        for number, (node, targets, (args, kwargs)) in enumerate(zip(self.nodes, ranges, self._arguments, strict=True)):
            if node.declares:
                if node.layer.transparent:
                    continue
                args = (TensorIndex(targets.start),)
            simple = len(args) == 1 and isinstance(args[0], TensorIndex) and not kwargs
            source, target = int(args[0]) if simple else -1, targets.start if node.structure == 0 else -1
            self._steps.append(
                _Step(node.layer, source, args, kwargs, node.training, target, targets, tuple(spent[number]))
            )

    def run(self, inputs: Sequence[Any], training: bool | None) -> Any:
        """Compute the outputs.

        Args:
            inputs: a tensor for each symbolic input.
            training: whether the model trains.
        """
        values: list[Any] = [None] * self._count
        for index, value in zip(self._given, inputs, strict=True):
            values[index] = value
        for layer, source, args, kwargs, own, target, targets, spent in self._steps:
            mode = training if own is None else own
            if source >= 0:
                outputs = layer(values[source], training=mode)
            else:
                arguments, options = map_leaves(
                    lambda leaf: values[leaf] if isinstance(leaf, TensorIndex) else leaf, (args, kwargs)
                )
                outputs = layer(*arguments, training=mode, **options)
            if target >= 0:
                values[target] = outputs
            else:
                found = [leaf for leaf in autodiff.flatten(outputs) if leaf is not None]
                for position, leaf in zip(targets, found, strict=True):
                    values[position] = leaf
            for position in spent:
                values[position] = None
        ends = self._outputs
        return values[ends] if isinstance(ends, TensorIndex) else map_leaves(values.__getitem__, ends)

    # Copies

    def __getstate__(self) -> dict[str, Any]:
        calls = [(node.layer, node.training, node.structure, node.results) for node in self.nodes]
        return {"calls": calls, "arguments": self._arguments, "ends": self.ends, "layers": self.layers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._arguments, self.layers = state["arguments"], state["layers"]
        self._inputs, self._outputs = state["ends"]
        self.nodes, tensors = [], list[KerasTensor]()

        def tensor_of(leaf: Any) -> Any:
            return tensors[leaf] if isinstance(leaf, TensorIndex) else leaf

        for (layer, training, structure, results), arguments in zip(state["calls"], self._arguments, strict=True):
            args, kwargs = map_leaves(tensor_of, arguments)
            node = Node(layer, args, kwargs, training, structure, results)
            self.nodes.append(node)
            tensors += [KerasTensor(node, index) for index in range(len(results))]
        self._prepare()


def _indices(value: Any) -> Iterator[TensorIndex]:
    """Yield the indices in a structure."""
    return (leaf for leaf in autodiff.flatten(value) if isinstance(leaf, TensorIndex))


def _own_input(tensor: KerasTensor) -> KerasTensor:
    if tensor.node.declares:
        return tensor
    return declared(InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype))


def _walked(
    who: str, inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]
) -> tuple[list[Node], dict[int, int], set[tuple[int, int]]]:
    """Walk from the outputs back to the inputs.

    Returns:
        the calls between them, each after those it needs; the layers, by identity, numbered in the order in which they
        are met; and which of the inputs are met.

    Raises:
        ArgumentError: if an output depends on an `Input` that is not among the inputs.
    """
    ends = {tensor.key for tensor in inputs}
    nodes: list[Node] = []
    seen: dict[int, int] = {}
    used: set[tuple[int, int]] = set()
    done: set[int] = set()
    path: list[tuple[Node, Iterator[KerasTensor]]] = []

    def enter(tensor: KerasTensor) -> None:
        node = tensor.node
        if tensor.key in ends:
            used.add(tensor.key)
        elif node.declares:
            way = " <- ".join([*(each.layer.name for each, _ in path), tensor.name])
            hint = "add it to inputs, or leave out what depends on it"
            raise ArgumentError(f"{who} outputs", "outputs that depend on its inputs only", way, hint)
        if id(node) not in done and (tensor.key not in ends or node.declares):
            seen.setdefault(id(node.layer), len(seen))
            path.append((node, iter(node.inputs)))

    for output in outputs:
        enter(output)
        while path:
            node, rest = path[-1]
            following = next(rest, None)
            if following is not None:
                enter(following)
            else:
                path.pop()
                done.add(id(node))
                nodes.append(node)
    return nodes, seen, used


def _in_order(nodes: Sequence[Node], seen: dict[int, int], links: Sequence[Sequence[int]]) -> list[Layer]:
    """Return the layers, those with the largest number of layers between them and the outputs first."""
    depths = [0] * len(nodes)
    of_layer: dict[int, int] = {}
    layers: dict[int, Layer] = {}
    for number in range(len(nodes) - 1, -1, -1):
        layer = nodes[number].layer
        layers[id(layer)] = layer
        depth = depths[number] = of_layer[id(layer)] = max(depths[number], of_layer.get(id(layer), 0))
        for other in links[number]:
            depths[other] = max(depths[other], depth + 1)
    return [layers[each] for each in sorted(of_layer, key=lambda each: (-of_layer[each], seen.get(each, -1)))]

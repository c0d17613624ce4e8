"""The graph of a model as plain data, and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from tensorlab.autodiff import flatten
from tensorlab.errors import ArgumentError, ArgumentTypeError, short_repr
from tensorlab.layers import InputLayer, KerasTensor, Layer
from tensorlab.layers.arguments import map_leaves
from tensorlab.layers.input import declared
from tensorlab.models.graph import Graph, TensorIndex
from tensorlab.serialization import check_config, deserialize, serialize

_TENSOR = "__keras_tensor__"
_LAYER = ("class_name", "kind", "config", "name", "inbound_nodes")


def graph_to_config(graph: Graph) -> dict[str, Any]:
    """Return the layers of a graph, each with its calls, and which of their results are the inputs and outputs.

    A result is named by its layer, the number of the call, and its number among the results: ``["dense", 0, 0]``.
    """
    histories = [list(history) for history in graph.histories()]

    def reference(leaf: Any) -> Any:
        if isinstance(leaf, TensorIndex):
            return {"class_name": _TENSOR, "config": {"keras_history": histories[leaf]}}
        return serialize(leaf)

    layers = []
    for layer in graph.layers:
        calls = []
        for node, arguments in zip(graph.nodes, graph.arguments, strict=True):
            if node.layer is layer and not isinstance(layer, InputLayer):
                args, kwargs = map_leaves(reference, arguments)
                calls.append({"args": list(args), "kwargs": kwargs, "training": node.training})
        layers.append({**serialize(layer), "name": layer.name, "inbound_nodes": calls})
    inputs, outputs = [map_leaves(histories.__getitem__, each) for each in graph.ends]
    return {"layers": layers, "input_layers": inputs, "output_layers": outputs}


def graph_from_config(who: str, config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Make the layers of a config, call them, and return the symbolic inputs and outputs.

    Raises:
        ArgumentTypeError: for anything but what `graph_to_config` returns.
        ArgumentError: if calls depend on one another, or on layers that are not there.
    """
    if not isinstance(config["layers"], (list, tuple)):
        raise ArgumentTypeError(f"{who} layers", "a list of layers", short_repr(config["layers"]))
    layers: dict[str, Layer] = {}
    ready: deque[tuple[str, int, Any]] = deque()
    made: dict[tuple[str, int], Any] = {}  # the results of each call
    for entry in config["layers"]:
        check_config(f"{who} layers", entry, *_LAYER)
        name, layer = entry["name"], deserialize({part: entry[part] for part in ("class_name", "kind", "config")})
        if not isinstance(name, str) or not isinstance(layer, Layer) or name in layers:
            raise ArgumentTypeError(f"{who} layers", "layers of different names", short_repr(entry))
        layers[name] = layer
        layer.name = name
        if isinstance(layer, InputLayer):
            made[name, 0] = declared(layer)
        ready += [(name, number, call) for number, call in enumerate(_list(who, entry["inbound_nodes"]))]
    waiting: dict[tuple[str, int], list[tuple[str, int, Any]]] = {}  # by a call that they need
    while ready:
        name, number, call = ready.popleft()
        check_config(f"{who} inbound_nodes of {name!r}", call, "args", "kwargs", "training")
        needed = [*_sources(call), *([(name, number - 1)] if number else [])]
        missing = next((source for source in needed if source not in made), None)
        if missing is not None:
            waiting.setdefault(missing, []).append((name, number, call))
            continue
        args = [_resolved(who, item, made) for item in _list(who, call["args"])]
        kwargs = {key: _resolved(who, item, made) for key, item in dict(call["kwargs"]).items()}
        made[name, number] = layers[name](*args, training=call["training"], **kwargs)
        ready += waiting.pop((name, number), [])
    if waiting:
        names = ", ".join(sorted({repr(name) for calls in waiting.values() for name, _, _ in calls}))
        hint = "they depend on one another, or on a layer that is not in the config"
        raise ArgumentError(f"{who} inbound_nodes", "calls that begin with an Input", f"those of {names}", hint)
    return _ends(who, config["input_layers"], made), _ends(who, config["output_layers"], made)


def _list(who: str, value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise ArgumentTypeError(who, "a list", short_repr(value), "give what get_config returns")
    return value


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == _TENSOR


def _sources(value: Any) -> Iterator[tuple[str, int]]:
    """Yield the calls whose results are in an argument."""
    if _is_reference(value):
        history = value.get("config", {}).get("keras_history", ())
        yield tuple(history[:2])
    elif isinstance(value, dict):
        for item in value.values():
            yield from _sources(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _sources(item)


def _resolved(who: str, value: Any, made: Mapping[tuple[str, int], Any]) -> Any:
    if _is_reference(value):
        return _result(who, value["config"]["keras_history"], made)
    if isinstance(value, dict) and set(value) != {"class_name", "kind", "config"}:
        return {key: _resolved(who, item, made) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resolved(who, item, made) for item in value]
    return deserialize(value)


def _result(who: str, history: Any, made: Mapping[tuple[str, int], Any]) -> KerasTensor:
    try:
        name, number, index = history
        leaves = flatten(made[name, number])
        result = leaves[index]
    except (TypeError, ValueError, LookupError):
        hint = "give what get_config returns"
        raise ArgumentError(who, "the name of a layer, a call and a result", short_repr(history), hint) from None
    if not isinstance(result, KerasTensor):
        raise ArgumentError(who, "a symbolic result", short_repr(result))
    return result


def _ends(who: str, value: Any, made: Mapping[tuple[str, int], Any]) -> Any:
    """Return the tensors of a structure in which a list with a string is one of them."""
    if isinstance(value, dict):
        return {key: _ends(who, item, made) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], str):
        return [_ends(who, item, made) for item in value]
    return _result(who, value, made)

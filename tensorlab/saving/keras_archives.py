"""Write ``.keras`` archives: the architecture of a model of layers in Keras's words, and its weights.

An archive is a ZIP file with ``metadata.json``, ``config.json``, and ``model.weights.h5`` as `keras_files` writes it.
Names and arguments of layers are Keras's own, so the architecture is that of `get_config`, with the module in Keras for
each object.

Source: Keras, ``keras.src.saving.saving_lib`` and ``keras.src.saving.serialization_lib``.
"""

from __future__ import annotations

import io
import json
import os
import time
from typing import Any

from tensorlab.errors import SavedFileError, StateError, short_repr
from tensorlab.layers import InputLayer, Layer
from tensorlab.registry import registries
from tensorlab.saving.atomic import as_path, write_atomically
from tensorlab.saving.keras_files import h5py_for, keras_weights, write_keras_weights
from tensorlab.serialization import serialize
from tensorlab.version import __version__

_MODULES = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
}
_HINT = "save it to a file of tensorlab, or its weights with save_weights('name.weights.h5')"


def save_keras_archive(who: str, model: Any, filepath: Any) -> None:
    """Write a model that is built to a ``.keras`` archive, which ``keras.saving.load_model`` reads.

    What `compile` was given is not in the archive.

    Raises:
        StateError: before the model is built.
        FileAccessError: if the file cannot be written, or h5py is missing.
        SavedFileError: for a model with parts that Keras does not have. Nothing is written then.
    """
    if not model.built:
        raise StateError(who, f"{model._who} is not built", "call it on data, or call build(input_shape)")
    h5py = h5py_for(who)
    target = as_path(who, filepath)
    config = json.dumps(_config(f"{who} {os.fspath(filepath)!r}", model))
    metadata = {"keras_version": "3.0.0", "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S"), "tensorlab": __version__}
    stored = io.BytesIO()
    with h5py.File(stored, "w") as file:
        write_keras_weights(file, keras_weights(model))

    def write(temporary: str) -> None:
        import zipfile  # a local import, as it also imports pathlib

        with zipfile.ZipFile(temporary, "w") as archive:
            archive.writestr("metadata.json", json.dumps(metadata))
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", stored.getbuffer())

    write_atomically(who, target, write)


def _config(who: str, layer: Layer) -> dict[str, Any]:
    """Return a layer, or a model of layers, as Keras describes it."""
    own: dict[str, Any] = serialize(layer)
    name = str(own["class_name"])
    if name == _FUNCTIONAL and getattr(layer, "_graph", None) is not None:
        return _graph_config(who, layer, own["config"])
    entry = registries["layer"].entry(name) if name in registries["layer"] else None
    if entry is None or entry.distribution != "tensorlab" or type(layer) is not entry.thing:
        raise SavedFileError(who, "layers that Keras has", layer._who, _HINT)
    common: dict[str, Any] = {"name": layer.name, "dtype": layer.dtype.name}
    if not layer._trainable and layer.weights:  # some layers of Keras without weights do not take the argument
        common["trainable"] = False
    if isinstance(layer, InputLayer):
        samples = {"name": layer.name, "batch_shape": list(layer.batch_shape), "dtype": layer.dtype.name}
        return _described("keras.layers", "InputLayer", samples)
    stacked = getattr(layer, "_layers", None)
    if isinstance(stacked, list):
        if name != "Sequential":
            raise SavedFileError(who, "a Sequential, or a Model of symbolic tensors", layer._who, _HINT)
        shape = own["config"].get("build_input_shape")
        config = {**common, "layers": [_config(who, each) for each in stacked], "build_input_shape": shape}
        return {**_described("keras", "Sequential", config), "build_config": {"input_shape": shape}}
    given = {argument: _value(f"{who}: {layer._who} {argument}", value) for argument, value in own["config"].items()}
    config = {name: value for name, value in given.items() if value is not None or name not in _OF_THE_FIRST_LAYER}
    described = _described("keras.layers", name, config | common)
    if layer.built and layer._built_for and all(isinstance(each, (int, type(None))) for each in layer._built_for):
        described["build_config"] = {"input_shape": [None, *layer._built_for[1:]]}
    return described


def _graph_config(who: str, model: Any, own: dict[str, Any]) -> dict[str, Any]:
    """Return a model that was made of symbolic tensors as Keras describes it.

    Args:
        who: the method and the file, in messages.
        model: the model.
        own: its config, with the calls of each layer.
    """
    graph = model._graph
    results = [result for node in graph.nodes for result in node.results]
    tensors = {tuple(history): result for history, result in zip(graph.histories(), results, strict=True)}

    def argument(value: Any) -> Any:
        if isinstance(value, dict) and value.get("class_name") == _TENSOR:
            history = value["config"]["keras_history"]
            shape, dtype = tensors[tuple(history)]
            config = {"shape": list(shape), "dtype": dtype.name, "keras_history": list(history)}
            return {"class_name": _TENSOR, "config": config}
        if isinstance(value, dict) and "class_name" not in value:
            return {key: argument(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [argument(item) for item in value]
        return _value(f"{who}: a call in {model._who}", value)

    layers = []
    for layer, entry in zip(graph.layers, own["layers"], strict=True):
        calls = []
        for call in entry["inbound_nodes"]:
            mode = {} if call["training"] is None else {"training": call["training"]}
            calls.append({"args": argument(call["args"]), "kwargs": {**argument(call["kwargs"]), **mode}})
        layers.append({**_config(who, layer), "name": entry["name"], "inbound_nodes": calls})
    ends = {name: own[name] for name in ("input_layers", "output_layers")}
    config = {"name": model.name, "trainable": model._trainable, "layers": layers, **ends}
    return _described("keras.src.models.functional", _FUNCTIONAL, config)


_FUNCTIONAL, _TENSOR = "Functional", "__keras_tensor__"

_OF_THE_FIRST_LAYER = ("input_shape", "input_dim", "batch_input_shape")
"""Arguments of every layer, which are None in a config, unless they are a layer's own."""


def _described(module: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def _value(who: str, value: Any) -> Any:
    """Return an argument as Keras describes it."""
    if isinstance(value, (list, tuple)):
        return [_value(who, item) for item in value]
    if isinstance(value, dict) and "class_name" in value:
        if value["class_name"] == "SeedGenerator":  # Keras's own generators compute other numbers
            return None
        kind = value.get("kind", "constraint")
        if kind in _MODULES:
            config = {argument: _value(who, item) for argument, item in value["config"].items()}
            return _described(_MODULES[kind], value["class_name"], config)
        raise SavedFileError(who, "what Keras has", short_repr(value["class_name"], 80), _HINT)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise SavedFileError(who, "what Keras has", short_repr(value, 80), _HINT)

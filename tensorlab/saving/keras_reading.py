"""Read the architecture in ``.keras`` archives, also of those that Keras 3 itself has written.

`keras_architecture` converts the description of a model in Keras's words to that of `tensorlab.serialization`, node by
node. Nothing is imported that an archive names. Classes are those of tensorlab with the same name, or the user's own in
``custom_objects``.

Source: Keras, ``keras.src.saving.serialization_lib``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from tensorlab.arguments import of_constructor
from tensorlab.errors import SavedFileError, short_repr
from tensorlab.limits import zip_archive, zip_member
from tensorlab.registry import registries
from tensorlab.saving.atomic import as_path
from tensorlab.saving.container import readable
from tensorlab.saving.keras_files import read_keras_weights
from tensorlab.saving.plain import MAX_BYTES, parsed
from tensorlab.saving.weights import Description

_CONFIG = "config.json"
_DAMAGED = "the file is damaged, or not of Keras 3"
_CONTAINERS = ("keras", "keras.models", "keras.src.models.functional", "keras.src.models.sequential")
_KINDS = {"keras.initializers": "initializer", "keras.regularizers": "regularizer", "keras.constraints": "constraint"}
_CALL_TENSOR = "__keras_tensor__"


class Archive(NamedTuple):
    """What a ``.keras`` archive describes.

    Attributes:
        who: the file, in messages.
        config: the model in Keras's words, for `keras_architecture`.
        shapes: the shape and the dtype of each weight, by its name in the file.
    """

    who: str
    config: Any
    shapes: dict[str, Description]


def read_keras_archive(who: str, filepath: Any) -> Archive:
    """Return what a ``.keras`` archive describes.

    Args:
        who: the function that reads, in messages.
        filepath: the file.

    Raises:
        FileAccessError: if the file cannot be read, or h5py is missing.
        SavedFileError: for a damaged file.
    """
    target = as_path(who, filepath)
    where = f"{who} {target!r}"
    reader = read_keras_weights(who, target, {})
    _, shapes = next(reader)
    reader.close()
    return Archive(where, parsed(where, _config_of(where, target)), shapes)


def keras_architecture(archive: Archive, custom_objects: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of the model in an archive, for `deserialize`.

    Args:
        archive: the archive.
        custom_objects: the user's own classes and functions by their names.

    Raises:
        SavedFileError: for anything but a description of Keras, and for classes or arguments that tensorlab does not
            have. Damaged descriptions may raise other exceptions too.
    """
    return _Converter(archive.who, custom_objects).layer(archive.config)


def _config_of(who: str, path: str) -> bytes:
    """Return the JSON of an archive that is not longer than the reader of JSON accepts."""
    import zipfile  # a local import, as it also imports pathlib

    readable(who, path)
    try:
        with open(path, "rb") as file, zip_archive(file) as archive, zip_member(archive, _CONFIG) as stream:
            return stream.read(MAX_BYTES + 1)
    except KeyError:
        raise SavedFileError(who, f"an archive with {_CONFIG}", "none", _DAMAGED) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise SavedFileError(who, "a zip archive", f"what raises {error}", _DAMAGED) from None


class _Converter:
    """Converts descriptions of Keras to configs.

    Args:
        who: the file, in messages.
        custom_objects: the user's own classes and functions by their names.
    """

    def __init__(self, who: str, custom_objects: Mapping[str, Any]) -> None:
        self._who, self._custom = who, custom_objects

    def layer(self, described: Any) -> dict[str, Any]:
        """Return the config of a layer or a model.

        Raises:
            SavedFileError: for anything else, or a class or an argument that tensorlab does not have.
        """
        name, config = self._named(described)
        module, own = str(described.get("module")), self._own_name(described)
        if own is not None:
            return {"class_name": own, "kind": "layer", "config": self._values(config)}
        if module in _CONTAINERS and name == "Functional":
            return {"class_name": name, "kind": "value", "config": self._graph(config)}
        if module in _CONTAINERS and name == "Sequential":
            return {"class_name": name, "kind": "layer", "config": self._stack(config)}
        entry = registries["layer"].entry(name) if name in registries["layer"] else None
        if module != "keras.layers" or entry is None or entry.distribution != "tensorlab":
            raise self._unknown("layers that tensorlab has", f"{module}.{name}")
        known = of_constructor(entry.thing, entry.thing.__init__)
        title = f"{name} {short_repr(config.get('name'), 80)}"
        return {"class_name": name, "kind": "layer", "config": self._arguments(title, config, known)}

    def _named(self, described: Any) -> tuple[str, dict[str, Any]]:
        """Return the class and the config of a description."""
        if isinstance(described, dict):
            name, config = described.get("class_name"), described.get("config")
            if isinstance(name, str) and isinstance(config, dict):
                return name, config
        raise SavedFileError(self._who, "a class_name and a config", short_repr(described, 80), _DAMAGED)

    def _own_name(self, described: Mapping[str, Any]) -> str | None:
        """Return the name under which the user has passed a class or function; None for one of Keras.

        Raises:
            SavedFileError: for one of the author's own that the user has not passed.
        """
        name, registered = described["class_name"], described.get("registered_name")
        named = described.get("config") if name == "function" else name
        for each in (registered, named):
            if isinstance(each, str) and each in self._custom:
                return each
        module = described.get("module")
        if isinstance(module, str) and module.partition(".")[0] == "keras":
            return None
        raise self._unknown("classes and functions that are known here", f"{module}.{named}")

    def _unknown(self, expected: str, received: str) -> SavedFileError:
        hint = "if it is your own, pass custom_objects={...}; or make the model, and call load_weights with this file"
        return SavedFileError(self._who, expected, short_repr(received, 120), hint)

    def _arguments(self, title: str, config: Mapping[str, Any], known: list[str] | None) -> dict[str, Any]:
        """Return the arguments of an object, without those of Keras that are switched off.

        Raises:
            SavedFileError: for another one that tensorlab does not have.
        """
        kept = {}
        for name, value in config.items():
            if known is None or name in known:
                kept[name] = self._value(value)
            elif not (value is None or value is False or value == "channels_last" or _switched_off(name, config)):
                what = f"the argument {name}={short_repr(value, 60)}"
                raise SavedFileError(f"{self._who}: {title}", "arguments that tensorlab has", what)
        return kept

    def _values(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(value) for name, value in config.items()}

    def _value(self, value: Any) -> Any:
        """Return an argument as `serialize` describes it."""
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "class_name" not in value:
            return self._values(value)
        match value:
            case {"class_name": "__tuple__", "items": list() as items}:
                return tuple(self._value(items))
            case {"class_name": "DTypePolicy", "module": "keras", "config": {"name": str() as name}}:
                return name
            case {"class_name": "function"}:
                own = self._own_name(value)
                if own is None:
                    raise self._unknown("functions that are known here", str(value.get("config")))
                return self._custom[own]
        name, config = self._named(value)
        module, own = str(value.get("module")), self._own_name(value)
        if own is not None:
            return self._custom[own].from_config(self._values(config))
        if module not in _KINDS:
            return self.layer(value)
        kind = _KINDS[module]
        if kind == "constraint":  # they have no registry; the constructor finds them by name
            return {"class_name": name, "config": self._values(config)}
        if name not in registries[kind]:
            raise self._unknown(f"{kind}s that tensorlab has", f"{module}.{name}")
        known = of_constructor(made := registries[kind].get(name), made.__init__)
        return {"class_name": name, "kind": kind, "config": self._arguments(name, config, known or [])}

    # Models

    def _layers(self, config: Mapping[str, Any]) -> list[Any]:
        layers = config.get("layers")
        if not isinstance(layers, list):
            raise SavedFileError(self._who, "a list of layers", short_repr(layers, 80), _DAMAGED)
        return layers

    def _stack(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the config of a Sequential."""
        made: dict[str, Any] = {"name": config.get("name")}
        made["layers"] = [self.layer(each) for each in self._layers(config)]
        if config.get("trainable") is False:
            for each in made["layers"]:
                each["config"]["trainable"] = False
        if config.get("build_input_shape") is not None:
            made["build_input_shape"] = config["build_input_shape"]
        return made

    def _graph(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the config of a model of symbolic tensors."""
        layers = []
        for each in self._layers(config):
            made = self.layer(each)
            calls = each.get("inbound_nodes")
            if not isinstance(calls, list):
                raise SavedFileError(self._who, "a list of calls", short_repr(calls, 80), _DAMAGED)
            layers.append({**made, "name": each.get("name"), "inbound_nodes": [self._call(call) for call in calls]})
        ends = {name: config.get(name) for name in ("input_layers", "output_layers")}
        return {"name": config.get("name"), "trainable": config.get("trainable", True), "layers": layers, **ends}

    def _call(self, call: Any) -> dict[str, Any]:
        if (
            not isinstance(call, dict)
            or not isinstance(call.get("args"), list)
            or not isinstance(call.get("kwargs"), dict)
        ):
            raise SavedFileError(self._who, "args and kwargs of a call", short_repr(call, 80), _DAMAGED)
        kwargs = {name: self._tensors(value) for name, value in call["kwargs"].items() if value is not None}
        return {"args": self._tensors(call["args"]), "training": kwargs.pop("training", None), "kwargs": kwargs}

    def _tensors(self, value: Any) -> Any:
        """Return an argument of a call, in which tensors are named by the calls that compute them."""
        if isinstance(value, list):
            return [self._tensors(item) for item in value]
        if isinstance(value, dict) and value.get("class_name") == _CALL_TENSOR:
            _, config = self._named(value)
            return {"class_name": _CALL_TENSOR, "config": {"keras_history": config.get("keras_history")}}
        if isinstance(value, dict) and "class_name" not in value:
            return {name: self._tensors(item) for name, item in value.items()}
        return self._value(value)


def _switched_off(name: str, config: Mapping[str, Any]) -> bool:
    """Return whether an argument belongs to one that is False, as ``renorm_momentum`` does to ``renorm``."""
    return any(value is False and name.startswith(f"{switch}_") for switch, value in config.items())

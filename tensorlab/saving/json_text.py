"""The architecture of a model as JSON text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from tensorlab.errors import ArgumentTypeError, SavedFileError, short_repr
from tensorlab.layers import Layer
from tensorlab.loading import Loading
from tensorlab.saving.model import _reading
from tensorlab.saving.plain import Packer, parsed, unpack
from tensorlab.saving.state import shape_from_data, shape_to_data
from tensorlab.serialization import deserialize, serialize

_MAX_ELEMENTS = 1 << 26
"""The number of elements of a weight above which a text is refused."""


class _Architecture(Loading):
    """A text without arrays, so that initializers draw the weights."""

    def take_weight(self, label: str, shape: tuple[int, ...], dtype: str) -> bool:
        """Return that the text does not have the value of a weight.

        Raises:
            SavedFileError: for a weight of too many elements.
        """
        if math.prod(shape) > _MAX_ELEMENTS:
            limit = f"weights of at most {_MAX_ELEMENTS:,} elements"
            raise SavedFileError(self.who, limit, f"the shape {shape} of {label!r}", "write the model as a program")
        return False


def model_to_json(model: Any, **kwargs: Any) -> str:
    """Return the architecture of a model as JSON, for `model_from_json`. Weights and `compile` are not in it.

    Args:
        model: the model.
        **kwargs: further arguments of ``json.dumps``, such as ``indent``.

    Raises:
        SavedFileError: for a model with arrays or functions without a name among its arguments.

    Source: Keras, ``keras.Model.to_json``.
    """
    who, arrays = f"{model._who}.to_json", {}  # type: ignore[var-annotated]
    packed = Packer(who, "config", arrays).pack(serialize(model))
    if arrays:
        raise SavedFileError(who, "a model without arrays among its arguments", f"{len(arrays)} of them", "use save")
    shape = shape_to_data(model._built_for) if model.built else None
    return json.dumps({"model": packed, "built_for": shape}, **kwargs)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make the model that `Model.to_json` described, with new weights.

    Args:
        json_string: the text.
        custom_objects: the user's classes and functions that the model consists of, by their names.

    Raises:
        ArgumentTypeError: for something that is not a string.
        SavedFileError: for a text that describes no model, or one of plugins or classes that are not known.

    Source: Keras, ``keras.models.model_from_json``.

    Example:
        >>> model = tl.Sequential([tl.Input((3,)), tl.layers.Dense(2)])
        >>> tl.models.model_from_json(model.to_json()).output_shape
        (None, 2)
    """
    who = "model_from_json"
    if not isinstance(json_string, str):
        raise ArgumentTypeError(f"{who} json_string", "a str", short_repr(json_string))
    if custom_objects is not None and not isinstance(custom_objects, Mapping):
        raise ArgumentTypeError(f"{who} custom_objects", "a dict of names and objects", short_repr(custom_objects))
    data = parsed(who, json_string.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        raise SavedFileError(who, "what Model.to_json returned", short_repr(json_string, 80))
    with _reading(_Architecture(who, custom_objects or {}), []):
        model = deserialize(unpack(who, data["model"], {}))
        if not isinstance(model, Layer) or not hasattr(model, "compile_from_config"):
            raise SavedFileError(who, "a model", short_repr(model, 80))
        if data.get("built_for") is not None and not model.built:
            model.build(shape_from_data(who, data["built_for"]))
    return model

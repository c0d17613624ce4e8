"""`clone_model`, and models as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.loading import Loading, loading
from tensorlab.models.model import Model
from tensorlab.serialization import deserialize


def clone_model(model: Model) -> Model:
    """Make a model of the same layers with new weights. It is not compiled.

    Args:
        model: a model of symbolic tensors, a `Sequential`, or a subclass whose constructor's arguments can be repeated.

    Raises:
        ArgumentTypeError: for anything else.

    Source: Keras, ``keras.models.clone_model``.

    Example:
        >>> x = tl.Input((4,))
        >>> model = tl.Model(x, tl.layers.Dense(2)(x))
        >>> tl.models.clone_model(model).output_shape
        (None, 2)
    """
    if not isinstance(model, Model):
        raise ArgumentTypeError("clone_model", "a Model", short_repr(model))
    clone: Model = type(model).from_config(model.get_config())
    return clone


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Make the model that `Model.to_json` describes, with new weights. It is not compiled.

    Args:
        json_string: the JSON.
        custom_objects: the classes of the user that the model consists of, by their names.

    Raises:
        ArgumentTypeError: for anything but a description of a model.
        UnknownNameError: for a class that is neither registered nor given.

    Source: Keras, ``keras.models.model_from_json``.

    Example:
        >>> model = tl.Sequential([tl.Input((4,)), tl.layers.Dense(2)])
        >>> tl.models.model_from_json(model.to_json()).output_shape
        (None, 2)
    """
    who, hint = "model_from_json", "give what to_json returns"
    try:
        config = json.loads(json_string)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentTypeError(who, "JSON", f"{short_repr(json_string)} ({error})", hint) from None
    token = loading.set(_Described(who, custom_objects or {}))
    try:
        model = deserialize(config)
    finally:
        loading.reset(token)
    if not isinstance(model, Model):
        raise ArgumentTypeError(who, "the JSON of a model", short_repr(json_string), hint)
    return model


class _Described(Loading):
    """A description without weights, which are drawn as usual."""

    def take_weight(self, label: str, shape: tuple[int, ...], dtype: str) -> bool:
        """Return that the value of a weight is not known."""
        return False

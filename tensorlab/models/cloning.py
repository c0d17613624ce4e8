"""`clone_model`: the same layers with new weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.arguments import check_callable
from tensorlab.errors import ArgumentError, ArgumentTypeError, short_repr
from tensorlab.layers import Layer
from tensorlab.models.model import Model
from tensorlab.models.sequential import Sequential


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Any = None,
    recursive: bool = False,
) -> Any:
    """Make a model of the same class and layers with new weights, which is not compiled.

    Args:
        model: the model.
        input_tensors: None; the clone has inputs of its own.
        clone_function: a function of a layer that returns the layer of the clone; by default one of the same config.
        call_function: None.
        recursive: whether ``clone_function`` gets the layers of models that are layers, in place of these models.

    Raises:
        ArgumentTypeError: for something that is not a model, or a function that does not return layers.
        ArgumentError: for ``input_tensors`` or a ``call_function``, and for a ``clone_function`` of a model that is not
            a `Sequential`.

    Source: Keras, ``keras.models.clone_model``.

    Example:
        >>> model = tl.Sequential([tl.Input((3,)), tl.layers.Dense(2)])
        >>> tl.models.clone_model(model).output_shape
        (None, 2)
    """
    who = "clone_model"
    if not isinstance(model, Model):
        raise ArgumentTypeError(who, "a Model", short_repr(model))
    for name, value in (("input_tensors", input_tensors), ("call_function", call_function)):
        if value is not None:
            raise ArgumentError(f"{who} {name}", "None, as a clone is called like any model", short_repr(value))
    if clone_function is None:
        made = type(model).from_config(model.get_config())
        if model.built and not made.built:
            made.build(model._built_for)
        return made
    check_callable(f"{who} clone_function", "a function of a layer", clone_function)
    if not isinstance(model, Sequential):
        raise ArgumentError(f"{who} clone_function", "None, unless the model is a Sequential", short_repr(model))
    layers = []
    for layer in model._layers:
        if recursive and isinstance(layer, Sequential):
            layers.append(clone_model(layer, clone_function=clone_function, recursive=True))
        else:
            layers.append(clone_function(layer))
            if not isinstance(layers[-1], Layer):
                raise ArgumentTypeError(
                    f"{who} clone_function", "a function that returns layers", short_repr(layers[-1])
                )
    made = type(model)(layers=layers, name=model.name)
    if model.built and not made.built:
        made.build(model.input_shape)
    return made

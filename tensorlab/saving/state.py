"""The state of a model beside its weights: names and flags of layers, optimizers, counts of seed generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tensorlab.errors import SavedFileError, TensorlabError, short_repr
from tensorlab.layers import Layer
from tensorlab.optimizers import Optimizer
from tensorlab.saving.paths import named_layers, named_seeds, named_weights

_DAMAGED = "the file is damaged"


def layers_to_data(model: Layer) -> dict[str, Any]:
    """Return names and flags of all layers and weights, and counts of seed generators."""
    layers, weights = named_layers(model), named_weights(model)
    return {
        "layers": {path: [layer.name, layer._trainable] for path, layer in layers.items()},
        "weights": {path: [weight.name, weight.trainable] for path, weight in weights.items()},
        "seeds": {path: seed.get_state() for path, seed in named_seeds(model)},
    }


def set_layers(who: str, model: Layer, data: Mapping[str, Any]) -> None:
    """Restore what `layers_to_data` returned, for the layers that there are.

    Raises:
        SavedFileError: for anything else. Nothing has changed then.
    """
    parts = [data.get(name) for name in ("layers", "weights", "seeds")]
    named, flagged, counted = [part if isinstance(part, dict) else None for part in parts]
    if named is None or flagged is None or counted is None:
        raise SavedFileError(who, "names of layers and weights", short_repr(data, 80), _DAMAGED)
    for pair in (*named.values(), *flagged.values()):
        if not isinstance(pair, list) or [type(item) for item in pair] != [str, bool]:
            raise SavedFileError(who, "a name and whether it is trained", short_repr(pair, 80), _DAMAGED)
    for count in counted.values():
        if type(count) is not int or not 0 <= count < 1 << 64:
            raise SavedFileError(who, "the count of a seed generator", short_repr(count, 80), _DAMAGED)
    weights = named_weights(model)
    renamed = [p for p, w in weights.items() if p in flagged and _last(flagged[p][0]) != _last(w.name)]
    if renamed:  # names of weights are part of their paths
        raise SavedFileError(who, f"the names of the weights {renamed}", short_repr(flagged[renamed[0]][0]), _DAMAGED)
    for path, layer in named_layers(model).items():
        if path in named:
            layer.name, trained = named[path]
            object.__setattr__(layer, "_trainable", trained)
    for path, weight in weights.items():
        if path in flagged:
            weight.name, weight.trainable = flagged[path]
    for path, seed in named_seeds(model):
        if path in counted:
            seed.set_state(counted[path])


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def shape_to_data(shape: Any) -> Any:
    """Return a shape as JSON, without the number of samples; or a structure of shapes."""
    if isinstance(shape, Mapping):
        return {key: shape_to_data(item) for key, item in shape.items()}
    if isinstance(shape, (list, tuple)) and all(item is None or isinstance(item, int) for item in shape):
        return [None, *map(_length, shape[1:])] if shape else []
    return [shape_to_data(item) for item in shape] if isinstance(shape, (list, tuple)) else None


def _length(length: Any) -> int | None:
    return None if length is None else int(length)


def shape_from_data(who: str, shape: Any) -> Any:
    """Return a shape of a file as a tuple, or a structure of shapes.

    Raises:
        SavedFileError: for anything else.
    """
    if isinstance(shape, dict):
        return {key: shape_from_data(who, item) for key, item in shape.items()}
    if isinstance(shape, list) and shape and all(isinstance(item, (list, dict)) for item in shape):
        return [shape_from_data(who, item) for item in shape]
    if not isinstance(shape, list) or not all(item is None or (type(item) is int and item >= 0) for item in shape):
        raise SavedFileError(who, "a shape", short_repr(shape, 80), "the file is damaged")
    return tuple(shape)


def shapes_to_data(model: Layer) -> dict[str, Any]:
    """Return the shape that each layer was built for, by its path."""
    layers = named_layers(model).items()
    return {path: shape_to_data(layer._built_for) for path, layer in layers if layer.built and layer._built_for}


def build_layers(who: str, model: Layer, shapes: Any) -> None:
    """Build the layers that are not built, for the shapes that `shapes_to_data` returned."""
    for path, shape in shapes.items():
        layer = named_layers(model).get(path)
        if layer is not None and not layer.built:
            layer.build(shape_from_data(who, shape))


def optimizers_of(model: Layer) -> dict[str, Optimizer]:
    """Return the optimizers in the attributes of a model by the attribute, the compiled one first."""
    found = {name: value for name, value in vars(model).items() if isinstance(value, Optimizer)}
    return {name.removeprefix("_"): found[name] for name in sorted(found, key=lambda name: name != "_optimizer")}


def optimizers_to_data(model: Layer, arrays: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """Return the state of all optimizers, and add their slots to the arrays."""
    weights, data = named_weights(model), {}
    for attribute, optimizer in optimizers_of(model).items():
        owners = [path for path, weight in weights.items() if optimizer._slots.find(weight)]
        state = optimizer.get_state([weights[path] for path in owners])
        slots = list(dict.fromkeys(slot for each in state["slots"] for slot in each))  # those of any weight
        for path, each in zip(owners, state["slots"], strict=True):
            arrays.update({f"optimizers/{attribute}/{slot}/{path}": array for slot, array in each.items()})
        data[attribute] = {
            "iterations": state["iterations"],
            "hyperparameters": state["hyperparameters"],
            "slots": slots,
            "weights": owners,
        }
    return data


def set_optimizers(
    who: str, model: Layer, data: Any, arrays: Mapping[str, np.ndarray[Any, Any]], only: str | None = None
) -> None:
    """Restore what `optimizers_to_data` returned.

    Args:
        who: the file, in messages.
        model: the model, whose optimizers are of the same kinds.
        data: the state.
        arrays: the arrays of the file.
        only: the attribute of the only optimizer to restore; None for all.

    Raises:
        SavedFileError: for anything else, or for slots that do not fit.
    """
    weights, present = named_weights(model), optimizers_of(model)
    for attribute, state in data.items():
        if only not in (None, attribute):
            continue
        if not isinstance(state, dict) or set(state) != {"iterations", "hyperparameters", "slots", "weights"}:
            raise SavedFileError(who, "the state of an optimizer", short_repr(state, 80), _DAMAGED)
        if not isinstance(state["hyperparameters"], dict):
            raise SavedFileError(who, "hyperparameters by name", short_repr(state["hyperparameters"], 80), _DAMAGED)
        slots, owners = state["slots"], state["weights"]
        if attribute not in present:
            hint = "set it in the constructor of the model"
            raise SavedFileError(who, f"an optimizer as the attribute {short_repr(attribute)}", "none", hint)
        if not all(isinstance(names, list) and all(isinstance(n, str) for n in names) for names in (slots, owners)):
            raise SavedFileError(who, "names of slots and weights", short_repr(state, 80), _DAMAGED)
        unknown = [path for path in owners if path not in weights]
        if unknown or len(set(owners)) < len(owners):
            raise SavedFileError(who, "the slots of the weights", short_repr(unknown or owners), _DAMAGED)
        of_weights = [present[attribute].slot_names_of(weights[path]) for path in owners]
        names = {(slot, path): f"optimizers/{attribute}/{slot}/{path}" for path in owners for slot in slots}
        needed = [(slot, path) for path, own in zip(owners, of_weights, strict=True) for slot in own if slot in slots]
        lacking = [names[each] for each in needed if names[each] not in arrays]
        if lacking:
            raise SavedFileError(who, "the slots of the weights", short_repr(lacking), _DAMAGED)
        values = [{slot: arrays[names[slot, path]] for slot in slots if names[slot, path] in arrays} for path in owners]
        kept = {name: state[name] for name in ("iterations", "hyperparameters")}
        try:
            present[attribute].set_state({**kept, "slots": values}, [weights[path] for path in owners])
        except TensorlabError as error:
            raise SavedFileError(f"{who}: {error.who}", "a state of this optimizer", error.problem) from error

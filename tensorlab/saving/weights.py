"""Save and load the weights of a layer or a model, without its architecture."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tensorlab.errors import SavedFileError, SavedFileWarning, StateError, levels_to_the_user
from tensorlab.layers import Layer
from tensorlab.ops.dispatch import as_tensor
from tensorlab.saving.container import SavedFile, write
from tensorlab.saving.keras_files import is_keras_file, keras_weights, read_keras_weights, save_keras_weights
from tensorlab.saving.paths import described, named_weights, shown
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable

WEIGHTS = "weights/"
"""The beginning of the names of weights in a file."""

Description = tuple[tuple[int, ...], str]


def arrays_of(model: Layer) -> dict[str, np.ndarray[Any, Any]]:
    """Return the values of the weights, by their names in a file."""
    return {f"{WEIGHTS}{name}": weight.numpy() for name, weight in named_weights(model).items()}


def save_weights(model: Layer, filepath: Any, who: str = "save_weights") -> None:
    """Save the weights of a layer or a model, for `load_weights`.

    A file whose name ends in ``.weights.h5`` is one that Keras 3 reads. It needs the package h5py.

    Raises:
        StateError: before the layer is built.
        FileAccessError: if the file cannot be written; one that was there is then unchanged.
    """
    check_built(model, who)
    if is_keras_file(filepath):
        save_keras_weights(who, model, filepath)
    else:
        write(who, filepath, "weights", {}, arrays_of(model))


def load_weights(model: Layer, filepath: Any, skip_mismatch: bool = False, who: str = "load_weights") -> None:
    """Set the weights of a layer or a model to those of a file.

    Args:
        model: a layer that is built.
        filepath: a file of `save_weights`, of `save_model` or of Keras 3: a ``.weights.h5`` or a ``.keras``.
        skip_mismatch: whether weights that are missing, left over, or of another shape or dtype are skipped, with a
            warning.
        who: the method that loads, in messages.

    Raises:
        StateError: before the layer is built.
        FileAccessError: if the file cannot be read.
        SavedFileError: for a damaged file, or weights that do not fit, which are listed. No weight has changed then.
    """
    check_built(model, who)
    if is_keras_file(filepath):
        weights = keras_weights(model)
        reader = read_keras_weights(who, filepath, weights)
        _, present = next(reader)
        fitting = _fitting(f"{who} {os.fspath(filepath)!r}", model, weights, present, skip_mismatch)
        assign_all((fitting[name], array) for name, array in reader if name in fitting)
        return
    with SavedFile(who, filepath, "weights", "model", "checkpoint") as file:
        present = {name.removeprefix(WEIGHTS): found for name, found in file.shapes.items() if name.startswith(WEIGHTS)}
        fitting = _fitting(file.who, model, named_weights(model), present, skip_mismatch)
        assign_all((weight, file.array(f"{WEIGHTS}{name}")) for name, weight in fitting.items())


def _fitting(
    who: str, model: Layer, weights: dict[str, Variable], present: Mapping[str, Description], skip: bool
) -> dict[str, Variable]:
    """Return the weights that a file has arrays for; raise, or warn if the others are to be skipped."""
    wrong = mismatches(described(weights), present)
    if wrong and not skip:
        raise SavedFileError(who, f"the weights of {model._who}", "; ".join(wrong.values()))
    if wrong:
        text = f"{who}: skipped weights: {'; '.join(wrong.values())}"
        warnings.warn(text, SavedFileWarning, stacklevel=levels_to_the_user())
    return {name: weight for name, weight in weights.items() if present.get(name) == described(weights)[name]}


def check_built(model: Layer, who: str) -> None:
    """Raise unless a layer has its weights."""
    if not model.built:
        raise StateError(who, f"{model._who} is not built", "call it on data, or call build(input_shape)")


def mismatches(wanted: Mapping[str, Description], present: Mapping[str, Description]) -> dict[str, str]:
    """Return in words what is missing, left over and different, by these words; nothing if all fits."""
    missing = [name for name in wanted if name not in present]
    left_over = [name for name in present if name not in wanted]
    different = [
        f"{name!r} is {_words(present[name])}, not {_words(wanted[name])}"
        for name in wanted
        if name in present and present[name] != wanted[name]
    ]
    found = {"missing": shown(missing), "left over": shown(left_over)}
    words = {kind: f"{kind}: {names}" for kind, names in found.items() if names}
    return words | ({"different": "; ".join(different[:8])} if different else {})


def _words(description: Description) -> str:
    shape, dtype = description
    return f"{dtype} of shape {shape}"


def assign_all(values: Iterable[tuple[Variable, np.ndarray[Any, Any]]], undo: bool = True) -> None:
    """Assign to variables, or to none if that fails.

    Each value is read and assigned before the next one, so that only one of them takes memory beside the weights.

    Args:
        values: variables and their values, which may be read while they are iterated over.
        undo: whether to keep the old values until the end, which takes their memory once more.
    """
    before: list[tuple[Variable, Tensor]] = []
    try:
        for weight, value in values:
            tensor = as_tensor(value, weight.name).to_device(weight.device)
            if undo:
                before.append((weight, weight.snapshot()))
            weight.assign(tensor)
            del value, tensor
    except BaseException:
        for weight, tensor in before:
            weight.assign(tensor)
        raise

"""Save and load whole models: architecture, weights, what `compile` was given, optimizers, and random state."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentTypeError, FileAccessError, SavedFileError, UnknownNameError, short_repr
from tensorlab.layers import Layer
from tensorlab.loading import Loading, loading
from tensorlab.saving.atomic import as_path
from tensorlab.saving.container import Arrays, SavedFile, write
from tensorlab.saving.keras_archives import save_keras_archive
from tensorlab.saving.keras_files import is_keras_file
from tensorlab.saving.keras_reading import keras_architecture, read_keras_archive
from tensorlab.saving.origins import checked_origins, missing_plugin, origins_in, warn_of_changes
from tensorlab.saving.paths import described, named_weights
from tensorlab.saving.plain import Packer, unpack
from tensorlab.saving.state import (
    layers_to_data,
    optimizers_to_data,
    set_layers,
    set_optimizers,
    shape_from_data,
    shape_to_data,
)
from tensorlab.saving.weights import WEIGHTS, arrays_of, assign_all, load_weights, mismatches
from tensorlab.serialization import deserialize, serialize


def save_model(model: Any, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Save a model to one file, from which `load_model` makes it again, in any process.

    The file has the architecture, the weights, what `compile` was given, the optimizer's slots and number of steps, and
    the random state. Scalar functions are saved as data, so activations, losses and optimizers that are made from the
    user's own Python functions of numbers are complete in the file. It is a safetensors file, and contains no code.

    A file whose name ends in ``.keras`` is an archive for Keras 3 instead: the layers and weights of a `Sequential`, or
    of a `Model` of symbolic tensors, of layers that Keras has, without what `compile` was given. It needs the package
    h5py. `load_model` reads it too, and `load_weights` its weights.

    Args:
        model: the model.
        filepath: the file, ``"digits.tensorlab"`` for example.
        overwrite: whether a file that exists is replaced.
        include_optimizer: whether the optimizer's slots and number of steps are saved.

    Raises:
        SavedFileError: for a model with parts that cannot be saved, such as a lambda of tensors.
        FileAccessError: if the file cannot be written. One that was there is then unchanged.

    Source: Keras, ``keras.saving.save_model``.

    Example:
        >>> import tempfile
        >>> model = tl.Sequential([tl.Input(shape=(3,)), tl.layers.Dense(2)])
        >>> path = tempfile.mkdtemp() + "/model.tensorlab"
        >>> tl.saving.save_model(model, path)
        >>> again = tl.load_model(path)
        >>> bool((again.predict(np.ones((1, 3))) == model.predict(np.ones((1, 3)))).all())
        True
    """
    who = f"{model._who}.save" if isinstance(model, Layer) else "save_model"
    if not hasattr(model, "compile_from_config"):
        raise ArgumentTypeError("save_model", "a Model", short_repr(model), "save_weights saves those of any layer")
    if not overwrite and os.path.exists(as_path(who, filepath)):
        hint = "pass overwrite=True"
        raise FileAccessError(f"{who} {os.fspath(filepath)!r}", "a path that is free", "that of a file", hint)
    if is_keras_file(as_path(who, filepath)):
        if as_path(who, filepath).endswith(".keras"):
            save_keras_archive(who, model, filepath)
            return
        hint = "Keras reads models from 'name.keras', and weights of save_weights('name.weights.h5')"
        raise FileAccessError(f"{who} {os.fspath(filepath)!r}", "a file of tensorlab", "an ending of Keras", hint)
    arrays = arrays_of(model)
    header = model_to_data(who, model, arrays)
    if include_optimizer:
        header["optimizers"] = optimizers_to_data(model, arrays)
    write(who, filepath, "model", header, arrays)


def model_to_data(who: str, model: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """Return the architecture and the compiled state of a model as JSON, and add the arrays in it to a table."""
    packer = Packer(who, "config", arrays)
    architecture = packer.pack(serialize(model))
    compiled = packer.pack(model.get_compile_config(), "compile")
    return {
        "model": architecture,
        "built_for": shape_to_data(model._built_for) if model.built else None,
        "state": layers_to_data(model),
        "compile": compiled,
        "optimizers": {},
        "random": random.get_state(),
        "plugins": origins_in([architecture, compiled]),
    }


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    *,
    restore_random_state: bool = False,
    unbounded_loops: bool = False,
    large_samples: bool = False,
) -> Any:
    """Make the model that `save_model` saved.

    Everything in the file is checked before it is used, and no code of the file runs. What plugins register is looked
    up by name. The random streams of the process are not changed, unless that is wanted.

    A file whose name ends in ``.keras`` is an archive of Keras 3: a `Sequential`, or a `Model` of symbolic tensors, of
    layers that tensorlab has too. The model is not compiled, and random generators begin anew. It needs the package
    h5py.

    Args:
        filepath: the file.
        custom_objects: the classes and functions of tensors of the user that the model consists of, by their names.
            What plugins register, and functions of numbers, are not needed here.
        compile: whether the model is compiled as it was, with the state of the optimizer.
        restore_random_state: whether to continue the random streams where they were when the model was saved.
        unbounded_loops: whether scalar functions in the file may have loops of which it is not known that they end.
        large_samples: whether layers may have inputs and outputs of more than 2**24 elements for one sample. Layers
            compute on zeros while the model is made, so a small file could ask for any amount of memory.

    Raises:
        FileAccessError: if the file cannot be read.
        SavedFileError: for a damaged file, one of a newer version, a plugin that is missing, or an archive of Keras
            with layers or arguments that tensorlab does not have.

    Warns:
        SavedFileWarning: if a plugin has changed since the model was saved.

    Source: Keras, ``keras.saving.load_model``.
    """
    who = "load_model"
    if custom_objects is not None and not isinstance(custom_objects, Mapping):
        expected = "a dict of names and objects"
        raise ArgumentTypeError(f"{who} custom_objects", expected, short_repr(custom_objects), "{'MyLayer': MyLayer}")
    if as_path(who, filepath).endswith(".keras"):
        archive, own = read_keras_archive(who, filepath), custom_objects or {}
        shapes = Counter(archive.shapes.values())
        with _reading(Loading(archive.who, own, unbounded_loops, large_samples, shapes), []):
            model = _checked_model(archive.who, deserialize(keras_architecture(archive, own)))
        if model.built or archive.shapes:
            load_weights(model, filepath, who=who)
        return model
    if is_keras_file(as_path(who, filepath)):
        hint = "make the model, and call load_weights with this file"
        raise FileAccessError(f"{who} {os.fspath(filepath)!r}", "a file of tensorlab", "an ending of Keras", hint)
    with SavedFile(who, filepath, "model") as file:
        origins = checked_origins(file.who, file.section("plugins", list))
        shapes = Counter(_weights_in(file).values())
        reading = Loading(file.who, custom_objects or {}, unbounded_loops, large_samples, shapes)
        with _reading(reading, origins):
            model = _made(file)
        _check_weights(file, model)
        set_layers(file.who, model, file.section("state", dict))
        weights = named_weights(model)
        assign_all(((weight, file.array(f"{WEIGHTS}{name}")) for name, weight in weights.items()), undo=False)
        compiled = file.section("compile", dict, None)
        if compile and compiled is not None:
            with _reading(reading, origins):
                model.compile_from_config(unpack(file.who, compiled, Arrays(file)))
            set_optimizers(file.who, model, file.section("optimizers", dict), Arrays(file))
        state = file.section("random", dict)
        warn_of_changes(file.who, origins)
        if restore_random_state:
            with _reading(reading, origins):
                random.set_state(state)
    return model


def read_weights(filepath: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Return the weights in a file of `save_model` or `save_weights` as NumPy arrays, by name.

    It makes no model, so it works without the plugins and classes that the model consists of.

    Raises:
        FileAccessError: if the file cannot be read.
        SavedFileError: for a damaged file, or one of a newer version.

    Example:
        >>> import tempfile
        >>> model = tl.Sequential([tl.Input(shape=(3,)), tl.layers.Dense(2)])
        >>> path = tempfile.mkdtemp() + "/model.tensorlab"
        >>> model.save(path)
        >>> {name: array.shape for name, array in tl.saving.read_weights(path).items()}
        {'dense/kernel': (3, 2), 'dense/bias': (2,)}
    """
    with SavedFile("read_weights", filepath, "model", "weights", "checkpoint") as file:
        names = file.header.get("state", {})
        order = list(names["weights"]) if isinstance(names, dict) and isinstance(names.get("weights"), dict) else []
        present = _weights_in(file)
        return {name: file.array(f"{WEIGHTS}{name}") for name in sorted(present, key=_position(order))}


def _position(order: list[str]) -> Any:
    positions = {name: index for index, name in enumerate(order)}
    return lambda name: (positions.get(name, len(order)), name)


def _weights_in(file: SavedFile) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name.removeprefix(WEIGHTS): found for name, found in file.shapes.items() if name.startswith(WEIGHTS)}


@contextmanager
def _reading(reading: Loading, origins: list[dict[str, Any]]) -> Iterator[None]:
    """Surround what makes objects from a file, and turn every error of theirs into one that names the file."""
    token = loading.set(reading)
    try:
        yield
    except SavedFileError:
        raise
    except UnknownNameError as error:
        missing = missing_plugin(reading.who, origins)
        hint = "if it is your own, pass custom_objects={...}; read_weights reads the arrays alone"
        known = SavedFileError(f"{reading.who}: {error.who}", error.expected, error.received, error.hint or hint)
        raise missing or known from error
    except Exception as error:  # a constructor may raise anything for arguments of a damaged file
        described = str(error) or type(error).__name__
        raise SavedFileError(reading.who, "an architecture of which a model can be made", described) from error
    finally:
        loading.reset(token)


def _made(file: SavedFile) -> Any:
    """Make the model of a file and build it, with weights of 0."""
    model = _checked_model(file.who, deserialize(unpack(file.who, file.section("model", dict), Arrays(file))))
    shape = file.header.get("built_for")
    if shape is not None and not model.built:
        model.build(shape_from_data(file.who, shape))
    return model


def _checked_model(who: str, made: Any) -> Any:
    """Return what a file describes if it is a model."""
    if not isinstance(made, Layer) or not hasattr(made, "compile_from_config"):
        raise SavedFileError(who, "a model", short_repr(made, 80), "the file is damaged")
    return made


def _check_weights(file: SavedFile, model: Layer) -> None:
    wrong = mismatches(described(named_weights(model)), _weights_in(file))
    if wrong:
        hint = "the class of a layer may have changed; read_weights reads the arrays alone"
        raise SavedFileError(file.who, f"the weights of {model._who}", "; ".join(wrong.values()), hint)

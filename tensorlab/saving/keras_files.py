"""Weights in the files of Keras 3: ``.weights.h5``, and those in ``.keras`` archives.

A layer of a `Sequential` is in the group ``layers/`` followed by its class, numbered among those of its class:
``layers/dense_1``. A layer in an attribute of another layer has the name of the attribute. The weights of a layer are
in its group ``vars`` under their numbers.

Source: Keras, ``keras.src.saving.saving_lib``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from typing import Any

import numpy as np

from tensorlab.errors import FileAccessError, SavedFileError, StateError
from tensorlab.layers import Layer
from tensorlab.limits import zip_archive
from tensorlab.saving.atomic import as_path, write_atomically
from tensorlab.saving.container import physical_memory, readable
from tensorlab.saving.paths import numbered
from tensorlab.serialization import value_of
from tensorlab.utils import snake_case
from tensorlab.variable import Variable

_WEIGHTS = "model.weights.h5"
_MAX_OBJECTS = 100_000
_DAMAGED = "the file is damaged, or not of Keras 3"
_IGNORED = ("optimizer", "metrics", "seed_generator")
"""Groups with other variables than weights."""


def is_keras_file(path: Any) -> bool:
    """Return whether a path has the ending of a file of Keras."""
    return isinstance(path, (str, os.PathLike)) and str(path).endswith((".h5", ".keras"))


def keras_weights(model: Layer) -> dict[str, Variable]:
    """Return the weights of a model by their names in a file of Keras, each once."""
    found: dict[str, Variable] = {}
    seen: set[int] = set()

    def visit(layer: Layer, path: str) -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        variables, inner = layer._members()
        own = [variable for variable in variables if id(variable) not in seen]
        seen.update(map(id, own))
        ordered = [*(v for v in own if v.trainable), *(v for v in own if not v.trainable)]
        found.update({f"{path}vars/{number}": variable for number, variable in enumerate(ordered)})
        for each, name in zip(inner, _names(layer, inner), strict=True):
            visit(each, f"{path}{name}/")

    visit(model, "")
    return found


def _names(layer: Layer, inner: list[Layer]) -> list[str]:
    """Return the names of the layers inside of a layer."""
    stacked = getattr(layer, "_layers", None)
    if isinstance(stacked, list) and all(any(each is other for other in stacked) for each in inner):
        return [f"layers/{name}" for name in numbered([_class_of(each) for each in inner])]
    attributes = {id(value): name for name, value in vars(layer).items() if isinstance(value, Layer)}
    for name, value in vars(layer).items():
        if isinstance(value, (list, tuple)):
            listed = [each for each in value if isinstance(each, Layer)]
            for each, own in zip(listed, numbered([snake_case(type(each).__name__) for each in listed]), strict=True):
                attributes.setdefault(id(each), f"{name}/{own}")
    unnamed = [each._who for each in inner if id(each) not in attributes]
    if unnamed:
        hint = "keep them in attributes or lists, or save to a file of tensorlab"
        raise StateError(f"{layer._who}", f"files of Keras have no names for {', '.join(unnamed)}", hint)
    return [attributes[id(each)] for each in inner]


def _class_of(layer: Layer) -> str:
    """Return the name of the class of a layer in a file; a `Model` of symbolic tensors is Keras's ``Functional``."""
    value = value_of(layer)
    return snake_case(type(layer).__name__ if value is None else value.name)


def save_keras_weights(who: str, model: Layer, filepath: Any) -> None:
    """Write weights to a ``.weights.h5`` file, which ``keras.Model.load_weights`` reads.

    Raises:
        FileAccessError: if the file cannot be written, or h5py is missing.
    """
    h5py = h5py_for(who)
    target = as_path(who, filepath)
    if not target.endswith(".weights.h5"):
        hint = "write weights to a name.weights.h5, or models to a file of another ending"
        raise FileAccessError(f"{who} {target!r}", "a name that ends in .weights.h5", "another ending of Keras", hint)
    weights = keras_weights(model)

    def write(temporary: str) -> None:
        with h5py.File(temporary, "w") as file:
            write_keras_weights(file, weights)

    write_atomically(who, target, write)


def write_keras_weights(file: Any, weights: dict[str, Variable]) -> None:
    """Write weights into an open file of h5py."""
    for name, weight in weights.items():
        file.create_dataset(name, data=weight.numpy())


def read_keras_weights(who: str, filepath: Any, wanted: dict[str, Variable]) -> Generator[tuple[str, Any]]:
    """Yield the name and the shape and dtype of each weight in a file of Keras, and then each array that is wanted.

    Nothing is read before its shape has been compared with that of the weight.

    Raises:
        FileAccessError: if the file cannot be read, or h5py is missing.
        SavedFileError: for a damaged file.
    """
    h5py = h5py_for(who)
    target = as_path(who, filepath)
    where = f"{who} {target!r}"
    size = readable(where, target)
    try:
        with h5py.File(_weights_of(where, target, size) if target.endswith(".keras") else target, "r") as file:
            present = _datasets(where, h5py, file)
            yield "", {name: (tuple(each.shape), each.dtype.name) for name, each in present.items()}
            for name in wanted:
                yield name, np.asarray(present[name][()])
    except (SavedFileError, FileAccessError):
        raise
    except Exception as error:  # h5py raises what HDF5 says, with errors of many classes
        raise SavedFileError(where, "a file of Keras 3", f"what raises {error}", _DAMAGED) from None


def h5py_for(who: str) -> Any:
    """Return the package h5py.

    Raises:
        FileAccessError: if it is missing.
    """
    try:
        import h5py
    except ImportError:
        raise FileAccessError(who, "the package h5py, for files of Keras", "none", "pip install h5py") from None
    return h5py


def _weights_of(who: str, path: str, size: int) -> io.BytesIO:
    """Return the weights in a ``.keras`` archive. Nothing is written to the disk."""
    with open(path, "rb") as file, zip_archive(file) as archive:
        if _WEIGHTS not in archive.namelist():
            raise SavedFileError(who, f"an archive with {_WEIGHTS}", "none", _DAMAGED)
        member = archive.getinfo(_WEIGHTS)
        if member.compress_type or member.file_size > size:  # Keras compresses nothing
            raise SavedFileError(who, f"{_WEIGHTS} without compression", f"{member.file_size:,} bytes", _DAMAGED)
        return io.BytesIO(archive.read(member))


def _datasets(who: str, h5py: Any, file: Any) -> dict[str, Any]:
    """Return the data sets of weights in a file, without following links out of it."""
    found: dict[str, Any] = {}
    pending, seen = [("", file)], {h5py.h5o.get_info(file.id).addr}
    while pending:
        path, group = pending.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise SavedFileError(who, "weights in the file itself", f"a link {name!r}", _DAMAGED)
            item, full = group[name], f"{path}{name}"
            address = h5py.h5o.get_info(item.id).addr
            if (
                address in seen or len(seen) > _MAX_OBJECTS or path.count("/") > 100
            ):  # also a group that contains itself
                raise SavedFileError(who, f"at most {_MAX_OBJECTS:,} objects, each once", "more", _DAMAGED)
            seen.add(address)
            if isinstance(item, h5py.Group):
                if not (path == "" and name in _IGNORED) and name != "seed_generator":
                    pending.append((f"{full}/", item))
                continue
            if item.is_virtual or item.external or item.dtype.kind not in "biuf" or item.chunks is not None:
                raise SavedFileError(who, "arrays in the file itself", f"another data set {full!r}", _DAMAGED)
            if item.nbytes > physical_memory():
                raise SavedFileError(who, "arrays that fit into the memory of this machine", f"{item.nbytes:,} bytes")
            found[full] = item
    return found

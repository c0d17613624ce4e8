"""The file: a safetensors file, with the JSON header of tensorlab in its metadata.

Any reader of safetensors reads the arrays. The header is a string of JSON under the key ``tensorlab``. Nothing in a
file is code, and nothing is unpickled.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self, cast

import numpy as np

from tensorlab.errors import FileAccessError, NewerFileError, SavedFileError, short_repr
from tensorlab.saving.atomic import as_path, write_atomically
from tensorlab.saving.plain import MAX_BYTES, check_size, parsed
from tensorlab.version import __version__

FORMAT = "tensorlab"
FORMAT_VERSION = 1
KEY = "tensorlab"
"""The key of the header in the metadata."""

MAX_ARRAYS = 100_000
"""The number of arrays above which a file is refused."""

_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F32": "float32",
    "F64": "float64",
}
"""The dtypes of tensorlab by their names in the file."""

_DAMAGED = "the file is damaged, or not of tensorlab"


def write(
    who: str, path: Any, kind: str, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]
) -> None:
    """Write a file atomically.

    Args:
        who: the method that writes, in messages.
        path: the file.
        kind: "model", "weights" or "checkpoint".
        header: plain data.
        arrays: the arrays by name.

    Raises:
        FileAccessError: if it cannot be written; a file that was there is then unchanged.
        SavedFileError: for a header that is too long.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    target = as_path(who, path)
    text = json.dumps(
        {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": kind, "tensorlab": __version__, **header},
        allow_nan=False,
    )
    if len(text) > MAX_BYTES // 2:  # quotes are escaped in the file
        raise SavedFileError(f"{who} {target!r}", f"a header of at most {MAX_BYTES // 2:,} bytes", f"{len(text):,}")
    check_size(f"{who} {target!r}", text.encode())
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}

    def save(temporary: str) -> None:
        try:
            save_file(contiguous, temporary, metadata={KEY: text})
        except SafetensorError as error:
            raise OSError(str(error)) from None

    write_atomically(who, target, save)


class SavedFile:
    """A file that is open for reading, whose structure has been checked.

    Args:
        who: the method that reads, in messages.
        path: the file.
        kinds: the kinds of file that are accepted.

    Attributes:
        who: the method and the file.
        header: the JSON header.
        shapes: the shape and the dtype of each array.

    Raises:
        FileAccessError: if the file cannot be read.
        SavedFileError: if anything about it is wrong. No array has been read then.
    """

    def __init__(self, who: str, path: Any, *kinds: str) -> None:
        from safetensors import SafetensorError, safe_open

        target = as_path(who, path)
        self.who = f"{who} {target!r}"
        size = readable(self.who, target)
        _check_length(self.who, target, size)
        try:
            self._file = file = cast(Any, safe_open(target, framework="numpy"))
            metadata = file.metadata() or {}
            names = file.keys()
            if len(names) > MAX_ARRAYS:
                raise SavedFileError(self.who, f"at most {MAX_ARRAYS:,} arrays", f"{len(names):,}", _DAMAGED)
            self.shapes = {name: self._described(name) for name in names}
        except SafetensorError as error:
            raise SavedFileError(self.who, "a safetensors file", f"one with {error}", _DAMAGED) from None
        except OSError as error:
            raise _unreadable(self.who, error) from None
        if KEY not in metadata:
            hint = "read plain safetensors files with the package safetensors"
            raise SavedFileError(self.who, "a file that tensorlab saved", "another safetensors file", hint)
        self.header = _checked_header(self.who, parsed(self.who, metadata[KEY].encode()), kinds)
        _check_memory(self.who, self.shapes)

    def _described(self, name: str) -> tuple[tuple[int, ...], str]:
        part = self._file.get_slice(name)
        dtype = part.get_dtype()
        if dtype not in _DTYPES:
            known = ", ".join(_DTYPES.values())
            raise SavedFileError(self.who, f"arrays of {known}", f"{short_repr(name)} of {dtype}", "convert it first")
        return tuple(part.get_shape()), _DTYPES[dtype]

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """Return a copy of an array."""
        found: np.ndarray[Any, Any] = self._file.get_tensor(name)
        return found

    def section(self, name: str, kind: type, default: Any = ...) -> Any:
        """Return a part of the header.

        Raises:
            SavedFileError: if it is missing without a default, or of another type.
        """
        value = self.header.get(name, default)
        if value is ... or (value is not default and type(value) is not kind):
            received = "none" if value is ... else short_repr(value, 80)
            raise SavedFileError(self.who, f"a {kind.__name__} as {name!r} in the header", received, _DAMAGED)
        return value

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, traceback)


class Arrays(Mapping[str, np.ndarray[Any, Any]]):
    """The arrays of a file, read when they are asked for, each once: many references to a large one would be a bomb.

    Raises:
        SavedFileError: for the second reference to an array.
    """

    def __init__(self, file: SavedFile) -> None:
        self._file = file
        self._taken: set[str] = set()

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        if name not in self._file.shapes:
            raise KeyError(name)
        if name in self._taken:
            raise SavedFileError(self._file.who, "one reference to each array", f"two to {short_repr(name)}", _DAMAGED)
        self._taken.add(name)
        return self._file.array(name)

    def __contains__(self, name: object) -> bool:
        return name in self._file.shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.shapes)

    def __len__(self) -> int:
        return len(self._file.shapes)


def readable(who: str, path: str) -> int:
    """Return the size of a file that can be read.

    Raises:
        FileAccessError: for a path that does not exist, a folder, a device, or a file without permission.
    """
    try:
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb"):
                return status.st_size
    except ValueError as error:  # a zero byte
        raise FileAccessError(who, "a path", str(error)) from None
    except OSError as error:
        raise _unreadable(who, error) from None
    received = "a folder" if stat.S_ISDIR(status.st_mode) else "something that is not a file"
    raise FileAccessError(who, "a file", received)


def _unreadable(who: str, error: OSError) -> FileAccessError:
    return FileAccessError(who, "a file that can be read", error.strerror or str(error))


def _check_length(who: str, path: str, size: int) -> None:
    """Raise if the file is too short, or its header too long, before a library reads it."""
    with open(path, "rb") as file:
        first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or length > size - 8:
        raise SavedFileError(who, "a safetensors file", f"one that ends too early, with {size:,} bytes", _DAMAGED)
    if length > MAX_BYTES:
        raise SavedFileError(who, f"a header of at most {MAX_BYTES:,} bytes", f"one of {length:,}", _DAMAGED)


def _check_memory(who: str, shapes: Mapping[str, tuple[tuple[int, ...], str]]) -> None:
    """Raise if the arrays do not fit into the memory of this machine; a file may have holes that take no disk."""
    needed = sum([math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in shapes.values()])
    present = physical_memory()
    if needed > present:
        expected = f"arrays that fit into the memory of this machine, {present / 1e9:.1f} GB"
        raise SavedFileError(who, expected, f"{needed / 1e9:.1f} GB")


def physical_memory() -> float:
    """Return the bytes of memory of this machine; infinity if the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def _checked_header(who: str, header: Any, kinds: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise SavedFileError(who, "a header of tensorlab", short_repr(header, 80), _DAMAGED)
    version, written_by = header.get("format_version"), header.get("tensorlab")
    if type(version) is not int or version < 1:
        raise SavedFileError(who, "the number of the format's version", short_repr(version, 80), _DAMAGED)
    if version > FORMAT_VERSION:
        expected = f"format version {FORMAT_VERSION}, or an older one"
        received = f"version {version} of tensorlab {short_repr(written_by, 40)}"
        raise NewerFileError(who, expected, received, "install a newer tensorlab")
    if header.get("kind") not in kinds:
        received = f"a file of kind {short_repr(header.get('kind'), 80)}"
        raise SavedFileError(who, " or ".join(f"a {kind} file" for kind in kinds), received, _ADVICE.get(kinds[0], ""))
    return header


_ADVICE = {"model": "files of save_weights are read with model.load_weights(path)"}

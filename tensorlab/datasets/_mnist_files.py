"""The file formats of MNIST.

The content of every format is converted to the bytes of the original IDX files, which are verified.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.lib import format as npy

from tensorlab.datasets import idx
from tensorlab.datasets._types import UInt8Array
from tensorlab.errors import DatasetError, short_repr
from tensorlab.limits import gunzipped, zip_archive, zip_member

ARCHIVE = "mnist.npz"


@dataclass(frozen=True)
class Part:
    """One of the four arrays: its key in ``mnist.npz``, IDX file, shape, and SHA-256 of the plain IDX file."""

    key: str
    file: str
    shape: tuple[int, ...]
    sha256: str

    def names(self) -> Iterator[str]:
        """Yield the possible file names: with a hyphen or, from some archives, a dot; plain or gzipped."""
        for stem in (self.file, self.file.replace("-idx", ".idx")):
            yield from (stem, f"{stem}.gz")


PARTS = (
    Part(
        "x_train",
        "train-images-idx3-ubyte",
        (60000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    Part(
        "y_train",
        "train-labels-idx1-ubyte",
        (60000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    Part(
        "x_test",
        "t10k-images-idx3-ubyte",
        (10000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    Part(
        "y_test",
        "t10k-labels-idx1-ubyte",
        (10000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

Arrays: TypeAlias = dict[str, UInt8Array]
"""Verified arrays by their keys in ``mnist.npz``."""
Reader: TypeAlias = Callable[[bytes, str], Arrays]
"""A function from the content of a file and its name in messages to the arrays in it; it may raise DatasetError."""


def missing(arrays: Arrays) -> list[Part]:
    """Return the parts that are not in ``arrays``."""
    return [part for part in PARTS if part.key not in arrays]


def addresses(mirror: str, parts: list[Part]) -> list[tuple[str, Reader]]:
    """Return what to download for ``parts``, with readers.

    ``mirror`` is the address of an ``mnist.npz``, or of a folder with the gzipped IDX files.
    """
    if mirror.endswith(".npz"):
        return [(mirror, from_npz)]
    return [(f"{mirror}{part.file}.gz", partial(from_idx, part)) for part in parts]


def sources(folder: Path) -> list[tuple[Path, Reader]]:
    """Return the files in a folder to read, with readers: the IDX files, or the archive if some of them are missing."""
    files: list[tuple[Path, Reader]] = []
    for part in PARTS:
        found = next((folder / name for name in part.names() if os.path.isfile(folder / name)), None)
        if found:
            files.append((found, partial(from_idx, part)))
    archive = folder / ARCHIVE
    return [(archive, from_npz)] if len(files) < len(PARTS) and os.path.isfile(archive) else files


def from_idx(part: Part, content: bytes, who: str) -> Arrays:
    """Read the array in an IDX file, plain or gzipped."""
    if content[:2] == b"\x1f\x8b":  # not by name: browsers unpack a file and keep its name
        try:
            content = gunzipped(content, _idx_size(part) + 1)  # the limit, one byte too many, stops a "zip bomb"
        except (EOFError, zlib.error) as error:
            raise DatasetError(
                who, "a complete gzip file", f"{type(error).__name__}: {error}", "it is damaged; download it again"
            ) from error
    return {part.key: _verified(part, content, who)}


def from_npz(content: bytes, who: str) -> Arrays:
    """Read the arrays in an ``mnist.npz``.

    Each array is verified separately, so the compression does not matter.
    """
    keys = ", ".join(part.key for part in PARTS)
    expected = f"Keras's {ARCHIVE}, a zip file with the uint8 arrays {keys}"
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise DatasetError(
            who,
            expected,
            f"{len(content)} bytes that are not a complete zip file",
            "download it again; of IDX files, pass the folder",
        )
    arrays: Arrays = {}
    for part in PARTS:
        try:
            with zip_archive(io.BytesIO(content)) as archive, zip_member(archive, f"{part.key}.npy") as stream:
                arrays[part.key] = _verified(part, idx.dumps(_npy(stream, part, who)), f"{who} ({part.key})")
        except KeyError:
            raise DatasetError(who, expected, f"one without {part.key}", "download it again") from None
        except DatasetError:
            raise
        except Exception as error:  # zipfile, zlib and NumPy raise many types for damaged content
            raise DatasetError(who, expected, f"{type(error).__name__}: {error}", "download it again") from error
    return arrays


def _npy(stream: IO[bytes], part: Part, who: str) -> UInt8Array:
    """Read an array of the right dtype and shape in NumPy's format; no more is read and allocated than it has."""
    read_header = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, in_columns, dtype = read_header(stream)
    if dtype != np.uint8:
        expected = f"Keras's {ARCHIVE}, with uint8 arrays"
        raise DatasetError(who, expected, f"{part.key} of {dtype}", "download the original")
    _check_shape(part, shape, dtype, f"{who} ({part.key})")
    size = math.prod(shape)
    content = stream.read(size + 1)  # one byte too many, so that zipfile compares the checksum
    return np.frombuffer(content, np.uint8, size).reshape(shape, order="F" if in_columns else "C")


def _verified(part: Part, content: bytes, who: str) -> UInt8Array:
    """Return the array in a plain IDX file if its content is the original one."""
    array = idx.loads(content, who)
    _check_shape(part, array.shape, array.dtype, who)
    received = hashlib.sha256(content).hexdigest()
    if received != part.sha256:
        raise DatasetError(
            who,
            f"the original content, with SHA-256 {part.sha256}",
            f"altered content, with SHA-256 {received}",
            "download it again",
        )
    return array


def _check_shape(part: Part, shape: tuple[int, ...], dtype: np.dtype[Any], who: str) -> None:
    if dtype != np.uint8 or shape != part.shape:
        expected, received = f"uint8 of shape {part.shape}", f"{dtype} of shape {short_repr(shape)}"
        raise DatasetError(who, expected, received, "it is another data set's, or under another's name")


def _idx_size(part: Part) -> int:
    return 4 + 4 * len(part.shape) + math.prod(part.shape)

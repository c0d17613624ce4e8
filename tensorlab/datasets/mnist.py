"""MNIST: 60,000 and 10,000 handwritten digits of 28 x 28 pixels, read from disk or downloaded once.

Files may be plain or gzipped IDX, or Keras's ``mnist.npz``. The content is converted to the bytes of the original IDX
file, and these are verified.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from numbers import Real
from pathlib import Path

from tensorlab.datasets import _mnist_files as files
from tensorlab.datasets import fetch
from tensorlab.datasets._types import Split
from tensorlab.errors import ArgumentError, ArgumentTypeError, DatasetError, short_repr
from tensorlab.limits import content_of

__all__ = ["load_data"]

MIRRORS: tuple[str, ...] = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://systemds.apache.org/assets/datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
"""Where to download from, in this order: the address of an ``mnist.npz``, or of a folder with the gzipped IDX files."""

_LIMIT = 32 * 2**20  # bytes per download; the largest file has 11.5 million
_MAX_FILE_BYTES = 64 * 2**20  # bytes of a file; an archive without compression has 55 million


def load_data(path: str | os.PathLike[str] | None = None, *, timeout: float = 60.0) -> Split:
    """Load the MNIST digits, like ``keras.datasets.mnist.load_data``.

    If ``path`` is given, only that is searched. Otherwise these are tried in order: ``$TENSORLAB_DATA_DIR/mnist``,
    ``$TENSORLAB_DATA_DIR``, the user's cache folder, and the ``MIRRORS``. A download is stored in the cache folder. A
    folder must contain the four IDX files, each gzipped or not, or Keras's ``mnist.npz``.

    Args:
        path: a folder, or a file ``mnist.npz``.
        timeout: the maximum duration of the download in seconds, over all mirrors; 0 to not download.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``, all uint8: images of shape (60000, 28, 28) and (10000, 28, 28)
        with 0 for paper and 255 for ink, and labels 0 to 9 of shape (60000,) and (10000,).

    Raises:
        DatasetError: a file in ``path`` or ``$TENSORLAB_DATA_DIR`` is missing, damaged or not the original; or no files
            were found and no mirror delivered them. A bad file in the cache is not an error: it is renamed to ``*.bad``
            and downloaded again.
        ArgumentError: ``timeout`` is negative or not a number.
        ArgumentTypeError: ``path`` is not a path.
    """
    if not isinstance(timeout, Real) or not timeout >= 0:
        raise ArgumentError(
            "mnist.load_data", "timeout in seconds, 0 or more", short_repr(timeout), "pass 0 to forbid the download"
        )
    if path is not None:
        return _split(_read_path(path))
    tried: list[str] = []
    for folder in _environment_folders():
        if arrays := _read_folder(folder):
            return _split(arrays)
        tried.append(f"{folder}: {'no MNIST file in it' if os.path.isdir(folder) else 'no such folder'}")
    cache = fetch.cache_folder("mnist")
    arrays = _read_cache(cache, tried)
    if len(arrays) < len(files.PARTS):
        arrays |= _download(files.missing(arrays), cache, timeout, tried)
    return _split(arrays)


def _split(arrays: files.Arrays) -> Split:
    x_train, y_train, x_test, y_test = (arrays[part.key] for part in files.PARTS)
    return (x_train, y_train), (x_test, y_test)


def _environment_folders() -> list[Path]:
    root = os.environ.get("TENSORLAB_DATA_DIR")
    return [_expanded(root) / "mnist", _expanded(root)] if root else []


def _expanded(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.expanduser(path))  # keeps a "~" that it cannot expand; Path.expanduser raises


def _read_path(path: str | os.PathLike[str]) -> files.Arrays:
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError("mnist.load_data", "path as a str or a Path", type(path).__name__)
    location = _expanded(path)
    if os.path.isfile(location):
        return files.from_npz(_content(location), str(location))
    arrays = _read_folder(location)
    if not arrays:
        raise DatasetError(
            f"mnist.load_data(path={str(location)!r})",
            f"a folder with {', '.join(part.file for part in files.PARTS)} (each plain or .gz) "
            f"or with {files.ARCHIVE}, or that file",
            "a folder with none of them" if os.path.isdir(location) else "a path where nothing is",
            "correct the path, or omit it to search the usual places and download",
        )
    return arrays


def _read_folder(folder: Path) -> files.Arrays:
    """Read all four arrays, or return none if the folder has no MNIST file; raise for a bad or missing file."""
    arrays: files.Arrays = {}
    for file, reader in files.sources(folder):
        arrays |= reader(_content(file), str(file))
    missing = files.missing(arrays)
    if arrays and missing:
        raise DatasetError(
            str(folder),
            "all four MNIST files",
            f"a folder without {', '.join(part.file for part in missing)} (plain or .gz)",
            "add what is missing",
        )
    return arrays


def _read_cache(folder: Path, tried: list[str]) -> files.Arrays:
    """Read the arrays in the cache; rename bad files, so that they are downloaded again."""
    arrays: files.Arrays = {}
    for file, reader in files.sources(folder):
        try:
            arrays |= reader(_content(file), str(file))
        except DatasetError as error:
            tried.append(str(error))
            with contextlib.suppress(OSError):  # another process renamed it, or the folder is read-only
                os.replace(file, file.with_name(f"{file.name}.bad"))
    if not arrays:
        tried.append(f"{folder}: no usable MNIST file in it")
    return arrays


def _content(file: Path) -> bytes:
    try:
        return content_of(file, _MAX_FILE_BYTES)
    except OSError as error:
        raise DatasetError(str(file), "a file that can be read", str(error), "check its permissions") from error


def _download(parts: list[files.Part], cache: Path, timeout: float, tried: list[str]) -> files.Arrays:
    """Download the arrays of ``parts``, and possibly others, from the mirrors, and store the files in ``cache``."""
    deadline = time.monotonic() + timeout
    arrays: files.Arrays = {}
    for mirror in MIRRORS:
        if time.monotonic() >= deadline:
            tried.append(f"{mirror}: not tried, the timeout of {timeout:g} s is over")
            continue
        try:
            for url, reader in files.addresses(mirror, [part for part in parts if part.key not in arrays]):
                content = fetch.download(url, deadline=deadline, limit=_LIMIT)
                arrays |= reader(content, url)
                _keep(cache / url.rpartition("/")[2], content)
        except DatasetError as error:
            tried.append(str(error))
        else:
            return arrays
    raise DatasetError(
        "mnist.load_data",
        "the MNIST files on this machine or from a mirror",
        "no complete set",
        "pass path= with the folder that holds them, set TENSORLAB_DATA_DIR to it, or use the digits of "
        "tensorlab.datasets.digits, which need no download. Tried:\n  " + "\n  ".join(tried),
    )


def _keep(file: Path, content: bytes) -> None:
    try:
        fetch.keep(file, content)
    except OSError as error:  # not an error: the data is there, but will be downloaded again
        warnings.warn(f"{file} could not be kept and will be downloaded again: {error}", RuntimeWarning, stacklevel=4)

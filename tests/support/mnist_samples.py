"""A small data set with MNIST's file names, in every format."""

from __future__ import annotations

import gzip
import hashlib
import io

import numpy as np
import pytest

from tensorlab.datasets import _mnist_files as files
from tensorlab.datasets import idx, mnist
from tensorlab.errors import DatasetError

ARRAYS = {
    "x_train": np.random.default_rng(1).integers(0, 256, (60, 5, 4), np.uint8),
    "y_train": np.random.default_rng(2).integers(0, 10, 60, np.uint8),
    "x_test": np.random.default_rng(3).integers(0, 256, (10, 5, 4), np.uint8),
    "y_test": np.random.default_rng(4).integers(0, 10, 10, np.uint8),
}
PLAIN = {part.file: idx.dumps(ARRAYS[part.key]) for part in files.PARTS}
GZIPPED = {f"{name}.gz": gzip.compress(content) for name, content in PLAIN.items()}
SMALL_PARTS = tuple(
    files.Part(part.key, part.file, ARRAYS[part.key].shape, hashlib.sha256(PLAIN[part.file]).hexdigest())
    for part in files.PARTS
)
IMAGES = "train-images-idx3-ubyte"


def npz(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


NPZ = npz(**ARRAYS)


def fill(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def check(split):
    (x_train, y_train), (x_test, y_test) = split
    for array, key in zip((x_train, y_train, x_test, y_test), ARRAYS, strict=True):
        np.testing.assert_array_equal(array, ARRAYS[key], strict=True)
        assert array.flags.writeable


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def message(*args, **kwargs):
    with pytest.raises(DatasetError) as caught:
        mnist.load_data(*args, **kwargs)
    return str(caught.value)

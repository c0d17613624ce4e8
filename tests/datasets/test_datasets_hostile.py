"""Data files that promise much, or never end, are refused in little memory."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from mnist_samples import ARRAYS, IMAGES, NPZ, PLAIN, message

from tensorlab import limits
from tensorlab.datasets import _mnist_files as files
from tensorlab.datasets import idx
from tensorlab.errors import DatasetError


def header(shape, dtype="|u1"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"shape": shape, "fortran_order": False, "descr": dtype})
    return stream.getvalue()


def archive(kind=zipfile.ZIP_DEFLATED, **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as made, zipfile.ZipFile(io.BytesIO(NPZ)) as original:
        for name in original.namelist():
            made.writestr(name, members.get(name.removesuffix(".npy"), original.read(name)))
    return stream.getvalue()


BOMB = header((60, 5, 4)) + bytes(30_000_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive(x_train=BOMB), "expected the original content"),
        (archive(x_train=header((10**12,))), r"received uint8 of shape \(1000000000000,\); it is another data set's"),
        (archive(x_train=header((60, 5, 4), "<f8") + bytes(9600)), "received x_train of float64"),
        (archive(x_train=header((60, 5, 4), "|O")), "received x_train of object"),
        (archive(x_train=header((60, 5, 4)) + bytes(7)), "received ValueError: buffer is smaller"),
        (archive(zipfile.ZIP_BZIP2), "x_train.npy with another compression than deflate"),
        (archive(zipfile.ZIP_LZMA), "x_train.npy with another compression than deflate"),
    ],
    ids=["bomb", "terabytes", "floats", "objects", "short", "bzip2", "lzma"],
)
def test_archives_that_promise_more_are_refused(content, said, small_mnist):
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match=said):
            files.from_npz(content, "mnist.npz")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_members_in_columns_are_read(small_mnist):
    stream = io.BytesIO()
    np.savez(stream, **ARRAYS | {"x_train": np.asfortranarray(ARRAYS["x_train"])})
    np.testing.assert_array_equal(files.from_npz(stream.getvalue(), "mnist.npz")["x_train"], ARRAYS["x_train"])


def test_archive_with_a_long_directory_is_refused(small_mnist, monkeypatch):
    monkeypatch.setattr(limits, "MAX_DIRECTORY", 100)
    with pytest.raises(DatasetError, match=r"received BadZipFile: a directory of \d+ bytes"):
        files.from_npz(NPZ, "mnist.npz")


def test_gzip_files_in_several_parts_and_their_bombs(small_mnist):
    part, plain = files.PARTS[0], PLAIN[IMAGES]
    several = b"".join([gzip.compress(plain[at : at + 100]) for at in range(0, len(plain), 100)])
    for content in (several, several + bytes(1000)):
        np.testing.assert_array_equal(files.from_idx(part, content, "a.gz")["x_train"], ARRAYS["x_train"])
    for bomb in (gzip.compress(plain + bytes(50_000_000)), gzip.compress(b"") * 200_000, named(plain, 2_000_000)[:-9]):
        tracemalloc.start()
        try:
            with pytest.raises(DatasetError, match=r"past its end|empty file|received EOFError"):
                files.from_idx(part, bomb, "a.gz")
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()
    assert files.from_idx(part, named(plain, 2_000_000), "a.gz")["x_train"].shape == (60, 5, 4)


def named(content, length):
    """Return a gzip file with a name of this length, for which Python's module takes a step for each byte."""
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(content) + deflate.flush()
    end = struct.pack("<II", zlib.crc32(content), len(content))
    return b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * length + b"\0" + body + end


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_and_large_files_are_refused(mnist_folder):
    file = mnist_folder / f"{IMAGES}.gz"
    file.unlink()
    os.mkfifo(file)
    assert message(mnist_folder).startswith(f"{mnist_folder}: expected all four MNIST files, received a folder without")
    with pytest.raises(OSError, match="not a regular file"):
        limits.content_of(file, 100)
    file.unlink()
    with open(file, "wb") as stream:
        stream.truncate(1 << 36)  # takes no disk
    assert "larger than 67,108,864 bytes" in message(mnist_folder)
    assert limits.content_of(mnist_folder / "train-labels-idx1-ubyte.gz", 1000)[:2] == b"\x1f\x8b"


@pytest.mark.parametrize(
    "lengths", [(0, *[(1 << 32) - 1] * 3), (*[(1 << 32) - 1] * 63, 0), ((1 << 32) - 1,) * 2, (1 << 31, 1 << 31)]
)
def test_lengths_that_numpy_cannot_hold_are_refused(lengths):
    content = bytes([0, 0, 0x0E, len(lengths)]) + struct.pack(f">{len(lengths)}I", *lengths)
    with pytest.raises(DatasetError, match="an array that NumPy can hold, received a header with the shape"):
        idx.loads(content)
    assert idx.loads(bytes([0, 0, 8, 2]) + struct.pack(">2I", 0, 7)).shape == (0, 7)


def test_other_compressions_are_refused(small_mnist):
    with pytest.raises(DatasetError, match="another kind or damaged"):
        files.from_idx(files.PARTS[0], bz2.compress(PLAIN[IMAGES]), "a.gz")

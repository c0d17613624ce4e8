"""MNIST from every location and in every format, and errors for damaged or missing files.

Most tests use the small data set of mnist_samples.py. Those of the real files need them in
``$TENSORLAB_DATA_DIR/mnist`` or ``$TENSORLAB_DATA_DIR``. No test uses the network beyond the loopback interface.
"""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from download_server import serving
from hypothesis import given
from hypothesis import strategies as st
from mnist_samples import ARRAYS, GZIPPED, IMAGES, NPZ, PLAIN, SMALL_PARTS, check, fill, message, names, npz

from tensorlab.datasets import _mnist_files as files
from tensorlab.datasets import idx, mnist
from tensorlab.errors import ArgumentError, ArgumentTypeError, DatasetError

DATA = os.environ.get("TENSORLAB_DATA_DIR")
REAL = next((folder for folder in ([Path(DATA) / "mnist", Path(DATA)] if DATA else []) if files.sources(folder)), None)
needs_real_files = pytest.mark.skipif(REAL is None, reason="TENSORLAB_DATA_DIR has no MNIST files")


# The real files


@needs_real_files
def test_real_data_has_the_figures_of_the_book(mnist_cache):
    (train_images, train_labels), (test_images, test_labels) = mnist.load_data(REAL)
    assert train_images.shape == (60000, 28, 28)
    assert test_images.shape == (10000, 28, 28)
    assert (len(train_labels), len(test_labels)) == (60000, 10000)
    assert {a.dtype for a in (train_images, train_labels, test_images, test_labels)} == {np.dtype(np.uint8)}
    assert (train_labels[:3].tolist(), train_labels[-3:].tolist()) == ([5, 0, 4], [5, 6, 8])
    assert (test_labels[:3].tolist(), test_labels[-3:].tolist()) == ([7, 2, 1], [4, 5, 6])
    assert train_labels[4] == 9
    assert train_images.mean() == pytest.approx(33.318421, abs=1e-6)  # 0.1307 of 255, the published mean


@needs_real_files
def test_real_data_in_an_archive_and_one_altered_pixel(mnist_cache, tmp_path):
    (x_train, y_train), (x_test, y_test) = mnist.load_data(REAL)
    archive = tmp_path / "mnist.npz"
    np.savez(archive, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    (again, _), _ = mnist.load_data(archive)
    np.testing.assert_array_equal(again, x_train)
    x_test[-1, 14, 14] ^= 1
    np.savez(archive, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    assert "mnist.npz (x_test): expected the original content, with SHA-256 0fa7898d" in message(archive)


@needs_real_files
def test_real_data_from_a_mirror(mnist_cache, monkeypatch):
    pages = {
        f"/{part.file}.gz": gzip.compress(file.read_bytes(), 1) if file.suffix != ".gz" else file.read_bytes()
        for part, (file, _) in zip(files.PARTS, files.sources(REAL), strict=True)
    }
    with serving(pages) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/",))
        (x_train, y_train), _ = mnist.load_data()
    assert (x_train.shape, y_train[4]) == ((60000, 28, 28), 9)
    assert names(mnist_cache) == sorted(f"{part.file}.gz" for part in files.PARTS)


# Formats and locations


DOTTED = {name.replace("-idx", ".idx"): content for name, content in PLAIN.items()}
UNPACKED = {f"{name}.gz": content for name, content in PLAIN.items()}  # as some browsers save them


@pytest.mark.parametrize(
    "contents",
    [PLAIN, GZIPPED, DOTTED, UNPACKED, {"mnist.npz": NPZ}],
    ids=["plain", "gzipped", "dotted", "unpacked", "npz"],
)
def test_folder_in_each_format(contents, tmp_path, small_mnist):
    check(mnist.load_data(fill(tmp_path / "given", contents)))


def test_archive_given_by_its_path(tmp_path, small_mnist):
    stream = io.BytesIO()
    np.savez(stream, **{key: np.asfortranarray(array) for key, array in ARRAYS.items()}, more=np.zeros(3))
    (tmp_path / "any name").write_bytes(stream.getvalue())
    check(mnist.load_data(str(tmp_path / "any name")))


def test_archive_completes_an_incomplete_folder(mnist_folder):
    (mnist_folder / f"{IMAGES}.gz").unlink()
    fill(mnist_folder, {"mnist.npz": NPZ})
    check(mnist.load_data(mnist_folder))


@pytest.mark.parametrize("below", ["", "mnist"])
def test_folder_from_the_environment_variable(below, tmp_path, small_mnist, monkeypatch):
    fill(tmp_path / "data" / below, GZIPPED)
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(tmp_path / "data"))
    check(mnist.load_data())


def test_cached_files_are_used(mnist_cache, small_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(tmp_path))  # has no MNIST files
    fill(mnist_cache, GZIPPED)
    check(mnist.load_data(timeout=0))


def test_tilde_is_expanded_to_the_home_folder(mnist_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(mnist_folder.parent))
    monkeypatch.setenv("USERPROFILE", str(mnist_folder.parent))
    check(mnist.load_data("~/given"))


# Damaged files


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (GZIPPED[f"{IMAGES}.gz"][:-20], "expected a complete gzip file, received EOFError: "),
        (
            GZIPPED[f"{IMAGES}.gz"][:-1] + b"\xff",
            "expected a complete gzip file, received error: Error -3 while decompressing data: incorrect length check",
        ),
        (b"\x1f\x8b" + bytes(50), "received error: Error -3 while decompressing data: unknown compression method"),
        (GZIPPED[f"{IMAGES}.gz"][:10] + b"\xff" * 90, "expected a complete gzip file, received error: Error -3"),
        (gzip.compress(PLAIN[IMAGES][:-1]), "it is truncated; download it again"),
        (gzip.compress(PLAIN[IMAGES] + bytes(10**6)), "it has bytes past its end"),
        (gzip.compress(PLAIN[IMAGES][:-1] + b"\x01"), "expected the original content, with SHA-256 "),
        (b"<html>", "received a beginning of 3c 68 74 6d; the file is of another kind or damaged"),
        (b"", "received an empty file"),
        (PLAIN["t10k-images-idx3-ubyte"], "expected uint8 of shape (60, 5, 4), received uint8 of shape (10, 5, 4)"),
        (idx.dumps(np.zeros((60, 5, 4), np.int32)), "received int32 of shape (60, 5, 4); it is another data set's"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # compressed bytes contain the current time
)
def test_damaged_idx_file_is_reported(content, text, mnist_folder):
    file = mnist_folder / f"{IMAGES}.gz"
    file.write_bytes(content)
    assert message(mnist_folder).startswith(f"{file}: expected ")
    assert text in message(mnist_folder)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"no zip", "received 6 bytes that are not a complete zip file; download it again"),
        (NPZ[:-100], "that are not a complete zip file"),
        (NPZ[:60] + bytes(20) + NPZ[80:], "received "),
        (npz(x_train=ARRAYS["x_train"], y_train=ARRAYS["y_train"]), "received one without x_test"),
        (
            npz(**ARRAYS | {"y_train": ARRAYS["y_train"].astype(np.int64)}),
            "received y_train of int64; download the original",
        ),
        (
            npz(**ARRAYS | {"x_test": ARRAYS["x_test"][:9]}),
            "(x_test): expected uint8 of shape (10, 5, 4), received uint8 of",
        ),
        (npz(**ARRAYS | {"y_test": 9 - ARRAYS["y_test"]}), "(y_test): expected the original content, with SHA-256"),
        (npz(**ARRAYS | {"x_train": np.array([None])}), "received x_train of object; download the original"),
    ],
)
def test_damaged_archive_is_reported(content, text, small_mnist, tmp_path):
    file = tmp_path / "mnist.npz"
    file.write_bytes(content)
    assert message(file).startswith(str(file))
    assert text in message(file)


@given(st.data())
def test_any_damage_raises_a_dataset_error(data):
    content = bytearray(data.draw(st.sampled_from([NPZ, GZIPPED[f"{IMAGES}.gz"], PLAIN[IMAGES]])))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content) * 2)) :]
    with mock.patch.object(files, "PARTS", SMALL_PARTS):
        for read in (files.from_npz, lambda *args: files.from_idx(SMALL_PARTS[0], *args)):
            try:
                arrays = read(bytes(content), "some.file")
            except DatasetError:
                continue
            for key, array in arrays.items():
                np.testing.assert_array_equal(array, ARRAYS[key])


@pytest.mark.parametrize("name", PLAIN)
def test_missing_file_is_reported(name, mnist_folder):
    (mnist_folder / f"{name}.gz").unlink()
    assert message(mnist_folder) == (
        f"{mnist_folder}: expected all four MNIST files, received a folder without {name} (plain or .gz); "
        "add what is missing"
    )


def test_unreadable_file_is_reported(mnist_folder, monkeypatch):
    def refuse(path, most):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(mnist, "content_of", refuse)
    assert "expected a file that can be read, received [Errno 13] Permission denied; check its perm" in message(
        mnist_folder
    )


# Invalid arguments


def test_path_without_files_is_an_error_and_no_other_location_is_tried(mnist_cache, small_mnist, tmp_path):
    fill(mnist_cache, GZIPPED)
    assert "received a folder with none of them; correct the path" in message(tmp_path)
    text = message(tmp_path / "nowhere")
    assert text.startswith(
        f"mnist.load_data(path={str(tmp_path / 'nowhere')!r}): expected a folder with train-images-idx3-"
    )
    assert "received a path where nothing is; correct the path, or omit it" in text


def test_idx_file_in_place_of_an_archive_is_rejected(mnist_folder):
    assert "of IDX files, pass the folder" in message(mnist_folder / f"{IMAGES}.gz")


@pytest.mark.parametrize("path", [3, b"folder", ["folder"]])
def test_path_of_another_type_is_rejected(path):
    with pytest.raises(
        ArgumentTypeError, match=r"mnist\.load_data: expected path as a str or a Path, received (int|byt|lis)"
    ):
        mnist.load_data(path)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", None])
def test_invalid_timeout_is_rejected(timeout):
    with pytest.raises(ArgumentError, match=r"expected timeout in seconds, 0 or more, received .*; pass 0 to forbid"):
        mnist.load_data(timeout=timeout)


def test_damaged_file_of_the_environment_variable_is_not_skipped(mnist_cache, mnist_folder, monkeypatch):
    fill(mnist_cache, GZIPPED)
    (mnist_folder / f"{IMAGES}.gz").write_bytes(b"bad")
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(mnist_folder))
    assert message().startswith(f"{mnist_folder / IMAGES}.gz: expected an IDX file")
    (mnist_folder / f"{IMAGES}.gz").unlink()
    assert f"received a folder without {IMAGES}" in message()

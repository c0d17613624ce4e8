"""MNIST from every place and in every form it comes in, and the error for everything that can be wrong with it.

Most tests use a small data set under MNIST's file names, whose sums replace the real ones.  Those of the real files
need them in ``$TENSORLAB_DATA_DIR/mnist`` or ``$TENSORLAB_DATA_DIR``.  No test reaches beyond the loopback interface.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import threading
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_datasets_fetch import break_off, hang, serving

from tensorlab.datasets import _mnist_files as files
from tensorlab.datasets import fetch, idx, mnist
from tensorlab.errors import ArgumentError, ArgumentTypeError, DatasetError

DATA = os.environ.get("TENSORLAB_DATA_DIR")
REAL = next((folder for folder in ([Path(DATA) / "mnist", Path(DATA)] if DATA else []) if files.sources(folder)), None)
needs_real_files = pytest.mark.skipif(REAL is None, reason="TENSORLAB_DATA_DIR names no folder with the MNIST files")

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


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A machine without MNIST and without a network; the cache folder, not made yet."""
    monkeypatch.delenv("TENSORLAB_DATA_DIR", raising=False)
    monkeypatch.setattr(fetch.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "user" / name))
    monkeypatch.setattr(mnist, "MIRRORS", ())
    return fetch.cache_folder("mnist")


@pytest.fixture
def small(cache, monkeypatch):
    monkeypatch.setattr(files, "PARTS", SMALL_PARTS)


@pytest.fixture
def folder(tmp_path, small):
    return fill(tmp_path / "given", GZIPPED)


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


# The real files


@needs_real_files
def test_the_figures_of_the_book(cache):
    (train_images, train_labels), (test_images, test_labels) = mnist.load_data(REAL)
    assert train_images.shape == (60000, 28, 28)
    assert test_images.shape == (10000, 28, 28)
    assert (len(train_labels), len(test_labels)) == (60000, 10000)
    assert {a.dtype for a in (train_images, train_labels, test_images, test_labels)} == {np.dtype(np.uint8)}
    assert (train_labels[:3].tolist(), train_labels[-3:].tolist()) == ([5, 0, 4], [5, 6, 8])
    assert (test_labels[:3].tolist(), test_labels[-3:].tolist()) == ([7, 2, 1], [4, 5, 6])
    assert train_labels[4] == 9
    assert train_images.mean() == pytest.approx(33.318421, abs=1e-6)  # 0.1307 of 255, as every tutorial normalises


@needs_real_files
def test_the_real_arrays_in_an_archive_and_one_altered_pixel(cache, tmp_path):
    (x_train, y_train), (x_test, y_test) = mnist.load_data(REAL)
    archive = tmp_path / "mnist.npz"
    np.savez(archive, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    (again, _), _ = mnist.load_data(archive)
    np.testing.assert_array_equal(again, x_train)
    x_test[-1, 14, 14] ^= 1
    np.savez(archive, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    assert "mnist.npz (x_test): expected the original content, with SHA-256 0fa7898d" in message(archive)


@needs_real_files
def test_the_real_files_from_a_mirror(cache, monkeypatch):
    pages = {
        f"/{part.file}.gz": gzip.compress(file.read_bytes(), 1) if file.suffix != ".gz" else file.read_bytes()
        for part, (file, _) in zip(files.PARTS, files.sources(REAL), strict=True)
    }
    with serving(pages) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/",))
        (x_train, y_train), _ = mnist.load_data()
    assert (x_train.shape, y_train[4]) == ((60000, 28, 28), 9)
    assert names(cache) == sorted(f"{part.file}.gz" for part in files.PARTS)


# Forms and places


DOTTED = {name.replace("-idx", ".idx"): content for name, content in PLAIN.items()}
UNPACKED = {f"{name}.gz": content for name, content in PLAIN.items()}  # as browsers leave them


@pytest.mark.parametrize(
    "contents",
    [PLAIN, GZIPPED, DOTTED, UNPACKED, {"mnist.npz": NPZ}],
    ids=["plain", "gzipped", "dotted", "unpacked", "npz"],
)
def test_a_folder_in_each_form(contents, tmp_path, small):
    check(mnist.load_data(fill(tmp_path / "given", contents)))


def test_an_archive_by_its_path_however_it_was_made(tmp_path, small):
    stream = io.BytesIO()
    np.savez(stream, **{key: np.asfortranarray(array) for key, array in ARRAYS.items()}, more=np.zeros(3))
    (tmp_path / "any name").write_bytes(stream.getvalue())
    check(mnist.load_data(str(tmp_path / "any name")))


def test_an_archive_completes_a_folder_of_some_files(folder):
    (folder / f"{IMAGES}.gz").unlink()
    fill(folder, {"mnist.npz": NPZ})
    check(mnist.load_data(folder))


@pytest.mark.parametrize("below", ["", "mnist"])
def test_the_folder_of_the_environment(below, tmp_path, small, monkeypatch):
    fill(tmp_path / "data" / below, GZIPPED)
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(tmp_path / "data"))
    check(mnist.load_data())


def test_the_cache(cache, small, tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(tmp_path))  # which has no MNIST file
    fill(cache, GZIPPED)
    check(mnist.load_data(timeout=0))


def test_a_tilde_is_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    check(mnist.load_data("~/given"))


# What can be wrong with a file


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (GZIPPED[f"{IMAGES}.gz"][:-20], "expected a whole gzip file, received EOFError: "),
        (GZIPPED[f"{IMAGES}.gz"][:-1] + b"\xff", "expected a whole gzip file, received BadGzipFile: Incorrect length"),
        (b"\x1f\x8b" + bytes(50), "expected a whole gzip file, received BadGzipFile: Unknown compression method"),
        (GZIPPED[f"{IMAGES}.gz"][:10] + b"\xff" * 90, "expected a whole gzip file, received error: Error -3"),
        (gzip.compress(PLAIN[IMAGES][:-1]), "it is truncated; download it again"),
        (gzip.compress(PLAIN[IMAGES] + bytes(10**6)), "it has bytes past its end"),
        (gzip.compress(PLAIN[IMAGES][:-1] + b"\x01"), "expected the original content, with SHA-256 "),
        (b"<html>", "received a beginning of 3c 68 74 6d; the file is of another kind or damaged"),
        (b"", "received an empty file"),
        (PLAIN["t10k-images-idx3-ubyte"], "expected uint8 of shape (60, 5, 4), received uint8 of shape (10, 5, 4)"),
        (idx.dumps(np.zeros((60, 5, 4), np.int32)), "received int32 of shape (60, 5, 4); it is another data set's"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # compressed bytes hold the time of their making
)
def test_a_bad_idx_file_is_named(content, text, folder):
    file = folder / f"{IMAGES}.gz"
    file.write_bytes(content)
    assert message(folder).startswith(f"{file}: expected ")
    assert text in message(folder)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"no zip", "received 6 bytes that are no whole zip file; download it again"),
        (NPZ[:-100], "that are no whole zip file"),
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
        (npz(**ARRAYS | {"x_train": np.array([None])}), "received ValueError: Object arrays cannot be loaded"),
    ],
)
def test_a_bad_archive_is_named(content, text, small, tmp_path):
    file = tmp_path / "mnist.npz"
    file.write_bytes(content)
    assert message(file).startswith(str(file))
    assert text in message(file)


@given(st.data())
def test_no_damage_goes_unnoticed_or_raises_another_error(data):
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
def test_one_of_the_four_is_missing(name, folder):
    (folder / f"{name}.gz").unlink()
    text = (
        f"{folder}: expected all four MNIST files, received a folder without {name} (plain or .gz); add what is missing"
    )
    assert message(folder) == text


def test_a_file_that_cannot_be_read(folder, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "expected a file that can be read, received [Errno 13] Permission denied; check its perm" in message(folder)


# What can be wrong with the arguments


def test_a_path_with_nothing_is_an_error_and_no_other_place_is_searched(cache, small, tmp_path):
    fill(cache, GZIPPED)
    assert "received a folder with none of them; correct the path" in message(tmp_path)
    text = message(tmp_path / "nowhere")
    assert text.startswith(
        f"mnist.load_data(path={str(tmp_path / 'nowhere')!r}): expected a folder with train-images-idx3-"
    )
    assert "received a path where nothing is; correct the path, or omit it" in text


def test_an_idx_file_given_as_the_archive(folder):
    assert "of IDX files, pass the folder" in message(folder / f"{IMAGES}.gz")


@pytest.mark.parametrize("path", [3, b"folder", ["folder"]])
def test_a_path_of_another_type(path):
    with pytest.raises(
        ArgumentTypeError, match=r"mnist\.load_data: expected path as a str or a Path, received (int|byt|lis)"
    ):
        mnist.load_data(path)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", None])
def test_a_timeout_that_is_none(timeout):
    with pytest.raises(ArgumentError, match=r"expected timeout in seconds, 0 or more, received .*; pass 0 to forbid"):
        mnist.load_data(timeout=timeout)


def test_a_bad_file_of_the_environment_is_never_skipped(cache, folder, monkeypatch):
    fill(cache, GZIPPED)
    (folder / f"{IMAGES}.gz").write_bytes(b"bad")
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(folder))
    assert message().startswith(f"{folder / IMAGES}.gz: expected an IDX file")
    (folder / f"{IMAGES}.gz").unlink()
    assert f"received a folder without {IMAGES}" in message()


# Download


PAGES = {f"/{name}": content for name, content in GZIPPED.items()}


@pytest.mark.parametrize("form", ["/", "/mnist.npz"])
def test_a_download_is_kept(form, cache, small, monkeypatch):
    with serving(PAGES | {"/mnist.npz": NPZ}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (server + form,))
        check(mnist.load_data())
    assert names(cache) == (["mnist.npz"] if form != "/" else sorted(GZIPPED))
    check(mnist.load_data(timeout=0))


def test_each_bad_mirror_is_left_for_the_next(cache, small, monkeypatch):
    monkeypatch.setattr(fetch, "STALL_SECONDS", 0.3)
    first = next(iter(PAGES))
    bad = {
        f"/hangs{first}": hang,
        f"/breaks{first}": break_off,
        f"/cuts{first}": PAGES[first][:-9],
        f"/alters{first}": gzip.compress(PLAIN[IMAGES][:-1] + b"\x01"),
        "/lies/mnist.npz": b"<html>moved</html>",
    }
    mirrors = ("/hangs/", "/breaks/", "/cuts/", "/alters/", "/lies/mnist.npz", "/none/")
    with serving(bad | PAGES) as server:
        monkeypatch.setattr(mnist, "MIRRORS", tuple(server + mirror for mirror in mirrors))
        text = message()
        assert not cache.exists()
        monkeypatch.setattr(mnist, "MIRRORS", (*mnist.MIRRORS, f"{server}/"))
        check(mnist.load_data())
    assert text.startswith(
        "mnist.load_data: expected the MNIST files on this machine or from a mirror, received no compl"
    )
    for advice in ("pass path=", "set TENSORLAB_DATA_DIR", "tensorlab.datasets.digits"):
        assert advice in text
    reasons = (
        f"{cache}: no usable MNIST file in it",
        f"{server}/hangs{first}: expected the whole file, received 0 bytes before nothing came for 0.3 s",
        f"{server}/breaks{first}: expected a download, received IncompleteRead",
        f"{server}/cuts{first}: expected a whole gzip file, received EOFError",
        f"{server}/alters{first}: expected the original content",
        f"{server}/lies/mnist.npz: expected Keras's mnist.npz",
        f"{server}/none{first}: expected a download, received HTTPError: 404",
    )
    lines = text.partition("Tried:\n")[2].splitlines()
    assert len(lines) == len(reasons)
    for line, reason in zip(lines, reasons, strict=True):
        assert line.strip().startswith(reason)
    assert names(cache) == sorted(GZIPPED)


def test_a_mirror_goes_on_where_another_one_failed(cache, small, monkeypatch):
    first, *others = PAGES
    pages = {f"/first{first}": PAGES[first]} | {f"/others{name}": PAGES[name] for name in others}
    with serving(pages) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/first/", f"{server}/others/"))
        check(mnist.load_data())


def test_the_timeout_is_for_all_mirrors_together(cache, small, monkeypatch):
    with serving({f"/{mirror}/mnist.npz": hang for mirror in "abc"}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", tuple(f"{server}/{mirror}/mnist.npz" for mirror in "abc"))
        start = time.monotonic()
        text = message(timeout=0.4)
        assert time.monotonic() - start < 2.5
    assert f"{server}/a/mnist.npz: expected the whole file, received 0 bytes before time is up" in text
    assert f"{server}/c/mnist.npz: not tried, the timeout of 0.4 s is over" in text
    assert not cache.exists()


def test_no_place_is_left_out_of_the_error(cache, small, tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(mnist, "MIRRORS", ("https://mirror.invalid/",))
    lines = [line.strip() for line in message(timeout=0).splitlines()[1:]]
    assert lines == [
        f"{tmp_path / 'mnist'}: no such folder",
        f"{tmp_path}: no MNIST file in it",
        f"{cache}: no usable MNIST file in it",
        "https://mirror.invalid/: not tried, the timeout of 0 s is over",
    ]


def test_a_bad_file_of_the_cache_is_set_aside_and_only_that_one_downloaded(cache, small, monkeypatch):
    bad = f"{IMAGES}.gz"
    fill(cache, GZIPPED | {bad: b"bad"})
    assert f"{cache / bad}: expected an IDX file" in message()
    assert (cache / f"{bad}.bad").read_bytes() == b"bad"
    with serving({f"/{bad}": GZIPPED[bad]}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/",))
        check(mnist.load_data())
    assert (cache / bad).read_bytes() == GZIPPED[bad]
    check(mnist.load_data(timeout=0))


def test_a_cache_that_cannot_be_written_costs_a_warning(cache, small, monkeypatch):
    fill(cache.parent.parent, {cache.parent.name: b"a file where the folder should be"})
    with serving({"/mnist.npz": NPZ}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/mnist.npz",))
        with pytest.warns(
            RuntimeWarning, match=r"mnist\.npz could not be kept and will be downloaded again: "
        ) as caught:
            check(mnist.load_data())
    assert caught[0].filename == __file__


def test_many_threads_download_at_once(cache, small, monkeypatch):
    splits = []
    with serving(PAGES) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/",))
        threads = [threading.Thread(target=lambda: splits.append(mnist.load_data())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(splits) == 4
    for split in splits:
        check(split)
    assert names(cache) == sorted(GZIPPED)


def test_the_mirrors_are_secure():
    assert all(mirror.startswith("https://") and mirror.endswith(("/", "/mnist.npz")) for mirror in mnist.MIRRORS)

"""MNIST from mirrors that fail or are slow, and the cache. No test uses the network beyond the loopback interface."""

from __future__ import annotations

import gzip
import threading
import time

import pytest
from download_server import break_off, hang, serving
from mnist_samples import GZIPPED, IMAGES, NPZ, PLAIN, check, fill, message, names

from tensorlab.datasets import fetch, mnist

PAGES = {f"/{name}": content for name, content in GZIPPED.items()}


@pytest.mark.parametrize("form", ["/", "/mnist.npz"])
def test_download_is_cached(form, mnist_cache, small_mnist, monkeypatch):
    with serving(PAGES | {"/mnist.npz": NPZ}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (server + form,))
        check(mnist.load_data())
    assert names(mnist_cache) == (["mnist.npz"] if form != "/" else sorted(GZIPPED))
    check(mnist.load_data(timeout=0))


def test_failing_mirrors_are_skipped_and_reported(mnist_cache, small_mnist, monkeypatch):
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
        assert not mnist_cache.exists()
        monkeypatch.setattr(mnist, "MIRRORS", (*mnist.MIRRORS, f"{server}/"))
        check(mnist.load_data())
    assert text.startswith(
        "mnist.load_data: expected the MNIST files on this machine or from a mirror, received no compl"
    )
    for advice in ("pass path=", "set TENSORLAB_DATA_DIR", "tensorlab.datasets.digits"):
        assert advice in text
    reasons = (
        f"{mnist_cache}: no usable MNIST file in it",
        f"{server}/hangs{first}: expected the whole file, received 0 bytes before nothing came for 0.3 s",
        f"{server}/breaks{first}: expected a download, received IncompleteRead",
        f"{server}/cuts{first}: expected a complete gzip file, received EOFError",
        f"{server}/alters{first}: expected the original content",
        f"{server}/lies/mnist.npz: expected Keras's mnist.npz",
        f"{server}/none{first}: expected a download, received HTTPError: 404",
    )
    lines = text.partition("Tried:\n")[2].splitlines()
    assert len(lines) == len(reasons)
    for line, reason in zip(lines, reasons, strict=True):
        assert line.strip().startswith(reason)
    assert names(mnist_cache) == sorted(GZIPPED)


def test_files_may_come_from_different_mirrors(mnist_cache, small_mnist, monkeypatch):
    first, *others = PAGES
    pages = {f"/first{first}": PAGES[first]} | {f"/others{name}": PAGES[name] for name in others}
    with serving(pages) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/first/", f"{server}/others/"))
        check(mnist.load_data())


def test_timeout_applies_to_all_mirrors_together(mnist_cache, small_mnist, monkeypatch):
    with serving({f"/{mirror}/mnist.npz": hang for mirror in "abc"}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", tuple(f"{server}/{mirror}/mnist.npz" for mirror in "abc"))
        start = time.monotonic()
        text = message(timeout=0.4)
        assert time.monotonic() - start < 2.5
    assert f"{server}/a/mnist.npz: expected the whole file, received 0 bytes before time is up" in text
    assert f"{server}/c/mnist.npz: not tried, the timeout of 0.4 s is over" in text
    assert not mnist_cache.exists()


def test_error_lists_every_location(mnist_cache, small_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(mnist, "MIRRORS", ("https://mirror.invalid/",))
    lines = [line.strip() for line in message(timeout=0).splitlines()[1:]]
    assert lines == [
        f"{tmp_path / 'mnist'}: no such folder",
        f"{tmp_path}: no MNIST file in it",
        f"{mnist_cache}: no usable MNIST file in it",
        "https://mirror.invalid/: not tried, the timeout of 0 s is over",
    ]


def test_damaged_cached_file_is_replaced(mnist_cache, small_mnist, monkeypatch):
    bad = f"{IMAGES}.gz"
    fill(mnist_cache, GZIPPED | {bad: b"bad"})
    assert f"{mnist_cache / bad}: expected an IDX file" in message()
    assert (mnist_cache / f"{bad}.bad").read_bytes() == b"bad"
    with serving({f"/{bad}": GZIPPED[bad]}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/",))
        check(mnist.load_data())
    assert (mnist_cache / bad).read_bytes() == GZIPPED[bad]
    check(mnist.load_data(timeout=0))


def test_unwritable_cache_causes_a_warning(mnist_cache, small_mnist, monkeypatch):
    fill(mnist_cache.parent.parent, {mnist_cache.parent.name: b"a file where the folder should be"})
    with serving({"/mnist.npz": NPZ}) as server:
        monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/mnist.npz",))
        with pytest.warns(
            RuntimeWarning, match=r"mnist\.npz could not be kept and will be downloaded again: "
        ) as caught:
            check(mnist.load_data())
    assert caught[0].filename == __file__


def test_concurrent_downloads(mnist_cache, small_mnist, monkeypatch):
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
    assert names(mnist_cache) == sorted(GZIPPED)


def test_mirrors_use_https():
    assert all(mirror.startswith("https://") and mirror.endswith(("/", "/mnist.npz")) for mirror in mnist.MIRRORS)

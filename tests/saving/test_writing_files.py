"""Files are written whole or not at all, and every failure is one clear error."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving_cases import make_plain, trained

import tensorlab as tl
from tensorlab.errors import FileAccessError
from tensorlab.saving.atomic import write_atomically


@pytest.fixture(scope="module")
def model() -> Any:
    return trained(make_plain)


def failing(code: int) -> Any:
    def fail(*arguments: Any) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("function", "code", "said"),
    [
        ("fsync", errno.ENOSPC, "No space left on device; free some space, or choose another disk"),
        ("replace", errno.EACCES, "Permission denied; choose a folder in which you may write"),
        ("open", errno.EROFS, "Read-only file system; choose a folder in which you may write"),
        ("fsync", errno.EIO, "Input/output error"),
    ],
)
def test_failure_leaves_the_old_file(
    function: str, code: int, said: str, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.tensorlab"
    path.write_bytes(b"before")
    with monkeypatch.context() as patched:
        patched.setattr(os, function, failing(code))
        for save in (model.save, model.save_weights):
            with pytest.raises(FileAccessError) as caught:
                save(path)
            assert str(caught.value).endswith(f"{str(path)!r}: expected a file that can be written, received {said}")
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["model.tensorlab"]
    model.save(path)
    assert tl.load_model(path).built


def test_interrupt_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def write(temporary: str) -> None:
        Path(temporary).write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically("save", str(path), write)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"before", ["file"])


FULL = """
import resource, signal, sys
import numpy as np
import tensorlab as tl
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
with tl.device("reference"):
    model = tl.Sequential([tl.Input((100,)), tl.layers.Dense(100)])
    try:
        model.save(sys.argv[1])
    except tl.errors.FileAccessError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of sizes")
def test_disk_that_fills_up_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "model.tensorlab"
    path.write_bytes(b"before")
    run = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=120)
    assert run.stderr == ""
    assert "expected a file that can be written, received" in run.stdout
    assert "File too large" in run.stdout
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"before", ["model.tensorlab"])


def test_paths_that_cannot_be_written(model: Any, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"expected a file, received a folder; give the name of a file in it$"):
        model.save(tmp_path)
    with pytest.raises(FileAccessError, match=r"received No such file or directory; create the folder first$"):
        model.save(tmp_path / "nowhere" / "model.tensorlab")
    for wrong in (None, 3, "", b"bytes"):
        with pytest.raises(TypeError, match=r"save: expected a path as a str or a Path, received"):
            model.save(wrong)


def test_paths_that_cannot_be_read(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = (tl.load_model, tl.saving.read_weights, model.load_weights)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    cases = [
        (tmp_path / "nowhere", "expected a file that can be read, received No such file or directory"),
        (tmp_path, "expected a file, received a folder"),
        (fifo, "expected a file, received something that is not a file"),
        ("/dev/zero", "expected a file, received something that is not a file"),
        ("a\0b", "expected a path, received embedded null byte"),
    ]
    for path, said in cases:
        for read in readers:
            with pytest.raises(FileAccessError) as caught:
                read(path)
            assert str(caught.value).endswith(said)
    path = tmp_path / "model.tensorlab"
    model.save(path)
    monkeypatch.setattr("builtins.open", failing(errno.EACCES))
    for read in readers:
        with pytest.raises(FileAccessError, match=r"expected a file that can be read, received Permission denied$"):
            read(path)


def test_permissions_are_those_of_new_files_or_kept(model: Any, tmp_path: Path) -> None:
    plain, path = tmp_path / "plain", tmp_path / "model.tensorlab"
    plain.write_text("")
    model.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    path.chmod(0o640)
    model.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_arrays_of_any_layout_are_written(tmp_path: Path) -> None:
    layer = tl.layers.Dense(3)
    layer.build((None, 2))
    layer.kernel.assign(np.arange(6.0, dtype="float32").reshape(3, 2).T)
    layer.extra = [tl.Variable(np.zeros((0, 3))), tl.Variable(7), tl.Variable([True, False])]  # type: ignore[attr-defined]
    tl.saving.save_weights(layer, tmp_path / "w.tensorlab")
    arrays = tl.saving.read_weights(tmp_path / "w.tensorlab")
    for array, weight in zip(
        [arrays[name] for name in ("kernel", "bias", "variable", "variable_1", "variable_2")],
        layer.weights,
        strict=True,
    ):
        assert (array.dtype, array.shape) == (weight.numpy().dtype, weight.shape)
        np.testing.assert_array_equal(array, weight.numpy())
    tl.saving.load_weights(layer, tmp_path / "w.tensorlab")


def test_threads_save_at_the_same_time(model: Any, tmp_path: Path) -> None:
    path, errors = tmp_path / "model.tensorlab", []

    def save() -> None:
        try:
            for _ in range(5):
                model.save(path)
                tl.saving.read_weights(path)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert os.listdir(tmp_path) == ["model.tensorlab"]

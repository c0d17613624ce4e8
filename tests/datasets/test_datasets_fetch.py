"""Downloads from a local server that works, refuses, stalls, trickles, breaks off or never stops."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from unittest import mock

import pytest
from download_server import break_off, hang, hang_in_the_middle, serving, trickle, trickle_the_body

from tensorlab.datasets import fetch
from tensorlab.errors import DatasetError


def download(url: str, seconds: float = 20, limit: int = 10**7) -> bytes:
    return fetch.download(url, deadline=time.monotonic() + seconds, limit=limit)


def test_download_returns_the_bytes_of_the_server():
    content = os.urandom(300_000)
    with serving({"/file": content, "/empty": b""}) as server:
        assert download(f"{server}/file") == content
        assert download(f"{server}/empty") == b""


def test_http_error_is_reported():
    with serving({}) as server, pytest.raises(DatasetError) as caught:
        download(f"{server}/file")
    assert str(caught.value).startswith(f"{server}/file: expected a download, received HTTPError: 404 ")


def test_unreachable_server_is_reported_with_its_root_cause():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening, so connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with (
            mock.patch.dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"),
            pytest.raises(DatasetError, match="expected a download, received ConnectionRefusedError"),
        ):
            download(url)


def test_incomplete_download_is_reported():
    with (
        serving({"/file": break_off}) as server,
        pytest.raises(DatasetError, match=r"received IncompleteRead.*100 bytes"),
    ):
        download(f"{server}/file")


@pytest.mark.parametrize("answer", [hang, trickle, hang_in_the_middle])
def test_stalled_download_is_aborted(answer, monkeypatch):
    monkeypatch.setattr(fetch, "STALL_SECONDS", 0.3)
    start = time.monotonic()
    with serving({"/file": answer}) as server, pytest.raises(DatasetError) as caught:
        download(f"{server}/file")
    assert time.monotonic() - start < 2.5
    assert "expected the whole file, received " in str(caught.value)
    assert str(caught.value).endswith(" bytes before nothing came for 0.3 s")


def test_hanging_name_look_up_is_aborted(monkeypatch):
    monkeypatch.setattr(fetch, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(1) or [])
    with pytest.raises(DatasetError, match=r"received 0 bytes before nothing came for 0\.3 s"):
        download("http://hangs.invalid/file")


def test_deadline_aborts_an_endless_download():
    start = time.monotonic()
    with serving({"/file": trickle_the_body}) as server, pytest.raises(DatasetError, match="bytes before time is up"):
        download(f"{server}/file", seconds=0.5)
    assert time.monotonic() - start < 2.5


def test_download_above_the_limit_is_rejected():
    with (
        serving({"/file": bytes(100_000)}) as server,
        pytest.raises(DatasetError, match="OSError: more than 50000 bytes"),
    ):
        download(f"{server}/file", limit=50_000)


def test_keep_creates_the_folder_and_replaces_the_file(tmp_path):
    file = tmp_path / "new" / "folder" / "file"
    for content in (b"first", b"second"):
        fetch.keep(file, content)
        assert file.read_bytes() == content
    assert list(file.parent.iterdir()) == [file]


def test_failed_keep_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "file"
    fetch.keep(file, b"old")

    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        fetch.keep(file, b"new")
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot replace a file that is being read")
def test_readers_see_complete_files_while_processes_write(tmp_path):
    file = tmp_path / "file"
    program = (
        "import pathlib, sys; from tensorlab.datasets import fetch\n"
        "for _ in range(30): fetch.keep(pathlib.Path(sys.argv[1]), sys.argv[2].encode() * 100_000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(file), letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if file.exists():
            seen.add(file.read_bytes())
        time.sleep(0.001)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen | {file.read_bytes()} <= {b"a" * 100_000, b"b" * 100_000}
    assert list(tmp_path.iterdir()) == [file]


def test_cache_folder_is_in_the_users_cache():
    import platformdirs

    assert str(fetch.cache_folder("mnist")).startswith(platformdirs.user_cache_dir("tensorlab"))
    assert fetch.cache_folder("mnist").parts[-2:] == ("datasets", "mnist")


def test_import_loads_no_optional_packages():
    program = (
        "import sys, tensorlab.datasets; print(sorted({'pooch', 'requests', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

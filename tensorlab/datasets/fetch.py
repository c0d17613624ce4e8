"""The cache folder, and downloads that are limited in time and size and never leave incomplete files."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tensorlab.errors import DatasetError

STALL_SECONDS = 5.0
"""A download is abandoned if the server sends nothing for this long, name lookup and connection included."""


def cache_folder(dataset: str) -> Path:
    """Return the folder for downloads of ``dataset``, which is in the user's cache folder for tensorlab."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("tensorlab")) / "datasets" / dataset


def keep(file: Path, content: bytes) -> None:
    """Write ``content`` to ``file`` atomically, also if several processes do so at once.

    Raises:
        OSError: the folder cannot be created or written; no partial file is left.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(handle, "wb") as stream:
            stream.write(content)
        os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def download(url: str, *, deadline: float, limit: int) -> bytes:
    """Download ``url`` and return its content.

    The transfer runs in a separate thread, because a name lookup that hangs cannot be interrupted. The thread writes to
    memory only, so an abandoned transfer leaves no file.

    Args:
        url: an ``http`` or ``https`` address.
        deadline: when to give up, on the clock of :func:`time.monotonic`.
        limit: the maximum size in bytes.

    Raises:
        DatasetError: the server cannot be reached, refuses, stalls for ``STALL_SECONDS``, sends more than ``limit``
            bytes, or does not finish before the deadline.
    """
    import pooch  # a local import, because it also imports requests

    buffer = _LimitedBuffer(limit)
    failures: list[Exception] = []
    responses: list[Any] = []

    def transfer() -> None:
        try:
            pooch.HTTPDownloader(
                chunk_size=8192,
                timeout=2 * STALL_SECONDS,  # only for abandoned transfers; the loop below gives up sooner
                hooks={"response": lambda response, **_: responses.append(response)},
            )(url, buffer, None)
        except Exception as error:
            failures.append(error)
        finally:
            for response in responses:  # pooch leaves the connection open when a transfer fails
                response.close()

    worker = threading.Thread(target=transfer, name=f"download {url}", daemon=True)
    worker.start()
    while worker.is_alive():
        now = time.monotonic()
        patience = min(deadline, buffer.last + STALL_SECONDS) - now
        if patience <= 0:
            buffer.abandoned = True
            why = "time is up" if now >= deadline else f"nothing came for {STALL_SECONDS:g} s"
            raise DatasetError(url, "the whole file", f"{buffer.tell()} bytes before {why}")
        worker.join(patience)
    if failures:
        raise DatasetError(url, "a download", _root_cause(failures[0])) from failures[0]
    return buffer.getvalue()


class _LimitedBuffer(io.BytesIO):
    """The bytes received so far, and the time of the last ones.

    Writing raises if there are too many, or if the download is abandoned.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.last = time.monotonic()
        self.abandoned = False

    def write(self, chunk: Any) -> int:  # always bytes
        if self.abandoned:
            raise OSError("abandoned")
        if self.tell() + len(chunk) > self.limit:
            raise OSError(f"more than {self.limit} bytes")
        self.last = time.monotonic()
        return super().write(chunk)


def _root_cause(error: BaseException) -> str:
    """Return the first error of the chain as text: requests wraps a refused connection four times."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return f"{type(error).__name__}: {error}"

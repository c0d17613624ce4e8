"""Read files that may come from anybody, in bounded memory and time."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zipfile

MAX_DIRECTORY = 1 << 20
"""The size of the directory of a zip file above which it is refused; it has some 80 bytes for each member."""


def content_of(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the content of a file.

    Args:
        path: the file.
        most: the number of bytes above which it is not read.

    Raises:
        OSError: if it cannot be read, is larger, or is no regular file: the end of a pipe may never come.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
        content = file.read(min(status.st_size, most) + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", os.fspath(path))
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextlib.contextmanager
def zip_archive(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Return a ``with`` block for a zip file with a directory of at most `MAX_DIRECTORY` bytes.

    Raises:
        zipfile.BadZipFile: for a larger directory, or none. Further exceptions of zipfile are possible.
    """
    import zipfile  # a local import, as it also imports pathlib

    limited = _Limited(file)
    with zipfile.ZipFile(limited) as archive:
        limited.most = None
        yield archive


class _Limited:
    """A file of which at most ``most`` bytes are read at once.

    No read asks for more than the file has. It would get memory for as much as a damaged directory promises.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self.most: int | None = MAX_DIRECTORY

    def read(self, size: int = -1) -> bytes:
        if self.most is not None and size > self.most:
            import zipfile

            raise zipfile.BadZipFile(f"a directory of {size:,} bytes")
        return self._file.read(min(size, self._size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextlib.contextmanager
def zip_member(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Return a ``with`` block for a member of an archive, which is decompressed as it is read.

    Raises:
        KeyError: if there is none of this name.
        zipfile.BadZipFile: for a compression that decompresses more than is asked for.
    """
    import zipfile

    member = archive.getinfo(name)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{name} with another compression than deflate")
    with archive.open(member) as stream:
        yield stream


def gunzipped(content: bytes, most: int) -> bytes:
    """Return the uncompressed content of a gzip file, or its first ``most`` bytes.

    Raises:
        EOFError: if the file ends too early.
        zlib.error: if it is damaged.
    """
    import zlib

    found, offset = io.BytesIO(), 0
    for _ in range(_MAX_PARTS):  # the format allows to append one file to another
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof and found.tell() < most:
            if offset == len(content):
                raise EOFError("the file ends too early")
            chunk = content[offset : offset + _CHUNK]
            found.write(stream.decompress(chunk, most - found.tell()))
            offset += len(chunk) - len(stream.unused_data) - len(stream.unconsumed_tail)
        if content[offset : offset + 1] in (b"", b"\0") or found.tell() >= most:  # the end, or padding
            break
    return found.getvalue()


_MAX_PARTS = 10_000
_CHUNK = 1 << 16

"""Messages between this process and a worker, by unbuffered pipes."""

from __future__ import annotations

import pickle
from typing import IO, Any

_LENGTH = 8
"""The bytes of the length that precedes a message."""


def send(pipe: IO[bytes], message: bytes) -> None:
    """Write a message to an unbuffered pipe.

    Raises:
        OSError: if the other process has ended.
    """
    rest = memoryview(len(message).to_bytes(_LENGTH, "little") + message)
    while rest:
        rest = rest[pipe.write(rest) :]


def receive(pipe: IO[bytes]) -> Any:
    """Return the next message of an unbuffered pipe, unpickled.

    Raises:
        EOFError: if the other process has closed the pipe, or ended.
    """
    return pickle.loads(_exactly(pipe, int.from_bytes(_exactly(pipe, _LENGTH), "little")))


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = pipe.read(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found

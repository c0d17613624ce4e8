"""The device that new tensors are made on: ``with tl.device("cuda"):``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tensorlab.backends import Backend
from tensorlab.errors import DeviceError
from tensorlab.registry import Entry, registries

_instances: dict[Entry, Backend] = {}
_by_name: dict[str, Backend] = {}  # until a name means another backend
registries["backend"].changed = _by_name.clear
_guard = threading.RLock()  # a plugin may make a tensor while it is loaded


class _Current(threading.local):
    name = "cpu"


_current = _Current()


def backend(name: str | None = None) -> Backend:
    """The backend of this name, perhaps with the number of a device as in ``"cpu:0"``, or of the current device.

    Raises:
        UnknownNameError: if no plugin registers one of this name.
        DeviceError: if it is not available here, has no device of this number, or what the plugin gives is no backend
            of this name.
    """
    wanted = _current.name if name is None else name
    found = _by_name.get(wanted)
    if found is None:
        with _guard:
            plain, _, index = wanted.rpartition(":") if isinstance(wanted, str) else ("", "", "")
            if index.isdecimal() and plain in registries["backend"]:
                found = backend(plain).at(int(index))
            else:
                entry = registries["backend"].entry(wanted)  # two spellings of a name are one backend
                found = _instances.get(entry)
                if found is None:
                    found = _instances[entry] = _made(entry)
            _by_name[wanted] = found
    return found


def _made(entry: Entry) -> Backend:
    made: Backend = entry.thing()
    name = getattr(made, "name", None)
    if name != entry.name:  # tensors find it by its name
        received = f"{made!r} with the name {name!r}"
        raise DeviceError(f"backend of {entry.owner}", f"a Backend with the name {entry.name!r}", received)
    return made


@contextmanager
def device(name: str) -> Iterator[Any]:
    """Make new tensors on another device inside of the ``with`` block, in this thread.

    Raises:
        UnknownNameError: if no plugin registers a backend of this name.
    """
    chosen = backend(name)
    before, _current.name = _current.name, chosen.name
    try:
        yield chosen
    finally:
        _current.name = before

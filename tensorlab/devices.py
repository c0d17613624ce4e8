"""The device that new tensors are made on: ``with tl.device("cuda"):``, and the one that an array is on already."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorlab.backends import Backend, SharingBackend
from tensorlab.errors import DeviceError
from tensorlab.forks import guard
from tensorlab.registry import Entry, registries
from tensorlab.scopes import Scope

_instances: dict[Entry, Backend] = {}
_by_name: dict[str, Backend] = {}  # until a name means another backend
registries["backend"].changed = _by_name.clear


_chosen: Scope[str, str | None] = Scope("device", lambda names: names[-1] if names else None)


def backend(name: str | None = None) -> Backend:
    """The backend of this name, perhaps with the number of a device as in ``"cpu:0"``, or of the current device.

    Raises:
        UnknownNameError: if no plugin registers one of this name.
        DeviceError: if it is not available here, has no device of this number, or what the plugin gives is no backend
            of this name.
    """
    wanted = (_chosen.current() or "cpu") if name is None else name
    found = _by_name.get(wanted) if isinstance(wanted, str) else None
    if found is None:
        with guard:
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
    copyreg.pickle(type(made), _by_its_name)  # what it holds, such as addresses of kernels, is of this process
    return made


def _by_its_name(made: Backend) -> Any:
    return backend, (made.name,)


@contextmanager
def device(name: str) -> Iterator[Any]:
    """Make new tensors on another device inside of the ``with`` block, in this thread or asynchronous task.

    Raises:
        UnknownNameError: if no plugin registers a backend of this name.

    Example:
        >>> with tl.device("reference"):
        ...     x = tl.ones(2)
        >>> x.device
        'reference'
    """
    chosen = backend(name)
    block = _chosen.enter(chosen.name)
    try:
        yield chosen
    finally:
        block.leave()


_HOST_TYPES = (1, 3, 11, 13)
"""DLPack's numbers for memory that the processor reads: its own, and what CUDA and ROCm share with it."""
_HOST_VALUES = (np.ndarray, np.generic, bool, int, float, complex, str, list, tuple)
"""What is on the host, and need not be asked."""


def holder(who: str, array: Any) -> SharingBackend | None:
    """The backend that takes another library's array where it is; None for what the host reads.

    Raises:
        DeviceError: for an array on a device that no plugin has a backend for, or whose backend is not available.
    """
    if isinstance(array, _HOST_VALUES):
        return None
    device = _dlpack_device(array)
    for entry in registries["backend"]:
        types, names = (getattr(entry.thing, name, ()) for name in ("dlpack_types", "interfaces"))
        if any([hasattr(array, name) for name in names]) if device is None else device[0] in types:
            return backend(entry.name)  # type: ignore[return-value]
    if device is not None and device[0] not in _HOST_TYPES:
        expected = "an array on the host, or on a device that a plugin has a backend for"
        hint = 'tl.from_dlpack(x, device="cpu") copies it to the host'
        raise DeviceError(who, expected, f"a {kind_of(array)} on DLPack's device {device}", hint)
    return None


def _dlpack_device(array: Any) -> tuple[int, int] | None:
    """Where an array says that it is, as DLPack numbers devices; None if it does not say."""
    if not hasattr(array, "__dlpack_device__"):
        return None
    try:
        kind, number = array.__dlpack_device__()
    except (BufferError, RuntimeError, TypeError, ValueError):  # who asks for its memory will be told why
        return None
    return int(kind), int(number)


def check_place(who: str, array: Any, found: Backend, device: str | None) -> None:
    """Refuse another library's array that is not on the device where it is wanted, as it does not move by itself.

    Args:
        who: what it is given to.
        array: the array.
        found: the backend that takes it.
        device: where it is wanted; None for the device of the ``with`` block, if there is one.

    Raises:
        DeviceError: saying how to move it.
    """
    wanted = device or _chosen.current()
    if wanted is not None and backend(wanted) is not found:
        hint = f"move it with tl.asarray(x, device={wanted!r})"
        raise DeviceError(who, f"an array on {wanted!r}", f"a {kind_of(array)} on {found.name!r}", hint)


def kind_of(array: Any) -> str:
    """The class of an array and the library that it is of, such as "torch.Tensor"."""
    return f"{type(array).__module__.partition('.')[0]}.{type(array).__name__}"

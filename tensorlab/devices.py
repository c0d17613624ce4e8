"""Devices: the current one, ``with tl.device("cuda"):``, and those of arrays of other libraries."""

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
_by_name: dict[str, Backend] = {}  # a cache, cleared when plugins change
registries["backend"].changed = _by_name.clear


_chosen: Scope[str, str | None] = Scope("device", lambda names: names[-1] if names else None)


def backend(name: str | None = None) -> Backend:
    """Return the backend of this name, such as ``"cpu"`` or ``"cpu:0"``, or that of the current device.

    Raises:
        UnknownNameError: if no plugin registers a backend of this name.
        DeviceError: if the device is not available, or the plugin does not provide a backend of this name.
    """
    wanted = (_chosen.current() or "cpu") if name is None else name
    found = _by_name.get(wanted) if isinstance(wanted, str) else None
    if found is None:
        with guard:
            plain, _, index = wanted.rpartition(":") if isinstance(wanted, str) else ("", "", "")
            if index.isdecimal() and plain in registries["backend"]:
                found = backend(plain).at(int(index))
            else:
                entry = registries["backend"].entry(wanted)  # the same for all spellings of a name
                found = _instances.get(entry)
                if found is None:
                    found = _instances[entry] = _made(entry)
            _by_name[wanted] = found
    return found


def only_cpu() -> bool:
    """Return whether "cpu" is the only device that this process has used; then every tensor is on it."""
    return len(_instances) == 1 and next(iter(_instances.values())).name == "cpu"


def _made(entry: Entry) -> Backend:
    made: Backend = entry.thing()
    name = getattr(made, "name", None)
    if name != entry.name:  # tensors refer to their backend by this name
        received = f"{made!r} with the name {name!r}"
        raise DeviceError(f"backend of {entry.owner}", f"a Backend with the name {entry.name!r}", received)
    copyreg.pickle(type(made), _by_its_name)  # by name: its kernel addresses are valid in this process only
    return made


def _by_its_name(made: Backend) -> Any:
    return backend, (made.name,)


@contextmanager
def device(name: str) -> Iterator[Any]:
    """Create new tensors on another device inside of a ``with`` block, in this thread or asynchronous task.

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
"""DLPack's device types that the CPU can access: CPU memory, pinned memory of CUDA and ROCm, CUDA managed memory."""
_HOST_VALUES = (np.ndarray, np.generic, bool, int, float, complex, str, list, tuple)
"""Types that are always on the host and need no lookup."""


def sharing_backend(who: str, array: Any) -> SharingBackend | None:
    """Return the backend that can adopt another library's array in place, or None for what the host can read.

    Raises:
        DeviceError: for an array on a device without a backend, or whose backend is not available.
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
    """Return the DLPack device of an array, or None if it does not say."""
    if not hasattr(array, "__dlpack_device__"):
        return None
    try:
        kind, number = array.__dlpack_device__()
    except (BufferError, RuntimeError, TypeError, ValueError):  # exporting the array will raise the reason
        return None
    return int(kind), int(number)


def check_device(who: str, array: Any, found: Backend, device: str | None) -> None:
    """Raise if an array of another library is not on the requested device; such arrays are not moved implicitly.

    Args:
        who: the operation, for messages.
        array: the array.
        found: the backend of its device.
        device: the requested device; None for that of the ``with`` block, if any.

    Raises:
        DeviceError: if it is on another device; the message says how to move it.
    """
    wanted = device or _chosen.current()
    if wanted is not None and backend(wanted) is not found:
        hint = f"move it with tl.asarray(x, device={wanted!r})"
        raise DeviceError(who, f"an array on {wanted!r}", f"a {kind_of(array)} on {found.name!r}", hint)


def kind_of(array: Any) -> str:
    """Return the class of an array with its library, such as "torch.Tensor"."""
    return f"{type(array).__module__.partition('.')[0]}.{type(array).__name__}"

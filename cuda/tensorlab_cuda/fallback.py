"""Warn or raise before an operation without a kernel is computed on the host.

The environment variable ``TENSORLAB_CUDA_FALLBACK`` selects: "warn" (the default) warns once per operation, "error"
raises, "silent" does neither.
"""

from __future__ import annotations

import os
import sys
import warnings

from tensorlab.errors import ArgumentError, DeviceError

_VARIABLE = "TENSORLAB_CUDA_FALLBACK"
_warned: set[str] = set()


class HostFallbackWarning(UserWarning):
    """An operation has no kernel: its tensors are copied to the host, and its result is copied back."""


def report(operation: str) -> None:
    """Warn or raise because an operation is about to be computed on the host.

    Raises:
        DeviceError: if ``TENSORLAB_CUDA_FALLBACK`` is "error".
        ArgumentError: if the variable is not one of the three values.
    """
    choice = os.environ.get(_VARIABLE, "warn")
    if choice not in ("warn", "error", "silent"):
        raise ArgumentError(_VARIABLE, "'warn', 'error' or 'silent'", repr(choice))
    if choice == "error":
        hint = f"move the tensor with x.to_device('cpu'), or set {_VARIABLE}=warn"
        raise DeviceError(operation, "a kernel for the device 'cuda'", f"none ({_VARIABLE}=error)", hint)
    if choice == "warn" and operation not in _warned:
        _warned.add(operation)
        text = f"{operation} has no kernel for the device 'cuda': the host computes it, and its tensors are copied"
        hint = f"set {_VARIABLE}=error to raise instead, =silent to disable this warning"
        warnings.warn(f"{text} ({hint})", HostFallbackWarning, _level())


def _level() -> int:
    """Return the ``stacklevel`` of the first caller outside of tensorlab, for `report`."""
    level, frame = 0, sys._getframe()
    while str(frame.f_globals.get("__name__")).startswith("tensorlab") and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level

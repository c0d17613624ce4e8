"""Backends: the implementation of memory and loop kinds for each device."""

from tensorlab.backends.base import Backend, Buffer, SharingBackend
from tensorlab.backends.cpu import CPUBackend
from tensorlab.backends.reference import ReferenceBackend

__all__ = ["Backend", "Buffer", "CPUBackend", "ReferenceBackend", "SharingBackend"]

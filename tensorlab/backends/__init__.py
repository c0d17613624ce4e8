"""Backends: where buffers live and how the loop shapes run there."""

from tensorlab.backends.base import Backend, Buffer, SharingBackend
from tensorlab.backends.cpu import CPUBackend
from tensorlab.backends.reference import ReferenceBackend

__all__ = ["Backend", "Buffer", "CPUBackend", "ReferenceBackend", "SharingBackend"]

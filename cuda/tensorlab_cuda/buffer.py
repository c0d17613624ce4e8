"""`Buffer`: elements in the memory of the device, with their layout."""

from __future__ import annotations

from typing import Any

from tensorlab_cuda.allocator import Memory, allocate
from tensorlab_cuda.layout import Layout, Shape


class Buffer:
    """An array on the device.

    Attributes:
        memory: shared with all views.
        dtype: of the elements. In memory, bools are bytes.
        layout: shape, strides and offset.
        base: for a view, the buffer that owns the memory, also if this is a view of a view; else None. tensorlab writes
            in place only into a buffer that nothing else refers to, so this reference protects the data of a view.
    """

    __slots__ = ("base", "dtype", "layout", "memory")

    def __init__(self, memory: Memory, dtype: Any, layout: Layout, base: Buffer | None = None) -> None:
        self.memory, self.dtype, self.layout, self.base = memory, dtype, layout, base

    @staticmethod
    def empty(shape: Shape, dtype: Any) -> Buffer:
        """Return a dense buffer with its own memory, uninitialized."""
        layout = Layout.dense(shape)
        return Buffer(allocate(layout.size, dtype), dtype, layout)

    @property
    def array(self) -> Any:
        """The flat device array that contains the elements."""
        return self.memory.array

    @property
    def address(self) -> int:
        """The address of the first element, which is passed to kernels."""
        return self.memory.address + self.layout.offset * int(self.dtype.itemsize)

    @property
    def shape(self) -> Shape:
        """The length of each axis."""
        return self.layout.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.layout.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.layout.size

    def view(self, layout: Layout) -> Buffer:
        """Return a view of the same memory with another layout."""
        return Buffer(self.memory, self.dtype, layout, self if self.base is None else self.base)

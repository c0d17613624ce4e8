"""Let einops work on tensors: ``import tensorlab.einops`` makes ``einops.rearrange`` and its other functions take them.

The functions in ``einops.array_api`` work without this module. It needs einops, the extra ``einops``.

Example:
    >>> import einops
    >>> import tensorlab.einops
    >>> images = tl.zeros((8, 28, 28))
    >>> einops.rearrange(images, "image row column -> image (row column)").shape
    (8, 784)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from einops._backends import AbstractBackend

from tensorlab import ops
from tensorlab.tensor import Tensor, asarray

__all__ = ["TensorlabBackend"]


class TensorlabBackend(AbstractBackend):
    """What einops calls for tensors. It finds the subclasses of its ``AbstractBackend`` by itself."""

    framework_name = "tensorlab"

    def is_appropriate_type(self, tensor: Any) -> bool:
        """Return whether something is a tensor."""
        return isinstance(tensor, Tensor)

    def from_numpy(self, x: np.ndarray[Any, Any]) -> Tensor:
        """Return an array as a tensor."""
        return asarray(x)

    def to_numpy(self, x: Tensor) -> np.ndarray[Any, Any]:
        """Return a tensor as an array."""
        return x.numpy()

    def arange(self, start: int, stop: int) -> Tensor:
        """Return the integers from ``start`` to ``stop - 1``."""
        return ops.arange(start, stop)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the elements in another shape."""
        return ops.reshape(x, tuple(shape))

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        """Return the tensor with its axes in another order."""
        return ops.permute_dims(x, tuple(axes))

    def reduce(self, x: Tensor, operation: str, axes: Sequence[int]) -> Tensor:
        """Reduce axes by ``min``, ``max``, ``sum``, ``mean``, ``prod``, ``any`` or ``all``."""
        reduced: Tensor = getattr(ops, operation)(x, axis=tuple(axes))
        return reduced

    def stack_on_zeroth_dimension(self, tensors: Sequence[Tensor]) -> Tensor:
        """Stack tensors along a new first axis."""
        return ops.stack(list(tensors))

    def add_axis(self, x: Tensor, new_position: int) -> Tensor:
        """Insert an axis of length 1."""
        return ops.expand_dims(x, axis=new_position)

    def tile(self, x: Tensor, repeats: Sequence[int]) -> Tensor:
        """Repeat the tensor along each axis."""
        return ops.tile(x, tuple(repeats))

    def concat(self, tensors: Sequence[Tensor], axis: int) -> Tensor:
        """Concatenate tensors along an axis."""
        return ops.concat(list(tensors), axis=axis)

    def is_float_type(self, x: Tensor) -> bool:
        """Return whether the elements are floating-point numbers."""
        return x.dtype.kind == "f"

"""Layers that merge several tensors into one."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any, ClassVar

from tensorlab import ops, shapes
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, short_repr
from tensorlab.layers.arguments import describe
from tensorlab.layers.base import Layer
from tensorlab.ops.arithmetic import add as _add
from tensorlab.ops.arithmetic import multiply as _multiply
from tensorlab.ops.arithmetic import subtract as _subtract
from tensorlab.ops.extrema import maximum as _maximum
from tensorlab.ops.extrema import minimum as _minimum
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor


class Merge(Layer):
    """The base of layers that take a list of tensors and return one."""

    _most: ClassVar[int | None] = None  # the number of tensors that the layer takes; any if None

    def _tensors(self, inputs: Any) -> list[Tensor]:
        """Return the inputs as a list.

        Raises:
            ArgumentTypeError: for anything but a list of tensors, or another number of them.
        """
        hint = f"call it on a list: {type(self).__name__}(...)([x1, x2])"
        if not isinstance(inputs, (list, tuple)) or not inputs or not all(isinstance(each, Tensor) for each in inputs):
            raise ArgumentTypeError(self._who, "a list of tensors", describe(inputs), hint)
        if self._most is not None and len(inputs) != self._most:
            raise ArgumentTypeError(self._who, f"a list of {self._most} tensors", describe(inputs), hint)
        return list(inputs)


class Pointwise(Merge):
    """The base of merging layers that compute element by element.

    Inputs of fewer axes get axes of length 1 after the batch. Then shapes broadcast.
    """

    _operation: ClassVar[Callable[[Any, Any], Tensor]]
    samplewise = True

    def call(self, inputs: Any) -> Tensor:
        """Return the merged tensor."""
        tensors = self._tensors(inputs)
        rank = max([tensor.ndim for tensor in tensors])
        spread = [ops.reshape(t, _spread(t.shape, rank)) if t.ndim < rank else t for t in tensors]
        try:
            shapes.broadcast(self._who, [tensor.shape for tensor in spread])
        except ShapeError as error:
            received = " and ".join([str(tensor.shape) for tensor in tensors])
            raise ShapeError(self._who, "shapes that broadcast", received, error.hint) from None
        return self._merged(spread)

    def _merged(self, tensors: list[Tensor]) -> Tensor:
        return reduce(type(self)._operation, tensors)


def _spread(shape: Shape, rank: int) -> Shape:
    return (*shape[:1], *(1,) * (rank - len(shape)), *shape[1:])


class Add(Pointwise):
    """Add tensors: ``x1 + x2 + …``.

    Source: Keras, ``keras.layers.Add``.

    Example:
        >>> tl.layers.Add()([tl.ones((2, 3)), tl.ones((2, 3))]).shape
        (2, 3)
    """

    _operation = staticmethod(_add)


class Subtract(Pointwise):
    """Subtract the second of two tensors from the first: ``x1 - x2``.

    Source: Keras, ``keras.layers.Subtract``.

    Example:
        >>> tl.layers.Subtract()([tl.asarray([[3.0]]), tl.asarray([[1.0]])])
        Tensor([[2.]], dtype=float32)
    """

    _operation = staticmethod(_subtract)
    _most = 2


class Multiply(Pointwise):
    """Multiply tensors element by element: ``x1 · x2 · …``.

    Source: Keras, ``keras.layers.Multiply``.

    Example:
        >>> tl.layers.Multiply()([tl.asarray([[3.0]]), tl.asarray([[2.0]])])
        Tensor([[6.]], dtype=float32)
    """

    _operation = staticmethod(_multiply)


class Average(Pointwise):
    """Return the mean of tensors, element by element: ``(x1 + … + xn) / n``.

    Source: Keras, ``keras.layers.Average``.

    Example:
        >>> tl.layers.Average()([tl.asarray([[3.0]]), tl.asarray([[2.0]])])
        Tensor([[2.5]], dtype=float32)
    """

    _operation = staticmethod(_add)

    def _merged(self, tensors: list[Tensor]) -> Tensor:
        return super()._merged(tensors) / len(tensors)


class Maximum(Pointwise):
    """Return the largest of the elements of tensors.

    Source: Keras, ``keras.layers.Maximum``.

    Example:
        >>> tl.layers.Maximum()([tl.asarray([[3.0, 1.0]]), tl.asarray([[2.0, 4.0]])])
        Tensor([[3., 4.]], dtype=float32)
    """

    _operation = staticmethod(_maximum)


class Minimum(Pointwise):
    """Return the smallest of the elements of tensors.

    Source: Keras, ``keras.layers.Minimum``.

    Example:
        >>> tl.layers.Minimum()([tl.asarray([[3.0, 1.0]]), tl.asarray([[2.0, 4.0]])])
        Tensor([[2., 1.]], dtype=float32)
    """

    _operation = staticmethod(_minimum)


class Concatenate(Merge):
    """Join tensors along an axis; the others have equal lengths.

    Args:
        axis: the axis; 0 is the batch.

    Raises:
        ArgumentError: for an axis that is not an integer.
        ShapeError: at a call, for tensors that differ along another axis.

    Source: Keras, ``keras.layers.Concatenate``.

    Example:
        >>> tl.layers.Concatenate()([tl.ones((2, 3)), tl.ones((2, 1))]).shape
        (2, 4)
    """

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = _axis(f"{self._who} axis", axis)

    @property
    def samplewise(self) -> bool:
        """Whether the axis is not the batch."""
        return self.axis > 0 or self.axis == -1

    def call(self, inputs: Any) -> Tensor:
        """Return the joined tensor."""
        tensors = self._tensors(inputs)
        found = [tensor.shape for tensor in tensors]
        rank = len(found[0])
        others = {
            shape[: self.axis % rank] + shape[self.axis % rank + 1 :] for shape in found if len(shape) == rank > 0
        }
        if not -rank <= self.axis < rank or any([len(shape) != rank for shape in found]) or len(others) > 1:
            received = " and ".join(map(str, found))
            raise ShapeError(self._who, f"shapes that are equal except along axis {self.axis}", received)
        return ops.concat(tensors, axis=self.axis)


class Dot(Merge):
    """Multiply two tensors of samples and sum along one axis of each: ``Σₖ x1[…, k, …] · x2[…, k, …]``.

    The result has the other axes of the first, then those of the second, and at least one after the batch.

    Args:
        axes: the axis of both, or a pair of them; not 0, which is the batch.
        normalize: whether to divide each by its Euclidean norm along the axis first, which gives the cosine of the
            angle between both.

    Raises:
        ArgumentError: for other axes.
        ShapeError: at a call, for axes of different lengths.

    Source: Keras, ``keras.layers.Dot``.

    Example:
        >>> tl.layers.Dot(axes=1)([tl.ones((2, 3)), tl.ones((2, 3))])
        Tensor([[3.],
               [3.]], dtype=float32)
    """

    _most = 2
    samplewise = True

    def __init__(self, axes: Any, normalize: bool = False, **options: Any) -> None:
        super().__init__(**options)
        given = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        self.axes = tuple([_axis(f"{self._who} axes", axis) for axis in given])
        if len(given) != 2 or 0 in self.axes:
            hint = "axis 0 is the batch"
            raise ArgumentError(f"{self._who} axes", "an axis, or one for each of two tensors", short_repr(axes), hint)
        self.normalize = normalize

    def call(self, inputs: Any) -> Tensor:
        """Return the product."""
        tensors = self._tensors(inputs)
        moved = []
        for tensor, axis in zip(tensors, self.axes, strict=True):
            rank = tensor.ndim
            if rank < 2 or not -rank < axis < rank or axis % rank == 0:
                expected = f"at least 2 axes, with axis {axis} after the batch"
                raise ShapeError(self._who, expected, str(tensor.shape))
            if self.normalize:
                total = ops.sum(tensor * tensor, axis=axis, keepdims=True)
                tensor = tensor / ops.sqrt(ops.maximum(total, _TINY))
            moved.append(ops.moveaxis(tensor, axis, -1))
        first, second = moved
        if first.shape[0] != second.shape[0] or first.shape[-1] != second.shape[-1]:
            received = " and ".join([str(tensor.shape) for tensor in tensors])
            raise ShapeError(self._who, f"as many samples, and equal lengths along the axes {self.axes}", received)
        batch, length = first.shape[0], first.shape[-1]
        rows, columns = _product(first.shape[1:-1]), _product(second.shape[1:-1])
        product = ops.matmul(
            ops.reshape(first, (batch, rows, length)),
            ops.permute_dims(ops.reshape(second, (batch, columns, length)), (0, 2, 1)),
        )
        shape = (*first.shape[1:-1], *second.shape[1:-1]) or (1,)
        return ops.reshape(product, (batch, *shape))


_TINY = 1e-7
"""The smallest square of a norm, so that a tensor of zeros is not divided by 0. As in Keras."""


def _axis(who: str, value: Any) -> int:
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise ArgumentError(who, "an integer", short_repr(value))


def _product(lengths: Shape) -> int:
    return reduce(lambda a, b: a * b, lengths, 1)


def add(inputs: Any, **options: Any) -> Any:
    """Add tensors, as the layer `Add`. Source: Keras, ``keras.layers.add``."""
    return Add(**options)(inputs)


def subtract(inputs: Any, **options: Any) -> Any:
    """Subtract the second tensor from the first, as `Subtract`. Source: Keras, ``keras.layers.subtract``."""
    return Subtract(**options)(inputs)


def multiply(inputs: Any, **options: Any) -> Any:
    """Multiply tensors, as the layer `Multiply`. Source: Keras, ``keras.layers.multiply``."""
    return Multiply(**options)(inputs)


def average(inputs: Any, **options: Any) -> Any:
    """Return the mean of tensors, as the layer `Average`. Source: Keras, ``keras.layers.average``."""
    return Average(**options)(inputs)


def maximum(inputs: Any, **options: Any) -> Any:
    """Return the largest elements, as the layer `Maximum`. Source: Keras, ``keras.layers.maximum``."""
    return Maximum(**options)(inputs)


def minimum(inputs: Any, **options: Any) -> Any:
    """Return the smallest elements, as the layer `Minimum`. Source: Keras, ``keras.layers.minimum``."""
    return Minimum(**options)(inputs)


def concatenate(inputs: Any, axis: int = -1, **options: Any) -> Any:
    """Join tensors along an axis, as the layer `Concatenate`. Source: Keras, ``keras.layers.concatenate``."""
    return Concatenate(axis, **options)(inputs)


def dot(inputs: Any, axes: Any = -1, **options: Any) -> Any:
    """Multiply two tensors along an axis, as the layer `Dot`. Source: Keras, ``keras.layers.dot``."""
    return Dot(axes, **options)(inputs)

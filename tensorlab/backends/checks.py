"""Check the buffers that a backend receives, before a kernel reads or writes their memory.

A kernel trusts the addresses that it receives. These functions raise an error, where a kernel would crash, if a caller,
such as a plugin, passes a buffer of the wrong backend, dtype or shape, or of the wrong layout where that matters. They
read attributes of buffers and never elements, and take a fraction of a microsecond.

Every function takes ``kind``, the class of the backend's buffers, and most take ``who``, the name in error messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.rules import Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape


def check_buffer(who: str, kind: type[Any], buffer: Any, dtype: DType | None = None) -> None:
    """Raise unless this is a buffer and, if a dtype is given, has that dtype.

    Raises:
        ArgumentTypeError: if it is something else, such as a tensor.
        DTypeError: if it has another dtype.
    """
    if not isinstance(buffer, kind):
        hint = "backends take buffers; use operations of tensorlab on tensors and numbers"
        raise ArgumentTypeError(who, f"a buffer of this backend, {kind.__name__}", type(buffer).__name__, hint)
    if dtype is not None and buffer.dtype is not dtype and buffer.dtype != dtype:
        raise DTypeError(who, f"a buffer of {dtype}", str(buffer.dtype))


def check_function(who: str, function: ScalarFunction, arguments: int, values: int) -> None:
    """Raise unless a scalar function has the given numbers of arguments and values.

    Raises:
        ArgumentError: if it does not.
    """
    if (function.arity, function.n_outputs) != (arguments, values):
        given = f"{function.name!r} of {function.arity} that gives {function.n_outputs}"
        raise ArgumentError(who, f"a function of {arguments} numbers that gives {values}", given)


def check_axes(who: str, rank: int, axes: Sequence[int]) -> None:
    """Raise unless these are distinct, nonnegative axes of a buffer with this rank.

    Raises:
        ShapeError: if they are not.
    """
    if len(set(axes)) != len(axes) or not set(axes) <= set(range(rank)):
        raise ShapeError(who, f"different axes from 0 to {rank - 1}", str(tuple(axes)))


def check_broadcast(who: str, own: Shape, shape: Shape) -> None:
    """Raise unless the shape ``own`` broadcasts to ``shape``.

    Raises:
        ShapeError: if it does not.
    """
    if not _broadcasts(own, shape):
        raise ShapeError(who, f"a shape that broadcasts to {shape}", str(own))


def check_parts(who: str, kind: type[Any], buffers: Sequence[Any], axis: int) -> None:
    """Raise unless these buffers can be concatenated along an axis.

    Raises:
        ArgumentError: if there are no buffers.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if the axis does not exist, or the lengths of the other axes differ.
    """
    if not buffers:
        raise ArgumentError(who, "at least one buffer", "none")
    first = buffers[0]
    check_buffer(who, kind, first)
    check_axes(who, first.ndim, (axis,))

    def others(shape: Shape) -> Shape:
        return (*shape[:axis], *shape[axis + 1 :])

    for buffer in buffers:
        check_buffer(who, kind, buffer, first.dtype)
        if buffer.ndim != first.ndim or others(buffer.shape) != others(first.shape):
            given = " and ".join(str(other.shape) for other in buffers if isinstance(other, kind))
            raise ShapeError(who, f"shapes that differ along axis {axis} alone", given)


def check_copy(kind: type[Any], target: Any, source: Any) -> None:
    """Raise unless one buffer can be copied to another.

    Raises:
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if the shapes differ.
    """
    check_buffer("copy_into", kind, target)
    check_buffer("copy_into", kind, source, target.dtype)
    if target.shape != source.shape:
        raise ShapeError("copy_into", f"a buffer of shape {target.shape}", str(source.shape))


def _broadcasts(own: Shape, shape: Shape) -> bool:
    last = len(shape) - len(own)
    if last < 0 or own == shape[last:]:
        return last >= 0
    return False not in [length == wanted or length == 1 for length, wanted in zip(own, shape[last:], strict=True)]


def check_inputs(who: str, kind: type[Any], buffers: Sequence[Any], dtypes: Sequence[DType], shape: Shape) -> None:
    """Raise unless these are buffers of the given dtypes that broadcast to a shape.

    Raises:
        ArgumentError: if the numbers of buffers and dtypes differ.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if a buffer does not broadcast to the shape.
    """
    if len(buffers) != len(dtypes):
        raise ArgumentError(who, f"{len(dtypes)} buffers", str(len(buffers)))
    for buffer, dtype in zip(buffers, dtypes, strict=False):  # strict=True would double the time
        if type(buffer) is not kind or buffer.dtype is not dtype:
            check_buffer(who, kind, buffer, dtype)
        own = buffer.shape
        if own != shape and own != shape[len(shape) - buffer.ndim :] and not _broadcasts(own, shape):
            raise ShapeError(who, f"buffers that broadcast to {shape}", str(own))


def check_alike(who: str, kind: type[Any], buffers: Sequence[Any], one_dtype: bool = True) -> None:
    """Raise unless these are one or more buffers of one shape of rank 1 or more and, with ``one_dtype``, of one dtype.

    Raises:
        ArgumentError: if there are no buffers.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if the rank is 0 or the shapes differ.
    """
    if not buffers:
        raise ArgumentError(who, "at least one buffer", "none")
    first = buffers[0]
    for buffer in buffers:
        if type(buffer) is not kind or (one_dtype and buffer.dtype is not first.dtype):
            check_buffer(who, kind, buffer, first.dtype if one_dtype and buffer is not first else None)
        if buffer.shape != first.shape or not buffer.ndim:
            given = " and ".join(str(other.shape) for other in buffers if isinstance(other, kind))
            raise ShapeError(who, "buffers of one shape with at least one axis", given)


def check_rowwise(rule: Rowwise, kind: type[Any], inputs: Sequence[Any]) -> None:
    """Raise unless a row-wise rule fits its inputs; see `check_alike` and `check_function` for the errors."""
    who = f"rowwise {rule.name!r}"
    check_alike(who, kind, inputs)
    if inputs[0].dtype.kind != "f":
        raise DTypeError(who, "buffers of float32 or float64", str(inputs[0].dtype))
    for arity, (_, element) in enumerate(rule.reductions, len(inputs)):
        if element.arity != arity or element.n_outputs != 1:
            check_function(who, element, arity, 1)


def check_scan(rule: Scan, kind: type[Any], inputs: Sequence[Any]) -> None:
    """Raise unless a scan fits its inputs; see `check_alike` and `check_function` for the errors."""
    who = f"scan {rule.name!r}"
    check_alike(who, kind, inputs, one_dtype=False)
    check_function(who, rule.step, len(rule.initial) + len(inputs), len(rule.initial))


def check_extremes(kind: type[Any], rule: str, buffer: Any) -> None:
    """Raise unless the rule is "max" or "min", and the last axis of a buffer contains elements.

    Raises:
        ArgumentError: for another rule.
        ArgumentTypeError: as in `check_buffer`.
        ShapeError: if the rank is 0, or the last axis has length 0 and the result is not empty.
    """
    who = "arg_reduce"
    if rule not in ("max", "min"):
        raise ArgumentError(who, "the rule 'max' or 'min'", short_repr(rule))
    check_buffer(who, kind, buffer)
    if not buffer.ndim or (not buffer.shape[-1] and 0 not in buffer.shape[:-1]):
        raise ShapeError(who, "a buffer with elements along its last axis", f"shape {buffer.shape}")


def check_product(
    kind: type[Any], a: Any, b: Any, epilogue: ScalarFunction | None, operands: Sequence[Any], most: int | None = None
) -> Shape:
    """Return the shape of a matrix product, and raise unless the operands fit it.

    Args:
        kind: the class of the buffers.
        a: the left stack of matrices.
        b: the right stack of matrices, of the same dtype.
        epilogue: a function of an element of the product and one of each operand, or None.
        operands: buffers of the same dtype that broadcast to the product.
        most: the maximum number of operands that the backend supports, or None.

    Raises:
        ArgumentError: if the epilogue or the backend takes another number of operands.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if a rank is below 2, leading axes or inner lengths differ, or an operand does not broadcast.
    """
    who = "matmul"
    if type(a) is not kind or type(b) is not kind or a.dtype is not b.dtype:
        check_buffer(who, kind, a)
        check_buffer(who, kind, b, a.dtype)
    left: Shape = a.shape
    right: Shape = b.shape
    if a.ndim < 2 or a.ndim != b.ndim or left[-1] != right[-2] or left[:-2] != right[:-2]:
        raise ShapeError(who, "matrices of equal leading axes and inner lengths", f"shapes {left} and {right}")
    shape = (*left[:-1], right[-1])
    if epilogue is not None:
        if epilogue.arity != 1 + len(operands) or epilogue.n_outputs != 1:
            check_function("matmul: epilogue", epilogue, 1 + len(operands), 1)
    elif operands:
        raise ArgumentError(who, "an epilogue for operands", "none")
    if most is not None and len(operands) > most:
        raise ArgumentError(who, f"at most {most} operands of an epilogue", str(len(operands)))
    dtype = a.dtype
    for operand in operands:
        if type(operand) is not kind or operand.dtype is not dtype or operand.shape != shape[-operand.ndim :]:
            check_inputs("matmul: operands", kind, operands, [dtype] * len(operands), shape)
    return shape


def check_update(
    kind: type[Any],
    writable: Callable[[Any], bool],
    function: ScalarFunction,
    groups: Sequence[Sequence[Any]],
    hyperparameters: Sequence[float],
) -> None:
    """Raise unless every group consists of a weight, a gradient and slots that fit the optimizer function.

    Args:
        kind: the class of the buffers.
        writable: returns whether a buffer is C-contiguous and may be written.
        function: as in `Backend.update`.
        groups: as in `Backend.update`.
        hyperparameters: as in `Backend.update`.

    Raises:
        ArgumentError: if the lengths of groups differ or do not fit the function, or if a weight or slot is not
            C-contiguous or is read-only.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if a gradient or slot has another shape than its weight.
    """
    if not groups:
        return
    who, length = "update", len(groups[0])
    if function.arity != length + len(hyperparameters) or function.n_outputs != length - 1:
        check_function(who, function, length + len(hyperparameters), length - 1)
    if type(groups[0][0]) is not kind:
        check_buffer(who, kind, groups[0][0])
    dtype = groups[0][0].dtype
    for group in groups:
        if len(group) != length or length < 2:
            lengths = ", ".join(str(len(other)) for other in groups)
            raise ArgumentError(who, "groups of a weight, a gradient and equally many slots", f"lengths {lengths}")
        shape = None
        for position, buffer in enumerate(group):
            if type(buffer) is not kind or buffer.dtype is not dtype:
                check_buffer(who, kind, buffer, dtype)
            if shape is None:
                shape = buffer.shape
            elif buffer.shape != shape:
                given = " and ".join(str(other.shape) for other in group if isinstance(other, kind))
                raise ShapeError(who, "a weight, gradient and slots of one shape", given)
            if position != 1 and not writable(buffer):
                expected = "weights and slots that are C-contiguous and can be written to"
                raise ArgumentError(who, expected, f"one of shape {shape} that is not")

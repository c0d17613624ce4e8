"""Check the buffers that a backend receives, before a kernel reads or writes their memory.

A kernel trusts the addresses that it receives, so a wrong buffer could crash the process. These functions raise an
error first, if a caller, such as a plugin, passes a buffer of the wrong backend, dtype, shape or (where it matters)
layout. They read attributes of buffers, never elements, and take less than a microsecond.

Common arguments are ``buffer_type``, the class of the backend's buffers, and ``who``, the caller in error messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.rules import Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape
from tensorlab.windows import Windows


def check_buffer(who: str, buffer_type: type[Any], buffer: Any, dtype: DType | None = None) -> None:
    """Raise unless this is a buffer and, if a dtype is given, has that dtype.

    Raises:
        ArgumentTypeError: if it is something else, such as a tensor.
        DTypeError: if it has another dtype.
    """
    if not isinstance(buffer, buffer_type):
        hint = "for tensors and numbers, call tensorlab's operations"
        raise ArgumentTypeError(who, f"a buffer of this backend, {buffer_type.__name__}", type(buffer).__name__, hint)
    if dtype is not None and buffer.dtype is not dtype and buffer.dtype != dtype:
        raise DTypeError(who, f"a buffer of {dtype}", str(buffer.dtype))


def check_function(who: str, function: ScalarFunction, arity: int, n_outputs: int) -> None:
    """Raise unless a scalar function has the given arity and number of outputs.

    Raises:
        ArgumentError: if it does not.
    """
    if (function.arity, function.n_outputs) != (arity, n_outputs):
        given = f"{function.name!r} with arity {function.arity} and n_outputs {function.n_outputs}"
        raise ArgumentError(who, f"a scalar function with arity {arity} and n_outputs {n_outputs}", given)


def check_axes(who: str, rank: int, axes: Sequence[int]) -> None:
    """Raise unless these are distinct, nonnegative axes of a buffer of this rank.

    Raises:
        ShapeError: if they are not.
    """
    if len(set(axes)) != len(axes) or not set(axes) <= set(range(rank)):
        raise ShapeError(who, f"distinct nonnegative axes of a buffer of rank {rank}", str(tuple(axes)))


def check_broadcast(who: str, shape: Shape, target: Shape) -> None:
    """Raise unless ``shape`` broadcasts to ``target``.

    Raises:
        ShapeError: if it does not.
    """
    if not _broadcasts(shape, target):
        raise ShapeError(who, f"a shape that broadcasts to {target}", str(shape))


def _broadcasts(shape: Shape, target: Shape) -> bool:
    added = len(target) - len(shape)
    if added < 0:
        return False
    return all([length in (1, wanted) for length, wanted in zip(shape, target[added:], strict=True)])


def _shapes(buffer_type: type[Any], buffers: Sequence[Any]) -> str:
    return " and ".join(str(buffer.shape) for buffer in buffers if isinstance(buffer, buffer_type))


def check_parts(who: str, buffer_type: type[Any], buffers: Sequence[Any], axis: int) -> None:
    """Raise unless these buffers can be concatenated along a nonnegative axis.

    Raises:
        ArgumentError: if there are no buffers.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if the axis does not exist, or the lengths of the other axes differ.
    """
    if not buffers:
        raise ArgumentError(who, "at least one buffer", "none")
    first = buffers[0]
    check_buffer(who, buffer_type, first)
    check_axes(who, first.ndim, (axis,))

    def without_axis(shape: Shape) -> Shape:
        return (*shape[:axis], *shape[axis + 1 :])

    for buffer in buffers:
        check_buffer(who, buffer_type, buffer, first.dtype)
        if buffer.ndim != first.ndim or without_axis(buffer.shape) != without_axis(first.shape):
            raise ShapeError(who, f"shapes that differ along axis {axis} only", _shapes(buffer_type, buffers))


def check_copy(buffer_type: type[Any], target: Any, source: Any) -> None:
    """Raise unless one buffer can be copied to another.

    Raises:
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if the shapes differ.
    """
    check_buffer("copy_into", buffer_type, target)
    check_buffer("copy_into", buffer_type, source, target.dtype)
    if target.shape != source.shape:
        raise ShapeError("copy_into", f"a buffer of shape {target.shape}", str(source.shape))


def check_inputs(
    who: str, buffer_type: type[Any], buffers: Sequence[Any], dtypes: Sequence[DType], shape: Shape
) -> None:
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
        if type(buffer) is not buffer_type or buffer.dtype is not dtype:
            check_buffer(who, buffer_type, buffer, dtype)
        own = buffer.shape
        if own != shape and own != shape[len(shape) - buffer.ndim :] and not _broadcasts(own, shape):
            raise ShapeError(who, f"buffers that broadcast to {shape}", str(own))


def check_alike(who: str, buffer_type: type[Any], buffers: Sequence[Any], one_dtype: bool = True) -> None:
    """Raise unless all buffers have the same shape, of rank 1 or more, and, with ``one_dtype``, the same dtype.

    Raises:
        ArgumentError: if there are no buffers.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if the rank is 0 or the shapes differ.
    """
    if not buffers:
        raise ArgumentError(who, "at least one buffer", "none")
    first = buffers[0]
    if type(first) is not buffer_type:
        check_buffer(who, buffer_type, first)
    dtype = first.dtype if one_dtype else None
    for buffer in buffers:
        if type(buffer) is not buffer_type or (one_dtype and buffer.dtype is not dtype):
            check_buffer(who, buffer_type, buffer, dtype)
        if buffer.shape != first.shape or not buffer.ndim:
            raise ShapeError(who, "buffers of one shape with at least one axis", _shapes(buffer_type, buffers))


def check_rowwise(rule: Rowwise, buffer_type: type[Any], inputs: Sequence[Any]) -> None:
    """Raise unless the inputs of a row-wise rule are floats of one shape and dtype, and its functions fit them.

    The errors are those of `check_alike` and `check_function`.
    """
    who = f"rowwise {rule.name!r}"
    check_alike(who, buffer_type, inputs)
    if inputs[0].dtype.kind != "f":
        raise DTypeError(who, "buffers of float32 or float64", str(inputs[0].dtype))
    # element functions take the inputs and the results of all previous reductions
    for arity, (_, element) in enumerate(rule.reductions, len(inputs)):
        if element.arity != arity or element.n_outputs != 1:
            check_function(who, element, arity, 1)


def check_scan(rule: Scan, buffer_type: type[Any], inputs: Sequence[Any]) -> None:
    """Raise unless the inputs of a scan have one shape and its step fits them.

    The errors are those of `check_alike` and `check_function`.
    """
    who = f"scan {rule.name!r}"
    check_alike(who, buffer_type, inputs, one_dtype=False)
    check_function(who, rule.step, len(rule.initial) + len(inputs), len(rule.initial))


def check_extremes(buffer_type: type[Any], rule: str, buffer: Any) -> None:
    """Raise unless ``rule`` is "max" or "min", and `Backend.arg_reduce` has an element to find in each row.

    Raises:
        ArgumentError: for another rule.
        ArgumentTypeError: as in `check_buffer`.
        ShapeError: if the rank is 0, or the last axis has length 0 and the result is not empty.
    """
    who = "arg_reduce"
    if rule not in ("max", "min"):
        raise ArgumentError(who, "'max' or 'min'", short_repr(rule))
    check_buffer(who, buffer_type, buffer)
    if not buffer.ndim or (not buffer.shape[-1] and 0 not in buffer.shape[:-1]):
        raise ShapeError(who, "a buffer with elements along its last axis", f"shape {buffer.shape}")


def check_product(
    buffer_type: type[Any],
    a: Any,
    b: Any,
    epilogue: ScalarFunction | None,
    operands: Sequence[Any],
    max_operands: int | None = None,
) -> Shape:
    """Check the operands of a matrix product, and return its shape.

    Args:
        buffer_type: the class of the buffers.
        a: the left stack of matrices.
        b: the right stack of matrices, of the same dtype.
        epilogue: a scalar function of an element of the product and the matching element of each operand, or None.
        operands: buffers of the same dtype that broadcast to the product.
        max_operands: the maximum number of operands that the backend supports, or None for any number.

    Raises:
        ArgumentError: if the epilogue or the backend does not accept this number of operands.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if a rank is below 2, if leading axes or inner lengths differ, or if an operand does not broadcast.
    """
    who = "matmul"
    if type(a) is not buffer_type or type(b) is not buffer_type or a.dtype is not b.dtype:
        check_buffer(who, buffer_type, a)
        check_buffer(who, buffer_type, b, a.dtype)
    left: Shape = a.shape
    right: Shape = b.shape
    if epilogue is None and not operands and len(left) == 2 == len(right) and left[1] == right[0]:
        return left[0], right[1]  # the common case, as fast as possible
    if a.ndim < 2 or a.ndim != b.ndim or left[-1] != right[-2] or left[:-2] != right[:-2]:
        raise ShapeError(who, "matrices of equal leading axes and inner lengths", f"shapes {left} and {right}")
    shape = (*left[:-1], right[-1])
    if epilogue is not None:
        if epilogue.arity != 1 + len(operands) or epilogue.n_outputs != 1:
            check_function("matmul: epilogue", epilogue, 1 + len(operands), 1)
    elif operands:
        raise ArgumentError(who, "no operands without an epilogue", str(len(operands)))
    if max_operands is not None and len(operands) > max_operands:
        raise ArgumentError(who, f"at most {max_operands} operands of an epilogue", str(len(operands)))
    dtype = a.dtype
    for operand in operands:
        if type(operand) is not buffer_type or operand.dtype is not dtype or operand.shape != shape[-operand.ndim :]:
            check_inputs("matmul: operands", buffer_type, operands, [dtype] * len(operands), shape)
    return shape


def check_windows(
    who: str,
    buffer_type: type[Any],
    windows: Windows,
    images: Any,
    outputs: Any = None,
    weights: Any = None,
    shape: Shape | None = None,
    taps: Any = None,
) -> Shape:
    """Check buffers of images, outputs and kernels that belong to windows, those that are given.

    Args:
        who: the method, for messages.
        buffer_type: the class of the buffers.
        windows: the windows.
        images: the images, or None if only their shape is known.
        outputs: the outputs, or None.
        weights: the kernel of a convolution, or None.
        shape: the shape of the images if ``images`` is None.
        taps: the elements of windows that pooling has chosen, or None.

    Returns:
        the shape of the outputs. Without a kernel and outputs they have as many channels as the images.

    Raises:
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`, or unless they are of float32 or float64.
        ShapeError: if shapes do not fit each other.
    """
    given = [buffer for buffer in (images, outputs, weights) if buffer is not None]
    for buffer in given:
        check_buffer(who, buffer_type, buffer)
        check_buffer(who, buffer_type, buffer, given[0].dtype)
    if given[0].dtype.kind != "f":
        raise DTypeError(who, "buffers of float32 or float64", str(given[0].dtype))
    of_images: Shape = images.shape if shape is None else shape
    if len(of_images) != 4:
        raise ShapeError(who, "images of (batch, height, width, channels)", str(of_images))
    channels, groups = of_images[3], windows.groups
    filters = channels if outputs is None else outputs.shape[-1] if outputs.ndim else 0
    if weights is not None:
        expected = (*windows.size, channels // groups)
        filters = weights.shape[-1] if weights.ndim else 0
        if weights.ndim != 4 or weights.shape[:3] != expected:
            raise ShapeError(who, f"a kernel of {expected} and filters", str(weights.shape))
    if channels % groups or filters % groups or not channels or not filters:
        raise ShapeError(who, f"positive multiples of {groups} channels and filters", f"{channels} and {filters}")
    result = (of_images[0], *windows.counts(of_images[1:3]), filters)
    for buffer in (outputs, taps):
        if buffer is not None and buffer.shape != result:
            raise ShapeError(who, f"outputs of shape {result}", str(buffer.shape))
    if taps is not None:
        check_buffer(who, buffer_type, taps)
        if taps.dtype != "int32":
            raise DTypeError(who, "taps of int32", str(taps.dtype))
    return result


def check_convolution(
    buffer_type: type[Any],
    windows: Windows,
    images: Any,
    weights: Any,
    epilogue: ScalarFunction | None,
    operands: Sequence[Any],
) -> Shape:
    """Check the operands of a convolution, and return the shape of its outputs.

    The errors are those of `check_windows` and `check_product`.
    """
    who = "convolve"
    shape = check_windows(who, buffer_type, windows, images, weights=weights)
    if epilogue is not None:
        check_function(f"{who}: epilogue", epilogue, 1 + len(operands), 1)
    elif operands:
        raise ArgumentError(who, "no operands without an epilogue", str(len(operands)))
    for operand in operands:
        check_buffer(f"{who}: operands", buffer_type, operand, images.dtype)
        if operand.shape != shape[3:]:
            raise ShapeError(f"{who}: operands", f"vectors of shape {shape[3:]}", str(operand.shape))
    return shape


def check_operands(who: str, operands: Sequence[Any], most: int) -> None:
    """Raise if a backend supports fewer operands of an epilogue.

    Raises:
        ArgumentError: if there are more than ``most``.
    """
    if len(operands) > most:
        raise ArgumentError(who, f"at most {most} operands of an epilogue", str(len(operands)))


def check_update(
    buffer_type: type[Any],
    writable: Callable[[Any], bool],
    function: ScalarFunction,
    groups: Sequence[Sequence[Any]],
    hyperparameters: Sequence[float],
) -> None:
    """Raise unless every group consists of a weight, a gradient and slots that fit the optimizer function.

    Args:
        buffer_type: the class of the buffers.
        writable: returns whether a buffer is C-contiguous and not read-only.
        function: as in `Backend.update`.
        groups: as in `Backend.update`.
        hyperparameters: as in `Backend.update`.

    Raises:
        ArgumentError: if the lengths of groups differ or do not fit the function, or if a weight or slot is not
            C-contiguous or is read-only.
        ArgumentTypeError: as in `check_buffer`.
        DTypeError: as in `check_buffer`.
        ShapeError: if a gradient or slot does not have the shape of its weight.
    """
    if not groups:
        return
    who, length = "update", len(groups[0])
    if function.arity != length + len(hyperparameters) or function.n_outputs != length - 1:
        check_function(who, function, length + len(hyperparameters), length - 1)
    if type(groups[0][0]) is not buffer_type:
        check_buffer(who, buffer_type, groups[0][0])
    dtype = groups[0][0].dtype
    for group in groups:
        if len(group) != length or length < 2:
            lengths = ", ".join(str(len(other)) for other in groups)
            raise ArgumentError(who, "groups of one length: a weight, a gradient and slots", f"lengths {lengths}")
        shape = None
        for position, buffer in enumerate(group):
            if type(buffer) is not buffer_type or buffer.dtype is not dtype:
                check_buffer(who, buffer_type, buffer, dtype)
            if shape is None:
                shape = buffer.shape
            elif buffer.shape != shape:
                raise ShapeError(who, "a weight, gradient and slots of one shape", _shapes(buffer_type, group))
            if position != 1 and not writable(buffer):  # the gradient, at position 1, is only read
                expected = "weights and slots that are C-contiguous and writable"
                raise ArgumentError(who, expected, f"one of shape {shape} that is not")

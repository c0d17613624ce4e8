"""Inputs and outputs of layers: tensors, or lists, tuples and dicts of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import dtypes, ops
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, TensorlabError, short_repr
from tensorlab.layers.calling import Trial
from tensorlab.loading import loading
from tensorlab.ops.dispatch import as_tensor
from tensorlab.shapes import as_shape
from tensorlab.tensor import Tensor


def map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function to the leaves of nested lists, tuples and dicts; return the same structure."""
    if type(value) is dict:
        return {key: map_leaves(function, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[map_leaves(function, item) for item in value])
    if type(value) in (list, tuple):
        return type(value)([map_leaves(function, item) for item in value])
    return function(value)


def is_structure(value: Any) -> bool:
    """Return whether a value is a structure of several tensors: a dict, or a list or tuple that contains an array.

    A list of numbers, or of lists of numbers, is one tensor.
    """
    if isinstance(value, dict):
        return True
    if not isinstance(value, (list, tuple)):
        return False
    return any(is_structure(item) or (isinstance(item, (Tensor, np.ndarray)) and item.ndim > 0) for item in value)


def inputs_to_tensors(who: str, value: Any, device: str | None) -> Any:
    """Convert inputs to tensors; arrays are moved to ``device``."""
    if isinstance(value, (np.ndarray, Tensor)) or not is_structure(value):
        return as_tensor(value, who, device)
    return map_leaves(lambda item: item if item is None else as_tensor(item, who, device), value)


def arrays_to_tensors(who: str, value: Any) -> Any:
    """Convert the NumPy arrays among arguments to tensors."""
    return map_leaves(lambda item: as_tensor(item, who) if isinstance(item, np.ndarray) else item, value)


def in_precision(value: Any, dtype: dtypes.DType) -> Any:
    """Cast the floating-point tensors among inputs to a dtype."""

    def converted(item: Any) -> Any:
        return item.astype(dtype) if isinstance(item, Tensor) and item.dtype.kind == "f" else item

    return map_leaves(converted, value)


def shapes_of(value: Any) -> Any:
    """Return the shape of a tensor, or the shapes of a structure of tensors."""
    return map_leaves(lambda item: item.shape if isinstance(item, Tensor) else None, value)


def batch_of_zeros(who: str, shape: Any, dtype: dtypes.DType, unknown: int = 1) -> Any:
    """Return zeros with a batch axis of length 1, or a structure of such tensors for a structure of shapes.

    Args:
        who: the layer that is built, for messages.
        shape: the shape, including the batch axis.
        dtype: the dtype of the zeros.
        unknown: the length of axes for which the shape has None.
    """
    if isinstance(shape, dict):
        return {key: batch_of_zeros(who, item, dtype, unknown) for key, item in shape.items()}
    lengths = shape if isinstance(shape, (list, tuple)) else (shape,)
    if any(isinstance(item, (list, tuple, dict)) for item in lengths):
        return [batch_of_zeros(who, item, dtype, unknown) for item in lengths]
    found = as_shape(who, [unknown if length is None else length for length in lengths])
    if not found:
        raise ShapeError(who, "a shape with the batch in front", "()")
    reading = loading.get()
    if reading is not None:
        reading.check_sample(found[1:])
    return ops.zeros((1, *found[1:]), dtype=dtype)


def computed_on_zeros(layer: Any, shape: Any, compute: Callable[[Any], Any]) -> list[Any]:
    """Build a layer by computing on a batch of zeros of a shape, or of a structure of shapes.

    The zeros have the layer's dtype, or int64 if the layer does not accept that. See `computed_on_samples`.
    """
    who = f"{layer._who}.build"

    def sample(dtype: Any, unknown: int) -> Any:
        return batch_of_zeros(who, shape, layer.dtype if dtype is None else dtype, unknown)

    return computed_on_samples(layer, sample, compute, shape)


def computed_on_samples(
    layer: Any, sample: Callable[[Any, int], Any], compute: Callable[[Any], Any], shape: Any
) -> list[Any]:
    """Build a layer by computing on a batch of one sample.

    If the shape has lengths that are None, compute on a second batch with other lengths there. A layer whose weights
    depend on such a length refuses the second batch. The layer computes as in inference.

    Args:
        layer: the layer.
        sample: returns a batch. Its arguments are the dtype of real numbers, None for their own, and the length of
            axes whose length is not known.
        compute: the function of a batch.
        shape: the shape, for messages.

    Returns:
        the result for each batch.

    Raises:
        ShapeError: if the shape of a weight depends on an unknown length.

    Other errors of ``compute`` are passed on. After an error the layer is as it was before.
    """
    who = f"{layer._who}.build"

    def attempt(dtype: Any) -> list[Any]:
        first, second = (sample(dtype, unknown) for unknown in (1, 2))
        reading = loading.get()
        left = None if reading is None else reading.shapes.copy()
        try:
            with Trial(layer, training=False):
                results = [compute(first)]
                if shapes_of(first) != shapes_of(second):
                    try:
                        results.append(compute(second))
                    except ShapeError:
                        hint = "give the lengths that the shapes of weights depend on"
                        raise ShapeError(who, "a shape with known lengths", str(shape), hint) from None
                return results
        except BaseException:
            if reading is not None and left is not None:
                reading.shapes = left  # the weights of this attempt are dropped, and may be made once more
            raise

    try:
        return attempt(None)
    except DTypeError as error:
        try:
            return attempt(dtypes.int64)
        except TensorlabError:
            raise error from None


def sample_shape(who: str, shape: Any) -> tuple[int | None, ...]:
    """Return a shape in which lengths may be None.

    Raises:
        ArgumentTypeError: if a length is not an integer.
        ShapeError: if a length is negative.
    """
    given = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    lengths = as_shape(who, [1 if length is None else length for length in given])
    return tuple([None if length is None else known for length, known in zip(given, lengths, strict=True)])


def batch_shape(who: str, shape: Any) -> tuple[int | None, ...]:
    """Return the shape of a batch, in which lengths may be None.

    Raises:
        ArgumentTypeError: if a length is not an integer.
        ShapeError: for anything but a list or tuple with at least one length, or if a length is negative.
    """
    if not isinstance(shape, (tuple, list)) or not shape:
        raise ShapeError(who, "the shape of a batch, such as (None, 3)", short_repr(shape))
    return sample_shape(who, shape)


def check_outputs(who: str, outputs: Any) -> None:
    """Raise if ``call`` returned something that is not allowed.

    Raises:
        ArgumentTypeError: unless it is a tensor, or a list, tuple or dict of tensors.
    """
    if isinstance(outputs, Tensor):
        return
    if isinstance(outputs, (list, tuple, dict)) and outputs:
        for item in outputs.values() if isinstance(outputs, dict) else outputs:
            if item is not None:
                check_outputs(who, item)
        return
    hint = "return the outputs" if outputs is None else "compute it with tensorlab's operations, which a tape records"
    raise ArgumentTypeError(f"{who}.call", "a tensor as its result", describe(outputs), hint)


def check_one_output(who: str, outputs: Any) -> Tensor:
    """Return the output if it is a single tensor.

    Raises:
        ArgumentTypeError: if it is not.
    """
    if isinstance(outputs, Tensor):
        return outputs
    raise ArgumentTypeError(f"{who}.call", "one tensor as its result", describe(outputs), "return one of them")


def describe(value: Any) -> str:
    """Describe a value in a few words: ``None``, ``a list of 2``, ``a numpy.ndarray``."""
    if value is None:
        return "None"
    kind = type(value)
    if isinstance(value, (list, tuple, dict)):
        return f"a {kind.__name__} of {len(value)}"
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"a {module}{kind.__qualname__}"

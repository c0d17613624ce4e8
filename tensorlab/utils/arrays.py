"""One-hot encoding, normalization and padding of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops.dispatch import as_tensor
from tensorlab.rules import integer
from tensorlab.shapes import normalize_axis
from tensorlab.tensor import Tensor


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """Return one-hot rows for class labels.

    Args:
        x: labels starting at 0: integers, bools, or floats with integer values. A last axis of length 1 is dropped.
        num_classes: the length of a row; the largest label plus one if None.

    Returns:
        a float64 array of shape ``(*labels.shape, num_classes)`` with 1 at the label and 0 elsewhere.

    Raises:
        DTypeError: for labels that are not integers.
        ArgumentError: for a label below 0 or not below ``num_classes``, or no label and no ``num_classes``.

    Source: Keras, ``keras.utils.to_categorical``.

    Example:
        >>> tl.utils.to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    given = as_tensor(x, "to_categorical x", "cpu" if not isinstance(x, Tensor) else None).numpy()
    if given.dtype.kind == "f" and not np.array_equal(given, np.floor(given)):
        raise DTypeError("to_categorical x", "labels that are integers", f"{given.dtype} with fractions")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise ArgumentError("to_categorical x", "labels that are integers", "infinite ones")
    labels = given[..., 0] if given.ndim > 1 and given.shape[-1] == 1 else given
    if num_classes is None and not labels.size:
        raise ArgumentError("to_categorical num_classes", "a number, as there are no labels", "None")
    count = int(labels.max()) + 1 if num_classes is None else num_classes
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
        raise ArgumentError("to_categorical num_classes", "an integer, or None", short_repr(num_classes))
    wrong = np.flatnonzero((labels < 0) | (labels >= count))
    if wrong.size:
        value = int(labels.ravel()[wrong[0]])
        hint = "" if value < 0 else f"pass num_classes={int(labels.max()) + 1} or more, or leave it out"
        expected = f"labels from 0 to {short_repr(count - 1)}" if num_classes is not None else "labels from 0 on"
        raise ArgumentError("to_categorical x", expected, f"{value} at position {wrong[0]}", hint)
    try:
        rows = np.zeros((*labels.shape, count))
    except (ValueError, MemoryError):
        hint = "use the sparse losses and metrics, which take the labels themselves"
        raise ArgumentError(
            "to_categorical num_classes", "a number of classes that memory holds", short_repr(count), hint
        ) from None
    np.put_along_axis(rows, labels.astype(np.int64)[..., None], 1.0, axis=-1)
    return rows


def normalize(x: Any, axis: int = -1, order: float = 2) -> np.ndarray[Any, Any]:
    """Divide vectors by their length; vectors of length 0 stay as they are.

    Args:
        x: an array of real numbers, or a tensor.
        axis: the axis of the vectors.
        order: the order of the norm, as in ``numpy.linalg.norm``: 1, 2 or infinity, for example.

    Returns:
        an array of the same shape; float64 for integers.

    Raises:
        ShapeError: for an axis that is out of range, and for a number.
        ArgumentError: for an order that is not a number.

    Source: Keras, ``keras.utils.normalize``.

    Example:
        >>> tl.utils.normalize([[3.0, 4.0], [0.0, 0.0]])
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    array = x.numpy() if isinstance(x, Tensor) else np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise DTypeError("normalize x", "an array of real numbers", str(array.dtype))
    array = array if array.dtype.kind == "f" else array.astype(float)
    position = normalize_axis("normalize axis", axis, array.ndim)
    if isinstance(order, bool) or not isinstance(order, (int, float, np.number)):
        raise ArgumentError("normalize order", "a number, such as 2", short_repr(order))
    norm = np.linalg.norm(array, order, position, keepdims=True)
    return np.asarray(array / np.where(norm == 0, 1, norm).astype(array.dtype))


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray[Any, Any]:
    """Return sequences of different lengths as one array.

    Args:
        sequences: a list of sequences of numbers, or of arrays that all have the same shape.
        maxlen: the length of all sequences in the result; that of the longest one if None.
        dtype: of the result.
        padding: "pre" to fill shorter sequences at the beginning, "post" at the end.
        truncating: "pre" to drop the first elements of longer sequences, "post" the last ones.
        value: what they are filled with.

    Returns:
        an array of shape ``(len(sequences), maxlen, ...)``.

    Raises:
        ArgumentError: for another ``padding`` or ``truncating``, or elements or a value that the dtype cannot hold.
        ArgumentTypeError: for anything but a list of sequences.
        ShapeError: for elements of different shapes.

    Source: Keras, ``keras.utils.pad_sequences``.

    Example:
        >>> tl.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ArgumentError(f"pad_sequences {name}", "'pre' or 'post'", short_repr(given))
    try:
        rows = [each if isinstance(each, np.ndarray) else list(each) for each in sequences]
    except TypeError:
        expected = "a list of sequences"
        raise ArgumentTypeError("pad_sequences sequences", expected, short_repr(sequences)) from None
    length = max([len(row) for row in rows], default=0) if maxlen is None else maxlen
    length = integer("pad_sequences maxlen", length, 0)
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise DTypeError("pad_sequences dtype", "a dtype of NumPy", short_repr(dtype)) from None
    inner = next((np.shape(row)[1:] for row in rows if len(row)), ())
    try:
        padded = np.full((len(rows), length, *inner), value, kind)
        for index, row in enumerate(rows):
            kept = row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length]
            if len(kept):
                elements = np.asarray(kept, kind)
                if elements.shape[1:] != inner:
                    raise ShapeError(
                        f"pad_sequences sequences[{index}]", f"elements of {inner}", str(elements.shape[1:])
                    )
                place = slice(length - len(kept), None) if padding == "pre" else slice(len(kept))
                padded[index, place] = elements
    except ShapeError:
        raise
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ArgumentError("pad_sequences", f"elements and a value of dtype {kind}", str(error)) from None
    return padded

"""Each loss as a function: the loss of every sample, for a training step that is written by hand."""

from __future__ import annotations

from typing import Any

from tensorlab.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from tensorlab.losses.regression import MeanAbsoluteError, MeanSquaredError
from tensorlab.tensor import Tensor


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Tensor:
    """`BinaryCrossentropy` of each sample. Raises what that raises.

    Source: Keras, ``keras.losses.binary_crossentropy``.
    """
    return BinaryCrossentropy(from_logits, reduction=None)(y_true, y_pred)


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Tensor:
    """`CategoricalCrossentropy` of each sample. Raises what that raises.

    Source: Keras, ``keras.losses.categorical_crossentropy``.
    """
    return CategoricalCrossentropy(from_logits, reduction=None)(y_true, y_pred)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Tensor:
    """`SparseCategoricalCrossentropy` of each sample. Raises what that raises.

    Source: Keras, ``keras.losses.sparse_categorical_crossentropy``.
    """
    return SparseCategoricalCrossentropy(from_logits, reduction=None)(y_true, y_pred)


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """`MeanSquaredError` of each sample. Raises what that raises.

    Source: Keras, ``keras.losses.mean_squared_error``.
    """
    return MeanSquaredError(reduction=None)(y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """`MeanAbsoluteError` of each sample. Raises what that raises.

    Source: Keras, ``keras.losses.mean_absolute_error``.
    """
    return MeanAbsoluteError(reduction=None)(y_true, y_pred)

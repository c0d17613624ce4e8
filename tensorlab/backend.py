"""Keras's module ``backend``: settings, questions about dtypes, and `clear_session`.

The devices of tensorlab are in `tensorlab.backends`, operations on tensors in `tensorlab.ops`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorlab import absent, dtypes
from tensorlab.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from tensorlab.layers import KerasTensor
from tensorlab.ops.data_types import result_type
from tensorlab.utils import clear_session

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def standardize_dtype(dtype: Any) -> str:
    """Return the name of a dtype; that of `floatx` for None. Source: Keras, ``keras.backend.standardize_dtype``.

    Raises:
        DTypeError: for a dtype that tensorlab does not have.
    """
    return floatx() if dtype is None else dtypes.as_dtype(dtype, "standardize_dtype").name


def is_float_dtype(dtype: Any) -> bool:
    """Return whether a dtype is a floating-point type. Source: Keras, ``keras.backend.is_float_dtype``."""
    return dtypes.as_dtype(dtype, "is_float_dtype").kind == "f"


def is_int_dtype(dtype: Any) -> bool:
    """Return whether a dtype is an integer type. Source: Keras, ``keras.backend.is_int_dtype``."""
    return dtypes.as_dtype(dtype, "is_int_dtype").kind in "iu"


def is_keras_tensor(x: Any) -> bool:
    """Return whether an object is a symbolic tensor. Source: Keras, ``keras.backend.is_keras_tensor``."""
    return isinstance(x, KerasTensor)


if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())

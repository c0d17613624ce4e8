"""Keras's settings. Each has a single value here. A setter accepts it; for another value, its error says what to do."""

from __future__ import annotations

from typing import Any

from tensorlab import dtypes
from tensorlab.errors import ArgumentError, short_repr

__all__ = [
    "backend",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_backend",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]

_EPSILON = 1e-7


def backend() -> str:
    """Return ``"tensorlab"``. The devices are in `tensorlab.backends`. Source: Keras, ``keras.config.backend``."""
    return "tensorlab"


def epsilon() -> float:
    """Return 1e-7, which keeps logarithms and denominators finite. Source: Keras, ``keras.config.epsilon``."""
    return _EPSILON


def floatx() -> str:
    """Return the dtype of layers that are given none, ``"float32"``. Source: Keras, ``keras.config.floatx``."""
    return dtypes.default_float.name


def image_data_format() -> str:
    """Return the ``data_format`` of layers that are given none. Source: Keras, ``keras.config.image_data_format``."""
    return "channels_last"


def _only(who: str, own: Any, value: Any, hint: str) -> None:
    """Raise ArgumentError unless a value is the only one."""
    if value != own:
        raise ArgumentError(who, repr(own), short_repr(value), hint)


def set_backend(backend: str) -> None:
    """Accept ``"tensorlab"`` only. Source: Keras, ``keras.config.set_backend``.

    Raises:
        ArgumentError: for another backend.
    """
    _only("set_backend", "tensorlab", backend, "choose a device with tl.device")


def set_epsilon(value: float) -> None:
    """Accept 1e-7 only. Source: Keras, ``keras.config.set_epsilon``.

    Raises:
        ArgumentError: for another number.
    """
    _only("set_epsilon", _EPSILON, value, "pass epsilon= to the layer or optimizer")


def set_floatx(value: str) -> None:
    """Accept ``"float32"`` only. Source: Keras, ``keras.config.set_floatx``.

    Raises:
        ArgumentError: for another dtype.
    """
    _only("set_floatx", floatx(), value, "pass dtype= to the model or the layers")


def set_image_data_format(data_format: str) -> None:
    """Accept ``"channels_last"`` only. Source: Keras, ``keras.config.set_image_data_format``.

    Raises:
        ArgumentError: for another format.
    """
    _only("set_image_data_format", image_data_format(), data_format, "pass data_format= to the layers")

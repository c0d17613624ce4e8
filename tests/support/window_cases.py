"""Layers over windows with their arguments and shapes of inputs, for the comparison with Keras.

`record_windows.py` writes what Keras computes to `window_cases.json`.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CASES: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "conv2d": ("Conv2D", {"filters": 3, "kernel_size": 3}, (2, 5, 4, 2)),
    "conv2d_same": ("Conv2D", {"filters": 2, "kernel_size": [2, 3], "padding": "same"}, (1, 4, 5, 2)),
    "conv2d_strides": (
        "Conv2D",
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"},
        (2, 6, 5, 1),
    ),
    "conv2d_dilated": (
        "Conv2D",
        {"filters": 2, "kernel_size": 2, "dilation_rate": [2, 1], "use_bias": False},
        (1, 5, 4, 2),
    ),
    "conv2d_groups": (
        "Conv2D",
        {"filters": 4, "kernel_size": 2, "groups": 2, "padding": "SAME", "activation": "tanh"},
        (1, 3, 4, 4),
    ),
    "conv2d_pointwise": ("Conv2D", {"filters": 3, "kernel_size": 1, "activation": "sigmoid"}, (2, 3, 2, 2)),
    "conv1d": ("Conv1D", {"filters": 3, "kernel_size": 3}, (2, 6, 2)),
    "conv1d_same": ("Conv1D", {"filters": 2, "kernel_size": 4, "strides": 3, "padding": "same"}, (2, 7, 2)),
    "conv1d_causal": (
        "Conv1D",
        {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "causal", "activation": "softmax"},
        (1, 6, 2),
    ),
    "conv1d_causal_strides": (
        "Conv1D",
        {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "causal"},
        (1, 5, 2),
    ),
    "max2d": ("MaxPooling2D", {}, (2, 5, 4, 2)),
    "max2d_overlapping": ("MaxPooling2D", {"pool_size": [3, 2], "strides": 1, "padding": "same"}, (1, 4, 4, 2)),
    "max1d": ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (2, 6, 2)),
    "average2d": ("AveragePooling2D", {"pool_size": [2, 3]}, (1, 5, 6, 2)),
    "average2d_same": ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (1, 5, 4, 2)),
    "average1d": ("AveragePooling1D", {"pool_size": 2, "strides": 1, "padding": "same"}, (2, 4, 2)),
    "global_average2d": ("GlobalAveragePooling2D", {}, (2, 3, 2, 3)),
    "global_max2d": ("GlobalMaxPooling2D", {"keepdims": True}, (2, 3, 2, 3)),
    "global_average1d": ("GlobalAveragePooling1D", {"keepdims": True}, (2, 3, 2)),
    "global_max1d": ("GlobalMaxPooling1D", {}, (2, 3, 2)),
}
"""The class, its arguments, and the shape of its inputs."""


def numbers(name: str, shape: tuple[int, ...]) -> Array:
    """Return the numbers of an array of a case: its inputs, one of its weights, or the gradient of its outputs."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.normal(size=shape).round(2)

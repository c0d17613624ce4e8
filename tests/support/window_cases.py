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
    "depthwise": ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "activation": "relu"}, (2, 5, 4, 2)),
    "depthwise_same": ("DepthwiseConv2D", {"kernel_size": [2, 3], "strides": 2, "padding": "same"}, (1, 5, 5, 2)),
    "separable": ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2}, (1, 4, 4, 2)),
    "separable_dilated": (
        "SeparableConv2D",
        {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "activation": "tanh", "padding": "same"},
        (1, 4, 4, 2),
    ),
    "transposed": ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "activation": "relu"}, (1, 3, 2, 2)),
    "transposed_same": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": [3, 2], "strides": [2, 3], "padding": "same"},
        (2, 3, 2, 2),
    ),
    "transposed_wide": ("Conv2DTranspose", {"filters": 2, "kernel_size": 2, "strides": 3}, (1, 2, 2, 2)),
    "transposed_padded": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1, "use_bias": False},
        (1, 3, 2, 1),
    ),
    "zero_padding": ("ZeroPadding2D", {"padding": [[1, 0], [2, 1]]}, (1, 2, 3, 2)),
    "cropping": ("Cropping2D", {"cropping": [1, 0]}, (1, 4, 3, 2)),
    "nearest": ("UpSampling2D", {"size": [2, 3]}, (2, 2, 2, 2)),
    "bilinear": ("UpSampling2D", {"size": [2, 3], "interpolation": "bilinear"}, (1, 3, 2, 2)),
    "depthwise1d": ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "activation": "relu"}, (2, 5, 2)),
    "depthwise1d_same": ("DepthwiseConv1D", {"kernel_size": 2, "strides": 2, "padding": "same"}, (1, 5, 2)),
    "separable1d": ("SeparableConv1D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2}, (1, 5, 2)),
    "separable1d_dilated": (
        "SeparableConv1D",
        {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "activation": "tanh", "padding": "same"},
        (1, 4, 2),
    ),
    "transposed1d": ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "activation": "relu"}, (1, 3, 2)),
    "transposed1d_same": (
        "Conv1DTranspose",
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"},
        (2, 3, 2),
    ),
    "transposed1d_padded": (
        "Conv1DTranspose",
        {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1, "use_bias": False},
        (1, 3, 2),
    ),
    "zero_padding1d": ("ZeroPadding1D", {"padding": [1, 2]}, (1, 3, 2)),
    "cropping1d": ("Cropping1D", {"cropping": [1, 0]}, (1, 4, 2)),
    "nearest1d": ("UpSampling1D", {"size": 3}, (2, 2, 2)),
    "group_normalization": ("GroupNormalization", {"groups": 2}, (2, 3, 4)),
    "group_normalization_axis": (
        "GroupNormalization",
        {"groups": -1, "axis": 1, "epsilon": 0.5, "center": False},
        (2, 2, 3, 2),
    ),
    "normalization": ("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.0]}, (2, 3, 2)),
    "normalization_inverted": ("Normalization", {"mean": 1.0, "variance": 4.0, "axis": None, "invert": True}, (2, 2)),
    "embedding": ("Embedding", {"input_dim": 4, "output_dim": 3}, (2, 3)),
    "layer_normalization": ("LayerNormalization", {}, (2, 3, 4)),
    "layer_normalization_axes": ("LayerNormalization", {"axis": [1, 2], "epsilon": 0.5, "center": False}, (2, 3, 2)),
    "unit_normalization": ("UnitNormalization", {"axis": [1, 2]}, (2, 3, 2)),
    "global_max1d": ("GlobalMaxPooling1D", {}, (2, 3, 2)),
}
"""The class, its arguments, and the shape of its inputs."""


def numbers(name: str, shape: tuple[int, ...]) -> Array:
    """Return the numbers of an array of a case: its inputs, one of its weights, or the gradient of its outputs."""
    if name == "embedding":
        return np.arange(np.prod(shape)).reshape(shape) % 4
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.normal(size=shape).round(2)

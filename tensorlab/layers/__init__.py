"""Layers, the building blocks of models."""

from tensorlab.layers.activation import ELU, Activation, Identity, LeakyReLU, PReLU, ReLU, Softmax
from tensorlab.layers.base import Layer
from tensorlab.layers.convolution import Conv1D, Conv2D
from tensorlab.layers.dense import Dense
from tensorlab.layers.dropout import Dropout, GaussianDropout, GaussianNoise
from tensorlab.layers.input import Input, InputLayer
from tensorlab.layers.normalization import BatchNormalization
from tensorlab.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from tensorlab.layers.shaping import Flatten, Permute, RepeatVector, Rescaling, Reshape

__all__ = [
    "ELU",
    "Activation",
    "AveragePooling1D",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
]

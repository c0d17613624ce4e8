"""Layers, the building blocks of models."""

from tensorlab.layers.activation import ELU, Activation, Identity, LeakyReLU, PReLU, ReLU, Softmax
from tensorlab.layers.base import Layer
from tensorlab.layers.dense import Dense
from tensorlab.layers.dropout import Dropout, GaussianDropout, GaussianNoise
from tensorlab.layers.input import Input, InputLayer
from tensorlab.layers.normalization import BatchNormalization
from tensorlab.layers.shaping import Flatten, Permute, RepeatVector, Rescaling, Reshape

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
]

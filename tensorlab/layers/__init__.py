"""Layers, the building blocks of models."""

from tensorlab.layers.activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from tensorlab.layers.base import Layer
from tensorlab.layers.dense import Dense
from tensorlab.layers.dropout import Dropout, GaussianNoise
from tensorlab.layers.input import Input, InputLayer
from tensorlab.layers.normalization import BatchNormalization
from tensorlab.layers.shaping import Flatten, Rescaling, Reshape

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
]

"""Layers: what a model is assembled from."""

from tensorlab.layers.activation import Activation
from tensorlab.layers.base import Layer
from tensorlab.layers.dense import Dense
from tensorlab.layers.dropout import Dropout
from tensorlab.layers.shaping import Flatten, Input, Rescaling, Reshape

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "Layer", "Rescaling", "Reshape"]

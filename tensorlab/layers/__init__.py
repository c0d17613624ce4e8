"""Layers, the building blocks of models."""

from tensorlab.layers.activation import ELU, Activation, Identity, LeakyReLU, PReLU, ReLU, Softmax
from tensorlab.layers.base import Layer
from tensorlab.layers.convolution import Conv1D, Conv2D
from tensorlab.layers.dense import Dense
from tensorlab.layers.dropout import Dropout, GaussianDropout, GaussianNoise
from tensorlab.layers.embedding import Embedding
from tensorlab.layers.input import Input, InputLayer
from tensorlab.layers.layer_normalization import LayerNormalization, UnitNormalization
from tensorlab.layers.masking import Masking
from tensorlab.layers.normalization import BatchNormalization
from tensorlab.layers.padding import Cropping2D, UpSampling2D, ZeroPadding2D
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
from tensorlab.layers.separable import DepthwiseConv2D, SeparableConv2D
from tensorlab.layers.shaping import Flatten, Permute, RepeatVector, Rescaling, Reshape
from tensorlab.layers.spatial_dropout import SpatialDropout1D, SpatialDropout2D
from tensorlab.layers.transposed import Conv2DTranspose

__all__ = [
    "ELU",
    "Activation",
    "AveragePooling1D",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
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
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "UnitNormalization",
    "UpSampling2D",
    "ZeroPadding2D",
]

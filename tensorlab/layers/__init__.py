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
from tensorlab.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from tensorlab.layers.normalization import BatchNormalization
from tensorlab.layers.operations import Operation as _Operation  # noqa: F401 (defines the operators of KerasTensor)
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
from tensorlab.layers.symbolic import KerasTensor
from tensorlab.layers.transposed import Conv2DTranspose

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
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
    "KerasTensor",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
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
    "Subtract",
    "UnitNormalization",
    "UpSampling2D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

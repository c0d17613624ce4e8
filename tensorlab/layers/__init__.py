"""Layers, the building blocks of models."""

from typing import TYPE_CHECKING, Any

from tensorlab import absent
from tensorlab.layers.activation import ELU, Activation, Identity, LeakyReLU, PReLU, ReLU, Softmax
from tensorlab.layers.activity_regularization import ActivityRegularization
from tensorlab.layers.aliases import (
    AvgPool1D,
    AvgPool2D,
    Convolution1D,
    Convolution1DTranspose,
    Convolution2D,
    Convolution2DTranspose,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    MaxPool1D,
    MaxPool2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from tensorlab.layers.base import Layer
from tensorlab.layers.convolution import Conv1D, Conv2D
from tensorlab.layers.dense import Dense
from tensorlab.layers.dropout import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from tensorlab.layers.embedding import Embedding
from tensorlab.layers.feature_normalization import Normalization
from tensorlab.layers.input import Input, InputLayer
from tensorlab.layers.lambda_layer import Lambda
from tensorlab.layers.layer_normalization import GroupNormalization, LayerNormalization, UnitNormalization
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
from tensorlab.layers.padding import Cropping1D, Cropping2D, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D
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
from tensorlab.layers.separable import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from tensorlab.layers.shaping import Flatten, Permute, RepeatVector, Rescaling, Reshape
from tensorlab.layers.spatial_dropout import SpatialDropout1D, SpatialDropout2D
from tensorlab.layers.symbolic import KerasTensor
from tensorlab.layers.transposed import Conv1DTranspose, Conv2DTranspose
from tensorlab.serialization import deserializer as _deserializer
from tensorlab.serialization import get as _get
from tensorlab.serialization import serialize

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "KerasTensor",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]


def _layer(config: Any) -> Layer:
    made: Layer = _get("layer", config, Layer)
    return made


deserialize = _deserializer(__name__, "layer", _layer)


if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())

"""Keras's aliases of layers. A layer is saved under the name of its class, whichever name made it."""

from __future__ import annotations

from tensorlab.layers.convolution import Conv1D, Conv2D
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
from tensorlab.layers.separable import SeparableConv1D, SeparableConv2D
from tensorlab.layers.transposed import Conv1DTranspose, Conv2DTranspose

AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
Convolution1D, Convolution2D = Conv1D, Conv2D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D

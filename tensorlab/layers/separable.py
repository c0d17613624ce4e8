"""Convolutions of each channel by itself."""

from __future__ import annotations

from typing import Any

from tensorlab import activations, constraints, initializers, regularizers
from tensorlab.layers.convolution import Activated
from tensorlab.layers.dense import positive
from tensorlab.layers.windows import Lengths, choice, output_lengths, windows_of
from tensorlab.loading import check_elements
from tensorlab.ops.windows import convolve
from tensorlab.tensor import Tensor
from tensorlab.windows import Windows


class _Depthwise(Activated):
    """The base of all layers of this file: a kernel of depth 1 for each channel."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        depth_multiplier: int,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.kernel_size = self._integers("kernel_size", kernel_size)
        self.strides = self._integers("strides", strides)
        self.padding = choice(f"{self._who} padding", padding, ("valid", "same"))
        self.depth_multiplier = positive(f"{self._who} depth_multiplier", depth_multiplier)
        self._set_format(data_format)
        self.dilation_rate = self._integers("dilation_rate", dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = use_bias

    def _windows(self, images: Tensor) -> Windows:
        sizes = self.kernel_size, self.strides, self.padding, self.dilation_rate
        return windows_of(self, images.shape[3 - self._axes : 3], *sizes, images.shape[3])

    def _counts(self, lengths: Lengths) -> Lengths:
        return output_lengths(self, lengths[1:-1], self.kernel_size, self.strides, self.padding, self.dilation_rate)


def _by_channel(kernel: Tensor) -> Tensor:
    """Return a kernel ``(rows, columns, channels, multiplier)`` as that of a convolution with a group per channel."""
    rows, columns, channels, multiplier = kernel.shape
    return kernel.reshape((rows, columns, 1, channels * multiplier))


class DepthwiseConvolution(_Depthwise):
    """The base of `DepthwiseConv1D` and `DepthwiseConv2D`."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ) -> None:
        windows = kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate
        super().__init__(*windows, activation, use_bias, **options)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Create the kernel and the bias."""
        channels = self._channels(input_shape)
        self.kernel = self._add_configured("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        outputs = channels * self.depth_multiplier
        self.bias = self._add_configured("bias", (outputs,)) if self.use_bias else None

    def call(self, inputs: Tensor) -> Tensor:
        """Compute the convolutions, the bias and the activation."""
        images = self._of_channels(inputs, self.kernel.shape[-2])
        return self._convolved(images, _by_channel(self._kernel_of_images(self.kernel)), self._windows(images))

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        channels = lengths[-1]
        outputs = None if channels is None else channels * self.depth_multiplier
        return (lengths[0], *self._counts(lengths), outputs)


class DepthwiseConv2D(DepthwiseConvolution):
    """Convolve each channel with kernels of its own: ``(batch, height, width, channels) → (batch, …, outputs)``.

    There are ``channels · depth_multiplier`` outputs; output ``c · depth_multiplier + m`` depends on channel c only.

    Args:
        kernel_size: the height and the width of the kernel, or one number for both.
        strides: the distance between windows, one number or two.
        padding: "valid" or "same", as in `Conv2D`.
        depth_multiplier: the number of outputs for each channel.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        dilation_rate: the distance between the elements of a window, one number or two.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        depthwise_initializer: the initial value of the kernel, ``(height, width, channels, depth_multiplier)``.
        bias_initializer: the initial value of the bias, ``(outputs,)``.
        depthwise_regularizer: a penalty on the kernel that is added to the loss.
        bias_regularizer: the same for the bias.
        activity_regularizer: a penalty on the outputs, divided by the number of samples.
        depthwise_constraint: what the kernel has to satisfy after each step.
        bias_constraint: the same for the bias.

    The errors are those of `Conv2D`.

    Source: Keras, ``keras.layers.DepthwiseConv2D``.

    Example:
        >>> tl.layers.DepthwiseConv2D(3, depth_multiplier=2)(tl.ones((2, 8, 6, 3))).shape
        (2, 6, 4, 6)
    """

    _axes = 2


class DepthwiseConv1D(DepthwiseConvolution):
    """Convolve each channel with kernels of its own: ``(batch, steps, channels) → (batch, new steps, outputs)``.

    The arguments and the errors are those of `DepthwiseConv2D`, with one number for each pair.

    Source: Keras, ``keras.layers.DepthwiseConv1D``.

    Example:
        >>> tl.layers.DepthwiseConv1D(3, depth_multiplier=2)(tl.ones((2, 8, 3))).shape
        (2, 6, 6)
    """

    _axes = 1


class SeparableConvolution(_Depthwise):
    """The base of `SeparableConv1D` and `SeparableConv2D`."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ) -> None:
        windows = kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate
        super().__init__(*windows, activation, use_bias, **options)
        self.filters = positive(f"{self._who} filters", filters)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Create both kernels and the bias."""
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._add_configured("depthwise_kernel", shape, "depthwise")
        shape = (*(1,) * self._axes, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add_configured("pointwise_kernel", shape, "pointwise")
        self.bias = self._add_configured("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Tensor) -> Tensor:
        """Compute both convolutions, the bias and the activation."""
        images = self._of_channels(inputs, self.depthwise_kernel.shape[-2])
        windows = self._windows(images)
        height, width = windows.counts((images.shape[1], images.shape[2]))
        check_elements(self._who, height * width * images.shape[3] * self.depth_multiplier)
        images = convolve(images, _by_channel(self._kernel_of_images(self.depthwise_kernel)), windows)
        return self._convolved(images, self._kernel_of_images(self.pointwise_kernel), Windows((1, 1)))

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        return (lengths[0], *self._counts(lengths), self.filters)


class SeparableConv2D(SeparableConvolution):
    """Convolve each channel by itself, then combine the channels of each pixel: a factorized convolution.

    It is a `DepthwiseConv2D` without bias and activation, followed by a `Conv2D` with a kernel of 1 × 1.

    Args:
        filters: the number of output channels.
        kernel_size: the height and the width of the kernel, or one number for both.
        strides: the distance between windows, one number or two.
        padding: "valid" or "same", as in `Conv2D`.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        dilation_rate: the distance between the elements of a window, one number or two.
        depth_multiplier: the number of outputs of the first step for each channel.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        depthwise_initializer: the initial value of the first kernel, ``(height, width, channels, depth_multiplier)``.
        pointwise_initializer: that of the second kernel, ``(1, 1, channels · depth_multiplier, filters)``.
        bias_initializer: the initial value of the bias, ``(filters,)``.
        depthwise_regularizer: a penalty on the first kernel that is added to the loss.
        pointwise_regularizer: the same for the second kernel.
        bias_regularizer: the same for the bias.
        activity_regularizer: a penalty on the outputs, divided by the number of samples.
        depthwise_constraint: what the first kernel has to satisfy after each step.
        pointwise_constraint: the same for the second kernel.
        bias_constraint: the same for the bias.

    The errors are those of `Conv2D`.

    Source: Keras, ``keras.layers.SeparableConv2D``.

    Example:
        >>> layer = tl.layers.SeparableConv2D(4, 3)
        >>> layer(tl.ones((2, 8, 6, 3))).shape
        (2, 6, 4, 4)
        >>> [weight.shape for weight in layer.weights]
        [(3, 3, 3, 1), (1, 1, 3, 4), (4,)]
    """

    _axes = 2


class SeparableConv1D(SeparableConvolution):
    """Convolve each channel by itself, then combine the channels of each step: a factorized convolution.

    The arguments and the errors are those of `SeparableConv2D`, with one number for each pair.

    Source: Keras, ``keras.layers.SeparableConv1D``.

    Example:
        >>> layer = tl.layers.SeparableConv1D(4, kernel_size=3)
        >>> layer(tl.ones((2, 8, 3))).shape
        (2, 6, 4)
        >>> [weight.shape for weight in layer.weights]
        [(3, 3, 1), (1, 3, 4), (4,)]
    """

    _axes = 1

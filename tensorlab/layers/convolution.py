"""Convolutions of sequences and images."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from tensorlab import activations
from tensorlab.arguments import followed_by
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.dense import positive
from tensorlab.layers.windows import Lengths, Windowed, choice, output_lengths, windows_of
from tensorlab.layers.with_kernel import KernelArguments, WithKernel
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.windows import convolve
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable
from tensorlab.windows import Windows


class Activated(Windowed):
    """The base of layers with a bias and an activation."""

    activation: Any
    use_bias: bool
    bias: Variable | None

    def _channels(self, input_shape: Any) -> int:
        """Return the number of channels of a shape of inputs.

        Raises:
            ShapeError: if it is unknown or 0, or the rank is wrong.
        """
        channels = self._check(input_shape)[-1]
        if channels is None:
            hint = "only the lengths of other axes may be unknown"
            raise ShapeError(self._who, "a shape whose number of channels is known", short_repr(input_shape), hint)
        if not channels:
            raise ShapeError(self._who, "inputs with at least one channel", str(tuple(input_shape)))
        return channels

    def _of_channels(self, inputs: Tensor, channels: int) -> Tensor:
        """Return the inputs as images of this many channels."""
        images = self._images(inputs)
        if images.shape[3] != channels:
            raise ShapeError(self._who, f"inputs with {channels} channels", f"inputs of shape {inputs.shape}")
        return images

    def _kernel_of_images(self, kernel: Tensor) -> Tensor:
        """Return the kernel of a convolution in two dimensions; the kernel of a sequence gets a height of 1."""
        return kernel if self._axes == 2 else kernel.reshape((1, *kernel.shape))

    def _convolved(self, images: Tensor, weights: Tensor, windows: Windows) -> Tensor:
        """Return a convolution with bias and activation, in the layout of the inputs."""
        activation = self.activation
        if activation is None or activation is activations.linear:
            return self._outputs(convolve(images, weights, windows, self.bias))
        if isinstance(activation, Elementwise):
            return self._outputs(convolve(images, weights, windows, self.bias, activation))
        result: Tensor = activation(self._outputs(convolve(images, weights, windows, self.bias)))
        return result


class Convolution(WithKernel, Activated):
    """The base of `Conv1D` and `Conv2D`."""

    _paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    @followed_by(WithKernel)
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        *args: Any,
        **options: Unpack[KernelArguments],
    ) -> None:
        super().__init__(*args, **options)
        self.filters = positive(f"{self._who} filters", filters)
        self.groups = positive(f"{self._who} groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(f"{self._who} filters", f"a multiple of the {self.groups} groups", str(self.filters))
        self.kernel_size = self._integers("kernel_size", kernel_size)
        self.strides = self._integers("strides", strides)
        self.dilation_rate = self._integers("dilation_rate", dilation_rate)
        self.padding = choice(f"{self._who} padding", padding, self._paddings)
        self._set_format(data_format)

    def build(self, input_shape: Any) -> None:
        """Create the kernel and the bias."""
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(self._who, f"a multiple of {self.groups} channels", f"{channels} channels")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._add_kernel(shape, self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Compute the convolution, the bias and the activation."""
        kernel = self.kernel
        images = self._of_channels(inputs, kernel.shape[-2] * self.groups)
        sizes = self.kernel_size, self.strides, self.padding, self.dilation_rate, self.groups
        windows = windows_of(self, images.shape[3 - self._axes : 3], *sizes)
        return self._convolved(images, self._kernel_of_images(kernel), windows)

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        sizes = self.kernel_size, self.strides, self.padding, self.dilation_rate
        return (lengths[0], *output_lengths(self, lengths[1:-1], *sizes), self.filters)


class Conv2D(Convolution):
    """Convolve images with a kernel, ``(batch, height, width, channels) → (batch, new height, new width, filters)``.

    ``y[n, i, j, f] = activation(Σ x[n, s i + d a - p, t j + e b - q, c] kernel[a, b, c, f] + bias[f])``, with the sum
    over a, b and c, strides (s, t), dilation rates (d, e), and padding (p, q). Bias and activation are fused.

    Args:
        filters: the number of output channels, a multiple of ``groups``.
        kernel_size: the height and the width of the kernel, or one number for both.
        strides: the distance between windows, one number or two.
        padding: "valid" for windows within the image only, or "same" for ⌈length / stride⌉ windows along an axis, with
            zeros around the image.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        dilation_rate: the distance between the elements of a window, one number or two.
        groups: the number of groups into which channels and filters are divided; filters see only their own group.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel, ``(height, width, channels / groups, filters)``.
        bias_initializer: the initial value of the bias, ``(filters,)``.
        kernel_regularizer: a penalty on the kernel that is added to the loss: a name, a `Regularizer`, a function, or
            None.
        bias_regularizer: the same for the bias.
        activity_regularizer: a penalty on the outputs, divided by the number of samples.
        kernel_constraint: what the kernel has to satisfy after each step: a name, a `Constraint`, a function, or None.
        bias_constraint: the same for the bias.

    Raises:
        ArgumentError: for a number that is not an integer of at least 1, an unknown padding or data format, or filters
            that are not a multiple of ``groups``.
        UnknownNameError: for an unknown activation, initializer or regularizer.
        ShapeError: in a call or a build, for inputs of another rank or number of channels, or smaller than a window.

    Source: Keras, ``keras.layers.Conv2D``.

    Example:
        >>> layer = tl.layers.Conv2D(4, kernel_size=3, activation="relu")
        >>> layer(tl.ones((2, 8, 6, 3))).shape
        (2, 6, 4, 4)
        >>> [weight.shape for weight in layer.weights]
        [(3, 3, 3, 4), (4,)]
    """

    _axes = 2


class Conv1D(Convolution):
    """Convolve sequences with a kernel, ``(batch, steps, channels) → (batch, new steps, filters)``.

    The arguments are those of `Conv2D`, with one number for each pair.

    Args:
        filters: the number of output channels, a multiple of ``groups``.
        kernel_size: the length of the kernel.
        strides: the distance between windows.
        padding: "valid", "same", or "causal": zeros before the first step, so that no output depends on later inputs.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, steps)``.
        dilation_rate: the distance between the elements of a window.
        groups: the number of groups into which channels and filters are divided; filters see only their own group.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel, ``(length, channels / groups, filters)``.
        bias_initializer: the initial value of the bias, ``(filters,)``.
        kernel_regularizer: a penalty on the kernel that is added to the loss.
        bias_regularizer: the same for the bias.
        activity_regularizer: a penalty on the outputs, divided by the number of samples.
        kernel_constraint: what the kernel has to satisfy after each step.
        bias_constraint: the same for the bias.

    The errors are those of `Conv2D`.

    Source: Keras, ``keras.layers.Conv1D``.

    Example:
        >>> tl.layers.Conv1D(4, 3, padding="causal")(tl.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    _axes = 1
    _paddings = ("valid", "same", "causal")

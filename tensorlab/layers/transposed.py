"""Transposed convolutions: the gradient of a convolution, as a layer."""

from __future__ import annotations

from typing import Any, Unpack

from tensorlab.arguments import followed_by
from tensorlab.errors import ArgumentError
from tensorlab.layers.convolution import Activated
from tensorlab.layers.dense import positive
from tensorlab.layers.windows import Lengths, choice, integers, pair
from tensorlab.layers.with_kernel import KernelArguments, WithKernel
from tensorlab.ops.windows import convolve_images
from tensorlab.tensor import Tensor
from tensorlab.windows import Pair, Windows


class TransposedConvolution(WithKernel, Activated):
    """The base of `Conv1DTranspose` and `Conv2DTranspose`."""

    @followed_by(WithKernel)
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        *args: Any,
        **options: Unpack[KernelArguments],
    ) -> None:
        super().__init__(*args, **options)
        self.filters = positive(f"{self._who} filters", filters)
        self.kernel_size = self._integers("kernel_size", kernel_size)
        self.strides = self._integers("strides", strides)
        self.padding = choice(f"{self._who} padding", padding, ("valid", "same"))
        self.output_padding: tuple[int, ...] | None = None
        if output_padding is not None:
            who = f"{self._who} output_padding"
            self.output_padding = integers(who, output_padding, self._axes, least=0)
            if any(n >= stride for n, stride in zip(self.output_padding, self.strides, strict=True)):
                raise ArgumentError(who, f"numbers below the strides {self.strides}", str(self.output_padding))
        self._set_format(data_format)
        self.dilation_rate = self._integers("dilation_rate", dilation_rate)

    def build(self, input_shape: Any) -> None:
        """Create the kernel and the bias."""
        shape = (*self.kernel_size, self.filters, self._channels(input_shape))
        self._add_kernel(shape, self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Compute the transposed convolution, the bias and the activation."""
        images = self._of_channels(inputs, self.kernel.shape[-1])
        lengths = images.shape[3 - self._axes : 3]
        along = [self._axis(axis, length) for axis, length in enumerate(lengths)]
        if self._axes == 1:  # a sequence is an image of height 1
            along.insert(0, (1, (0, 0)))
        (height, above), (width, before) = along
        windows = Windows(pair(self.kernel_size), pair(self.strides), pair(self.dilation_rate), (above, before))
        shape = (images.shape[0], height, width, self.filters)
        outputs = convolve_images(images, self._kernel_of_images(self.kernel), windows, shape)
        outputs = self._outputs(outputs if self.bias is None else outputs + self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def _axis(self, axis: int, length: int) -> tuple[int, Pair]:
        """Return the length of the output along an axis, and how much of it is cut off before and after."""
        stride, extra = self.strides[axis], self.output_padding
        wide = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        if extra is None:
            found = length * stride + (max(wide - stride, 0) if self.padding == "valid" else 0)
        else:
            found = (length - 1) * stride + wide - (wide // 2 * 2 if self.padding == "same" else 0) + extra[axis]
        cut = max((length - 1) * stride + wide - found, 0)
        return found, (cut // 2, cut - cut // 2)

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        found = [None if n is None else self._axis(axis, n)[0] for axis, n in enumerate(lengths[1:-1])]
        return (lengths[0], *found, self.filters)


class Conv2DTranspose(TransposedConvolution):
    """Enlarge images by a transposed convolution: ``(batch, height, width, channels) → (batch, …, filters)``.

    Every input pixel adds its channels times the kernel to a window of the output. This is the gradient of a `Conv2D`
    from ``filters`` to ``channels`` with respect to its inputs.

    Args:
        filters: the number of output channels.
        kernel_size: the height and the width of the kernel, or one number for both.
        strides: the distance between windows of the output, one number or two.
        padding: "valid" for ``length · stride + max(kernel_size - stride, 0)`` outputs along an axis, or "same" for
            ``length · stride``.
        output_padding: additional rows and columns of the output, one number or two, below the strides; None for the
            lengths above. With it the output has ``(length - 1) · stride + kernel_size - 2 p + output_padding``
            elements along an axis, where p is ``kernel_size // 2`` for "same" and else 0.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        dilation_rate: the distance between the elements of a window, one number or two.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel, ``(height, width, filters, channels)``.
        bias_initializer: the initial value of the bias, ``(filters,)``.
        kernel_regularizer: a penalty on the kernel that is added to the loss.
        bias_regularizer: the same for the bias.
        activity_regularizer: a penalty on the outputs, divided by the number of samples.
        kernel_constraint: what the kernel has to satisfy after each step.
        bias_constraint: the same for the bias.

    The errors are those of `Conv2D`; also ArgumentError for an ``output_padding`` that is not below the strides.

    Source: Keras, ``keras.layers.Conv2DTranspose``.

    Example:
        >>> tl.layers.Conv2DTranspose(4, 3, strides=2, padding="same")(tl.ones((2, 4, 3, 5))).shape
        (2, 8, 6, 4)
    """

    _axes = 2


class Conv1DTranspose(TransposedConvolution):
    """Enlarge sequences by a transposed convolution: ``(batch, steps, channels) → (batch, new steps, filters)``.

    The arguments and the errors are those of `Conv2DTranspose`, with one number for each pair.

    Source: Keras, ``keras.layers.Conv1DTranspose``.

    Example:
        >>> tl.layers.Conv1DTranspose(4, 3, strides=2, padding="same")(tl.ones((2, 4, 5))).shape
        (2, 8, 4)
    """

    _axes = 1

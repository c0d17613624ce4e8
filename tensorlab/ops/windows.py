"""Convolutions and pooling of images ``(batch, height, width, channels)``, for the layers.

A convolution is linear in images, kernel, and the gradient of its outputs. So each of its two gradients is linear too,
and the gradients of the three are the three themselves.
"""

from __future__ import annotations

from typing import Any

from tensorlab import autodiff
from tensorlab.ops.arithmetic import add
from tensorlab.ops.dispatch import together
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.nn import biased, dense, record_fused
from tensorlab.ops.probabilities import Sigmoid
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor
from tensorlab.windows import Windows


def convolve(
    x: Tensor, kernel: Tensor, windows: Windows, bias: Tensor | None = None, activation: Elementwise | None = None
) -> Tensor:
    """Return ``activation(convolution + bias)``. Bias and activation are applied while the product is in cache.

    Args:
        x: images, ``(batch, height, width, channels)``.
        kernel: ``(rows, columns, channels / groups, filters)``, of the same floating-point dtype.
        windows: the windows that the kernel is applied to.
        bias: ``(filters,)`` or None.
        activation: an elementwise operation of one argument, or None.

    Returns:
        ``(batch, windows down, windows across, filters)``.
    """
    if activation is not None and isinstance(activation, Sigmoid):
        return activation(convolve(x, kernel, windows, bias))  # separately, because the result keeps its logits
    if windows == Windows((1, 1)) and x.size:
        return dense(x, kernel.reshape(kernel.shape[2:]), bias, activation)
    epilogue = activation
    if bias is not None:
        epilogue = add if activation is None else biased(activation)
    recording = autodiff.recording()
    keep = recording and activation is not None
    scalar = None if epilogue is None else epilogue.scalar
    x, kernel, *operands = together("convolve", x, kernel, *([] if bias is None else [bias]))
    backend = x._backend
    buffers = [each._buffer for each in operands]
    buffer, product = backend.convolve(windows, x._buffer, kernel._buffer, scalar, buffers, keep)
    result = Tensor(buffer, backend)
    if recording:
        vjps = (lambda g: _images(windows, x.shape, g, kernel), lambda g: _weights(windows, x, g))
        made = Tensor(product, backend) if keep else result
        record_fused(x, kernel, vjps, operands, epilogue, made, result)
    return result


def _outputs(windows: Windows, x: Tensor, kernel: Tensor) -> Tensor:
    return convolve(x, kernel, windows)


def _weights(windows: Windows, x: Tensor, outputs: Tensor) -> Tensor:
    x, outputs = together("convolve_weights", x, outputs)
    result = Tensor(x._backend.convolve_weights(windows, x._buffer, outputs._buffer), x._backend)
    if autodiff.recording():
        vjps = (lambda g: _images(windows, x.shape, outputs, g), lambda g: _outputs(windows, x, g))
        autodiff.record((x, outputs), (result,), vjps)
    return result


def convolve_images(outputs: Tensor, kernel: Tensor, windows: Windows, shape: Shape) -> Tensor:
    """Return the transposed convolution: images of a shape, to which each window adds its output times the kernel.

    Args:
        outputs: ``(batch, windows down, windows across, filters)``.
        kernel: ``(rows, columns, channels / groups, filters)``, of the same floating-point dtype.
        windows: the windows of the images.
        shape: the shape of the images.
    """
    return _images(windows, shape, outputs, kernel)


def _images(windows: Windows, shape: Shape, outputs: Tensor, kernel: Tensor) -> Tensor:
    outputs, kernel = together("convolve_images", outputs, kernel)
    backend = outputs._backend
    result = Tensor(backend.convolve_images(windows, shape, outputs._buffer, kernel._buffer), backend)
    if autodiff.recording():
        vjps = (lambda g: _outputs(windows, g, kernel), lambda g: _weights(windows, g, outputs))
        autodiff.record((outputs, kernel), (result,), vjps)
    return result


def max_pool(x: Tensor, windows: Windows) -> Tensor:
    """Return the maximum of each window and channel. Its gradient goes to the first of equal elements."""
    backend = x._backend
    buffer, taps = backend.window_max(windows, x._buffer)
    result = Tensor(buffer, backend)
    if autodiff.recording():
        shape = x.shape
        autodiff.record((x,), (result,), (lambda g: _spread(windows, shape, g, taps),))
    return result


def sum_pool(x: Tensor, windows: Windows, taps: Any = None) -> Tensor:
    """Return the sum of each window and channel; with ``taps`` of the backend's `window_max`, that of one element."""
    backend = x._backend
    result = Tensor(backend.window_sum(windows, x._buffer, taps), backend)
    if autodiff.recording():
        shape = x.shape
        autodiff.record((x,), (result,), (lambda g: _spread(windows, shape, g, taps),))
    return result


def spread(outputs: Tensor, windows: Windows, shape: Shape) -> Tensor:
    """Return images of a shape whose pixels are the sums of the outputs of all windows that contain them."""
    return _spread(windows, shape, outputs, None)


def _spread(windows: Windows, shape: Shape, outputs: Tensor, taps: Any) -> Tensor:
    backend = outputs._backend
    result = Tensor(backend.window_spread(windows, shape, outputs._buffer, taps), backend)
    if autodiff.recording():
        autodiff.record((outputs,), (result,), (lambda g: sum_pool(g, windows, taps),))
    return result

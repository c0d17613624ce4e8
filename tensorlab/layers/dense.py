"""`Dense`: a fully connected layer."""

from __future__ import annotations

import operator
from typing import Any, Unpack

from tensorlab import activations
from tensorlab.arguments import followed_by
from tensorlab.checking import here
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.arguments import batch_shape
from tensorlab.layers.calling import call_around
from tensorlab.layers.with_kernel import KernelArguments, WithKernel
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.nn import dense
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, mask_of


def positive(who: str, value: Any) -> int:
    """Return a positive integer, such as a number of units.

    Raises:
        ArgumentError: unless it is an integer of at least 1.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if isinstance(value, bool) or number < 1:
        raise ArgumentError(who, "an integer of at least 1", short_repr(value))
    return number


class Dense(WithKernel):
    """Compute ``activation(inputs · kernel + bias)``: ``(…, k) → (…, units)``. In a model, inputs are a batch.

    If the activation is an `Activation`, it and the bias are fused into the matrix product.

    Args:
        units: the number of outputs.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel, ``(k, units)``.
        bias_initializer: the initial value of the bias, ``(units,)``.
        kernel_regularizer: a penalty on the kernel that is added to the loss: a name, a `Regularizer`, a function, or
            None.
        bias_regularizer: the same for the bias.
        activity_regularizer: a penalty on the outputs, divided by the number of samples.
        kernel_constraint: what the kernel is replaced by after each step: a `Constraint`, a name, a function, or None.
        bias_constraint: the same for the bias.

    Raises:
        ArgumentError: unless ``units`` is an integer of at least 1.
        UnknownNameError: for an unknown activation, initializer or regularizer.

    Source: Keras, ``keras.layers.Dense``.

    Example:
        >>> layer = tl.layers.Dense(3, activation="relu")
        >>> layer(tl.ones((2, 4))).shape
        (2, 3)
        >>> [weight.shape for weight in layer.weights]
        [(4, 3), (3,)]
    """

    supports_masking = True
    _takes_one = True

    @property
    def samplewise(self) -> bool:
        """Whether the activation is one that computes each sample separately."""
        return activations.acts_along_last_axis(self.activation)

    @followed_by(WithKernel)
    def __init__(self, units: int, *args: Any, **options: Unpack[KernelArguments]) -> None:
        super().__init__(*args, **options)
        self.units = positive(f"{self._who} units", units)

    def build(self, input_shape: Shape) -> None:
        """Create the kernel and the bias."""
        features = input_shape[-1] if isinstance(input_shape, (tuple, list)) and input_shape else None
        if features is None:
            hint = "only the lengths of other axes may be unknown"
            raise ShapeError(self._who, "a shape whose last length is known", short_repr(input_shape), hint)
        self._add_kernel((features, self.units), self.units)

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Compute the outputs, as `Layer.__call__` describes."""
        if (
            isinstance(inputs, Tensor)
            and self._called
            and self.built
            and inputs.dtype is self.dtype
            and not args
            and not kwargs
            and self.activity_regularizer is None
            and type(self).call is Dense.call
            and "call" not in self.__dict__
            and activations.acts_along_last_axis(self.activation)
            and mask_of(inputs) is None
            and not here.watchers
        ):
            return self.call(inputs)  # nothing would read the record of a call: `call` runs only tensorlab's operations
        return super().__call__(inputs, *args, training=training, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        """Compute the product, the bias and the activation."""
        shape, kernel, activation = inputs.shape, self.kernel, self.activation
        if len(shape) < 2:
            self._check_rank(shape)
        if shape[-1] != kernel.shape[0]:
            raise _wrong_inputs(self._who, kernel.shape[0], shape)
        if inputs.dtype is not self.dtype:
            inputs = inputs.astype(self.dtype)
        if activation is None or activation is activations.linear:
            return dense(inputs, kernel, self.bias)
        if isinstance(activation, Elementwise):
            return dense(inputs, kernel, self.bias, activation)
        return activation(dense(inputs, kernel, self.bias))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the outputs for a shape of inputs, in which lengths may be None.

        Raises:
            ShapeError: for anything but a shape.
        """
        return (*batch_shape(self._who, input_shape)[:-1], self.units)

    def _ensure_built(self, input_shape: Any) -> None:
        self._check_rank(input_shape)
        super()._ensure_built(input_shape)

    def _check_rank(self, shape: Shape) -> None:
        expected = "inputs of shape (batch, features)"
        if not shape:
            raise ShapeError(self._who, expected, "()", "add an axis with expand_dims")
        if len(shape) == 1 and call_around(self) is not None:  # a single sample is allowed outside of other layers only
            hint = "reshape x to (n, 1), or a single sample to (1, n)"
            raise ShapeError(self._who, expected, "inputs of one axis", hint)


def _wrong_inputs(who: str, features: int, received: Shape) -> ShapeError:
    size = 1
    for length in received[1:]:
        size *= length
    hint = ""
    if len(received) > 2 and size == features:
        hint = f"add a Flatten layer or reshape to {(received[0], features)}"
    return ShapeError(who, f"inputs of shape (batch, {features})", str(received), hint)

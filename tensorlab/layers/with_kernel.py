"""`WithKernel`: what `Dense` and the convolutions have in common."""

from __future__ import annotations

from typing import Any, TypedDict

from tensorlab import activations, constraints, initializers, regularizers
from tensorlab.layers.base import Layer
from tensorlab.shapes import Shape
from tensorlab.variable import Variable


class KernelArguments(TypedDict, total=False):
    """The arguments of `WithKernel` and of every layer, for the type checkers of users."""

    activation: Any
    use_bias: bool
    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    bias_regularizer: Any
    activity_regularizer: Any
    kernel_constraint: Any
    bias_constraint: Any
    name: str | None
    dtype: Any
    trainable: bool
    input_shape: Any
    input_dim: Any
    batch_input_shape: Any


class WithKernel(Layer):
    """The base of layers with a kernel, a bias and an activation.

    The arguments of its constructor follow those of a subclass, see `followed_by`.
    """

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def _add_kernel(self, shape: Shape, outputs: int) -> None:
        """Create the kernel, and the bias if there is one."""
        self.kernel = self._add_configured("kernel", shape)
        self.bias = self._add_configured("bias", (outputs,)) if self.use_bias else None

"""`Lambda`: a function of tensors as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tensorlab import activations
from tensorlab.arguments import check_callable
from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.layers.arguments import computed_on_zeros, shapes_of
from tensorlab.layers.base import Layer
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor


class Lambda(Layer):
    """Compute ``function(inputs, **arguments)``, for a function that has no weights.

    A function with an argument ``training`` or ``mask`` is given it. A model with this layer can be saved if the
    function has a name, which is in the file; `tl.load_model` then takes the function in ``custom_objects``. A
    ``lambda`` has none; wrap a formula of numbers in `tl.Activation`, which is saved as a whole.

    Args:
        function: a function of tensors, or the name of an activation.
        output_shape: the shape of a sample of the outputs, or a function that returns the shape of the outputs for that
            of the inputs, for `compute_output_shape`; None to compute it with the function.
        mask: the mask of the outputs, or a function that returns it for the inputs and their mask; None if the outputs
            have none.
        arguments: more arguments of the function, in a dict.

    Raises:
        ArgumentTypeError: for something that cannot be called, or arguments that are not in a dict.

    Source: Keras, ``keras.layers.Lambda``.

    Example:
        >>> tl.layers.Lambda(lambda x: x**2)(tl.asarray([[3.0, 4.0]])).tolist()
        [[9.0, 16.0]]
    """

    def __init__(
        self, function: Any, output_shape: Any = None, mask: Any = None, arguments: Any = None, **options: Any
    ) -> None:
        super().__init__(**options)
        if isinstance(function, (str, dict)):  # of a config
            function = activations.get(function)
        check_callable(f"{self._who} function", "a function of tensors", function)
        if arguments is not None and not isinstance(arguments, Mapping):
            raise ArgumentTypeError(f"{self._who} arguments", "a dict of arguments", short_repr(arguments))
        self.function, self.mask = function, mask
        self.arguments = dict(arguments or {})
        self.output_shape = output_shape
        self.supports_masking = mask is not None
        names = _parameters(function)
        self._passes_training, self._passes_mask = "training" in names, "mask" in names

    def call(self, inputs: Any, mask: Tensor | None = None, training: bool | None = None) -> Any:
        """Return the result of the function."""
        more = dict(self.arguments)
        if self._passes_mask:
            more["mask"] = mask
        if self._passes_training:
            more["training"] = training
        return self.function(inputs, **more)

    def compute_mask(self, inputs: Any, previous_mask: Tensor | None = None) -> Tensor | None:
        """Return the mask of the outputs."""
        found = self.mask(inputs, previous_mask) if callable(self.mask) else self.mask
        return None if found is None else as_tensor(found, f"{self._who} mask")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs for a shape of inputs."""
        if callable(self.output_shape):
            return self.output_shape(input_shape)
        if self.output_shape is not None:
            return (input_shape[0], *self.output_shape)
        return (input_shape[0], *shapes_of(computed_on_zeros(self, input_shape, self)[0])[1:])


def _parameters(function: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # of an extension module
        return ()

"""The maxout layer for tensorlab: ``Maxout(64, pieces=3)``."""

import tensorlab as tl
from tensorlab import hookimpl


class Maxout(tl.layers.Layer):
    """Compute ``y_u = max_p (x · kernel_(u, p) + bias_(u, p))``: ``(…, k) → (…, units)``.

    The maximum of several linear functions is convex and piecewise linear, so each unit learns its own activation.

    Args:
        units: the number of outputs.
        pieces: the number of linear functions for each output.
        kernel_initializer: the initializer of the kernel, ``(k, units · pieces)``.
        bias_initializer: the initializer of the bias, ``(units · pieces,)``.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentError: for fewer than one unit or piece.

    Source: I. Goodfellow et al., "Maxout Networks", arXiv:1302.4389.
    """

    samplewise = True

    def __init__(self, units, pieces=2, kernel_initializer="glorot_uniform", bias_initializer="zeros", **options):
        super().__init__(**options)
        for name, value in {"units": units, "pieces": pieces}.items():
            if not isinstance(value, int) or value < 1:
                raise tl.errors.ArgumentError(f"Maxout {name}", "an integer of at least 1", repr(value))
        self.units, self.pieces = units, pieces
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def build(self, input_shape):
        """Create kernel and bias. The pieces of one unit are adjacent columns."""
        columns = self.units * self.pieces
        self.kernel = self.add_weight((input_shape[-1], columns), self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((columns,), self.bias_initializer, name="bias")

    def call(self, inputs):
        """Compute all linear functions in one matrix product, and the maximum for each unit."""
        values = tl.matmul(inputs, self.kernel) + self.bias
        return tl.max(tl.reshape(values, (*values.shape[:-1], self.units, self.pieces)), axis=-1)


@hookimpl
def tensorlab_register_layers():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"Maxout": Maxout}

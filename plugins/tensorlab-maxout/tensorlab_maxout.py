"""The maxout layer for tensorlab: an activation that is learned."""

import tensorlab as tl
from tensorlab import hookimpl


class Maxout(tl.layers.Layer):
    """``y_u = max_p (x · kernel_(u, p) + bias_(u, p))``: ``(…, k) → (…, units)``.

    The largest of several linear functions is a convex one, piece by piece, so each unit learns its own activation.

    Args:
        units: the number of outputs.
        pieces: the number of linear functions for each of them.
        kernel_initializer: what the kernel, ``(k, units · pieces)``, begins with.
        bias_initializer: what the bias, ``(units · pieces,)``, begins with.

    Raises:
        ValueError: for fewer than one unit or piece.

    Source: I. Goodfellow et al., "Maxout Networks", arXiv:1302.4389.
    """

    def __init__(self, units, pieces=2, kernel_initializer="glorot_uniform", bias_initializer="zeros", **options):
        super().__init__(**options)
        for name, value in {"units": units, "pieces": pieces}.items():
            if not isinstance(value, int) or value < 1:
                raise tl.errors.ArgumentError(f"Maxout {name}", "a whole number of at least 1", repr(value))
        self.units, self.pieces = units, pieces
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def build(self, input_shape):
        """Make kernel and bias; the pieces of a unit lie side by side."""
        columns = self.units * self.pieces
        self.kernel = self.add_weight((input_shape[-1], columns), self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((columns,), self.bias_initializer, name="bias")

    def call(self, inputs):
        """All linear functions in one product, and the largest of each unit's."""
        values = tl.matmul(inputs, self.kernel) + self.bias
        return tl.max(tl.reshape(values, (*values.shape[:-1], self.units, self.pieces)), axis=-1)


@hookimpl
def tensorlab_register_layers():
    """Called by tensorlab the first time that a program looks any name up."""
    return {"Maxout": Maxout}

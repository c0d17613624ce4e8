"""The cells: one step of a sequence each, with the weights."""

import tensorlab as tl
from tensorlab_recurrent import steps
from tensorlab_recurrent.cell import Cell, gates, masked, masked_product
from tensorlab_recurrent.signatures import with_arguments_of


class SimpleRNNCell(Cell):
    """Compute ``h' = activation(x · kernel + bias + h · recurrent_kernel)``; the output is ``h'``.

    The arguments are those of every `Cell`.

    Source: Keras, ``keras.layers.SimpleRNNCell``.
    """

    def _masks(self):
        return 1

    def _lift(self, activation):
        return steps.simple_rnn_step(activation.scalar)

    def step(self, projected, states, masks):
        """Return the output, which is the new state."""
        h = self.activation(projected + masked_product(states[0], masks, self.recurrent_kernel))
        return h, [h]

    def scan(self, projected, states):
        """Return the outputs of all steps, and the last state."""
        outputs = steps.scan_simple_rnn(self._lifted, projected, self.recurrent_kernel, states[0])
        return outputs, [outputs[:, -1]]


class LSTMCell(Cell):
    """Compute a step of a long short-term memory: an output ``h`` and a carry state ``c``.

    With ``i, f, g, o`` the four parts of ``x · kernel + bias + h · recurrent_kernel``, and ``σ`` the recurrent
    activation: ``c' = σ(f) c + σ(i) activation(g)`` and ``h' = σ(o) activation(c')``.

    Args:
        recurrent_activation: the activation of the gates: a name, an `Activation`, a function of tensors, or None.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        options: those of every `Cell`.

    Source: Keras, ``keras.layers.LSTMCell``; Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997.
    """

    gates = 4
    count = 2

    @with_arguments_of(Cell, recurrent_activation="activation", unit_forget_bias="bias_initializer")
    def __init__(self, recurrent_activation="sigmoid", unit_forget_bias=True, **options):
        super().__init__(**options)
        self.recurrent_activation = tl.activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def _initial_bias(self, shape, dtype=None):
        if not self.unit_forget_bias:
            return self.bias_initializer(shape, dtype=dtype)
        parts = [self.bias_initializer((count * self.units,), dtype=dtype) for count in (1, 2)]
        return tl.concat([parts[0], tl.ones((self.units,), dtype=dtype), parts[1]])

    def _lift(self, activation, recurrent=None):
        return None if recurrent is None else steps.lstm_step(activation.scalar, recurrent.scalar)

    def step(self, projected, states, masks):
        """Return the output, and the new output and carry state."""
        i, f, g, o = gates(projected + masked_product(states[0], masks, self.recurrent_kernel), 4)
        c = self.recurrent_activation(f) * states[1] + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def scan(self, projected, states):
        """Return the outputs of all steps, and the last output and carry state."""
        outputs, carry = steps.scan_lstm(self._lifted, projected, self.recurrent_kernel, *states)
        return outputs, [outputs[:, -1], carry]


class GRUCell(Cell):
    """Compute a step of a gated recurrent unit; the output is the new state ``h'``.

    With ``z, r, n`` the three parts of ``x · kernel + bias``, ``hz, hr, hn`` those of
    ``h · recurrent_kernel + recurrent_bias``, and ``σ`` the recurrent activation: ``z' = σ(z + hz)``,
    ``r' = σ(r + hr)`` and ``h' = z' h + (1 - z') activation(n + r' hn)``. If ``reset_after`` is false, there is one
    bias, and ``r'`` multiplies ``h`` before its product with the last part of the recurrent kernel.

    Args:
        recurrent_activation: the activation of the gates: a name, an `Activation`, a function of tensors, or None.
        reset_after: whether the reset gate is applied after the product. If so, the bias is ``(2, 3 units)``, with that
            of the inputs first.
        options: those of every `Cell`.

    Source: Keras, ``keras.layers.GRUCell``; Cho et al., arXiv:1406.1078.
    """

    gates = 3

    @with_arguments_of(Cell, recurrent_activation="activation", reset_after="recurrent_dropout")
    def __init__(self, recurrent_activation="sigmoid", reset_after=True, **options):
        super().__init__(**options)
        self.recurrent_activation = tl.activations.get(recurrent_activation)
        self.reset_after = reset_after

    def _bias_shape(self, columns):
        return (2, columns) if self.reset_after else (columns,)

    def _input_bias(self):
        return self.bias if self.bias is None or not self.reset_after else self.bias[0]

    def _lift(self, activation, recurrent=None):
        return None if recurrent is None else steps.gru_step(activation.scalar, recurrent.scalar)

    def can_scan(self, masks):
        """Return whether `scan` computes what `step` does."""
        return self.reset_after and super().can_scan(masks)

    def step(self, projected, states, masks):
        """Return the output, which is the new state."""
        h, kernel, split = states[0], self.recurrent_kernel, 2 * self.units
        xz, xr, xn = gates(projected, 3)
        if self.reset_after:
            product = masked_product(h, masks, kernel)
            hz, hr, hn = gates(product if self.bias is None else product + self.bias[1], 3)
        else:
            hz, hr = gates(masked_product(h, masks[:2], kernel[:, :split]), 2)
        z, r = self.recurrent_activation(xz + hz), self.recurrent_activation(xr + hr)
        hn = r * hn if self.reset_after else tl.matmul(r * masked(h, masks[2:]), kernel[:, split:])
        h = z * h + (1.0 - z) * self.activation(xn + hn)
        return h, [h]

    def scan(self, projected, states):
        """Return the outputs of all steps, and the last state."""
        bias = None if self.bias is None else self.bias[1]
        outputs = steps.scan_gru(self._lifted, projected, self.recurrent_kernel, states[0], bias)
        return outputs, [outputs[:, -1]]

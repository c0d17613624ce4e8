"""The steps of the cells as functions of numbers, and the loops over steps that use them.

A step is elementwise in the projections of its inputs and of the state before it. So it is written as a function of
numbers, and tensorlab makes its kernel and those of its derivatives. The projection of all inputs is one product.

Lists are made by statements of their own, so that plans see that they belong to the function.

The gradient is computed here and not by a tape over the steps, because most of it needs no loop. The derivatives of all
steps are elementwise in values that are known, so one kernel computes each for all steps at once. Only the recurrence
remains: from the last step to the first, two elementwise operations and a product. The gradient of the recurrent
kernel is one product of all states and all gradients.
"""

import tensorlab as tl

BATCH_TIME = (0, 1)


def simple_rnn_step(activation):
    """Return the step of a `SimpleRNNCell`: its new state, from the projections of the input and of the state."""

    def state(x, h):
        return activation(x + h)

    return (tl.elementwise(state),)


def lstm_step(activation, recurrent):
    """Return the step of an `LSTMCell`: its new carry state, and its output from this.

    The arguments are projections of the input (x) and of the output of the step before (h), for the input gate (i), the
    forget gate (f), the candidate (g) and the output gate (o), and the carry state.
    """

    def carry(xi, hi, xf, hf, xg, hg, c):
        return recurrent(xf + hf) * c + recurrent(xi + hi) * activation(xg + hg)

    def output(xo, ho, c):
        return recurrent(xo + ho) * activation(c)

    return tl.elementwise(carry), tl.elementwise(output)


def gru_step(activation, recurrent):
    """Return the step of a `GRUCell` with ``reset_after=True``: its new state.

    The arguments are projections of the input (x) and of the state (h), for the update gate (z), the reset gate (r) and
    the candidate (n), and the state.
    """

    def state(xz, hz, xr, hr, xn, hn, h):
        z = recurrent(xz + hz)
        return z * h + (1.0 - z) * activation(xn + recurrent(xr + hr) * hn)

    return (tl.elementwise(state),)


@tl.elementwise
def _scaled_sum(factor, a, b):
    return factor * (a + b)


@tl.elementwise
def _through_lstm(upstream, r, to_carry, later, kept):
    """Return the gradient of a carry state: through the output, and through the next carry state."""
    return (upstream + r) * to_carry + later * kept


@tl.elementwise
def _gates_of_lstm(gate, i, f, g, o, carry, upstream, r):
    """Return the gradient of the projection of a gate, whose number is given."""
    factor = i if gate == 0.0 else (f if gate == 1.0 else g)
    return factor * carry if gate < 3.0 else o * (upstream + r)


@tl.elementwise
def _through_gru(upstream, r, later, kept):
    """Return the gradient of a state: of the output, through the next projection, and through the next state."""
    return upstream + r + later * kept


@tl.elementwise
def _gates_of_gru(gate, z, r, n, state):
    """Return the gradient of the projection of a gate, whose number is given."""
    return (z if gate == 0.0 else (r if gate == 1.0 else n)) * state


def _gate_numbers(count, like):
    """Return the numbers of the gates, to broadcast along the units."""
    return tl.reshape(tl.arange(count, dtype=like.dtype, device=like.device), (count, 1))


def _parts(projected, units):
    """Split the last axis into gates and units."""
    return tl.reshape(projected, (*projected.shape[:-1], projected.shape[-1] // units, units))


def _before(first, sequence):
    """Return the states before each step: the first one, and all but the last of a sequence."""
    return tl.concat([tl.expand_dims(first, axis=1), sequence[:, :-1]], axis=1)


def _kernel_gradient(before, gradients):
    """Return the gradient of the recurrent kernel: the sum of the products of all steps, as one product."""
    rows = before.shape[0] * before.shape[1]
    states, columns = (tl.reshape(each, (rows, each.shape[-1])) for each in (before, gradients))
    return tl.matmul(tl.matrix_transpose(states), columns)


def scan_simple_rnn(step, projected, kernel, first):
    """Compute all outputs of a `SimpleRNNCell`.

    Args:
        step: what `simple_rnn_step` returns.
        projected: the projections of the inputs, ``(batch, time, units)``, with at least one step.
        kernel: the recurrent kernel, ``(units, units)``.
        first: the state before the first step, ``(batch, units)``.

    Returns:
        the outputs, ``(batch, time, units)``.
    """
    (state,) = step

    @tl.custom_gradient
    def scan(x, kernel, first):
        h = first
        hs = []
        rs = []
        for t in range(x.shape[1]):
            r = tl.matmul(h, kernel)
            h = state(x[:, t], r)
            rs.append(r)
            hs.append(h)
        outputs, recurrent = tl.stack(hs, axis=1), tl.stack(rs, axis=1)

        def gradient(upstream):
            slope = state.vjp(0)(1.0, x, recurrent)
            transposed = tl.matrix_transpose(kernel)
            r = tl.zeros_like(first)
            found = []
            for t in range(x.shape[1] - 1, -1, -1):
                dx = _scaled_sum(slope[:, t], upstream[:, t], r)
                r = tl.matmul(dx, transposed)
                found.append(dx)
            dx = tl.stack(found[::-1], axis=1)
            return dx, _kernel_gradient(_before(first, outputs), dx), r

        return outputs, gradient

    return scan(projected, kernel, first)


def scan_lstm(step, projected, kernel, first, first_carry):
    """Compute all outputs of an `LSTMCell`, and its last carry state.

    Args:
        step: what `lstm_step` returns.
        projected: the projections of the inputs, ``(batch, time, 4 units)``, with at least one step.
        kernel: the recurrent kernel, ``(units, 4 units)``.
        first: the output before the first step, ``(batch, units)``.
        first_carry: the carry state before the first step, ``(batch, units)``.

    Returns:
        the outputs, ``(batch, time, units)``, and the last carry state, ``(batch, units)``.
    """
    carry, output = step

    @tl.custom_gradient
    def scan(projected, kernel, first, first_carry):
        units = first.shape[-1]
        x = _parts(projected, units)
        h, c = first, first_carry
        hs = []
        cs = []
        rs = []
        for t in range(x.shape[1]):
            r = _parts(tl.matmul(h, kernel), units)
            c = carry(x[:, t, 0], r[:, 0], x[:, t, 1], r[:, 1], x[:, t, 2], r[:, 2], c)
            h = output(x[:, t, 3], r[:, 3], c)
            hs.append(h)
            cs.append(c)
            rs.append(r)
        outputs, carries, recurrent = tl.stack(hs, axis=1), tl.stack(cs, axis=1), tl.stack(rs, axis=1)

        def gradient(upstream, later):
            gates = [part for gate in range(3) for part in (x[:, :, gate], recurrent[:, :, gate])]
            arguments = [*gates, _before(first_carry, carries)]
            i, f, g, kept = [tl.expand_dims(carry.vjp(index)(1.0, *arguments), axis=2) for index in (0, 2, 4, 6)]
            last = [x[:, :, 3], recurrent[:, :, 3], carries]
            o, to_carry = tl.expand_dims(output.vjp(0)(1.0, *last), axis=2), output.vjp(2)(1.0, *last)
            kept = kept[:, :, 0]
            numbers, transposed = _gate_numbers(4, x), tl.matrix_transpose(kernel)
            r, following = tl.zeros_like(first), 1.0
            found = []
            for t in range(x.shape[1] - 1, -1, -1):
                later = _through_lstm(upstream[:, t], r, to_carry[:, t], later, following)
                parts = [tl.expand_dims(each, axis=1) for each in (later, upstream[:, t], r)]
                dz = _gates_of_lstm(numbers, i[:, t], f[:, t], g[:, t], o[:, t], *parts)
                r = tl.matmul(tl.reshape(dz, (x.shape[0], 4 * units)), transposed)
                following = kept[:, t]
                found.append(dz)
            dz = tl.reshape(tl.stack(found[::-1], axis=1), projected.shape)
            return dz, _kernel_gradient(_before(first, outputs), dz), r, later * following

        return (outputs, c), gradient

    return scan(projected, kernel, first, first_carry)


def scan_gru(step, projected, kernel, first, bias):
    """Compute all outputs of a `GRUCell` with ``reset_after=True``.

    Args:
        step: what `gru_step` returns.
        projected: the projections of the inputs, ``(batch, time, 3 units)``, with at least one step.
        kernel: the recurrent kernel, ``(units, 3 units)``.
        first: the state before the first step, ``(batch, units)``.
        bias: the bias of the projections of states, ``(3 units,)``, or None.

    Returns:
        the outputs, ``(batch, time, units)``.
    """
    (state,) = step

    @tl.custom_gradient
    def scan(projected, kernel, first, *bias):
        units = first.shape[-1]
        x = _parts(projected, units)
        h = first
        hs = []
        rs = []
        for t in range(x.shape[1]):
            r = _parts(tl.dense(h, kernel, *bias), units)
            h = state(x[:, t, 0], r[:, 0], x[:, t, 1], r[:, 1], x[:, t, 2], r[:, 2], h)
            hs.append(h)
            rs.append(r)
        outputs, recurrent = tl.stack(hs, axis=1), tl.stack(rs, axis=1)

        def gradient(upstream):
            before = _before(first, outputs)
            gates = [part for gate in range(3) for part in (x[:, :, gate], recurrent[:, :, gate])]
            z, reset, x_n, h_n, kept = [state.vjp(index)(1.0, *gates, before) for index in (0, 2, 4, 5, 6)]
            numbers, transposed = _gate_numbers(3, x), tl.matrix_transpose(kernel)
            r, later, following = tl.zeros_like(first), tl.zeros_like(first), 1.0
            found = []
            for t in range(x.shape[1] - 1, -1, -1):
                later = _through_gru(upstream[:, t], r, later, following)
                parts = [tl.expand_dims(each, axis=1) for each in (z[:, t], reset[:, t], h_n[:, t], later)]
                r = tl.matmul(tl.reshape(_gates_of_gru(numbers, *parts), (x.shape[0], 3 * units)), transposed)
                following = kept[:, t]
                found.append(later)
            states = tl.stack(found[::-1], axis=1)
            wide = [tl.expand_dims(each, axis=2) for each in (z, reset, x_n, h_n, states)]
            dx = tl.reshape(_gates_of_gru(numbers, wide[0], wide[1], wide[2], wide[4]), projected.shape)
            dh = tl.reshape(_gates_of_gru(numbers, wide[0], wide[1], wide[3], wide[4]), projected.shape)
            sums = [tl.sum(dh, axis=BATCH_TIME) for _ in bias]
            return dx, _kernel_gradient(before, dh), _through_gru(r, 0.0, later, following), *sums

        return outputs, gradient

    return scan(projected, kernel, first, *([] if bias is None else [bias]))

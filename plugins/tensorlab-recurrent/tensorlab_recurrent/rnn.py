"""`RNN`: apply a cell to the steps of sequences."""

import tensorlab as tl
from tensorlab.errors import ArgumentError, DTypeError, ShapeError, short_repr
from tensorlab_recurrent.cell import Cell, as_cell
from tensorlab_recurrent.messages import name_of


class _States:
    """The states that a layer keeps from batch to batch. They are not weights, so no attribute leads to them."""

    def __init__(self):
        self.variables = []

    def begin(self, first):
        """Keep states from now on. It runs once, so that later calls, which only assign, can be a plan."""
        self.variables = [tl.Variable(state, trainable=False, name="rnn_state") for state in first]


class RNN(tl.layers.Layer):
    """Apply a cell to the steps of sequences: ``(batch, time, …) → (batch, units)``.

    Inputs, results and masks are those of Keras. Sequences of no step return the initial state.

    A call takes ``initial_state``, a list of states of shape ``(batch, size)``, and ``mask``, bools of shape
    ``(batch, time)``: where it is false, a step is skipped, and its output is the one before it.

    Args:
        cell: a cell, such as `LSTMCell`, or a layer with ``call(inputs, states)``, which returns an output and a list
            of new states, and with ``state_size``, a number or a list of numbers.
        return_sequences: whether to return the outputs of all steps, ``(batch, time, units)``, and not only the last.
        return_state: whether to return a tuple of the outputs and the last states.
        go_backwards: whether to begin with the last step; outputs are in the order of computation.
        stateful: whether the states after a batch are those before the next one. Call `reset_state` between sequences.
        unroll: accepted as in Keras: a plan has all steps in any case.
        zero_output_for_mask: whether the output of a skipped step is zero.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentTypeError: for something that is not a cell.

    Source: Keras, ``keras.layers.RNN``.
    """

    supports_masking = True

    def __init__(
        self,
        cell,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        **options,
    ):
        super().__init__(**options)
        self.cell = as_cell(f"{name_of(self)} cell", cell)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self._states = _States()

    @property
    def samplewise(self):
        """Whether the cell is, and no state is kept from batch to batch."""
        return isinstance(self.cell, Cell) and not self.stateful

    @property
    def state_size(self):
        """The lengths of the states, as a list."""
        size = self.cell.state_size
        return list(size) if isinstance(size, (list, tuple)) else [size]

    @property
    def states(self):
        """The states that are kept for the next batch; an empty list before the first one."""
        return list(self._states.variables)

    def build(self, input_shape):
        """Build the cell for the shape of one step."""
        if not isinstance(input_shape, (list, tuple)) or len(input_shape) < 3:
            raise ShapeError(name_of(self), "inputs of shape (batch, time, features)", short_repr(input_shape))
        if isinstance(self.cell, Cell) and len(input_shape) != 3:
            raise ShapeError(name_of(self), "inputs of shape (batch, time, features)", str(tuple(input_shape)))
        self.cell.build((input_shape[0], *input_shape[2:]))

    def get_initial_state(self, batch_size):
        """Return a list of states that are zero."""
        if hasattr(self.cell, "get_initial_state"):
            states = self.cell.get_initial_state(batch_size=batch_size)
            return list(states) if isinstance(states, (list, tuple)) else [states]
        return [tl.zeros((batch_size, size), dtype=self.dtype) for size in self.state_size]

    def reset_state(self):
        """Set the kept states to zero."""
        self._states.variables = []

    reset_states = reset_state

    def compute_mask(self, inputs, previous_mask):
        """Return the mask of the outputs: that of the inputs, if the outputs are sequences."""
        return previous_mask if self.return_sequences else None

    def call(self, sequences, initial_state=None, mask=None, training=False):
        """Compute the outputs of all steps, or of the last one."""
        if sequences.ndim < 3 or sequences.dtype.kind != "f":
            self._refuse(sequences)
        states = self._first(sequences.shape[0], initial_state)
        mask = None if mask is None else self._checked_mask(mask, sequences)
        if self.go_backwards:
            sequences, mask = tl.flip(sequences, axis=1), None if mask is None else tl.flip(mask, axis=1)
        if not sequences.shape[1]:
            size = getattr(self.cell, "output_size", self.state_size[0])
            last, outputs = states[0], tl.zeros((sequences.shape[0], 0, size), dtype=self.dtype)
        elif isinstance(self.cell, Cell):
            last, outputs, states = self._by_parts(sequences, states, mask, training)
        else:
            last, outputs, states = self._by_calls(sequences, states, mask, training)
        if self.stateful and not self.is_trial_call:
            for variable, state in zip(self._states.variables, states, strict=True):
                variable.assign(state)
        output = outputs if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _by_parts(self, sequences, states, mask, training):
        """Project all inputs at once, and compute all steps by one function if possible."""
        cell = self.cell
        projected = cell.project(sequences, training)
        masks = cell.state_masks(states, training)
        if mask is None and cell.can_scan(masks):
            outputs, states = cell.scan(projected, states)
            return states[0], outputs, states
        return self._loop(projected, states, mask, lambda inputs, states: cell.step(inputs, states, masks))

    def _by_calls(self, sequences, states, mask, training):
        """Call a cell of another class for each step."""
        cell = self.cell
        several = isinstance(cell.state_size, (list, tuple))

        def step(inputs, states):
            output, after = cell(inputs, states if several else states[0], training=training)
            return output, list(after) if isinstance(after, (list, tuple)) else [after]

        return self._loop(sequences, states, mask, step)

    def _loop(self, inputs, states, mask, step):
        """Return the last output, all outputs, and the last states."""
        outputs = []
        before = None
        for t, each in enumerate(tl.unstack(inputs, axis=1)):
            output, after = step(each, states)
            if mask is None:
                states = after
            else:
                valid = mask[:, t : t + 1]
                before = tl.zeros_like(output) if before is None else before
                output = before = tl.where(valid, output, before)
                states = [tl.where(valid, new, old) for new, old in zip(after, states, strict=True)]
                if self.zero_output_for_mask:
                    output = tl.where(valid, output, tl.zeros_like(output))
            outputs.append(output)
        return outputs[-1], tl.stack(outputs, axis=1), states

    def _first(self, batch, initial_state):
        """Return the states before the first step.

        Raises:
            ShapeError: if there is another number of states, or one does not fit the batch.
        """
        zeros = self.get_initial_state(batch)
        if initial_state is not None:
            given = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
            shapes = [state.shape for state in given]
            wanted = [state.shape for state in zeros]
            if shapes != wanted:
                who, expected = f"{name_of(self)} initial_state", " and ".join(map(str, wanted))
                raise ShapeError(who, f"a list of states of {expected}", " and ".join(map(str, shapes)) or "none")
            return given
        if not self.stateful or self.is_trial_call:
            return zeros
        if not self._states.variables:
            self._states.begin(zeros)
        # Copies, because a plan does not read what a variable was before an assignment, as the gradient would.
        states = [tl.positive(variable) for variable in self._states.variables]
        if states[0].shape[0] != batch:
            expected = f"a batch of {states[0].shape[0]} samples, for which it keeps states"
            raise ShapeError(name_of(self), expected, str(batch), "call reset_state() before batches of another size")
        return states

    def _checked_mask(self, mask, sequences):
        if mask.shape != sequences.shape[:2]:
            raise ShapeError(f"{name_of(self)} mask", f"the shape {sequences.shape[:2]}", str(mask.shape))
        return mask if mask.dtype.kind == "b" else mask.astype("bool")

    def _refuse(self, sequences):
        if sequences.ndim < 3:
            hint = "add an axis with tl.expand_dims" if sequences.ndim == 2 else ""
            expected = "inputs of shape (batch, time, features)"
            raise ShapeError(name_of(self), expected, str(sequences.shape), hint)
        raise DTypeError(name_of(self), "inputs of real numbers", str(sequences.dtype), "put an Embedding before it")


def refuse_unless(who, value, known):
    """Raise unless a value is among those that are known.

    Raises:
        ArgumentError: if it is not.
    """
    if value not in known:
        raise ArgumentError(who, f"one of {', '.join(map(repr, known))}", short_repr(value))

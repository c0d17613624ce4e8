"""The base of the cells, and what they share."""

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, short_repr
from tensorlab_recurrent.messages import name_of


def check_arguments(who, units, **rates):
    """Check a number of units and the rates of dropouts.

    Raises:
        ArgumentError: unless ``units`` is an integer of at least 1 and each rate is in ``[0, 1)``.
    """
    if isinstance(units, bool) or not isinstance(units, int) or units < 1:
        raise ArgumentError(f"{who} units", "an integer of at least 1", short_repr(units))
    for name, rate in rates.items():
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < 1:
            raise ArgumentError(f"{who} {name}", "a number of at least 0 and below 1", short_repr(rate))


class Cell(tl.layers.Layer):
    """The base of the cells. ``cell(inputs, states)`` returns an output and a list of the new states.

    The layers call the parts of a step instead: `project` for all inputs at once, then `step` for each, or `scan` for
    all. The classes differ in ``gates``, how many projections there are for each unit, and in ``count``, how many
    states.

    Args:
        units: the number of outputs.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel, ``(features, gates · units)``.
        recurrent_initializer: the initial value of the recurrent kernel, ``(units, gates · units)``.
        bias_initializer: the initial value of the bias, ``(gates · units,)``.
        kernel_regularizer: a penalty on the kernel that is added to the loss.
        recurrent_regularizer: the same for the recurrent kernel.
        bias_regularizer: the same for the bias.
        kernel_constraint: what the kernel is replaced by after each step of an optimizer.
        recurrent_constraint: the same for the recurrent kernel.
        bias_constraint: the same for the bias.
        dropout: the share of inputs that are dropped in training, in ``[0, 1)``.
        recurrent_dropout: the share of the first state that is dropped in training.
        seed: the seed of the dropouts; None for the global seed.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentError: unless ``units`` is an integer of at least 1, and for rates out of range.
    """

    samplewise = True
    gates = 1
    count = 1
    _lifted = None  # the operations of a step, if the activations are functions of numbers

    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        **options,
    ):
        super().__init__(**options)
        check_arguments(name_of(self), units, dropout=dropout, recurrent_dropout=recurrent_dropout)
        self.units, self.use_bias = units, use_bias
        self.activation = tl.activations.get(activation)
        self.kernel_initializer = tl.initializers.get(kernel_initializer)
        self.recurrent_initializer = tl.initializers.get(recurrent_initializer)
        self.bias_initializer = tl.initializers.get(bias_initializer)
        self.kernel_regularizer = tl.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = tl.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = tl.regularizers.get(bias_regularizer)
        self.kernel_constraint = tl.constraints.get(kernel_constraint)
        self.recurrent_constraint = tl.constraints.get(recurrent_constraint)
        self.bias_constraint = tl.constraints.get(bias_constraint)
        self.dropout, self.recurrent_dropout, self.seed = dropout, recurrent_dropout, seed
        self._input_dropout = tl.layers.Dropout(dropout, seed=seed, name=f"{self.name}_input_dropout")
        self._state_dropout = tl.layers.Dropout(recurrent_dropout, seed=seed, name=f"{self.name}_state_dropout")

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name in ("activation", "recurrent_activation"):
            functions = [getattr(self, each, None) for each in ("activation", "recurrent_activation")]
            given = [function for function in functions if function is not None]
            super().__setattr__("_lifted", self._lift(*given) if all(map(is_lifted, given)) else None)

    def _lift(self, *activations):
        """Return the operations of a step for activations that are functions of numbers, or None."""

    @property
    def state_size(self):
        """The lengths of the states: a number if there is one state, otherwise a list."""
        return self.units if self.count == 1 else [self.units] * self.count

    @property
    def output_size(self):
        """The length of an output."""
        return self.units

    def build(self, input_shape):
        """Create the kernel, the recurrent kernel and the bias."""
        features = input_shape[-1] if isinstance(input_shape, (tuple, list)) and input_shape else None
        if features is None:
            raise ShapeError(name_of(self), "a shape whose last length is known", short_repr(input_shape))
        columns = self.gates * self.units
        for name, shape, initializer in (
            ("kernel", (features, columns), self.kernel_initializer),
            ("recurrent_kernel", (self.units, columns), self.recurrent_initializer),
            ("bias", self._bias_shape(columns), self._initial_bias),
        ):
            prefix = name.removesuffix("_kernel")
            wanted = name != "bias" or self.use_bias
            options = {
                "regularizer": getattr(self, f"{prefix}_regularizer"),
                "constraint": getattr(self, f"{prefix}_constraint"),
            }
            setattr(self, name, self.add_weight(shape, initializer, name=name, **options) if wanted else None)

    def _bias_shape(self, columns):
        return (columns,)

    def _initial_bias(self, shape, dtype=None):
        return self.bias_initializer(shape, dtype=dtype)

    def get_initial_state(self, batch_size=None):
        """Return a list of states that are zero.

        Args:
            batch_size: the number of samples; 1 if None.
        """
        return [tl.zeros((1 if batch_size is None else batch_size, self.units), dtype=self.dtype)] * self.count

    def call(self, inputs, states=None, training=False):
        """Compute an output and the new states; the states before are zero if they are None."""
        if inputs.ndim != 2:
            raise ShapeError(name_of(self), "inputs of shape (batch, features)", str(inputs.shape))
        if states is None:
            states = self.get_initial_state(inputs.shape[0])
        output, after = self.step(self.project(inputs, training), as_list(states), self.state_masks(states, training))
        return output, after

    def project(self, inputs, training=False):
        """Return ``inputs · kernel + bias``, for one step or for all.

        In training inputs are dropped, the same features at every step of a sample. With ``recurrent_dropout`` each
        gate has dropouts of its own, as in Keras.
        """
        bias = self._input_bias()
        if not training or not self.dropout:
            return tl.dense(inputs, self.kernel, bias)
        ones = tl.ones((inputs.shape[0], *[1] * (inputs.ndim - 2), inputs.shape[-1]), dtype=self.dtype)
        masks = [self._input_dropout(ones, training=True) for _ in range(self._masks())]
        projected = masked_product(inputs, masks, self.kernel)
        return projected if bias is None else projected + bias

    def state_masks(self, states, training):
        """Return the factors of the state for all steps: none, or one for each gate."""
        if not training or not self.recurrent_dropout:
            return []
        ones = tl.ones_like(as_list(states)[0])
        return [self._state_dropout(ones, training=True) for _ in range(self._masks())]

    def _masks(self):
        return self.gates if self.recurrent_dropout else 1

    def _input_bias(self):
        return self.bias

    def step(self, projected, states, masks):
        """Return the output and the list of new states, from the projection of the input and the states before."""
        raise NotImplementedError

    def scan(self, projected, states):
        """Return the outputs of all steps, and the list of last states."""
        raise NotImplementedError

    def can_scan(self, masks):
        """Return whether `scan` computes what `step` does."""
        return self._lifted is not None and not masks


def is_lifted(activation):
    """Return whether an activation is made of a function of numbers, and has the derivative of that function."""
    scalar = getattr(activation, "scalar", None)
    if scalar is None or not hasattr(activation, "vjp"):
        return False
    return activation.vjp(0).scalar.source == tl.elementwise(scalar).vjp(0).scalar.source


def as_list(states):
    """Return states as a list: a cell with one state accepts the state itself."""
    return list(states) if isinstance(states, (list, tuple)) else [states]


def masked(values, masks):
    """Return values times a factor, if there is one."""
    return values * masks[0] if masks else values


def masked_product(values, masks, kernel):
    """Return ``(values · mask) · kernel``. Several masks are those of as many equal parts of the kernel's columns."""
    if len(masks) < 2:
        return tl.matmul(masked(values, masks), kernel)
    columns = kernel.shape[1] // len(masks)
    parts = [kernel[:, index * columns : (index + 1) * columns] for index in range(len(masks))]
    return tl.concat([tl.matmul(values * mask, part) for mask, part in zip(masks, parts, strict=True)], axis=-1)


def gates(projected, count):
    """Split the last axis into gates."""
    *others, columns = projected.shape
    return tl.unstack(tl.reshape(projected, (*others, count, columns // count)), axis=-2)


def as_cell(who, cell):
    """Return a cell if it has what a layer needs.

    Raises:
        ArgumentTypeError: if it is not a layer with a ``state_size``.
    """
    if not isinstance(cell, tl.layers.Layer) or not hasattr(cell, "state_size"):
        hint = "give an object such as LSTMCell(32), or a layer with call(inputs, states) and state_size"
        raise ArgumentTypeError(who, "a cell", short_repr(cell), hint)
    return cell

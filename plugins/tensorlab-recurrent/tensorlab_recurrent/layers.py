"""`SimpleRNN`, `LSTM` and `GRU`: layers of one cell each."""

import inspect

from tensorlab_recurrent.cell import check_arguments
from tensorlab_recurrent.cells import GRUCell, LSTMCell, SimpleRNNCell
from tensorlab_recurrent.rnn import RNN


def _of_cell(name):
    return property(lambda self: getattr(self.cell, name), doc=f"The argument {name} of the cell.")


def _with_attributes_of(cell_class):
    """Return a class decorator that gives a layer the arguments of its cell as attributes."""

    def decorated(cls):
        for parameter in list(inspect.signature(cell_class.__init__).parameters.values())[1:]:
            if parameter.kind is not parameter.VAR_KEYWORD:
                setattr(cls, parameter.name, _of_cell(parameter.name))
        return cls

    return decorated


@_with_attributes_of(SimpleRNNCell)
class SimpleRNN(RNN):
    """Apply ``h' = activation(x · kernel + bias + h · recurrent_kernel)`` to sequences.

    It is an `RNN` of a `SimpleRNNCell`. If the activation is a function of numbers, as by default, a step is one kernel
    and a product, and all inputs are projected by one product.

    Args:
        units: the number of outputs.
        activation: a name, an `Activation`, a function of tensors, or None.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel.
        recurrent_initializer: the initial value of the recurrent kernel.
        bias_initializer: the initial value of the bias.
        kernel_regularizer: a penalty on the kernel that is added to the loss.
        recurrent_regularizer: the same for the recurrent kernel.
        bias_regularizer: the same for the bias.
        kernel_constraint: what the kernel is replaced by after each step of an optimizer.
        recurrent_constraint: the same for the recurrent kernel.
        bias_constraint: the same for the bias.
        dropout: the share of inputs that are dropped in training, in ``[0, 1)``.
        recurrent_dropout: the share of the state that is dropped in training.
        seed: the seed of the dropouts; None for the global seed.
        return_sequences: whether to return the outputs of all steps, ``(batch, time, units)``, and not only the last.
        return_state: whether to return a tuple of the outputs and the last states.
        go_backwards: whether to begin with the last step; outputs are in the order of computation.
        stateful: whether the states after a batch are those before the next one. Call `reset_state` between sequences.
        unroll: accepted as in Keras: a plan has all steps in any case.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentError: unless ``units`` is an integer of at least 1, and for rates out of range.
        ShapeError: in a call, for inputs that are not of shape ``(batch, time, features)``.

    Source: Keras, ``keras.layers.SimpleRNN``.

    Example:
        ``SimpleRNN(4, return_sequences=True)(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 4)``.
    """

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
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        seed=None,
        **options,
    ):
        check_arguments("SimpleRNN", units, dropout=dropout, recurrent_dropout=recurrent_dropout)
        cell = SimpleRNNCell(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
        )
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **options)


@_with_attributes_of(LSTMCell)
class LSTM(RNN):
    """Apply a long short-term memory to sequences: ``(batch, time, features) → (batch, units)``.

    It is an `RNN` of a `LSTMCell`, which has the formulas. If the activations are functions of numbers, as by default,
    a step is two kernels and a product, and all inputs are projected by one product.

    Args:
        units: the number of outputs.
        activation: a name, an `Activation`, a function of tensors, or None.
        recurrent_activation: the same for the gates.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel.
        recurrent_initializer: the initial value of the recurrent kernel.
        bias_initializer: the initial value of the bias.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer: a penalty on the kernel that is added to the loss.
        recurrent_regularizer: the same for the recurrent kernel.
        bias_regularizer: the same for the bias.
        kernel_constraint: what the kernel is replaced by after each step of an optimizer.
        recurrent_constraint: the same for the recurrent kernel.
        bias_constraint: the same for the bias.
        dropout: the share of inputs that are dropped in training, in ``[0, 1)``.
        recurrent_dropout: the share of the state that is dropped in training.
        seed: the seed of the dropouts; None for the global seed.
        return_sequences: whether to return the outputs of all steps, ``(batch, time, units)``, and not only the last.
        return_state: whether to return a tuple of the outputs and the last states.
        go_backwards: whether to begin with the last step; outputs are in the order of computation.
        stateful: whether the states after a batch are those before the next one. Call `reset_state` between sequences.
        unroll: accepted as in Keras: a plan has all steps in any case.
        use_cudnn: accepted as in Keras, and ignored.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentError: unless ``units`` is an integer of at least 1, and for rates out of range.
        ShapeError: in a call, for inputs that are not of shape ``(batch, time, features)``.

    Source: Keras, ``keras.layers.LSTM``; Hochreiter and Schmidhuber, 1997.

    Example:
        ``LSTM(4, return_sequences=True)(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 4)``.
    """

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        use_cudnn="auto",
        **options,
    ):
        check_arguments("LSTM", units, dropout=dropout, recurrent_dropout=recurrent_dropout)
        cell = LSTMCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
        )
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **options)


@_with_attributes_of(GRUCell)
class GRU(RNN):
    """Apply a gated recurrent unit to sequences: ``(batch, time, features) → (batch, units)``.

    It is an `RNN` of a `GRUCell`, which has the formulas. If the activations are functions of numbers, as by default,
    a step is one kernel and a product, and all inputs are projected by one product.

    Args:
        units: the number of outputs.
        activation: a name, an `Activation`, a function of tensors, or None.
        recurrent_activation: the same for the gates.
        use_bias: whether to add a bias.
        kernel_initializer: the initial value of the kernel.
        recurrent_initializer: the initial value of the recurrent kernel.
        bias_initializer: the initial value of the bias.
        kernel_regularizer: a penalty on the kernel that is added to the loss.
        recurrent_regularizer: the same for the recurrent kernel.
        bias_regularizer: the same for the bias.
        kernel_constraint: what the kernel is replaced by after each step of an optimizer.
        recurrent_constraint: the same for the recurrent kernel.
        bias_constraint: the same for the bias.
        dropout: the share of inputs that are dropped in training, in ``[0, 1)``.
        recurrent_dropout: the share of the state that is dropped in training.
        seed: the seed of the dropouts; None for the global seed.
        reset_after: whether the reset gate is applied after the product.
        return_sequences: whether to return the outputs of all steps, ``(batch, time, units)``, and not only the last.
        return_state: whether to return a tuple of the outputs and the last states.
        go_backwards: whether to begin with the last step; outputs are in the order of computation.
        stateful: whether the states after a batch are those before the next one. Call `reset_state` between sequences.
        unroll: accepted as in Keras: a plan has all steps in any case.
        use_cudnn: accepted as in Keras, and ignored.
        options: those of every layer, such as ``name``.

    Raises:
        ArgumentError: unless ``units`` is an integer of at least 1, and for rates out of range.
        ShapeError: in a call, for inputs that are not of shape ``(batch, time, features)``.

    Source: Keras, ``keras.layers.GRU``; Cho et al., arXiv:1406.1078.

    Example:
        ``GRU(4, return_sequences=True)(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 4)``.
    """

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
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
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        reset_after=True,
        use_cudnn="auto",
        **options,
    ):
        check_arguments("GRU", units, dropout=dropout, recurrent_dropout=recurrent_dropout)
        cell = GRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            reset_after=reset_after,
        )
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **options)

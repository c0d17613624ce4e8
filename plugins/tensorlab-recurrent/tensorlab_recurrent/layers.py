"""`SimpleRNN`, `LSTM` and `GRU`: layers of one cell each."""

from tensorlab_recurrent.cell import Cell, check_arguments
from tensorlab_recurrent.cells import GRUCell, LSTMCell, SimpleRNNCell
from tensorlab_recurrent.rnn import RNN
from tensorlab_recurrent.signatures import named_parameters, with_arguments_of


class OfCell(RNN):
    """The base of layers that make their cell, ``cell_class``. They have the arguments of the cell as attributes.

    Args:
        return_sequences: whether to return the outputs of all steps, ``(batch, time, units)``, and not only the last.
        return_state: whether to return a tuple of the outputs and the last states.
        go_backwards: whether to begin with the last step; outputs are in the order of computation.
        stateful: whether the states after a batch are those before the next one. Call `reset_state` between sequences.
        unroll: accepted as in Keras: a plan has all steps in any case.
        options: those of the cell, and those of every layer, such as ``name``.

    Raises:
        ArgumentError: unless ``units`` is an integer of at least 1, and for rates out of range.
        ShapeError: in a call, for inputs that are not of shape ``(batch, time, features)``.
    """

    cell_class = Cell

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "cell_class" in vars(cls):
            for name in cls._names_of_cell():
                setattr(cls, name, _of_cell(name))

    def __init__(
        self,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        **options,
    ):
        of_cell = {name: options.pop(name) for name in self._names_of_cell() if name in options}
        rates = {name: of_cell[name] for name in ("dropout", "recurrent_dropout") if name in of_cell}
        check_arguments(type(self).__name__, of_cell["units"], **rates)
        cell = self.cell_class(**of_cell)
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **options)

    @classmethod
    def _names_of_cell(cls):
        return [parameter.name for parameter in named_parameters(cls.cell_class.__init__)]


def _of_cell(name):
    return property(lambda self: getattr(self.cell, name), doc=f"The argument {name} of the cell.")


class SimpleRNN(OfCell):
    """Apply ``h' = activation(x · kernel + bias + h · recurrent_kernel)`` to sequences.

    It is an `RNN` of a `SimpleRNNCell`. If the activation is a function of numbers, as by default, a step is one kernel
    and a product, and all inputs are projected by one product.

    Args:
        seed: the seed of the dropouts; None for the global seed.
        options: those of a `SimpleRNNCell`, then those of `RNN` from ``return_sequences`` to ``unroll``, and those of
            every layer.

    Source: Keras, ``keras.layers.SimpleRNN``.

    Example:
        ``SimpleRNN(4, return_sequences=True)(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 4)``.
    """

    cell_class = SimpleRNNCell

    @with_arguments_of(SimpleRNNCell, OfCell)
    def __init__(self, seed=None, **options):
        super().__init__(seed=seed, **options)


class LSTM(OfCell):
    """Apply a long short-term memory to sequences: ``(batch, time, features) → (batch, units)``.

    It is an `RNN` of a `LSTMCell`, which has the formulas. If the activations are functions of numbers, as by default,
    a step is two kernels and a product, and all inputs are projected by one product.

    Args:
        use_cudnn: accepted as in Keras, and ignored.
        options: those of an `LSTMCell`, then those of `RNN` from ``return_sequences`` to ``unroll``, and those of
            every layer.

    Source: Keras, ``keras.layers.LSTM``; Hochreiter and Schmidhuber, 1997.

    Example:
        ``LSTM(4, return_sequences=True)(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 4)``.
    """

    cell_class = LSTMCell

    @with_arguments_of(LSTMCell, OfCell)
    def __init__(self, use_cudnn="auto", **options):
        super().__init__(**options)


class GRU(OfCell):
    """Apply a gated recurrent unit to sequences: ``(batch, time, features) → (batch, units)``.

    It is an `RNN` of a `GRUCell`, which has the formulas. If the activations are functions of numbers, as by default,
    a step is one kernel and a product, and all inputs are projected by one product.

    Args:
        reset_after: whether the reset gate is applied after the product.
        use_cudnn: accepted as in Keras, and ignored.
        options: those of a `GRUCell`, then those of `RNN` from ``return_sequences`` to ``unroll``, and those of every
            layer.

    Source: Keras, ``keras.layers.GRU``; Cho et al., arXiv:1406.1078.

    Example:
        ``GRU(4, return_sequences=True)(tl.ones((2, 5, 3)))`` has the shape ``(2, 5, 4)``.
    """

    cell_class = GRUCell

    @with_arguments_of(GRUCell, OfCell)
    def __init__(self, reset_after=True, use_cudnn="auto", **options):
        super().__init__(reset_after=reset_after, **options)

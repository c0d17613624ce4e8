"""Recurrent layers for tensorlab: ``SimpleRNN``, ``LSTM``, ``GRU``, ``Bidirectional`` and ``TimeDistributed``."""

from tensorlab import hookimpl
from tensorlab_recurrent.cells import GRUCell, LSTMCell, SimpleRNNCell
from tensorlab_recurrent.layers import GRU, LSTM, SimpleRNN
from tensorlab_recurrent.rnn import RNN
from tensorlab_recurrent.wrappers import Bidirectional, TimeDistributed

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "TimeDistributed",
]


@hookimpl
def tensorlab_register_layers():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {name: globals()[name] for name in __all__}

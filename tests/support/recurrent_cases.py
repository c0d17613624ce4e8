"""Recurrent layers and short scripts with them, for the comparison with Keras.

Each takes a module like `keras`. `record_recurrent.py` writes what Keras computes to `recurrent_cases.json`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 4
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]], "bool")
HARD = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}

CASES: dict[str, tuple[Callable[[Any, str], Any], dict[str, Any]]] = {
    "simple": (lambda k, d: k.SimpleRNN(UNITS, dtype=d), {}),
    "simple_relu": (
        lambda k, d: k.SimpleRNN(UNITS, activation="relu", use_bias=False, go_backwards=True, dtype=d),
        {"states": 1},
    ),
    "simple_linear": (
        lambda k, d: k.SimpleRNN(UNITS, activation=None, return_sequences=True, return_state=True, dtype=d),
        {},
    ),
    "simple_mask": (lambda k, d: k.SimpleRNN(UNITS, return_sequences=True, dtype=d), {"mask": True}),
    "lstm": (lambda k, d: k.LSTM(UNITS, dtype=d), {}),
    "lstm_states": (
        lambda k, d: k.LSTM(UNITS, return_sequences=True, return_state=True, use_cudnn=False, dtype=d),
        {"states": 2},
    ),
    "lstm_hard": (lambda k, d: k.LSTM(UNITS, **HARD, unit_forget_bias=False, go_backwards=True, dtype=d), {}),
    "lstm_softmax": (lambda k, d: k.LSTM(UNITS, activation="softmax", use_bias=False, dtype=d), {}),
    "lstm_mask": (
        lambda k, d: k.LSTM(UNITS, return_sequences=True, return_state=True, dtype=d),
        {"mask": True, "states": 2},
    ),
    "gru": (lambda k, d: k.GRU(UNITS, return_sequences=True, dtype=d), {"states": 1}),
    "gru_hard": (lambda k, d: k.GRU(UNITS, **HARD, use_bias=False, return_state=True, dtype=d), {}),
    "gru_before": (lambda k, d: k.GRU(UNITS, reset_after=False, return_sequences=True, dtype=d), {"states": 1}),
    "gru_mask": (lambda k, d: k.GRU(UNITS, go_backwards=True, dtype=d), {"mask": True}),
    "rnn_lstm_cell": (lambda k, d: k.RNN(k.LSTMCell(UNITS, dtype=d), return_state=True, dtype=d), {}),
    "rnn_zero_output": (
        lambda k, d: k.RNN(k.GRUCell(UNITS, dtype=d), return_sequences=True, zero_output_for_mask=True, dtype=d),
        {"mask": True},
    ),
    "bidirectional": (lambda k, d: k.Bidirectional(k.LSTM(UNITS, dtype=d), dtype=d), {}),
    "bidirectional_states": (
        lambda k, d: k.Bidirectional(k.GRU(UNITS, return_sequences=True, return_state=True, dtype=d), "ave", dtype=d),
        {"states": 2},
    ),
    "bidirectional_mask": (
        lambda k, d: k.Bidirectional(k.SimpleRNN(UNITS, return_sequences=True, dtype=d), merge_mode="mul", dtype=d),
        {"mask": True},
    ),
    "bidirectional_two": (
        lambda k, d: k.Bidirectional(
            k.SimpleRNN(UNITS, dtype=d),
            backward_layer=k.GRU(UNITS, go_backwards=True, dtype=d),
            merge_mode=None,
            dtype=d,
        ),
        {},
    ),
    "time_distributed": (lambda k, d: k.TimeDistributed(k.Dense(3, activation="tanh", dtype=d), dtype=d), {}),
}
"""A function of layers and a dtype that makes a layer, and the arguments of its call: a mask, a number of states."""


def numbers(name: str, shape: tuple[int, ...]) -> Array:
    """Return the numbers of an array of a case: its inputs, one of its weights, or the gradient of its outputs."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.normal(size=shape).round(2)


SCRIPTS: dict[str, Callable[[Any], dict[str, Any]]] = {}


def script(function: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    SCRIPTS[function.__name__] = function
    return function


SEQUENCES = np.sin(np.arange(12 * TIME * FEATURES, dtype="f4") * 1.3).reshape(12, TIME, FEATURES)
WORDS = np.arange(12 * TIME).reshape(12, TIME) * 7 % 4
TARGETS = np.cos(np.arange(12, dtype="f4")).reshape(12, 1)
EACH = np.cos(np.arange(12 * TIME, dtype="f4")).reshape(12, TIME, 1)


def trained(keras: Any, layers: list[Any], x: Array, y: Array, optimizer: Any = "sgd") -> dict[str, Any]:
    """Train a model whose weights are computed by a formula, without shuffling, and return losses and outputs."""
    model = keras.Sequential(layers)
    model.build((None, *x.shape[1:]))
    values = [
        0.6 * np.sin(np.arange(w.size, dtype="f4") + k).reshape(w.shape) for k, w in enumerate(model.get_weights())
    ]
    model.set_weights(values)
    model.compile(optimizer=optimizer, loss="mse")
    history = model.fit(x, y, batch_size=4, epochs=3, verbose=0, shuffle=False)
    return {"loss": history.history["loss"], "outputs": model.predict(x, verbose=0)}


@script
def lstm_then_dense(keras: Any) -> dict[str, Any]:
    k = keras.layers
    return trained(keras, [keras.Input((TIME, FEATURES)), k.LSTM(4), k.Dense(1)], SEQUENCES, TARGETS, "adam")


@script
def stacked_gru(keras: Any) -> dict[str, Any]:
    k = keras.layers
    layers = [k.GRU(3, return_sequences=True), k.SimpleRNN(4), k.Dense(1)]
    return trained(keras, [keras.Input((TIME, FEATURES)), *layers], SEQUENCES, TARGETS)


@script
def words_with_padding(keras: Any) -> dict[str, Any]:
    k = keras.layers
    layers = [keras.Input((TIME,)), k.Embedding(5, 3, mask_zero=True), k.Dropout(0.0), k.LSTM(4), k.Dense(1)]
    return trained(keras, layers, WORDS, TARGETS)


@script
def masked_loss(keras: Any) -> dict[str, Any]:
    k = keras.layers
    x = SEQUENCES * (WORDS > 1)[..., None]
    layers = [keras.Input((TIME, FEATURES)), k.Masking(), k.GRU(4, return_sequences=True), k.Dense(1)]
    return trained(keras, layers, x, EACH)


@script
def bidirectional_with_padding(keras: Any) -> dict[str, Any]:
    k = keras.layers
    layers = [keras.Input((TIME,)), k.Embedding(5, 3, mask_zero=True)]
    layers += [k.Bidirectional(k.GRU(3, return_sequences=True)), k.TimeDistributed(k.Dense(1))]
    return trained(keras, layers, WORDS, EACH)

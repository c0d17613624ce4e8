"""Recurrent layers of the plugin tensorlab-recurrent compute what Keras 3.15 computes.

`record_recurrent.py` in `tests/support` recorded outputs, states, gradients and training runs of Keras.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
import pytest
from record_recurrent import RECORD, flat
from recurrent_cases import BATCH, CASES, FEATURES, MASK, SCRIPTS, TIME, UNITS, numbers
from recurrent_plugin import layers, like_keras

import tensorlab as tl

KERAS: dict[str, Any] = json.loads(RECORD.read_text())
TOLERANCES = {"float32": 2e-5, "float64": 1e-10}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_those_of_keras(name: str, dtype: str) -> None:
    make, options = CASES[name]
    layer = make(layers, dtype)
    layer.build((BATCH, TIME, FEATURES))
    layer.set_weights([numbers(f"{name} {k}", weight.shape) for k, weight in enumerate(layer.weights)])
    x = tl.asarray(numbers(name, (BATCH, TIME, FEATURES)).astype(dtype))
    states = [
        tl.asarray(numbers(f"{name} state {k}", (BATCH, UNITS)).astype(dtype)) for k in range(options.get("states", 0))
    ]
    given: dict[str, Any] = {"initial_state": states} if states else {}
    given |= {"mask": tl.asarray(MASK)} if options.get("mask") else {}
    with tl.GradientTape() as tape:
        tape.watch([x, *states])
        outputs = flat(layer(x, **given))
        shares = [numbers(f"{name} share {k}", each.shape).astype(dtype) for k, each in enumerate(outputs)]
        total = sum([tl.sum(each * tl.asarray(share)) for each, share in zip(outputs, shares, strict=True)])
    expected, tolerance = KERAS[f"{name} {dtype}"], TOLERANCES[dtype]
    found = tape.gradient(total, [x, *states, *layer.trainable_weights])
    for kind, received in (("outputs", outputs), ("gradients", found)):
        assert len(received) == len(expected[kind])
        for one, other in zip(received, expected[kind], strict=True):
            assert one.dtype == dtype
            np.testing.assert_allclose(one.numpy(), other, rtol=tolerance, atol=tolerance, err_msg=kind)


@pytest.mark.parametrize("name", SCRIPTS)
def test_training_is_that_of_keras(name: str) -> None:
    found = SCRIPTS[name](like_keras)
    assert set(found) == set(KERAS[name])
    for key, expected in KERAS[name].items():
        np.testing.assert_allclose(found[key], expected, rtol=5e-5, atol=5e-6, err_msg=key)


WEIGHTS = ("kernel", "recurrent", "bias")
DROPOUTS = ["dropout", "recurrent_dropout"]
OUTPUTS = ["return_sequences", "return_state", "go_backwards", "stateful", "unroll"]


def of_weights(kind: str) -> list[str]:
    return [f"{weight}_{kind}" for weight in WEIGHTS]


INITIALIZERS = ["use_bias", *of_weights("initializer")]
REST = [*of_weights("regularizer"), *of_weights("constraint"), *DROPOUTS]
GATED = ["units", "activation", "recurrent_activation", *INITIALIZERS]
SIGNATURES = {
    "SimpleRNNCell": ["units", "activation", *INITIALIZERS, *REST, "seed"],
    "LSTMCell": [*GATED, "unit_forget_bias", *REST, "seed"],
    "GRUCell": [*GATED, *REST, "reset_after", "seed"],
    "SimpleRNN": ["units", "activation", *INITIALIZERS, *REST, *OUTPUTS, "seed"],
    "LSTM": [*GATED, "unit_forget_bias", *REST, "seed", *OUTPUTS, "use_cudnn"],
    "GRU": [*GATED, *REST, "seed", *OUTPUTS, "reset_after", "use_cudnn"],
}
"""The arguments in Keras, without ``activity_regularizer``, which is one of ``options`` here."""


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_have_the_order_of_keras(name: str) -> None:
    kind = getattr(layers, name)
    parameters = list(inspect.signature(kind).parameters.values())
    assert [parameter.name for parameter in parameters] == [*SIGNATURES[name], "options"]
    defaults = [parameter.default for parameter in parameters[1:-1]]
    made = kind(3, *defaults, name="r")
    assert made.get_config() == {"units": 3, **dict(zip(SIGNATURES[name][1:], defaults, strict=True)), "name": "r"}
    assert (made.use_bias, made.recurrent_dropout, made.seed) == (True, 0.0, None)

"""A small training run, for callbacks and observers."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import layers, utils
from tensorlab.devices import device
from tensorlab.models import Sequential
from tensorlab.tensor import Tensor


def trained(callbacks: Sequence[Any] = ()) -> list[Tensor]:
    """Train a small model for two short epochs with validation, and return its weights. Output is discarded."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (8, 3)), rng.integers(0, 2, 8)
    utils.set_random_seed(0)
    with device("reference"), contextlib.redirect_stdout(io.StringIO()):
        model = Sequential(
            [layers.Dense(2, activation="tanh"), layers.Dropout(0.25), layers.Dense(2, activation="softmax")]
        )
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, 3, epochs=2, verbose=0, callbacks=list(callbacks), validation_data=(x[:4], y[:4]))
    return list(model.weights)

"""The kernels that a run is expected to need are those that it does need."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.models.expected import expected_kernels
from tensorlab.models.runs import _expected

PROGRAM = """
import json, sys
import numpy as np
import tensorlab as tl
from tensorlab.kernels.runtime import library
from tensorlab.models.expected import expected_kernels

Dense, used = tl.layers.Dense, set()
find = library.find

def recording(maker, arguments=(), *rest):
    used.add(library.key_of(maker, arguments))
    return find(maker, arguments, *rest)

library.find = recording
rng = np.random.default_rng(0)
x = rng.random((48, 20)).astype(np.float32)
labels, last = rng.integers(0, 3, 48), "softmax"
if sys.argv[1] == "sparse":
    layers, y = [Dense(40, activation="relu"), Dense(3, activation="softmax")], labels.astype(np.uint8)
    options = ("rmsprop", "sparse_categorical_crossentropy", ["accuracy"])
elif sys.argv[1] == "categorical":
    layers, y = [Dense(40, activation="relu"), Dense(3, activation="softmax")], np.eye(3, dtype=np.float32)[labels]
    options = ("adam", "categorical_crossentropy", ["accuracy"])
elif sys.argv[1] == "binary":
    layers, y = [Dense(40, activation="relu", use_bias=False), Dense(1, activation="sigmoid")], labels % 2
    options = ("rmsprop", "binary_crossentropy", ["accuracy"])
elif sys.argv[1] == "images":
    x, y = rng.random((48, 12, 12, 1)).astype(np.float32), labels
    layers = [tl.layers.Conv2D(4, 3, activation="relu"), tl.layers.MaxPooling2D(), tl.layers.Conv2D(4, 3)]
    layers += [tl.layers.AveragePooling2D(), tl.layers.Flatten(), Dense(3, activation="softmax")]
    options = ("adam", "sparse_categorical_crossentropy", ["accuracy"])
else:
    layers, y = [Dense(40, activation="relu"), tl.layers.Dropout(0.2), Dense(1)], x[:, :1]
    options = ("adam", "mse", ["mae"])
model = tl.Sequential(layers)
model.compile(*options)
listed = {run: {library.key_of(*request) for request in expected_kernels(model, run, y.dtype)}
          for run in ("fit", "evaluate", "predict")}
model.fit(x, y, epochs=6, batch_size=16, verbose=0)
missing = [*used - listed["fit"]]
needless = [*listed["fit"] - used]
tl.set_num_threads(1)
print(json.dumps([missing, needless, [*listed["evaluate"] - listed["fit"]], [*listed["predict"] - listed["evaluate"]]]))
"""


@pytest.mark.parametrize("kind", ["sparse", "categorical", "binary", "regression", "images"])
def test_expected_kernels_are_those_of_a_run(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind],
        capture_output=True,
        text=True,
        env={**os.environ, "TENSORLAB_NUM_THREADS": "2"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    missing, needless, *others = json.loads(done.stdout)
    assert missing == []
    elsewhere = ("task_kernel", "stop_kernel", "gather_kernel")  # needed for other shapes, and when a process ends
    assert [key for key in needless if not any(maker in key for maker in elsewhere)] == []
    assert others == [[], []]


def test_layers_of_a_nested_model_are_found() -> None:
    inner = tl.Sequential([tl.layers.Dense(4, activation="relu")])
    model = tl.Sequential([inner, tl.layers.Dense(1)])
    model.compile("sgd", "mse")
    flat = tl.Sequential([tl.layers.Dense(4, activation="relu"), tl.layers.Dense(1)])
    flat.compile("sgd", "mse")
    assert [*expected_kernels(model, "fit")] == [*expected_kernels(flat, "fit")]


def test_layers_of_users_are_not_called() -> None:
    class Mine(tl.layers.Layer):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            raise AssertionError

    model = tl.Sequential([Mine(), tl.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert len([*expected_kernels(model, "fit")]) > 10


def test_nothing_is_expected_of_a_model_that_is_wrong() -> None:
    model = tl.Sequential([tl.layers.Dense(1)])
    assert _expected(model, "evaluate", np.ones(3, np.complex128)) == []

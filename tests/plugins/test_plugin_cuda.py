"""Scalar functions of a plugin on the CUDA backend, in the simulator: the same results and number of launches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cuda_environment import python
from plugin_environment import install

PLUGIN = """
import math
import tensorlab as tl

def rectified(x):
    return x if x > 0 else 0.0

def wave(x):
    return x / (1.0 + math.exp(-x))

def squared_error(y_true, y_pred):
    return (y_true - y_pred) * (y_true - y_pred)

def momentum(w, g, m, learning_rate=0.05, beta=0.9):
    m = beta * m - learning_rate * g
    return w + m, m

def signed(w, g, m, learning_rate=0.05, beta=0.9):
    c = beta * m + (1.0 - beta) * g
    return w - learning_rate * ((c > 0.0) - (c < 0.0)), c

@tl.hookimpl
def tensorlab_register_activations():
    return {"rectified": tl.Activation(rectified), "wave": tl.Activation(wave)}

@tl.hookimpl
def tensorlab_register_losses():
    return {"squared_error": tl.LossRule(squared_error)}

@tl.hookimpl
def tensorlab_register_optimizers():
    return {"momentum": tl.OptimizerRule(momentum), "signed": tl.OptimizerRule(signed)}
"""
PROGRAM = """
import json, sys
import numpy as np
import tensorlab as tl
try:
    tl.asarray(0.0, device="cuda")
except tl.errors.DeviceError as error:
    print(json.dumps({"skip": str(error)}))
    raise SystemExit
from tensorlab_cuda import driver
launched = []
plain = driver.launch
driver.launch = lambda *arguments, **options: launched.append(1) or plain(*arguments, **options)

def trained(device, activation, loss, optimizer):
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(4, 3)).astype("float32"), rng.normal(size=(4, 1)).astype("float32")
    tl.utils.set_random_seed(3)
    with tl.device(device):
        model = tl.Sequential([tl.layers.Dense(5, activation=activation), tl.layers.Dense(1)])
        model.compile(optimizer, loss)
        model.train_on_batch(x, y)
        before = len(launched)
        model.train_on_batch(x, y)
        state = [slot.numpy() for slot in model.optimizer.variables]
        assert {slot.device for slot in model.optimizer.variables} == {device}
        return len(launched) - before, [array.ravel().tolist() for array in (*model.get_weights(), *state)]

answer = {}
for device in ("reference", "cuda"):
    answer[device] = trained(device, "wave", "squared_error", "signed")[1]
answer["own"] = trained("cuda", "rectified", "squared_error", "momentum")
answer["shipped"] = trained("cuda", "relu", "mse", tl.optimizers.SGD(0.05, momentum=0.9))
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("simulated")
    install(folder, "own", PLUGIN)
    variables = {"NUMBA_ENABLE_CUDASIM": "1", "TENSORLAB_CUDA_FALLBACK": "error"}
    found = json.loads(python(folder, "-W", "ignore", "-c", PROGRAM, **variables).splitlines()[-1])
    if "skip" in found:
        pytest.skip(found["skip"])
    return found


def test_training_step_matches_the_reference_backend(answer: Any) -> None:
    assert len(answer["cuda"]) == 8  # four weights, each with a slot
    for received, expected in zip(answer["cuda"], answer["reference"], strict=True):
        assert received == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_training_step_launches_as_many_kernels_as_builtins(answer: Any) -> None:
    (launches, own), (as_many, shipped) = answer["own"], answer["shipped"]
    assert launches == as_many > 0
    assert own == shipped

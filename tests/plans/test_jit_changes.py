"""What a function under `jit` reads may change between its calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.jit_cases import Network, outcomes, training_step
from support.plan_cases import TARGETS, X

import tensorlab as tl

SCALE = 2.0
FACTORS = [1.0, 2.0]
OPTIONS = {"power": 2.0}


@pytest.mark.parametrize(
    "change",
    [
        lambda network, call: setattr(network, "slope", 0.5 + (call > 6)),
        lambda network, call: setattr(Network, "slope", 0.5 + (call > 6)),
        lambda network, call: network.factors.__setitem__(0, 1.0 + (call > 6)),
        lambda network, call: setattr(network, "factors", [1.0 + (call > 6)]),
        lambda network, call: setattr(network.kernel, "trainable", True),
        lambda network, call: network.bias.assign(np.full(3, call, np.float32)),
        lambda network, call: setattr(network, "bias", tl.Variable(np.ones(3, np.float32))) if call == 7 else None,
        lambda network, call: network.__dict__.setdefault("held", []).append(network.kernel.value),
    ],
)
def test_changes_between_calls(change: Any) -> None:
    try:
        step = tl.jit(training_step)
        assert outcomes(step, change) == outcomes(training_step, change)
    finally:
        Network.slope = 0.5


def test_globals() -> None:
    @tl.jit
    def function(x: Any) -> Any:
        return x * SCALE + FACTORS[0] * OPTIONS["power"]

    global SCALE
    try:
        for call in range(12):
            SCALE = 2.0 if call < 6 else 3.0
            FACTORS[0] = 1.0 if call < 9 else 5.0
            OPTIONS["power"] = 2.0 + (call == 11)
            expected = X[:2] * np.float32(SCALE) + np.float32(FACTORS[0] * OPTIONS["power"])
            np.testing.assert_allclose(function(X[:2]).numpy(), expected, rtol=1e-6)
    finally:
        SCALE, FACTORS[0], OPTIONS["power"] = 2.0, 1.0, 2.0
    assert function.reason == ""


def test_closures_and_defaults() -> None:
    factor = 1.0

    def inner(x: Any, offset: float = 0.5) -> Any:
        return x * factor + offset

    @tl.jit
    def function(x: Any) -> Any:
        return inner(x)

    for call in range(12):
        factor = 1.0 + (call > 4)
        inner.__defaults__ = (0.5 if call < 9 else 1.5,)
        expected = X[:2] * np.float32(factor) + np.float32(inner.__defaults__[0])
        np.testing.assert_allclose(function(X[:2]).numpy(), expected, rtol=1e-6)
    assert function.reason == ""


def test_objects_of_tensorlab() -> None:
    optimizer = tl.optimizers.Adam(0.01)
    model = tl.Sequential([tl.layers.Dense(5, activation="relu"), tl.layers.Rescaling(2.0), tl.layers.Dense(3)])
    loss_function = tl.losses.Huber(delta=0.3)

    def step(x: Any, y: Any) -> Any:
        with tl.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        weights = model.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss, "count": 3}

    results = []
    for chosen in (step, tl.jit(step)):
        tl.utils.set_random_seed(1)
        optimizer.forget_slots()
        optimizer.iterations = 0
        model.unbuild()
        model.build((None, 6))
        found: list[Any] = []
        for call in range(24):
            optimizer.learning_rate = 0.01 / (1 + call)
            model.layers[1].scale = 2.0 if call < 10 else 1.0
            model.layers[0].trainable = call < 17
            result = chosen(X[:8], TARGETS[:8])
            assert result["count"] == 3
            found += [result["loss"].numpy().tobytes(), *(w.numpy().tobytes() for w in model.weights)]
        results.append(found)
    assert results[0] == results[1]
    assert chosen.reason == ""  # type: ignore[attr-defined]
    assert optimizer.iterations == 24


def test_what_changes_too_often() -> None:
    box = [0]
    function = tl.jit(lambda x: x * box[0])
    for call in range(200):
        box[0] = call // 4
        np.testing.assert_array_equal(function(X[:2]).numpy(), X[:2] * box[0])
    assert function.reason == "what it reads changes too often"


def test_small_numpy_arrays_are_compared() -> None:
    offsets = np.zeros(6, np.float32)
    function = tl.jit(lambda x: x + tl.asarray(offsets, copy=True))
    for call in range(12):
        offsets[2] = call > 5
        np.testing.assert_array_equal(function(X[:2]).numpy(), X[:2] + offsets)
    assert function.plans


def test_no_memory_of_variables_is_held() -> None:
    network = Network()
    step = tl.jit(training_step)
    for _ in range(6):
        step(network, X[:8], TARGETS[:8])
    address = network.kernel.numpy().ctypes.data
    for _ in range(3):
        step(network, X[:8], TARGETS[:8])
        assert network.kernel.numpy().ctypes.data == address  # still written in place


def test_variable_that_something_holds_in_every_call() -> None:
    variable = tl.Variable(np.arange(3, dtype=np.float32))

    @tl.jit
    def step(x: Any) -> Any:
        variable.assign_add(x)
        variable.assign(variable * 0.5)
        return variable.value

    expected, held = np.arange(3, dtype=np.float32), []
    for call in range(9):
        expected = (expected + np.float32(call)) * np.float32(0.5)
        held.append((variable.value, variable.numpy().copy()))
        np.testing.assert_array_equal(step(np.full(3, call, np.float32)).numpy(), expected)
    assert [plan.runs for plan in step.plans] == [6]
    for value, copied in held:
        np.testing.assert_array_equal(value.numpy(), copied)


def test_old_value_of_a_variable_is_used_after_an_assignment() -> None:
    variable = tl.Variable(np.arange(3, dtype=np.float32))

    @tl.jit
    def step(x: Any) -> Any:
        before = variable.value
        variable.assign_add(x)
        return before * 2.0

    expected = np.arange(3, dtype=np.float32)
    for call in range(9):
        x = np.full(3, call, np.float32)
        np.testing.assert_array_equal(step(x).numpy(), expected * 2)
        expected = expected + x
    assert step.reason == "it uses a value of a variable from before an assignment"


def test_view_of_an_old_value_is_used_after_an_assignment() -> None:
    variable = tl.Variable(np.arange(6, dtype=np.float32).reshape(2, 3))

    @tl.jit
    def step(x: Any) -> Any:
        before = tl.permute_dims(variable, (1, 0))
        variable.assign(x)
        return before + 0.0

    expected = variable.numpy().copy()
    for call in range(9):
        x = np.full((2, 3), call, np.float32)
        np.testing.assert_array_equal(step(x).numpy(), expected.T)
        expected = x


def test_variables_as_arguments() -> None:
    @tl.jit
    def step(counter: Any, weight: Any, x: Any) -> Any:
        counter.assign_add(1)
        weight.assign_sub(x * 0.5)
        return weight.value

    counter, weights = tl.Variable(0, trainable=False), [tl.Variable([1.0, 2.0]), tl.Variable([5.0, 5.0])]
    expected = [np.array([1.0, 2.0]), np.array([5.0, 5.0])]
    for call in range(14):
        expected[call % 2] -= 0.5 * call
        result = step(counter, weights[call % 2], np.full(2, call, np.float32))
        assert result.tolist() == expected[call % 2].tolist()
    assert int(counter) == 14
    assert [plan.runs for plan in step.plans] == [4, 4]

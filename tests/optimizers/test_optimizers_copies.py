"""Slots stay with their weights in copies and pickles, in the same process and in another one."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optimizer_cases import averaged

import tensorlab as tl
from tensorlab.errors import StateError
from tensorlab.optimizers import SGD, Adam, OptimizerRule, RMSprop

HERE = Path(__file__).parent


def pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


MAKES = {
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "adam": lambda: Adam(0.1),
    "rmsprop": lambda: RMSprop(0.1, momentum=0.5),
    "rule": lambda: OptimizerRule(averaged)(decay=0.75),
}
AGAIN = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": pickled}


def stepped(make: Callable[[], Any]) -> tuple[Any, list[tl.Variable]]:
    """Return an optimizer and two weights of the same shape, after two steps."""
    optimizer, weights = make(), [tl.Variable(np.arange(4.0), name="a"), tl.Variable(np.ones(4), name="b")]
    for number in range(2):
        step(optimizer, weights, number)
    return optimizer, weights


def step(optimizer: Any, weights: list[tl.Variable], number: int) -> None:
    gradients = np.sin(np.arange(8.0).reshape(2, 4) + number)
    optimizer.apply_gradients(zip(gradients, weights, strict=True))


def values(weights: list[tl.Variable]) -> list[Any]:
    return [weight.numpy().tolist() for weight in weights]


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_copied_optimizer_continues_with_the_same_weights(make: Callable[[], Any], again: Callable[[Any], Any]) -> None:
    optimizer, weights = stepped(make)
    start = [weight.value for weight in weights]
    alone = again(optimizer)
    step(optimizer, weights, 2)
    expected, slots = values(weights), values(optimizer.variables)
    for weight, value in zip(weights, start, strict=True):
        weight.assign(value)
    step(alone, weights, 2)  # the copy uses the same weights
    assert values(weights) == expected
    assert values(alone.variables) == slots == values(optimizer.variables)
    assert alone.iterations == 3


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
@pytest.mark.parametrize("again", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("order", [lambda o, w: (o, w), lambda o, w: (w, o)], ids=["optimizer first", "weights first"])
def test_slots_stay_with_weights_that_are_copied_together(
    make: Callable[[], Any], again: Callable[[Any], Any], order: Callable[[Any, Any], Any]
) -> None:
    optimizer, weights = stepped(make)
    pair = again(order(optimizer, weights))
    other, others = order(*pair)
    step(optimizer, weights, 2)
    step(other, others, 2)
    assert values(others) == values(weights)
    optimizer_twice, weights_twice = again((other, others))  # a copy of a copy
    step(other, others, 3)
    step(optimizer_twice, weights_twice, 3)
    assert values(weights_twice) == values(others) != values(weights)


def test_copied_weight_has_its_own_slots() -> None:
    optimizer, (first, _) = stepped(MAKES["momentum"])
    second = copy.deepcopy(first)
    fresh, third = SGD(0.1, momentum=0.9), tl.Variable(second)
    for _ in range(3):
        optimizer.apply_gradients([(np.ones(4), first), (np.ones(4), second)])
        fresh.apply_gradients([(np.ones(4), third)])
    assert values([second]) == values([third])  # without velocity, like a new weight
    again, first_again, second_again = copy.deepcopy((optimizer, first, second))
    for each, one, two in ((optimizer, first, second), (again, first_again, second_again)):
        each.apply_gradients([(np.ones(4), two), (np.ones(4), one)])
    assert values([first, second]) == values([first_again, second_again])


def test_loaded_optimizer_rejects_weights_without_loaded_slots() -> None:
    optimizer, _ = stepped(MAKES["momentum"])
    other, before = tl.Variable(np.ones(4), name="c"), optimizer.variables[0].numpy()
    loaded = pickled(optimizer)
    with pytest.raises(StateError) as error:
        loaded.apply_gradients([(np.ones(4), other)])
    assert str(error.value) == (
        "SGD: its copied or loaded slots do not belong to 'c'; pickle or copy both "
        "together, or call set_state(state, variables), or forget_slots() to start over"
    )
    assert (loaded.iterations, other.numpy().tolist()) == (2, [1, 1, 1, 1])
    assert np.array_equal(loaded.variables[0].numpy(), before)
    loaded.forget_slots()
    loaded.apply_gradients([(np.ones(4), other)])
    assert len(loaded.variables) == 1


def test_copied_models_continue_training(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 4)).astype("f4"), rng.normal(size=(8, 1)).astype("f4")
    model = tl.Sequential([tl.layers.Dense(5, activation="relu"), tl.layers.Dense(1, activation="sigmoid")])
    model.compile(Adam(0.01), tl.losses.get(halved), metrics=[halved])
    for _ in range(3):
        model.train_on_batch(x, y)
    copies = [copy.deepcopy(model), pickled(model), pickled((model, x))[0]]
    expected = [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(3)]
    for other in copies:
        assert [other.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(3)] == expected


CHILD = """
import json, pickle, sys
sys.path[:0] = sys.argv[2:]
import tensorlab as tl
from test_optimizers_copies import step, values
for _ in range(7): tl.Variable(0.0)  # so that ids differ from those of the other process
found = {}
for name, (optimizer, weights) in pickle.load(open(sys.argv[1], "rb")).items():
    step(optimizer, weights, 2)
    found[name] = values(weights) + values(optimizer.variables)
print(json.dumps(found))
"""


def test_another_process_continues(tmp_path: Path) -> None:
    pairs = {name: stepped(make) for name, make in MAKES.items()}
    (tmp_path / "pairs").write_bytes(pickle.dumps(pairs))
    command = [sys.executable, "-c", CHILD, str(tmp_path / "pairs"), str(HERE), str(HERE.parent / "support")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = {}
    for name, (optimizer, weights) in pairs.items():
        step(optimizer, weights, 2)
        expected[name] = values(weights) + values(optimizer.variables)
    assert json.loads(done.stdout) == expected


def test_local_functions_are_pickled_by_definition() -> None:
    factor = 0.5

    def local(w: float, g: float, rate: float = 0.1) -> float:
        return w - factor * rate * g

    weight = tl.Variable(np.ones(4))
    pickled(OptimizerRule(local)(rate=0.5)).apply_gradients([(np.ones(4), weight)])
    assert weight.numpy().tolist() == [0.75] * 4
    assert copy.deepcopy(OptimizerRule(local)(rate=0.5)).rate == 0.5
    assert pickled(tl.losses.LossRule(lambda t, p: factor * abs(t - p))()).call(np.ones(2), np.zeros(2)).item() == 0.5


@OptimizerRule
def decorated(w: float, g: float, rate: float = 0.1) -> float:
    return w - rate * g


def test_decorated_function_is_pickled_by_name() -> None:
    assert pickled(decorated) is decorated
    assert pickled(decorated(rate=0.5)).rate == 0.5


def halved(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
    return 0.5 * tl.mean(tl.square(y_true - y_pred), axis=-1)


def scaled_error(y_true: float, y_pred: float, factor: float = 2.0) -> float:
    return factor * abs(y_true - y_pred)


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_losses_and_metrics_are_copied_and_pickled(again: Callable[[Any], Any]) -> None:
    y, p = np.ones((2, 2), "f4"), np.array([[0.25, 0.5], [0.75, 1.0]], "f4")
    for loss in (
        tl.losses.get("mse"),
        tl.losses.BinaryCrossentropy(from_logits=True, reduction="sum"),
        tl.losses.LossRule(scaled_error)(factor=3.0),
        tl.losses.get(halved),
    ):
        made = again(loss)
        assert made is not loss
        assert made.name == loss.name
        assert float(made(y, p)) == float(loss(y, p))
    metric = tl.metrics.get(halved)
    metric.update_state(y, p)
    assert again(metric).result() == metric.result() > 0


def test_lambda_is_copied_but_not_pickled() -> None:
    loss = tl.losses.get(lambda t, p: tl.mean(t - p))
    assert float(copy.deepcopy(loss)(np.ones(2), np.zeros(2))) == 1
    for thing in (loss, tl.metrics.get(lambda t, p: t)):
        with pytest.raises(pickle.PicklingError) as error:
            pickle.dumps(thing)
        assert str(error.value).endswith(
            "expected a function that can be imported by name, received test_optimizers_copies."
            "test_lambda_is_copied_but_not_pickled.<locals>.<lambda>; define it with 'def' at the top of a module"
        )

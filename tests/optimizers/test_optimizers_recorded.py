"""Every optimizer with every option: weights after 12 steps, against recorded results of Keras 3.15."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from optimizer_cases import steps
from optimizer_records import CASES, RULES, START, gradients
from record_optimizers import RECORD
from support.plan_cases import STEPS, compare, model

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.optimizers import SGD, Adam, ClippingOptimizer
from tensorlab.plugins import builtins

KERAS: dict[str, list[list[float]]] = json.loads(RECORD.read_text())
AVERAGED: dict[str, Any] = {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 5}


def made(case: str) -> ClippingOptimizer:
    kind, arguments = CASES[case]
    optimizer: ClippingOptimizer = getattr(tl.optimizers, kind)(**arguments)
    return optimizer


def flat(variables: list[tl.Variable]) -> Any:
    return np.concatenate([variable.numpy().ravel() for variable in variables])


@pytest.mark.parametrize("case", CASES)
def test_weights_match_keras(case: str) -> None:
    with tl.device("reference"):  # compiles nothing
        variables, optimizer = [tl.Variable(start) for start in START], made(case)
        steps(optimizer, variables, gradients(case))
        # Keras computes powers of β in float32.
        np.testing.assert_allclose(flat(variables), KERAS[case][0], rtol=1e-5, atol=4e-6)
        optimizer.finalize_variable_values(variables)
        np.testing.assert_allclose(flat(variables), KERAS[case][1], rtol=1e-5, atol=4e-6)


def test_every_optimizer_is_compared() -> None:
    kinds = builtins.tensorlab_register_optimizers().values()
    assert {kind for kind, _ in RULES.values()} == {kind.__name__ for kind in kinds}


@pytest.mark.parametrize("case", ["adam, accumulating, averaged", "momentum, accumulating, clipped"])
@pytest.mark.parametrize("taken", [1, 4, 6])
def test_restored_state_continues_bit_for_bit(case: str, taken: int) -> None:
    each = gradients(case)
    with tl.device("reference"):
        whole, optimizer = [tl.Variable(start) for start in START], made(case)
        steps(optimizer, whole, each[:taken])
        state, weights = optimizer.get_state(), [variable.numpy().copy() for variable in whole]
        copied, variables = copy.deepcopy((optimizer, whole))
        pickled, others = pickle.loads(pickle.dumps((optimizer, whole)))
        steps(optimizer, whole, each[taken:])
        resumed, another = [tl.Variable(weight) for weight in weights], made(case)
        another.set_state(state, resumed)
        for one, its in ((another, resumed), (copied, variables), (pickled, others)):
            steps(one, its, each[taken:])
            one.finalize_variable_values(its)
        optimizer.finalize_variable_values(whole)
        for found in (resumed, variables, others):
            assert flat(found).tobytes() == flat(whole).tobytes()


@pytest.mark.parametrize(
    "options",
    [
        AVERAGED,
        {"gradient_accumulation_steps": 2},
        {"gradient_accumulation_steps": 3, "clipnorm": 0.1, "weight_decay": 0.01, **AVERAGED},
    ],
)
def test_plans_give_the_same_bits(options: Any) -> None:
    _, planned = compare(lambda: model(optimizer=SGD(0.1, momentum=0.9, **options)))
    assert planned.runs == 2 * STEPS - 3


def test_weights_are_their_means_after_fit(tmp_path: Any) -> None:
    x = np.linspace(-1.0, 1.0, 16, dtype="f4")[:, None]

    class Record(tl.callbacks.Callback):
        def __init__(self) -> None:
            self.mean: Any = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            weight = self.model.weights[0].numpy().copy()
            self.mean = weight if self.mean is None else 0.5 * self.mean + 0.5 * weight

        def on_train_end(self, logs: Any = None) -> None:
            np.testing.assert_allclose(self.model.weights[0].numpy(), self.mean, rtol=1e-6)

    trained = tl.Sequential([tl.layers.Input((1,)), tl.layers.Dense(1, use_bias=False)])
    trained.compile(SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    record = Record()
    trained.fit(x, 3 * x, batch_size=4, epochs=2, verbose=0, callbacks=[record])
    np.testing.assert_allclose(trained.get_weights()[0], record.mean, rtol=1e-6)
    trained.save(tmp_path / "averaged.tensorlab")
    loaded = tl.load_model(tmp_path / "averaged.tensorlab")
    assert loaded.optimizer.get_config() == trained.optimizer.get_config()
    assert [slot.numpy().tobytes() for slot in loaded.optimizer.variables] == [
        slot.numpy().tobytes() for slot in trained.optimizer.variables
    ]


def test_weights_without_gradients_keep_their_values() -> None:
    with tl.device("reference"):
        weight, other = tl.Variable([1.0, 2.0]), tl.Variable([3.0])
        optimizer = SGD(0.5, gradient_accumulation_steps=2, use_ema=True)
        for _ in range(2):
            optimizer.apply_gradients([(None, weight), (np.array([2.0]), other)])
        optimizer.finalize_variable_values([weight, other, tl.Variable([5.0])])
        assert weight.tolist() == [1.0, 2.0]
        assert other.tolist() == [2.0]


def test_learning_rate_can_become_a_schedule() -> None:
    schedule = tl.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    with tl.device("reference"):
        weight, optimizer = tl.Variable([1.0]), SGD(0.1)
        optimizer.learning_rate = schedule
        assert optimizer.learning_rate == 0.5
        for _ in range(2):
            optimizer.apply_gradients([(np.array([1.0]), weight)])
        assert weight.tolist() == [0.25]
        assert optimizer.learning_rate == 0.125
        config = json.loads(json.dumps(optimizer.get_config()))
        assert SGD.from_config(config).learning_rate == 0.5
        optimizer.learning_rate = lambda: 0.25
        optimizer.apply_gradients([(np.array([1.0]), weight)])
        assert weight.tolist() == [0.0]
        with pytest.raises(ArgumentError, match="SGD learning_rate after 3 steps: expected a finite number"):
            optimizer.learning_rate = lambda: np.nan
        assert optimizer.learning_rate == 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ema_momentum": 1.5}, "SGD ema_momentum: expected a number from 0 to 1, received 1.5"),
        ({"ema_overwrite_frequency": 0}, "SGD ema_overwrite_frequency: expected an integer of at least 1, received 0"),
        (
            {"gradient_accumulation_steps": 1},
            "SGD gradient_accumulation_steps: expected an integer of at least 2, received 1",
        ),
        ({"loss_scale_factor": 2.0}, "SGD loss_scale_factor: expected None, as tensorlab has no float16"),
    ],
)
def test_invalid_options_are_rejected(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        SGD(0.1, **options)
    assert str(error.value).startswith(message)


def test_variables_that_occur_twice_are_rejected_if_gradients_are_accumulated() -> None:
    weight, optimizer = tl.Variable([1.0]), Adam(gradient_accumulation_steps=2)
    with pytest.raises(ArgumentError, match="apply_gradients: expected each variable once, received one of them tw"):
        optimizer.apply_gradients([(np.ones(1), weight), (np.ones(1), weight)])
    assert optimizer.iterations == 0


def test_apply_and_build_have_the_arguments_of_keras() -> None:
    with tl.device("reference"):
        weight, optimizer = tl.Variable([1.0, 2.0]), Adam(use_ema=True)
        optimizer.build([weight])
        assert [slot.tolist() for slot in optimizer.variables] == [[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]]
        SGD(0.5).apply([np.array([1.0, 0.0])], [weight])
        assert weight.tolist() == [0.5, 2.0]
        with pytest.raises(ShapeError, match=r"SGD\.apply: expected 1 gradients, received 2"):
            SGD().apply([1.0, 2.0], [weight])
        with pytest.raises(ArgumentTypeError, match=r"SGD\.build: expected a list of Variables"):
            SGD().build([1.0])

"""Optimizers: many steps against the formulas in NumPy with float64, and rejected arguments and gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from optimizer_cases import CASES, SHAPES, STEPS, averaged, rule, steps

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError, ShapeError, UnknownNameError
from tensorlab.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Nadam,
    Optimizer,
    OptimizerRule,
    RMSprop,
)
from tensorlab.tensor import Tensor


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_twenty_steps_match_the_formula(case: str, dtype: str, tolerance: float, rng: np.random.Generator) -> None:
    make, loop = CASES[case]
    starts = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    gradients = [[rng.normal(size=shape).astype(dtype) for shape in SHAPES] for _ in range(STEPS)]
    variables = [tl.Variable(start) for start in starts]
    optimizer = make()
    steps(optimizer, variables, gradients)
    assert optimizer.iterations == STEPS
    for position, (variable, start) in enumerate(zip(variables, starts, strict=True)):
        expected = loop(start.astype("float64"), [each[position].astype("float64") for each in gradients])
        assert variable.dtype == np.dtype(dtype)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=tolerance, atol=tolerance)


GRADIENTS = [[0.1, -2.0, 0.0], [0.3, -1.0, 0.5], [-0.2, 4.0, 0.5], [0.1, 0.0, -1.0]]
# the weights [1.0, -0.5, 2.0] after steps with these gradients in Keras 3.15
KERAS: list[tuple[Optimizer, list[float]]] = [
    (Adagrad(0.1), [0.923591673374176, -0.4440263509750366, 1.9299918413162231]),
    (Adadelta(1.0), [0.997349739074707, -0.4995921552181244, 1.9991704225540161]),
    (Adamax(0.1), [0.7900763750076294, -0.34958791732788086, 1.8814741373062134]),
    (AdamW(0.1, weight_decay=0.1), [0.7126628160476685, -0.3292396366596222, 1.7701550722122192]),
    (Nadam(0.1), [0.8095422387123108, -0.43281447887420654, 1.901134967803955]),
]


@pytest.mark.parametrize(("optimizer", "expected"), KERAS, ids=[type(each).__name__ for each, _ in KERAS])
def test_four_steps_match_keras(optimizer: Optimizer, expected: list[float]) -> None:
    weight = tl.Variable(np.array([1.0, -0.5, 2.0], "f4"))
    steps(optimizer, [weight], [[np.array(each, "f4")] for each in GRADIENTS])
    np.testing.assert_allclose(weight.numpy(), expected, rtol=5e-6)  # float32


def test_defaults_of_further_optimizers_match_keras() -> None:
    adam = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    assert Adamax().get_config() == Nadam().get_config() == adam
    assert AdamW().get_config() == adam | {"weight_decay": 0.004, "amsgrad": False}
    assert Adadelta().get_config() == {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7}
    assert Adagrad().get_config() == {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7}
    assert SGD().get_config() == {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False}
    assert RMSprop().get_config() == {
        "learning_rate": 0.001,
        "rho": 0.9,
        "momentum": 0.0,
        "epsilon": 1e-7,
        "centered": False,
    }
    assert Adam().get_config() == adam | {"amsgrad": False}
    assert tl.optimizers.Adafactor().get_config() == {
        "learning_rate": 0.001,
        "beta_2_decay": -0.8,
        "epsilon_1": 1e-30,
        "epsilon_2": 1e-3,
        "clip_threshold": 1.0,
        "relative_step": True,
    }


def test_momentum_loop_of_the_book_is_nesterov_momentum() -> None:
    # From chapter 2: velocity = past_velocity * momentum - learning_rate * gradient,
    # w = w + momentum * velocity - learning_rate * gradient
    w, past_velocity, rate, factor = 5.0, 0.0, 0.1, 0.9
    weight = tl.Variable(np.array(5.0))
    optimizer = SGD(rate, momentum=factor, nesterov=True)
    for _ in range(STEPS):
        gradient = 2.0 * w - 3.0
        velocity = past_velocity * factor - rate * gradient
        w = w + factor * velocity - rate * gradient
        past_velocity = velocity
        optimizer.apply_gradients([(2.0 * weight - 3.0, weight)])
        assert float(weight) == pytest.approx(w, rel=1e-12)


def test_view_and_transposed_gradients(rng: np.random.Generator) -> None:
    start, gradient = rng.normal(size=(7, 5)), rng.normal(size=(5, 14))
    weight = tl.Variable(start)
    SGD(0.5).apply_gradients([(tl.asarray(gradient).T[::-2], weight)])
    np.testing.assert_allclose(weight.numpy(), start - 0.5 * gradient.T[::-2], rtol=1e-14)


def test_gradients_that_are_none_are_skipped(rng: np.random.Generator) -> None:
    start = rng.normal(size=(2, 5))
    one, other = tl.Variable(start[0]), tl.Variable(start[1])
    optimizer = SGD(0.5, momentum=0.9)
    optimizer.apply_gradients([(None, one), (np.ones(5), other)])
    assert np.array_equal(one.numpy(), start[0])
    np.testing.assert_allclose(other.numpy(), start[1] - 0.5, rtol=1e-15, atol=1e-15)
    assert len(optimizer.variables) == 2  # both have a slot, in order


def test_integer_gradients_are_converted() -> None:
    weight = tl.Variable(np.zeros(3))
    SGD(1.0).apply_gradients([(np.array([1, 2, 3]), weight)])
    assert weight.numpy().tolist() == [-1.0, -2.0, -3.0]


def test_learning_rate_can_be_changed_between_steps(rng: np.random.Generator) -> None:
    for optimizer in (SGD(0.1), OptimizerRule(rule)(learning_rate=0.1)):
        weight = tl.Variable(np.zeros(3))
        optimizer.apply_gradients([(np.ones(3), weight)])
        optimizer.learning_rate = 0.5
        optimizer.apply_gradients([(np.ones(3), weight)])
        np.testing.assert_allclose(weight.numpy(), -0.6, rtol=1e-12)


def test_step_does_not_change_values_read_before(rng: np.random.Generator) -> None:
    start = rng.normal(size=5)
    weight = tl.Variable(start)
    before, view = weight.value, weight.numpy()
    SGD(0.5).apply_gradients([(np.ones(5), weight)])
    assert np.array_equal(before.numpy(), start)
    assert np.array_equal(view, start)
    np.testing.assert_allclose(weight.numpy(), start - 0.5)


# Errors


def test_invalid_gradients_change_nothing(rng: np.random.Generator) -> None:
    start = rng.normal(size=5)
    first, second = tl.Variable(start, name="first"), tl.Variable(start, name="second")
    optimizer = SGD(0.5, momentum=0.9)
    optimizer.apply_gradients([(np.ones(5), first), (np.ones(5), second)])
    state = optimizer.get_state()
    weights = [np.array(first.numpy()), np.array(second.numpy())]
    good = np.ones(5)
    reference = tl.asarray(good, device="reference")
    cases: list[tuple[Any, Any, type[Exception], str]] = [
        (np.ones(4), second, ShapeError, "SGD: the gradient of 'second': expected shape (5,), received (4,)"),
        (np.ones((5, 1)), second, ShapeError, "SGD: the gradient of 'second': expected shape (5,), received (5, 1)"),
        (good, tl.asarray(start), ArgumentTypeError, "SGD: expected Variables to change, received Tensor"),
        (good, start, ArgumentTypeError, "SGD: expected Variables to change, received ndarray"),
        (
            reference,
            second,
            DeviceError,
            "SGD: the gradient of 'second': expected a tensor on 'cpu', received 'reference'; move it with .to_dev",
        ),
        ("steep", second, DTypeError, "SGD: expected data of bool, "),
    ]
    for gradient, variable, kind, message in cases:
        with pytest.raises(kind) as error:
            optimizer.apply_gradients([(good, first), (gradient, variable)])
        assert str(error.value).startswith(message)
        assert optimizer.iterations == state["iterations"] == 1
        for weight, value in zip((first, second), weights, strict=True):
            assert np.array_equal(weight.numpy(), value)
        for slot, value in zip(optimizer.get_state()["slots"], state["slots"], strict=True):
            assert np.array_equal(slot["velocity"], value["velocity"])


@pytest.mark.parametrize("value", ["0.1", None, math.nan, math.inf, True, [0.1]])
@pytest.mark.parametrize("make", [SGD, RMSprop, Adam])
def test_invalid_learning_rates_are_rejected(make: Any, value: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        make(learning_rate=value)
    assert str(error.value) == f"{make.__name__} learning_rate: expected a finite number, received {value!r}"


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan])
def test_momentum_out_of_range_is_rejected(value: float) -> None:
    with pytest.raises(ArgumentError) as error:
        SGD(momentum=value)
    assert str(error.value) == f"SGD momentum: expected a number from 0 to 1, received {value!r}"


def test_momentum_that_is_not_a_number_is_rejected() -> None:
    with pytest.raises(ArgumentError) as error:
        SGD(momentum="0.9")
    assert str(error.value) == "SGD momentum: expected a finite number, received '0.9'"


def test_get_accepts_names_classes_rules_objects_and_configs() -> None:
    ready = SGD(0.5)
    assert tl.optimizers.get(ready) is ready
    for name, kind in (("sgd", SGD), ("SGD", SGD), ("rmsprop", RMSprop), ("RMSprop", RMSprop), ("adam", Adam)):
        assert type(tl.optimizers.get(name)) is kind
    assert type(tl.optimizers.get(Adam)) is Adam
    assert tl.optimizers.get(OptimizerRule(averaged)).decay == 0.5
    config = {"class_name": "sgd", "kind": "optimizer", "config": {"learning_rate": 0.25, "nesterov": True}}
    made = tl.optimizers.get(config)
    assert (made.learning_rate, made.nesterov) == (0.25, True)
    with pytest.raises(UnknownNameError) as error:
        tl.optimizers.get("rmspop")
    assert str(error.value) == (
        "optimizer: expected the name of a registered optimizer, received 'rmspop'; did you mean 'rmsprop'?"
    )
    for wrong in (3, None):
        with pytest.raises(ArgumentTypeError) as type_error:
            tl.optimizers.get(wrong)
        assert str(type_error.value) == f"optimizer: expected a name or an Optimizer, received {wrong}"


class Counting(tl.backends.CPUBackend):
    """A CPU backend that records how many weights each call of `update` changes."""

    name = "counting"

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def update(self, function: Any, groups: Any, hyperparameters: Any) -> None:
        self.calls.append(len(groups))
        super().update(function, groups, hyperparameters)


def test_step_calls_update_once_per_dtype(rng: np.random.Generator) -> None:
    backend = Counting()

    def variables(dtype: str) -> list[tl.Variable]:
        made = [tl.Variable(rng.standard_normal(shape).astype(dtype)) for shape in SHAPES]
        for variable in made:
            variable._backend = backend
        return made

    singles, doubles = variables("float32"), variables("float64")
    pairs = [(Tensor(x.numpy().copy(), backend), x) for x in (*singles, *doubles)]
    optimizer = SGD()
    optimizer.apply_gradients(pairs)
    assert backend.calls == [len(SHAPES)] * 2
    optimizer.apply_gradients([(None, variable) for _, variable in pairs])
    assert backend.calls == [len(SHAPES)] * 2


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_variable_passed_twice_is_updated_twice(name: str, rng: np.random.Generator) -> None:
    start, gradients = rng.standard_normal((3, 2)), rng.standard_normal((3, 3, 2))
    together, alone, other = (tl.Variable(start) for _ in range(3))
    optimizer, expected = tl.optimizers.get(name), tl.optimizers.get(name)
    held = together.value
    optimizer.apply_gradients([(gradients[0], together), (gradients[1], other), (gradients[2], together)])
    for gradient in (gradients[0], gradients[2]):
        expected.apply_gradients([(gradient, alone)])
    np.testing.assert_array_equal(together.numpy(), alone.numpy())
    np.testing.assert_array_equal(held.numpy(), start)
    assert not np.array_equal(other.numpy(), start)


def test_value_of_a_hyperparameter_in_a_step() -> None:
    optimizer = tl.optimizers.Adam(0.5)
    assert [optimizer.hyperparameter(name) for name in ("learning_rate", "beta_1", "step")] == [0.5, 0.9, 0.0]
    with pytest.raises(tl.errors.ArgumentError, match=r"one of the hyperparameters learning_rate.*received 'rate'"):
        optimizer.hyperparameter("rate")

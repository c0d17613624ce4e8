"""Optimizers: many steps against the formulas in NumPy's float64, their state, and what they refuse."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    ScalarError,
    ShapeError,
    StateError,
    UnknownNameError,
)
from tensorlab.optimizers import SGD, Adam, Optimizer, OptimizerRule, RMSprop
from tensorlab.tensor import Tensor

Array = np.ndarray[Any, Any]
Loop = Callable[[Array, list[Array]], Array]
SHAPES = [(7, 5), (5,), (), (3, 1, 33), (2, 0)]
STEPS = 20


def sgd(w: Array, gradients: list[Array], rate: float = 0.01) -> Array:
    for g in gradients:
        w = w - rate * g
    return w


def momentum(w: Array, gradients: list[Array], rate: float = 0.01, mu: float = 0.9) -> Array:
    v = np.zeros_like(w)
    for g in gradients:
        v = mu * v - rate * g
        w = w + v
    return w


def nesterov(w: Array, gradients: list[Array], rate: float = 0.01, mu: float = 0.9) -> Array:
    v = np.zeros_like(w)
    for g in gradients:
        v = mu * v - rate * g
        w = w + mu * v - rate * g
    return w


def rmsprop(w: Array, gradients: list[Array], rate: float = 0.001, rho: float = 0.9, mu: float = 0.0) -> Array:
    s, v = np.zeros_like(w), np.zeros_like(w)
    for g in gradients:
        s = rho * s + (1.0 - rho) * g**2
        v = mu * v + rate * g / np.sqrt(s + 1e-7)
        w = w - v
    return w


def adam(w: Array, gradients: list[Array], rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> Array:
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1.0 - b1) * g
        s = b2 * s + (1.0 - b2) * g**2
        w = w - rate * math.sqrt(1.0 - b2**t) / (1.0 - b1**t) * m / (np.sqrt(s) + 1e-7)
    return w


CASES: dict[str, tuple[Callable[[], Optimizer], Loop]] = {
    "sgd": (SGD, sgd),
    "sgd fast": (lambda: SGD(learning_rate=0.3), lambda w, gs: sgd(w, gs, 0.3)),
    "momentum": (lambda: SGD(0.01, momentum=0.9), momentum),
    "nesterov": (lambda: SGD(0.01, momentum=0.9, nesterov=True), nesterov),
    "rmsprop": (RMSprop, rmsprop),
    "rmsprop momentum": (lambda: RMSprop(0.01, 0.8, momentum=0.5), lambda w, gs: rmsprop(w, gs, 0.01, 0.8, 0.5)),
    "adam": (Adam, adam),
    "adam betas": (lambda: Adam(0.01, beta_1=0.8, beta_2=0.95), lambda w, gs: adam(w, gs, 0.01, 0.8, 0.95)),
}


def steps(optimizer: Optimizer, variables: list[tl.Variable], gradients: list[list[Array]]) -> None:
    for each in gradients:
        optimizer.apply_gradients(zip(each, variables, strict=True))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_twenty_steps_are_those_of_the_formula(
    case: str, dtype: str, tolerance: float, rng: np.random.Generator
) -> None:
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


def test_keras_defaults() -> None:
    assert SGD().get_config() == {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False}
    assert RMSprop().get_config() == {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7}
    assert Adam().get_config() == {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


def test_the_books_momentum_loop_is_nesterovs() -> None:
    # Listing of chapter 2: velocity = past_velocity * momentum - learning_rate * gradient,
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


def test_gradients_that_are_none_are_passed_over(rng: np.random.Generator) -> None:
    start = rng.normal(size=(2, 5))
    one, other = tl.Variable(start[0]), tl.Variable(start[1])
    optimizer = SGD(0.5, momentum=0.9)
    optimizer.apply_gradients([(None, one), (np.ones(5), other)])
    assert np.array_equal(one.numpy(), start[0])
    np.testing.assert_allclose(other.numpy(), start[1] - 0.5, rtol=1e-15, atol=1e-15)
    assert len(optimizer.variables) == 2  # each has its slot, in order


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


def test_a_value_that_was_read_is_not_changed_by_a_step(rng: np.random.Generator) -> None:
    start = rng.normal(size=5)
    weight = tl.Variable(start)
    before, view = weight.value, weight.numpy()
    SGD(0.5).apply_gradients([(np.ones(5), weight)])
    assert np.array_equal(before.numpy(), start)
    assert np.array_equal(view, start)
    np.testing.assert_allclose(weight.numpy(), start - 0.5)


@pytest.mark.parametrize("case", CASES)
def test_state_resumes_bit_for_bit(case: str, rng: np.random.Generator) -> None:
    make, _ = CASES[case]
    starts = [rng.normal(size=shape).astype("float32") for shape in SHAPES]
    gradients = [[rng.normal(size=shape).astype("float32") for shape in SHAPES] for _ in range(8)]
    whole = [tl.Variable(start) for start in starts]
    steps(make(), whole, gradients)
    first, optimizer = [tl.Variable(start) for start in starts], make()
    steps(optimizer, first, gradients[:5])
    state, weights = optimizer.get_state(), [np.array(variable.numpy()) for variable in first]
    steps(optimizer, first, gradients[5:])  # the state is a copy: going on does not change it
    resumed, another = [tl.Variable(weight) for weight in weights], make()
    another.set_state(state, resumed)
    assert another.iterations == 5
    steps(another, resumed, gradients[5:])
    for variable, expected in zip(resumed, whole, strict=True):
        assert np.array_equal(variable.numpy(), expected.numpy())


# Rules of others


def rule(w: float, g: float, learning_rate: float = 0.01) -> float:
    return w - learning_rate * g


def averaged(
    w: float, g: float, mean: float, largest: float, learning_rate: float = 0.01, decay: float = 0.5, step: float = 1
) -> tuple[float, float, float]:
    mean = mean + (g - mean) / step
    largest = max(decay * largest, abs(g))
    return w - learning_rate * mean / (largest + 1.0), mean, largest


def test_rule_with_slots_hyperparameters_and_step(rng: np.random.Generator) -> None:
    start, gradients = rng.normal(size=(7, 5)), rng.normal(size=(STEPS, 7, 5))
    weight, optimizer = tl.Variable(start, name="weight"), OptimizerRule(averaged)(decay=0.9)
    steps(optimizer, [weight], [[g] for g in gradients])
    w, mean, largest = start, np.zeros((7, 5)), np.zeros((7, 5))
    for t, g in enumerate(gradients, 1):
        mean = mean + (g - mean) / t
        largest = np.maximum(0.9 * largest, np.abs(g))
        w = w - 0.01 * mean / (largest + 1.0)
    np.testing.assert_allclose(weight.numpy(), w, rtol=1e-12)
    assert [slot.name for slot in optimizer.variables] == ["weight/mean", "weight/largest"]
    np.testing.assert_allclose(optimizer.variables[1].numpy(), largest, rtol=1e-12)
    assert all(not slot.trainable for slot in optimizer.variables)


def test_rule_refuses_other_hyperparameters() -> None:
    with pytest.raises(ArgumentError) as error:
        OptimizerRule(averaged)(learning_rat=0.1)
    assert str(error.value) == (
        "optimizer 'averaged': expected hyperparameters among: learning_rate, decay, received learning_rat; "
        "did you mean 'learning_rate'?"
    )
    with pytest.raises(ArgumentError, match="received step"):
        OptimizerRule(averaged)(step=3.0)


@pytest.mark.parametrize("make", [lambda: RMSprop(0.01, momentum=0.5), lambda: OptimizerRule(averaged)(decay=0.9)])
def test_state_has_names_and_the_present_hyperparameters(make: Any, rng: np.random.Generator) -> None:
    starts = [rng.normal(size=shape) for shape in SHAPES]
    gradients = [[rng.normal(size=shape) for shape in SHAPES] for _ in range(6)]
    whole, optimizer = [tl.Variable(start) for start in starts], make()
    steps(optimizer, whole, gradients[:3])
    optimizer.learning_rate = 0.25
    state = optimizer.get_state()
    assert state["iterations"] == 3
    assert state["hyperparameters"]["learning_rate"] == 0.25
    assert [set(slots) for slots in state["slots"]] == [set(optimizer.rule.slots)] * len(SHAPES)
    resumed, another = [tl.Variable(np.array(variable.numpy())) for variable in whole], make()
    another.set_state(state, resumed)
    assert another.get_config()["learning_rate"] == 0.25
    for each, variables in ((optimizer, whole), (another, resumed)):
        steps(each, variables, gradients[3:])
    for variable, expected in zip(resumed, whole, strict=True):
        assert np.array_equal(variable.numpy(), expected.numpy())


def test_a_state_of_others_is_refused_and_changes_nothing(rng: np.random.Generator) -> None:
    weight, optimizer = tl.Variable(rng.normal(size=5), name="w"), SGD(0.5, momentum=0.9)
    optimizer.apply_gradients([(np.ones(5), weight)])
    state = optimizer.get_state()
    cases = [
        ({"slots": []}, [weight], "expected iterations and slots, received none of iterations"),
        (state, [], "expected slots of 0 weights, or of none, received 1; give the same weights to get_state and"),
        (state, [weight, tl.Variable(np.zeros(5))], "expected slots of 2 weights, or of none, received 1; give the"),
        (None, [weight], "expected what get_state returned, received None"),
        ({**state, "iterations": "1"}, [weight], "iterations: expected the number of steps taken, received '1'"),
        ({**state, "iterations": -1}, [weight], "iterations: expected the number of steps taken, received -1"),
        (
            {**state, "slots": [{"velocity": ["fast"] * 5}]},
            [weight],
            "expected for 'w' slots of numbers, received could not convert string to float: 'fast'",
        ),
        (
            state,
            [tl.Variable(np.zeros(4), name="v")],
            "for 'v' slots of shape (4,) named: velocity, received {'velocity",
        ),
        (
            {**state, "slots": [{"m": np.zeros(5)}]},
            [weight],
            "for 'w' slots of shape (5,) named: velocity, received {'m",
        ),
        ({**state, "slots": [{}]}, [weight], "slots of shape (5,) named: velocity, received {}"),
        (
            {**state, "hyperparameters": {"rho": 0.1}},
            [weight],
            "hyperparameters among: learning_rate, momentum, received",
        ),
        ({**state, "hyperparameters": {"learning_rate": math.nan}}, [weight], "a finite number, received nan"),
    ]
    for wrong, variables, message in cases:
        with pytest.raises((StateError, ArgumentError)) as error:
            optimizer.set_state(wrong, variables)
        assert str(error.value).startswith("SGD state")
        assert message in str(error.value)
        assert optimizer.iterations == 1
        assert optimizer.learning_rate == 0.5
        assert np.array_equal(optimizer.variables[0].numpy(), state["slots"][0]["velocity"])


def test_slots_belong_to_the_weights_that_they_are_asked_for(rng: np.random.Generator) -> None:
    # Of one shape, so that a mistaken order would not be refused but go on with the wrong numbers.
    names = ("first", "second", "third")
    variables = [tl.Variable(rng.normal(size=4), name=name) for name in names]
    optimizer, gradients = SGD(0.5, momentum=0.9), rng.normal(size=(3, 4))
    optimizer.apply_gradients([(None, variables[0]), (gradients[1], variables[1])])  # the first is frozen, say
    assert [slot.name for slot in optimizer.variables] == ["first/velocity", "second/velocity"]
    optimizer.apply_gradients(zip(gradients[::-1], variables[::-1], strict=True))
    state = optimizer.get_state(variables[::-1])
    assert len(optimizer.get_state([tl.Variable(np.ones(2))])["slots"][0]["velocity"]) == 2  # 0 as yet, and not kept
    assert len(optimizer.variables) == 3
    another = SGD(0.5, momentum=0.9)
    copies = [tl.Variable(np.array(variable.numpy()), name=variable.name) for variable in variables]
    another.set_state(state, copies[::-1])
    for each, those in ((optimizer, variables), (another, copies)):
        each.apply_gradients(zip(gradients, those, strict=True))
    for variable, copy in zip(variables, copies, strict=True):
        assert np.array_equal(variable.numpy(), copy.numpy())


def test_the_state_from_before_the_first_step_suits_any_weights(rng: np.random.Generator) -> None:
    weight, optimizer = tl.Variable(rng.normal(size=3)), Adam(0.01)
    untouched = optimizer.get_state()
    assert (untouched["iterations"], untouched["slots"]) == (0, [])
    assert optimizer.get_state([weight])["slots"][0].keys() == {*optimizer.rule.slots}
    for state in (untouched, Adam().get_state([weight])):
        optimizer.apply_gradients([(np.ones(3), weight)])
        optimizer.set_state(state, [weight])
        assert optimizer.iterations == 0
        assert all(not np.any(slot.numpy()) for slot in optimizer.variables)
    optimizer.set_state(untouched, [])  # of a model that is not built
    assert optimizer.variables == []


def test_config_gives_the_present_learning_rate() -> None:
    optimizer = Adam(0.01)
    optimizer.learning_rate = 0.125
    assert optimizer.get_config() == {"learning_rate": 0.125, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    assert Adam.from_config(optimizer.get_config()).learning_rate == 0.125


@pytest.fixture
def registered() -> Iterator[OptimizerRule]:
    made = OptimizerRule(averaged)
    plugin = SimpleNamespace(
        hook=tl.hookimpl(lambda: {"averaging": made}, specname="tensorlab_register_optimizers"),
    )
    tl.plugins.register(plugin, "mine")
    yield made
    tl.plugins.unregister("mine")


def test_rules_survive_json_by_the_name_that_they_are_registered_by(registered: OptimizerRule) -> None:
    optimizer = registered(decay=0.75)
    optimizer.learning_rate = 0.125
    plain = json.loads(json.dumps(tl.optimizers.serialize(optimizer)))
    assert plain == {
        "class_name": "averaging",
        "kind": "optimizer",
        "config": {"learning_rate": 0.125, "decay": 0.75},
    }
    for again in (tl.optimizers.get(plain), tl.optimizers.deserialize(plain), registered.from_config(plain["config"])):
        assert again is not optimizer
        assert again.rule is registered.rule
        assert again.get_config() == plain["config"]
    assert tl.optimizers.get("averaging").get_config() == {"learning_rate": 0.01, "decay": 0.5}
    assert tl.optimizers.get("mine:averaging").rule is registered.rule


def test_a_plain_function_is_an_optimizer(rng: np.random.Generator) -> None:
    weight = tl.Variable(np.zeros(3))
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile(rule, "mse")
    assert model.optimizer.get_config() == {"learning_rate": 0.01}
    tl.optimizers.get(rule).apply_gradients([(np.ones(3), weight)])
    np.testing.assert_allclose(weight.numpy(), -0.01)
    with pytest.raises(ScalarError, match="'print'"):
        tl.optimizers.get(lambda w, g: print(w))


def test_rule_of_another_form_is_refused() -> None:
    def lonely(w: float) -> float:
        return w

    def forgetful(w: float, g: float, m: float, learning_rate: float = 0.1) -> float:
        return w - learning_rate * g + m

    def unliftable(w: float, g: float) -> float:
        return w - {"g": g}["g"]

    with pytest.raises(ArgumentTypeError) as error:
        OptimizerRule(lonely)
    assert str(error.value) == (
        "optimizer rule 'lonely': expected a function of weight and gradient, then slots, then hyperparameters with "
        "default values, received (w)"
    )
    with pytest.raises(ArgumentTypeError) as error:
        OptimizerRule(forgetful)
    assert str(error.value) == "optimizer rule 'forgetful': expected 2 values (weight, m), received 1"
    with pytest.raises(ScalarError, match="unliftable"):
        OptimizerRule(unliftable)


# What is refused


def test_bad_gradients_change_nothing(rng: np.random.Generator) -> None:
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
def test_bad_learning_rates_are_refused(make: Any, value: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        make(learning_rate=value)
    assert str(error.value) == f"{make.__name__} learning_rate: expected a finite number, received {value!r}"


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan])
def test_momentum_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ArgumentError) as error:
        SGD(momentum=value)
    assert str(error.value) == f"SGD momentum: expected a number from 0 to 1, received {value!r}"


def test_momentum_that_is_no_number_is_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        SGD(momentum="0.9")
    assert str(error.value) == "SGD momentum: expected a finite number, received '0.9'"


def test_get_takes_names_classes_rules_objects_and_configs() -> None:
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
    """The CPU, and how many weights each call of `update` changed."""

    name = "counting"

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def update(self, function: Any, groups: Any, hyperparameters: Any) -> None:
        self.calls.append(len(groups))
        super().update(function, groups, hyperparameters)


def test_a_step_is_one_call_of_the_backend_for_all_weights_of_a_dtype(rng: np.random.Generator) -> None:
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
def test_a_variable_that_is_given_twice_takes_two_steps_one_after_the_other(
    name: str, rng: np.random.Generator
) -> None:
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

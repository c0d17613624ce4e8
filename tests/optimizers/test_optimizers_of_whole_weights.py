"""Optimizers whose steps depend on whole weights, Adafactor and Muon, and weights without weight decay."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from support.plan_cases import STEPS, compare, model

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError, TensorlabError
from tensorlab.optimizers import SGD, Adafactor, AdamW, Muon


def ones(*variables: tl.Variable) -> list[Any]:
    return [(np.ones(variable.shape, "f4"), variable) for variable in variables]


def named(name: str, shape: tuple[int, ...] = (2, 2)) -> tl.Variable:
    return tl.Variable(np.ones(shape, "f4"), name=name)


@pytest.mark.parametrize(
    "options", [{}, {"gradient_accumulation_steps": 3, "clipnorm": 0.1, "use_ema": True, "ema_momentum": 0.7}]
)
@pytest.mark.parametrize("kind", [Adafactor, Muon])
def test_plans_give_the_same_bits(kind: Any, options: Any) -> None:
    _, planned = compare(lambda: model(optimizer=kind(0.1, weight_decay=0.01, **options)))
    assert planned.runs == 2 * STEPS - 3


def test_adafactor_keeps_means_of_rows_and_columns_only() -> None:
    with tl.device("reference"):
        variables = [named("matrix", (3, 4)), named("stack", (2, 3, 4)), named("bias", (4,)), named("number", ())]
        optimizer = Adafactor()
        optimizer.apply_gradients(ones(*variables))
        shapes = [slot.shape for slot in optimizer.variables]
        assert shapes == [(3, 1), (1, 4), (2, 3, 1), (2, 1, 4), (4,), ()]
        state = optimizer.get_state()
        assert [list(each) for each in state["slots"]] == [["rows", "columns"]] * 2 + [["square"]] * 2
        state["slots"][0]["rows"] = np.zeros((3, 4))
        with pytest.raises(StateError, match=r"the slots of 'matrix' are {'rows': \(3, 4\), 'columns': \(1, 4\)}, not"):
            Adafactor().set_state(state, variables)


def test_muon_chooses_its_steps_by_the_shape_and_the_name_of_a_weight() -> None:
    with tl.device("reference"):
        optimizer = Muon(exclude_layers=["output", r"^last\d"])
        weights = [named("dense/kernel"), named("dense/bias", (2,)), named("my_Embedding/embeddings")]
        weights += [named("output/kernel"), named("last1/kernel"), named("at_last1/kernel")]
        optimizer.apply_gradients(ones(*weights))
        of_adam = [set(each) == {"momentum", "velocity"} for each in optimizer.get_state()["slots"]]
        assert of_adam == [False, True, True, True, True, False]
        assert list(optimizer.get_state()["slots"][0]) == ["momentum"]
        everywhere = Muon(exclude_embeddings=False)
        assert everywhere.slot_names_of(weights[2]) == ("momentum",)


def test_momentum_of_muon_can_be_set() -> None:
    with tl.device("reference"):
        weight, optimizer = named("w"), Muon(0.1, momentum=0.9)
        optimizer.momentum = 0.5
        optimizer.apply_gradients(ones(weight))
        optimizer.apply_gradients(ones(weight))
        np.testing.assert_allclose(optimizer.variables[0].numpy(), np.full((2, 2), 1.5))
        with pytest.raises(ArgumentError, match="Muon momentum: expected a number from 0 to 1, received 2"):
            optimizer.momentum = 2.0
        assert optimizer.momentum == 0.5


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: Adafactor(clip_threshold=0),
            ArgumentError,
            "Adafactor clip_threshold: expected a number above 0, rec",
        ),
        (
            lambda: Adafactor(epsilon_2=-1.0),
            ArgumentError,
            "Adafactor epsilon_2: expected a number above 0, received -1",
        ),
        (lambda: Muon(ns_steps=-1), ArgumentError, "Muon ns_steps: expected an integer of at least 0, received -1"),
        (lambda: Muon(muon_a=np.nan), ArgumentError, "Muon muon_a: expected a finite number, received nan"),
        (lambda: Muon(rms_rate="much"), ArgumentError, "Muon rms_rate: expected a finite number, received 'much'"),
        (
            lambda: Muon(exclude_layers="output"),
            ArgumentTypeError,
            "Muon exclude_layers: expected a list of regular expressions, received 'output'; write",
        ),
        (lambda: Muon(exclude_layers=["("]), ArgumentError, "Muon exclude_layers: expected regular expressions, rec"),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, error: type[TensorlabError], message: str) -> None:
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value).startswith(message)


# Weights without weight decay


def decayed(optimizer: Any, *weights: tl.Variable) -> list[bool]:
    """Return whether a step with gradients of 0 changes each weight."""
    optimizer.apply_gradients([(np.zeros(weight.shape, "f4"), weight) for weight in weights])
    return [bool((weight.numpy() != 1.0).any()) for weight in weights]


def test_weights_are_excluded_from_weight_decay_as_in_keras() -> None:
    with tl.device("reference"):
        weights = [named("dense/kernel"), named("dense/bias"), named("norm/gamma"), named("dense_1/kernel")]
        optimizer = AdamW(0.5, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_list=weights[3:], var_names=["bias", "ga+"])
        assert decayed(optimizer, *weights) == [True, False, False, False]
        assert weights[0].numpy().tolist() == [[0.75, 0.75]] * 2
        assert SGD(0.1).exclude_from_weight_decay(var_names=["bias"]) is None  # without weight decay
        another = SGD(0.5, weight_decay=0.5)
        another.exclude_from_weight_decay([weights[1]])
        another.exclude_from_weight_decay(var_names=["gamma"])  # replaces the first
        assert decayed(another, weights[1], weights[2]) == [True, False]


@pytest.mark.parametrize("make", [lambda: Adafactor(0.5, weight_decay=0.5), lambda: Muon(0.5, weight_decay=0.5)])
def test_optimizers_of_whole_weights_exclude_them_too(make: Any) -> None:
    with tl.device("reference"):
        optimizer = make()
        optimizer.exclude_from_weight_decay(var_names=["b"])
        assert decayed(optimizer, named("a"), named("b"), named("c", (2,)), named("b2", (2,))) == [True, False] * 2


def test_copies_and_pickles_exclude_the_same_weights() -> None:
    with tl.device("reference"):
        weights, optimizer = [named("a"), named("b")], SGD(0.5, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(weights[1:])
        for changed, own in (copy.deepcopy((optimizer, weights)), pickle.loads(pickle.dumps((optimizer, weights)))):
            assert decayed(changed, *own) == [True, False]
        assert decayed(copy.deepcopy(optimizer), *weights) == [True, False]


def test_plans_exclude_weights_from_weight_decay() -> None:
    def make() -> Any:
        optimizer = AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        return model(optimizer=optimizer)

    compare(make)


def test_exclusions_are_rejected_after_a_step_and_for_other_arguments() -> None:
    weight, optimizer = named("w"), SGD(0.5, weight_decay=0.5)
    with pytest.raises(
        ArgumentTypeError, match=r"SGD\.exclude_from_weight_decay var_list: expected a list of Variables"
    ):
        optimizer.exclude_from_weight_decay(["bias"])  # type: ignore[list-item]
    with pytest.raises(ArgumentTypeError, match=r'var_names: expected a list of regular expressions.*write \["bias"\]'):
        optimizer.exclude_from_weight_decay(var_names="bias")
    with tl.device("reference"):
        optimizer.build([weight])
        with pytest.raises(StateError, match="the optimizer knows its weights already; call it before"):
            optimizer.exclude_from_weight_decay([weight])
        with pytest.raises(ArgumentError, match="var_names: expected regular expressions, received "):
            SGD().exclude_from_weight_decay(var_names=["("])

"""Constraints of weights: their values, when they are applied, names, configs and errors."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import constraints
from tensorlab.errors import ArgumentError, ArgumentTypeError, TensorlabError, UnknownNameError
from tensorlab.layers import Dense

CASES: list[tuple[Any, Any]] = [
    (constraints.MaxNorm(1.5), lambda w, n: w * np.minimum(n, 1.5) / (n + 1e-7)),
    (constraints.UnitNorm(), lambda w, n: w / (n + 1e-7)),
    (constraints.MinMaxNorm(0.5, 1.0, 0.25), lambda w, n: w * (0.25 * np.clip(n, 0.5, 1.0) + 0.75 * n) / (n + 1e-7)),
    (constraints.NonNeg(), lambda w, n: np.maximum(w, 0.0)),
]


@pytest.mark.parametrize(("constraint", "formula"), CASES)
def test_values_match_the_formula(constraint: Any, formula: Any, rng: np.random.Generator) -> None:
    w = rng.normal(size=(5, 3))
    norm = np.sqrt((w**2).sum(axis=0, keepdims=True))
    np.testing.assert_allclose(constraint(tl.asarray(w)).numpy(), formula(w, norm), rtol=1e-12)
    again = constraints.get(json.loads(json.dumps(tl.optimizers.serialize(constraint))))
    np.testing.assert_array_equal(again(tl.asarray(w)).numpy(), constraint(tl.asarray(w)).numpy())


def test_weights_are_constrained_after_each_step_also_by_plans(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(200, 4)).astype("float32"), rng.normal(size=(200, 3)).astype("float32")
    found = []
    for eagerly in (False, True):
        model = tl.Sequential([tl.Input((4,)), Dense(3, kernel_initializer="ones", kernel_constraint="max_norm")])
        model.compile(tl.optimizers.SGD(3.0), "mse", run_eagerly=eagerly)
        model.fit(x, 9.0 * y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        kernel = model.get_weights()[0]
        assert np.sqrt((kernel**2).sum(axis=0)).max() <= 2.00001
        found.append(kernel)
    assert np.array_equal(*found)


def test_own_functions_copies_and_pickles() -> None:
    layer = Dense(2, kernel_constraint=tl.relu, bias_constraint=constraints.NonNeg)
    layer.build((None, 3))
    assert layer.kernel.constraint is tl.relu
    assert type(layer.bias.constraint) is constraints.NonNeg
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        again.kernel.assign(-np.ones((3, 2), "float32"))
        tl.optimizers.SGD(1.0).apply_gradients([(tl.zeros((3, 2)), again.kernel)])
        assert again.kernel.numpy().max() == 0.0
    made = Dense.from_config(Dense(2, kernel_constraint=constraints.MaxNorm(3.0)).get_config())
    assert made.kernel_constraint.max_value == 3.0


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: constraints.MaxNorm(-1),
            ArgumentError,
            "MaxNorm max_value: expected a number of at least 0, rec",
        ),
        (
            lambda: constraints.MinMaxNorm(2.0, 1.0),
            ArgumentError,
            "MinMaxNorm: expected a min_value that is not above max_value, received min_value=2.0 and max_value=1.0",
        ),
        (lambda: constraints.MinMaxNorm(rate=2), ArgumentError, "MinMaxNorm rate: expected a number from 0 to 1, rec"),
        (
            lambda: Dense(1, kernel_constraint="max_nrom"),
            UnknownNameError,
            "constraint: expected the name of a constraint, received 'max_nrom'; did you mean 'max_norm'",
        ),
        (
            lambda: Dense(1, kernel_constraint=3),
            ArgumentTypeError,
            "constraint: expected a name, a Constraint, or a function of a weight, received 3",
        ),
        (
            lambda: tl.Sequential([Dense(1)], name="m").compile(loss="mse", loss_weights=[0.5, 0.5]),
            ArgumentError,
            "Sequential 'm'.compile loss_weights: expected one for each of the outputs [0], received a list of 2",
        ),
        (
            lambda: tl.layers.PReLU(shared_axes=[2], name="p").build((None, 3)),
            ArgumentError,
            "PReLU 'p' shared_axes: expected axes from 1 to 1, received [2]",
        ),
        (
            lambda: tl.layers.Permute((0, 1), name="p"),
            ArgumentError,
            "Permute 'p' dims: expected the axes from 1 on, each once, received (0, 1); leave out 0, the batch",
        ),
        (
            lambda: tl.layers.Permute((2, 1), name="p")(tl.ones((2, 3))),
            TensorlabError,
            "Permute 'p': expected inputs of 3 axes, received shape (2, 3)",
        ),
        (
            lambda: tl.layers.RepeatVector(0, name="r"),
            ArgumentError,
            "RepeatVector 'r' n: expected an integer of at least 1, received 0",
        ),
        (
            lambda: tl.layers.RepeatVector(2, name="r")(tl.ones((2, 3, 4))),
            TensorlabError,
            "RepeatVector 'r': expected inputs of shape (batch, features), received shape (2, 3, 4)",
        ),
        (
            lambda: tl.layers.GaussianDropout(1.0, name="g"),
            ArgumentError,
            "GaussianDropout 'g' rate: expected a number of at least 0 and below 1, received 1.0",
        ),
        (
            lambda: tl.regularizers.OrthogonalRegularizer(mode="row"),
            ArgumentError,
            "OrthogonalRegularizer mode: expected 'rows' or 'columns', received 'row'",
        ),
        (
            lambda: tl.regularizers.OrthogonalRegularizer()(tl.ones((3,))),
            TensorlabError,
            "OrthogonalRegularizer: expected a weight of two axes, received (3,)",
        ),
        (
            lambda: tl.activations.glu(tl.ones((2, 3))),
            TensorlabError,
            "glu: expected an axis of even length, received (2, 3)",
        ),
    ],
)
def test_wrong_arguments(make: Any, kind: type[TensorlabError], message: str) -> None:
    with pytest.raises(kind) as error:
        make()
    assert str(error.value).startswith(message)


def test_gaussian_dropout_has_mean_1_and_the_variance_of_its_rate() -> None:
    layer = tl.layers.GaussianDropout(0.2)
    outputs = layer(tl.ones((200, 200)), training=True).numpy()
    assert abs(outputs.mean() - 1.0) < 0.02
    assert abs(outputs.std() - 0.5) < 0.02
    assert np.array_equal(layer(tl.ones((2, 2))).numpy(), np.ones((2, 2)))


def test_sparsemax_is_a_distribution_with_a_gradient(rng: np.random.Generator) -> None:
    margin = 0.0
    while margin < 0.01:  # the gradient jumps where an element is equal to the threshold
        x = rng.normal(size=(4, 6))
        outputs = tl.activations.sparsemax(tl.asarray(x)).numpy()
        threshold = x.max(axis=-1) - outputs.max(axis=-1)
        margin = np.abs(x - threshold[:, None]).min()
    np.testing.assert_allclose(outputs.sum(axis=-1), 1.0, rtol=1e-12)
    assert (outputs >= 0).all()
    np.testing.assert_allclose(tl.activations.sparsemax(tl.asarray(x.T), axis=0).numpy(), outputs.T, rtol=1e-12)
    tl.testing.check_gradients(lambda z: tl.sum(tl.square(tl.activations.sparsemax(z))), tl.asarray(x))
    tl.testing.check_gradients(lambda z: tl.sum(tl.square(tl.activations.glu(z))), tl.asarray(x))

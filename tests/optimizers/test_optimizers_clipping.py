"""The limits of gradients clipnorm, clipvalue and global_clipnorm match Keras 3.15."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from optimizer_cases import steps

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.optimizers import SGD, Adam, ClippingOptimizer, Optimizer
from tensorlab.plugins import builtins

GRADIENTS = [
    [[3.0, -4.0, 0.0], [[0.5], [12.0]]],
    [[0.3, -0.1, 0.2], [[0.1], [0.0]]],
    [[0.0, 0.0, 0.0], [[1.0], [-1.0]]],
]
# What Keras makes of [1, -0.5, 2] and [[1], [2]] in three steps.
KERAS: dict[str, tuple[Optimizer, list[float]]] = {
    "clipnorm": (SGD(0.1, clipnorm=1.0), [0.90999997, -0.41, 1.98, 0.91512632, 1.9707973]),
    "clipvalue": (SGD(0.1, clipvalue=0.25), [0.95000005, -0.465, 1.98, 0.94000006, 2.0]),
    "global_clipnorm": (SGD(0.1, global_clipnorm=2), [0.92388022, -0.42850703, 1.98, 0.88231337, 1.915521]),
    "amsgrad": (Adam(0.1, amsgrad=True), [0.76868457, -0.27798784, 1.8680961, 0.73460132, 1.7867231]),
    "adam": (Adam(0.1, clipvalue=0.5), [0.73024017, -0.25762382, 1.8680674, 0.73065019, 1.8415833]),
}


def weights() -> list[tl.Variable]:
    return [tl.Variable(np.array([1.0, -0.5, 2.0], "f4")), tl.Variable(np.array([[1.0], [2.0]], "f4"))]


def arrays(gradients: Any) -> Any:
    return [[np.array(each, "f4") for each in step] for step in gradients]


@pytest.mark.parametrize("name", KERAS)
def test_three_steps_match_keras(name: str) -> None:
    optimizer, expected = KERAS[name]
    variables = weights()
    steps(optimizer, variables, arrays(GRADIENTS))
    received = np.concatenate([variable.numpy().ravel() for variable in variables])
    np.testing.assert_allclose(received, expected, rtol=5e-6, atol=3e-6)  # Keras computes powers of β in float32


@pytest.mark.parametrize("name", builtins.tensorlab_register_optimizers())
def test_every_optimizer_accepts_limits(name: str) -> None:
    kind = builtins.tensorlab_register_optimizers()[name]
    optimizer, plain, one, other = kind(0.1, clipvalue=0.25), kind(0.1), weights(), weights()
    assert json.loads(json.dumps(optimizer.get_config()))["clipvalue"] == 0.25
    again = kind.from_config(optimizer.get_config())
    assert "clipvalue" not in plain.get_config()
    steps(again, one, arrays(GRADIENTS[:1]))
    steps(plain, other, [[np.clip(each, -0.25, 0.25) for each in arrays(GRADIENTS)[0]]])
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-6)


@pytest.mark.parametrize("limit", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_gradients_that_are_none_or_0_are_unchanged(limit: str) -> None:
    variables = weights()
    options: Any = {limit: 1.0}
    optimizer = SGD(1.0, **options)
    optimizer.apply_gradients([(None, variables[0]), (np.zeros((2, 1)), variables[1])])
    optimizer.apply_gradients([(None, variable) for variable in variables])
    for mine, theirs in zip(variables, weights(), strict=True):
        assert np.array_equal(mine.numpy(), theirs.numpy())
    optimizer.apply_gradients([(np.array([3, 4, 0]), variables[0])])  # integers
    moved = [0.0, -1.5, 2.0] if limit == "clipvalue" else [0.4, -1.3, 2.0]
    np.testing.assert_allclose(variables[0].numpy(), moved, rtol=1e-6)


def test_model_trains_with_limits() -> None:
    x = np.linspace(-1.0, 1.0, 8, dtype="f4")[:, None]
    model = tl.Sequential([tl.layers.Input((1,)), tl.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(SGD(1.0, global_clipnorm=0.5), "mse")
    model.fit(x, 100 * x, batch_size=8, epochs=2, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], [[1.0]], rtol=1e-5)  # two steps of length 0.5


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"clipnorm": 1.0, "clipvalue": 1.0},
            ArgumentError,
            "SGD: expected clipnorm, clipvalue or global_clipnorm, received clipnorm and clipvalue",
        ),
        ({"clipnorm": 0.0}, ArgumentError, "SGD clipnorm: expected a number above 0, or None, received 0.0"),
        ({"clipvalue": "a"}, ArgumentError, "SGD clipvalue: expected a finite number, received 'a'"),
        (
            {"clipnorms": 1.0},
            ArgumentTypeError,
            "SGD: expected arguments among: learning_rate, momentum, nesterov, clipn",
        ),
    ],
)
def test_invalid_limits_are_rejected(options: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        SGD(0.1, **options)
    assert str(error.value).startswith(message)


def test_hyperparameters_are_a_dict() -> None:
    with pytest.raises(ArgumentTypeError, match="expected a dict of hyperparameters, received 0"):
        ClippingOptimizer(SGD().rule, 0.1)  # type: ignore[arg-type]


def test_invalid_gradients_change_nothing() -> None:
    variables, optimizer = weights(), SGD(0.1, clipnorm=1.0)
    with pytest.raises(ShapeError, match=r"SGD: the gradient of .*: expected shape \(3,\), received \(2,\)"):
        optimizer.apply_gradients([(np.ones(2), variables[0])])
    with pytest.raises(ArgumentTypeError, match="apply_gradients: expected pairs of a gradient and a Variable"):
        optimizer.apply_gradients(variables)  # type: ignore[arg-type]
    assert optimizer.iterations == 0

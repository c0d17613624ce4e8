"""The chapter's gradients: a graph by hand, tapes, variables, and the steps of optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.optimizers import SGD, Adam, RMSprop

Array = np.ndarray[Any, Any]


def normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape).astype("float32")


# A graph by hand: x1 = w x, x2 = x1 + b, loss = |target - x2|


def test_values_and_gradients_of_the_graph() -> None:
    x, target = 2.0, 4.0
    w, b = tl.Variable(3.0), tl.Variable(1.0)
    with tl.GradientTape(persistent=True) as tape:
        x1 = w * x
        x2 = x1 + b
        loss = tl.abs(target - x2)
    assert (float(x1), float(x2), float(loss)) == (6.0, 7.0, 3.0)
    # along each edge, from the loss backwards, and by the chain rule from the loss to w and b
    assert float(tape.gradient(loss, x2)) == 1.0
    assert float(tape.gradient(x2, x1)) == 1.0
    assert float(tape.gradient(x1, w)) == 2.0
    assert [float(gradient) for gradient in tape.gradient(loss, [w, b])] == [2.0, 1.0]


def test_step_against_the_gradient_reduces_the_loss() -> None:
    w, b = tl.Variable(3.0), tl.Variable(1.0)

    def loss() -> tl.Tensor:
        return tl.abs(4.0 - (w * 2.0 + b))

    with tl.GradientTape() as tape:
        before = loss()
    for weight, gradient in zip((w, b), tape.gradient(before, [w, b]), strict=True):
        weight.assign_sub(0.1 * gradient)
    assert float(loss()) == pytest.approx(2.5)


def test_gradients_of_several_paths_are_added(rng: np.random.Generator) -> None:
    value = float(rng.uniform(-2, 2))
    w = tl.Variable(value, dtype="float64")
    with tl.GradientTape() as tape:
        y = tl.sin(w) + w * w + 3.0 * w
    assert float(tape.gradient(y, w)) == pytest.approx(math.cos(value) + 2.0 * value + 3.0)


# The tape


def test_gradient_of_a_line_is_its_slope() -> None:
    x = tl.Variable(0.0)
    with tl.GradientTape() as tape:
        y = 2.0 * x + 3.0
    gradient = tape.gradient(y, x)
    assert (gradient.shape, float(gradient)) == ((), 2.0)


def test_gradient_has_the_shape_of_its_source() -> None:
    x = tl.Variable(tl.random.uniform((2, 2)))
    with tl.GradientTape() as tape:
        y = 2.0 * x + 3.0
    assert tape.gradient(y, x).tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_gradients_for_a_list_of_weights(rng: np.random.Generator) -> None:
    W, b = tl.Variable(tl.random.uniform((2, 2))), tl.Variable(tl.zeros((2,)))
    x = normal(rng, 2, 2)
    with tl.GradientTape() as tape:
        y = tl.matmul(x, W) + b
    of_w, of_b = tape.gradient(y, [W, b])
    np.testing.assert_allclose(of_w, np.repeat(x.sum(axis=0)[:, None], 2, axis=1), rtol=1e-6, atol=1e-6)
    assert of_b.tolist() == [2.0, 2.0]


def test_constant_can_be_watched() -> None:
    constant = tl.asarray(3.0)
    with tl.GradientTape() as tape:
        tape.watch(constant)
        result = tl.square(constant)
    assert float(tape.gradient(result, constant)) == 6.0


def test_unwatched_constant_gives_none_and_a_warning() -> None:
    constant = tl.asarray(3.0)
    with tl.GradientTape() as tape:
        result = tl.square(constant)
    with pytest.warns(UserWarning, match=r"is None, because it was not watched.*call tape\.watch\(x\) before using it"):
        assert tape.gradient(result, constant) is None


@pytest.mark.parametrize("moment", [0.0, 1.5])
def test_nested_tapes_compute_speed_and_acceleration(moment: float) -> None:
    time = tl.Variable(moment)
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            position = 4.9 * time**2
        speed = inner.gradient(position, time)
    acceleration = outer.gradient(speed, time)
    assert float(speed) == pytest.approx(9.8 * moment)
    assert float(acceleration) == pytest.approx(9.8)


# Variables


def test_variable_assignment() -> None:
    v = tl.Variable(tl.zeros((3, 1)))
    v.assign(tl.ones((3, 1)))
    assert v.tolist() == [[1.0], [1.0], [1.0]]
    v.assign_add(tl.ones((3, 1)))
    assert v.tolist() == [[2.0], [2.0], [2.0]]
    v.assign_sub([[0.5], [1.0], [1.5]])
    assert v.tolist() == [[1.5], [1.0], [0.5]]


def test_assignment_to_an_element_of_a_variable() -> None:
    v = tl.Variable(tl.zeros((3, 1)))
    v[0, 0].assign(3.0)
    assert v.tolist() == [[3.0], [0.0], [0.0]]


def test_assignment_to_an_element_of_a_tensor() -> None:
    """The book's tensors reject this. Values read before do not change."""
    x = tl.ones((2, 2))
    row = x[0]
    x[0, 0] = 0.0
    assert (x.tolist(), row.tolist()) == ([[0.0, 1.0], [1.0, 1.0]], [1.0, 1.0])


# Optimizers

Step = tuple[float, float, float]


def hand_momentum(slope: Callable[[float], float], w: float, learning_rate: float, momentum: float) -> Iterator[float]:
    """Yield the weights of the book's loop: momentum with a step that looks ahead along the velocity."""
    past_velocity = 0.0
    while True:
        gradient = slope(w)
        velocity = past_velocity * momentum - learning_rate * gradient
        w = w + momentum * velocity - learning_rate * gradient
        past_velocity = velocity
        yield w


def by_tape(optimizer: Any, function: Callable[[Any], Any], start: Any) -> Iterator[Array]:
    """Yield the values of a variable that an optimizer moves to the minimum of a function."""
    w = tl.Variable(start, dtype="float64")
    while True:
        with tl.GradientTape() as tape:
            loss = function(w)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        yield w.numpy().copy()


def bowl(w: Any) -> Any:
    return (w - 3.0) * (w - 3.0)


def test_momentum_loop_of_the_book_is_nesterov_momentum() -> None:
    by_hand = hand_momentum(lambda w: 2.0 * (w - 3.0), -1.0, learning_rate=0.05, momentum=0.8)
    ours = by_tape(SGD(learning_rate=0.05, momentum=0.8, nesterov=True), bowl, -1.0)
    others = by_tape(SGD(learning_rate=0.05, momentum=0.8), bowl, -1.0)
    paths = np.array([(next(by_hand), float(next(ours)), float(next(others))) for _ in range(60)])
    np.testing.assert_allclose(paths[:, 1], paths[:, 0], rtol=1e-12)
    assert not np.allclose(paths[:, 2], paths[:, 0]), "without nesterov the path must differ"
    assert abs(paths[-1, 0] - 3.0) < 0.01, "must reach the minimum"


def sgd(w: Array, gradients: list[Array]) -> Array:
    for g in gradients:
        w = w - 0.1 * g
    return w


def momentum(w: Array, gradients: list[Array]) -> Array:
    v = np.zeros_like(w)
    for g in gradients:
        v = 0.9 * v - 0.1 * g
        w = w + v
    return w


def rmsprop(w: Array, gradients: list[Array]) -> Array:
    s = np.zeros_like(w)
    for g in gradients:
        s = 0.9 * s + 0.1 * g**2
        w = w - 0.001 * g / np.sqrt(s + 1e-7)
    return w


def adam(w: Array, gradients: list[Array]) -> Array:
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        # Kingma and Ba's corrections, in the order of Keras: ε is added to the uncorrected root
        w = w - 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(s) + 1e-7)
    return w


RULES: dict[str, tuple[Any, Callable[[Array, list[Array]], Array]]] = {
    "sgd": (lambda: SGD(learning_rate=0.1), sgd),
    "momentum": (lambda: SGD(learning_rate=0.1, momentum=0.9), momentum),
    "rmsprop": (RMSprop, rmsprop),
    "adam": (Adam, adam),
}


@pytest.mark.parametrize("rule", RULES)
def test_twenty_steps_of_each_optimizer_match_its_formula(rule: str, rng: np.random.Generator) -> None:
    make, by_hand = RULES[rule]
    start, gradients = rng.normal(size=(4, 3)), [rng.normal(size=(4, 3)) for _ in range(20)]
    weight, optimizer = tl.Variable(start), make()
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, weight)])
    np.testing.assert_allclose(weight, by_hand(start, gradients), rtol=1e-10, atol=1e-12)

"""Crossentropies of softmax and sigmoid use the logits: exact losses and gradients where probabilities are 0 or 1."""

from __future__ import annotations

import copy
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Activation, Dense
from tensorlab.ops.probabilities import Probabilities

X = np.array([[60.0, 0.0, 0.0], [2.0, -1.0, 0.5], [-3.0, -200.0, 4.0]], "f4")
LABELS = np.array([1, 2, 1])
HOT = np.eye(3, dtype="f4")[LABELS]

# Keras 3.15 on TensorFlow, with the softmax and sigmoid of keras.activations: the loss of each sample, and the
# gradient of their sum.
SOFTMAX = [60.0, 1.7413113117218018, 204.00091552734375]
BY_SOFTMAX = [[1.0, -1.0, 0.0], [0.785597, 0.039113, -0.824710], [0.000911, -1.0, 0.999089]]
SIGMOID = [20.46209716796875, 0.9714222550392151, 68.0222396850586]
BY_SIGMOID = [[0.333333, -0.166667, 0.166667], [0.293599, 0.089647, -0.125847], [0.015809, -0.333333, 0.327338]]

CASES: dict[str, tuple[Any, Any, Any, list[float], list[list[float]]]] = {
    "sparse": (tl.losses.SparseCategoricalCrossentropy, LABELS, tl.softmax, SOFTMAX, BY_SOFTMAX),
    "categorical": (tl.losses.CategoricalCrossentropy, HOT, tl.softmax, SOFTMAX, BY_SOFTMAX),
    "binary": (tl.losses.BinaryCrossentropy, HOT, tl.sigmoid, SIGMOID, BY_SIGMOID),
}
case = pytest.mark.parametrize(("loss", "targets", "activation", "each", "slopes"), CASES.values(), ids=CASES)


@case
def test_values_and_gradients_match_keras(
    loss: Any, targets: Any, activation: Any, each: list[float], slopes: list[list[float]]
) -> None:
    x = tl.Variable(X)
    with tl.GradientTape() as tape:
        value = loss(reduction=None)(targets, activation(x))
    np.testing.assert_allclose(value.numpy(), each, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, x).numpy(), slopes, atol=2e-6)
    with np.errstate(all="raise"):  # without a tape, and repeatedly, so that calls are compiled
        for _ in range(3):
            np.testing.assert_allclose(loss(reduction=None)(targets, activation(tl.asarray(X))).numpy(), each, 1e-6)


class Last(tl.Model):
    """A subclassed model whose last operation is a function."""

    def __init__(self, activation: Any) -> None:
        super().__init__()
        self.hidden, self.function = Dense(3, kernel_initializer="ones", use_bias=False), activation

    def call(self, inputs: Any) -> Any:
        return self.function(self.hidden(inputs))


ENDS: dict[str, Callable[[str], Any]] = {
    "dense": lambda name: tl.Sequential([Dense(3, activation=name, kernel_initializer="ones", use_bias=False)]),
    "layer": lambda name: tl.Sequential([Dense(3, kernel_initializer="ones", use_bias=False), Activation(name)]),
    "subclass": lambda name: Last(getattr(tl, name)),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        ("sparse_categorical_crossentropy", "softmax"),
        ("categorical_crossentropy", "softmax"),
        ("binary_crossentropy", "sigmoid"),
    ],
)
def test_saturated_models_learn(end: Callable[[str], Any], loss: str, activation: str) -> None:
    model = end(activation)
    model.compile(tl.optimizers.SGD(0.125), loss)
    x, targets = np.full((1, 2), 100.0, "f4"), LABELS[:1] if loss.startswith("sparse") else HOT[:1]
    model.build((None, 2)) if not isinstance(model, Last) else model(x)
    (kernel,) = model.weights
    kernel.assign(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], "f4"))  # logits of 200, 0 and 0; the target is class 1
    expected = 200.0 if activation == "softmax" else (200.0 + 2 * np.log(2.0)) / 3
    assert model.evaluate(x, targets, verbose=0) == pytest.approx(expected, rel=1e-6)
    history = model.fit(x, targets, epochs=1, verbose=0).history
    assert history["loss"] == [pytest.approx(expected, rel=1e-6)]
    slope = [1.0, -1.0, 0.0] if activation == "softmax" else [1 / 3, -1 / 6, 1 / 6]
    np.testing.assert_allclose(kernel.numpy()[0] - [1.0, 0.0, 0.0], -12.5 * np.array(slope), rtol=1e-5, atol=1e-5)


def test_second_derivatives_use_the_logits() -> None:
    x = tl.Variable(np.array([[0.5, -0.25, 1.0]]))

    def hessian(loss: Callable[[Any], Any]) -> Any:
        with tl.GradientTape() as outer:
            with tl.GradientTape() as inner:
                value = loss(x)
            slope = inner.gradient(value, x)
        return outer.jacobian(slope, x).numpy().reshape(3, 3)

    p = np.exp(x.numpy()[0]) / np.exp(x.numpy()[0]).sum()
    for logits in (False, True):
        sparse = tl.losses.SparseCategoricalCrossentropy(from_logits=logits)
        categorical = tl.losses.CategoricalCrossentropy(from_logits=logits)
        for loss, targets in ((sparse, np.array([1])), (categorical, np.eye(3)[1:2])):
            found = hessian(
                lambda x, loss=loss, targets=targets: loss(targets, x if loss.from_logits else tl.softmax(x))
            )
            np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), rtol=1e-10)


def test_gradients_with_respect_to_targets() -> None:
    x, t = tl.asarray(X.astype("f8")), tl.Variable(HOT.astype("f8") * 0.5 + 0.1)
    with tl.GradientTape() as tape:
        value = tl.losses.CategoricalCrossentropy(reduction="sum")(t, tl.softmax(x))
    shifted = X - X.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted.astype("f8")).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(tape.gradient(value, t).numpy(), -log_p, rtol=1e-6, atol=1e-9)


FURTHER: dict[str, Callable[[Any], Any]] = {
    "sum of 0": lambda p: p + 0.0,
    "slice": lambda p: p[:],
    "reshape": lambda p: tl.reshape(p, (-1, 3)),
    "astype": lambda p: p.astype("float64"),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda p: pickle.loads(pickle.dumps(p)),
    "stop_gradient": tl.stop_gradient,
    "asarray": tl.asarray,
    "to_device": lambda p: p.to_device("reference"),
    "variable": tl.Variable,
}


@pytest.mark.parametrize("function", FURTHER.values(), ids=FURTHER)
def test_further_operations_discard_the_logits(function: Callable[[Any], Any]) -> None:
    p = tl.softmax(tl.asarray(X))
    assert isinstance(p, Probabilities)
    further = function(p)
    assert not isinstance(further, Probabilities)
    np.testing.assert_array_equal(further.numpy(), p.numpy())
    clipped = tl.losses.SparseCategoricalCrossentropy(reduction=None)(LABELS, further)
    assert float(clipped[0]) == pytest.approx(-np.log(1e-7), rel=1e-6)


def test_logits_are_used_only_for_softmax_of_the_last_axis() -> None:
    for p in (tl.softmax(tl.asarray(X), axis=(0, 1)), tl.log_softmax(X)):
        assert not isinstance(p, Probabilities)
    columns = tl.softmax(tl.asarray(X), axis=0)
    assert float(tl.losses.CategoricalCrossentropy()(HOT, columns)) == float(
        tl.losses.CategoricalCrossentropy()(HOT, columns.numpy())
    )
    sigmoid = tl.sigmoid(tl.asarray(X))  # a categorical crossentropy treats a sigmoid like any numbers
    given = tl.losses.CategoricalCrossentropy()(HOT, sigmoid)
    assert float(given) == float(tl.losses.CategoricalCrossentropy()(HOT, sigmoid.numpy()))


def test_later_writes_do_not_change_the_logits() -> None:
    loss, array, variable = tl.losses.SparseCategoricalCrossentropy(), X.copy(), tl.Variable(X)
    of_array, of_variable = tl.softmax(tl.asarray(array)), tl.softmax(variable)
    array[:] = 0.0
    variable.assign(np.zeros_like(X))
    for p in (of_array, of_variable):
        assert float(loss(LABELS, p)) == pytest.approx(np.mean(SOFTMAX), rel=1e-6)


@pytest.mark.parametrize("activation", [tl.softmax, tl.sigmoid])
def test_a_tensor_that_shares_memory_is_copied_once(activation: Callable[[Any], Any]) -> None:
    array = X.copy()
    shared = tl.asarray(array)
    first, second = activation(shared), activation(shared)
    array[:] = 0.0
    assert first.logits._buffer is second.logits._buffer
    np.testing.assert_array_equal(first.logits, X)
    np.testing.assert_array_equal(second.numpy(), first.numpy())


def test_gradients_with_respect_to_the_probabilities() -> None:
    x, loss = tl.Variable(X[1:2]), tl.losses.SparseCategoricalCrossentropy()
    expected = np.zeros((1, 3))
    p = np.exp(X[1]) / np.exp(X[1]).sum()
    expected[0, 2] = -1 / p[2]
    expected += 1.0  # the derivative of the sum that probabilities are divided by
    with tl.GradientTape() as tape:
        watched = tl.softmax(x)
        tape.watch(watched)
        value = loss(LABELS[1:2], watched)
    np.testing.assert_allclose(tape.gradient(value, watched).numpy(), expected, rtol=1e-5)
    outside = tl.softmax(x)
    np.testing.assert_allclose(tl.grad(lambda p: loss(LABELS[1:2], p))(outside).numpy(), expected, rtol=1e-5)
    with tl.GradientTape() as tape:
        inside = tl.softmax(x)
        value = loss(LABELS[1:2], inside)
    with pytest.warns(UserWarning, match=r"takes its logits: call tape\.watch with it"):
        assert tape.gradient(value, inside) is None
    with tl.GradientTape() as tape:
        tape.watch(x)
        value = loss(LABELS[1:2], outside)  # computed before the tape, so it is constant
    with pytest.warns(UserWarning, match="does not depend on it"):
        assert tape.gradient(value, x) is None


@pytest.mark.parametrize(
    "use",
    [
        lambda p: tl.sum(p * p),
        lambda p: tl.losses.MeanSquaredError()(HOT, p),
        lambda p: tl.losses.SparseCategoricalCrossentropy()(LABELS, p),
        lambda p: tl.losses.CategoricalCrossentropy()(HOT, p),
    ],
    ids=["operation", "mean squared error", "sparse crossentropy", "categorical crossentropy"],
)
def test_tape_keeps_probabilities_but_not_their_logits(use: Callable[[Any], Any]) -> None:
    variable = tl.Variable(X)
    with tl.GradientTape() as tape:
        logits = variable * 2.0
        memory = weakref.ref(logits._buffer)
        p = tl.softmax(logits)
        del logits
        assert memory() is not None  # p refers to the logits
        value = use(p)
        del p
        assert memory() is None
    assert tape.gradient(value, variable) is not None


def test_softmax_with_from_logits_warns() -> None:
    for loss, targets, activation, name in (
        (tl.losses.SparseCategoricalCrossentropy, LABELS, tl.softmax, "softmax"),
        (tl.losses.BinaryCrossentropy, HOT, tl.sigmoid, "sigmoid"),
    ):
        with pytest.warns(UserWarning, match="from_logits=True") as caught:
            value = loss(from_logits=True)(targets, activation(tl.asarray(X)))
        assert str(caught[0].message) == (
            f"{loss.__name__}: from_logits=True, but the outputs are those of a {name}; "
            "its inputs are taken as the logits"
        )
        assert float(value) == float(loss()(targets, activation(tl.asarray(X))))


def test_logits_of_minus_infinity_outside_the_target_have_no_effect() -> None:
    x = tl.Variable(np.array([[1.0, 2.0, -np.inf]]))
    for loss, targets in (
        (tl.losses.SparseCategoricalCrossentropy(), np.array([0])),
        (tl.losses.CategoricalCrossentropy(), np.eye(3)[:1]),
    ):
        with tl.GradientTape() as tape:
            value = loss(targets, tl.softmax(x))
        assert float(value) == pytest.approx(np.log1p(np.e))
        share = 1 / (1 + np.e)
        np.testing.assert_allclose(tape.gradient(value, x).numpy(), [[share - 1, 1 - share, 0.0]], rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -2])
def test_softmax_along_another_axis_keeps_its_logits_for_losses_along_that_axis(axis: int) -> None:
    x = np.array([[900.0, -900.0, 0.0], [-900.0, 0.0, 900.0]])
    targets = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    shape = (3, 2) if axis == 0 else (1, 3, 2)
    logits, one_hot = x.T.reshape(shape), targets.T.reshape(shape)
    labels = targets.argmax(axis=1).reshape(one_hot.argmax(axis=axis).shape)
    losses: dict[str, Callable[[Any], Any]] = {
        "categorical": lambda p: tl.ops.categorical_crossentropy(one_hot, p, axis=axis),
        "sparse": lambda p: tl.ops.sparse_categorical_crossentropy(labels, p, axis=axis),
    }
    with tl.device("reference"):
        for name, loss in losses.items():
            v = tl.Variable(logits, dtype="float64")
            with tl.GradientTape() as tape:
                value = tl.sum(loss(tl.softmax(v, axis=axis)))
            assert value.item() == 1800.0 + 1800.0, name
            p = np.exp(logits - logits.max(axis=axis, keepdims=True))
            p /= p.sum(axis=axis, keepdims=True)
            np.testing.assert_allclose(tape.gradient(value, v).numpy(), p - one_hot, atol=1e-12, err_msg=name)

"""Check crossentropies in `tl.ops`: values and gradients against Keras, every class axis, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, DTypeError, ShapeError

P = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [1.0, 0.0, 0.0]], "f4")
X = np.array([[2.0, -1.0, 0.5], [-3.0, -20.0, 4.0], [0.25, 0.5, -0.75]], "f4")
LABELS = np.array([1, 0, 2])
T = np.eye(3, dtype="f4")[LABELS] * 0.7 + 0.1

# From keras.ops (Keras 3.15 on TensorFlow): the result, and the gradient of its sum by the outputs or the logits.
RECORDED: dict[str, tuple[str, Any, dict[str, Any], Any, Any, Any]] = {
    "sparse": (
        "sparse_categorical_crossentropy",
        LABELS[:2],
        {},
        P[:2],
        [0.6931472, 0.5108256],
        [[1.0, -1.0, 1.0], [-0.6666666, 1.0, 1.0]],
    ),
    "sparse logits": (
        "sparse_categorical_crossentropy",
        LABELS,
        {"from_logits": True},
        X,
        [3.2413113, 7.0009112, 1.9752781],
        [[0.785597, -0.9608874, 0.1752904], [-0.9990889, 0.0, 0.999089], [0.3770874, 0.4841899, -0.8612773]],
    ),
    "categorical": (
        "categorical_crossentropy",
        T,
        {},
        P,
        [0.8358588, 0.7593163, 14.5062866],
        [[0.5, -0.5999999, 0.6666666], [-0.3333333, 1e-07, 0.6666667], [0.0, 0.0, 0.0]],
    ),
    "categorical logits": (
        "categorical_crossentropy",
        T,
        {"from_logits": True},
        X,
        [2.7913113, 8.0009117, 1.7502781],
        [[0.685597, -0.7608874, 0.0752904], [-0.799089, -0.1, 0.899089], [0.2770875, 0.3841899, -0.6612773]],
    ),
    "categorical axis 0": (
        "categorical_crossentropy",
        T,
        {"axis": 0},
        P,
        [1.157391, 1.9368428, 13.0331059],
        [[0.0555557, -0.1, 0.0], [-0.7777777, 0.4999999, 0.0], [0.4555556, 1.5, 0.3333333]],
    ),
    "categorical logits axis 0": (
        "categorical_crossentropy",
        T,
        {"from_logits": True, "axis": 0},
        X,
        [4.3409481, 3.4514136, 4.1881137],
        [[0.7470901, -0.6175745, -0.0709319], [-0.7942924, -0.1, 0.8626037], [0.0472022, 0.7175744, -0.7916719]],
    ),
    "binary": (
        "binary_crossentropy",
        T,
        {},
        P,
        [[0.361773, 0.6931472, 0.4414048], [0.5919186, 0.325083, 0.4414048], [14.3481455, 1.6118097, 12.8944769]],
        [[0.625, -1.1999999, 0.9523809], [-0.8333334, 0.0, 0.9523809], [0.0, 0.0, 0.0]],
    ),
    "binary logits": (
        "binary_crossentropy",
        T,
        {"from_logits": True},
        X,
        [[1.9269279, 1.1132617, 0.924077], [2.4485874, 2.0, 3.6181498], [0.8009394, 0.924077, 0.986871]],
        [[0.7807971, -0.5310585, 0.5224593], [-0.7525741, -0.1, 0.8820137], [0.4621764, 0.5224593, -0.4791787]],
    ),
}

# The same for keras.activations.softmax or sigmoid of 20 X. Keras uses the logits although from_logits is False.
OF_ACTIVATION: dict[str, tuple[Any, Any, Any, Any]] = {
    "sparse_categorical_crossentropy": (
        tl.softmax,
        LABELS,
        [60.0, 140.0, 25.0067158],
        [[1.0, -1.0, 0.0], [-1.0, 0.0, 1.0], [0.0066929, 0.9933072, -1.0]],
    ),
    "categorical_crossentropy": (
        tl.softmax,
        T,
        [51.0, 160.0, 20.5067158],
        [[0.9, -0.8, -0.1], [-0.8, -0.1, 0.9], [-0.0933072, 0.8933071, -0.8]],
    ),
    "binary_crossentropy": (
        tl.sigmoid,
        T,
        [[36.0, 16.0, 9.0000458], [48.0, 40.0, 72.0], [4.5067153, 9.0000458, 12.0]],
        [[0.9, -0.8, 0.8999546], [-0.8, -0.1, 0.9], [0.8933071, 0.8999546, -0.7999997]],
    ),
}


@pytest.mark.parametrize(("name", "target", "options", "output", "value", "slope"), RECORDED.values(), ids=RECORDED)
def test_values_and_gradients_match_keras(
    name: str, target: Any, options: dict[str, Any], output: Any, value: Any, slope: Any
) -> None:
    x = tl.Variable(output)
    with tl.GradientTape() as tape:
        found = getattr(tl.ops, name)(target, x, **options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.numpy(), value, rtol=2e-6)
    np.testing.assert_allclose(tape.gradient(found, x).numpy(), slope, atol=1e-6)


@pytest.mark.parametrize("name", OF_ACTIVATION)
def test_probabilities_from_softmax_and_sigmoid_use_their_logits(name: str) -> None:
    activation, target, value, slope = OF_ACTIVATION[name]
    x = tl.Variable(20 * X)
    with tl.GradientTape() as tape:
        found = getattr(tl.ops, name)(target, activation(x))
    np.testing.assert_allclose(found.numpy(), value, rtol=2e-6)
    np.testing.assert_allclose(tape.gradient(found, x).numpy(), slope, atol=1e-6)
    with pytest.warns(UserWarning, match=f"^{name}: from_logits=True, but the outputs are those of a "):
        again = getattr(tl.ops, name)(target, activation(x), from_logits=True)
    np.testing.assert_array_equal(again.numpy(), found.numpy())


@pytest.mark.parametrize("axis", [0, 1, -2, -1])
def test_class_axis_can_be_any_axis(axis: int, rng: np.random.Generator) -> None:
    logits = rng.normal(size=(4, 3, 2))
    labels = rng.integers(0, logits.shape[axis], np.delete(logits.shape, axis))
    log_p = logits - np.log(np.exp(logits).sum(axis=axis, keepdims=True))
    expected = -np.take_along_axis(log_p, np.expand_dims(labels, axis), axis=axis)
    for target in (labels, np.expand_dims(labels, axis)):
        found = tl.ops.sparse_categorical_crossentropy(target, logits, from_logits=True, axis=axis)
        np.testing.assert_allclose(found.numpy(), expected.squeeze(axis), rtol=1e-12)
        found = tl.ops.sparse_categorical_crossentropy(target, tl.exp(log_p), axis=axis)
        np.testing.assert_allclose(found.numpy(), expected.squeeze(axis), rtol=1e-12)


def test_results_match_the_losses() -> None:
    for name, target, options, output, *_ in RECORDED.values():
        if "axis" not in options:
            each = getattr(tl.ops, name)(target, output, **options)
            loss = getattr(tl.losses, name)(target, output, **options)
            expected = tl.mean(each, axis=-1) if name.startswith("binary") else each
            np.testing.assert_array_equal(loss.numpy(), expected.numpy())


def test_integer_outputs_are_converted_to_float32() -> None:
    for name, target in (("binary_crossentropy", [[0, 1]]), ("categorical_crossentropy", [[0, 1]])):
        found = getattr(tl.ops, name)(target, np.array([[0, 1]]))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.numpy(), 0.0, atol=2e-7)


REJECTED: dict[str, tuple[str, Any, dict[str, Any], type[Exception], str]] = {
    "binary shape": (
        "binary_crossentropy",
        [0.0, 1.0],
        {},
        ShapeError,
        "binary_crossentropy: expected targets of the outputs' shape (3, 3), received (2,)",
    ),
    "categorical shape": (
        "categorical_crossentropy",
        LABELS,
        {},
        ShapeError,
        "categorical_crossentropy: expected targets of the outputs' shape (3, 3), received (3,)",
    ),
    "sparse shape": (
        "sparse_categorical_crossentropy",
        T,
        {},
        ShapeError,
        "sparse_categorical_crossentropy: expected labels of shape (3,), received (3, 3); "
        "for one-hot targets use categorical_crossentropy",
    ),
    "label": (
        "sparse_categorical_crossentropy",
        [0, 3, -1],
        {},
        ArgumentError,
        "sparse_categorical_crossentropy: expected labels from 0 to 2 for 3 outputs, received 3 at position 1, "
        "and 1 more; correct the labels, or give the last layer more units",
    ),
    "fraction": (
        "sparse_categorical_crossentropy",
        [0.5, 1.0, 0.0],
        {},
        DTypeError,
        "sparse_categorical_crossentropy: expected labels that are integers, received float32",
    ),
    "axis": (
        "categorical_crossentropy",
        T,
        {"axis": 2},
        ShapeError,
        "categorical_crossentropy: expected ",
    ),
}


@pytest.mark.parametrize(("name", "target", "options", "error", "message"), REJECTED.values(), ids=REJECTED)
def test_invalid_arguments_are_rejected(
    name: str, target: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        getattr(tl.ops, name)(target, P, **options)
    assert str(caught.value).startswith(message)

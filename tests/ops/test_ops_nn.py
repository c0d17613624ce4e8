"""Check neural-network operations against their formulas in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, DeviceError, DTypeError, ShapeError

Array = np.ndarray[Any, Any]
DEVICES = ("cpu", "reference")


def softmax(x: Array, axis: int) -> Array:
    exponentials = np.exp(x - x.max(axis, keepdims=True))
    return exponentials / exponentials.sum(axis, keepdims=True)


@pytest.mark.parametrize("device", DEVICES)
def test_softmax_along_each_axis(device: str, rng: np.random.Generator) -> None:
    for shape in ((1,), (130,), (3, 5), (2, 1, 7), (2, 3, 4, 5)):
        x = (30 * rng.standard_normal(shape)).astype(np.float32)
        tensor = tl.asarray(x, device=device)
        for axis in range(-len(shape), len(shape)):
            expected = softmax(x.astype(np.float64), axis)
            result = tl.softmax(tensor, axis=axis)
            assert (result.shape, result.dtype, result.device) == (shape, np.float32, device)
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-9)
            np.testing.assert_allclose(
                tl.log_softmax(tensor, axis=axis).numpy(), np.log(np.maximum(expected, 1e-300)), rtol=1e-5, atol=1e-5
            )


def test_softmax_over_several_axes(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, 4)).astype(np.float32)
    for axes in ((0, 2), (-1, 1), (0, 1, 2), None, ()):
        exponentials = np.exp(x.astype(np.float64))
        expected = exponentials / exponentials.sum(axes, keepdims=True)
        tensor = tl.asarray(x, device="reference")
        np.testing.assert_allclose(tl.softmax(tensor, axis=axes).numpy(), expected, rtol=1e-6)
        np.testing.assert_allclose(tl.log_softmax(tensor, axis=axes).numpy(), np.log(expected), rtol=1e-5, atol=1e-6)
    assert tl.softmax(np.zeros((2, 0, 3)), axis=(0, 1)).shape == (2, 0, 3)
    with pytest.raises(ShapeError, match=r"^softmax: expected axes that differ, received \(0, -3\)$"):
        tl.softmax(x, axis=(0, -3))


def test_one_hot_rejects_invalid_numbers_of_classes() -> None:
    with pytest.raises(ShapeError, match=r"^one_hot num_classes: expected lengths of at least 0, received \(-1,\)$"):
        tl.one_hot([1], -1)
    with pytest.raises(ArgumentTypeError, match=r"^one_hot num_classes: expected a shape of integers, received"):
        tl.one_hot([1], 2.5)


@pytest.mark.parametrize("device", DEVICES)
def test_softmax_of_large_and_special_values(device: str) -> None:
    x = tl.asarray(np.array([[1e4, 1e4 - 1, -1e4], [-np.inf, 0, 0], [np.nan, 0, 1]], np.float32), device=device)
    expected = [[1 / (1 + np.exp(-1)), 1 / (1 + np.e), 0], [0, 0.5, 0.5], [np.nan] * 3]
    np.testing.assert_allclose(tl.softmax(x).numpy(), expected, rtol=1e-5)
    logarithms = tl.log_softmax(x).numpy()
    np.testing.assert_allclose(logarithms[0], [-0.31326169, -1.31326169, -20000.313], rtol=1e-5)
    np.testing.assert_allclose(logarithms[1], [-np.inf, np.log(0.5), np.log(0.5)], rtol=1e-5)
    assert tl.softmax(tl.asarray([1, 1], device=device)).tolist() == [0.5, 0.5]
    assert tl.softmax(tl.asarray(np.zeros((2, 0), np.float32), device=device)).shape == (2, 0)
    assert tl.softmax(tl.asarray(np.zeros((0, 2), np.float32), device=device), axis=0).shape == (0, 2)


@pytest.mark.parametrize("device", DEVICES)
def test_one_hot(device: str, rng: np.random.Generator) -> None:
    labels = rng.integers(-1, 6, (3, 4))
    eye = np.vstack([np.eye(5), np.zeros((2, 5))])  # labels 5 and -1 are outside the classes
    tensor = tl.asarray(labels, device=device)
    for axis in range(-3, 3):
        result = tl.one_hot(tensor, 5, axis=axis)
        assert (result.dtype, result.device) == (np.float32, device)
        np.testing.assert_array_equal(result.numpy(), np.moveaxis(eye[labels], -1, axis))
    assert tl.one_hot(tensor, 5, dtype="bool").dtype == np.bool_
    assert tl.one_hot(tl.asarray(2, device=device), 3).tolist() == [0, 0, 1]
    assert tl.one_hot(tensor, 0).shape == (3, 4, 0)


def test_dense_moves_arrays_to_the_device_of_the_tensor() -> None:
    x = np.ones((2, 3), np.float32)
    result = tl.ops.dense(tl.asarray(x, device="reference"), x.T)
    assert (result.device, result.tolist()) == ("reference", [[3, 3], [3, 3]])


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_one_hot_of_more_classes_than_the_label_dtype_can_represent(dtype: str) -> None:
    rows = tl.one_hot(tl.asarray(np.array([0, 3, 100], dtype), device="reference"), 400).numpy()
    np.testing.assert_array_equal(rows, np.eye(400)[[0, 3, 100]])


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@pytest.mark.parametrize(
    ("device", "activation", "biased"),
    [("cpu", None, True), ("cpu", "tanh", True), ("cpu", None, False)]
    + [("reference", name, biased) for name in (None, *ACTIVATIONS) for biased in (False, True)],
)
def test_dense_matches_matmul_bias_and_activation(
    device: str, activation: str | None, biased: bool, rng: np.random.Generator
) -> None:
    for lead, k, n in (((6,), 5, 3), ((), 4, 2), ((2, 3), 3, 1), ((1, 0), 3, 2), ((3,), 0, 2), ((33,), 17, 40)):
        x, kernel, bias = (rng.standard_normal(shape).astype(np.float32) for shape in ((*lead, k), (k, n), (n,)))
        expected = x.astype(np.float64) @ kernel.astype(np.float64) + biased * bias.astype(np.float64)
        result = tl.ops.dense(
            tl.asarray(x, device=device),
            tl.asarray(kernel, device=device),
            tl.asarray(bias, device=device) if biased else None,
            getattr(tl, activation) if activation else None,
        )
        assert (result.shape, result.dtype) == (expected.shape, np.float32)
        expected = ACTIVATIONS[activation](expected) if activation else expected
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_dense_promotes_float_dtypes() -> None:
    with tl.device("reference"):
        mixed = tl.ops.dense(np.ones((2, 3), np.float32), np.ones((3, 4)), np.ones(4, np.float32))
    assert mixed.dtype == np.float64
    assert mixed.tolist() == [[4.0] * 4] * 2


def test_stop_gradient_keeps_the_values() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        y = tl.sum(x * tl.ops.stop_gradient(x))
    assert tape.gradient(y, x).tolist() == [1.0, 2.0]
    assert tl.ops.stop_gradient(x).tolist() == [1.0, 2.0]


x, kernel = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.softmax(x, axis=2),
            ShapeError,
            r"^softmax: expected an axis from -2 to 1 for a tensor of rank 2, rec",
        ),
        (lambda: tl.softmax(1.0), ShapeError, r"^softmax: expected no axis for a tensor of rank 0, received -1$"),
        (lambda: tl.log_softmax(x, axis=5), ShapeError, r"^log_softmax: expected an axis from -2 to 1 .*, received 5$"),
        (
            lambda: tl.one_hot(x, 3),
            DTypeError,
            r"^one_hot: expected a tensor of integers, received float32; use \.astype\(\"int64\"\)$",
        ),
        (
            lambda: tl.one_hot([1], 3, axis=4),
            ShapeError,
            r"^one_hot: expected an axis from -2 to 1 for a tensor of rank 2",
        ),
        (
            lambda: tl.ops.dense(x, x),
            ShapeError,
            r"^dense: expected x of \(..., k\) and a kernel of \(k, n\), received shapes \(2, 3\) and \(2, 3\)$",
        ),
        (lambda: tl.ops.dense(x, x[0]), ShapeError, r"^dense: .* received shapes \(2, 3\) and \(3,\)$"),
        (
            lambda: tl.ops.dense(x, kernel, x[0]),
            ShapeError,
            r"^dense: expected a bias of shape \(4,\), received \(3,\)$",
        ),
        (
            lambda: tl.ops.dense(x.astype(int), kernel.astype(int)),
            DTypeError,
            r"^dense: expected real tensors, received int64; use \.astype\(\"float32\"\)$",
        ),
        (
            lambda: tl.ops.dense(x, kernel.astype(int)),
            DTypeError,
            r"^dense: expected arrays of one kind of dtype, received",
        ),
        (
            lambda: tl.ops.dense(tl.asarray(x, device="reference"), tl.asarray(kernel)),
            DeviceError,
            r"^dense: expected tensors on one device, received 'reference' and 'cpu'; move one of them",
        ),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()

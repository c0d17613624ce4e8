"""Check functions in `tl.ops` with ``keras.ops`` names against the NumPy functions of the same names."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.ops import keras_activations, keras_names

pytestmark = pytest.mark.usefixtures("reference")

ops: Any = tl.ops


def test_aliases_are_the_same_functions() -> None:
    for names in ("absolute abs", "power pow", "mod remainder", "arccos acos", "arctan2 atan2", "amax max"):
        theirs, ours = names.split()
        assert getattr(ops, theirs) is getattr(tl, ours)
    assert all(hasattr(ops, name) for name in keras_names.__all__)
    assert all(getattr(tl.linalg, name) is getattr(ops, name) for name in ("inv", "det", "svd", "qr", "solve", "trace"))
    for module in (keras_names, keras_activations):
        assert not set(module.__all__) & set(ops.__all__)


def test_linear_algebra_is_imported_by_its_first_call() -> None:
    program = (
        "import sys, tensorlab as tl\n"
        "print('tensorlab.linalg' in sys.modules, tl.ops.norm.__doc__)\n"
        "print(float(tl.ops.norm(tl.asarray([3.0, 4.0]))), tl.ops.norm is tl.linalg.norm)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["False Call `tensorlab.linalg.norm`.", "5.0 True"], done.stderr


ACTIVATIONS = [name for name in keras_activations.__all__ if name != "gelu"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_models(name: str) -> None:
    x = np.array([-30.0, -2.0, -0.4, 0.0, 0.3, 1.5, 40.0])
    np.testing.assert_array_equal(getattr(ops, name)(x).numpy(), getattr(tl.activations, name)(x).numpy())


def test_activations_take_their_parameters() -> None:
    x = np.array([-2.0, -0.5, 0.5, 2.0])
    np.testing.assert_allclose(ops.elu(x, alpha=0.5).numpy(), np.where(x > 0, x, 0.5 * np.expm1(x)), rtol=1e-12)
    np.testing.assert_allclose(ops.leaky_relu(x, 0.1).numpy(), np.where(x > 0, x, 0.1 * x), rtol=1e-12)
    np.testing.assert_allclose(ops.threshold(x, 1.0, -3.0).numpy(), np.where(x > 1.0, x, -3.0), rtol=1e-12)
    exact = [each * 0.5 * (1.0 + math.erf(each / math.sqrt(2.0))) for each in x]
    near = 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(ops.gelu(x, approximate=False).numpy(), exact, rtol=1e-12)
    np.testing.assert_allclose(ops.gelu(x).numpy(), near, rtol=1e-12)
    inputs = tl.Input((3,))
    model = tl.Model(inputs, ops.elu(inputs, alpha=2.0))
    row = np.array([[-1.0, 0.0, 2.0]], np.float32)
    np.testing.assert_allclose(model.predict(row, verbose=0), np.where(row > 0, row, 2.0 * np.expm1(row)), rtol=1e-6)
    with pytest.raises(ArgumentError, match="elu alpha: expected a finite number, received 'a'"):
        ops.elu(x, alpha="a")
    with pytest.raises(ArgumentTypeError, match=r"elu: .*beta"):
        ops.elu(x, beta=1.0)


def test_conversions_and_queries(rng: np.random.Generator) -> None:
    array = rng.standard_normal((2, 3))
    x = ops.convert_to_tensor(array, "float32")
    assert (x.dtype, ops.shape(x), ops.size(x), ops.ndim(x), ops.is_tensor(x)) == (tl.float32, (2, 3), 6, 2, True)
    assert not ops.is_tensor(array)
    taken = ops.convert_to_numpy(x)
    taken[...] = 0.0  # a copy
    np.testing.assert_allclose(x.numpy(), array, rtol=1e-6)
    assert ops.cast(x, "int8").dtype == tl.int8
    assert ops.copy(x).tolist() == x.tolist()
    assert ops.identity(3, "int64").tolist() == np.eye(3).tolist()


def test_array_manipulation_matches_numpy(rng: np.random.Generator) -> None:
    array = rng.standard_normal((4, 6))
    for name, arguments in (
        ("ravel", ()),
        ("swapaxes", (0, -1)),
        ("cumsum", ()),
        ("cumsum", (1,)),
        ("cumprod", (0,)),
    ):
        np.testing.assert_allclose(getattr(ops, name)(array, *arguments).numpy(), getattr(np, name)(array, *arguments))
    for parts, axis in ((2, 0), (3, 1), ([1, 3], 0), ((2,), -1)):
        for ours, theirs in zip(ops.split(array, parts, axis), np.split(array, parts, axis), strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs)
    for name in ("hstack", "vstack"):
        for arrays in ([array, array], [array[0], array[1]]):
            np.testing.assert_array_equal(getattr(ops, name)(arrays).numpy(), getattr(np, name)(arrays))


def test_isclose_and_allclose_match_numpy() -> None:
    values = np.array([0.0, 1e-9, 1.0, 1.00001, 1.1, np.inf, -np.inf, np.nan])
    for equal_nan in (False, True):
        expected = np.isclose(values[:, None], values, equal_nan=equal_nan)
        assert ops.isclose(values[:, None], values, equal_nan=equal_nan).tolist() == expected.tolist()
    assert ops.allclose(values, values, equal_nan=True).item()
    assert not ops.allclose(values, values).item()


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, 1)])
@pytest.mark.parametrize("order", [None, 1, 2, np.inf])
def test_norm_matches_numpy(axis: Any, order: Any, rng: np.random.Generator) -> None:
    array = rng.standard_normal((2, 3, 4))
    cases = [(array, axis)] if axis is not None or order is None else [(array[0], None), (array[0, 0], None)]
    for values, along in cases:
        for keepdims in (False, True):
            expected = np.linalg.norm(values, order, along, keepdims)
            np.testing.assert_allclose(ops.norm(values, order, along, keepdims).numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: ops.split(np.ones(5), 2),
            ShapeError,
            "split: expected a number of parts that 5 is a multiple of",
        ),
        (lambda: ops.split(np.ones(5), 0.5), ArgumentTypeError, "split: expected integers, received 0.5"),
        (lambda: ops.split(1.0, 2), ShapeError, "split: expected no axis for a tensor of rank 0, received 0"),
        (lambda: ops.norm(np.ones((2, 2, 2)), 1), ShapeError, "norm: expected one axis, or two that differ, received"),
        (lambda: ops.norm(np.ones((2, 2)), "abc"), ArgumentError, "matrix_norm: expected an ord of 'fro', 'nuc', 2,"),
        (lambda: ops.swapaxes(np.ones(3), 0, 1), ShapeError, "swapaxes: expected an axis from -1 to 0 for a tensor of"),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert str(error.value).startswith(message)

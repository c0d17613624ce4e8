"""Check reductions against NumPy in float64: every set of axes, every dtype, empty tensors and NaN."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from any_layout import layouts, subsets

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError

Array = np.ndarray[Any, Any]

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "all": np.all,
    "any": np.any,
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "prod": np.prod,
    "std": np.std,
    "sum": np.sum,
    "var": np.var,
}
DEVICES = ("cpu", "reference")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_match_numpy_for_every_set_of_axes(name: str, device: str, rng: np.random.Generator) -> None:
    operation, function = getattr(tl, name), REDUCTIONS[name]
    for shape in ((), (1,), (67,), (3, 5), (2, 1, 4), (3, 1, 2, 3)):
        array = rng.standard_normal(shape).astype(np.float32)
        if name in ("any", "all"):
            array = (array > 0.5).astype(np.float32)
        for layout in layouts(array).values() if len(shape) == 2 else [array]:
            tensor = tl.asarray(layout, device=device)
            for axes, keepdims in itertools.product((*subsets(len(shape)), None), (False, True)):
                axis = axes[0] - len(shape) if axes is not None and len(axes) == 1 else axes
                result = operation(tensor, axis=axis, keepdims=keepdims)
                expected = function(array.astype(np.float64), axis=axes, keepdims=keepdims)
                assert result.shape == expected.shape
                assert result.dtype == (np.bool_ if name in ("any", "all") else np.float32)
                np.testing.assert_allclose(result.numpy(), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_integers_are_summed_in_64_bits(device: str, rng: np.random.Generator) -> None:
    kinds = (("uint8", "uint64"), ("bool", "int64"), ("int64", "int64"))
    for dtype, wide in kinds if device == "reference" else kinds[:1]:
        array = rng.integers(0, 2 if dtype == "bool" else 200, (30, 40)).astype(dtype)
        tensor = tl.asarray(array, device=device)
        result = tl.sum(tensor, axis=1)
        assert result.dtype == np.dtype(wide)
        np.testing.assert_array_equal(result.numpy(), array.sum(1, dtype=wide))
    assert tl.mean(tl.asarray([1, 2], device=device)).item() == 1.5
    assert tl.mean(tl.asarray([1, 2], device=device)).dtype == np.float32


def test_reductions_of_other_dtypes() -> None:
    with tl.device("reference"):
        assert tl.sum([1e30, 1.0], dtype="float64").dtype == np.float64
        assert tl.max([3, 9, -2]).item() == 9
        assert tl.min(np.array([3, 9, 2], np.uint8)).dtype == np.uint8


def test_long_float32_sums_are_accurate(rng: np.random.Generator) -> None:
    for shape, axis in (((1_000_003,), None), ((1009, 997), 0), ((1009, 997), 1)):
        array = rng.random(shape).astype(np.float32)
        exact = array.sum(axis, dtype=np.float64)
        np.testing.assert_allclose(tl.sum(tl.asarray(array), axis=axis).numpy(), exact, rtol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_reductions_of_empty_tensors(device: str) -> None:
    empty = tl.asarray(np.zeros((2, 0, 3), np.float32), device=device)
    for name, value in (("sum", 0.0), ("prod", 1.0), ("any", False), ("all", True), ("mean", np.nan), ("var", np.nan)):
        result = getattr(tl, name)(empty, axis=1)
        np.testing.assert_array_equal(result.numpy(), np.full((2, 3), value))
        np.testing.assert_array_equal(getattr(tl, name)(empty).numpy(), value)
        assert getattr(tl, name)(empty, axis=0).shape == (0, 3)
    for name in ("max", "min"):
        assert getattr(tl, name)(empty, axis=2).shape == (2, 0)
        with pytest.raises(ShapeError) as error:
            getattr(tl, name)(empty, axis=(1, 2))
        assert str(error.value) == (
            f"{name}: expected at least one element, received shape (2, 0, 3) over axes (1, 2); it has no identity"
        )


@pytest.mark.parametrize("device", DEVICES)
def test_reductions_of_nan_and_infinity(device: str) -> None:
    array = np.array([[1, np.nan, 3], [np.inf, 2, -np.inf], [np.inf, 1, 1], [-np.inf, 0, -1]], np.float32)
    tensor = tl.asarray(array, device=device)
    with np.errstate(invalid="ignore"):
        for name in ("max", "min", "sum", "mean", "prod"):
            np.testing.assert_array_equal(getattr(tl, name)(tensor, axis=1).numpy(), REDUCTIONS[name](array, axis=1))
    assert tl.any(tl.asarray([0.0, np.nan], device=device)).item() is True
    for values, finite in (([], True), ([1.0, -2.0], True), ([1.0, np.inf], False), ([np.nan], False), ([1, 2], True)):
        result = tl.all_finite(tl.asarray(values, device=device))
        assert result.dtype == np.bool_
        assert result.item() is finite


@pytest.mark.parametrize("device", DEVICES)
def test_variance_with_correction(device: str, rng: np.random.Generator) -> None:
    array = rng.standard_normal((4, 7))
    tensor = tl.asarray(array.astype(np.float32), device=device)
    for correction in (0, 1, 2.5):
        expected = ((array - array.mean(1, keepdims=True)) ** 2).sum(1) / (7 - correction)
        np.testing.assert_allclose(tl.var(tensor, axis=1, correction=correction).numpy(), expected, rtol=1e-5)
        deviation = tl.std(tensor, axis=1, correction=correction, keepdims=True)
        np.testing.assert_allclose(deviation.numpy()[:, 0], np.sqrt(expected), rtol=1e-5)
    assert tl.var(tensor[:, :1], axis=1, correction=1).numpy() == pytest.approx(np.full(4, np.nan), nan_ok=True)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_arg_reductions_match_numpy(name: str, rng: np.random.Generator) -> None:
    array = rng.integers(0, 4, (3, 4, 5))
    for dtype in ("int64", "float32", "uint8"):
        for layout in layouts(array.astype(dtype)).values():
            for axis in (0, 1, -1, None):
                for keepdims in (False, True):
                    result = getattr(tl, name)(tl.asarray(layout), axis=axis, keepdims=keepdims)
                    assert result.dtype == np.int64
                    expected = getattr(np, name)(array, axis=axis, keepdims=keepdims)
                    np.testing.assert_array_equal(result.numpy(), expected, strict=True)
    assert getattr(tl, name)(tl.asarray([1.0, np.nan, 0.0, np.nan])).item() == 1
    with pytest.raises(
        ShapeError, match=rf"^{name}: expected at least one element, received shape \(2, 0\) over axis 1$"
    ):
        getattr(tl, name)(tl.zeros((2, 0)), axis=1)
    with pytest.raises(
        DTypeError, match=rf"^{name}: expected tensors of numbers, received bool; convert them with \.ast"
    ):
        getattr(tl, name)(tl.asarray([True]))
    assert getattr(tl, name)(tl.zeros((0, 3)), axis=1).shape == (0,)


def test_methods_and_numpy_functions(rng: np.random.Generator) -> None:
    array = rng.standard_normal((3, 4)).astype(np.float32)
    tensor = tl.asarray(array)
    for name in ("sum", "mean", "max", "min", "argmax", "argmin"):
        function = getattr(np, name)
        for result, expected in (
            (getattr(tensor, name)(), function(array)),
            (getattr(tensor, name)(0), function(array, 0)),
            (getattr(tensor, name)(axis=-1), function(array, axis=-1)),
            (getattr(tensor, name)(axis=0, keepdims=True), function(array, axis=0, keepdims=True)),
            (function(tensor, axis=1), function(array, axis=1)),
        ):
            assert isinstance(result, tl.Tensor)
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_invalid_arguments_are_rejected() -> None:
    tensor = tl.zeros((2, 3))
    for name in ("sum", "mean", "max", "min", "prod", "any", "all", "var", "argmax", "argmin"):
        with pytest.raises(ShapeError, match=r"expected an axis from -2 to 1 for a tensor of rank 2, received 2$"):
            getattr(tl, name)(tensor, axis=2)
        with pytest.raises(ArgumentTypeError, match=r"expected an integer axis, received 0\.5$"):
            getattr(tl, name)(tensor, axis=0.5)
    for name in ("sum", "mean", "max", "prod", "var"):
        with pytest.raises(ShapeError, match=rf"^{name}: expected axes that differ, received \(0, -2\)$"):
            getattr(tl, name)(tensor, axis=(0, -2))
    with pytest.raises(DTypeError, match=r"expected one of bool, .* received 'float16'"):
        tl.sum(tensor, dtype="float16")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1000,), (4095,), (100_003,), (3_000_001,), (30_000, 100), (20_003, 3)])
def test_sums_are_as_accurate_as_pairwise_summation(
    shape: tuple[int, ...], dtype: str, rng: np.random.Generator
) -> None:
    array = rng.random(shape).astype(dtype)
    exact = np.array([math.fsum(column) for column in array.reshape(shape[0], -1).T])
    found = tl.sum(tl.asarray(array), axis=0).numpy().reshape(-1)
    depth = 20 + np.log2(max(shape[0] / 128, 1))  # the depth of NumPy's pairwise summation
    unit = np.finfo(dtype).eps / 2
    assert (np.abs(found - exact) <= depth * unit * exact).all()
    assert np.abs(found / exact - 1).max() < 7 * unit  # a tighter bound that holds for random numbers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_every_length_are_summed_accurately(dtype: str, rng: np.random.Generator) -> None:
    unit = np.finfo(dtype).eps / 2
    for length in (*range(1, 70), 127, 128, 129, 255, 256, 257, 2047, 2056, 4095, 4097, 4112):
        array = rng.random((19, length)).astype(dtype)  # more rows than are reduced together
        exact = np.array([math.fsum(row) for row in array])
        others = [np.full((19, length + 3), np.nan, dtype)[:, :length], np.empty((19, length), dtype)[:, ::-1]]
        for layout in (array, array.T.copy().T, *others):
            if layout is not array:
                layout[...] = array
            found = tl.sum(tl.asarray(layout), axis=1).numpy()
            assert (np.abs(found - exact) <= 9 * unit * exact).all()
        tensor = tl.asarray(array)
        alone = [tl.sum(tensor[row : row + 1], axis=1).item() for row in (0, 15, 16, 18)]
        np.testing.assert_array_equal(tl.sum(tensor, axis=1).numpy()[[0, 15, 16, 18]], alone)


def test_narrow_columns_are_reduced_by_all_rows(rng: np.random.Generator) -> None:
    """Several narrow rows are reduced as one."""
    for width in (1, 2, 3, 7, 10, 16, 17, 32, 33):
        for count in (1, 5, 16, 79, 80, 81, 127, 128, 129, 1000, 4099):
            array = rng.standard_normal((count, width)).astype(np.float32)
            apart = np.empty((count, width + 1), np.float32)[:, :width]
            apart[...] = array
            for layout in (array, apart, array[::-1]):
                x = tl.asarray(layout)
                np.testing.assert_array_equal(tl.max(x, axis=0).numpy(), layout.max(0))
                np.testing.assert_allclose(
                    tl.sum(x, axis=0).numpy(), layout.sum(0, dtype=np.float64), rtol=1e-5, atol=1e-4
                )


def test_short_rows_do_not_depend_on_what_follows_them(rng: np.random.Generator) -> None:
    array = np.full((40, 8), np.nan, np.float32)
    for length in range(1, 8):
        rows = array[:, :length]
        rows[...] = rng.standard_normal(rows.shape)
        for view in (rows, rows[::-1], rows[::3]):
            np.testing.assert_array_equal(tl.max(tl.asarray(view), axis=1).numpy(), view.max(1))


def test_correction_must_be_a_number() -> None:
    with pytest.raises(tl.errors.ArgumentTypeError, match=r"^var: expected a correction that is a number, received 'o"):
        tl.std([1.0, 2.0], correction="one")
    assert float(tl.var([1.0, 2.0], correction=np.int64(1))) == 0.5


def test_argmin_of_an_empty_tensor_is_rejected() -> None:
    with pytest.raises(tl.errors.ShapeError, match=r"^argmin: expected at least one .* shape \(0, 2\) over all axes$"):
        tl.argmin(tl.zeros((0, 2)))

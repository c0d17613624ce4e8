"""Checks of conversions that every backend must pass: real numbers to integers, and bools stored as any byte."""

from __future__ import annotations

from typing import Any

import numpy as np
from any_layout import Array, layouts
from backend_checks import ADD, ANY, ITSELF, SUM, check, fold, of, run

from tensorlab.backends import Backend
from tensorlab.dtypes import NAMES
from tensorlab.rules import Scan

INTEGERS = [name for name in NAMES if "int" in name]

EDGES = [0.0, -0.0, 0.9, -0.9, 1.5, -1.5, -2.0, 127.9, 128.0, -129.0, 255.0, 256.7, 300.25, -300.25, 40000.0, 70000.0]
EDGES += [sign * (2.0**bits + step) for sign in (1, -1) for bits in (15, 16, 31, 32, 33) for step in (-1.0, 0.0, 1.0)]
EDGES += [sign * 2.0**bits * part for sign in (1, -1) for bits in (53, 62, 63, 64) for part in (0.75, 1.0)]
EDGES += [np.nan, np.inf, -np.inf, 1e20, -1e20, 3e38, -3e38]


def whole(value: float, dtype: Any) -> int:
    """Convert a real number to an integer dtype with Python's own arithmetic."""
    upper = 64 if dtype == "uint64" else 63
    number = int(value) if -(2.0**63) <= value < 2.0**upper else -(2**63)
    return int(np.array(number % 2**64, np.uint64).astype(dtype))


def expected(array: Array, dtype: Any) -> Array:
    return np.array([whole(float(value), dtype) for value in array.flat], dtype).reshape(array.shape)


def _eightfold(x):
    return x, x, x, x, x, x, x, x


EIGHTFOLD = of(_eightfold)


@check
def stores_real_numbers_as_integers(backend: Backend, rng: np.random.Generator) -> None:
    for dtype in ("float32", "float64"):
        with np.errstate(over="ignore"):
            edges = rng.permutation(np.array(EDGES)).astype(dtype)
        for count in (1, 3, 8, 17, len(edges)):
            results = run(backend, EIGHTFOLD, [edges[:count]], dtype, *INTEGERS)
            for result, name in zip(results, INTEGERS, strict=True):
                np.testing.assert_array_equal(result, expected(edges[:count], name), name)
        for layout in layouts(edges[:60].reshape(6, 10)).values():
            results = run(backend, EIGHTFOLD, [layout], dtype, *INTEGERS)
            for result, name in zip(results, INTEGERS, strict=True):
                np.testing.assert_array_equal(result, expected(layout, name), name)


@check
def reads_real_numbers_as_integers(backend: Backend, rng: np.random.Generator) -> None:
    with np.errstate(over="ignore"):
        edges = rng.permutation(np.array(EDGES)).astype(np.float32)
    for name in ("uint8", "uint64"):
        for count in (1, 9, len(edges)):
            (result,) = run(backend, ITSELF, [edges[:count]], name)
            np.testing.assert_array_equal(result, expected(edges[:count], name))


@check
def reduces_and_scans_real_numbers_to_integers(backend: Backend, rng: np.random.Generator) -> None:
    array = np.array([[-2.0, 0.0, 0.0], [100.0, 200.0, 0.5], [np.nan, 1.0, 1.0]])
    for axes, rows in (((1,), array), ((0,), array.T)):
        result = fold(backend, SUM, rows, axes, "float64", "uint8")
        np.testing.assert_array_equal(result, [254, 44, 0])
    running = Scan("running", ADD, ITSELF, (0,))
    buffer = backend.scan(running, [backend.from_host(array)], array.dtype, np.dtype("uint8"))
    np.testing.assert_array_equal(backend.to_host(buffer), [[254, 254, 254], [100, 44, 44], [0, 0, 0]])


def odd(truth: Array, rng: np.random.Generator) -> Array:
    """Return bools whose memory has any nonzero byte for true."""
    return np.where(truth, rng.integers(1, 256, truth.shape), 0).astype(np.uint8).view(bool)


@check
def nonzero_bytes_are_true(backend: Backend, rng: np.random.Generator) -> None:
    for shape in ((5,), (40, 7), (3, 130)):
        truth, other = rng.random(shape) < 0.6, rng.random(shape) < 0.6
        bools, others = odd(truth, rng), odd(other, rng)
        (result,) = run(backend, ITSELF, [bools], "int64")
        np.testing.assert_array_equal(result, truth.astype(np.int64))
        (result,) = run(backend, of(lambda x, y: x == y), [bools, others], "bool")
        np.testing.assert_array_equal(result.view(np.uint8), truth == other)
        for axes in ((0,), (len(shape) - 1,), tuple(range(len(shape)))):
            result = fold(backend, SUM, bools, axes, "int64", "int64")
            np.testing.assert_array_equal(result, truth.sum(axes))
            result = fold(backend, ANY, bools, axes, "bool", "bool")
            np.testing.assert_array_equal(result.view(np.uint8), truth.any(axes))
        running = Scan("running", ADD, ITSELF, (0,))
        result = backend.to_host(backend.scan(running, [backend.from_host(bools)], *[np.dtype("int64")] * 2))
        np.testing.assert_array_equal(result, truth.cumsum(-1))
        for one, two in zip(layouts(bools).values(), layouts(truth).values(), strict=True):
            result = backend.to_host(backend.arg_reduce("max", backend.from_host(one)))
            np.testing.assert_array_equal(result, np.argmax(two, -1))


@check
def bools_are_stored_as_0_and_1(backend: Backend, rng: np.random.Generator) -> None:
    x = np.array([0.0, -0.0, 1.0, 2.5, -7.0, 0.25, 256.0, np.nan, np.inf] * 3, np.float32)
    (result,) = run(backend, ITSELF, [x], "float32", "bool")
    np.testing.assert_array_equal(result.view(np.uint8), x != 0)
    y = np.array([0, 1, 2, 255, 256, 512, -256, 1 << 40])
    (result,) = run(backend, ITSELF, [y], "int64", "bool")
    np.testing.assert_array_equal(result.view(np.uint8), y != 0)

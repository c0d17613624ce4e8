"""Checks of matrix products and optimizer steps that every backend must pass."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from any_layout import Array, layouts, numbers, sizes
from backend_checks import BLEND, check, of

from tensorlab.backends import Backend

# matmul


def product(backend: Backend, a: Array, b: Array, **options: Any) -> tuple[Array, Array | None]:
    result, kept = backend.matmul(backend.from_host(a), backend.from_host(b), **options)
    return backend.to_host(result), None if kept is None else backend.to_host(kept)


def within(result: Array, a: Array, b: Array, expected: Array | None = None) -> None:
    """Assert that a product is as accurate as its dtype allows: eps · k · |a| |b|."""
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    bound = np.finfo(a.dtype).eps * (a.shape[-1] + 2) * (np.abs(wide_a) @ np.abs(wide_b))
    assert result.dtype == a.dtype
    assert result.shape == bound.shape
    assert (np.abs(result - (wide_a @ wide_b if expected is None else expected)) <= bound + 1e-300).all()


@check
def multiplies_every_shape(backend: Backend, rng: np.random.Generator) -> None:
    for m, k, n in sizes(
        (1, 1, 1),
        (3, 5, 2),
        (17, 9, 33),
        (1, 40, 20),
        (20, 40, 1),
        (31, 1, 7),
        (5, 0, 3),
        (0, 4, 2),
        (2, 3, 0),
    ):
        for dtype in ("float32", "float64"):
            a, b = numbers(rng, (m, k), dtype), numbers(rng, (k, n), dtype)
            for one, two in itertools.product(layouts(a).values(), layouts(b).values()):
                result, kept = product(backend, one, two)
                assert kept is None
                within(result, a, b)


@check
def multiplies_stacks(backend: Backend, rng: np.random.Generator) -> None:
    a, b = numbers(rng, (2, 3, 4, 5), "float32"), numbers(rng, (2, 3, 5, 6), "float32")
    for one, two in zip(layouts(a).values(), reversed(layouts(b).values()), strict=True):
        within(product(backend, one, two)[0], a, b)
    a, b = np.broadcast_to(a[:1], (2, 3, 4, 5)), np.broadcast_to(b[0, 0], (2, 3, 5, 6))
    within(product(backend, a, b)[0], a, b)
    assert product(backend, np.zeros((0, 2, 3), np.float32), np.zeros((0, 3, 4), np.float32))[0].shape == (0, 2, 4)


@check
def multiplies_integers_exactly(backend: Backend, rng: np.random.Generator) -> None:
    large = np.iinfo(np.int64).max
    a, b = rng.integers(-large, large, (7, 9)), rng.integers(-large, large, (9, 4))
    for one, two in zip(layouts(a).values(), reversed(layouts(b).values()), strict=True):
        np.testing.assert_array_equal(product(backend, one, two)[0], a @ b)


@check
def multiplies_special_values(backend: Backend, rng: np.random.Generator) -> None:
    a, b = numbers(rng, (6, 8), "float32"), numbers(rng, (8, 5), "float32")
    a[1, 3], a[2, 0], b[5, 4] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(product(backend, a, b)[0], expected, rtol=1e-4, atol=1e-5)


@check
def applies_an_epilogue_to_products(backend: Backend, rng: np.random.Generator) -> None:
    for m, k, n in ((5, 7, 3), (1, 30, 17), (18, 4, 1), (4, 0, 6), (0, 2, 2)):
        a, b = numbers(rng, (m, k), "float32"), numbers(rng, (k, n), "float32")
        for operand in (
            numbers(rng, (n,), "float32"),
            numbers(rng, (m, n), "float32"),
            numbers(rng, (m, 1), "float32"),
        ):
            inner = a.astype(np.float64) @ b.astype(np.float64)
            result, kept = product(backend, a, b, epilogue=BLEND, operands=[backend.from_host(operand)], keep=True)
            np.testing.assert_allclose(result, 2 * inner + np.tanh(operand), rtol=1e-4, atol=1e-4)
            assert kept is not None
            within(kept, a, b)


# update


def _momentum(w, g, m, lr, momentum):
    m = momentum * m - lr * g
    return w + m, m


def _descend(w, g, lr):
    return w - lr * g


@check
def updates_in_place(backend: Backend, rng: np.random.Generator) -> None:
    for shape in sizes((), (1,), (7, 3), (0, 2), (40_000,)):
        w, g, m = (numbers(rng, shape, "float32") for _ in range(3))
        buffers = [backend.copy(backend.from_host(array)) for array in (w, g, m)]
        backend.update(of(_momentum), [buffers], [0.1, 0.9])
        backend.synchronize()
        new_w, same_g, new_m = map(backend.to_host, buffers)
        expected = 0.9 * m.astype(np.float64) - 0.1 * g
        np.testing.assert_allclose(new_m, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(new_w, w + expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(same_g, g)


@check
def updates_without_slots(backend: Backend, rng: np.random.Generator) -> None:
    w, g = numbers(rng, (5, 4)), numbers(rng, (5, 4))
    buffers = [backend.copy(backend.from_host(w)), backend.from_host(g)]
    backend.update(of(_descend), [buffers], [0.5])
    np.testing.assert_allclose(backend.to_host(buffers[0]), w - 0.5 * g, rtol=1e-15, atol=1e-15)


@check
def updates_many_weights_at_once(backend: Backend, rng: np.random.Generator) -> None:
    shapes = [(5, 3), (), (0, 4), (40_000,), (2, 3, 4), (1,)]
    arrays = [[numbers(rng, shape, "float32") for _ in range(3)] for shape in sizes(*shapes)]
    arrays.append([x.T for x in (numbers(rng, (4, 6), "float32") for _ in range(3))])
    for step in range(3):
        groups = [[backend.copy(backend.from_host(x)) for x in group] for group in arrays]
        for group, (_, gradient, _) in zip(groups, arrays, strict=True):
            group[1] = backend.from_host(gradient)  # a gradient may have any strides
        backend.update(of(_momentum), groups, [0.1 * step, 0.9])
        backend.synchronize()
        for group, (w, g, m) in zip(groups, arrays, strict=True):
            expected = 0.9 * m.astype(np.float64) - 0.1 * step * g
            np.testing.assert_allclose(backend.to_host(group[2]), expected, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(backend.to_host(group[0]), w + expected, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(backend.to_host(group[1]), g)
    backend.update(of(_momentum), [], [0.1, 0.9])

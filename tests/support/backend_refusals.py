"""Checks that every backend rejects buffers of wrong shapes or dtypes, whose use could corrupt memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from backend_checks import BLEND, CUBE, PARTS, SUM, check, of
from backend_loops import CENTRED, DECAYED, SHARES

import tensorlab as tl
from tensorlab.backends import Backend
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, IndexOutOfBoundsError, ShapeError

F4, F8, I8 = np.dtype("float32"), np.dtype("float64"), np.dtype("int64")


def zeros(backend: Backend, *shape: int, dtype: Any = F4) -> Any:
    return backend.copy(backend.from_host(np.zeros(shape, dtype)))


def refused(kind: type[Exception], message: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    with pytest.raises(kind, match=message):
        call(*arguments, **options)


def strangers(backend: Backend) -> list[Any]:
    """Return objects with a shape and a dtype that are not buffers of the backend."""
    return [np.float32(1), tl.asarray(np.zeros((3, 4), np.float32), device="reference")]


@check
def rejects_maps_of_wrong_buffers(backend: Backend, rng: np.random.Generator) -> None:
    x, long = zeros(backend, 3, 4), zeros(backend, 3, 5)
    run = backend.map(BLEND, F4, [F4, F4], [F4])
    refused(ArgumentError, r"^map '_blend': expected 2 buffers, received 1$", run, (3, 4), x)
    broadcast = r"^map '_blend': expected buffers that broadcast to \(3, 4\), received \(3, 5\)$"
    refused(ShapeError, broadcast, run, (3, 4), x, long)
    refused(ShapeError, r"that broadcast to \(4,\), received \(3, 4\)$", run, (4,), zeros(backend, 4), x)
    double = zeros(backend, 3, 4, dtype=F8)
    refused(DTypeError, r"^map '_blend': .* float32, received float64$", run, (3, 4), x, double)
    for stranger in strangers(backend):
        expected = r"^map '_blend': expected a buffer of this backend, \w+, received \w+; for tensors and numbers, call"
        refused(ArgumentTypeError, expected, run, (), stranger, stranger)
    several = backend.map(PARTS, F4, [F4, F4], [F4, F4, F4])
    refused(ShapeError, r"^map '_parts': expected buffers that", several, (3, 4), x, long)
    function = (
        r"^map '_cube': expected a scalar function with arity 2 and n_outputs 1, received '_cube' with arity 1 and n_"
    )
    refused(ArgumentError, function, backend.map, CUBE, F4, [F4, F4], [F4])
    refused(ArgumentError, r"with arity 1 and n_outputs 2, received", backend.map, CUBE, F4, [F4], [F4, F4])


@check
def rejects_reductions_of_wrong_buffers(backend: Backend, rng: np.random.Generator) -> None:
    x = zeros(backend, 3, 4)
    run = backend.reduce(SUM, F4, F4, F4)
    refused(DTypeError, r"^reduce 'sum': expected a buffer of float32, .*64$", run, zeros(backend, 3, dtype=F8), (0,))
    for axes in ((2,), (-1,), (0, 0)):
        refused(
            ShapeError,
            r"^reduce 'sum': expected distinct nonnegative axes of a buffer of rank 2, received \(",
            run,
            x,
            axes,
        )
    for stranger in strangers(backend):
        refused(ArgumentTypeError, r"^reduce 'sum': expected a buffer of this backend", run, stranger, None)
    for rule in ("max", "min"):
        for shape in ((), (0,), (3, 0)):
            message = r"^arg_reduce: expected a buffer with elements along its last axis, received shape \("
            refused(ShapeError, message, backend.arg_reduce, rule, zeros(backend, *shape))
        refused(ArgumentTypeError, r"^arg_reduce: expected a buffer", backend.arg_reduce, rule, np.float32(1))
    refused(ArgumentError, r"^arg_reduce: expected 'max' or 'min', received 'sum'$", backend.arg_reduce, "sum", x)


@check
def rejects_rowwise_and_scan_of_wrong_buffers(backend: Backend, rng: np.random.Generator) -> None:
    x, long, double = zeros(backend, 3, 4), zeros(backend, 3, 5), zeros(backend, 3, 4, dtype=F8)
    both = r": expected buffers of one shape with at least one axis, received \(3, 4\) and \(3, 5\)$"
    refused(ShapeError, r"^rowwise 'shares'" + both, backend.rowwise, SHARES, [x, long])
    refused(ShapeError, r"^scan 'decayed'" + both, backend.scan, DECAYED, [x, long], F4, F4)
    refused(ShapeError, r"one axis, received \(\)$", backend.rowwise, CENTRED, [zeros(backend)])
    refused(ShapeError, r"one axis, received \(\) and \(\)$", backend.scan, DECAYED, [zeros(backend)] * 2, F4, F4)
    refused(DTypeError, r"^rowwise 'shares': .* float32, received float64$", backend.rowwise, SHARES, [x, double])
    integers = zeros(backend, 3, dtype=I8)
    refused(DTypeError, r"^rowwise .* float32 or float64, received int64$", backend.rowwise, CENTRED, [integers])
    refused(
        ArgumentError, r"^rowwise 'shares': expected a scalar function with arity 1 and", backend.rowwise, SHARES, [x]
    )
    refused(
        ArgumentError,
        r"^scan 'decayed': expected a scalar function with arity 2 and",
        backend.scan,
        DECAYED,
        [x],
        F4,
        F4,
    )
    refused(
        ArgumentError, r"^rowwise 'shares': expected at least one buffer, received none$", backend.rowwise, SHARES, []
    )
    for stranger in strangers(backend):
        refused(ArgumentTypeError, r"^rowwise 'centred': expected", backend.rowwise, CENTRED, [stranger])
        refused(ArgumentTypeError, r"^scan 'decayed': expected", backend.scan, DECAYED, [x, stranger], F4, F4)


@check
def rejects_products_of_wrong_buffers(backend: Backend, rng: np.random.Generator) -> None:
    a, b, product = zeros(backend, 3, 4), zeros(backend, 4, 5), backend.matmul
    message = r"^matmul: expected matrices of equal leading axes and inner lengths, received shapes \("
    for left, right in (((3, 4), (3, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (3, 4, 5))):
        refused(ShapeError, message, product, zeros(backend, *left), zeros(backend, *right))
    refused(DTypeError, r"^matmul: .* float32, received float64$", product, a, zeros(backend, 4, 5, dtype=F8))
    for shape in ((4,), (3, 4), (1, 3, 5), (2, 5)):
        broadcast = r"^matmul: operands: expected buffers that broadcast to \(3, 5\), received \("
        refused(ShapeError, broadcast, product, a, b, BLEND, [zeros(backend, *shape)])
    double = zeros(backend, 5, dtype=F8)
    refused(DTypeError, r"^matmul: operands: .* float32, received float64$", product, a, b, BLEND, [double])
    refused(ArgumentError, r"^matmul: epilogue: expected a scalar function with arity 1", product, a, b, BLEND)
    refused(ArgumentError, r"^matmul: epilogue: .* n_outputs 1, received '_parts' with", product, a, b, PARTS, [double])
    refused(ArgumentError, r"^matmul: expected no operands without an epilogue, received 1$", product, a, b, None, [a])
    for stranger in strangers(backend):
        for pair in ((a, stranger), (stranger, b)):
            refused(ArgumentTypeError, r"^matmul: expected a buffer of this backend", product, *pair)


def _step(w, g, m, rate):
    return w - rate * g, m + g


@check
def rejects_updates_of_wrong_buffers(backend: Backend, rng: np.random.Generator) -> None:
    step, update = of(_step), backend.update
    w, g, m = (zeros(backend, 3, 4) for _ in range(3))
    for group in (
        (w, zeros(backend, 3, 5), m),
        (w, g, zeros(backend, 2, 4)),
        (zeros(backend, 12), g, m),
        (w, zeros(backend), m),
    ):
        message = r"^update: expected a weight, gradient and slots of one shape, received \("
        refused(ShapeError, message, update, step, [(w, g, m), group], [0.1])
    double = zeros(backend, 3, 4, dtype=F8)
    refused(
        DTypeError, r"^update: expected a buffer of float32, received float64$", update, step, [(w, double, m)], [0.1]
    )
    refused(DTypeError, r"^update: .* float32, received float64$", update, step, [(w, g, m), (double,) * 3], [0.1])
    lengths = r"^update: expected groups of one length: a weight, a gradient and slots, received lengths 3, 2$"
    refused(ArgumentError, lengths, update, step, [(w, g, m), (w, g)], [0.1])
    refused(
        ArgumentError,
        r"^update: expected a scalar function with arity 5 and n_outputs 2",
        update,
        step,
        [(w, g, m)],
        [0.1, 0.2],
    )
    turned = backend.permute(zeros(backend, 4, 3), (1, 0))
    contiguous = r"^update: expected weights and slots that are C-contiguous and writable, received one of"
    for group in ((turned, g, m), (w, g, turned), (turned, turned, m)):
        refused(ArgumentError, contiguous, update, step, [group], [0.1])
    repeated = backend.broadcast_to(zeros(backend, 1, 4), (3, 4))
    refused(ArgumentError, contiguous, update, step, [(repeated, g, m)], [0.1])
    for stranger in strangers(backend):
        refused(
            ArgumentTypeError, r"^update: expected a buffer of this backend", update, step, [(w, stranger, m)], [0.1]
        )
        refused(
            ArgumentTypeError, r"^update: expected a buffer of this backend", update, step, [(stranger, g, m)], [0.1]
        )


@check
def rejects_copies_and_views_of_wrong_shapes(backend: Backend, rng: np.random.Generator) -> None:
    x = zeros(backend, 3, 4)
    for shape in ((4, 3), (4,), (1, 4), (3, 5)):
        message = r"^copy_into: expected a buffer of shape \(3, 4\), received \("
        refused(ShapeError, message, backend.copy_into, x, zeros(backend, *shape))
    refused(
        DTypeError, r"^copy_into: .* float32, received float64$", backend.copy_into, x, zeros(backend, 3, 4, dtype=F8)
    )
    refused(ArgumentTypeError, r"^copy_into: expected a buffer of this", backend.copy_into, x, np.float32(1))
    refused(ShapeError, r"^reshape: expected", backend.reshape, x, (5, 3))
    refused(ShapeError, r"^broadcast_to: expected", backend.broadcast_to, x, (3, 5))
    refused(ShapeError, r"^permute: expected", backend.permute, x, (0, 2))
    refused(
        DTypeError,
        r"^concatenate: expected a buffer of float32, received float64$",
        backend.concatenate,
        [x, zeros(backend, 3, 4, dtype=F8)],
        0,
    )
    refused(ShapeError, r"^concatenate: expected", backend.concatenate, [x, zeros(backend, 3, 5)], 0)
    refused(
        IndexOutOfBoundsError, r"^scatter_add: ", backend.scatter_add, (3, 4), np.array([0, 3]), zeros(backend, 2, 4)
    )
    refused(ShapeError, r"^scatter_add: ", backend.scatter_add, (3, 4), np.array([0, 1]), zeros(backend, 2, 5))


@check
def rejects_gather_indices_out_of_bounds(backend: Backend, rng: np.random.Generator) -> None:
    values = rng.standard_normal((5, 3)).astype(np.float32)
    x = backend.from_host(values)
    for count in (4, 200):  # a backend may cache small arrays
        places = rng.integers(-5, 5, count)
        np.testing.assert_array_equal(backend.to_host(backend.gather(x, backend.from_host(places))), values[places])
        for wrong in (5, -6, 2**62, -(2**63)):
            places = rng.integers(0, 5, count)
            places[2] = wrong
            all_of_them = backend.from_host(places)
            refused(
                IndexOutOfBoundsError, r"^gather: expected indices that fit, received ", backend.gather, x, all_of_them
            )
            part = backend.index(all_of_them, slice(0, 2))
            np.testing.assert_array_equal(backend.to_host(backend.gather(x, part)), values[places[:2]])
        written = backend.from_host(np.zeros(count, np.int64))
        own = backend.copy(written)
        backend.copy_into(own, all_of_them)
        refused(IndexOutOfBoundsError, r"^gather: expected indices that fit, received ", backend.gather, x, own)
    number = backend.from_host(np.float32(1))
    refused(IndexOutOfBoundsError, r"^gather: ", backend.gather, number, backend.from_host(np.array([0])))


def _scaled(total, p, q):
    return total * p - q


@check
def accepts_operands_that_broadcast(backend: Backend, rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 4)).astype(np.float32)
    stacks = np.stack([x, x + 1])
    for a, p, q in ((x, x[:, :3], x[0, :3]), (stacks, stacks[:, :, :3], x[:, :1])):
        b = np.swapaxes(a, -1, -2)
        operands = [backend.from_host(p), backend.from_host(q)]
        result, _ = backend.matmul(backend.from_host(a), backend.from_host(b), of(_scaled), operands)
        np.testing.assert_allclose(backend.to_host(result), (a @ b) * p - q, rtol=1e-5, atol=1e-5)

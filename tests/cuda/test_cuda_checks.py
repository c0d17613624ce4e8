"""Checks of the CUDA backend: operations against NumPy, and the device against the host.

They need the device "cuda". `test_cuda_simulator` and `test_cuda_device` run them in a new process each, together with
the checks in other files of this folder.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, DeviceError

CHECKS: dict[str, Callable[[np.random.Generator], None]] = {}
DTYPES = ("bool", "int8", "int64", "uint8", "uint64", "float32", "float64")


def check(function: Callable[[np.random.Generator], None]) -> Callable[[np.random.Generator], None]:
    CHECKS[function.__name__] = function
    return function


def on(array: Any) -> tl.Tensor:
    return tl.asarray(array, device="cuda")


def same(tensor: tl.Tensor, expected: Any, tolerance: float = 2e-6) -> None:
    """Assert that a tensor is on the device, with the expected dtype, shape and approximate values."""
    wanted = np.asarray(expected)
    assert tensor.device == "cuda"
    assert (tensor.dtype, tensor.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_allclose(tensor.numpy(), wanted, rtol=tolerance, atol=tolerance)


def real(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


@check
def arrays_of_every_dtype_are_transferred(rng):
    for dtype, shape in itertools.product(DTYPES, [(), (3,), (2, 0, 3), (2, 3)]):
        values = rng.integers(0, 2, shape).astype(dtype)
        same(on(values), values, 0)
        assert tl.asarray(on(values), device="cpu").device == "cpu"
    grid = rng.integers(0, 100, (4, 6))
    same(on(grid[::-1, ::2].T), grid[::-1, ::2].T, 0)
    assert np.array_equal(on(grid).to_device("cpu").numpy(), grid)
    host = grid.copy()
    tensor = on(host)
    host[:] = 0
    same(tensor, grid, 0)


@check
def map_broadcasts_over_any_strides(rng):
    a, b = real(rng, 3, 1, 5), real(rng, 4, 1)
    same(on(a) * on(b), a * b)
    same(tl.permute_dims(on(a), (2, 1, 0))[::-2, :, ::2] + on(b)[1::2], a.transpose(2, 1, 0)[::-2, :, ::2] + b[1::2])
    same(on(a) - 1, a - 1)
    same(on(np.float32(2)) + on(np.float32(3)), np.float32(5))
    same(on(a[:0]) + on(b), a[:0] + b)
    same(tl.where(on(a) > 0, on(a), on(b)), np.where(a > 0, a, b))


@check
def map_computes_in_every_dtype(rng):
    x, y = rng.integers(-100, 100, (2, 9))
    for dtype in ("int8", "int64", "uint8", "uint64"):
        p, q = x.astype(dtype), y.astype(dtype)
        same(on(p) + on(q), p + q, 0)
        same(on(p) * on(q), p * q, 0)
        same(on(p) > on(q), p > q, 0)
    for given, wanted in itertools.product(("int8", "uint8", "float32", "bool"), DTYPES):
        values = (rng.integers(0, 100, 7) // 2).astype(given)
        same(on(values).astype(wanted), values.astype(wanted), 0)
    same(tl.logical_and(on(x > 0), on(y > 0)), (x > 0) & (y > 0), 0)


@check
def elementwise_operations_match_the_reference_backend(rng):
    things = [getattr(tl.ops, name) for name in tl.ops.__all__]
    operations = [thing for thing in things if isinstance(thing, type(tl.exp))]
    numbers = [0.0, -0.0, 1.0, -1.5, 2.5, 0.3, -7.0, np.inf, -np.inf, np.nan]
    arrays = {
        ("any", "number", "real"): [np.array(numbers, "float32"), rng.choice(numbers, 10).astype("float32")],
        ("any", "number", "integer", "bits"): [np.array([0, 1, 5, -7, -(2**63), 3]), np.array([2, 0, 3, 4, -1, 63])],
        ("number", "integer", "bits"): [np.array([0, 1, 5, 2**64 - 1], "uint64"), np.array([2, 0, 3, 63], "uint64")],
        ("any", "bits"): [np.array([True, False, True]), np.array([True, True, False])],
    }
    for (domains, given), operation in itertools.product(arrays.items(), operations):
        if operation.domain in domains:
            used = given[: operation.scalar.arity]
            wanted = operation(*(tl.asarray(x, device="reference") for x in used))
            same(operation(*map(on, used)), wanted.numpy())
    same(on([3, -2]) ** on([4, 3]), np.array([81, -8]), 0)
    with pytest.raises(ArgumentError, match=r"^pow: expected non-negative exponents .*, received -3 in int64"):
        on([3, -2]) ** on([4, -3])


@check
def map_returns_infinity_and_nan_like_numpy(rng):
    x = np.array([0.0, -1.0, 1000.0, np.inf, np.nan], np.float32)
    with np.errstate(all="ignore"):
        for operation in ("exp", "log", "sqrt", "tanh"):
            same(getattr(tl, operation)(on(x)), getattr(np, operation)(x))
        same(1 / on(x), 1 / x)


@check
def reduce_works_over_any_axes(rng):
    x = real(rng, 3, 4, 5)
    for count in range(4):
        for axes in itertools.combinations(range(3), count):
            same(tl.sum(on(x), axis=axes), x.sum(axes))
    moved = tl.permute_dims(on(x), (1, 2, 0))[::-1, ::2]
    plain = x.transpose(1, 2, 0)[::-1, ::2]
    same(tl.max(moved, axis=(0, 2)), plain.max((0, 2)))
    same(tl.mean(moved, axis=1, keepdims=True), plain.mean(1, keepdims=True))
    same(tl.min(tl.broadcast_to(on(x), (2, 3, 4, 5)), axis=(0, 1)), x.min(0))


@check
def reduce_computes_in_every_dtype(rng):
    x = rng.integers(-100, 100, 50)
    same(tl.sum(on(x.astype("int8"))), x.astype("int8").sum(), 0)
    same(tl.sum(on(x.astype("uint8"))), x.astype("uint8").sum(), 0)
    same(tl.prod(on(x[:9])), x[:9].prod(), 0)
    same(tl.any(on(x.reshape(5, 10) > 95), axis=1), (x.reshape(5, 10) > 95).any(1), 0)
    same(tl.all(on(x > -200)), np.bool_(True), 0)
    same(tl.sum(on(np.zeros((0, 2), np.float32)), axis=0), np.zeros(2, np.float32))
    same(tl.prod(on(np.zeros((2, 0), np.float32)), axis=1), np.ones(2, np.float32))
    same(tl.max(on(np.zeros((2, 0), np.float32)), axis=0), np.zeros(0, np.float32))


@check
def reduce_combines_segments(rng):
    x = rng.integers(0, 100, 70_001).astype("int8")
    same(tl.sum(on(x)), x.sum(), 0)
    same(tl.mean(on(x.astype("float32"))), x.mean(dtype="float32"), 1e-5)
    columns = x[: 16_390 * 3].reshape(16_390, 3)
    same(tl.sum(on(columns), axis=0), columns.sum(0), 0)


@check
def arg_reduce_returns_the_first_extreme_and_handles_nan(rng):
    ties = rng.integers(0, 3, (7, 11))
    with_nan = np.where(rng.random((7, 11)) < 0.1, np.nan, real(rng, 7, 11)).astype(np.float32)
    for x, axis in itertools.product((ties, with_nan, ties.astype("uint8")), (0, 1, None)):
        same(tl.argmax(on(x), axis=axis), np.asarray(x.argmax(axis)), 0)
        same(tl.argmin(on(x), axis=axis), np.asarray(x.argmin(axis)), 0)


@check
def rowwise_computes_softmax_and_its_gradient(rng):
    for shape in [(3, 10), (2, 2, 1), (5, 3), (0, 4)]:
        x, weight = real(rng, *shape) * 30, real(rng, *shape)
        exact = np.exp(x.astype(float) - x.max(-1, keepdims=True, initial=-1e9))
        y = exact / exact.sum(-1, keepdims=True)
        with tl.GradientTape(persistent=True) as tape:
            tensor = on(x)
            tape.watch(tensor)
            value, logarithm = tl.softmax(tensor), tl.log_softmax(tensor)
        same(value, y.astype(np.float32))
        same(tl.exp(logarithm), y.astype(np.float32))
        gradient = y * (weight - (weight * y).sum(-1, keepdims=True))
        same(tape.gradient(value, tensor, on(weight)), gradient.astype(np.float32), 1e-5)
    x = real(rng, 4, 3)
    same(tl.softmax(on(x), axis=0), np.exp(x) / np.exp(x).sum(0))


@check
def scan_works_along_each_row(rng):
    x = rng.uniform(0.5, 1.5, (3, 4)).astype(np.float32)
    for axis in (0, 1):
        same(tl.cumulative_sum(on(x), axis=axis), x.cumsum(axis))
        same(tl.cumulative_prod(on(x)[::-1], axis=axis), x[::-1].cumprod(axis))
    integers = rng.integers(-100, 100, (5, 7)).astype("int8")
    same(tl.cumulative_sum(tl.matrix_transpose(on(integers)), axis=0), integers.T.cumsum(0), 0)
    with tl.GradientTape() as tape:
        tensor = on(x)
        tape.watch(tensor)
        product = tl.cumulative_prod(tensor, axis=1)
    wide = x.astype(float)
    expected = [[sum(np.prod(row[: k + 1]) for k in range(j, 4)) / row[j] for j in range(4)] for row in wide]
    same(tape.gradient(product, tensor), np.float32(expected), 1e-5)
    same(tl.reshape(on(x), (12,), copy=False), x.ravel(), 0)
    same(tl.tril(on(x)), np.tril(x), 0)


@check
def matmul_multiplies_every_layout(rng):
    for m, k, n in [(1, 1, 1), (5, 7, 3), (4, 8, 4), (2, 0, 3), (0, 2, 3)]:
        a, b = real(rng, m, k), real(rng, k, n)
        same(on(a) @ on(b), a @ b, 1e-5)
        same(tl.matrix_transpose(on(b)) @ tl.matrix_transpose(on(a)), b.T @ a.T, 1e-5)
    a, b = real(rng, 2, 1, 3, 4), real(rng, 5, 4, 2)
    same(on(a) @ on(b), a @ b, 1e-5)
    same(on(a)[..., ::-1, ::2] @ on(b)[:, 1::2], a[..., ::-1, ::2] @ b[:, 1::2], 1e-5)


@check
def matmul_is_exact_for_integers_and_logical_for_bools(rng):
    for dtype in ("int8", "uint64"):
        a, b = rng.integers(0, 100, (3, 6)).astype(dtype), rng.integers(0, 100, (6, 5)).astype(dtype)
        same(on(a) @ on(b), a @ b, 0)
    a, b = rng.random((3, 6)) < 0.3, rng.random((6, 5)) < 0.3
    with tl.device("cuda") as backend:
        assert np.array_equal(backend.to_host(backend.matmul(backend.from_host(a), backend.from_host(b))[0]), a @ b)


@check
def matmul_applies_an_epilogue(rng):
    x, kernel, bias = real(rng, 5, 6), real(rng, 6, 7), real(rng, 7)
    with tl.device("cuda"), tl.GradientTape() as tape:
        weight, offset = tl.Variable(kernel), tl.Variable(bias)
        y = tl.dense(tl.asarray(x), weight, offset, tl.relu)
    total = x @ kernel + bias
    same(y, np.maximum(total, 0), 1e-5)
    to_weight, to_offset = tape.gradient(y, [weight, offset])
    same(to_weight, x.T @ (total > 0).astype(np.float32), 1e-5)
    same(to_offset, (total > 0).sum(0).astype(np.float32), 1e-5)


@check
def update_changes_weights_and_slots(rng):
    weight, gradients = real(rng, 3, 5), real(rng, 3, 3, 5)
    for name in ("sgd", "rmsprop", "adam"):
        after = {}
        for device in ("reference", "cuda"):
            optimizer = tl.optimizers.get(name)
            with tl.device(device):
                variable = tl.Variable(weight)
                for gradient in gradients:
                    optimizer.apply_gradients([(tl.asarray(gradient), variable)])
            after[device] = [variable.numpy(), *(slot.numpy() for slot in optimizer.variables)]
        for left, right in zip(*after.values(), strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


@check
def update_accepts_a_gradient_with_any_strides(rng):
    values = real(rng, 3, 5)
    with tl.device("cuda"):
        variable = tl.Variable(values)
        with tl.GradientTape() as tape:
            total = tl.sum(variable)
        tl.optimizers.SGD(learning_rate=0.5).apply_gradients([(tape.gradient(total, variable), variable)])
    same(variable, values - np.float32(0.5))


@check
def structural_operations_return_views(rng):
    x = rng.integers(0, 100, (4, 3, 5))
    moved, plain = tl.permute_dims(on(x), (1, 2, 0)), x.transpose(1, 2, 0)
    same(tl.reshape(moved, (5, 12)), plain.reshape(5, 12), 0)
    same(tl.flip(moved, axis=(0, 2)), plain[::-1, :, ::-1], 0)
    same(tl.squeeze(tl.expand_dims(moved, axis=1)), plain, 0)
    same(tl.tile(on(x[0]), (2, 3)), np.tile(x[0], (2, 3)), 0)
    same(tl.concat([moved, moved[:, :2], moved[:, :0]], axis=1), np.concatenate([plain, plain[:, :2]], 1), 0)
    same(tl.stack([on(x > 50), on(x > 20)], axis=-1), np.stack([x > 50, x > 20], -1), 0)
    tensor = on(x)
    for view in (tensor[1:], tl.permute_dims(tensor, (2, 0, 1)), tl.reshape(tensor, (-1,))):
        assert view._buffer.memory is tensor._buffer.memory


@check
def indexing_matches_numpy(rng):
    x = rng.integers(0, 100, (4, 3, 5))
    places, mask = rng.integers(-4, 4, (2, 3)), rng.random((4, 3)) < 0.5
    indices: list[Any] = [
        *(0, -1, np.int64(2), slice(1, 3), slice(None, None, -2), slice(3, 1), None, ..., ()),
        *((0, 1, 2), (..., 1), (None, slice(2), ..., None), (slice(None), -1, slice(4, None, -3)), (1, ..., 2)),
        *(places, places[:, :0], np.int64(1)),
        *((slice(None), slice(None), places), (slice(1, 3), places[0] % 3), (places, places % 3), (..., places % 3, 1)),
        *(mask, (mask, 2), (0, mask[0]), (slice(None), x[0, :, 0] > 50)),
    ]
    for index in indices:
        same(on(x)[index], x[index], 0)
        same(tl.flip(on(x))[index], x[::-1, ::-1, ::-1][index], 0)
    same(on(x[0, 0, 0])[np.array(True)], x[0, 0, 0][np.array(True)], 0)
    for index in (4, -5, (0, 3), (0, 0, 0, 0), np.array([0, 4])):
        with pytest.raises(tl.errors.IndexOutOfBoundsError, match="index: expected indices that fit shape"):
            on(x)[index]


@check
def gradients_of_indexing_are_scattered(rng):
    x = real(rng, 4, 3)
    for index in [slice(1, 3), (2, slice(None, None, -1)), np.array([0, 2, 2, -1]), x > 0]:
        with tl.GradientTape() as tape:
            tensor = on(x)
            tape.watch(tensor)
            chosen = tensor[index]
        seed, wanted = real(rng, *chosen.shape), np.zeros_like(x)
        np.add.at(wanted, index, seed)
        same(tape.gradient(chosen, tensor, on(seed)), wanted)


@check
def values_read_from_a_variable_do_not_change(rng):
    values = real(rng, 3, 4)
    one = np.ones((3, 4), np.float32)
    for read in (lambda v: v.snapshot(), tl.matrix_transpose, lambda v: v[1:][:, ::2]):
        with tl.device("cuda"):
            variable, step = tl.Variable(values), tl.optimizers.SGD(learning_rate=1.0)
            held = read(variable)
            step.apply_gradients([(tl.asarray(one), variable)])
        same(held, read(on(values)).numpy())
        same(variable, values - 1)
        del held
        memory = variable._buffer.memory
        step.apply_gradients([(on(one), variable)])
        assert variable._buffer.memory is memory
        same(variable.assign(values), values)
        assert variable._buffer.memory is memory


@check
def variable_accepts_host_values_outside_the_block(rng):
    values = real(rng, 3)
    with tl.device("cuda"):
        variable = tl.Variable(np.zeros(3, np.float32))
    same(variable.assign(values), values)
    same(variable.assign([1, 2, 3]), np.array([1, 2, 3], np.float32))


@check
def tensors_of_two_devices_are_rejected(rng):
    x = real(rng, 3)
    with pytest.raises(DeviceError, match=r"add: expected tensors on one device, received 'cuda' and 'cpu'"):
        on(x) + tl.asarray(x, device="cpu")


@check
def assignment_to_parts_happens_on_the_device(rng):
    values, new = real(rng, 3, 4), real(rng, 2, 4)
    for index in (slice(None, None, 2), np.array([2, 0]), np.array([True, False, True])):
        expected, x = values.copy(), on(values)
        expected[index] = new
        kept, part = x.numpy(), x[index]
        same(x.at[index].set(new), expected)
        x[index] = on(new)
        same(x, expected)
        same(part, values[index])
        np.testing.assert_array_equal(kept, values)
        memory = x._buffer.memory
        x[index] = 2.0 * new
        assert x._buffer.memory is memory
        with tl.device("cuda"):
            variable = tl.Variable(values)
        variable[index].assign(new)
        same(variable, expected)
    w = on(values)
    with tl.GradientTape() as tape:
        tape.watch(w)
        y = w * w
        y[:, np.array([1, 1])] = 3.0 * w[:, 2:]
        total = tl.sum(y)
    expected = 2 * values
    expected[:, 1] = 0  # overwritten, so only the assigned value has a gradient
    expected[:, 3] += 3
    np.testing.assert_allclose(tape.gradient(total, w).numpy(), expected, rtol=1e-6)

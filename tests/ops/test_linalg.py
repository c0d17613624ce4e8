"""Check linear algebra against NumPy in float64: values, stacks, empty matrices, dtypes, devices, and errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from linalg_cases import Array, Rng, deficient, regular

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

la = tl.linalg
DEVICES = ("cpu", "reference")


def on(device: str, array: Any, dtype: str = "float64") -> tl.Tensor:
    return tl.asarray(np.asarray(array, dtype), device=device)


def close(result: tl.Tensor, expected: Any, digits: float = 1e-9) -> None:
    assert result.shape == np.shape(expected)
    np.testing.assert_allclose(result.numpy(), expected, rtol=digits, atol=digits)


def positive(a: Array) -> Array:
    return a @ np.swapaxes(a, -1, -2)


SQUARE: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Any]]] = {
    "inv": (la.inv, np.linalg.inv),
    "det": (la.det, np.linalg.det),
    "sign": (lambda x: la.slogdet(x).sign, lambda a: np.linalg.slogdet(a)[0]),
    "logabsdet": (lambda x: la.slogdet(x).logabsdet, lambda a: np.linalg.slogdet(a)[1]),
    "cholesky": (lambda x: la.cholesky(x @ tl.matrix_transpose(x)), lambda a: np.linalg.cholesky(positive(a))),
    "upper": (
        lambda x: la.cholesky(x @ tl.matrix_transpose(x), upper=True),
        lambda a: np.swapaxes(np.linalg.cholesky(positive(a)), -1, -2),
    ),
    "eigvalsh": (lambda x: la.eigvalsh(x), np.linalg.eigvalsh),
    "eigenvalues": (lambda x: la.eigh(x).eigenvalues, np.linalg.eigvalsh),
    **{
        f"power {n}": (lambda x, n=n: la.matrix_power(x, n), lambda a, n=n: np.linalg.matrix_power(a, n))
        for n in (0, 1, 2, 7, -1, -3)
    },
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SQUARE)
def test_square_matrix_operations_match_numpy(name: str, device: str, rng: Rng) -> None:
    ours, theirs = SQUARE[name]
    for shape in ((3, 3), (2, 1, 4, 4), (1, 1), (0, 3, 3), (0, 0), (2, 0, 0)):
        a = regular(rng, *shape)
        result = ours(on(device, a))
        assert (result.dtype, result.device) == (tl.float64, device)
        close(result, theirs(a))
        single = ours(on(device, a, "float32"))
        assert single.dtype == tl.float32
        close(single, theirs(a), 1e-3)


ANY: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Any]]] = {
    "pinv": (la.pinv, np.linalg.pinv),
    "pinv of low rank": (lambda x: la.pinv(x, rtol=1e-6), lambda a: np.linalg.pinv(a, rcond=1e-6)),
    "matrix_rank": (la.matrix_rank, np.linalg.matrix_rank),
    "svdvals": (la.svdvals, lambda a: np.linalg.svd(a, compute_uv=False)),
    "diagonal": (la.diagonal, lambda a: np.diagonal(a, axis1=-2, axis2=-1)),
    "offset": (lambda x: la.diagonal(x, offset=-1), lambda a: np.diagonal(a, -1, axis1=-2, axis2=-1)),
    "far": (lambda x: la.diagonal(x, offset=9), lambda a: np.diagonal(a, 9, axis1=-2, axis2=-1)),
    "trace": (lambda x: la.trace(x, offset=1), lambda a: np.trace(a, 1, axis1=-2, axis2=-1)),
    **{
        f"norm {p}": (lambda x, p=p: la.matrix_norm(x, ord=p), lambda a, p=p: np.linalg.norm(a, p, axis=(-2, -1)))
        for p in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    },
    "kept": (lambda x: la.matrix_norm(x, keepdims=True), lambda a: np.linalg.norm(a, axis=(-2, -1), keepdims=True)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ANY)
def test_general_matrix_operations_match_numpy(name: str, device: str, rng: Rng) -> None:
    ours, theirs = ANY[name]
    shapes = [(3, 4), (2, 4, 2), (3, 3)] + ([] if name.startswith("norm") else [(0, 3, 2), (0, 3), (2, 0)])
    for shape in shapes:
        make = deficient if "rank" in name and 0 not in shape else regular
        a = make(rng, *shape)
        result = ours(on(device, a))
        assert result.device == device
        assert result.dtype == (tl.int64 if name == "matrix_rank" else tl.float64)
        close(result, theirs(a))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 3, 4), (0, 2, 3), (3, 0), (0, 0)])
def test_decompositions_reconstruct_the_input(shape: tuple[int, ...], device: str, rng: Rng) -> None:
    a = regular(rng, *shape)
    x, (m, n) = on(device, a), shape[-2:]
    for full in (True, False):
        u, s, vh = la.svd(x, full_matrices=full)
        assert (u.shape[-1], vh.shape[-2]) == ((m, n) if full else (min(m, n),) * 2)
        k = s.shape[-1]
        close((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a)
        close(tl.matrix_transpose(u) @ u, np.broadcast_to(np.eye(u.shape[-1]), (*shape[:-2], *[u.shape[-1]] * 2)))
        q, r = la.qr(x, mode="complete" if full else "reduced")
        assert (q.shape[-1], r.shape[-2]) == (m if full else min(m, n),) * 2
        close(q @ r, a)
        close(tl.triu(r), r.numpy())
    if m == n:
        values, vectors = la.eigh(x + tl.matrix_transpose(x))
        close(vectors @ (values[..., None] * tl.matrix_transpose(vectors)), a + np.swapaxes(a, -1, -2))
        assert (np.diff(values.numpy()) >= 0).all()


@pytest.mark.parametrize("device", DEVICES)
def test_solve_matches_numpy(device: str, rng: Rng) -> None:
    for first, second in (
        ((3, 3), (3,)),
        ((3, 3), (3, 2)),
        ((2, 3, 3), (3,)),
        ((2, 3, 3), (3, 1)),
        ((3, 3), (2, 3, 1)),
        ((4, 1, 2, 2), (3, 2, 5)),
        ((0, 0), (0,)),
        ((0, 2, 2), (0, 2, 1)),
        ((2, 2), (2, 0)),
    ):
        a, b = regular(rng, *first), rng.standard_normal(second)
        expected = np.linalg.inv(a) @ b
        close(la.solve(on(device, a), on(device, b)), expected)
    assert la.solve([[2, 0], [0, 4]], [2, 2]).dtype == tl.float32
    assert la.solve(on(device, [[2.0]]), [4.0]).device == device


ORDERS = [2, 1, 0, 3, 0.5, 2.5, -1, -2, math.inf, -math.inf, 100]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("order", ORDERS)
def test_vector_norms_match_numpy(order: float, device: str, rng: Rng) -> None:
    a = rng.uniform(0.5, 2.0, (2, 3, 4)) * rng.choice([-1, 1], (2, 3, 4))
    x = on(device, a)
    close(la.vector_norm(x, ord=order), np.linalg.norm(a.ravel(), order))
    close(la.vector_norm(x, ord=order, keepdims=True), np.linalg.norm(a.ravel(), order).reshape(1, 1, 1))
    close(la.vector_norm(x, axis=1, ord=order), np.linalg.norm(a, order, axis=1))
    close(la.vector_norm(x, axis=-1, ord=order, keepdims=True), np.linalg.norm(a, order, axis=-1, keepdims=True))
    both = np.linalg.norm(a.transpose(1, 0, 2).reshape(3, 8), order, axis=1)
    close(la.vector_norm(x, axis=(0, 2), ord=order), both)
    zeros = on(device, np.zeros((2, 3)))
    assert la.vector_norm(zeros, ord=order).item() == 0.0
    if not math.isinf(order):
        assert la.vector_norm(on(device, np.zeros((0, 2))), axis=0, ord=order).tolist() == [0.0, 0.0]


def test_norms_neither_overflow_nor_underflow() -> None:
    large, small = np.array([3e30, 4e30], np.float32), np.array([3e-30, 4e-30], np.float32)
    for device in DEVICES:
        np.testing.assert_allclose(la.vector_norm(on(device, large, "float32")).item(), 5e30, rtol=1e-6)
        np.testing.assert_allclose(la.matrix_norm(on(device, [small], "float32")).item(), 5e-30, rtol=1e-6)
        np.testing.assert_allclose(la.vector_norm(on(device, [3e200, 4e200]), ord=3).item(), 4.497941445275415e200)


@pytest.mark.parametrize("device", DEVICES)
def test_cross_matches_numpy(device: str, rng: Rng) -> None:
    for first, second, axis in (((3,), (3,), -1), ((2, 3), (3,), -1), ((4, 1, 3), (2, 3), -1), ((3, 2), (3, 2), 0)):
        a, b = rng.standard_normal(first), rng.standard_normal(second)
        close(la.cross(on(device, a), on(device, b), axis=axis), np.cross(a, b, axis=axis))
    integers = la.cross(tl.asarray([1, 0, 0]), tl.asarray([0, 1, 0]))
    assert (integers.dtype, integers.tolist()) == (tl.int64, [0, 0, 1])


def test_integer_matrices_give_float32_except_for_trace_and_diagonal() -> None:
    x = tl.asarray([[2, 0], [0, 4]])
    assert {la.inv(x).dtype, la.det(x).dtype, la.vector_norm(x).dtype, la.svdvals(x).dtype} == {tl.float32}
    assert (la.trace(x).dtype, la.trace(x).item()) == (tl.int64, 6)
    assert la.diagonal(x > 1).tolist() == [True, True]
    assert la.trace(x, dtype="float64").dtype == tl.float64
    assert la.matrix_rank(tl.asarray(np.eye(3)[None] * 0.0)).tolist() == [0]
    assert la.matrix_rank(np.diag([1.0, 0.1, 0.01]), rtol=0.05).item() == 2
    assert la.matrix_rank(np.stack([np.diag([1.0, 0.1])] * 2), rtol=np.array([0.5, 0.01])).tolist() == [1, 2]


x, rows = np.ones((2, 3)), np.ones((3,))
REJECTED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: la.inv(x), ShapeError, "inv: expected square matrices, received shape (2, 3)"),
    (lambda: la.det(rows), ShapeError, "det: expected a matrix, or a stack of matrices, received shape (3,)"),
    (
        lambda: la.inv(np.zeros((2, 2))),
        ArgumentError,
        "inv: expected matrices that have an inverse, received a singular matrix; "
        "use linalg.pinv, or add a multiple of the identity",
    ),
    (
        lambda: la.solve(np.zeros((2, 2)), np.ones(2)),
        ArgumentError,
        "solve: expected matrices that have an inverse",
    ),
    (
        lambda: la.matrix_power(np.zeros((2, 2)), -1),
        ArgumentError,
        "matrix_power: expected matrices that have an inve",
    ),
    (lambda: la.matrix_power(np.eye(2), 0.5), ArgumentTypeError, "matrix_power: expected an integer power"),
    (
        lambda: la.solve(np.eye(2), np.ones(3)),
        ShapeError,
        "solve: expected x2 of shape (2,) or (..., 2, k), received shapes (2, 2) and (3,)",
    ),
    (lambda: la.solve(x, np.ones(3)), ShapeError, "solve: expected square matrices, received shape (2, 3)"),
    (
        lambda: la.cholesky(-np.eye(2)),
        ArgumentError,
        "cholesky: expected positive definite matrices, received a matrix that is not; the lower triangle of each",
    ),
    (lambda: la.qr(x, mode="r"), ArgumentError, "qr: expected mode 'reduced' or 'complete', received 'r'"),
    (lambda: la.svd(np.full((2, 2), np.nan)), ArgumentError, "svd: expected finite numbers, received NaN or infinity"),
    (lambda: la.eigvalsh(np.full((2, 2), np.nan)), ArgumentError, "eigvalsh: expected finite numbers, received NaN or"),
    (lambda: la.vector_norm(rows, ord="fro"), ArgumentError, "vector_norm: expected an ord that is a real number or a"),
    (lambda: la.vector_norm(rows, axis=1), ShapeError, "vector_norm: expected an axis from -1 to 0 for a tensor of"),
    (
        lambda: la.matrix_norm(x, ord=3),
        ArgumentError,
        "matrix_norm: expected an ord of 'fro', 'nuc', 2, -2, 1, -1, inf, -inf, received 3",
    ),
    (
        lambda: la.matrix_rank(x, rtol=-1.0),
        ArgumentError,
        "matrix_rank rtol: expected a number of at least 0, received -1.0",
    ),
    (lambda: la.det(np.ones((2, 2), bool)), DTypeError, "det: expected tensors of numbers, received bool; convert the"),
    (lambda: la.cross(x, np.ones(2)), ShapeError, "cross: expected three elements along axis -1, received shapes (2,"),
    (
        lambda: la.cross(x, rows, axis=1),
        ShapeError,
        "cross: expected a negative axis for tensors of different ranks, rece",
    ),
    (lambda: la.cross(x > 0, x > 0), DTypeError, "cross: expected tensors of numbers, received bool; convert them"),
    (lambda: la.diagonal(rows), ShapeError, "diagonal: expected a matrix, or a stack of matrices, received shape (3,"),
    (lambda: la.trace(x, offset=0.5), ArgumentTypeError, "trace: expected an integer offset, received"),
    (lambda: la.eigvals, AttributeError, "tensorlab.linalg has no attribute 'eigvals': its results are complex, and"),
    (lambda: la.lu, AttributeError, "tensorlab.linalg has no attribute 'lu'"),
]


@pytest.mark.parametrize(("call", "kind", "message"), REJECTED)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert str(error.value).startswith(message)


def test_backend_is_notified_of_host_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    with tl.device("reference"):
        matrix = tl.asarray(np.eye(2))
    monkeypatch.setattr(type(matrix._backend), "computes_on_host", lambda self, who: heard.append(who))
    la.svd(matrix)
    la.det(matrix)
    la.trace(matrix)
    la.vector_norm(matrix)
    assert [name for name in heard if "index" not in name] == ["svd", "det"]


def test_linalg_is_part_of_the_array_namespace() -> None:
    assert tl.asarray(1.0).__array_namespace__().linalg is tl.linalg
    for name in la.__all__:
        text = getattr(la, name).__doc__
        assert "Source:" in text, name

"""Check gradients of linear algebra against central differences and PyTorch, and at singular points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gradient_cases import check
from linalg_cases import CASES, Case, Rng, deficient, pos, regular, sym

import tensorlab as tl
from tensorlab.errors import StateError

pytestmark = pytest.mark.usefixtures("reference")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_match_finite_differences(case: Case, rng: Rng) -> None:
    check(case.function, [case.make(rng, *shape) for shape in case.shapes], rng)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_match_pytorch(case: Case, rng: Rng) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the peer to agree with, is not installed")
    arrays = [case.make(rng, *shape) for shape in case.shapes]
    names = {"la": torch.linalg, "sym": sym, "pos": pos, "inf": math.inf}
    peers = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = eval(case.theirs, {**names, **dict(zip("xy", peers, strict=False))})
    cotangent = rng.standard_normal(result.shape)
    expected = torch.autograd.grad(result, peers, torch.tensor(cotangent))
    inputs = [tl.Variable(array) for array in arrays]
    with tl.GradientTape() as tape:
        value = case.function(*inputs)
    np.testing.assert_allclose(value.numpy(), result.detach().numpy(), rtol=1e-9, atol=1e-9)
    for mine, theirs in zip(tape.gradient(value, inputs, tl.asarray(cotangent)), expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-8, atol=1e-8)


def gradient(function: Any, array: Any) -> Any:
    x = tl.Variable(np.asarray(array, float))
    with tl.GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, x).numpy()


def test_gradients_flow_through_all_factors_of_a_decomposition(rng: Rng) -> None:
    for shape in ((3, 3), (2, 4, 2), (2, 3)):
        array = regular(rng, *shape)

        def rebuilt(x: tl.Tensor) -> tl.Tensor:
            u, s, v = tl.linalg.svd(x, full_matrices=False)
            q, r = tl.linalg.qr(x)
            return (u * s[..., None, :]) @ v + 2.0 * q @ r

        check(rebuilt, [array], rng)
        np.testing.assert_allclose(gradient(rebuilt, array), np.full(shape, 3.0), rtol=1e-9)
    values = lambda x: tl.linalg.eigh(sym(x))  # noqa: E731
    check(
        lambda x: values(x)[1] @ (values(x)[0][:, None] ** 2 * tl.linalg.matrix_transpose(values(x)[1])),
        [regular(rng, 3, 3)],
        rng,
    )


# Singular matrices and equal singular values or eigenvalues


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_gradient_of_a_determinant_of_any_rank(size: int, rng: Rng) -> None:
    for rank in range(size + 1):
        array = rng.standard_normal((2, size, rank)) @ rng.standard_normal((2, rank, size))
        check(tl.linalg.det, [array], rng, order=2)


def test_gradient_of_a_zero_determinant_is_the_cofactor_matrix() -> None:
    assert gradient(tl.linalg.det, [[0.0, 0.0], [0.0, 0.0]]).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    np.testing.assert_allclose(
        gradient(tl.linalg.det, [[1.0, 2.0], [2.0, 4.0]]), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-14
    )
    assert gradient(tl.linalg.det, np.zeros((0, 0))).shape == (0, 0)


def test_nan_matrix_does_not_affect_others_in_a_stack() -> None:
    slopes = gradient(tl.linalg.det, [[[math.nan, 1.0], [0.0, 1.0]], [[1.0, 2.0], [3.0, 5.0]]])
    assert np.isnan(slopes[0]).all()
    np.testing.assert_allclose(slopes[1], [[5.0, -3.0], [-2.0, 1.0]], rtol=1e-12)


def test_gradient_of_logabsdet_is_nan_only_for_singular_matrices() -> None:
    slopes = gradient(lambda x: tl.linalg.slogdet(x).logabsdet, [np.zeros((2, 2)), 2.0 * np.eye(2)])
    assert np.isnan(slopes[0]).all()
    assert slopes[1].tolist() == [[0.5, 0.0], [0.0, 0.5]]


def test_gradient_of_pinv_of_rank_deficient_matrices(rng: Rng) -> None:
    factors = [regular(rng, 4, 2), regular(rng, 2, 3)]
    check(lambda a, b: tl.linalg.pinv(a @ b), factors, rng)
    assert np.isfinite(gradient(tl.linalg.pinv, deficient(rng, 2, 4, 3))).all()


@pytest.mark.parametrize("function", ["svdvals", "eigvalsh"])
def test_gradients_of_equal_singular_values_and_eigenvalues(function: str) -> None:
    slope = gradient(lambda x: tl.sum(getattr(tl.linalg, function)(x)), 2.0 * np.eye(3))
    np.testing.assert_allclose(slope, np.eye(3), atol=1e-14)


def test_gradients_of_singular_vectors_and_eigenvectors_of_equal_values_are_not_finite() -> None:
    for function in (lambda x: tl.linalg.svd(x).U, lambda x: tl.linalg.eigh(x).eigenvectors):
        assert not np.isfinite(gradient(function, np.eye(2))).all()


@pytest.mark.parametrize("order", [2, 1, 3, 0.5, math.inf])
def test_gradients_of_vector_norms_at_zero_are_zero(order: float) -> None:
    assert gradient(lambda x: tl.linalg.vector_norm(x, ord=order), [0.0, 0.0, 0.0]).tolist() == [0.0] * 3
    assert gradient(lambda x: tl.linalg.vector_norm(x, axis=1, ord=order), [[0.0, 0.0], [0.0, 2.0]]).tolist() == [
        [0.0, 0.0],
        [0.0, 1.0],
    ]


@pytest.mark.parametrize("order", ["fro", "nuc", 1, 2, -2, math.inf])
def test_gradients_of_matrix_norms_at_zero_and_at_ties_are_finite(order: Any) -> None:
    for array in (np.zeros((2, 2)), np.eye(2), np.ones((2, 2))):
        slope = gradient(lambda x: tl.linalg.matrix_norm(x, ord=order), array)
        assert np.isfinite(slope).all()
        assert abs(np.sum(slope * array) - np.linalg.norm(array, order)) < 1e-12  # Euler's theorem
    assert gradient(lambda x: tl.linalg.matrix_norm(x), np.zeros((2, 2))).tolist() == [[0.0, 0.0]] * 2


def test_second_derivatives_of_a_norm_at_zero_are_finite() -> None:
    x = tl.Variable(np.zeros(3))
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = tl.linalg.vector_norm(x) ** 2
        slope = inner.gradient(y, x)
    assert np.isfinite(outer.gradient(slope, x).numpy()).all()


def test_third_derivatives_of_a_determinant(rng: Rng) -> None:
    check(tl.linalg.det, [regular(rng, 3, 3)], rng, order=3)


def test_undefined_gradient_of_complete_qr_is_rejected(rng: Rng) -> None:
    with pytest.raises(StateError) as error:
        gradient(lambda x: tl.linalg.qr(x, mode="complete").Q, regular(rng, 3, 2))
    assert str(error.value) == ("qr: mode='complete' has no gradient for shape (3, 2); use mode='reduced'")


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0)])
def test_gradients_of_empty_stacks(shape: tuple[int, ...]) -> None:
    la = tl.linalg
    for function in (la.inv, la.det, la.svdvals, la.eigvalsh, la.cholesky, la.pinv, lambda x: la.qr(x).Q):
        assert gradient(function, np.zeros(shape)).shape == shape
    assert gradient(lambda x: la.slogdet(x).logabsdet, np.zeros(shape)).shape == shape


def test_gradients_keep_float32(rng: Rng) -> None:
    x = tl.Variable(regular(rng, 3, 3).astype(np.float32))
    with tl.GradientTape(persistent=True) as tape:
        values = [tl.linalg.det(x), tl.linalg.inv(x), tl.linalg.vector_norm(x), tl.linalg.svd(x).S]
    assert {value.dtype for value in values} == {tape.gradient(value, x).dtype for value in values} == {tl.float32}

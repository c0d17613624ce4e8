"""The chapter's tensor operations: loops over elements, broadcasting, products, shapes, and maps of the plane.

The loops define the operations, so each is compared with the library's operation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorlab as tl

Array = np.ndarray[Any, Any]
KINDS = pytest.mark.parametrize("kind", [np.asarray, tl.asarray], ids=["ndarray", "tensor"])


def normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape).astype("float32")


# Loops over elements, and the operations that they define


def naive_relu(x: Any) -> Any:
    assert len(x.shape) == 2
    x = np.array(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = max(x[i, j], 0)
    return x


def naive_add(x: Any, y: Any) -> Any:
    assert len(x.shape) == 2
    assert x.shape == y.shape
    x = np.array(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += y[i, j]
    return x


def naive_add_matrix_and_vector(x: Any, y: Any) -> Any:
    assert len(x.shape) == 2
    assert len(y.shape) == 1
    assert x.shape[1] == y.shape[0]
    x = np.array(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += y[j]
    return x


def naive_vector_dot(x: Any, y: Any) -> Any:
    assert len(x.shape) == 1
    assert len(y.shape) == 1
    assert x.shape[0] == y.shape[0]
    z = 0.0
    for i in range(x.shape[0]):
        z += x[i] * y[i]
    return z


def naive_matrix_vector_dot(x: Any, y: Any) -> Any:
    assert len(x.shape) == 2
    assert len(y.shape) == 1
    assert x.shape[1] == y.shape[0]
    z = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i] += x[i, j] * y[j]
    return z


def naive_matrix_vector_dot_by_rows(x: Any, y: Any) -> Any:
    z = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        z[i] = naive_vector_dot(x[i, :], y)
    return z


def naive_matrix_dot(x: Any, y: Any) -> Any:
    assert len(x.shape) == 2
    assert len(y.shape) == 2
    assert x.shape[1] == y.shape[0]
    z = np.zeros((x.shape[0], y.shape[1]))
    for i in range(x.shape[0]):
        for j in range(y.shape[1]):
            z[i, j] = naive_vector_dot(x[i, :], y[:, j])
    return z


LOOPS: dict[Any, tuple[Any, tuple[tuple[int, ...], ...]]] = {
    naive_relu: (tl.relu, ((5, 7),)),
    naive_add: (tl.add, ((5, 7), (5, 7))),
    naive_add_matrix_and_vector: (tl.add, ((5, 7), (7,))),
    naive_vector_dot: (tl.dot, ((7,), (7,))),
    naive_matrix_vector_dot: (tl.dot, ((5, 7), (7,))),
    naive_matrix_vector_dot_by_rows: (tl.dot, ((5, 7), (7,))),
    naive_matrix_dot: (tl.dot, ((5, 7), (7, 3))),
}


@KINDS
@pytest.mark.parametrize("loop", LOOPS)
def test_loop_matches_the_operation(loop: Any, kind: Any, rng: np.random.Generator) -> None:
    operation, shapes = LOOPS[loop]
    arguments = [kind(normal(rng, *shape)) for shape in shapes]
    np.testing.assert_allclose(loop(*arguments), operation(*arguments), rtol=1e-5, atol=1e-5)


@KINDS
@pytest.mark.parametrize("loop", [loop for loop in LOOPS if loop is not naive_relu])
def test_loop_and_operation_reject_shapes_that_do_not_fit(loop: Any, kind: Any, rng: np.random.Generator) -> None:
    operation, shapes = LOOPS[loop]
    *first, last = shapes
    wrong = [kind(normal(rng, *shape)) for shape in (*first, (last[0] + 1, *last[1:]))]
    with pytest.raises(AssertionError):
        naive_vector_dot(wrong[0][0], wrong[1]) if loop is naive_matrix_vector_dot_by_rows else loop(*wrong)
    with pytest.raises(tl.errors.ShapeError, match=str(last[0] + 1)):
        operation(*wrong)


def test_add_and_relu_in_one_operation(rng: np.random.Generator) -> None:
    """Fuses the book's pair of operations into one kernel; bench_book.py measures it."""

    @tl.elementwise
    def add_then_relu(x: float, y: float) -> float:
        return max(x + y, 0.0)

    x, y = normal(rng, 20, 100), normal(rng, 20, 100)
    fused = add_then_relu(x, y)
    assert np.array_equal(fused, np.maximum(x + y, 0.0))
    assert np.array_equal(fused, tl.maximum(tl.add(x, y), 0.0))
    assert add_then_relu.scalar.python(2.0, -3.0) == 0.0, "the scalar function must remain callable"


# Chained operations, and an ndarray as the left operand


@KINDS
def test_elementwise_operations_accept_arrays_and_tensors(kind: Any, rng: np.random.Generator) -> None:
    left, right = normal(rng, 20, 100), normal(rng, 20, 100)
    z = left + kind(right)
    z = tl.maximum(z, 0.0)
    assert isinstance(z, tl.Tensor)
    assert np.array_equal(z, np.maximum(left + right, 0.0))


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "**", "@", "==", "<", ">="])
def test_ndarray_as_left_operand_gives_a_tensor(symbol: str, rng: np.random.Generator) -> None:
    names = {"x": np.abs(normal(rng, 4, 4)), "y": normal(rng, 4, 4)}
    ours = eval(f"x {symbol} y", {"x": names["x"], "y": tl.asarray(names["y"])})
    assert isinstance(ours, tl.Tensor)
    np.testing.assert_allclose(ours, eval(f"x {symbol} y", names), rtol=2e-6, atol=1e-6)


# Broadcasting


def test_broadcasting_step_by_step(rng: np.random.Generator) -> None:
    x, y = tl.asarray(normal(rng, 32, 10)), tl.asarray(normal(rng, 10))
    row = tl.expand_dims(y, axis=0)
    assert row.shape == (1, 10)
    rows = tl.concatenate([row] * 32, axis=0)
    assert rows.shape == (32, 10)
    assert tl.all(rows == tl.tile(row, (32, 1)))
    assert all(np.array_equal(rows[i], y) for i in range(32))
    assert tl.all(x + rows == x + y)


def test_broadcasting_two_axes_of_four(rng: np.random.Generator) -> None:
    x, y = normal(rng, 64, 3, 32, 10), normal(rng, 32, 10)
    z = tl.maximum(tl.asarray(x), tl.asarray(y))
    assert z.shape == (64, 3, 32, 10)
    assert np.array_equal(z, np.maximum(x, y))


# Products


def test_product_of_two_vectors_is_a_number(rng: np.random.Generator) -> None:
    x, y = normal(rng, 32), normal(rng, 32)
    z = tl.dot(tl.asarray(x), tl.asarray(y))
    assert z.shape == ()
    assert float(z) == pytest.approx(math.fsum(float(a) * float(b) for a, b in zip(x, y, strict=True)), rel=1e-4)


DOTS: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    ((2, 3, 4, 5), (5,), (2, 3, 4)),
    ((2, 3, 4, 5), (5, 6), (2, 3, 4, 6)),
    ((3, 4), (4, 5), (3, 5)),
    ((3, 4), (4,), (3,)),
    ((4,), (4, 5), (5,)),
]


@pytest.mark.parametrize(("first", "second", "result"), DOTS)
@pytest.mark.parametrize("operation", [tl.dot, tl.matmul, lambda x, y: x @ y], ids=["dot", "matmul", "@"])
def test_shapes_of_products(operation: Any, first: Any, second: Any, result: Any, rng: np.random.Generator) -> None:
    x, y = normal(rng, *first), normal(rng, *second)
    z = operation(tl.asarray(x), tl.asarray(y))
    assert z.shape == result
    np.testing.assert_allclose(z, np.dot(x.astype("float64"), y.astype("float64")), rtol=1e-5, atol=1e-5)


def test_product_is_not_commutative(rng: np.random.Generator) -> None:
    x, y = tl.asarray(normal(rng, 2, 3)), tl.asarray(normal(rng, 3, 2))
    assert (x @ y).shape == (2, 2)
    assert (y @ x).shape == (3, 3)


# Shapes


@KINDS
def test_reshape_keeps_the_order_of_elements(kind: Any) -> None:
    x = kind([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    assert x.shape == (3, 2)
    x = x.reshape((6, 1))
    assert x.tolist() == [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]
    x = tl.reshape(x, (2, 3))
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_transpose_exchanges_rows_and_columns(rng: np.random.Generator) -> None:
    assert tl.transpose(tl.zeros((300, 20))).shape == (20, 300)
    x = normal(rng, 30, 20)
    assert np.array_equal(tl.transpose(x), x.T)
    assert np.array_equal(tl.asarray(x).T, x.T)


# Maps of the plane


def rotation(angle: float) -> list[list[float]]:
    return [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]


def moved(points: Array, map_of_a_point: Any) -> Array:
    return np.array([map_of_a_point(float(x), float(y)) for x, y in points])


def test_translation_rotation_and_scaling_of_points(rng: np.random.Generator) -> None:
    points = normal(rng, 9, 2)
    columns = tl.asarray(points).T  # a point is a column, as in the book
    shift, angle, factors = rng.normal(size=2), rng.uniform(-3, 3), rng.uniform(0.5, 2, 2)
    c, s = math.cos(angle), math.sin(angle)

    translated = columns + tl.asarray(shift, dtype="float32").reshape((2, 1))
    np.testing.assert_allclose(
        translated.T, moved(points, lambda x, y: (x + shift[0], y + shift[1])), rtol=1e-5, atol=1e-6
    )
    rotated = tl.asarray(rotation(angle)) @ columns
    np.testing.assert_allclose(
        rotated.T, moved(points, lambda x, y: (c * x - s * y, s * x + c * y)), rtol=1e-5, atol=1e-5
    )
    scaled = tl.asarray([[factors[0], 0.0], [0.0, factors[1]]]) @ columns
    np.testing.assert_allclose(
        scaled.T, moved(points, lambda x, y: (factors[0] * x, factors[1] * y)), rtol=1e-5, atol=1e-6
    )


def test_rotation_by_90_degrees() -> None:
    turned = tl.asarray(rotation(math.pi / 2)) @ tl.asarray([[1.0], [0.0]])
    np.testing.assert_allclose(turned, [[0.0], [1.0]], atol=1e-7)


def test_two_affine_maps_are_one_affine_map_unless_relu_is_between(rng: np.random.Generator) -> None:
    """Shows why layers need activations: W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂)."""
    w1, w2 = (tl.asarray(normal(rng, 2, 2)) for _ in range(2))
    b1, b2 = (tl.asarray(normal(rng, 2, 1)) for _ in range(2))
    x = tl.asarray(normal(rng, 2, 50) * 10)
    one = (w2 @ w1) @ x + (w2 @ b1 + b2)
    np.testing.assert_allclose(w2 @ (w1 @ x + b1) + b2, one, rtol=1e-4, atol=1e-3)
    assert not np.allclose(w2 @ tl.relu(w1 @ x + b1) + b2, one, atol=1e-2)

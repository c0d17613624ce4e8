"""Check gradients of assignments, and of operations whose arguments or results are assigned to later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradient_cases import CASES, UNARY, Case, Rng, apart, check, random_shape

import tensorlab as tl

pytestmark = pytest.mark.usefixtures("reference")

MASK = np.array([[True, False, True], [False, True, True]])


def assigned(index: Any) -> Callable[..., tl.Tensor]:
    """Return a function that assigns ``y`` to a part of a value computed from ``x``."""

    def function(x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
        z = x * x
        before = z[...]
        z[index] = tl.sin(y)
        w = z * z
        z[0, 0] += 2.0 * z[1, 1]
        return w * w + z * before

    return function


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        (0, ()),
        (0, (3,)),
        ((slice(None), slice(None, None, -2)), (2, 2)),
        ((..., 1), (2,)),
        ((None, 1), (1, 3)),
        (MASK, (4,)),
        (MASK, ()),
        (np.array([1, 0]), (1, 3)),
        ((np.array([1, 0, 1]), np.array([2, 2, 2])), (3,)),  # a repeated index: the last value is kept
        (slice(2, 2), (0, 3)),
    ],
)
def test_gradients_of_assignment(index: Any, shape: tuple[int, ...], rng: Rng) -> None:
    check(assigned(index), [apart(rng, 2, 3), apart(rng, *shape)], rng)


METHODS = ["set", "add", "subtract", "multiply", "divide", "min", "max"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("index", "shape"),
    [
        (1, (3,)),
        ((slice(None), slice(1)), ()),
        (MASK, (4,)),
        (np.array([1, 1, 0, 1]), (4, 3)),
        ((np.array([0, 1, 0]), np.array([2, 2, 2])), ()),
    ],
)
def test_gradients_of_at_methods(method: str, index: Any, shape: tuple[int, ...], rng: Rng) -> None:
    def function(x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
        changed: tl.Tensor = getattr(x.at[index], method)(y)
        return changed * changed

    values = apart(rng, 6 + int(np.prod(shape)))  # all distinct
    if method == "divide":
        values += np.copysign(2.0, values)
    check(function, [values[:6].reshape(2, 3), values[6:].reshape(shape)], rng)


def test_gradients_of_at_power_and_apply(rng: Rng) -> None:
    x = rng.uniform(0.5, 2.0, (2, 3))
    check(lambda x, y: x.at[[0, 0]].power(y), [x, rng.uniform(0.5, 2.0, (2, 3))], rng)
    check(lambda x: x.at[:, 1].apply(tl.exp), [x], rng)


def test_assignment_in_no_grad_is_constant() -> None:
    x = tl.Variable([1.0, 2.0, 3.0])
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        z = x * x
        with tl.no_grad():
            y[0] = 10.0
        z[0] = 10.0
        total = tl.sum(y * x)
        recorded = tl.sum(z * x)
    assert float(total) == 10.0 + 8.0 + 27.0
    assert tape.gradient(total, x).tolist() == [10.0, 4.0, 9.0]
    assert tape.gradient(recorded, x).tolist() == [10.0, 12.0, 27.0]


def test_gradient_of_a_reassigned_value_warns() -> None:
    x, v = tl.asarray([1.0, 2.0]), tl.Variable([1.0, 2.0])
    with tl.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = x * x, v * v
    x[0] = 5.0
    z[0] = 5.0
    with pytest.warns(
        UserWarning, match=r"is None, because x\[index\] = value made it another value than the tape has"
    ):
        assert tape.gradient(y, x) is None
    with pytest.warns(
        UserWarning, match=r"the target does not depend on it; .* It was assigned to, perhaps after that$"
    ):
        assert tape.gradient(z, v) is None


def test_assignment_to_variable_value_leaves_the_variable_unchanged() -> None:
    v = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        x = v.value
        x[0] = 5.0
        y = tl.sum(x * x * v)
    assert tape.gradient(y, v).tolist() == [25.0, 3 * 4.0]
    assert v.tolist() == [1.0, 2.0]


def test_gradients_of_assignment_to_itself(rng: Rng) -> None:
    def shifted(x: tl.Tensor) -> tl.Tensor:
        y = x * x
        y[1:] = y[:-1]
        y[::-1] = y
        return y * y

    check(shifted, [apart(rng, 4)], rng)


def test_gradients_of_assignments_in_a_loop(rng: Rng) -> None:
    def running(x: tl.Tensor) -> tl.Tensor:
        y = tl.zeros(x.shape, dtype=x.dtype)
        y[0] = x[0]
        for step in range(1, 5):
            y[step] = y[step - 1] * x[step]
        return y

    x = apart(rng, 5)
    np.testing.assert_allclose(running(tl.asarray(x)).numpy(), np.cumprod(x))
    check(running, [x], rng)


# Later assignments do not change what a tape has saved


def gradients(function: Callable[..., tl.Tensor], arrays: list[Any], assign: bool) -> list[Any]:
    """Compute first and second gradients, optionally after assigning to all arguments and results."""
    inputs = [tl.asarray(array, copy=True) for array in arrays]
    with tl.GradientTape(persistent=True) as outer:
        outer.watch(inputs)
        given = [x * 1.0 for x in inputs]  # watched tensors cannot be assigned to
        with tl.GradientTape() as inner:
            inner.watch(given)
            result = function(*given)
            total = tl.sum(result * result) if result.dtype.kind == "f" else None
        assert total is not None
        first = inner.gradient(total, given)
        summed = tl.sum(tl.stack([tl.sum(g * g) for g in first if g is not None]))
    if assign:
        for tensor in (*given, result, *[g for g in first if g is not None]):
            tensor[...] = 77.0
    return [None if g is None else g.numpy() for g in outer.gradient(summed, inputs)]


@pytest.mark.filterwarnings("ignore:.*the gradient of a source")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_later_assignment_does_not_change_gradients(case: Case, rng: Rng) -> None:
    arrays = case.arrays(rng)
    for kept, assigned_to in zip(*[gradients(case.function, arrays, assign) for assign in (False, True)], strict=True):
        np.testing.assert_array_equal(assigned_to, kept)


@pytest.mark.filterwarnings("ignore:.*the gradient of a source")
@pytest.mark.parametrize("name", UNARY)
def test_later_assignment_does_not_change_gradients_of_unary_operations(name: str, rng: Rng) -> None:
    arrays = [UNARY[name](rng, *random_shape(rng, 2))]
    for kept, assigned_to in zip(*[gradients(getattr(tl, name), arrays, flag) for flag in (False, True)], strict=True):
        np.testing.assert_array_equal(assigned_to, kept)


def test_custom_gradient_is_unaffected_by_later_assignment() -> None:
    @tl.custom_gradient
    def exponential(x: tl.Tensor) -> Any:
        y = tl.exp(x)
        return y, lambda upstream: upstream * y

    x = tl.Variable([0.0, 1.0])
    with tl.GradientTape() as tape:
        y = exponential(x)
        total = tl.sum(y)
    y[...] = 9.0
    np.testing.assert_allclose(tape.gradient(total, x).numpy(), np.exp([0.0, 1.0]), rtol=1e-6)


def test_gradient_is_unaffected_by_later_assignment_to_the_seed() -> None:
    x, seed = tl.Variable([1.0, 2.0]), tl.asarray([1.0, 10.0])
    expected = None
    for changed in (False, True):
        with tl.GradientTape() as outer:
            with tl.GradientTape() as inner:
                y = tl.softmax(x)
            slope = tl.sum(inner.gradient(y, x, seed) ** 2)
        if changed:
            seed[0] = 99.0
        gradient = outer.gradient(slope, x).tolist()
        assert expected in (None, gradient)
        expected = gradient

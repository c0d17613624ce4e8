"""Updates skip work where the gradient is 0, and give the bits of updates that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.kernels import catalogue
from tensorlab.kernels.loops.idle import BLOCK
from tensorlab.kernels.runtime.pool import pool
from tensorlab.scalars import idle

Array = np.ndarray[Any, Any]
NUMBERS = np.random.default_rng(8)
SPECIAL = [0.0, -0.0, 1e-45, -1e-45, 1e-30, 1.0, -1.0, 3e38, -3e38, np.inf, -np.inf, np.nan]
RULES: dict[str, tuple[Any, list[float]]] = {
    "sgd": (tl.optimizers.SGD().rule, [0.01]),
    "rmsprop": (tl.optimizers.RMSprop().rule, [0.001, 0.9, 1e-7]),
    "adagrad": (tl.optimizers.Adagrad().rule, [0.001, 0.1, 1e-7]),
    "adadelta": (tl.optimizers.Adadelta().rule, [0.001, 0.95, 1e-7]),
}


def bits(array: Array) -> Array:
    """Return the words of numbers, with one word for all NaN."""
    return np.where(np.isnan(array), np.array(np.nan, array.dtype), array).view(f"u{array.itemsize}")


def updated(rule: Any, weight: Array, gradient: Array, slots: list[Array], hyperparameters: list[float]) -> list[Array]:
    made = [weight.copy(), *(slot.copy() for slot in slots)]
    kernel = catalogue.update_kernel(rule.scalar, weight.dtype.name, len(slots))
    kernel(pool(), weight.size, made[0], gradient, *made[1:], *hyperparameters)
    return made


def numbers_of(size: int, dtype: str, special: bool) -> Array:
    with np.errstate(over="ignore"):
        values = NUMBERS.standard_normal(size).astype(dtype)
        if special:
            chosen = NUMBERS.random(size) < 0.05
            values[chosen] = NUMBERS.choice(np.array(SPECIAL, dtype), chosen.sum())
    return values


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_of_zeros(name: str, dtype: str) -> None:
    rule, usual = RULES[name]
    size = 9 * BLOCK + 77
    others = [[0.0, *usual[1:]], [-0.5, *usual[1:]], [np.inf, *usual[1:]], [usual[0], *[0.0] * (len(usual) - 1)]]
    for hyperparameters in (usual, *others):
        for special in (False, True):
            weight, *slots = (numbers_of(size, dtype, special) for _ in range(1 + len(rule.slots)))
            slots = [slot if special else np.abs(slot) for slot in slots]
            gradient = numbers_of(size, dtype, False)
            for block in (0, 2, 3, 6, 9):
                gradient[block * BLOCK : (block + 1) * BLOCK] = 0
            gradient[6 * BLOCK + 5] = -0.0
            busy = gradient.copy()  # the same, but no block is zero, so nothing is skipped
            busy[:: BLOCK // 2] = 1.0
            same = gradient == busy
            same[6 * BLOCK + 5] = True
            for one, other in zip(
                updated(rule, weight, gradient, slots, hyperparameters),
                updated(rule, weight, busy, slots, hyperparameters),
                strict=True,
            ):
                assert np.array_equal(bits(one)[same], bits(other)[same])


@pytest.mark.parametrize("name", RULES)
def test_rows_of_outer_products(name: str) -> None:
    rule, hyperparameters = RULES[name]
    kernel = catalogue.outer_update_kernel(rule.scalar, "float32", len(rule.slots))
    for columns in (3, 70, 600):
        x = NUMBERS.standard_normal((41, 1)).astype(np.float32)
        x[::3], x[1::6] = 0.0, -0.0
        for value in (1.0, np.inf, np.nan):
            d = NUMBERS.standard_normal((1, columns)).astype(np.float32)
            d[0, columns // 2] = value
            weight = numbers_of(41 * columns, "float32", True).reshape(41, columns)
            slots = [np.abs(numbers_of(41 * columns, "float32", True)).reshape(41, columns) for _ in rule.slots]
            made = [weight.copy(), *(slot.copy() for slot in slots)]
            kernel(pool(), x, d, made[0], *made[1:], *hyperparameters)
            with np.errstate(invalid="ignore", over="ignore"):
                gradient = x * d + np.float32(0)
            busy = [each.ravel() for each in (weight, gradient, *slots)]
            for first in range(0, 41 * columns, 7):  # blocks that are too short to be skipped together
                part = [each[first : first + 7] for each in busy]
                part[1] = np.append(part[1], np.float32(1))
                padded = [np.append(each, np.float32(1)) for each in (part[0], *part[2:])]
                expected = updated(rule, padded[0], part[1], padded[1:], hyperparameters)
                for one, other in zip(made, expected, strict=True):
                    assert np.array_equal(bits(one.ravel()[first : first + 7]), bits(other[:-1]))


def momentum(w: float, g: float, m: float, rate: float = 0.1) -> tuple[float, float]:
    m = 0.9 * m + g
    return w - rate * m, m


def branch(w: float, g: float, rate: float = 0.1) -> float:
    if g == 0.0:
        return w
    return w - rate * g


def added(w: float, g: float, rate: float = 0.1) -> float:
    return w + rate * g  # -0 + 0 is 0


def decayed(w: float, g: float, rate: float = 0.1) -> float:
    w = w - 0.01 * w
    return w - rate * g


def kept_weight(w: float, g: float, s: float, rate: float = 0.1) -> tuple[float, float]:
    return w - rate * g, s + w


def called_slot(w: float, g: float, s: float, rate: float = 0.1) -> tuple[float, float]:
    return w - rate * g / (1.0 / s), s


@pytest.mark.parametrize("step", [momentum, branch, added, decayed, kept_weight, called_slot])
def test_steps_without_a_short_form(step: Callable[..., Any]) -> None:
    assert idle(tl.optimizers.OptimizerRule(step).rule.scalar) is None


def two_products(w: float, g: float, s: float, rate: float = 0.1, rho: float = 0.9) -> tuple[float, float]:
    change = rate * g
    s = rho * s + (1.0 - rho) * g
    return w - change, s


def test_short_form_is_the_step_for_a_gradient_of_zero() -> None:
    for function in (
        *(rule.scalar for rule, _ in RULES.values()),
        tl.optimizers.OptimizerRule(two_products).rule.scalar,
    ):
        short = idle(function)
        assert short is not None
        slots, still = function.n_outputs - 1, 0
        for _ in range(300):
            values = [float(NUMBERS.choice([0.0, -0.0, 0.5, -0.5, 2.0, 1e-320])) for _ in range(slots)]
            weight, *numbers = NUMBERS.choice([0.1, 0.9, 1e-7, 1.0, -0.5], 1 + function.arity - 2 - slots).tolist()
            found = short(*values, *numbers)
            *kept, stays = found if isinstance(found, tuple) else (found,)
            if stays:
                still += 1
                expected = function(weight, 0.0, *values, *numbers)
                assert repr((weight, *kept)) == repr(expected if isinstance(expected, tuple) else (expected,))
        assert still > 20

"""Rewritten plans give the bits of plans as recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.plan_cases import X, compare, model

import tensorlab as tl
from tensorlab import devices
from tensorlab.kernels.matmul.tile_shape import VARIABLE, host_tile, host_tiles
from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.native import address
from tensorlab.layers import Dense
from tensorlab.plans import plan as plans
from tensorlab.plans.plan import Plan
from tensorlab.plans.repeated import record
from tensorlab.plans.rewrite import rewritten

SPECIAL = [0.0, -0.0, 1.0, -1.5, 1e-30, -1e-30, 1e-200, -1e-200, 3e38, -3e38, 1e300, np.inf, -np.inf, np.nan]


@pytest.fixture(params=[name for name in ("avx512", "avx2", "generic") if name in host_tiles()][:2])
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute products with two of the tiles that the processor supports."""
    monkeypatch.setenv(VARIABLE, request.param)
    monkeypatch.setattr(devices.backend("cpu"), "_kernels", {})
    host_tile.cache_clear()
    yield
    host_tile.cache_clear()


def sgd_with_two_slots(w: float, g: float, m: float, s: float, rate: float = 0.1) -> tuple[float, float, float]:
    # The gradient itself is kept, and added directly, where a compiler might fuse the product with the addition.
    return w - rate * (m + g), 0.9 * m + g, g


OPTIMIZERS: list[Callable[[], Any]] = [
    lambda: tl.optimizers.SGD(1.0),
    lambda: tl.optimizers.Adam(0.1),
    lambda: tl.optimizers.OptimizerRule(sgd_with_two_slots)(),
]


def plan_of(step: Callable[..., Any], *arrays: np.ndarray) -> Plan:
    """Take a step twice, to load the kernels and to record it, and return its plan."""
    given = [tl.asarray(array) for array in arrays]
    with tl.ops.python_calls():  # compiled calls of products have the tile with which they were installed
        step(*given)
    result, recording, _ = record(lambda: step(*given), given)
    assert recording.reason == ""
    return Plan(recording, [recording.operand(result.buffer)])


def in_both_ways(
    make: Callable[[], tuple[Callable[..., Any], Callable[[], list[Any]]]], *arrays: np.ndarray
) -> tuple[Plan, Plan]:
    """Run a step with and without rewriting, check that both give the same, and return both plans.

    Args:
        make: returns the step, and a function that returns the tensors that it changes.
        arrays: the arguments of the step.
    """
    found, states = [], []
    for rewrites in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if not rewrites:
                patch.setattr(plans, "rewritten", lambda nodes, results: list(nodes))
            step, changed = make()
            plan = plan_of(step, *arrays)
        for number in range(3):
            (result,) = plan.run([np.roll(array, number, axis=-1) for array in arrays])
        found.append(plan)
        states.append([np.array(result), *(each.numpy().copy() for each in changed())])
    for one, other in zip(*states, strict=True):
        assert np.array_equal(np.isnan(one), np.isnan(other))
        assert np.where(np.isnan(one), 0, one).tobytes() == np.where(np.isnan(other), 0, other).tobytes()
    return found[0], found[1]


def update_of_outer_product(optimizer: Callable[[], Any], m: int, n: int, dtype: str) -> Callable[[], Any]:
    def make() -> tuple[Callable[..., Any], Callable[[], list[Any]]]:
        weight = tl.Variable(np.random.default_rng(1).standard_normal((m, n)).astype(dtype))
        chosen = optimizer()

        def step(x: Any, d: Any) -> Any:
            chosen.apply_gradients([(tl.permute_dims(x, (1, 0)) @ d, weight)])
            return tl.sum(d)

        return step, lambda: [weight, *chosen.variables]

    return make


def count_outer_updates(plan: Plan) -> int:
    titles = [library.title(address(node.function)) for node in plan.nodes if node.kind == "launch"]
    return sum(title.startswith("outer_update") for title in titles)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_outer_product_and_update(tile: None, optimizer: Any, dtype: str) -> None:
    numbers = np.random.default_rng(2)
    for m, n in [(2, 2), (3, 17), (40, 3), (131, 257), (2, 5000)]:
        x, d = (numbers.standard_normal((1, length)).astype(dtype) for length in (m, n))
        before, after = in_both_ways(update_of_outer_product(optimizer, m, n, dtype), x, d)
        assert len(after.nodes) == len(before.nodes) - 1
        assert count_outer_updates(after) == 1
        with np.errstate(over="ignore"):
            special = np.array([SPECIAL], dtype)
        in_both_ways(update_of_outer_product(optimizer, m, n, dtype), np.resize(special, (1, m)), d)
        in_both_ways(update_of_outer_product(optimizer, m, n, dtype), x, np.resize(special, (1, n)))
    in_both_ways(update_of_outer_product(optimizer, len(SPECIAL), 31, dtype), special, np.resize(special, (1, 31)))


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adagrad", "adamax"])
def test_training_with_one_sample_a_step(optimizer: str) -> None:
    def make() -> tl.Model:
        return model(Dense(5, activation="relu"), Dense(9), optimizer=optimizer)

    _, planned = compare(make, batch_size=1, steps_per_epoch=8)
    (plan,) = planned.model.training_plan.plans
    assert count_outer_updates(plan) == 3


def test_what_is_not_rewritten() -> None:
    x, d = np.ones((1, 4), np.float32), np.ones((1, 3), np.float32)
    optimizer = tl.optimizers.SGD(0.5)
    weight, factor = tl.Variable(np.zeros((4, 3), np.float32)), tl.Variable(np.ones((1, 3), np.float32))
    row, column = tl.Variable(np.zeros((1, 3), np.float32)), tl.Variable(np.zeros((4, 1), np.float32))

    def gradient(x: Any, d: Any) -> Any:
        return tl.permute_dims(x, (1, 0)) @ d

    def applied(product: Any, variable: Any = weight) -> Any:
        optimizer.apply_gradients([(product, variable)])
        return product

    def factor_that_changes(x: Any, d: Any) -> Any:
        product = gradient(x, factor)
        factor.assign(d)
        optimizer.apply_gradients([(product, weight)])
        return tl.sum(d)

    def several(x: Any, d: Any) -> Any:
        optimizer.apply_gradients([(gradient(tl.concat([x, x]), tl.concat([d, d])), weight)])
        return tl.sum(d)

    cases: list[Callable[..., Any]] = [
        lambda x, d: applied(gradient(x, d)),  # the product is a result
        lambda x, d: tl.sum(applied(gradient(x, d))),  # something else reads it
        lambda x, d: applied(tl.relu(gradient(x, d))),
        factor_that_changes,
        several,
        lambda x, d: (applied(gradient(x[:, :1], d), row), tl.sum(d))[1],
        lambda x, d: (applied(gradient(x, d[:, :1]), column), tl.sum(d))[1],
    ]
    for case in cases:
        plan = plan_of(case, x, d)
        assert count_outer_updates(plan) == 0


def test_explain_names_what_is_fused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    made = model(optimizer="rmsprop")
    made.fit(X[:20], np.zeros(20, int), batch_size=1, verbose=0)
    made.training_plan.explain()
    lines = [line for line in capsys.readouterr().out.splitlines() if "outer_update" in line]
    assert all("outer_update _plain float32 " in line for line in lines)
    assert "(6,1) (1,3) -> (6,3) (6,3)" in lines[0]


def test_nothing_to_rewrite() -> None:
    assert rewritten([], []) == []

"""Plans gather their batches, and compute in the same pass what follows elementwise, with the same bits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import dtypes
from tensorlab.kernels import catalogue
from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.native import address
from tensorlab.kernels.runtime.pool import pool
from tensorlab.layers import Dense, Flatten, Layer, Permute, Rescaling, Reshape
from tensorlab.ops.arithmetic import add, multiply
from tensorlab.ops.casting import conversion
from tensorlab.plans.plan import Plan
from tensorlab.tensor import Rows, Tensor, gather

Array = np.ndarray[Any, Any]
NUMBERS = np.random.default_rng(11)
BATCH, SHAPE = 8, (64, 9)
COUNT = 10 * BATCH
IMAGES = NUMBERS.integers(0, 256, (COUNT, *SHAPE)).astype(np.uint8)
TARGETS = NUMBERS.standard_normal((COUNT, 2)).astype(np.float32)


def titles(plan: Plan) -> list[str]:
    return [library.title(address(node.function)) for node in plan.nodes if node.kind == "launch"]


def trained(make: Callable[[], tl.Model], x: Any, eagerly: bool, y: Any = TARGETS, **options: Any) -> tl.Model:
    tl.utils.set_random_seed(5)
    model = make()
    model.compile(tl.optimizers.SGD(1e-4), "mse", run_eagerly=eagerly)
    model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, **options)
    return model


def both(make: Callable[[], tl.Model], x: Any, y: Any = TARGETS, **options: Any) -> Plan:
    """Train eagerly and with a plan, check that the weights and losses have the same bits, and return the plan."""
    eager, planned = (trained(make, x, eagerly, y, **options) for eagerly in (True, False))
    for one, other in zip(eager.get_weights(), planned.get_weights(), strict=True):
        assert np.isfinite(one).all()
        assert one.tobytes() == other.tobytes()
    assert eager.history.history == planned.history.history
    (plan,) = planned.training_plan.plans
    assert plan.runs == 2 * COUNT // BATCH - 3
    return plan


def network(*layers: Callable[[], Layer]) -> Callable[[], tl.Model]:
    return lambda: tl.Sequential([*(make() for make in layers), Dense(2)])


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
@pytest.mark.parametrize("offset", [0.0, -1.0])
def test_rescaling_is_computed_while_rows_are_gathered(dtype: str, offset: float) -> None:
    plan = both(network(lambda: Rescaling(1 / 255, offset), Flatten), IMAGES.astype(dtype))
    assert titles(plan).count("gather") == 1  # of the targets
    assert titles(plan).count("gather_map") == 1
    assert not {"map multiply float32", "map add float32"} & set(titles(plan))


@pytest.mark.parametrize(
    "layers",
    [
        [Flatten, lambda: Rescaling(1 / 127.5, -1.0)],
        [lambda: Reshape((SHAPE[0] * SHAPE[1],)), lambda: Rescaling(1 / 127.5, -1.0)],
        [lambda: Rescaling(1 / 255), lambda: Rescaling(2.0, -1.0), Flatten],
        [lambda: Rescaling(1 / 255), lambda: tl.layers.Activation("tanh"), Flatten],
    ],
)
def test_chains_of_functions_and_views(layers: list[Any]) -> None:
    assert "gather_map" in titles(both(network(*layers), IMAGES))


def test_what_is_not_elementwise_stays() -> None:
    plan = both(network(lambda: Permute((2, 1)), lambda: Rescaling(1 / 255), Flatten), IMAGES)
    assert "gather_map" not in titles(plan)


def test_batches_that_two_layers_read() -> None:
    def make() -> tl.Model:
        given = tl.layers.Input(SHAPE)
        one, two = Rescaling(1 / 255)(given), Rescaling(-1 / 255)(given)
        return tl.Model(given, Dense(2)(Flatten()(tl.layers.Concatenate()([one, two]))))

    plan = both(make, IMAGES)
    assert titles(plan).count("gather") == 2
    assert "gather_map" not in titles(plan)


def test_several_inputs() -> None:
    def make() -> tl.Model:
        first, second = tl.layers.Input(SHAPE), tl.layers.Input((600,))
        scaled = [Flatten()(Rescaling(1 / 255)(first)), Rescaling(0.5, 1.0)(second)]
        return tl.Model([first, second], Dense(2)(tl.layers.Concatenate()(scaled)))

    plan = both(make, [IMAGES, NUMBERS.standard_normal((COUNT, 600)).astype(np.float32)])
    assert titles(plan).count("gather_map") == 2
    plan = both(make, [IMAGES, NUMBERS.integers(0, 9, (COUNT, 600))], sample_weight=np.linspace(0.5, 2.0, COUNT))
    assert titles(plan).count("gather_map") == 2
    assert titles(plan).count("gather") == 2  # of the targets and the weights


def test_memory_mapped_images(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    make = network(lambda: Rescaling(1 / 255), Flatten)
    assert "gather_map" in titles(both(make, mapped))
    in_memory, from_file = trained(make, IMAGES, False), trained(make, mapped, False)
    for one, other in zip(in_memory.get_weights(), from_file.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_memory_mapped_floats_are_checked_batch_by_batch(tmp_path: Path) -> None:
    numbers = NUMBERS.standard_normal((COUNT, 600)).astype(np.float32)
    numbers[COUNT - 5, 7] = np.nan
    np.save(tmp_path / "numbers.npy", numbers)
    mapped = np.load(tmp_path / "numbers.npy", mmap_mode="r")
    model = network(lambda: Rescaling(0.5))()
    model.compile("sgd", "mse")
    with pytest.raises(tl.errors.NonFiniteError, match="fit x"):
        model.fit(mapped, TARGETS, batch_size=BATCH, epochs=2, verbose=0)


def test_arrays_that_are_replaced_and_of_other_lengths() -> None:
    """A plan that `fit` keeps takes other data in its next call."""
    make = network(lambda: Rescaling(1 / 255), Flatten)
    outcomes = []
    for eagerly in (True, False):
        model = trained(make, IMAGES, eagerly)
        other = IMAGES[::-1][: 8 * BATCH].copy()
        model.fit(other, TARGETS[: len(other)], batch_size=BATCH, epochs=3, verbose=0)
        model.fit(IMAGES[:, ::-1], TARGETS, batch_size=BATCH, verbose=0)  # not contiguous
        outcomes.append(model.get_weights())
    for one, two in zip(*outcomes, strict=True):
        assert one.tobytes() == two.tobytes()


def test_threads_give_the_same_bits() -> None:
    threads, states = tl.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            tl.set_num_threads(count)
            states.append(trained(network(lambda: Rescaling(1 / 255), Flatten), IMAGES, False).get_weights()[0])
    finally:
        tl.set_num_threads(threads)
    assert {state.tobytes() for state in states} == {states[0].tobytes()}


def test_own_steps_get_plain_tensors() -> None:
    kinds = set()

    class Own(tl.Sequential):
        def train_step(self, data: Any) -> Any:
            kinds.update(map(type, data))
            return super().train_step(data)

    class Watching(Layer):
        def call(self, inputs: Any) -> Any:
            kinds.add(type(inputs))
            return inputs

    trained(lambda: Own([Flatten(), Rescaling(1 / 255), Dense(2)]), IMAGES, False)
    trained(lambda: tl.Sequential([Watching(), Flatten(), Rescaling(1 / 255), Dense(2)]), IMAGES, True)
    assert all(not issubclass(kind, Rows) for kind in kinds)


def test_rows_become_plain_when_they_are_read() -> None:
    x = tl.asarray(np.arange(12.0).reshape(4, 3))
    rows = Rows(x, np.array([2, 0, 2]))
    assert (rows.shape, len(rows), type(rows)) == ((3, 3), 3, Rows)
    assert tl.sum(rows).item() == 45.0
    assert type(rows) is Tensor
    assert rows.numpy().tolist() == x.numpy()[[2, 0, 2]].tolist()
    deferred = Rows(x, np.array([1]))
    gather([x, None, deferred])
    assert type(deferred) is Tensor


@pytest.mark.parametrize("own", ["bool", "uint8", "int64", "float32"])
@pytest.mark.parametrize("threads", [1, 2])
def test_kernel_against_numpy(own: str, threads: int) -> None:
    stages = []
    for operation in (
        conversion(dtypes.as_dtype(own), dtypes.float32),
        *(f.loop(dtypes.float32) for f in (multiply, add)),
    ):
        function, compute, inputs, outputs = operation
        stages.append((function, compute.name, tuple(each.name for each in inputs), outputs[0].name, 0))
    kernel = catalogue.gather_map_kernel(tuple(stages))
    scale, shift = np.array(0.1, np.float32), np.array([-0.7], np.float32)
    for rows, columns, count in itertools.product([1, 7, 300], [1, 3, 17, 700], [0, 1, 5, 64]):
        source = NUMBERS.integers(0, 100, (rows, columns)).astype(own)
        indices = NUMBERS.integers(-rows, rows, count)
        result = np.full((count, columns), np.nan, np.float32)
        assert kernel(pool() if threads > 1 else 0, columns, result, source, indices, scale, shift) == 0
        expected = source[indices].astype(np.float32) * scale + shift
        assert result.tobytes() == expected.tobytes()
    for index in (rows, -rows - 1):
        assert kernel(0, columns, result[:1], source, np.array([index]), scale, shift) == 1

"""Copies and pickles of operations: by name for those of a module, else as data, and never with memory addresses."""

from __future__ import annotations

import copy
import math
import os
import pickle
import pickletools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import activations, devices
from tensorlab.ops import compiled_calls
from tensorlab.ops.lift import Elementwise
from tensorlab.scalars import derivative, scalar_function, vjp
from tensorlab.testing import check_gradients

FOLDER = Path(__file__).parent
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def helper(x: float, y: float = 0.5) -> float:
    return x * y if x > 0.0 else -x


@tl.elementwise
def own(x: float) -> float:
    return helper(x) * math.tanh(x)


class Scaled(tl.Activation):
    """An activation with its own attributes."""

    def __init__(self, factor: float) -> None:
        super().__init__(lambda x: factor * math.sin(x))
        self.weight = tl.Variable([factor])


def step(x: float) -> float:
    return 1.0 if x > 0.0 else 0.0


def surrogate(x: float) -> float:
    return 1.0 / (1.0 + x * x)


shifted = 3.0
MADE: dict[str, Callable[[], Elementwise]] = {
    "lambda": lambda: tl.elementwise(lambda x: x * shifted),
    "closure": lambda: Scaled(2.5),
    "calls helper": lambda: tl.Activation(helped),
    "own name": lambda: tl.elementwise(name="other")(helped),
    "derivative": lambda: own.vjp(0),
    "surrogate": lambda: tl.Activation(step, surrogate),
    "kinds": lambda: tl.elementwise(kinds={"integer": lambda x: x + 1}, domain="any")(lambda x: x + 1.5),
}


def helped(x: float) -> float:
    return helper(x, 0.25) + math.exp(x)


def library_operations() -> dict[str, Elementwise]:
    """Return every operation with a scalar function, by its qualified name."""
    owners: list[Any] = [tl, activations]
    return {
        f"{owner.__name__}.{name}": thing
        for owner in owners
        for name, thing in vars(owner).items()
        if isinstance(thing, Elementwise)
    }


def use(operation: Elementwise) -> list[Any]:
    """Return results and derivatives of an operation, from its compiled call."""
    x = [tl.asarray([-1.5, 0.5, 2.0])] * operation._arity
    for _ in range(3):
        y = operation(*x)
    with tl.GradientTape() as tape:
        tape.watch(x[0])
        z = operation(*x)
    return [y.tolist(), tape.gradient(z, x[0]).tolist()]


@pytest.fixture(autouse=True)
def _compile_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile calls at the next call, not after the first 100."""
    monkeypatch.setattr(compiled_calls, "_left", 1)


def test_library_operations_are_pickled_by_name() -> None:
    found = library_operations()
    assert len(found) > 60
    for operation in (*found.values(), own):
        for protocol in PROTOCOLS:
            data = pickle.dumps(operation, protocol)
            assert pickle.loads(data) is operation
            assert len(data) < 120
        assert copy.copy(operation) is copy.deepcopy(operation) is operation


@pytest.mark.parametrize("name", MADE)
def test_other_operations_are_pickled_as_data(name: str) -> None:
    operation = MADE[name]()
    integers = tl.asarray([1, 2])
    expected = use(operation) if name != "derivative" else None
    from_integers = operation(integers).tolist() if name == "kinds" else None
    for protocol in PROTOCOLS:
        again = pickle.loads(pickle.dumps(operation, protocol))
        assert type(again) is type(operation)
        assert again.scalar.key == operation.scalar.key
        assert (again.__name__, repr(again)) == (operation.__name__, repr(operation))
        assert again.__signature__ == operation.__signature__
        assert again._direct is None
        assert not again._kernels
        if expected is not None:
            assert use(again) == expected
        if from_integers is not None:
            assert again(integers).tolist() == from_integers
    for copied in (copy.copy(operation), copy.deepcopy(operation)):
        assert copied is not operation
        assert copied.scalar is operation.scalar
        if isinstance(copied, Scaled):
            assert copied.weight.tolist() == [2.5]
    if name == "closure":
        assert copy.deepcopy(operation).weight is not operation.weight  # type: ignore[attr-defined]


def test_given_derivative_survives_pickling() -> None:
    operation = tl.Activation(step, surrogate)
    x = [-1.5, 0.5, 2.0]
    for each in (operation, pickle.loads(pickle.dumps(operation))):
        assert use(each) == [[0.0, 1.0, 1.0], pytest.approx(list(map(surrogate, x)))]
        gradient = each.vjp(0)(tl.asarray([1.0, 2.0, 3.0]), tl.asarray(x)).tolist()
        assert gradient == pytest.approx([k * surrogate(value) for k, value in zip((1, 2, 3), x, strict=True)])
    smooth = pickle.loads(pickle.dumps(tl.Activation(lambda x: x * x, lambda x: 2.0 * x)))
    check_gradients(smooth, [tl.asarray([0.5, -1.5], dtype="float64")], order=2)


def test_pickles_and_copies_contain_no_addresses() -> None:
    operation = MADE["calls helper"]()
    use(operation)
    numbers = [argument for _, argument, _ in pickletools.genops(pickle.dumps(operation)) if isinstance(argument, int)]
    assert all(abs(number) < 1 << 20 for number in numbers)
    for slots in operation.__getstate__():
        assert not {"_kernels", "_direct", "_vjp_makers", "_vjps", "_unlisted"} & set(slots)


def test_scalar_function_is_pickled_with_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    scalar = scalar_function(lambda x: shifted * helper(x))
    for protocol in PROTOCOLS:
        again = pickle.loads(pickle.dumps(scalar, protocol))
        assert (again.source, again.key, again.who) == (scalar.source, scalar.key, scalar.who)
        assert (again(2.0), derivative(again)(2.0), vjp(again).key) == (3.0, 1.5, vjp(scalar).key)
        assert again.calls["helper"].defaults == {"y": 0.5}
    assert copy.copy(scalar) is copy.deepcopy(scalar) is scalar
    data = pickle.dumps(scalar)
    monkeypatch.setitem(globals(), "shifted", 4.0)
    assert pickle.loads(data)(2.0) == pickle.loads(pickle.dumps(scalar))(2.0) == scalar(2.0) == 3.0
    exponential = pickle.loads(pickle.dumps(scalar_function(math.exp)))
    assert exponential(1.0) == math.e


def test_backend_is_copied_and_pickled_by_name() -> None:
    cpu = devices.backend("cpu")
    assert pickle.loads(pickle.dumps(cpu)) is copy.copy(cpu) is copy.deepcopy(cpu) is cpu


RECEIVER = """
import pickle, sys
import numpy as np
import tensorlab as tl
padding = [object() for _ in range(10_000)]
[tl.add(tl.asarray([1.0]), 1.0) for _ in range(150)]  # enough for calls to be compiled
for operation, expected in pickle.load(sys.stdin.buffer):
    x = [tl.asarray([-1.5, 0.5, 2.0])] * operation._arity
    for _ in range(3):
        y = operation(*x)
    with tl.GradientTape() as tape:
        tape.watch(x[0])
        z = operation(*x)
    assert [y.tolist(), tape.gradient(z, x[0]).tolist()] == expected, operation
print("right")
"""


def received(data: bytes) -> str:
    """Run the receiver in a new process with pickled pairs of an operation and its results; return its output."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(FOLDER), str(FOLDER.parent / "support"), str(FOLDER.parents[1])])
    }
    run = subprocess.run(
        [sys.executable, "-c", RECEIVER], input=data, env=environment, capture_output=True, timeout=300
    )
    assert (run.returncode, run.stderr.decode()) == (0, "")
    return run.stdout.decode()


def test_unpickled_operations_compute_the_same_in_another_process() -> None:
    operations = [tl.add, tl.relu, activations.relu, own, *[MADE[name]() for name in ("closure", "surrogate")]]
    assert received(pickle.dumps([(operation, use(operation)) for operation in operations])) == "right\n"


def test_cloudpickle_sends_functions_of_a_script() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    operation = MADE["lambda"]()
    expected = use(operation)

    def calling(x: Any) -> Any:
        return operation(x)

    again = cloudpickle.loads(cloudpickle.dumps([operation, calling, tl.add, helper]))
    assert use(again[0]) == expected
    assert again[1](np.ones(3, np.float32)).tolist() == [3.0] * 3
    assert again[2] is tl.add
    assert received(cloudpickle.dumps([(operation, expected)])) == "right\n"

"""The switch between Python calls and compiled calls, and the counts of both."""

from __future__ import annotations

import copy
import inspect
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.dtypes import NAMES
from tensorlab.errors import ShapeError
from tensorlab.ops import compiled_calls
from tensorlab.ops.lift import Elementwise


@pytest.fixture(autouse=True)
def _hot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the call at the first opportunity."""
    monkeypatch.setattr(compiled_calls, "_left", 1)


@tl.elementwise
def blend(x: float, y: float) -> float:
    return 2.0 * x - y


def is_python() -> bool:
    return inspect.isfunction(Elementwise.__call__)


def traced(x: tl.Tensor) -> bool:
    """Return whether a trace function sees the call."""
    seen = []
    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: seen.append(frame.f_code.co_name))
    try:
        tl.add(x, x)
    finally:
        sys.settrace(before)
    return "__call__" in seen


def test_python_calls_block_switches_to_python_and_back(rng: np.random.Generator) -> None:
    array = rng.normal(size=5)
    x = tl.asarray(array)
    for _ in range(2):
        tl.add(x, x)
    assert (is_python(), traced(x)) == (False, False)
    with tl.ops.python_calls():
        assert (is_python(), traced(x)) == (True, True)
        with tl.ops.python_calls():
            pass
        assert is_python()  # until the outermost block ends
        np.testing.assert_array_equal(tl.add(x, x).numpy(), array + array)
        seen: list[bool] = []
        thread = threading.Thread(target=lambda: seen.append(is_python()))
        thread.start()
        thread.join()
        assert seen == [True]
    assert (is_python(), traced(x)) == (False, False)
    with pytest.raises(ZeroDivisionError), tl.ops.python_calls():
        raise ZeroDivisionError
    assert not is_python()


def test_nothing_is_compiled_inside_the_block() -> None:
    x = tl.asarray([1.0, 2.0])
    operation = tl.elementwise(lambda x: 3.0 * x)
    with tl.ops.python_calls():
        assert [operation(x).tolist() for _ in range(2)] == [[3.0, 6.0]] * 2
        assert is_python()
        assert operation.call_counts == (2, 0)
    assert [operation(x).tolist() for _ in range(3)] == [[3.0, 6.0]] * 3
    assert operation.call_counts == (3, 2)  # the first call after the block registers the kernel


@pytest.mark.parametrize("name", NAMES)
def test_equal_dtypes_are_one_object(name: str) -> None:
    """The compiled function compares dtypes by address; other objects would always fall back to Python."""
    dtype = np.dtype(name)
    for written in (name, dtype, dtype.type, dtype.newbyteorder("="), dtype.newbyteorder(">")):
        assert tl.asarray([1], written).dtype is dtype
        assert tl.zeros(1, dtype=written).dtype is dtype
        assert tl.asarray([True]).astype(written).dtype is dtype


def test_python_and_compiled_calls_are_counted() -> None:
    x, double = tl.asarray([1.0, 2.0], "float32"), tl.asarray([1.0, 2.0], "float64")
    python, compiled = blend.call_counts
    for _ in range(4):
        blend(x, x)
    assert blend.call_counts == (python + 1, compiled + 3)
    for _ in range(4):
        blend(double, double)  # another dtype has its own table
    blend(x, 1.0)
    assert blend.call_counts == (python + 2, compiled + 7)
    blend(x, [1.0, 2.0])  # a list is converted in Python
    out = np.zeros(2, "float32")
    blend(x, x, out=out)
    assert blend.call_counts == (python + 4, compiled + 7)
    with pytest.raises(ShapeError):
        blend(x, tl.zeros(3))
    assert blend.call_counts == (python + 4, compiled + 7)
    with tl.GradientTape() as tape:
        tape.watch(x)
        blend(x, x)
    assert blend.call_counts.compiled == compiled + 8


def test_counts_are_per_operation() -> None:
    x = tl.asarray([1.0, 2.0])
    operation = tl.elementwise(lambda x: 5.0 * x)
    for _ in range(3):
        operation(x)
    assert operation.call_counts == (1, 2)
    assert Elementwise(operation.scalar).call_counts == (0, 0)
    again = copy.copy(operation)
    assert again.call_counts == (0, 0)
    again(x)
    again(x)
    assert again.call_counts == (1, 1)
    operation._direct = "a stranger's"
    assert operation.call_counts.compiled == 0


PROGRAM = """
import inspect
import tensorlab as tl
from tensorlab.ops.lift import Elementwise

x = tl.asarray([1.0, 2.0])
for _ in range(120):
    tl.add(x, x)
with tl.ops.python_calls():
    tl.add(x, x)
print(inspect.isfunction(Elementwise.__call__), *tl.add.call_counts)
"""


@pytest.mark.parametrize(
    ("value", "expected"), [("0", "True 121 0\n"), ("1", "False 101 20\n"), ("", "False 101 20\n")]
)
def test_environment_variable_selects_the_kind_of_calls(value: str, expected: str) -> None:
    environment = {**os.environ, "TENSORLAB_COMPILED_CALLS": value}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (expected, "")


def test_invalid_environment_variable_is_rejected() -> None:
    environment = {**os.environ, "TENSORLAB_COMPILED_CALLS": "off"}
    command = [sys.executable, "-c", "import tensorlab"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr.endswith(
        "TENSORLAB_COMPILED_CALLS: expected 0 or 1, received 'off'; 0 keeps every call of an operation in Python\n"
    )

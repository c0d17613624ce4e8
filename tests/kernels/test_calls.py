"""Compiled calls of elementwise operations: the same results as the Python method, and no reference leaks."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tensorlab.ops import compiled_calls
from tensorlab.ops.lift import Elementwise


@tl.elementwise
def blend(x: float, y: float) -> float:
    return 2.0 * x - y


@tl.elementwise
def three(x: float, y: float, z: float) -> float:
    return x * y + z


@pytest.fixture(autouse=True)
def _hot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the call at the first opportunity."""
    monkeypatch.setattr(compiled_calls, "_left", 1)


def test_call_is_replaced_by_a_compiled_function() -> None:
    tl.add(tl.asarray([1.0]), tl.asarray([1.0]))
    assert inspect.ismethoddescriptor(Elementwise.__call__)
    assert not inspect.isfunction(Elementwise.__call__)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint64"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (0, 3), (2, 3, 4), (5000,), (3, 1, 2, 1, 2, 1, 2, 1)])
def test_compiled_results_match_numpy(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x, y = (rng.integers(0, 100, shape).astype(dtype) for _ in range(2))
    for _ in range(2):  # the first call prepares the dtype
        for operation, expected in ((tl.add, np.add), (tl.less, np.less)):
            result = operation(tl.asarray(x), tl.asarray(y))
            assert (result.shape, result.device) == (shape, "cpu")
            np.testing.assert_array_equal(result.numpy(), expected(x, y), strict=True)
    assert tl.negative(tl.asarray(x)).numpy().tolist() == (-x).tolist()


def test_operands_may_have_different_layouts(rng: np.random.Generator) -> None:
    x, y = rng.random((6, 4)), rng.random((4, 6)).T
    for _ in range(2):
        np.testing.assert_array_equal(blend(tl.asarray(x), tl.asarray(y)).numpy(), 2 * x - y)
        backwards = blend(tl.asarray(x[::-1]), tl.asarray(y[:, ::-1]))
        np.testing.assert_array_equal(backwards.numpy(), 2 * x[::-1] - y[:, ::-1])


def test_unsupported_operands_fall_back_to_python() -> None:
    x = tl.asarray([1.0, 2.0])
    blend(x, x)
    assert blend(x, 1).tolist() == [1.0, 3.0]
    assert blend(x, tl.asarray([[1.0], [0.0]])).shape == (2, 2)
    assert blend(np.ones(2, np.float32), x).tolist() == [1.0, 0.0]
    assert blend(tl.Variable([1.0, 1.0]), x).tolist() == [1.0, 0.0]
    assert three(x, x, x).tolist() == three(x, x, x).tolist() == [2.0, 6.0]
    with tl.device("reference"):
        far = tl.asarray([1.0, 2.0])
        assert (blend(far, far).device, blend(far, far).tolist()) == ("reference", [1.0, 2.0])


def test_errors_are_the_same_as_in_python() -> None:
    x = tl.asarray([1.0, 2.0])
    blend(x, x)
    for operands in ((), (x,), (x, x, x), (x,) * 100):
        with pytest.raises(ArgumentTypeError, match=f"blend: expected 2 arguments, received {len(operands)}"):
            blend(*operands)
    with pytest.raises(TypeError, match="received the unknown argument 'nothing'"):
        blend(x, x, nothing=1)
    with pytest.raises(ShapeError, match=r"blend: .*\(2,\) and \(3,\)"):
        blend(x, tl.zeros(3))
    with pytest.raises(DTypeError, match="float32 and int64"):
        tl.add(x, tl.asarray([1, 2]))


def test_unused_operation_falls_back_to_python() -> None:
    tl.add(tl.asarray([1.0]), tl.asarray([1.0]))  # another operation is compiled

    @tl.elementwise
    def unused(x: float) -> float:
        return x + 3.0

    with pytest.raises(ArgumentTypeError, match="unused: expected 1 arguments, received 0"):
        unused()
    assert float(unused(tl.asarray(1.0))) == 4.0


def test_writing_to_an_array_after_taping_does_not_change_the_gradient() -> None:
    for _ in range(3):  # the first call prepares the dtype
        array = np.array([1.0, 2.0])
        x = tl.asarray(array)
        with tl.GradientTape() as tape:
            tape.watch(x)
            y = three(x, x, 1.0)
        array[:] = 100.0
        assert tape.gradient(y, x).tolist() == [2.0, 4.0]


def test_tapes_record_compiled_calls_in_every_thread() -> None:
    x = tl.asarray([1.0, 2.0])
    blend(x, x)
    found: list[Any] = []

    def differentiate() -> None:
        with tl.GradientTape() as tape:
            tape.watch(x)
            y = blend(x, x)
        found.append(tape.gradient(y, x).tolist())

    with tl.GradientTape():  # a tape of this thread, which the other thread must not see
        thread = threading.Thread(target=differentiate)
        thread.start()
        thread.join()
    differentiate()
    assert found == [[1.0, 1.0]] * 2


def test_compiled_calls_leak_no_references() -> None:
    x = tl.asarray(np.ones(50, np.float32))
    blend(x, x)
    watched = (x, x._buffer, x._backend, x._buffer.dtype, tl.Tensor)
    gc.collect()
    before = [sys.getrefcount(thing) for thing in watched]
    for _ in range(1000):
        blend(x, x)
    assert [sys.getrefcount(thing) for thing in watched] == before
    result, made = blend(x, x), tl.Tensor(np.empty(3), x._backend)
    counts = [(sys.getrefcount(t), sys.getrefcount(t._buffer), sys.getrefcount(t.key)) for t in (result, made)]
    assert counts[0] == counts[1]
    assert gc.is_tracked(result)
    assert len({blend(x, x).key for _ in range(10)}) == 10


def test_concurrent_calls_from_many_threads(rng: np.random.Generator) -> None:
    array = rng.random(20_000)
    x, expected = tl.asarray(array), 2 * array - array
    wrong: list[int] = []

    def work() -> None:
        for _ in range(200):
            if not np.array_equal(blend(x, x).numpy(), expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_number_of_threads_can_change_between_calls() -> None:
    x = tl.asarray(np.arange(50_000.0))
    expected = blend(x, x).tolist()
    before = tl.get_num_threads()
    try:
        for count in (1, 3, 2):
            tl.set_num_threads(count)
            assert blend(x, x).tolist() == expected
    finally:
        tl.set_num_threads(before)


def test_out_receives_the_result(rng: np.random.Generator) -> None:
    array = rng.random(1000)
    variable = tl.Variable(array)
    assert blend(variable, 1.0, out=variable) is variable
    np.testing.assert_array_equal(variable.numpy(), 2 * array - 1)
    memory = array.copy()  # out overlaps the operand, shifted and reversed
    assert blend(memory[:-1], 0.5, out=memory[1:]) is not None
    np.testing.assert_array_equal(memory, [array[0], *(2 * array[:-1] - 0.5)])
    memory = array.copy()
    blend(memory, memory[::-1], out=memory)
    np.testing.assert_array_equal(memory, 2 * array - array[::-1])


def test_invalid_out_is_rejected(rng: np.random.Generator) -> None:
    x = tl.asarray(rng.random((2, 3)))
    frozen = np.zeros((2, 3))
    frozen.flags.writeable = False
    wrong = np.zeros((3, 2))
    with pytest.raises(ShapeError, match=r"blend: expected an out of shape \(2, 3\), received \(3, 2\)"):
        blend(x, x, out=wrong)
    with pytest.raises(DTypeError, match="blend: expected an out of float64, received float32"):
        blend(x, x, out=np.zeros((2, 3), np.float32))
    with pytest.raises(ArgumentError, match="blend: expected a writable out"):
        blend(x, x, out=frozen)
    with pytest.raises(ArgumentTypeError, match="blend: expected a Variable or a NumPy array as out, received Tensor"):
        blend(x, x, out=x)
    assert not wrong.any()
    assert not frozen.any()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_python_numbers_and_broadcasting_match_numpy(dtype: str, rng: np.random.Generator) -> None:
    x = rng.integers(1, 100, (3, 1, 4)).astype(dtype)
    row, none = x[0, 0], x[:, :0]
    for _ in range(2):
        for a, b in ((x, row), (row, x), (x, x[:1]), (none, x), (x, x[0, 0, 0])):
            np.testing.assert_array_equal(tl.add(tl.asarray(a), tl.asarray(b)).numpy(), a + b, strict=True)
        for number in (2, -7, True, 0.5, -0.0, float("inf"), float("nan"), 2**53 + 1, 1e300):
            if dtype == "int32" and (not isinstance(number, int) or number > 2**31):
                continue
            with np.errstate(all="ignore"):
                expected = x * np.asarray(number).astype(dtype)
                np.testing.assert_array_equal((tl.asarray(x) * number).numpy(), expected, strict=True)
                np.testing.assert_array_equal((number * tl.asarray(x)).numpy(), expected, strict=True)
    with pytest.raises(ArgumentError, match="a number that"):
        tl.asarray(x) + 10**400
    with pytest.raises(ShapeError, match=r"\(3, 1, 4\) and \(3, 1, 3\)"):
        tl.asarray(x) + tl.asarray(x[..., :3])

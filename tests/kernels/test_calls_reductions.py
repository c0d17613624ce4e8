"""The compiled calls of reductions, and everything that they leave to the Python functions."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.backends.listening import notified
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError
from tensorlab.ops import compiled_calls, reduction, searching
from tensorlab.ops.compiled_calls import ReductionCall

NAMES = ("sum", "mean", "prod", "max", "min", "argmax", "argmin")
REDUCTIONS: dict[str, ReductionCall] = {
    **{name: getattr(reduction, f"_{name}_call") for name in (*NAMES[:5], "any", "all")},
    **{f"arg{name}": call for name, call in searching._calls.items()},
}


@pytest.fixture(autouse=True)
def _hot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile calls at the first opportunity."""
    monkeypatch.setattr(compiled_calls, "_reductions_left", 1)


def ready(name: str, x: Any) -> Callable[..., Any]:
    """Return the compiled call of a reduction for the dtype of an argument."""
    getattr(tl, name)(x)
    return REDUCTIONS[name].call


def in_python(name: str, *arguments: Any, **options: Any) -> Any:
    with tl.ops.python_calls():
        return getattr(tl, name)(*arguments, **options)


def layouts(rng: np.random.Generator, dtype: str) -> Iterator[Any]:
    x = tl.asarray(rng.integers(1, 4, (3, 4, 5)).astype(dtype))
    yield from (x, x[1], x[1, 2], x[1, 2, 3], x[:, ::2], x[::-1, :, 1:4], x.T, x[:, :1], tl.Variable(x), x[:, 1, None])
    yield tl.broadcast_to(x[0], (6, 4, 5))
    yield tl.asarray(rng.integers(1, 4, (50, 400)).astype(dtype))  # more than one chunk


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("name", NAMES)
def test_compiled_results_are_those_of_python_and_numpy(name: str, dtype: str, rng: np.random.Generator) -> None:
    call = ready(name, tl.ones((2, 2), dtype=dtype))
    for x in layouts(rng, dtype):
        array = x.numpy().astype(np.float64)
        for axis in (None, *range(-x.ndim, x.ndim)):
            for keepdims in (False, True):
                expected = in_python(name, x, axis=axis, keepdims=keepdims)  # starts the threads for a large tensor
                result = call(x, axis, keepdims)
                if result is None:  # argmax of all elements flattens the tensor
                    assert (axis, name[:3], x._buffer.flags.c_contiguous) == (None, "arg", False)
                    continue
                assert (type(result), result.dtype, result.device) == (tl.Tensor, expected.dtype, "cpu")
                np.testing.assert_array_equal(result.numpy(), expected.numpy(), strict=True)
                if array.size < 100 or name != "prod":
                    oracle = getattr(np, name)(array, axis=axis, keepdims=keepdims)
                    np.testing.assert_allclose(result.numpy(), oracle, rtol=1e-6)


@pytest.mark.parametrize("name", ["any", "all"])
def test_bools_and_other_dtypes_match_numpy(name: str, rng: np.random.Generator) -> None:
    array = rng.random((4, 6)) < 0.7
    call = ready(name, tl.asarray(array))
    for axis in (None, 0, 1):
        expected = getattr(np, name)(array, axis=axis)
        np.testing.assert_array_equal(call(tl.asarray(array), axis, False).numpy(), expected, strict=True)
        np.testing.assert_array_equal(getattr(tl, name)(tl.asarray(array.astype(np.float32)), axis=axis), expected)
    assert call(tl.asarray(array.astype(np.float32)), None, False) is None


def test_integers_have_the_dtypes_of_results_in_python() -> None:
    x = tl.asarray([[3, 4], [5, 6]], "int32")
    for name, dtype in (
        ("sum", "int64"),
        ("prod", "int64"),
        ("mean", "float32"),
        ("max", "int32"),
        ("argmax", "int64"),
    ):
        result = ready(name, x)(x, None, False)
        assert result.dtype == np.dtype(dtype)
        assert float(result) == float(getattr(np, name)(x.numpy()))


def test_nan_and_ties_are_treated_as_in_python() -> None:
    for values in ([1.0, np.nan, 3.0, np.nan], [2.0, 5.0, 5.0, 1.0], [-0.0, 0.0, 0.0, -0.0]):
        x = tl.asarray(np.array(values, np.float32))
        for name in NAMES:
            result = ready(name, x)(x, None, False).numpy()
            np.testing.assert_array_equal(result, getattr(np, name)(x.numpy()))
            np.testing.assert_array_equal(result, in_python(name, x).numpy())


class Marked(tl.Tensor):
    """A subclass, whose results are those of the Python function."""


def test_other_arguments_are_left_to_python() -> None:
    x = tl.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    empty: Any = object.__new__(tl.Tensor)
    marked = Marked(x._buffer, x._backend)
    with tl.device("reference"):
        elsewhere = tl.ones((3, 4))
    for name in NAMES:
        call = ready(name, x)
        for thing in (None, 3, [1.0], x.numpy(), x[:0], x[:, :0], elsewhere, marked, empty, call):
            assert call(thing, None, False) is None
        for axis in (2, -3, 2**70, -(2**70), True, 1.0, (0,), [0], "0", np.int64(0), x):
            assert call(x, axis, False) is None
        for keepdims in (1, 0, None, "yes", np.True_):
            assert call(x, None, keepdims) is None
        assert call(tl.ones(1 << 17), None, False) is None
        for arguments in ((), (x,), (x, None), (x, None, False, False)):
            assert call(*arguments) is None
        function = getattr(tl, name)
        np.testing.assert_array_equal(function(marked).numpy(), function(x).numpy())
        assert function(elsewhere, axis=1).device == "reference"
        if not name.startswith("arg"):
            np.testing.assert_array_equal(function(x, axis=(0, 1)).numpy(), in_python(name, x, (0, 1)).numpy())


@pytest.mark.parametrize("name", NAMES)
def test_errors_are_the_same_as_in_python(name: str) -> None:
    x = tl.asarray(np.ones((3, 4), np.float32))
    ready(name, x)
    function = getattr(tl, name)
    wrong: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        *[((x, axis), {}) for axis in (2, -3, 2**70, 1.0, "0")],
        *[((thing,), {}) for thing in (None, print)],
        ((), {}),
        ((x, 0, True), {}),
        ((x,), {"axes": 0}),
        ((x,), {"axis": 5, "keepdims": True}),
    ]
    if name not in ("sum", "prod", "mean"):
        wrong.append(((x[:0],), {}))
    for arguments, options in wrong:
        with pytest.raises(Exception) as compiled:  # noqa: PT011
            function(*arguments, **options)
        with pytest.raises(type(compiled.value)) as python, tl.ops.python_calls():
            function(*arguments, **options)
        assert str(compiled.value) == str(python.value)
    with pytest.raises(ShapeError, match=rf"^{name}: expected an axis from -2 to 1 for a tensor of rank 2, received 2"):
        function(x, axis=2)
    with pytest.raises(
        ArgumentTypeError, match=rf"^{name}: expected a tensor, an array or a number, received NoneType"
    ):
        function(None)


def test_argmax_of_bools_is_refused() -> None:
    ready("argmax", tl.ones(3))
    with pytest.raises(DTypeError, match=r"^argmax: expected tensors of numbers, received bool"):
        tl.argmax(tl.asarray([True]))


def test_sum_and_prod_with_a_dtype_are_computed_in_it() -> None:
    x = tl.asarray([3, 4, 5], "int64")
    for name in ("sum", "prod"):
        ready(name, x)
        function = getattr(tl, name)
        assert function(x, dtype="float32").dtype == np.dtype("float32")
        assert function(x).dtype == np.dtype("int64")


class _Deaf:
    """A listener that does not care."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min"])
def test_recorded_reductions_are_left_to_python(name: str) -> None:
    x = tl.asarray(np.array([[1.0, 2.0], [3.0, 5.0]], np.float32))
    call = ready(name, x)
    assert call(x, 1, False) is not None
    with tl.ops.python_calls():
        assert call(x, 1, False) is None
    with notified(_Deaf()):
        assert call(x, 1, False) is None
    with tl.GradientTape() as tape:
        tape.watch(x)
        assert call(x, 1, False) is None
        y = getattr(tl, name)(x, axis=1)
    expected = {
        "sum": np.ones((2, 2)),
        "mean": np.full((2, 2), 0.5),
        "prod": [[2.0, 1.0], [5.0, 3.0]],
        "max": [[0.0, 1.0]] * 2,
        "min": [[1.0, 0.0]] * 2,
    }[name]
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), expected)
    assert call(x, 1, False) is not None


def test_plans_contain_reductions() -> None:
    x = tl.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    ready("sum", x), ready("argmax", x)
    planned = tl.jit(lambda t: (tl.sum(t, axis=0), tl.argmax(t, axis=1)))
    for _ in range(4):
        total, index = planned(x)
        assert (total.tolist(), index.tolist()) == ([3.0, 5.0, 7.0], [2, 2])
    x2 = x + 1.0
    assert planned(x2)[0].tolist() == [5.0, 7.0, 9.0]


def test_references_are_balanced() -> None:
    x = tl.asarray(np.ones((4, 6), np.float32))
    for name in ("sum", "argmax"):
        call = ready(name, x)
        kept = [x, x._buffer, x._backend, x.dtype, None, True, False, np.dtype("int64"), 10**9]
        call(x, 1, True), call(x, 10**9, False)
        before = [sys.getrefcount(thing) for thing in kept]
        for _ in range(1000):
            call(x, 0, True), call(x, None, False), call(x, kept[-1], False), call(3, None, False)
        changes = [sys.getrefcount(thing) - count for thing, count in zip(kept, before, strict=True)]
        assert all(abs(change) < 100 for change in changes)
        result = call(x, 1, False)
        counts = sys.getrefcount(result), sys.getrefcount(result._buffer)  # an assertion keeps references itself
        assert counts == (2, 2)
        assert call(x, 1, False).key != result.key


def test_results_do_not_depend_on_the_number_of_threads(rng: np.random.Generator) -> None:
    x = tl.asarray(rng.random((40, 1000)).astype(np.float32))
    call, before = ready("sum", x), tl.get_num_threads()
    found = []
    try:
        for count in (1, 2, 3):
            tl.set_num_threads(count)
            in_python("sum", x)  # starts the threads
            found.append([call(x, axis, False).numpy() for axis in (None, 0, 1)])
    finally:
        tl.set_num_threads(before)
    for results in found[1:]:
        for a, b in zip(results, found[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_calls_from_many_threads(rng: np.random.Generator) -> None:
    x = tl.asarray(rng.random((20, 1000)).astype(np.float32))
    call = ready("sum", x)
    expected, wrong = call(x, 0, False).numpy(), []

    def work() -> None:
        wrong.extend([1 for _ in range(100) if not np.array_equal(call(x, 0, False).numpy(), expected)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_is_compiled_before_it_is_time_or_if_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    x, backend = tl.ones(3), tl.ones(3)._backend
    kernel = backend.arg_reduction("max", x.dtype)

    def noted() -> bool:
        call = ReductionCall(of_indices=True)
        call.note(backend, x.dtype, np.dtype("int64"), kernel)
        return call.call(x, None, False) is not None

    monkeypatch.setattr(compiled_calls, "_reductions_left", 3)
    assert [noted() for _ in range(4)] == [False, False, True, True]
    with tl.ops.python_calls():
        assert not noted()
    monkeypatch.setattr(compiled_calls, "_enabled", False)
    assert not noted()


def test_calls_of_other_backends_are_not_compiled() -> None:
    call = ReductionCall()
    with tl.device("reference"):
        x = tl.ones(3)
    call.note(x._backend, x.dtype, x.dtype, None)
    assert call.call(x, None, False) is None
    assert compiled_calls._reductions_left == 1

"""The autodiff engine: what a tape records, nested tapes, which paths it follows, and the memory that it uses."""

from __future__ import annotations

import contextlib
import gc
import threading
import warnings
import weakref
from typing import Any

import pytest

import tensorlab as tl
from tensorlab.autodiff import record, recording
from tensorlab.errors import StateError
from tensorlab.tensor import Tensor

pytestmark = pytest.mark.usefixtures("reference")


def test_tape_frees_values_after_its_use() -> None:
    x = tl.Variable([1.0, 2.0])
    for persistent, kept in ((False, False), (True, True)):
        with tl.GradientTape(persistent=persistent) as tape:
            inner = tl.exp(x)
            y = tl.sum(inner * inner)
        alive = weakref.ref(inner._buffer)
        del inner
        assert alive() is not None
        tape.gradient(y, x)
        gc.collect()
        assert (alive() is not None) is kept


def test_gradients_of_several_paths_are_added() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        z = y * x + y + x
        total = [y, z]
    assert float(tape.gradient(z, x)) == 3 * 4 + 2 * 2 + 1
    assert float(tape.gradient(total, x)) == 4 + 17
    assert float(tape.gradient(z, y)) == 3.0
    assert float(tape.gradient(x, x)) == 1.0


def test_no_grad_records_nothing() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        with tl.no_grad():
            hidden = x * 100.0
        z = y + hidden
    assert float(tape.gradient(z, x)) == 6.0


def test_nothing_is_recorded_outside_the_block() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = x * x
    z = y * 2.0
    with pytest.warns(UserWarning, match="None"):
        assert tape.gradient(z, x) is None
    tape = tl.GradientTape()
    with contextlib.suppress(ZeroDivisionError), tape:
        y = x * x
        raise ZeroDivisionError
    z = y * y
    assert float(tape.gradient(y, x)) == 6.0


def test_tapes_nest_to_third_order() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape() as third, tl.GradientTape() as second:
        with tl.GradientTape() as first:
            y = x**4
        slope = first.gradient(y, x)
        curvature = second.gradient(slope, x)
    assert [float(g) for g in (slope, curvature, third.gradient(curvature, x))] == pytest.approx([32.0, 48.0, 48.0])


def test_persistent_tape_does_not_record_its_own_gradient() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        slope = tape.gradient(y, x)
    assert float(slope) == 4.0
    with pytest.warns(UserWarning, match="None"):
        assert tape.gradient(slope, x) is None


def test_two_tapes_are_independent() -> None:
    x, y = tl.Variable(2.0), tl.asarray(3.0)
    with tl.GradientTape() as outer, tl.GradientTape(watch_accessed_variables=False) as inner:
        inner.watch(y)
        z = x * y
    assert float(inner.gradient(z, y)) == 2.0
    assert float(outer.gradient(z, x)) == 3.0
    with pytest.raises(StateError) as error, outer, outer:
        pass
    assert str(error.value) == (
        "GradientTape: the tape is already recording; leave its with block first, or create another tape"
    )


def test_tape_records_only_its_own_thread() -> None:
    x = tl.Variable(2.0)
    results: list[Any] = []

    def work() -> None:
        with tl.device("reference"):
            results.append(x * x)

    with tl.GradientTape() as tape:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    with pytest.warns(UserWarning, match="None"):
        assert tape.gradient(results[0], x) is None


def test_assigning_a_variable_does_not_change_recorded_values() -> None:
    x = tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        y = x * x
        x.assign([100.0, 100.0])
        z = y + x
    assert tape.gradient(z, x).tolist() == [5.0, 7.0]


def test_constant_term_causes_no_warning() -> None:
    x = tl.Variable(2.0)
    with warnings.catch_warnings(), tl.GradientTape() as tape:
        warnings.simplefilter("error")
        y = x * 0.0 + tl.ops.stop_gradient(x * x)
    assert float(tape.gradient(y, x)) == 0.0


def test_stop_recording_affects_only_one_tape() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as outer, tl.GradientTape() as inner:
        y = x * x
        with inner.stop_recording():
            hidden = y * x
        z = y + hidden
    assert float(inner.gradient(z, x)) == 6.0
    assert float(outer.gradient(z, x)) == 6.0 + 27.0


def test_only_paths_to_the_sources_are_followed() -> None:
    """A vjp is called only for inputs that depend on a source."""
    calls: list[str] = []

    def apply(name: str, *inputs: tl.Tensor) -> tl.Tensor:
        made = tl.asarray(sum(float(x) for x in inputs))
        vjps = [lambda g, k=k: calls.append(f"{name}{k}") or g for k in range(len(inputs))]
        record(inputs, [made], vjps)
        return made

    x, w, b, data = tl.asarray(1.0), tl.asarray(2.0), tl.asarray(3.0), tl.asarray(4.0)
    with tl.GradientTape(persistent=True) as tape:
        tape.watch([x, w, b])
        first = apply("first", x, w)
        side = apply("side", first, b)
        second = apply("second", first, b, data)
    assert float(tape.gradient(second, w)) == 1.0
    assert calls == ["second0", "first1"]
    calls.clear()
    assert float(tape.gradient(second, b)) == 1.0
    assert calls == ["second1"]
    calls.clear()
    assert float(tape.gradient([second, side], first)) == 2.0
    assert sorted(calls) == ["second0", "side0"]


def test_one_vjp_function_may_return_all_gradients() -> None:
    x, y, z = tl.asarray(2.0), tl.asarray(3.0), tl.asarray(5.0)
    asked: list[Any] = []

    def vjps(product: Any, total: Any) -> list[Any]:
        asked.append((product, total))
        return [product * y, product * x, None]

    with tl.GradientTape(persistent=True) as tape:
        tape.watch([x, y])
        with tl.no_grad():
            product, total = x * y, x + y
        record((x, y, z), (product, total), vjps)
    assert [float(part) for part in tape.gradient(product, [x, y])] == [3.0, 2.0]
    assert float(tape.gradient(product, y)) == 2.0
    assert [total for _, total in asked] == [None, None]


def test_tape_keeps_only_tensors_that_a_vjp_needs() -> None:
    x, w = tl.asarray([1.0, -2.0]), tl.Variable([3.0, 4.0])
    with tl.GradientTape(persistent=True) as tape:
        product = x * w
        total = product + 1.0
        y = tl.sum(tl.square(total))
    sizes = {name: weakref.ref(tensor._buffer) for name, tensor in (("product", product), ("total", total), ("y", y))}
    keep = y
    del product, total, y
    gc.collect()
    assert {name: size() is not None for name, size in sizes.items()} == {"product": False, "total": True, "y": True}
    assert tape.gradient(keep, w).tolist() == [2 * 4.0, -4 * -7.0]


def test_reused_tape_does_not_grow() -> None:
    x = tl.Variable([0.5])
    tape = tl.GradientTape()

    def step() -> float:
        with tape:
            y = x
            for _ in range(1000):
                y = y * 1.001
        return float(tape.gradient(y, x)[0])

    assert step() == pytest.approx(1.001**1000, rel=1e-3)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(3):
        step()
    gc.collect()
    assert len(gc.get_objects()) - before < 100


def test_chain_of_100_000_operations_causes_no_recursion() -> None:
    first = last = tl.asarray(1.0)
    with tl.GradientTape() as tape:
        tape.watch(first)
        for _ in range(100_000):
            made = Tensor(first._buffer, first._backend)
            record((last,), (made,), (lambda gradient: gradient,))
            last = made
    assert float(tape.gradient(last, first)) == 1.0
    with tl.GradientTape() as tape:
        tape.watch(first)
        for _ in range(100_000):
            made = Tensor(first._buffer, first._backend)
            record((last,), (made,), (lambda gradient, kept=last: kept * gradient,))
            last = made
    del tape, made, last  # freeing an unused tape does not recurse either


def test_second_derivative_of_a_long_chain() -> None:
    x = tl.Variable(0.999, dtype="float64")
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = x
            for _ in range(999):
                y = y * x
        slope = inner.gradient(y, x)
    assert float(slope) == pytest.approx(1000 * 0.999**999)
    assert float(outer.gradient(slope, x)) == pytest.approx(1000 * 999 * 0.999**998)


def test_no_grad_as_decorator_and_context_manager() -> None:
    x = tl.Variable(3.0)

    @tl.no_grad()
    def power(n: int) -> tl.Tensor:
        assert not recording()
        return x * power(n - 1) if n else tl.asarray(1.0)

    with tl.GradientTape() as tape:
        y = x * power(2)
        assert recording()
        with pytest.raises(ZeroDivisionError), tl.no_grad():
            raise ZeroDivisionError
        again = tl.no_grad()
        with again, again:
            assert not recording()
        assert recording()
    assert float(tape.gradient(y, x)) == 9.0


def test_optimizer_step_does_not_change_recorded_values() -> None:
    w = tl.Variable([2.0, 3.0])
    with tl.GradientTape(persistent=True) as tape:
        y = tl.sum(w * w * w)
    first = tape.gradient(y, w)
    tl.optimizers.SGD(learning_rate=0.1).apply_gradients([(first, w)])
    assert w.tolist() == pytest.approx([2.0 - 1.2, 3.0 - 2.7])
    assert tape.gradient(y, w).tolist() == first.tolist() == [12.0, 27.0]

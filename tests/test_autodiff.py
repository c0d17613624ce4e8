"""The tape: what it records, what it keeps, what it refuses; and the conventions at kinks and ties."""

from __future__ import annotations

import contextlib
import gc
import threading
import warnings
import weakref
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.autodiff import flatten, pack_as, record, recording
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, StateError

Array = np.ndarray[Any, Any]
Function = Callable[..., tl.Tensor]


# Operations of steps, and of bits


STEPS = ("ceil", "floor", "round", "sign", "trunc")
INTEGER = "bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor"


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_a_constant(name: str) -> None:
    x = tl.Variable([-2.25, 3.75])
    with tl.GradientTape() as tape:
        step = getattr(tl, name)(x)
        y = step * x
    assert tape.gradient(y, x).tolist() == step.tolist()


def test_a_quotient_without_its_fraction_is_a_constant() -> None:
    x, y = tl.Variable([-7.5, 7.5]), tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        z = tl.floor_divide(x, y) * x * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-8.0, 6.0], [30.0, 15.0]]


def test_the_next_number_moves_with_the_number() -> None:
    x, y = tl.Variable([1.0, -2.0]), tl.Variable([5.0, 5.0])
    with tl.GradientTape() as tape:
        z = tl.nextafter(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[1.0, 1.0], [0.0, 0.0]]


def test_a_sign_that_was_copied_flips_the_gradient() -> None:
    x, y = tl.Variable([2.0, -2.0, 3.0]), tl.Variable([-1.0, -0.0, 4.0])
    with tl.GradientTape() as tape:
        z = tl.copysign(x, y) + 0.0 * y
    assert [gradient.tolist() for gradient in tape.gradient(z, [x, y])] == [[-1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", INTEGER.split())
def test_integers_are_not_recorded(name: str) -> None:
    operation = getattr(tl, name)
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        y = operation(*[x.astype("int64")] * operation.scalar.arity)
        z = y.astype("float32")
    with pytest.warns(UserWarning, match="the target does not depend on it"):
        assert tape.gradient(z, x) is None


# Conventions at kinks and ties


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (tl.abs, [0.0, -0.0], [0.0, 0.0]),
        (tl.relu, [0.0, -0.0], [0.0, 0.0]),
        (lambda x: tl.maximum(x, 1.0), [1.0, 2.0], [1.0, 1.0]),
        (lambda x: tl.maximum(1.0, x), [1.0, 2.0], [0.0, 1.0]),
        (lambda x: tl.minimum(x, 1.0), [1.0, 0.0], [1.0, 1.0]),
        (tl.max, [2.0, 1.0, 2.0, 2.0], [1 / 3, 0.0, 1 / 3, 1 / 3]),
        (lambda x: tl.min(x, axis=0), [1.0, 1.0, 5.0], [0.5, 0.5, 0.0]),
        (lambda x: tl.clip(x, 0.0, 1.0), [-1.0, 0.5, 2.0], [0.0, 1.0, 0.0]),
        (lambda x: x**2, [0.0, -3.0], [0.0, -6.0]),
        (lambda x: tl.where(x > 0, x, 2.0 * x), [1.0, -1.0], [1.0, 2.0]),
    ],
)
def test_what_the_gradient_is_at_kinks_and_ties(function: Function, values: list[float], expected: list[float]) -> None:
    with tl.device("reference"):
        x = tl.Variable(values)
        with tl.GradientTape() as tape:
            y = function(x)
        np.testing.assert_allclose(tape.gradient(y, x).numpy(), expected, rtol=1e-6)


# The tape


@pytest.fixture(autouse=True)
def _on_the_reference_backend(request: pytest.FixtureRequest) -> Any:
    with tl.device("cpu" if "cpu" in request.node.name else "reference"):
        yield


def test_watch() -> None:
    x, y = tl.asarray(3.0), tl.asarray(4.0)
    with tl.GradientTape() as tape:
        tape.watch([x, {"y": y}])
        z = x * y + x
    assert [float(g) for g in tape.gradient(z, [x, y])] == [5.0, 3.0]


def test_what_is_not_watched_has_no_gradient_and_a_warning_that_names_the_cure() -> None:
    x, v = tl.asarray(3.0), tl.Variable(2.0, name="weight")
    with tl.GradientTape() as tape:
        z = x * 2.0
    with pytest.warns(UserWarning, match="is None, because") as caught:
        assert tape.gradient(z, [x, v]) == [None, None]
    assert [str(warning.message) for warning in caught] == [
        "GradientTape.gradient: the gradient of a source of shape () is None, because it was not watched: "
        "call tape.watch(x) before using it, or make it a trainable tl.Variable",
        "GradientTape.gradient: the gradient of source 'weight' is None, because the target does not depend on it; "
        "was it computed inside of the tape's with block, by operations that have a gradient?",
    ]
    assert all(warning.filename == __file__ for warning in caught)
    with tl.GradientTape() as tape:
        tape.watch(x)
        z = v * 2.0
    with pytest.warns(UserWarning, match="is None, because the target does not depend on it$"):
        assert tape.gradient(z, x) is None


def test_watching_after_the_use_is_too_late() -> None:
    x = tl.asarray(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        tape.watch(x)
        z = y + x
    assert float(tape.gradient(z, x)) == 1.0


def test_variables_are_watched_by_themselves_unless_they_are_not_trainable() -> None:
    trained, fixed = tl.Variable(2.0), tl.Variable(3.0, trainable=False)
    with tl.GradientTape(persistent=True) as tape:
        y = trained * fixed
    assert float(tape.gradient(y, trained)) == 3.0
    with pytest.warns(UserWarning, match="call tape.watch"):
        assert tape.gradient(y, fixed) is None
    with tl.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(fixed)
        y = trained * fixed
    with pytest.warns(UserWarning, match="source 'variable' is None"):
        gradients = tape.gradient(y, [trained, fixed])
    assert gradients[0] is None
    assert float(gradients[1]) == 2.0


def test_a_tape_is_used_once_unless_it_is_persistent() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        z = y * x
    assert float(tape.gradient(y, x)) == 6.0
    assert float(tape.gradient(z, x)) == 27.0
    assert float(tape.gradient(z, x)) == 27.0
    with tl.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(StateError) as error:
        tape.gradient(y, x)
    assert str(error.value) == (
        "GradientTape.gradient: expected one call, received a second one; the tape was freed after the first; "
        "create it with persistent=True"
    )
    with tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 6.0


def test_a_tape_frees_what_it_kept() -> None:
    x = tl.Variable([1.0, 2.0])
    for persistent, kept in ((False, False), (True, True)):
        with tl.GradientTape(persistent=persistent) as tape:
            inner = tl.exp(x)
            y = tl.sum(inner * inner)
        alive = weakref.ref(inner)
        del inner
        assert alive() is not None
        tape.gradient(y, x)
        gc.collect()
        assert (alive() is not None) is kept


def test_several_paths_add() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        z = y * x + y + x
        total = [y, z]
    assert float(tape.gradient(z, x)) == 3 * 4 + 2 * 2 + 1
    assert float(tape.gradient(total, x)) == 4 + 17
    assert float(tape.gradient(z, y)) == 3.0
    assert float(tape.gradient(x, x)) == 1.0


def test_sources_and_results_have_one_structure() -> None:
    x, y = tl.Variable(2.0), tl.Variable([1.0, 3.0])
    with tl.GradientTape() as tape:
        z = tl.sum(y * x)
    gradients = tape.gradient(z, {"a": [x, (y,)], "b": y})
    assert float(gradients["a"][0]) == 4.0
    assert isinstance(gradients["a"][1], tuple)
    assert gradients["a"][1][0].tolist() == gradients["b"].tolist() == [2.0, 2.0]
    structure = {"p": 1, "q": [2, (3, {"r": 4})]}
    assert flatten(structure) == [1, 2, 3, 4]
    assert pack_as(structure, iter("abcd")) == {"p": "a", "q": ["b", ("c", {"r": "d"})]}


def test_a_gradient_has_the_shape_and_dtype_of_its_source() -> None:
    x, y = tl.Variable(np.ones((3, 1)), dtype="float32"), tl.Variable(np.ones((1, 2)), dtype="float64")
    with tl.GradientTape() as tape:
        z = tl.mean(x.astype("float64") * y)
    for gradient, source in zip(tape.gradient(z, [x, y]), [x, y], strict=True):
        assert (gradient.shape, gradient.dtype) == (source.shape, source.dtype)
    with tl.GradientTape() as tape:
        z = x * y
    for gradient, source in zip(tape.gradient(z, [x, y]), [x, y], strict=True):
        assert (gradient.shape, gradient.dtype) == (source.shape, source.dtype)


def test_output_gradients_flow_in() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape(persistent=True) as tape:
        y, z = x * x, 3.0 * x
    assert tape.gradient(y, x, output_gradients=np.array([10.0, 100.0])).tolist() == [20.0, 400.0]
    assert tape.gradient([y, z], x, output_gradients=[tl.asarray([1.0, 1.0]), None]).tolist() == [5.0, 7.0]
    with pytest.raises(
        ShapeError, match=r"^GradientTape\.gradient: expected output_gradients of shape \(2,\), received \(3"
    ):
        tape.gradient(y, x, output_gradients=tl.asarray([1.0, 2.0, 3.0]))
    with pytest.raises(ShapeError, match=r"^GradientTape\.gradient: expected 2 output_gradients, received 1$"):
        tape.gradient([y, z], x, output_gradients=[tl.asarray([1.0, 1.0])])


def test_no_grad_records_nothing() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        with tl.no_grad():
            hidden = x * 100.0
        z = y + hidden
    assert float(tape.gradient(z, x)) == 6.0


def test_nothing_is_recorded_outside_of_the_block() -> None:
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


def test_a_persistent_tape_that_records_its_own_gradient_does_not() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
        slope = tape.gradient(y, x)
    assert float(slope) == 4.0
    with pytest.warns(UserWarning, match="None"):
        assert tape.gradient(slope, x) is None


def test_two_tapes_do_not_touch() -> None:
    x, y = tl.Variable(2.0), tl.asarray(3.0)
    with tl.GradientTape() as outer, tl.GradientTape(watch_accessed_variables=False) as inner:
        inner.watch(y)
        z = x * y
    assert float(inner.gradient(z, y)) == 2.0
    assert float(outer.gradient(z, x)) == 3.0
    with pytest.raises(StateError) as error, outer, outer:
        pass
    assert str(error.value) == (
        "GradientTape: expected a tape that is not recording yet, received one inside of its own with block"
    )


def test_a_tape_records_its_own_thread_only() -> None:
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


def test_what_a_tape_keeps_does_not_change_with_the_variable() -> None:
    x = tl.Variable([2.0, 3.0])
    with tl.GradientTape() as tape:
        y = x * x
        x.assign([100.0, 100.0])
        z = y + x
    assert tape.gradient(z, x).tolist() == [5.0, 7.0]


def test_a_constant_target_gives_none_without_noise_for_others() -> None:
    x = tl.Variable(2.0)
    with warnings.catch_warnings(), tl.GradientTape() as tape:
        warnings.simplefilter("error")
        y = x * 0.0 + tl.ops.stop_gradient(x * x)
    assert float(tape.gradient(y, x)) == 0.0


def test_a_tape_entered_again_goes_on_until_it_is_reset() -> None:
    x = tl.Variable(3.0, name="x")
    with tl.GradientTape(persistent=True) as tape:
        y = x * x
    with tape:
        z = y * x
    assert float(tape.gradient(z, x)) == 27.0
    assert tape.watched_variables() == (x,)
    tape.reset()
    assert tape.watched_variables() == ()
    with pytest.warns(UserWarning, match="source 'x' is None"):
        assert tape.gradient(z, x) is None
    with tape:
        assert float(tape.gradient(x * 2.0, x)) == 2.0


def test_stop_recording_stops_this_tape_alone() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as outer, tl.GradientTape() as inner:
        y = x * x
        with inner.stop_recording():
            hidden = y * x
        z = y + hidden
    assert float(inner.gradient(z, x)) == 6.0
    assert float(outer.gradient(z, x)) == 6.0 + 27.0


def test_watched_variables_are_those_that_were_read_or_watched() -> None:
    a, b, c, fixed = (tl.Variable(1.0, name=name, trainable=name != "fixed") for name in ("a", "b", "c", "fixed"))
    with tl.GradientTape() as tape:
        _ = (b + a) * fixed + b
    assert [variable.name for variable in tape.watched_variables()] == ["b", "a"]
    with tl.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([c, {"d": fixed}, tl.asarray(1.0)])
        _ = a + b
    assert tape.watched_variables()[0] is c
    assert tape.watched_variables()[1] is fixed


def test_a_tape_is_watched_and_asked_at_the_right_time() -> None:
    x = tl.asarray(3.0)
    tape = tl.GradientTape()
    with pytest.raises(StateError) as error:
        tape.watch(x)
    assert str(error.value) == (
        "GradientTape.watch: expected a tape that is recording, received one that is new; "
        "call it inside of `with tape:`, before the tensor is used"
    )
    for ask in (tape.gradient, tape.jacobian):
        with pytest.raises(StateError) as error:
            ask(x, x)
        assert str(error.value) == (
            f"GradientTape.{ask.__name__}: expected a tape that has recorded, received one that was never entered; "
            "compute the target inside of `with tape:`"
        )
    with tape:
        tape.watch(x)
    with pytest.raises(StateError, match="received one that is recorded"):
        tape.watch(x)


def test_the_gradient_may_be_taken_inside_of_the_block() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        assert float(tape.gradient(y, x)) == 6.0
        assert not recording()
        with pytest.raises(StateError, match=r"received a second one; the tape was freed after the first"):
            tape.gradient(y, x)
        with pytest.raises(StateError, match="received one that is freed"):
            tape.watch(x)
    with tape:
        y = x * x
        with tape.stop_recording():
            assert float(tape.gradient(y, x)) == 6.0
        y = x * x
    with tape:
        z = y * x
    assert float(tape.gradient(z, x)) == 9.0  # y was computed by a tape that was free


def test_a_mistake_in_a_call_does_not_use_the_tape_up() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        y = x * x
    with pytest.raises(ShapeError):
        tape.gradient(y, x, output_gradients=[1.0])
    with pytest.raises(ArgumentTypeError):
        tape.gradient(y, [x, None])
    assert tape.gradient(y, x, output_gradients=[1.0, 10.0]).tolist() == [2.0, 40.0]


def test_a_jacobian_has_the_axes_of_the_target_and_of_the_source(rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((3, 2))
    x, w, other = tl.Variable(a), tl.Variable(b), tl.Variable(1.0, name="other")
    with tl.GradientTape(persistent=True) as tape:
        y = x @ w
        empty = y[:0]
    with pytest.warns(UserWarning, match=r"^GradientTape\.jacobian: the gradient of source 'other' is None") as caught:
        jacobians = tape.jacobian(y, {"x": x, "rest": [w, other]})
    assert caught[0].filename == __file__
    np.testing.assert_allclose(jacobians["x"].numpy(), np.einsum("ik,lj->ijkl", np.eye(2), b))
    np.testing.assert_allclose(jacobians["rest"][0].numpy(), np.einsum("il,jk->ijlk", a, np.eye(2)))
    assert jacobians["rest"][1] is None
    assert tape.jacobian(empty, x).shape == (0, 2, 2, 3)
    with pytest.raises(ArgumentTypeError, match=r"^GradientTape\.jacobian: expected one tensor .*, received list$"):
        tape.jacobian([y], x)


def test_the_jacobian_of_a_gradient_is_the_hessian(rng: np.random.Generator) -> None:
    x = tl.Variable(rng.standard_normal(3))
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = tl.sum(x**3) + x[0] * x[1]
        slope = inner.gradient(y, x)
    expected = np.diag(6 * x.numpy())
    expected[0, 1] = expected[1, 0] = 1.0
    np.testing.assert_allclose(outer.jacobian(slope, x).numpy(), expected)
    with pytest.raises(StateError, match=r"^GradientTape\.jacobian: expected one call, received a second one"):
        outer.jacobian(slope, x)


def test_a_jacobian_can_be_differentiated() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = x**3
        jacobian = inner.jacobian(y, x)
        z = tl.sum(jacobian * jacobian)  # 9 Σ x⁴
    np.testing.assert_allclose(outer.gradient(z, x).numpy(), [36.0, 36.0 * 8], rtol=1e-5)


def test_only_the_paths_to_the_sources_are_followed() -> None:
    """An operation's vjp is called only for an input that leads to a source, and never for what is not tracked."""
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


def test_a_vjp_may_give_the_gradients_of_all_inputs_at_once() -> None:
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


def test_a_tape_keeps_no_tensor_that_no_vjp_needs() -> None:
    x, w = tl.asarray([1.0, -2.0]), tl.Variable([3.0, 4.0])
    with tl.GradientTape(persistent=True) as tape:
        product = x * w
        total = product + 1.0
        y = tl.sum(tl.square(total))
    sizes = {name: weakref.ref(tensor) for name, tensor in (("product", product), ("total", total), ("y", y))}
    keep = y
    del product, total, y
    gc.collect()
    assert {name: size() is not None for name, size in sizes.items()} == {"product": False, "total": True, "y": True}
    assert tape.gradient(keep, w).tolist() == [2 * 4.0, -4 * -7.0]


def test_a_tape_that_is_used_again_and_again_does_not_grow() -> None:
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


def test_no_grad_decorates() -> None:
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


def test_a_gradient_that_fails_uses_the_tape_up() -> None:
    x = tl.Variable(3.0)

    def broken(gradient: Any) -> Any:
        raise ZeroDivisionError

    with tl.GradientTape() as tape:
        y = tl.asarray(1.0)
        record((x.snapshot(),), (y,), (broken,))
    with pytest.raises(ZeroDivisionError):
        tape.gradient(y, x)
    with pytest.raises(StateError, match="received a second one"):
        tape.gradient(y, x)


def test_an_optimizer_does_not_change_what_a_tape_keeps() -> None:
    w = tl.Variable([2.0, 3.0])
    with tl.GradientTape(persistent=True) as tape:
        y = tl.sum(w * w * w)
    first = tape.gradient(y, w)
    tl.optimizers.SGD(learning_rate=0.1).apply_gradients([(first, w)])
    assert w.tolist() == pytest.approx([2.0 - 1.2, 3.0 - 2.7])
    assert tape.gradient(y, w).tolist() == first.tolist() == [12.0, 27.0]


def test_named_tuples_are_structures_too() -> None:
    Pair = namedtuple("Pair", "w b")
    pair = Pair(tl.Variable(2.0), tl.Variable(3.0))
    with tl.GradientTape() as tape:
        y = pair.w * pair.b
    gradients = tape.gradient(y, pair)
    assert (float(gradients.w), float(gradients.b)) == (3.0, 2.0)


def test_only_real_tensors_have_gradients() -> None:
    counts, x = tl.asarray([1, 2]), tl.Variable([1.0, 2.0])
    tape = tl.GradientTape(persistent=True)
    message = r"^GradientTape\.{}: expected tensors of float32 or float64, received int64; use \.astype\(\"float32\"\)$"
    with tape:
        with pytest.raises(DTypeError, match=message.format("watch")):
            tape.watch([x, counts])
        with pytest.raises(
            ArgumentTypeError, match=r"^GradientTape\.watch: expected Tensors, received float; use tl\.asarray\(x\)$"
        ):
            tape.watch(3.0)
        y = x * counts.astype("float32")
        index = tl.argmax(x)
    with pytest.raises(DTypeError, match=message.format("gradient")):
        tape.gradient(y, counts)
    with pytest.raises(DTypeError, match=message.format("gradient")):
        tape.gradient(index, x)
    with pytest.raises(ArgumentTypeError, match=r"^GradientTape\.gradient: expected Tensors, received ndarray; use"):
        tape.gradient(y, np.ones(2))
    assert tape.gradient(y, x).tolist() == [1.0, 2.0]


def test_integer_variables_are_not_watched() -> None:
    steps, x = tl.Variable(3), tl.Variable(2.0)
    with tl.GradientTape() as tape:
        y = x * steps.astype("float32")
    assert float(tape.gradient(y, x)) == 3.0

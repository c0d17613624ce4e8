"""`GradientTape`: watching, the states of a tape, the structure of gradients, and errors."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.autodiff import flatten, pack_as, record, recording
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, StateError

pytestmark = pytest.mark.usefixtures("reference")


def test_watch() -> None:
    x, y = tl.asarray(3.0), tl.asarray(4.0)
    with tl.GradientTape() as tape:
        tape.watch([x, {"y": y}])
        z = x * y + x
    assert [float(g) for g in tape.gradient(z, [x, y])] == [5.0, 3.0]


def test_unwatched_sources_give_none_and_a_warning_with_a_hint() -> None:
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


def test_watching_after_use_has_no_effect_on_earlier_operations() -> None:
    x = tl.asarray(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        tape.watch(x)
        z = y + x
    assert float(tape.gradient(z, x)) == 1.0


def test_trainable_variables_are_watched_automatically() -> None:
    trained, fixed = tl.Variable(2.0), tl.Variable(3.0, trainable=False)
    with tl.GradientTape(persistent=True) as tape:
        y = trained * fixed
    assert float(tape.gradient(y, trained)) == 3.0
    with pytest.warns(UserWarning, match=r"call tape\.watch\(x\) before using it, or make it trainable$"):
        assert tape.gradient(y, fixed) is None
    with tl.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(fixed)
        y = trained * fixed
    with pytest.warns(UserWarning, match=r"'variable' is None, .* make the tape with watch_accessed_variables=True$"):
        gradients = tape.gradient(y, [trained, fixed])
    assert gradients[0] is None
    assert float(gradients[1]) == 2.0


def test_integer_variables_are_not_watched() -> None:
    steps, x = tl.Variable(3), tl.Variable(2.0)
    with tl.GradientTape() as tape:
        y = x * steps.astype("float32")
    assert float(tape.gradient(y, x)) == 3.0


def test_watched_variables_returns_those_read_or_watched() -> None:
    a, b, c, fixed = (tl.Variable(1.0, name=name, trainable=name != "fixed") for name in ("a", "b", "c", "fixed"))
    with tl.GradientTape() as tape:
        _ = (b + a) * fixed + b
    assert [variable.name for variable in tape.watched_variables()] == ["b", "a"]
    with tl.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([c, {"d": fixed}, tl.asarray(1.0)])
        _ = a + b
    assert tape.watched_variables()[0] is c
    assert tape.watched_variables()[1] is fixed


def test_non_persistent_tape_can_be_used_once() -> None:
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
        "GradientTape.gradient: the tape was freed after its first use; "
        "create it with persistent=True to use it more than once"
    )
    with tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 6.0


def test_watch_and_gradient_in_the_wrong_state_raise() -> None:
    x = tl.asarray(3.0)
    tape = tl.GradientTape()
    with pytest.raises(StateError) as error:
        tape.watch(x)
    assert str(error.value) == (
        "GradientTape.watch: the tape is new, not recording; "
        "call watch inside of `with tape:`, before the tensor is used"
    )
    for ask in (tape.gradient, tape.jacobian):
        with pytest.raises(StateError) as error:
            ask(x, x)
        assert str(error.value) == (
            f"GradientTape.{ask.__name__}: the tape was never entered; compute the target inside of `with tape:`"
        )
    with tape:
        tape.watch(x)
    with pytest.raises(StateError, match="the tape is recorded, not recording"):
        tape.watch(x)


def test_gradient_inside_the_block() -> None:
    x = tl.Variable(3.0)
    with tl.GradientTape() as tape:
        y = x * x
        assert float(tape.gradient(y, x)) == 6.0
        assert not recording()
        with pytest.raises(StateError, match="the tape was freed after its first use"):
            tape.gradient(y, x)
        with pytest.raises(StateError, match="the tape is freed, not recording"):
            tape.watch(x)
    with tape:
        y = x * x
        with tape.stop_recording():
            assert float(tape.gradient(y, x)) == 6.0
        y = x * x
    with tape:
        z = y * x
    assert float(tape.gradient(z, x)) == 9.0  # y was computed after the tape was freed


def test_reentered_tape_continues_until_reset() -> None:
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


def test_invalid_arguments_do_not_free_the_tape() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape:
        y = x * x
    with pytest.raises(ShapeError):
        tape.gradient(y, x, output_gradients=[1.0])
    with pytest.raises(ArgumentTypeError):
        tape.gradient(y, [x, None])
    assert tape.gradient(y, x, output_gradients=[1.0, 10.0]).tolist() == [2.0, 40.0]


def test_failed_gradient_frees_the_tape() -> None:
    x = tl.Variable(3.0)

    def broken(gradient: Any) -> Any:
        raise ZeroDivisionError

    with tl.GradientTape() as tape:
        y = tl.asarray(1.0)
        record((x.snapshot(),), (y,), (broken,))
    with pytest.raises(ZeroDivisionError):
        tape.gradient(y, x)
    with pytest.raises(StateError, match="the tape was freed after its first use"):
        tape.gradient(y, x)


def test_gradients_have_the_structure_of_the_sources() -> None:
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


def test_named_tuples_are_structures() -> None:
    Pair = namedtuple("Pair", "w b")
    pair = Pair(tl.Variable(2.0), tl.Variable(3.0))
    with tl.GradientTape() as tape:
        y = pair.w * pair.b
    gradients = tape.gradient(y, pair)
    assert (float(gradients.w), float(gradients.b)) == (3.0, 2.0)


def test_gradient_has_shape_and_dtype_of_its_source() -> None:
    x, y = tl.Variable(np.ones((3, 1)), dtype="float32"), tl.Variable(np.ones((1, 2)), dtype="float64")
    with tl.GradientTape() as tape:
        z = tl.mean(x.astype("float64") * y)
    for gradient, source in zip(tape.gradient(z, [x, y]), [x, y], strict=True):
        assert (gradient.shape, gradient.dtype) == (source.shape, source.dtype)
    with tl.GradientTape() as tape:
        z = x * y
    for gradient, source in zip(tape.gradient(z, [x, y]), [x, y], strict=True):
        assert (gradient.shape, gradient.dtype) == (source.shape, source.dtype)


def test_only_floating_point_tensors_have_gradients() -> None:
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
    for sources, kind in (({"x": x, "b": None}, "NoneType"), ((v for v in [x]), "generator")):
        with pytest.raises(
            ArgumentTypeError, match=rf"Tensors, received {kind}; nest them in lists, tuples and dicts$"
        ):
            tape.gradient(y, sources)
    assert tape.gradient(y, x).tolist() == [1.0, 2.0]


def test_output_gradients_are_used() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape(persistent=True) as tape:
        y, z = x * x, 3.0 * x
    assert tape.gradient(y, x, output_gradients=np.array([10.0, 100.0])).tolist() == [20.0, 400.0]
    assert tape.gradient([y, z], x, output_gradients=[tl.asarray([1.0, 1.0]), None]).tolist() == [5.0, 7.0]
    with pytest.raises(
        ShapeError, match=r"^GradientTape\.gradient: expected output_gradients of shape \(2,\), received \(3"
    ):
        tape.gradient(y, x, output_gradients=tl.asarray([1.0, 2.0, 3.0]))
    with pytest.raises(
        ShapeError, match=r"^GradientTape\.gradient: expected a list of 2 output_gradients, received 1$"
    ):
        tape.gradient([y, z], x, output_gradients=[tl.asarray([1.0, 1.0])])


def test_output_gradients_have_the_structure_of_the_targets() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape(persistent=True) as tape:
        targets = {"square": x * x, "rest": [3.0 * x, tl.sum(x)]}
    given = {"rest": [None, 10], "square": [1.0, 100.0]}  # a list may replace a tensor; keys in any order
    assert tape.gradient(targets, x, given).tolist() == [2.0 + 3.0 + 10.0, 400.0 + 3.0 + 10.0]
    assert tape.gradient(targets, x, {"rest": None, "square": np.zeros(2)}).tolist() == [4.0, 4.0]
    for wrong, kind, received in (
        ({"square": None}, ArgumentTypeError, r"\['square'\]"),
        ([1.0, 2.0], ArgumentTypeError, "list"),
        ({"square": None, "rest": 1.0}, ShapeError, "float"),
        ({"square": None, "rest": [1.0, 1.0, 1.0]}, ShapeError, "3"),
    ):
        expected = r"(a dict of output_gradients for \['square', 'rest'\]|a list of 2 output_gradients)"
        with pytest.raises(kind, match=rf"^GradientTape\.gradient: expected {expected}, received {received}$"):
            tape.gradient(targets, x, wrong)


def test_jacobian_has_the_axes_of_target_and_source(rng: np.random.Generator) -> None:
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


def test_jacobian_of_a_gradient_is_the_hessian(rng: np.random.Generator) -> None:
    x = tl.Variable(rng.standard_normal(3))
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = tl.sum(x**3) + x[0] * x[1]
        slope = inner.gradient(y, x)
    expected = np.diag(6 * x.numpy())
    expected[0, 1] = expected[1, 0] = 1.0
    np.testing.assert_allclose(outer.jacobian(slope, x).numpy(), expected)
    with pytest.raises(StateError, match=r"^GradientTape\.jacobian: the tape was freed after its first use"):
        outer.jacobian(slope, x)


def test_jacobian_can_be_differentiated() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            y = x**3
        jacobian = inner.jacobian(y, x)
        z = tl.sum(jacobian * jacobian)  # 9 Σ x⁴
    np.testing.assert_allclose(outer.gradient(z, x).numpy(), [36.0, 36.0 * 8], rtol=1e-5)


def test_writing_to_shared_memory_does_not_change_recorded_values() -> None:
    x_array, w_array, out = np.array([1.0, 2.0, 3.0]), np.array([[4.0], [5.0], [6.0]]), np.zeros(3)
    x, part, result = tl.asarray(x_array), tl.asarray(w_array)[1:], tl.asarray(out)
    with tl.GradientTape(persistent=True) as tape:
        tape.watch([x, part, result])
        square, product, mixed = tl.sum(x * x), tl.sum(x @ w_array), tl.sum(w_array * x)
        squares, whole, written = tl.sum(part * part), tl.prod(x), tl.sum(result * result)
        tl.exp(x, out=out)
    x_array[:], w_array[:] = 100.0, 200.0
    for target, expected in (
        (square, [2.0, 4.0, 6.0]),
        (product, [4.0, 5.0, 6.0]),
        (mixed, [15.0, 15.0, 15.0]),
        (whole, [6.0, 3.0, 2.0]),
    ):
        assert tape.gradient(target, x).tolist() == expected
    assert tape.gradient(squares, part).tolist() == [[10.0], [12.0]]
    assert tape.gradient(written, result).tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_array_equal(out, np.exp([1.0, 2.0, 3.0]))


def test_tensor_shares_memory_until_a_tape_reads_it() -> None:
    array = np.array([1.0, 2.0])
    x, fixed = tl.asarray(array), tl.asarray(np.frombuffer(array.tobytes()))
    part, there = tl.reshape(x, (2, 1)), fixed.numpy()
    with tl.GradientTape(), tl.no_grad():
        tl.exp(x)
    array[0] = 3.0
    assert (x.tolist(), part.tolist()) == ([3.0, 2.0], [[3.0], [2.0]])
    with tl.GradientTape():
        tl.exp(x), tl.exp(part), tl.exp(fixed)
    array[0] = 4.0
    assert (x.tolist(), part.tolist()) == ([3.0, 2.0], [[3.0], [2.0]])
    assert np.shares_memory(there, fixed.numpy())  # bytes are immutable
    own = tl.asarray(array, copy=True)
    there = own.numpy()
    with tl.GradientTape():
        tl.exp(own)
    assert np.shares_memory(there, own.numpy())  # the tensor owns its memory

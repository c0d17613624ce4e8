"""A function under `jit` gives the results of its Python code, whatever changes between its calls."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.plan_cases import LABELS, NUMBERS, TARGETS, X

import tensorlab as tl

SCALE = 2.0
FACTORS = [1.0, 2.0]
OPTIONS = {"power": 2.0}


class Network:
    """Two layers and a factor."""

    slope = 0.5

    def __init__(self) -> None:
        numbers = np.random.default_rng(1)
        self.kernel = tl.Variable(numbers.standard_normal((6, 3)).astype(np.float32))
        self.bias = tl.Variable(np.zeros(3, np.float32))
        self.factors = [1.0]

    @property
    def weights(self) -> list[tl.Variable]:
        weights = []
        weights += [self.kernel]
        weights.append(self.bias)
        return weights

    def __call__(self, x: Any) -> Any:
        return tl.tanh(x @ self.kernel + self.bias) * self.slope * self.factors[0]


def training_step(network: Network, x: Any, y: Any, rate: float = 0.1) -> tl.Tensor:
    with tl.GradientTape() as tape:
        loss = tl.mean((network(x) - y) ** 2)
    weights = network.weights
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(rate * gradient)
    return loss


def outcomes(
    step: Callable[..., Any], change: Callable[[Network, int], Any] = lambda network, call: None
) -> list[bytes]:
    """Return the losses and the weights after each of 14 steps, with a change before each."""
    network, found = Network(), []
    for call in range(14):
        change(network, call)
        loss = step(network, X[call : call + 8], TARGETS[call : call + 8])
        found += [loss.numpy().tobytes(), *(weight.numpy().tobytes() for weight in network.weights)]
    return found


def test_steps_by_hand() -> None:
    step = tl.jit(training_step)
    assert outcomes(step) == outcomes(training_step)
    assert step.reason == ""
    assert [plan.runs for plan in step.plans] == [11]


@pytest.mark.parametrize(
    "change",
    [
        lambda network, call: setattr(network, "slope", 0.5 + (call > 6)),
        lambda network, call: setattr(Network, "slope", 0.5 + (call > 6)),
        lambda network, call: network.factors.__setitem__(0, 1.0 + (call > 6)),
        lambda network, call: setattr(network, "factors", [1.0 + (call > 6)]),
        lambda network, call: setattr(network.kernel, "trainable", True),
        lambda network, call: network.bias.assign(np.full(3, call, np.float32)),
        lambda network, call: setattr(network, "bias", tl.Variable(np.ones(3, np.float32))) if call == 7 else None,
        lambda network, call: network.__dict__.setdefault("held", []).append(network.kernel.value),
    ],
)
def test_changes_between_calls(change: Any) -> None:
    try:
        step = tl.jit(training_step)
        assert outcomes(step, change) == outcomes(training_step, change)
    finally:
        Network.slope = 0.5


def test_globals() -> None:
    @tl.jit
    def function(x: Any) -> Any:
        return x * SCALE + FACTORS[0] * OPTIONS["power"]

    global SCALE
    try:
        for call in range(12):
            SCALE = 2.0 if call < 6 else 3.0
            FACTORS[0] = 1.0 if call < 9 else 5.0
            OPTIONS["power"] = 2.0 + (call == 11)
            expected = X[:2] * np.float32(SCALE) + np.float32(FACTORS[0] * OPTIONS["power"])
            np.testing.assert_allclose(function(X[:2]).numpy(), expected, rtol=1e-6)
    finally:
        SCALE, FACTORS[0], OPTIONS["power"] = 2.0, 1.0, 2.0
    assert function.reason == ""


def test_closures_and_defaults() -> None:
    factor = 1.0

    def inner(x: Any, offset: float = 0.5) -> Any:
        return x * factor + offset

    @tl.jit
    def function(x: Any) -> Any:
        return inner(x)

    for call in range(12):
        factor = 1.0 + (call > 4)
        inner.__defaults__ = (0.5 if call < 9 else 1.5,)
        expected = X[:2] * np.float32(factor) + np.float32(inner.__defaults__[0])
        np.testing.assert_allclose(function(X[:2]).numpy(), expected, rtol=1e-6)
    assert function.reason == ""


def test_objects_of_tensorlab() -> None:
    optimizer = tl.optimizers.Adam(0.01)
    model = tl.Sequential([tl.layers.Dense(5, activation="relu"), tl.layers.Rescaling(2.0), tl.layers.Dense(3)])
    loss_function = tl.losses.Huber(delta=0.3)

    def step(x: Any, y: Any) -> Any:
        with tl.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        weights = model.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss, "count": 3}

    results = []
    for chosen in (step, tl.jit(step)):
        tl.utils.set_random_seed(1)
        optimizer.forget_slots()
        optimizer.iterations = 0
        model.unbuild()
        model.build((None, 6))
        found: list[Any] = []
        for call in range(24):
            optimizer.learning_rate = 0.01 / (1 + call)
            model.layers[1].scale = 2.0 if call < 10 else 1.0
            model.layers[0].trainable = call < 17
            result = chosen(X[:8], TARGETS[:8])
            assert result["count"] == 3
            found += [result["loss"].numpy().tobytes(), *(w.numpy().tobytes() for w in model.weights)]
        results.append(found)
    assert results[0] == results[1]
    assert chosen.reason == ""  # type: ignore[attr-defined]
    assert optimizer.iterations == 24


def test_shapes_dtypes_and_numbers_have_plans_of_their_own() -> None:
    function = tl.jit(lambda x, n: tl.sum(x * n, axis=0))
    for _ in range(5):
        for x in (X[:4], X[:5], X[:4].astype(np.float64), X[:4, ::2]):
            for n in (2, 2.5, -1):
                np.testing.assert_allclose(function(x, n).numpy(), (x * np.asarray(n, x.dtype)).sum(0), rtol=2e-5)
    assert len(function.plans) == 12
    assert [plan.runs for plan in function.plans] == [2] * 12


def test_too_many_numbers() -> None:
    function = tl.jit(lambda x, n: x * n)
    for n in range(40):
        np.testing.assert_array_equal(function(X[:2], n).numpy(), X[:2] * n)
    assert function.reason == "it is called with too many shapes, or other arguments; pass numbers as tensors"


def test_what_changes_too_often() -> None:
    box = [0]
    function = tl.jit(lambda x: x * box[0])
    for call in range(200):
        box[0] = call // 4
        np.testing.assert_array_equal(function(X[:2]).numpy(), X[:2] * box[0])
    assert function.reason == "what it reads changes too often"


def test_results_are_not_overwritten() -> None:
    function = tl.jit(lambda x: (x + 1.0, [x, {"twice": 2.0 * x}], None, "text"))
    results = [function(X[call : call + 2]) for call in range(8)]
    for call, (first, (same, named), nothing, text) in enumerate(results):
        x = X[call : call + 2]
        np.testing.assert_array_equal(first.numpy(), x + 1)
        np.testing.assert_array_equal(same.numpy(), x)
        np.testing.assert_array_equal(named["twice"].numpy(), 2 * x)
        assert (nothing, text) == (None, "text")


def test_softmax_keeps_its_logits() -> None:
    function = tl.jit(tl.softmax)
    logits = np.array([[1000.0, 0.0, -1000.0]], np.float32)
    for _ in range(5):
        loss = tl.losses.sparse_categorical_crossentropy([1], function(logits))
        assert float(loss[0]) == 1000.0


def test_inputs_are_not_written_or_kept() -> None:
    @tl.jit
    def function(x: Any) -> Any:
        x[0] = 5.0
        return x * 2.0

    for call in range(6):
        array = X[call : call + 3].copy()
        result = function(tl.asarray(array)).numpy()
        expected = array.copy()
        expected[0] = 5.0
        np.testing.assert_array_equal(result, 2 * expected)


def test_tapes_around_a_call() -> None:
    function = tl.jit(lambda x: x * x)
    x = tl.Variable([3.0])
    for _ in range(5):
        function(tl.ones((1,)))
        with tl.GradientTape() as tape:
            y = function(x)
        assert tape.gradient(y, x).tolist() == [6.0]


def test_variables_and_constants_as_results() -> None:
    variable, constant = tl.Variable([1.0]), tl.asarray([7.0])

    @tl.jit
    def function() -> Any:
        variable.assign_add([1.0])
        return variable, constant

    kept = [function() for _ in range(6)]
    assert [float(first[0]) for first, _ in kept[3:]] == [5.0, 6.0, 7.0]
    assert all(second.tolist() == [7.0] for _, second in kept)


def test_errors_of_the_function_are_raised_and_change_nothing() -> None:
    model = tl.Sequential([tl.layers.Dense(3, activation="softmax")])
    optimizer = tl.optimizers.SGD(0.1)

    @tl.jit
    def step(x: Any, y: Any) -> Any:
        with tl.GradientTape() as tape:
            loss = tl.mean(tl.losses.sparse_categorical_crossentropy(y, model(x)))
        weights = model.weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    labels = LABELS[:8].copy()
    for _ in range(6):
        step(X[:8], labels)
    assert step.plans
    before = [weight.numpy().tobytes() for weight in model.weights]
    labels[3] = 9
    with pytest.raises(tl.errors.ArgumentError, match="labels from 0 to 2 for 3 outputs, received 9 at position 3"):
        step(X[:8], labels)
    assert [weight.numpy().tobytes() for weight in model.weights] == before


def test_exception_while_recording() -> None:
    fails = [True]

    @tl.jit
    def function(x: Any) -> Any:
        if fails[0]:
            raise ValueError("not yet")
        return x + 1.0

    for _ in range(4):
        with pytest.raises(ValueError, match="not yet"):
            function(X[:2])
    fails[0] = False
    for _ in range(6):
        np.testing.assert_array_equal(function(X[:2]).numpy(), X[:2] + 1)


def test_methods_pickles_and_signatures() -> None:
    class Model:
        def __init__(self) -> None:
            self.factor = 2.0

        @tl.jit
        def double(self, x: Any) -> Any:
            """Return the double."""
            return x * self.factor

    one, other = Model(), Model()
    other.factor = 3.0
    for _ in range(6):
        np.testing.assert_array_equal(one.double(X[:2]).numpy(), 2 * X[:2])
        np.testing.assert_array_equal(other.double(x=X[:2]).numpy(), 3 * X[:2])
    assert Model.double.__doc__ == "Return the double."
    step = tl.jit(training_step)
    assert outcomes(pickle.loads(pickle.dumps(step))) == outcomes(training_step)
    with pytest.raises(tl.errors.ArgumentTypeError, match="jit: expected a function of tensors, received 3"):
        tl.jit(3)  # type: ignore[arg-type]


def test_nested_functions() -> None:
    inner = tl.jit(lambda x: tl.exp(x) * 2.0)
    outer = tl.jit(lambda x: inner(x) + inner(x + 1.0))
    plain = lambda x: tl.exp(x) * 2.0 + tl.exp(x + 1.0) * 2.0  # noqa: E731
    for call in range(6):
        x = X[call : call + 2]
        np.testing.assert_array_equal(outer(x).numpy(), plain(tl.asarray(x)).numpy())
    assert outer.plans[0].runs == 3


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x * float(x[0, 0]), "it reads the elements of a tensor"),
        (lambda x: x + tl.random.normal((1,)), "it draws random numbers"),
        (lambda x: print(end="") or x, "<lambda> calls print, which may change something"),
        (lambda x: {1}, "it returns an object of the type set"),
        (lambda x: x + tl.asarray(LARGE), "it reads a NumPy array of shape (20000,), whose elements may change"),
    ],
)
def test_functions_that_stay_in_python(function: Any, reason: str) -> None:
    jitted = tl.jit(function)
    for _ in range(5):
        jitted(X[:1, :1])
    assert (jitted.reason, jitted.plans) == (reason, [])


LARGE = NUMBERS.standard_normal(20_000)


def test_small_numpy_arrays_are_compared() -> None:
    offsets = np.zeros(6, np.float32)
    function = tl.jit(lambda x: x + tl.asarray(offsets, copy=True))
    for call in range(12):
        offsets[2] = call > 5
        np.testing.assert_array_equal(function(X[:2]).numpy(), X[:2] + offsets)
    assert function.plans


def test_switch_and_table(capsys: pytest.CaptureFixture[str]) -> None:
    function = tl.jit(lambda x: tl.exp(x))
    function.explain()
    assert capsys.readouterr().out == "no plan: fewer than three calls with equal shapes\n"
    for _ in range(5):
        function(X[:2])
    with tl.disable_jit():
        function(X[:2])
    assert function.plans[0].runs == 2
    function.explain()
    assert "map exp float32" in capsys.readouterr().out


def test_many_threads() -> None:
    function = tl.jit(lambda x: tl.tanh(x * 3.0) + x)
    for _ in range(4):
        function(X[:8])
    wrong: list[int] = []

    def work(first: int) -> None:
        expected = (tl.tanh(tl.asarray(X[first : first + 8]) * 3.0) + X[first : first + 8]).numpy()
        for _ in range(200):
            if not np.array_equal(function(X[first : first + 8]).numpy(), expected):
                wrong.append(first)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_memory_of_variables_is_held() -> None:
    network = Network()
    step = tl.jit(training_step)
    for _ in range(6):
        step(network, X[:8], TARGETS[:8])
    address = network.kernel.numpy().ctypes.data
    for _ in range(3):
        step(network, X[:8], TARGETS[:8])
        assert network.kernel.numpy().ctypes.data == address  # still written in place


def test_variable_that_something_holds_in_every_call() -> None:
    variable = tl.Variable(np.arange(3, dtype=np.float32))

    @tl.jit
    def step(x: Any) -> Any:
        variable.assign_add(x)
        variable.assign(variable * 0.5)
        return variable.value

    expected, held = np.arange(3, dtype=np.float32), []
    for call in range(9):
        expected = (expected + np.float32(call)) * np.float32(0.5)
        held.append((variable.value, variable.numpy().copy()))
        np.testing.assert_array_equal(step(np.full(3, call, np.float32)).numpy(), expected)
    assert [plan.runs for plan in step.plans] == [6]
    for value, copied in held:
        np.testing.assert_array_equal(value.numpy(), copied)


def test_old_value_of_a_variable_is_used_after_an_assignment() -> None:
    variable = tl.Variable(np.arange(3, dtype=np.float32))

    @tl.jit
    def step(x: Any) -> Any:
        before = variable.value
        variable.assign_add(x)
        return before * 2.0

    expected = np.arange(3, dtype=np.float32)
    for call in range(9):
        x = np.full(3, call, np.float32)
        np.testing.assert_array_equal(step(x).numpy(), expected * 2)
        expected = expected + x
    assert step.reason == "it uses a value of a variable from before an assignment"


def test_view_of_an_old_value_is_used_after_an_assignment() -> None:
    variable = tl.Variable(np.arange(6, dtype=np.float32).reshape(2, 3))

    @tl.jit
    def step(x: Any) -> Any:
        before = tl.permute_dims(variable, (1, 0))
        variable.assign(x)
        return before + 0.0

    expected = variable.numpy().copy()
    for call in range(9):
        x = np.full((2, 3), call, np.float32)
        np.testing.assert_array_equal(step(x).numpy(), expected.T)
        expected = x

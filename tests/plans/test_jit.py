"""A function under `jit` gives the results of its Python code, whatever changes between its calls."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest
from support.jit_cases import outcomes, training_step
from support.plan_cases import LABELS, NUMBERS, X

import tensorlab as tl


def test_steps_by_hand() -> None:
    step = tl.jit(training_step)
    assert outcomes(step) == outcomes(training_step)
    assert step.reason == ""
    assert [plan.runs for plan in step.plans] == [11]


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
    iterations, labels[3] = optimizer.iterations, 9
    with pytest.raises(tl.errors.ArgumentError, match="labels from 0 to 2 for 3 outputs, received 9 at position 3"):
        step(X[:8], labels)
    assert [weight.numpy().tobytes() for weight in model.weights] == before
    assert optimizer.iterations == iterations


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


def test_switch_and_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")

    @tl.elementwise
    def fourth_of_switch_test(x):
        return x / 4.0 - 0.0625

    function = tl.jit(lambda x: fourth_of_switch_test(x))
    function.explain()
    assert capsys.readouterr().out == "no plan: fewer than three calls with equal shapes\n"
    for _ in range(5):
        function(X[:2])
    with tl.disable_jit():
        function(X[:2])
    assert function.plans[0].runs == 2
    function.explain()
    text = capsys.readouterr().out
    # No other test may share this kernel, because the table shows the name of the function that was used first.
    assert "map fourth_of_switch_test float32" in text
    assert "nodes: 1, memory: 64 bytes, runs: 2" in text


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


def test_views_of_inputs_as_results() -> None:
    function = tl.jit(lambda x: tl.reshape(x, (6,)))
    for call in range(6):
        x = X[call : call + 1]
        assert function(x).tolist() == x.ravel().tolist()
    assert function.plans


def test_tensors_of_a_number_are_constants() -> None:
    function = tl.jit(lambda x: x + tl.ones((3,)) + tl.full_like(x, 2.0) * tl.zeros((3,), dtype="float32"))
    for call in range(5):
        assert function(np.full(3, call, np.float32)).tolist() == [call + 1.0] * 3
    assert function.reason == ""
    reading = tl.jit(lambda x: tl.full((2,), tl.sum(x)))
    for call in range(5):
        assert reading(np.full(3, call, np.float32)).tolist() == [3.0 * call] * 2
    assert reading.reason == "it reads the elements of a tensor"

"""Models whose steps differ in ways that a plan cannot know: they are trained in Python, with the same results."""

from __future__ import annotations

import random
import sys
import time
from typing import Any

import numpy as np
import pytest
from support.plan_cases import LABELS, X, compare, model, train

import tensorlab as tl

CALLS: list[int] = []
COUNTS = {"calls": 0}


class Attribute(tl.layers.Layer):
    """Counts in an attribute, and does something else from the seventh call on."""

    calls = 0

    def call(self, inputs: Any) -> Any:
        self.calls += 1
        return inputs * 2.0 if self.calls > 7 else inputs


class Element(tl.layers.Layer):
    """Counts in an element of a dict."""

    def call(self, inputs: Any) -> Any:
        COUNTS["calls"] = COUNTS["calls"] + 1
        return inputs * 2.0 if COUNTS["calls"] > 7 else inputs


class Appending(tl.layers.Layer):
    """Counts by appending to a list."""

    def call(self, inputs: Any) -> Any:
        CALLS.append(1)
        return inputs * 2.0 if len(CALLS) > 7 else inputs


class Extending(tl.layers.Layer):
    """Counts by extending a list in place through a local name."""

    def call(self, inputs: Any) -> Any:
        calls = CALLS
        calls += [1]
        return inputs * 2.0 if len(CALLS) > 7 else inputs


class Global(tl.layers.Layer):
    """Counts in a global variable."""

    def call(self, inputs: Any) -> Any:
        global total
        total = total + 1
        return inputs * 2.0 if total > 7 else inputs


total = 0


class Iterating(tl.layers.Layer):
    """Takes a number from an iterator in every call."""

    def __init__(self) -> None:
        super().__init__()
        self.factors = iter([1.0] * 7 + [2.0] * 100)

    def call(self, inputs: Any) -> Any:
        return inputs * next(self.factors)


class PythonRandom(tl.layers.Layer):
    """Draws a random number that is the same in most calls."""

    def call(self, inputs: Any) -> Any:
        return inputs * (2.0 if random.random() > 0.8 else 1.0)


class NumPyRandom(tl.layers.Layer):
    """The same, from NumPy."""

    def call(self, inputs: Any) -> Any:
        return inputs * (2.0 if np.random.random() > 0.8 else 1.0)


class TensorlabRandom(tl.layers.Layer):
    """The same, from tensorlab, whose numbers depend on the step."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * (2.0 if float(tl.random.uniform(())) > 0.8 else 1.0)


class Clock(tl.layers.Layer):
    """Reads the time."""

    def call(self, inputs: Any) -> Any:
        return inputs * (1.0 if time.time() > 0 else 2.0)


class Reading(tl.layers.Layer):
    """Does something that depends on the elements of a tensor."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2.0 if float(tl.max(inputs)) > 2.0 else inputs


class Iterations(tl.layers.Layer):
    """Depends on the number of the step."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2.0 if OPTIMIZER[0].iterations > 7 else inputs


OPTIMIZER: list[Any] = []


class Printing(tl.layers.Layer):
    """Prints in every call."""

    def call(self, inputs: Any) -> Any:
        print("called")
        return inputs


class NumPy(tl.layers.Layer):
    """Computes with NumPy."""

    def call(self, inputs: Any) -> Any:
        return tl.asarray(np.tanh(inputs.numpy()))


class Nonlocal(tl.layers.Layer):
    """Counts in a variable of an enclosing function."""

    def __init__(self) -> None:
        super().__init__()
        count = 0

        def factor() -> float:
            nonlocal count
            count = count + 1
            return 2.0 if count > 7 else 1.0

        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor()


def _reset() -> None:
    global total
    total = 0
    CALLS.clear()
    COUNTS["calls"] = 0
    random.seed(1)
    np.random.seed(1)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Attribute, "Attribute.call assigns to calls"),
        (Element, "Element.call assigns to an element"),
        (Appending, "Appending.call uses append, which may change a list in place"),
        (Extending, "Extending.call uses +=, which may change a list in place"),
        (Global, "Global.call assigns to total"),
        (Iterating, "Iterating.call calls next, which may change something"),
        (PythonRandom, "PythonRandom.call uses random, which may draw random numbers"),
        (NumPyRandom, "NumPyRandom.call uses random, which may draw random numbers"),
        (TensorlabRandom, "it draws random numbers"),
        (Clock, "Clock.call uses the module time, which may change something"),
        (Reading, "it reads the elements of a tensor"),
        (Iterations, "Iterations.call reads iterations, which changes in every step"),
        (Printing, "Printing.call calls print, which may change something"),
        (NumPy, "it reads the elements of a tensor"),
        (Nonlocal, "Nonlocal.__init__.<locals>.factor assigns to count"),
    ],
)
def test_layer_that_is_not_the_same_in_every_step(layer: Any, reason: str) -> None:
    def make() -> tl.Model:
        _reset()
        made = model(layer())
        OPTIMIZER[:] = [made.optimizer]
        return made

    _, planned = compare(make)
    assert planned.runs == 0
    assert planned.reason == reason


def test_layer_that_a_callback_changes_between_epochs() -> None:
    class Scale(tl.layers.Layer):
        factor = 1.0

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

    class Change(tl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[0].factor = 1.0 + epoch

    _, planned = compare(lambda: model(Scale()), callbacks=[Change()], epochs=3)
    assert planned.runs > 0, planned.reason


def test_callback_between_steps() -> None:
    class Every(tl.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.layers[0].rate = 0.1 * (batch % 5)

    _, planned = compare(lambda: model(tl.layers.Dropout(0.5)), callbacks=[Every()])
    assert planned.reason == "the callback Every may change something between two steps"
    by_name = tl.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    assert "LambdaCallback" in compare(lambda: model(), callbacks=[by_name])[1].reason


def test_optimizer_that_looks_at_the_step() -> None:
    class Sometimes(tl.optimizers.SGD):
        def apply_gradients(self, grads_and_vars: Any) -> None:
            if self.iterations % 7 == 6:
                self.iterations += 1
            else:
                super().apply_gradients(grads_and_vars)

    _, planned = compare(lambda: model(optimizer=Sometimes(0.1)))
    assert planned.runs == 0


def test_hyperparameter_that_is_computed() -> None:
    class Falling(tl.optimizers.SGD):
        @property
        def learning_rate(self) -> float:
            return 0.1 / (1 + self.iterations)

    _, planned = compare(lambda: model(optimizer=Falling()))
    assert planned.runs > 0, planned.reason


def test_metric_that_counts_in_python() -> None:
    class Batches(tl.metrics.Metric):
        batches = 0

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.batches += 1

        def result(self) -> float:
            return float(self.batches)

        def reset_state(self) -> None:
            self.batches = 0

    _, planned = compare(lambda: model(metrics=[Batches()]))
    assert planned.runs == 0
    assert planned.model.history.history["batches"] == [12.0, 12.0]


def test_metric_with_a_variable_is_planned() -> None:
    class Total(tl.metrics.Metric):
        def __init__(self) -> None:
            super().__init__("total")
            self.sum = self.add_weight((), "zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.sum.assign_add(tl.sum(tl.max(y_pred, axis=-1)))

        def result(self) -> float:
            return float(self.sum)

    _, planned = compare(lambda: model(metrics=[Total()]))
    assert planned.runs > 0, planned.reason


def test_weights_that_something_holds_are_not_changed() -> None:
    held: list[Any] = []

    class Holding(tl.layers.Dense):
        def call(self, inputs: Any) -> Any:
            if len(held) < 1:
                held.append((self.kernel.value, self.kernel.numpy().copy()))
            return super().call(inputs)

    compare(lambda: (held.clear(), model(Holding(4)))[1])
    value, copied = held[0]
    assert value.numpy().tobytes() == copied.tobytes()


def test_weights_that_are_replaced_between_epochs() -> None:
    class Replace(tl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.set_weights([w * 0.5 for w in self.model.get_weights()])

    _, planned = compare(lambda: model(), callbacks=[Replace()], epochs=3)
    assert planned.runs > 0, planned.reason


def test_active_profiler() -> None:
    def profile(frame: Any, event: str, argument: Any) -> None:
        pass

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        planned = train(lambda: model(), True)
    finally:
        sys.setprofile(before)
    assert planned.reason == "a profiler is active, so that Python functions cannot be observed"
    planned.model.fit(X, LABELS, batch_size=8, epochs=2, verbose=0)
    assert planned.model.training_plan.reason == ""
    assert sys.getprofile() is before


def test_loss_that_becomes_infinite_is_reported_with_its_step() -> None:
    messages = []
    for plans in (False, True):
        with pytest.raises(tl.errors.NonFiniteError) as caught:
            train(lambda: model(optimizer=tl.optimizers.SGD(1e38), loss="mse"), plans, y=np.full((96, 3), 1e20, "f4"))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_large_array_that_a_callback_changes_between_epochs() -> None:
    class Table(tl.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.table = np.ones((300, 300), np.float32)

        def call(self, inputs: Any) -> Any:
            return inputs * tl.asarray(self.table, copy=True)[0, :6]

    class Change(tl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[0].table[0, 0] = epoch

    _, planned = compare(lambda: model(Table()), callbacks=[Change()], epochs=3)
    assert planned.runs > 0, planned.reason


def test_method_of_a_class_that_is_replaced_between_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    call = tl.layers.Rescaling.call

    class Replace(tl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            monkeypatch.setattr(tl.layers.Rescaling, "call", lambda self, x: call(self, x) * (1.0 + epoch))

    _, planned = compare(lambda: model(tl.layers.Rescaling(0.5)), callbacks=[Replace()], epochs=3)
    assert planned.runs > 0, planned.reason

"""Compiled calls of the sigmoid, whose results remember their logits."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.ops import compiled_calls
from tensorlab.ops.probabilities import Probabilities, Sigmoid, logits_of


@pytest.fixture(autouse=True)
def _hot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the call, and prepare float32."""
    monkeypatch.setattr(compiled_calls, "_left", 1)
    for _ in range(2):
        tl.sigmoid(tl.asarray([1.0]))


def compiled() -> int:
    return tl.sigmoid.call_counts.compiled


def test_compiled_result_remembers_a_snapshot_of_its_argument() -> None:
    values = np.array([-200.0, 0.0, 3.0], np.float32)
    x = tl.asarray(values.tolist())
    before = compiled()
    y = tl.sigmoid(x)
    assert compiled() == before + 1
    np.testing.assert_allclose(y.numpy(), 1 / (1 + np.exp(-values.astype(float))), rtol=1e-6, atol=1e-30)
    assert type(y) is Probabilities
    x[0] = 1.0  # changes neither the result nor the logits
    logits = logits_of("sigmoid", y)
    assert logits is not None
    assert logits.tolist() == values.tolist()
    assert logits.key != x.key
    loss = tl.losses.binary_crossentropy(tl.asarray([1.0, 1.0, 1.0]), y)
    assert float(loss) == pytest.approx((200.0 + np.log(2) + np.log1p(np.exp(-3.0))) / 3, rel=1e-6)


def test_gradient_of_a_loss_of_a_compiled_result_reaches_the_logits() -> None:
    found = []
    for calls_of_python in (False, True):
        x = tl.asarray([-300.0, 2.0])
        with tl.GradientTape() as tape:
            tape.watch(x)
            if calls_of_python:
                with tl.ops.python_calls():
                    y = tl.sigmoid(x)
            else:
                before = compiled()
                y = tl.sigmoid(x)
                assert compiled() == before + 1
            loss = tl.losses.binary_crossentropy(tl.asarray([1.0, 0.0]), y)
        gradient = tape.gradient(loss, x)
        assert gradient is not None
        found.append(gradient.numpy())
    np.testing.assert_allclose(found[0], [-0.5, 0.5 / (1 + np.exp(-2.0))], rtol=1e-6)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("kind", ["shared", "variable", "probabilities", "number", "integers"])
def test_other_arguments_take_the_python_call(kind: str) -> None:
    array = np.array([1.0, -2.0], np.float32)
    given: Any = {
        "shared": tl.asarray(array),
        "variable": tl.Variable(array),
        "probabilities": tl.sigmoid(tl.asarray([1.0, -2.0])),
        "number": 0.5,
        "integers": tl.asarray([1, -2]),
    }[kind]
    expected = 1 / (1 + np.exp(-np.asarray(given).astype(float)))
    before = compiled()
    y = tl.sigmoid(given)
    assert compiled() == before
    array[:] = 100.0  # memory of a NumPy array is copied first
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)
    logits = logits_of("sigmoid", y)
    assert logits is not None
    np.testing.assert_allclose(1 / (1 + np.exp(-logits.numpy().astype(float))), expected, rtol=1e-6)


def test_results_are_arguments_of_compiled_calls() -> None:
    x = tl.asarray([1.0, -2.0])
    y = tl.sigmoid(x)
    tl.multiply(x, x)
    before = tl.multiply.call_counts.compiled
    product = tl.multiply(y, x)
    assert tl.multiply.call_counts.compiled == before + 1
    assert type(product) is tl.Tensor
    np.testing.assert_array_equal(product.numpy(), y.numpy() * x.numpy())
    with tl.GradientTape() as tape:
        tape.watch(x)
        y = tl.sigmoid(x)
        z = tl.multiply(y, y)
    s = y.numpy()
    np.testing.assert_allclose(tape.gradient(z, x).numpy(), 2 * s * s * (1 - s), rtol=1e-6)


def test_remembering_leaks_no_references() -> None:
    x = tl.asarray(np.linspace(-1, 1, 50).tolist())
    watched = (x, x._buffer, x._backend, x.key, "sigmoid", tl.Tensor, Probabilities)
    tl.sigmoid(x)
    gc.collect()
    before = [sys.getrefcount(thing) for thing in watched]
    for _ in range(1000):
        tl.sigmoid(x)
    gc.collect()
    after = [sys.getrefcount(thing) for thing in watched]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 10  # other code may use the same small integer
    y = tl.sigmoid(x)
    with tl.ops.python_calls():
        other = tl.sigmoid(x)
    counts = [[sys.getrefcount(thing) for thing in (p, p.origin, p.logits, p.logits._buffer)] for p in (y, other)]
    assert counts[0] == counts[1]


def test_call_is_replaced_for_both_classes() -> None:
    x = tl.asarray([1.0])
    assert not hasattr(Sigmoid.__call__, "__code__")
    with tl.ops.python_calls():
        assert hasattr(Sigmoid.__call__, "__code__")
        assert type(tl.sigmoid(x)) is Probabilities
    assert not hasattr(Sigmoid.__call__, "__code__")
    assert "sigmoid of a tensor" in (Sigmoid.__call__.__doc__ or "")

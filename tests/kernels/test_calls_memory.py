"""Operations, activations, rules and models made in a loop do not accumulate memory."""

from __future__ import annotations

import gc
import linecache
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import devices
from tensorlab.kernels.runtime import calls, library, linker
from tensorlab.ops import casting, compiled_calls
from tensorlab.scalars import ScalarFunction

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
Y = np.ones((4, 1), np.float32)


def call_and_differentiate(operation: Callable[..., tl.Tensor]) -> None:
    x = tl.asarray(X)
    for _ in range(3):
        operation(x)
    with tl.GradientTape() as tape:
        tape.watch(x)
        y = operation(x)
    tape.gradient(y, x)


# These compute `tl.square` and SGD, so that their kernels are in the cache of the tests.


def operation() -> Any:
    made = tl.elementwise(lambda x: x * x)
    call_and_differentiate(made)
    return made


def activation() -> Any:
    made = tl.Activation(lambda x: x * x)
    kernel = tl.asarray(X.T.copy())
    bias = tl.asarray(np.ones(4, np.float32))
    call_and_differentiate(lambda x: tl.dense(x, kernel, bias, made))
    return made


def descent() -> Any:
    return tl.OptimizerRule(lambda weight, gradient, learning_rate=0.01: weight - learning_rate * gradient)()


def optimizer() -> Any:
    made = descent()
    weight = tl.Variable(np.ones(3, np.float32))
    made.apply_gradients([(tl.asarray(np.ones(3, np.float32)), weight)])
    return made


def model() -> Any:
    made = tl.Sequential([tl.layers.Dense(2, activation=tl.Activation(lambda x: x * x)), tl.layers.Dense(1)])
    made.compile(descent(), "mse")
    made.fit(X, Y, verbose=0)
    return made


def cache_sizes() -> dict[str, int]:
    """Return the sizes of all caches that live as long as the process."""
    for _ in range(4):  # entries of weak dictionaries are freed one collection later
        gc.collect()
    cpu: Any = devices.backend("cpu")
    holders = {
        "kernels": library._kernels,
        "tables": calls._tables,
        "referred to": calls._kept,
        "kernels of the backend": cpu._kernels,
        "conversions": casting._conversions,
        "sources": linecache.cache,
    }
    counts = {name: len(holder) for name, holder in holders.items()}
    counts["functions"] = sum([type(thing) is ScalarFunction for thing in gc.get_objects()])
    return counts


@pytest.mark.parametrize("make", [operation, activation, optimizer, model])
def test_equal_objects_share_kernels_and_are_freed(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_calls, "_left", 1)  # the next call compiles
    for _ in range(2):
        make()
    loaded: list[Any] = []
    load = linker.load
    monkeypatch.setattr(linker, "load", lambda code: (loaded.append(code), load(code))[1])
    before = cache_sizes()
    watched = [weakref.ref(make()) for _ in range(10)]
    assert loaded == []
    assert cache_sizes() == before
    assert [reference() for reference in watched] == [None] * len(watched)


def test_different_functions_have_different_kernels() -> None:
    x = tl.asarray(X)
    for factor in (2.0, 3.0, 2.0):
        np.testing.assert_array_equal(tl.elementwise(lambda x: x * factor)(x).numpy(), X * np.float32(factor))  # noqa: B023

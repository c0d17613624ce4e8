"""Call every public method of objects with invalid arguments: only tensorlab's own errors may be raised.

The tests use the reference device, which compiles nothing.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nonsense import HOSTILE, X, invalid_calls

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, TensorlabError, short_repr


def model() -> tl.Sequential:
    model = tl.Sequential([tl.layers.Dense(3)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.train_on_batch(X, X)
    return model


def dense() -> tl.layers.Dense:
    layer = tl.layers.Dense(3)
    layer(X)
    return layer


OBJECTS: dict[str, Callable[[], Any]] = {
    "tensor": lambda: tl.asarray(X),
    "variable": lambda: tl.Variable(X),
    "model": model,
    "layer": dense,
    "optimizer": lambda: model().optimizer,
    "metric": tl.metrics.AUC,
    "loss": tl.losses.MeanSquaredError,
    "activation": lambda: tl.activations.relu,
    "elements": lambda: tl.asarray(X).at[0],
    "tape": tl.GradientTape,
    "initializer": tl.initializers.GlorotUniform,
    "regularizer": tl.regularizers.L2,
}
INTERNAL = {
    "backward",  # called by `gradient`
    "call",  # called by `__call__`
    "check",
    "checked_data",
    "checked_samples",
    "compute",
    "dry_run",
    "gradient_operation",
    "loop",
    "reduced",
    "restore",
    "sample_values",
    "take_losses",
    "take_table",
    "track",
}
"""Methods that tensorlab calls with arguments it has checked."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some arguments are valid names of files to write


@pytest.fixture(autouse=True)
def _reference() -> Iterator[None]:
    with tl.device("reference"):
        yield


def parameters_of(method: Any) -> list[inspect.Parameter]:
    try:
        found = inspect.signature(method).parameters.values()
    except (ValueError, TypeError):
        return []
    return [each for each in found if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]


@pytest.mark.parametrize("kind", OBJECTS)
def test_invalid_arguments_raise_only_tensorlab_errors(kind: str) -> None:
    make = OBJECTS[kind]
    names = [name for name in dir(make()) if not name.startswith("_") and name not in INTERNAL]
    called = 0
    for name in names:
        try:
            method = getattr(make(), name, None)
        except TensorlabError:  # of an attribute that the object does not have yet
            continue
        parameters = parameters_of(method) if callable(method) else []
        for wrong, value, args, kwargs in invalid_calls(parameters):
            if (wrong == "print_fn" and callable(value)) or (wrong == "copy" and value is HOSTILE[-1]):
                # errors of a user's function are passed through, and astype does not check copy, to be fast
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    getattr(make(), name)(*args, **kwargs)
                called += 1
            except TensorlabError:
                called += 1
            except Exception as error:
                given = f"{kind}.{name}({wrong}={short_repr(value)})"
                pytest.fail(f"{given} raised {type(error).__name__}: {error}")
    assert called > 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: dense().set_weights(3),
            r"\.set_weights: expected a list of arrays, received 3; give what",
        ),
        (lambda: model().summary(print_fn=3), r"\.summary print_fn: expected a function of one line"),
        (lambda: tl.layers.Dense(3).add_weight((2,), name=3), r"Dense '.*'\.add_weight name: expected a string"),
        (
            lambda: tl.metrics.AUC().add_variable((2,), name=3),
            r"auc\.add_variable name: expected a string, received 3$",
        ),
        (lambda: tl.Variable(X, name=3), r"Variable name: expected a string, received 3$"),
        (
            lambda: model().optimizer.get_state([3]),
            r"SGD\.get_state: expected a list of Variables, received \[3\];",
        ),
        (lambda: tl.asarray(X).at[0].apply(3), r"x\.at\[index\]\.apply: expected a function of a tensor, received 3$"),
        (lambda: tl.activations.relu.from_config(3), r"activation 'relu': expected a dict of arguments"),
    ],
)
def test_messages_about_types(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentTypeError, match=message):
        call()


def test_default_name_of_a_variable() -> None:
    assert tl.Variable(X, name=None).name == "variable"

"""Call every public function and constructor with invalid arguments: only tensorlab's own errors may be raised.

The tests use the reference device, which compiles nothing.
"""

from __future__ import annotations

import inspect
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nonsense import HUGE, Broken, X, invalid_calls

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, TensorlabError, short_repr

MODULES = (
    tl.ops,
    tl.random,
    tl.linalg,
    tl.layers,
    tl.optimizers,
    tl.losses,
    tl.metrics,
    tl.callbacks,
    tl.initializers,
    tl.regularizers,
    tl.activations,
    tl,
)
ELSEWHERE = {
    "hookimpl",  # pluggy's
    "leave_run",  # takes what enter_run returns
    "set_num_threads",
    "set_seed",
    "set_state",
}
BEYOND = {("AUC", "num_thresholds"), ("matrix_power", "n")}
"""Valid arguments that would need too much time or memory."""


def things() -> Iterator[tuple[str, Callable[..., Any]]]:
    seen = set()
    for module in MODULES:
        for name in getattr(module, "__all__", None) or vars(module):
            thing = getattr(module, name)
            own = str(getattr(thing, "__module__", "")).startswith(module.__name__)
            if not callable(thing) or name.startswith("_") or name in ELSEWHERE or id(thing) in seen or not own:
                continue
            seen.add(id(thing))
            yield f"{module.__name__}.{name}", thing


THINGS = dict(things())


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some arguments are valid names of files to write


@pytest.fixture(autouse=True)
def _reference() -> Iterator[None]:
    state = tl.random.get_state()
    with tl.device("reference"):
        yield
    tl.random.set_state(state)
    tl.random.move_to(0, 0)


def test_many_functions_are_called() -> None:
    assert len(THINGS) > 300


@pytest.mark.parametrize("name", THINGS)
def test_invalid_arguments_raise_only_tensorlab_errors(name: str) -> None:
    thing = THINGS[name]
    try:
        parameters = [p for p in inspect.signature(thing).parameters.values() if p.kind not in (2, 4)]
    except ValueError:
        return
    longest = 0
    for wrong, value, args, kwargs in invalid_calls(parameters):
        if (name.rpartition(".")[2], wrong) in BEYOND:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                thing(*args, **kwargs)
        except TensorlabError as error:
            longest = max(longest, len(str(error)))
        except Exception as error:
            pytest.fail(f"{name}({wrong}={short_repr(value)}) raised {type(error).__name__}: {error}")
    assert longest < 1000


def test_long_and_broken_values_have_a_short_repr() -> None:
    assert short_repr([1, "a"]) == "[1, 'a']"
    assert short_repr("a" * 300) == f"'{'a' * 199}..."
    assert short_repr(HUGE) == "an object of type 'int' of 16,610 bits"
    assert short_repr(Broken()) == "an object of type 'Broken'"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tl.sum(X, dim=0),
            r"sum: expected arguments among: .*, received the unknown argument 'dim'; write a",
        ),
        (lambda: tl.concat([X], dim=0), r"concat: .*'dim'; write axis=\.\.\.$"),
        (lambda: tl.ops.cumsum(X, dim=0), r"cumsum: .*'dim'; write axis=\.\.\.$"),
        (lambda: tl.linalg.trace(X, foo=0), r"trace: .* received the unknown argument 'foo'$"),
        (lambda: tl.sum(), r"sum: expected a value for 'x', received none$"),
        (lambda: tl.mean(X, 0, 1, 2), r"mean: expected at most 2 arguments by position .*, received 4; give by name"),
        (lambda: tl.random.normal((2,), std=1), r"random\.normal: .*'std'; write stddev=\.\.\.$"),
        (lambda: tl.add(X, X, foo=1), r"add: expected arguments among: .*, received the unknown argument 'foo'$"),
        (lambda: tl.random.normal((2,), use=None), r"random use: expected a string, received None$"),
        (
            lambda: tl.elementwise(kinds=object()),
            r"elementwise: expected kinds as a dict of f",
        ),
        (lambda: tl.asarray(X).to_device("cpu", stream=1), r"to_device: expected no stream, .*, received 1$"),
        (
            lambda: tl.layers.Dense(2, kernel_initializer=lambda shape: tl.zeros(shape))(X),
            r"dense.*/kernel initializer: expected a function of \(shape, dtype\), received the unknown argument "
            r"'dtype'; write def initializer\(shape, dtype\)$",
        ),
        (
            lambda: tl.losses.MeanSquaredError(X, X),
            r"MeanSquaredError: expected a string for 'reduction', received an array of shape \(3, 3\)$",
        ),
        (
            lambda: tl.sum(X, keepdims=X),
            r"sum: expected True or False for 'keepdims', received an array of shape \(3, 3\)$",
        ),
        (
            lambda: tl.losses.binary_crossentropy(X, X, X),
            r"binary_crossentropy: expected True or False for 'from_logits', received an array of shape \(3, 3\)$",
        ),
        (lambda: round(tl.asarray(X), "a"), r"round: expected an integer number of decimals, or None, received 'a'$"),
    ],
)
def test_messages_about_arguments(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((ArgumentTypeError, ArgumentError)) as error:
        call()
    assert re.match(message, str(error.value)), str(error.value)
    assert error.value.__cause__ is None


def test_messages_of_models() -> None:
    model = tl.Sequential([tl.layers.Dense(2)], name="net")
    model.compile("sgd", "mse")
    ragged = [[1.0, 2.0, 3.0], [1.0]]
    for name, call in {
        "predict": lambda: model.predict_on_batch(ragged),
        "evaluate": lambda: model.test_on_batch(ragged, X),
        "train_on_batch": lambda: model.train_on_batch(ragged, X),
    }.items():
        with pytest.raises(TensorlabError, match=rf"^Sequential 'net'\.{name} x: expected .*, received list; "):
            call()
    for wrong in ("abc", float("nan"), -1, 10**30, True):
        with pytest.raises(ArgumentError, match=r"^Sequential 'net'\.summary line_length: expected an integer"):
            model.summary(line_length=wrong)
    with pytest.raises(ArgumentError, match=r"^precision thresholds: expected numbers from 0 to 1, received \[\[1"):
        tl.metrics.Precision(thresholds=[[1.0], [1.0, 0.5]])
    for count in (10**15, 10**30):
        with pytest.raises(ArgumentError, match=r"^to_categorical num_classes: expected a number .* that memory holds"):
            tl.utils.to_categorical([1], num_classes=count)


def test_round_with_a_very_large_number_of_decimals() -> None:
    for dtype in ("float32", "float64"):
        x = tl.asarray([1.5, -2.75, float("inf"), float("nan"), 0.0], dtype=dtype)
        for digits in (309, 400, 10**30):
            np.testing.assert_array_equal(round(x, digits).numpy(), x.numpy())
            np.testing.assert_array_equal(round(x, -digits).numpy(), [0.0, 0.0, np.inf, np.nan, 0.0])


def test_invalid_epoch_or_step_changes_nothing() -> None:
    before = tl.random.get_state()
    for place in ((int, 0), (0, -1), (0, 2**70), (None, 1)):
        with pytest.raises(ArgumentError, match=r"^random\.move_to (epoch|step): expected an integer from 0 to "):
            tl.random.move_to(*place)
    assert tl.random.get_state() == before


@pytest.mark.parametrize("function", [tl.sum, tl.ops.sum, tl.linalg.trace, tl.ops.binary_crossentropy, tl.add])
def test_functions_are_pickled_by_their_public_names(function: Any) -> None:
    assert pickle.loads(pickle.dumps(function)) is function

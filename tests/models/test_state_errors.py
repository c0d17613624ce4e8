"""`StateError`: its text, its attributes, and copies of it."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ShapeError, StateError, TensorlabError


def test_message_contains_who_problem_and_hint() -> None:
    error = StateError("Sequential 'net'.fit", "the model is not compiled", "call compile() first")
    assert str(error) == "Sequential 'net'.fit: the model is not compiled; call compile() first"
    assert str(StateError("tape", "it is freed")) == "tape: it is freed"
    assert (error.who, error.problem, error.hint) == (
        "Sequential 'net'.fit",
        "the model is not compiled",
        "call compile() first",
    )
    assert (error.expected, error.received) == ("", "")
    assert isinstance(error, TensorlabError)
    assert isinstance(error, RuntimeError)


def test_problem_of_other_errors_is_what_they_expected_and_received() -> None:
    assert ShapeError("add", "one shape", "two").problem == "expected one shape, received two"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_copy_has_the_same_text(again: object) -> None:
    error = StateError("tape", "it is freed", "create another")
    made = again(error)  # type: ignore[operator]
    assert (type(made), str(made), made.args) == (StateError, str(error), error.args)


def test_slots_of_another_shape_are_rejected() -> None:
    weight, optimizer = tl.Variable(np.zeros(3), name="w"), tl.optimizers.SGD(momentum=0.9)
    optimizer.apply_gradients([(np.ones(3), weight)])
    again, changed = pickle.loads(pickle.dumps((optimizer, weight)))
    other = tl.Variable(np.zeros(4), name="v")
    other.marks = changed.marks
    with pytest.raises(StateError) as error:
        again.apply_gradients([(np.ones(4), other)])
    assert str(error.value) == (
        "slot 'velocity': the slot is float64 of shape (3,), but its weight 'v' is float64 of shape (4,); "
        "call forget_slots() to start over"
    )


def test_disabled_numba_compiler_is_reported() -> None:
    program = (
        "import tensorlab as tl\ntry:\n    tl.zeros(3) + 1\nexcept tl.errors.StateError as error:\n    print(error)"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == (
        "tensorlab: NUMBA_DISABLE_JIT switches Numba's compiler off; unset it to use the device 'cpu'\n"
    ), done.stderr

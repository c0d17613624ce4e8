"""A recording knows every array, and two recordings are equal only if what they repeat is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.plan_cases import X

import tensorlab as tl
from tensorlab.backends.listening import called, listening, notified, refused
from tensorlab.plans.purity import Watch, change_in
from tensorlab.plans.recording import Recording
from tensorlab.variable import variables_by_buffer


def recorded(function: Any, *arrays: np.ndarray) -> Recording:
    inputs = [tl.asarray(array) for array in arrays]
    made = Recording([each.buffer for each in inputs], variables_by_buffer())
    with tl.ops.python_calls(), notified(made):
        function(*inputs)
    made.finish()
    return made


def kinds(recording: Recording) -> list[str]:
    return [operand.kind for operand in recording.operands]


def test_operands_and_nodes() -> None:
    weight = tl.Variable(np.ones((6, 3), np.float32))
    found = recorded(lambda x: tl.relu(x @ weight) + 2.0, X[:4])
    assert [node.kind for node in found.nodes] == ["launch"] * 3
    assert sorted(set(kinds(found))) == ["constant", "input", "made", "variable"]
    assert found.reason == ""
    assert found.difference(recorded(lambda x: tl.relu(x @ weight) + 2.0, X[4:8])) == ""


def test_views_belong_to_the_memory_that_they_show() -> None:
    weight = tl.Variable(np.arange(12, dtype=np.float32).reshape(3, 4))
    found = recorded(lambda x: x @ tl.permute_dims(weight, (1, 0)) + tl.sum(weight[1:, ::2]), X[:4, :4])
    views = [operand for operand in found.operands if operand.root is not operand and operand.root.kind == "variable"]
    assert (views[0].strides, views[0].offset) == ((4, 16), 0)
    assert (views[-1].shape[-1], views[-1].strides[-1], views[-1].offset) == (2, 8, 16)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x, n: x * float(n), "a number or an array that it uses differs from call to call"),
        (lambda x, n: x + tl.asarray(np.full(6, n, np.float32)), "a number or an array that it uses"),
        (lambda x, n: tl.relu(x) if n else tl.exp(x), "kernel or its arguments differ from call to call"),
        (lambda x, n: tl.exp(tl.exp(x)) if n else tl.exp(x), "the number of its operations differs from call to call"),
        (lambda x, n: x[:, : 2 + n] + 1.0, "a number or an array that it uses differs from call to call"),
    ],
)
def test_recordings_that_differ(function: Any, reason: str) -> None:
    first, second = (recorded(lambda x, n=n: function(x, n), X[:4]) for n in (0, 1))
    assert first.difference(second).startswith(reason)


def test_other_variables_differ() -> None:
    first, second = tl.Variable([1.0]), tl.Variable([1.0])
    one, other = (recorded(lambda x, v=v: x + v, X[:4]) for v in (first, second))
    assert one.difference(other)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x.numpy(), "it reads the elements of a tensor"),
        (lambda x: bool(tl.any(x > 0)), "it reads the elements of a tensor"),
        (lambda x: np.from_dlpack(x), "it exports a tensor"),
        (lambda x: tl.random.normal((2,)), "it draws random numbers"),
        (lambda x: tl.Tensor(np.negative(x.buffer, out=x.buffer), x.backend) + 1.0, ""),
        (lambda x: tl.Tensor(tl.exp(x).buffer[1:], x.backend) + 1.0, "it computes with NumPy on the memory of tensors"),
    ],
)
def test_what_cannot_be_repeated(function: Any, reason: str) -> None:
    assert recorded(function, X[:4].copy()).reason == reason


def test_variable_whose_buffer_is_replaced() -> None:
    variable = tl.Variable(np.ones(6, np.float32))

    def held(x: tl.Tensor) -> tl.Tensor:
        before = variable.value
        variable.assign_add(x[0])
        return before + 1.0

    def swapped(x: tl.Tensor) -> None:
        variable._buffer = np.zeros(6, np.float32)

    assert recorded(held, X[:4]).reason == "it uses a value of a variable from before an assignment"
    assert recorded(swapped, X[:4]).reason == "it replaces the buffer of the variable 'variable'"


def test_writing_to_memory_of_others() -> None:
    array = np.ones(3, np.float32)
    made = Recording([], {})
    made.called(np.copyto, (array, 1.0), None, (array,))
    assert made.reason == "it writes into an input, or into an array from outside of the function"


def test_listeners_hear_their_own_thread_only() -> None:
    import threading

    made = Recording([], {})
    with notified(made):
        thread = threading.Thread(target=lambda: tl.exp(tl.asarray([1.0])))
        thread.start()
        thread.join()
        assert listening[0] == 1
    assert made.nodes == []
    assert listening[0] == 0
    refused("nobody listens")
    called(np.copy, (), None)


def test_code_that_changes_nothing_is_accepted() -> None:
    def layer(x: Any, factors: Any = (1.0, 2.0)) -> Any:
        parts = [x * factor for factor in factors]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total if len(parts) > 1 else None

    assert change_in(layer.__code__) == ""
    with Watch() as watch:
        layer(2.0)
    assert watch.reason == ""


def test_code_that_changes_something_is_named() -> None:
    def generator() -> Any:
        yield 1

    def deleting(x: Any) -> None:
        del x.attribute

    assert change_in(generator.__code__).endswith("generator is a generator, which keeps its state")
    assert change_in(deleting.__code__).endswith("deleting assigns to attribute")

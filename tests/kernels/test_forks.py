"""Locks and forks: a child process neither deadlocks nor sees half-finished state."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from python_processes import output_of

import tensorlab as tl
from tensorlab.forks import Lock, cached_property


def test_child_rejects_a_layer_that_another_thread_was_building() -> None:
    program = """
import os, threading
import tensorlab as tl

begun, end = threading.Event(), threading.Event()

class Slow(tl.layers.Layer):
    def build(self, input_shape):
        begun.set()
        end.wait()

with tl.device("reference"):
    layer, other = Slow(name="slow"), tl.layers.Dense(2)
    thread = threading.Thread(target=layer.build, args=[(None, 3)])
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        for _ in range(2):
            try:
                layer(tl.ones((1, 3)))
            except tl.errors.StateError as error:
                print(error, flush=True)
        print(other(tl.ones((1, 3))).shape, flush=True)
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
    end.set()
    thread.join()
    print(layer.built)
"""
    message = (
        "fork: another thread was building the object, or calling it for the first time, during the fork; "
        "build models before forking, or make them in the child\n"
    )
    assert output_of(program) == f"{message * 2}(1, 2)\n0\nTrue\n"


def test_thread_that_forks_while_building_continues_in_the_child() -> None:
    program = """
import os
import tensorlab as tl

class Forking(tl.layers.Layer):
    def build(self, input_shape):
        self.child = os.fork()

    def call(self, inputs):
        return inputs

with tl.device("reference"):
    layer = Forking()
    shape = layer(tl.ones((1, 3))).shape
    if layer.child == 0:
        os._exit(0 if shape == (1, 3) and layer(tl.ones((2, 3))).shape == (2, 3) else 1)
    print(os.waitpid(layer.child, 0)[1])
"""
    assert output_of(program) == "0\n"


def test_fork_while_other_threads_use_counters() -> None:
    """Layer names, keys and draws are counted under one lock, which a fork acquires."""
    program = """
import os, threading
import tensorlab as tl

keys, done = tl.random.SeedGenerator(1), threading.Event()

def count():
    keys.next(), tl.utils.unique_name("Thing"), tl.random.generator("shuffle")

def others():
    while not done.is_set():
        count()

threads = [threading.Thread(target=others) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(30):
    child = os.fork()
    if child == 0:
        count()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
done.set()
for thread in threads:
    thread.join()
print("right")
"""
    assert output_of(program) == "right\n"


def test_pickled_lock_is_a_new_lock() -> None:
    lock = Lock()
    with lock, lock:
        copied = pickle.loads(pickle.dumps(lock))
        assert copied._lock is not lock._lock


def test_locks_are_created_only_in_the_forks_module() -> None:
    """The thread pool and the processes that compile are exceptions: a child discards their state."""
    package = Path(tl.__file__).parent
    own = [
        str(path.relative_to(package))
        for path in sorted(package.rglob("*.py"))
        if any(f"{kind}()" in path.read_text() for kind in ("threading.Lock", "threading.RLock", " RLock", "Condition"))
    ]
    assert own == ["forks.py", "kernels/runtime/ahead.py", "kernels/runtime/pool.py"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_child_computes_keys_while_a_thread_of_the_parent_computed_one() -> None:
    program = """
import os, signal, threading
import tensorlab as tl
from tensorlab.scalars import function

begun, ended = threading.Event(), threading.Event()
one, other = tl.exp.scalar, tl.sin.scalar
definition = function._definition

def slow(*arguments):
    if threading.current_thread() is thread:
        begun.set()
        ended.wait()
    return definition(*arguments)

function._definition = slow
thread = threading.Thread(target=lambda: one.key)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)
    os._exit(0 if len(other.key) == 64 else 1)
print(os.waitpid(child, 0)[1])
ended.set()
thread.join()
"""
    assert output_of(program) == "0\n"


def test_cached_property_is_computed_once_for_each_object() -> None:
    class Squares:
        def __init__(self, x: int) -> None:
            self.x, self.calls = x, 0

        @cached_property
        def square(self) -> int:
            """Return the square."""
            self.calls += 1
            return self.x**2

    three, four = Squares(3), Squares(4)
    assert [three.square, three.square, four.square] == [9, 9, 16]
    assert (three.calls, four.calls) == (1, 1)
    assert Squares.square.__doc__ == "Return the square."

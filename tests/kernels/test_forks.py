"""Locks at a fork: the child neither waits for a thread that it does not have nor begins with half of its work."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import tensorlab as tl
from tensorlab.forks import Lock

ROOT = Path(__file__).parents[2]


def output(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_layer_that_another_thread_was_building_is_refused_in_the_child() -> None:
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
    assert output(program) == f"{message * 2}(1, 2)\n0\nTrue\n"


def test_the_thread_that_forks_while_it_builds_goes_on_in_the_child() -> None:
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
    assert output(program) == "0\n"


def test_forks_while_other_threads_count() -> None:
    """Names of layers, keys and draws are counted under one lock, which a fork waits for."""
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
    assert output(program) == "right\n"


def test_a_copied_lock_is_a_lock_of_its_own() -> None:
    lock = Lock()
    with lock, lock:
        copied = pickle.loads(pickle.dumps(lock))
        assert copied._lock is not lock._lock


def test_every_lock_is_made_by_the_module_of_forks() -> None:
    """But for the pool, whose state a child forgets."""
    package = Path(tl.__file__).parent
    own = [
        str(path.relative_to(package))
        for path in sorted(package.rglob("*.py"))
        if any(f"{kind}()" in path.read_text() for kind in ("threading.Lock", "threading.RLock", " RLock", "Condition"))
    ]
    assert own == ["forks.py", "kernels/runtime/pool.py"]

"""The thread pool in new processes: after fork and spawn, beside the threads of other libraries, and interrupted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from python_processes import output_of, python

SETTING = """
import os, sys
import numpy as np
import tensorlab as tl

def work(size):
    x = tl.asarray(np.random.default_rng(size).standard_normal((size, 200)).astype(np.float32))
    return [result.numpy().tobytes() for result in (x + x, tl.sum(x, axis=0), x @ x.T)]
"""


def test_environment_variable_sets_the_number_of_threads() -> None:
    program = "import tensorlab as tl; x = tl.zeros((300, 300)); x + x; print(tl.get_num_threads())"
    assert output_of(program, TENSORLAB_NUM_THREADS="3") == "3\n"
    assert output_of(program, TENSORLAB_NUM_THREADS="") == f"{len(os.sched_getaffinity(0))}\n"
    one = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + program
    assert output_of(one, TENSORLAB_NUM_THREADS="") == "1\n"


def test_invalid_environment_variable_is_reported() -> None:
    values = ["0", "-1", "1.5", "many", "1025", " 2x"]
    program = f"""
import os
import tensorlab as tl
x = tl.zeros((300, 300))
for value in {values!r}:
    os.environ["TENSORLAB_NUM_THREADS"] = value
    for call in (tl.get_num_threads, lambda: x + x):
        try:
            call()
        except tl.errors.ArgumentError as error:
            print(error)
"""
    expected = "TENSORLAB_NUM_THREADS: expected a number of threads from 1 to 1024, received "
    received = [repr(int(value) if value.isdigit() else value) for value in values]
    assert output_of(program).splitlines() == [expected + value for value in received for _ in range(2)]


def test_pool_works_after_fork() -> None:
    program = f"""{SETTING}
tl.set_num_threads(4)
expected = work(300)
for again in range(3):
    child = os.fork()
    if child == 0:
        right = work(300) == expected and tl.get_num_threads() == 4
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if work(300) == expected else 1)
        os._exit(0 if right and os.waitpid(grandchild, 0)[1] == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert work(300) == expected
print("right")
"""
    assert output_of(program) == "right\n"


def test_fork_while_other_threads_compute() -> None:
    program = f"""{SETTING}
import threading
tl.set_num_threads(2)
expected, done = work(300), threading.Event()

def others():
    while not done.is_set():
        work(300)

threads = [threading.Thread(target=others) for _ in range(3)]
for thread in threads:
    thread.start()
for again in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0 if work(300) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
done.set()
for thread in threads:
    thread.join()
print("right")
"""
    assert output_of(program) == "right\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pool_works_in_multiprocessing_workers(method: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"""{SETTING}
import multiprocessing

if __name__ == "__main__":
    expected = [work(size) for size in (100, 200, 300)]
    with multiprocessing.get_context({method!r}).Pool(2) as processes:
        assert processes.map(work, (100, 200, 300)) == expected
    print("right")
"""
    )
    done = python(str(script))
    assert (done.returncode, done.stdout, done.stderr) == (0, "right\n", "")


def test_process_exits_while_a_daemon_thread_computes() -> None:
    program = f"""{SETTING}
import threading, time
tl.set_num_threads(4)

def endless():
    while True:
        work(300)

work(300)
threading.Thread(target=endless, daemon=True).start()
time.sleep(0.2)
print("right")
"""
    assert output_of(program) == "right\n"


def test_kernel_that_sixteen_threads_need_at_once_is_compiled_once(tmp_path: Path) -> None:
    program = f"""{SETTING}
import threading
from tensorlab.kernels.runtime import cache

ready = threading.Barrier(16)
results = [None] * 16
def task(index):
    x = tl.asarray([float(index)])
    ready.wait()
    results[index] = (x + x).item()

threads = [threading.Thread(target=task, args=(index,)) for index in range(16)]
written = []
write = cache.write
cache.write = lambda key, kernel: (written.append(key), write(key, kernel))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(results == [2.0 * index for index in range(16)], len(written), len(set(written)))
"""
    assert output_of(program, TENSORLAB_CACHE_DIR=str(tmp_path)) == "True 3 3\n", (
        "expected three kernels: the addition, the driver of maps and that of the pool"
    )


@pytest.mark.parametrize("layer", ["omp", "workqueue", "tbb"])
def test_pool_works_beside_numba_threading_layers(layer: str) -> None:
    program = f"""{SETTING}
import threading
import numba

@numba.njit(parallel=True)
def parallel(x):
    y = np.empty_like(x)
    for i in numba.prange(x.size):
        y[i] = np.sqrt(x[i])
    return y

x = np.arange(100_000.0)
try:
    right = parallel(x)
except ValueError as error:
    print("skip:", str(error).splitlines()[0])
    sys.exit()
assert numba.threading_layer() == {layer!r}
tl.set_num_threads(4)
expected = work(300)
for again in range(20):  # in turn
    assert np.array_equal(parallel(x), right) and work(300) == expected

done, wrong = threading.Event(), []
def others():  # and at once
    while not done.is_set():
        if work(300) != expected:
            wrong.append(1)

threads = [threading.Thread(target=others) for _ in range(3)]
for thread in threads:
    thread.start()
for again in range(50):
    assert np.array_equal(parallel(x), right)
done.set()
for thread in threads:
    thread.join()
child = os.fork()
if child == 0:  # where Numba's OpenMP layer would end the process, ours goes on
    os._exit(0 if work(300) == expected else 1)
assert os.waitpid(child, 0)[1] == 0 and wrong == []
print("right")
"""
    libraries = f"{sys.prefix}/lib"  # where TBB is installed; only an activated conda searches there
    said = output_of(program, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2", LD_LIBRARY_PATH=libraries)
    if said.startswith("skip:"):
        pytest.skip(f"Numba has no layer {layer!r} here: {said}")
    assert said == "right\n"


def test_keyboard_interrupt_is_raised_after_the_kernel() -> None:
    program = f"""{SETTING}
import signal, threading
tl.set_num_threads(4)
expected = work(300)
x = tl.ones((1500, 1500))
for again in range(3):
    timer = threading.Timer(0.05, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        while True:
            x @ x
    except KeyboardInterrupt:
        timer.join()
        assert work(300) == expected
print("right")
"""
    assert output_of(program) == "right\n"


def test_calls_are_compiled_while_four_threads_call() -> None:
    program = f"""{SETTING}
import itertools, sysconfig, threading, time
from tensorlab.ops import compiled_calls
compiled_calls._left = 1
# All get there at once, and go on one after the other.
turn, told = itertools.count(1), sysconfig.get_config_var
sysconfig.get_config_var = lambda name: (time.sleep(0.1 * next(turn)), told(name))[1]
x, y, ready, right = tl.asarray([1.0, 2.0]), tl.asarray([3.0, 5.0]), threading.Barrier(4), []

def task():
    ready.wait()
    right.append(all((x + y).tolist() == [4.0, 7.0] for _ in range(3)))

threads = [threading.Thread(target=task) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(right == [True] * 4, (x * y).tolist())
"""
    assert output_of(program) == "True [3.0, 10.0]\n"

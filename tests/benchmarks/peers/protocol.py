"""The worker's side of the protocol between a benchmark and the libraries that it compares.

Each library runs in a process of its own, so that no thread pool, allocator or import of one affects another, and each
may have its own Python. A worker reads commands from its standard input and writes one answer for each to its standard
output, both as lines of JSON. In between it waits in a blocking read and uses no processor time.

    {"do": "train"}     starts the training; the answer comes when the worker is ready for the first epoch
    {"do": "epoch"}     trains one epoch; only between "train" and "stop"
    {"do": "stop"}      ends the training
    {"do": "memory"}    reports the peak memory of the process
    {"do": NAME, ...}   calls a function of the worker with the other entries as arguments

Every answer has "seconds", from the arrival of the command to its end, and "waiting_cpu", the processor time in seconds
that the process used while it waited for the command. This file imports only the standard library, because it is
imported before the library whose import is measured.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Command = dict[str, Any]
Handler = Callable[..., Mapping[str, Any] | None]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
"""What BLAS libraries and XLA read the number of their threads from."""


class Session:
    """The commands of one benchmark, and the answers to it.

    Attributes:
        options: what the benchmark passed on the command line: "threads", "settle" (False if nobody takes turns),
            "data" for the folder of `arrays`, and others that a worker reads.
        versions: the versions of the libraries that were loaded.
    """

    def __init__(self) -> None:
        self.options: dict[str, Any] = json.loads(sys.argv[1])
        self.versions: dict[str, str] = {}
        self._import_seconds = 0.0
        self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # what libraries print is no answer
        self._handlers: Mapping[str, Handler] = {}
        self._started = self._cpu_at_answer = 0.0
        self._waiting_cpu = 0.0
        _limit_threads(self.options["threads"])

    def load(self, module: str, title: str) -> Any:
        """Import the library that is measured, and remember how long that took."""
        start = time.perf_counter()
        loaded = importlib.import_module(module)
        self._import_seconds += time.perf_counter() - start
        self.versions[title] = str(loaded.__version__)
        return loaded

    def arrays(self) -> tuple[Any, Any, Any, Any]:
        """Return the training images and labels, and the test images and labels."""
        import numpy as np

        folder = Path(self.options["data"])
        x, y, x_test, y_test = (np.load(folder / f"{name}.npy") for name in ("x", "y", "x_test", "y_test"))
        return x, y, x_test, y_test

    def run(self, **handlers: Handler) -> None:
        """Say that the worker is ready, and then execute commands until the input ends."""
        self._handlers = {"memory": lambda: {"bytes": peak_memory()}, **handlers}
        self._started, self._cpu_at_answer = time.perf_counter(), time.process_time()
        self._answer({"versions": self.versions, "import": self._import_seconds})
        while True:
            self._answer(self._execute(self._receive()))

    def turn(self, **facts: Any) -> bool:
        """Wait for the next epoch, and return False when there is none. Called by the function for "train".

        Args:
            facts: about the last epoch, for the answer.
        """
        self._answer(facts)
        while (command := self._receive())["do"] not in ("epoch", "stop"):
            self._answer(self._execute(command))
        return bool(command["do"] == "epoch")

    def _execute(self, command: Command) -> Mapping[str, Any]:
        arguments = {name: value for name, value in command.items() if name != "do"}
        return self._handlers[command["do"]](**arguments) or {}

    def _receive(self) -> Command:
        """Wait for a command. The end of the input ends the process."""
        line = sys.stdin.readline()
        self._waiting_cpu = time.process_time() - self._cpu_at_answer
        if not line:
            sys.exit()
        self._started = time.perf_counter()
        command: Command = json.loads(line)
        return command

    def _answer(self, facts: Mapping[str, Any]) -> None:
        seconds = time.perf_counter() - self._started
        if self.options.get("settle", True):
            settle()
        self._answers.write(json.dumps({"seconds": seconds, "waiting_cpu": self._waiting_cpu, **facts}) + "\n")
        self._answers.flush()
        self._cpu_at_answer = time.process_time()


def _limit_threads(count: int) -> None:
    """Let the process run on some cores only, because not every library can be told a number of threads."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(count)))
    if hasattr(os, "sched_setaffinity") and count < len(os.sched_getaffinity(0)):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def settle() -> None:
    """Wait until no other thread of this process is busy.

    Threads of a pool spin after their work: OpenBLAS for 0.1 s, OpenMP for 10 ms. The next library would share a core
    with them. The CPU time of other threads is known to a tick of the scheduler.
    """
    for _ in range(60):
        before = time.process_time() - time.thread_time()
        time.sleep(6e-3)
        if time.process_time() - time.thread_time() - before < 1e-3:
            return


def peak_memory() -> int | None:
    """Return the largest number of bytes that this process had in memory; None where the system does not say.

    On Linux, ``ru_maxrss`` of a new process starts with that of the process that started it, so it is not used there.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def median_time(call: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Return the median time of a call, over calls during some seconds, but at least five."""
    call()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return {"median": statistics.median(taken)}


def random_batches(samples: int) -> tuple[Any, Any]:
    """Return images of 784 random numbers, none of which is zero, and labels from 0 to 9."""
    import numpy as np

    numbers = np.random.default_rng(0)
    return numbers.random((samples, 784), np.float32), numbers.integers(0, 10, samples).astype(np.uint8)


SIZES = ((128, 784, 512), (128, 512, 10), (512, 128, 10), (128, 10, 512), (784, 128, 512))
"""The five matrix products of a training step: both layers, both gradients of weights, one gradient of inputs."""


def products(
    multiply: Callable[[Any, Any, Any], Any], convert: Callable[[Any], Any], samples: int
) -> Callable[[], None]:
    """Return a function that computes the products of an epoch, and nothing else.

    Args:
        multiply: called with two matrices and one for the result.
        convert: makes a matrix of the library from a NumPy array. Matrices that a step has transposed are views.
        samples: training images of the epoch.
    """
    import numpy as np

    numbers = np.random.default_rng(0)

    def made(rows: int, columns: int) -> Any:
        return convert(numbers.random((rows, columns), np.float32))

    x, hidden, outputs, inner = made(128, 784), made(128, 512), made(128, 10), made(512, 10)
    outer = made(784, 512)
    pairs = ((x, outer), (hidden, inner), (hidden.T, outputs), (outputs, inner.T), (x.T, hidden))
    operands = [(a, b, made(len(a), b.shape[1])) for a, b in pairs]
    assert tuple((*a.shape, b.shape[1]) for a, b, _ in operands) == SIZES

    def run() -> None:
        for _ in range(-(-samples // 128)):
            for a, b, result in operands:
                multiply(a, b, result)

    return run

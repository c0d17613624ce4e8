"""Fuzz operations: ``python tests/fuzzing/operations.py --count 1000000 --threads 8 --seed 1``.

Every thread computes random operations on arrays of random layouts and compares each with NumPy. Meanwhile the number
of kernel threads changes, a signal handler computes too, and processes are forked that compute. All arrays lie between
pages that cannot be accessed (see `guarded_memory`), and ``PYTHONMALLOC=debug`` checks the other memory of kernels. So
an access out of bounds kills the process. A wrong value, a child that fails, and growth of memory after the first tenth
of the operations are reported with the seed and the number of the operation, which ``--only`` repeats.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GROWTH = 32 << 20
"""The number of bytes by which memory may grow after the first tenth of the operations."""
LEAST = 10_000
"""The number of operations below which this is not checked, since their first tenth does not use everything."""


class Run:
    """A run of the fuzzer in this process.

    Args:
        seed: determines the operations of all threads.
        threads: how many threads compute, with this one.
        guarded: whether arrays lie between pages that cannot be accessed.
        disturbed: whether there are signals, forks and changes of the number of kernel threads.
    """

    def __init__(self, seed: int, threads: int, guarded: bool = True, disturbed: bool = True) -> None:
        import operation_table

        self.seed, self.threads, self.guarded, self.disturbed = seed, threads, guarded, disturbed
        self.table = operation_table
        self.functions = [function for function, _ in operation_table.OPERATIONS]
        self.weights = [weight for _, weight in operation_table.OPERATIONS]
        self.findings: list[str] = []
        self.done = [0] * threads

    def operation(self, number: int, thread: int, makers: dict[int, Any]) -> None:
        """Compute one operation, which its number and thread determine, but for the tensors that were kept before."""
        make = self.table.Maker(f"{self.seed} {thread} {number}")
        make.kept = makers.setdefault(thread, [])
        function = make.choose.choices(self.functions, self.weights)[0]
        try:
            function(make)
        except Exception:
            said = f"thread {thread}, number {number}, {function.__name__}:\n{traceback.format_exc(limit=-4)}"
            self.findings.append(said)

    def compute(self, thread: int, numbers: range, makers: dict[int, Any]) -> None:
        if self.guarded:
            import guarded_memory

            guarded_memory.guard_this_thread()
        for number in numbers:
            self.operation(number, thread, makers)
            self.done[thread] = number
            if len(self.findings) > 20:
                return

    def in_threads(self, numbers: range, makers: dict[int, Any], between: Callable[[], None]) -> None:
        """Compute these operations in every thread. This thread calls ``between`` after each hundred of its own."""
        started = [
            threading.Thread(target=self.compute, args=(n, numbers, makers), daemon=True)
            for n in range(1, self.threads)
        ]
        for thread in started:
            thread.start()
        for first in range(numbers.start, numbers.stop, 100):
            self.compute(0, range(first, min(first + 100, numbers.stop)), makers)
            between()
        for thread in started:
            thread.join()

    def disturb(self) -> None:
        """Change the number of kernel threads, or fork a process that computes."""
        import random

        import tensorlab as tl

        choose = random.Random(f"{self.seed} {self.done[0]} disturbed")
        if choose.random() < 0.2:
            tl.set_num_threads(choose.randint(1, 4))
        if choose.random() < 0.1 and hasattr(os, "fork"):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    faulthandler.dump_traceback_later(60, exit=True, file=sys.__stderr__)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    self.findings.clear()
                    first = 10**9 + self.done[0]
                    self.compute(0, range(first, first + 10), {})
                    status = 1 if self.findings else 0
                    for each in self.findings:
                        print("in a forked process,", each, file=sys.stderr, flush=True)
                finally:
                    os._exit(status)
            if os.waitpid(child, 0)[1]:
                self.findings.append(f"a process forked after operation {self.done[0]} failed")

    def run(self, count: int) -> int:
        """Compute ``count`` operations in all threads together; return by how many bytes the memory has grown."""
        makers: dict[int, Any] = {}
        each = -(-count // self.threads)
        if self.guarded:
            import guarded_memory

            guarded_memory.guard_this_thread()
        for (
            function
        ) in self.functions:  # imports and compiles: Python 3.11 fails if a signal handler imports in an import
            function(self.table.Maker(0))
        signals, handling = 0, False

        def handle(number: int, frame: Any) -> None:
            nonlocal signals, handling
            if handling:  # not while the last one is computing
                return
            handling = True
            signals += 1
            self.operation(10**12 + signals, 0, {})
            handling = False

        between = self.disturb if self.disturbed else lambda: None
        if self.disturbed:
            signal.signal(signal.SIGALRM, handle)
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            self.in_threads(range(each // 10), makers, between)
            before = memory()
            self.in_threads(range(each // 10, each), makers, between)
        finally:
            if self.disturbed:
                signal.setitimer(signal.ITIMER_REAL, 0)
        makers.clear()
        return memory() - before


def memory() -> int:
    """Return the bytes of memory that this process has, without what malloc keeps for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def child(given: argparse.Namespace) -> int:
    faulthandler.enable()
    if given.only:
        thread, number = map(int, given.only.split(","))
        run = Run(given.seed, thread + 1, not given.plain, False)
        run.compute(thread, range(number, number + 1), {})
        growth, count = 0, 1
    else:
        run, count = Run(given.seed, given.threads, not given.plain, not given.calm), given.count
        growth = run.run(count)
    for each in run.findings:
        print(each, flush=True)
    grew = count >= LEAST and growth > GROWTH
    if grew:
        print(f"memory grew by {growth >> 20} MB")
    computed = f"{count:,} operations in {given.threads} threads, {'ordinary' if given.plain else 'guarded'} memory"
    print(f"{computed}, {len(run.findings)} wrong, {growth >> 10:,} KB more")
    return 1 if run.findings or grew else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--plain", action="store_true", help="leave memory as it is")
    parser.add_argument("--calm", action="store_true", help="no signals, forks and changes of the number of threads")
    parser.add_argument("--only", metavar="THREAD,NUMBER", help="compute a single operation")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        sys.path[:0] = [str(HERE)]
        return child(given)
    environment = {"PYTHONPATH": str(ROOT), "PYTHONMALLOC": "debug", "TENSORLAB_SHIPPED": "0"}
    ignored = ["-W", "ignore::DeprecationWarning"]  # of Python 3.12 about forks of processes with threads
    command = [sys.executable, *ignored, __file__, "--child", "--seed", str(given.seed), *sys.argv[1:]]
    status = subprocess.run(command, env=os.environ | environment).returncode
    if status < 0:
        print(f"killed by signal {-status}: repeat with --seed {given.seed}")
    return status


if __name__ == "__main__":
    sys.exit(main())

"""Compile the kernels that are needed soon in other processes, while this one compiles the first of them.

`waiting.expecting` announces kernels. If one of them is missing, worker processes start and compile the others. This
process compiles too, in the order in which it needs kernels. If a worker is compiling what it needs, it compiles
another kernel meanwhile. Workers get makers and arguments by a pipe and return object code. So they neither run code of
users nor depend on the kernel cache. What a worker fails to compile is compiled here, and raises its error here.

A worker ends when its pipe is closed, so none outlives this process, however that ends.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from tensorlab import forks, waiting
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.kernels.runtime import cache
from tensorlab.kernels.runtime.native import Native
from tensorlab.kernels.runtime.pipes import receive, send
from tensorlab.waiting import Request, Waiting, hide, show

VARIABLE = "TENSORLAB_COMPILE_PROCESSES"
"""The environment variable for the number of processes that compile, this one included; 1 starts no others."""

Missing = Callable[[Iterable[Request]], Iterable[tuple[str, Request]]]
"""A function that returns those of some kernels that are missing, with their keys."""

_MAX_PROCESSES = 8
"""The maximum number of processes by default. Each of them needs about 200 MB of memory."""
_WORTHWHILE = 1.5
"""The seconds of compilation that justify another process, which takes most of a second to start."""
_SECONDS = {
    "arg_reduce_kernel": 0.8,
    "call_kernel": 2.0,
    "map_driver": 1.0,
    "matmul_kernel": 1.2,
    "reduce_kernel": 1.2,
    "reduction_kernel": 0.8,
    "rowwise_kernel": 1.0,
    "task_kernel": 0.6,
}
"""About how long a kernel of a maker takes to compile. Only ratios matter; the time left is predicted from them."""
_OTHER_SECONDS = 0.3
"""The same for all other makers."""
_SETTLED = 2.0
"""The seconds of compilation before which the start of the processes would dominate the predicted time."""
_PATIENCE = 60
"""The seconds after which this process compiles what a worker has not finished."""

_PROGRAM = "import sys; sys.path[:] = {0}; from tensorlab.kernels.runtime.worker import main; main()"
"""What a worker runs. It finds modules where this process does, and never imports a file of the current folder."""


def processes() -> int:
    """Return how many processes compile at the same time, this one included.

    Raises:
        ArgumentError: if ``TENSORLAB_COMPILE_PROCESSES`` is no positive integer.
    """
    given = os.environ.get(VARIABLE)
    if given:
        if not given.isdecimal() or int(given) < 1:
            raise ArgumentError(VARIABLE, "a positive integer", short_repr(given))
        return int(given)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, _MAX_PROCESSES)


def _seconds(maker: str) -> float:
    return _SECONDS.get(maker.rpartition(".")[2], _OTHER_SECONDS)


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-c", _PROGRAM.format([os.path.abspath(folder) for folder in sys.path])]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)


def _is_kept() -> bool:
    return not (cache.unusable() or cache.unwritable())


class _Job:
    """A kernel to compile."""

    def __init__(self, key: str, request: Request) -> None:
        self.key, self.request = key, request
        self.seconds = _seconds(request[0])
        self.message = pickle.dumps(request)
        self.is_taken = False
        """Whether this process or a worker compiles the kernel, or has compiled it."""
        self.is_done = False
        self.made: Native | None = None
        """The kernel, until it is loaded."""


class Team:
    """Worker processes, and the kernels that they and this process compile."""

    def __init__(self, jobs: Iterable[_Job]) -> None:
        self._jobs = {job.key: job for job in jobs}
        self._changed = threading.Condition()
        self._started = time.monotonic()
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, workers: int) -> None:
        """Start workers, which begin with the longest jobs."""
        for _ in range(workers):
            with contextlib.suppress(OSError):  # without it there are fewer processes, and no other difference
                self._workers.append(_started())
        for worker in self._workers:
            threading.Thread(target=self._serve, args=(worker,), name="tensorlab-compile", daemon=True).start()

    def obtain(self, key: str, compile: Callable[..., Native]) -> Native | None:
        """Return a kernel that this process needs now; None if this process has to compile it.

        Args:
            key: the key of the kernel.
            compile: compiles another one while a worker compiles this one.
        """
        job = self._jobs.get(key)
        if job is None:
            return None
        while True:
            with self._changed:
                self._show()
                if not job.is_taken:
                    job.is_taken = True
                    return None
                if job.is_done:
                    made, job.made = job.made, None
                    return made
                other = self._take(lambda job: 0)
                if other is None:
                    if not self._changed.wait(_PATIENCE):
                        return None
                    continue
            made = None
            try:
                made = compile(*other.request)
                cache.write(other.key, made)
            except Exception:  # it is raised when the program needs that kernel
                pass
            finally:
                self._finish(other, made)

    def finish(self, key: str) -> None:
        """Count a kernel that this process has received or compiled, or has failed to compile."""
        if key in self._jobs:
            self._finish(self._jobs[key], None)

    def close(self) -> None:
        """Stop the workers. What they are compiling is lost."""
        with self._changed:
            for job in self._jobs.values():
                job.is_taken = job.is_done = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.kill()
            worker.wait()

    def abandon(self) -> None:
        """Close this process's copies of the pipes, in the child of a fork: the workers are those of the parent."""
        for worker in self._workers:
            _close(worker)
            worker.returncode = 0  # it is no child of this process

    def _take(self, preference: Callable[[_Job], float]) -> _Job | None:
        """Return a job that nobody has taken, the first of the most preferred ones, and mark it as taken."""
        free = [job for job in self._jobs.values() if not job.is_taken]
        if not free:
            return None
        job = max(free, key=preference)
        job.is_taken = True
        return job

    def _finish(self, job: _Job, made: Native | None) -> None:
        with self._changed:
            job.is_done, job.made = True, made
            self._changed.notify_all()

    def _serve(self, worker: Any) -> None:
        """Send jobs to a worker and receive the kernels, until none is left or the worker ends."""
        while True:
            with self._changed:
                job = self._take(lambda job: job.seconds)  # long ones first, so that all processes end together
            if job is None:
                break
            made = None
            try:
                send(worker.stdin, job.message)
                made = receive(worker.stdout)
                if made is not None:
                    cache.write(job.key, made)
            except Exception:  # this process compiles the rest; `close` has closed the pipe, or the worker has ended
                break
            finally:
                self._finish(job, made)
        _close(worker)  # the worker ends

    def _show(self) -> None:
        done = [job.seconds for job in self._jobs.values() if job.is_done]
        rest = sum(job.seconds for job in self._jobs.values()) - sum(done)
        left = None
        if rest > 0 and sum(done) > _SETTLED:
            left = (time.monotonic() - self._started) * rest / sum(done)
        show(Waiting(len(done), len(self._jobs), left, _is_kept()))


def _close(worker: subprocess.Popen[bytes]) -> None:
    """Close the pipes to a worker, which are not buffered."""
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


_team: Team | None = None


def obtain(key: str, own: Callable[[], Native], other: Callable[..., Native], missing: Missing) -> Native:
    """Return a kernel that is missing: from a worker process, or compiled by this one.

    Args:
        key: the key of the kernel.
        own: compiles it.
        other: compiles another kernel, whose maker and arguments it is given, while a worker compiles this one.
        missing: see `Missing`.
    """
    listing = waiting.expected()
    workers = _form_team(missing(listing())) if listing is not None else 0
    team = _team
    try:
        made = team.obtain(key, other) if team is not None else None
        if team is not None and workers:
            team.start(workers)  # now that none of them takes this kernel
        if made is None:
            if team is None and _seconds(key.partition("(")[0]) > _OTHER_SECONDS:
                show(Waiting(0, 1, once=_is_kept()))
            made = own()
            cache.write(key, made)
    finally:
        if team is not None:
            team.finish(key)
        hide()
    return made


def compiled_elsewhere(request: Request) -> Native | None:
    """Return a kernel that a worker process of its own compiles; None if that fails."""
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    try:
        message = pickle.dumps(request)
        worker: Any = _started()
    except Exception:  # the request cannot be pickled, or the process cannot be started
        return None
    try:
        send(worker.stdin, message)
        made: Native | None = receive(worker.stdout)
        return made
    except (EOFError, OSError):
        return None
    finally:
        _close(worker)
        worker.kill()
        worker.wait()


def _form_team(missing: Iterable[tuple[str, Request]]) -> int:
    """Make a team if the missing kernels justify it, and return how many workers it needs."""
    global _team
    most = processes() - 1
    if most < 1 or not sys.executable or getattr(sys, "frozen", False):
        return 0
    jobs = []
    for key, request in missing:
        with contextlib.suppress(Exception):  # this process compiles what cannot be pickled
            jobs.append(_Job(key, request))
    workers = min(most, int(sum(job.seconds for job in jobs) / _WORTHWHILE))
    if workers > 0:
        _team = Team(jobs)
    return workers


def close() -> None:
    """Stop the workers, if there are any."""
    global _team
    team, _team = _team, None
    if team is not None:
        team.close()


def _in_child() -> None:
    global _team
    team, _team = _team, None
    waiting.forget()
    if team is not None:
        team.abandon()


forks.around(lambda: None, _in_child)
atexit.register(close)
waiting.at_end(close)

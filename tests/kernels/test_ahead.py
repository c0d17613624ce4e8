"""Kernels that are known to be needed are compiled by several processes, none of which is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorlab import waiting
from tensorlab.errors import ArgumentError
from tensorlab.kernels.runtime import ahead, cache, library
from tensorlab.kernels.runtime.ahead import Team, obtain
from tensorlab.waiting import Waiting, expecting

FAKE = """
import sys; sys.path[:] = {0}
from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.native import Native

def compiled(maker, arguments):
    %s
    return Native(b"worker", (maker,))

library.compiled = compiled
from tensorlab.kernels.runtime.worker import main; main()
"""
"""A worker that compiles nothing, so that these tests are about processes only."""

REQUESTS = [(f"loops.reduce.reduce_kernel{k}", (k,)) for k in range(6)]


def key(request: tuple[str, tuple[Any, ...]]) -> str:
    return library.key_of(*request)


def native(origin: str) -> Any:
    from tensorlab.kernels.runtime.native import Native

    return Native(origin.encode(), ())


@pytest.fixture
def two_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv(ahead.VARIABLE, "2")
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(ahead, "_PROGRAM", FAKE % "pass")
    monkeypatch.setattr(ahead, "_OTHER_SECONDS", 1.0)
    yield
    assert ahead._team is None


def obtained(requests: list[tuple[str, tuple[Any, ...]]]) -> list[bytes]:
    """Obtain kernels in turn, and return which process made each."""
    made = []
    for request in requests:
        slow = lambda *_: (time.sleep(0.2), native("here"))[1]  # noqa: E731
        made.append(obtain(key(request), slow, slow, library.missing).code)
    return made


def workers() -> list[subprocess.Popen[bytes]]:
    assert ahead._team is not None
    return ahead._team._workers


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_worker_compiles_what_this_process_does_not(two_processes: None) -> None:
    with expecting(lambda: REQUESTS):
        first = obtained(REQUESTS[:1])
        (worker,) = workers()
        wait_for(lambda: all(cache.contains(key(request)) for request in REQUESTS))
        rest = obtained(REQUESTS[1:])
    assert first == [b"here"]
    assert set(rest) == {b"worker"}
    assert worker.returncode is not None


def test_this_process_compiles_another_kernel_while_it_waits(
    two_processes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_PROGRAM", FAKE % "import time; time.sleep(2)")
    with expecting(lambda: REQUESTS):
        obtained(REQUESTS[:1])
        job = ahead._team._jobs[key(REQUESTS[1])] if ahead._team else None
        assert job is not None
        wait_for(lambda: job.is_taken)
        made = obtained(REQUESTS[1:])
    assert made[0] == b"worker"
    assert b"here" in made[1:]


@pytest.mark.parametrize("fault", ["raise ValueError", "import os; os._exit(1)", "print('noise'); raise SystemExit"])
def test_faulty_worker_makes_no_difference(two_processes: None, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(ahead, "_PROGRAM", FAKE % fault)
    with expecting(lambda: REQUESTS):
        assert obtained(REQUESTS) == [b"here"] * 6


def test_exception_in_the_thread_of_a_worker_makes_no_difference(
    two_processes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = cache.write

    def broken(*arguments: Any) -> None:
        if threading.current_thread().name == "tensorlab-compile":
            raise RuntimeError
        write(*arguments)

    monkeypatch.setattr(cache, "write", broken)
    with expecting(lambda: REQUESTS):
        made = obtained(REQUESTS)
    assert set(made) <= {b"here", b"worker"}
    assert made.count(b"here") >= 5  # the kernel that was received is used, and the worker gets no other one


def test_program_that_cannot_be_started_makes_no_difference(
    two_processes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with expecting(lambda: REQUESTS):
        assert obtained(REQUESTS) == [b"here"] * 6
        assert workers() == []


def test_kernels_of_workers_are_used_without_a_cache(
    two_processes: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path / "file"))
    with expecting(lambda: REQUESTS):
        obtained(REQUESTS[:1])
        assert ahead._team is not None
        jobs = ahead._team._jobs
        wait_for(lambda: all(job.is_done for job in jobs.values()))
        assert obtained(REQUESTS[1:]) == [b"worker"] * 5


def test_error_of_a_kernel_is_raised_where_it_is_needed(two_processes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_PROGRAM", FAKE % "raise ValueError")

    def wrong(*_: Any) -> Any:
        raise ValueError("cannot be compiled")

    with expecting(lambda: REQUESTS):
        for _ in range(2):  # the second time nobody waits for the first
            with pytest.raises(ValueError, match="cannot be compiled"):
                obtain(key(REQUESTS[0]), wrong, wrong, library.missing)


def test_no_process_is_started_for_few_kernels(two_processes: None) -> None:
    with expecting(lambda: REQUESTS[:1]):
        assert obtained(REQUESTS[:1]) == [b"here"]
        assert ahead._team is None


def test_no_process_is_started_if_one_shall_compile(two_processes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ahead.VARIABLE, "1")
    with expecting(lambda: REQUESTS):
        assert obtained(REQUESTS) == [b"here"] * 6
        assert ahead._team is None


def test_list_is_not_made_if_no_kernel_is_missing() -> None:
    def listing() -> list[Any]:
        raise AssertionError

    with expecting(listing):
        pass


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_wrong_number_of_processes(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(ahead.VARIABLE, given)
    with pytest.raises(ArgumentError, match=f"TENSORLAB_COMPILE_PROCESSES: expected a positive integer.*{given}"):
        ahead.processes()


def test_processes_are_at_most_as_many_as_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ahead.VARIABLE)
    assert 1 <= ahead.processes() <= min(os.cpu_count() or 1, 8)


HANGING = """
import os, sys, time
from tensorlab.kernels.runtime import ahead, library
from tensorlab.waiting import expecting
ahead._PROGRAM = {program!r}
requests = [(f"loops.reduce.reduce_kernel{{k}}", (k,)) for k in range(6)]
with expecting(lambda: requests):
    def own():
        print(ahead._team._workers[0].pid, flush=True)
        time.sleep(60)
    ahead.obtain(library.key_of(*requests[0]), own, own, library.missing)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_an_interrupted_process(tmp_path: Path, number: int) -> None:
    program = HANGING.format(program=FAKE % "pass")
    environment = {**os.environ, ahead.VARIABLE: "2", "TENSORLAB_CACHE_DIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        worker = int(line)
        process.send_signal(number)
        process.communicate(timeout=60)
        wait_for(lambda: not is_running(worker))


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_child_of_a_fork_leaves_the_workers_alone(two_processes: None) -> None:
    with expecting(lambda: REQUESTS):
        obtained(REQUESTS[:1])
        child = os.fork()
        if child == 0:
            os._exit(int(ahead._team is not None or obtained(REQUESTS[1:2]) != [b"here"]))
        assert os.waitpid(child, 0)[1] == 0
        wait_for(lambda: all(cache.contains(key(request)) for request in REQUESTS))


def test_other_kernels_may_be_needed_too(two_processes: None) -> None:
    with expecting(lambda: REQUESTS):
        assert obtained([REQUESTS[0], ("loops.map.map_kernel", ("other",))]) == [b"here"] * 2


def test_lines_of_progress() -> None:
    assert str(Waiting(0, 1, None)) == "compiling a kernel"
    assert str(Waiting(1, 25, None)) == "compiling kernels: 1 of 25"
    assert str(Waiting(14, 25, 7.8)) == "compiling kernels: 14 of 25, about 8 s left"
    assert str(Waiting(24, 25, 0.1)) == "compiling kernels: 24 of 25, about 1 s left"


class Terminal:
    """A stream that claims to be a terminal."""

    encoding = "utf-8"

    def __init__(self, is_terminal: bool) -> None:
        self.text, self.is_terminal = "", is_terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal(True)
    show, hide = waiting.show, waiting.hide

    def redirected(function: Any) -> Any:  # pytest replaces the stream itself after a fixture
        def run(*arguments: Any) -> None:
            with contextlib.redirect_stderr(stream):  # type: ignore[type-var]
                function(*arguments)

        return run

    monkeypatch.setattr(waiting, "show", redirected(show))
    monkeypatch.setattr(waiting, "hide", redirected(hide))
    return stream


def test_line_on_a_terminal_is_replaced_and_erased(terminal: Terminal) -> None:
    waiting.show(Waiting(14, 25, 8.0))
    waiting.show(Waiting(25, 25, None))
    waiting.hide()
    waiting.hide()
    long = "compiling kernels once for this machine: 14 of 25, about 8 s left"
    short = "compiling kernels once for this machine: 25 of 25".ljust(len(long))
    erased = " " * len(short.rstrip())
    assert terminal.text.split("\r") == [long, short, erased, ""]


def test_line_fits_the_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    waiting.show(Waiting(14, 25, 8.0))
    waiting.hide()
    assert terminal.text.split("\r")[0] == "compiling kernels once for th"


def test_line_promises_nothing_without_a_cache(terminal: Terminal) -> None:
    waiting.show(Waiting(14, 25, 8.0, once=False))
    waiting.hide()
    assert terminal.text.startswith("compiling kernels: 14 of 25, about 8 s left\r")


def test_nothing_is_written_into_a_file(terminal: Terminal) -> None:
    terminal.is_terminal = False
    waiting.show(Waiting(14, 25, 8.0))
    waiting.hide()
    assert terminal.text == ""


def test_watcher_gets_what_would_be_on_the_line(terminal: Terminal) -> None:
    seen: list[Waiting] = []
    end = waiting.watch(seen.append)
    waiting.show(Waiting(1, 2, None))
    end()
    end()
    assert seen == [Waiting(1, 2, None)]
    assert terminal.text == ""


def test_team_counts_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Waiting] = []
    monkeypatch.setattr(ahead, "show", seen.append)
    monkeypatch.setattr(ahead, "_OTHER_SECONDS", 0.8)
    team = Team([ahead._Job(key(request), request) for request in REQUESTS])
    for request in REQUESTS[:3]:
        assert team.obtain(key(request), native) is None
        team.finish(key(request))
    assert [(waiting.done, waiting.total) for waiting in seen] == [(0, 6), (1, 6), (2, 6)]
    assert seen[1].seconds is None
    assert team.obtain(key(REQUESTS[3]), native) is None
    assert seen[3].seconds == pytest.approx(0, abs=60)


def test_single_kernel_is_shown_if_it_takes_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    seen: list[Waiting] = []
    monkeypatch.setattr(ahead, "show", seen.append)
    for maker, count in [("loops.map.map_kernel", 0), ("loops.reduce.reduce_kernel", 1)]:
        obtain(library.key_of(maker, ()), lambda: native("here"), native, library.missing)
        assert seen == [Waiting(0, 1)] * count

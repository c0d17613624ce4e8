"""The fuzzers find nothing in a few rounds, and find the faults that they are for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from python_processes import output_of

HERE = Path(__file__).parent
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the fuzzers read /proc")


def fuzzed(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1]), "PYTHONMALLOC": "debug"},
        capture_output=True,
        text=True,
        timeout=240,
    )


@LINUX
def test_readers_refuse_changed_files(rng, tmp_path, monkeypatch) -> None:
    """Each reader reads a few files in one process. The program itself starts one for each."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.syspath_prepend(str(HERE))
    from reader_table import READERS

    seed = rng.integers(1 << 30)
    done = fuzzed(HERE / "readers.py", "--child", tmp_path, "--count", 25, "--seed", seed, *READERS)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = {name: each["findings"] for name, each in zip(READERS, found, strict=True) if each["findings"]}
    assert not wrong, f"seed {seed}: {wrong}"


@LINUX
def test_operations_stay_in_their_memory(rng) -> None:
    done = fuzzed(HERE / "operations.py", "--count", 120, "--threads", 3, "--seed", rng.integers(1 << 30))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "120 operations in 3 threads, guarded memory, 0 wrong" in done.stdout


OUTSIDE = """
import ctypes, os, sys
sys.path.insert(0, {folder!r})
import guarded_memory, numpy as np
guarded_memory.guard_this_thread()
arrays = [np.arange(size, dtype=np.float32) for size in (0, 1, 7, 1000, 1025)]
assert all(map(guarded_memory.is_guarded, arrays))
assert [float(array.sum()) for array in arrays] == [0.0, 0.0, 21.0, 499500.0, 524800.0]
grown = np.zeros(3)
grown.resize(4000, refcheck=False)
def status(harm):
    child = os.fork()
    if child == 0:
        array = np.arange(2000, dtype=np.uint8)
        harm(array.ctypes.data)
        del array
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])
print(status(lambda at: None), status(lambda at: ctypes.string_at(at + 2000, 4096)),
      status(lambda at: ctypes.memset(at + 2000, 1, 1)), status(lambda at: ctypes.memset(at - 1, 1, 1)))
"""


@LINUX
def test_accesses_outside_of_an_array_are_found() -> None:
    none, read, after, before = output_of(OUTSIDE.format(folder=str(HERE))).split()
    assert none == "0"
    assert read == "11"  # SIGSEGV
    assert {after, before} <= {"11", "6"}  # 6 is SIGABRT, for the changed pattern

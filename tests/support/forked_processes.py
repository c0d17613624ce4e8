"""Python processes with Numba already imported: forks of one server process, which itself compiles no kernel.

Importing tensorlab's compiler and Numba's first compilation take 1 to 2 CPU-seconds in each new process. Tests that
depend on imports, or on settings that Numba reads at import, must start a new process.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
VARIABLES = {"PYTHONPATH": str(ROOT), "TENSORLAB_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

SERVER = """
import json, os, sys, traceback, warnings
import numba
import tensorlab.kernels.runtime.compiler
from tensorlab.kernels.runtime import cache, library

numba.njit("int64(int64)")(lambda x: -x)
assert not library._kernels and not cache._environment.cache_info().currsize, "a fork has to begin with no kernel"
# Forks read nothing on their standard input, and so none of the requests.
requests = os.fdopen(os.dup(0))
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

def run(program, arguments, variables, output, errors):
    for number, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.update(variables)
    sys.argv[:] = ["-c", *arguments]
    code = 0
    try:
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for line in requests:
    request = json.loads(line)
    if isinstance(request, int):
        answer = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
    else:
        with warnings.catch_warnings():  # Python warns of threads, which are those of a library that forks well
            warnings.simplefilter("ignore", DeprecationWarning)
            answer = os.fork()
        if answer == 0:
            run(*request)
    print(answer, file=answers, flush=True)
"""


@functools.cache
def _server() -> subprocess.Popen[str]:
    """Start the process that is forked; every warning is an error."""
    server = subprocess.Popen(
        [sys.executable, "-B", "-W", "error", "-c", SERVER],
        env=os.environ | VARIABLES,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)
    return server


def _ask(question: object) -> int:
    server = _server()
    assert server.stdin
    assert server.stdout
    print(json.dumps(question), file=server.stdin, flush=True)
    return int(server.stdout.readline())


class Forked:
    """A process with the part of the interface of `subprocess.Popen` that tests need."""

    def __init__(self, program: str, arguments: Sequence[str], variables: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._files = [str(Path(self._folder.name) / name) for name in ("output", "errors")]
        self._pid = _ask([program, arguments, variables, *self._files])
        self.returncode: int | None = None

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end of the process, and return its output."""
        self.returncode = _ask(self._pid)
        output, errors = (Path(file).read_text() for file in self._files)
        self._folder.cleanup()
        return output, errors

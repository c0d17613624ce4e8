"""The program of a process that compiles kernels for another one, see `ahead`."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from io import FileIO

from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.pipes import receive, send

_COLLECT_AFTER = 12
"""The number of kernels after which garbage is collected. A kernel leaves up to 20 MB of it."""


def main() -> None:
    """Compile the kernels that the other process asks for, until it closes the pipe.

    The answer is the object code, or None if the kernel cannot be compiled. The other process then tries it itself, so
    that it raises the error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts all processes; the other one decides
    requests, answers = FileIO(0), FileIO(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may write into the pipe
    # Freed objects are few while a kernel is compiled, and looking for them takes a twentieth of the time.
    gc.disable()
    gc.freeze()
    compiled = 0
    try:
        while True:
            maker, arguments = receive(requests)
            try:
                made = library.compiled(maker, arguments)
            except Exception:
                made = None
            send(answers, pickle.dumps(made))
            compiled += 1
            if compiled % _COLLECT_AFTER == 0:
                gc.collect()
    except (EOFError, OSError):
        sys.exit()

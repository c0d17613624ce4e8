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


def main() -> None:
    """Compile the kernels that the other process asks for, until it closes the pipe.

    The answer is the object code, or None if the kernel cannot be compiled. The other process then tries it itself, so
    that it raises the error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts all processes; the other one decides
    requests, answers = FileIO(0), FileIO(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may write into the pipe
    gc.freeze()
    try:
        while True:
            maker, arguments = receive(requests)
            try:
                made = library.compiled(maker, arguments)
            except Exception:
                made = None
            send(answers, pickle.dumps(made))
    except (EOFError, OSError):
        sys.exit()

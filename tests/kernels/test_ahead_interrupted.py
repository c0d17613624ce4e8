"""A signal handler may compute while the thread that it interrupts compiles a kernel."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from python_processes import output_of

from tensorlab.errors import StateError
from tensorlab.kernels.runtime import library

INTERRUPTED = """
import signal, sys
import numpy as np
import tensorlab as tl
from tensorlab.kernels.runtime import linker

def handle(number, frame):
    try:
        computed.append(tl.square(tl.asarray([2.0, 3.0])).numpy().tolist())
    except tl.errors.StateError as error:
        computed.append(str(error))

def emit(*arguments):
    linker.emit = original
    signal.raise_signal(signal.SIGUSR1)
    return original(*arguments)

computed, original, linker.emit = [], linker.emit, emit
signal.signal(signal.SIGUSR1, handle)
{0}
result = tl.negative(tl.asarray([1.0]))
print(computed, result.numpy().tolist(), tl.square(tl.asarray([4.0])).numpy().tolist())
"""


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("", "[[4.0, 9.0]]"),
        (
            "sys.executable = '/nowhere/python'",
            '["tensorlab: a signal handler or finalizer needs a kernel while it interrupts the compilation of another '
            "one; compute with 'map square float32' once before, so that it is compiled\"]",
        ),
    ],
)
def test_signal_handler_computes_while_its_thread_compiles(tmp_path: Path, before: str, said: str) -> None:
    environment = {"TENSORLAB_CACHE_DIR": str(tmp_path), "TENSORLAB_SHIPPED": "0"}
    assert output_of(INTERRUPTED.format(before), **environment) == f"{said} [-1.0] [16.0]\n"


def test_signal_handler_that_interrupts_the_import_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorlab.kernels.runtime.linker", ModuleType("linker"))
    with pytest.raises(StateError, match="interrupts the compilation of another one; compute once before, so that the"):
        library._linker()

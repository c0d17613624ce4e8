"""Worker processes for the libraries that a benchmark compares; `peers/protocol.py` is the worker's side.

Each library runs in the Python interpreter given by ``--peer`` or the environment variable. Without either, it runs in
the current interpreter if it is installed there:

    --peer torch=/path/to/python --peer jax=/path/to/python
    TENSORLAB_BENCH_PEERS=torch=/path/to/python:keras=/path/to/python
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from recording import ROOT, US

FOLDER = Path(__file__).with_name("peers")
VARIABLE = "TENSORLAB_BENCH_PEERS"
TITLES = {"torch": "PyTorch", "jax": "JAX", "keras": "Keras"}
MODULES = {"torch": ["torch"], "jax": ["jax"], "keras": ["keras", "tensorflow"]}
FIND = "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))"


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument ``--peer NAME=PYTHON`` to a parser."""
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=_named,
        metavar="NAME=PYTHON",
        help=f"the Python interpreter in which torch, jax or keras is installed; also from the variable {VARIABLE}, "
        f"separated by {os.pathsep!r}",
    )


def _named(argument: str) -> tuple[str, str]:
    name, separator, python = argument.partition("=")
    if name not in TITLES or not separator or not python:
        raise argparse.ArgumentTypeError(f"expected NAME=PYTHON with a name of {', '.join(TITLES)}, got {argument!r}")
    return name, python


def find(names: Sequence[str], given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the Python interpreter of each installed library, and print which libraries are left out.

    Args:
        names: the libraries that the benchmark can compare with.
        given: the values of ``--peer``.
    """
    try:
        variable = [_named(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    except argparse.ArgumentTypeError as error:
        sys.exit(f"{VARIABLE}: {error}")
    pythons, found = {**dict(variable), **dict(given)}, {}
    for name in names:
        python = pythons.get(name, sys.executable)
        if _has(python, MODULES[name]):
            found[name] = python
        else:
            where = "in this Python" if name not in pythons else f"for {python}"
            print(f"{TITLES[name]} is left out: not installed {where}; give --peer {name}=PYTHON to compare with it")
    return found


def _has(python: str, modules: Sequence[str]) -> bool:
    if python == sys.executable:
        return all(importlib.util.find_spec(module) for module in modules)
    try:
        return subprocess.run([python, "-c", FIND, *modules], env=environment_of(python), check=False).returncode == 0
    except OSError:
        return False


def environment_of(python: str) -> dict[str, str]:
    """Return the environment variables of a worker. Another interpreter must not import packages of this one."""
    variables = dict(os.environ)
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # let imports use cached bytecode, as those of installed packages do
    path = variables.pop("PYTHONPATH", None)
    if python == sys.executable:
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), path]))
    return variables


class Worker:
    """A process that executes commands of `peers/protocol.py`, one at a time.

    Args:
        program: the name of a file in ``peers/``, without its suffix.
        python: the Python interpreter to run it with.
        options: the options of its `Session`.

    Attributes:
        ready: the first answer, which the worker sends after it has imported its library.
        busy: the seconds that the worker spent on commands.
        waited: the seconds that it waited between commands.
        waiting_cpu: the CPU time in seconds that it used while it waited.
    """

    def __init__(self, program: str, python: str, options: Mapping[str, Any]) -> None:
        self.program = program
        self.busy = self.waiting_cpu = self.waited = 0.0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [python, str(FOLDER / f"{program}.py"), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment_of(python),
            encoding="utf-8",
        )
        self.ready = self._answer()
        self._last = time.perf_counter()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command to the worker, and return its answer.

        Raises:
            SystemExit: if the process has ended. The message contains the end of its error output.
        """
        assert self.process.stdin is not None
        start = time.perf_counter()
        self.waited += start - self._last
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `_answer` reports how the process ended
        answer = self._answer()
        self.waiting_cpu += answer["waiting_cpu"]
        self.busy += answer["seconds"]
        self._last = time.perf_counter()
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self._errors.seek(0)
            printed = self._errors.read().decode("utf-8", "replace")[-2000:]
            sys.exit(f"the process of {self.program} ended with status {status}:\n{printed}")
        return dict(json.loads(line))

    def end(self) -> float:
        """End the process, and return the seconds from its start to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        seconds = time.perf_counter() - self.started
        self.process.stdout.close()
        self._errors.close()
        return seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None and error[0] is not None:
            self.process.kill()
        if not self._errors.closed:
            self.end()


def in_turn(workers: Mapping[str, Worker], rounds: int, ask: Callable[[Worker], float]) -> dict[str, list[float]]:
    """Measure the workers in turn, once per round, and return the measurements of each."""
    measured: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            measured[name].append(ask(worker))
    return measured


def versions(workers: Mapping[str, Worker]) -> dict[str, str]:
    """Return the versions of the libraries that workers imported, except tensorlab."""
    found = {name: version for worker in workers.values() for name, version in worker.ready["versions"].items()}
    return {name: version for name, version in found.items() if name != US}


def report_waiting_cpu(workers: Mapping[str, Worker]) -> None:
    """Print the CPU time that waiting workers used, as a share of their waiting time. It slows down the others."""
    shares = ", ".join(
        f"{name} {worker.waiting_cpu / worker.waited:.2%}" for name, worker in workers.items() if worker.waited
    )
    print(f"CPU time of waiting workers: {shares}")


def ratios(measured: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return the measurements of the other libraries divided by tensorlab's, for each round."""
    ours = measured[US]
    others = {name: values for name, values in measured.items() if name != US}
    return {name: [b / a for a, b in zip(ours, values, strict=True)] for name, values in others.items()}

"""The CUDA backend in Numba's simulator, where it needs no GPU.

The simulator is chosen when Numba is first imported, so the checks run in a process of their own: this file as a
program, which prints what became of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import any_layout
import every_backend
import numpy as np
import pytest
import test_cuda_adopt
import test_cuda_documents
import test_cuda_driver
import test_cuda_export
import test_cuda_gradients
import test_cuda_persistent
import test_cuda_precision
import test_cuda_refused
import test_cuda_training
from cuda_environment import environment
from test_cuda_checks import CHECKS

import tensorlab as tl
from tensorlab.devices import backend
from tensorlab.errors import DeviceError

MORE = (  # which add to the checks
    test_cuda_adopt,
    test_cuda_documents,
    test_cuda_driver,
    test_cuda_export,
    test_cuda_gradients,
    test_cuda_persistent,
    test_cuda_precision,
    test_cuda_refused,
    test_cuda_training,
)

EVERY: dict[str, Callable[[np.random.Generator], None]] = {
    **CHECKS,
    **{f"backend {name}": lambda rng, run=run: run(backend("cuda"), rng) for name, run in every_backend.CHECKS.items()},
    **{
        f"backend {name}": lambda rng, run=run: every_backend.compare(backend("cuda"), run, int(rng.integers(1 << 60)))
        for name, run in every_backend.CALLS.items()
    },
}
"""The checks of this backend, and those that every backend passes."""


def sample(rng: np.random.Generator) -> None:
    """Let the checks of every backend take small arrays, in three of the layouts, so that they are done in seconds."""
    any_layout.choose = lambda names: rng.permutation(names)[:3]
    any_layout.LARGEST = 800


def hold_to_words() -> None:
    """Let no kernel be given anything but Python's own numbers, as many as it takes: a device takes nothing else."""
    from tensorlab_cuda import driver

    plain = driver.launch

    def launch(kernel: Any, blocks: int, threads: Any, *arguments: Any) -> None:
        types = tuple(map(type, arguments))
        assert types == (int,) * kernel.whole + (float,) * kernel.numbers, (kernel.name, types)
        plain(kernel, blocks, threads, *arguments)

    driver.launch = launch


def main() -> None:
    """Run every check, and print what went wrong in each: ``{name: ""}`` or a traceback; or why none can run."""
    os.environ["TENSORLAB_CUDA_FALLBACK"] = "error"
    try:
        tl.asarray(0.0, device="cuda")
    except DeviceError as error:
        print(json.dumps({"skip": str(error)}))
        return
    hold_to_words()
    seed = int(os.environ.get("TENSORLAB_TEST_SEED") or np.random.default_rng().integers(1 << 32))
    if "--sample" in sys.argv:
        sample(np.random.default_rng(seed))
    results = {}
    for name, function in EVERY.items():
        try:
            function(np.random.default_rng(seed))
            results[name] = ""
        except (Exception, pytest.fail.Exception):
            results[name] = f"repeat with TENSORLAB_TEST_SEED={seed}\n{traceback.format_exc()}"
    print(json.dumps(results))


def outcomes(folder: Path, simulator: bool) -> dict[str, str]:
    """What `main` prints in a process of its own."""
    variables = environment(folder, NUMBA_ENABLE_CUDASIM="1" if simulator else "0")
    command = [sys.executable, "-W", "ignore", __file__, *(["--sample"] if simulator else [])]
    process = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600, check=False)
    assert process.returncode == 0, process.stderr
    results: dict[str, str] = json.loads(process.stdout.splitlines()[-1])
    return results


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    results = outcomes(tmp_path_factory.mktemp("simulator"), simulator=True)
    if "skip" in results:
        pytest.skip(results["skip"])
    return results


@pytest.mark.parametrize("name", EVERY)
def test_in_the_simulator(simulated: dict[str, str], name: str) -> None:
    assert not simulated[name], simulated[name]


if __name__ == "__main__":
    main()

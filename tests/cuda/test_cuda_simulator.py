"""The CUDA backend in Numba's simulator, which needs no GPU.

The simulator is selected when Numba is imported, so the checks run in a new process, which executes this file as a
program and prints the result of each check.
"""

from __future__ import annotations

import json
import os
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
from cuda_environment import python
from test_cuda_checks import CHECKS

import tensorlab as tl
from tensorlab.devices import backend
from tensorlab.errors import DeviceError

MORE = (  # these modules add checks
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
"""The checks of this backend, and those that every backend must pass."""

ON_HOST = {f"backend {name}" for name, run in every_backend.CHECKS.items() if run.__module__ == "backend_windows"}
"""The checks of what has no kernel yet, and is computed on the host."""


def sample(rng: np.random.Generator) -> None:
    """Let the checks of every backend use small arrays in three of the layouts, so that they finish in seconds."""
    any_layout.choose = lambda names: rng.permutation(names)[:3]
    any_layout.LARGEST = 800


def check_arguments() -> None:
    """Check that kernels receive Python numbers of the expected types and count, as a device requires."""
    from tensorlab_cuda import driver

    plain = driver.launch

    def launch(kernel: Any, blocks: int, threads: Any, *arguments: Any) -> None:
        types = tuple(map(type, arguments))
        assert types == (int,) * kernel.whole + (float,) * kernel.numbers, (kernel.name, types)
        plain(kernel, blocks, threads, *arguments)

    driver.launch = launch


def main() -> None:
    """Run every check, and print ``{name: ""}`` with the traceback of each failure, or why none can run."""
    try:
        tl.asarray(0.0, device="cuda")
    except DeviceError as error:
        print(json.dumps({"skip": str(error)}))
        return
    check_arguments()
    seed = int(os.environ.get("TENSORLAB_TEST_SEED") or np.random.default_rng().integers(1 << 32))
    if "--sample" in sys.argv:
        sample(np.random.default_rng(seed))
    results = {}
    for name, function in EVERY.items():
        os.environ["TENSORLAB_CUDA_FALLBACK"] = "silent" if name in ON_HOST else "error"
        try:
            function(np.random.default_rng(seed))
            results[name] = ""
        except (Exception, pytest.fail.Exception):
            results[name] = f"repeat with TENSORLAB_TEST_SEED={seed}\n{traceback.format_exc()}"
    print(json.dumps(results))


def outcomes(folder: Path, simulator: bool) -> dict[str, str]:
    """Return the output of `main` in a new process."""
    arguments = ["-W", "ignore", __file__, *(["--sample"] if simulator else [])]
    output = python(folder, *arguments, NUMBA_ENABLE_CUDASIM="1" if simulator else "0")
    results: dict[str, str] = json.loads(output.splitlines()[-1])
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

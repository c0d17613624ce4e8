"""The CUDA backend on a GPU, and the error messages without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cuda_environment import REPOSITORY, environment, python
from test_cuda_simulator import EVERY, outcomes


@pytest.fixture(scope="module")
def on_a_gpu(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    results = outcomes(tmp_path_factory.mktemp("gpu"), simulator=False)
    if "skip" in results:
        pytest.skip(results["skip"])
    return results


@pytest.mark.parametrize("name", EVERY)
def test_on_a_gpu(on_a_gpu: dict[str, str], name: str) -> None:
    assert not on_a_gpu[name], on_a_gpu[name]


def run(program: str, folder: Path, **variables: str) -> str:
    return python(folder, "-W", "error", "-c", program, **{"NUMBA_ENABLE_CUDASIM": "0", **variables})


def test_missing_gpu_is_reported(tmp_path: Path) -> None:
    program = """
import tensorlab as tl
for attempt in range(2):
    try:
        with tl.device("cuda"):
            pass
    except tl.errors.DeviceError as error:
        print(error)
print((tl.asarray([1.0]) + 1).device)
"""
    first, second, device = run(program, tmp_path, CUDA_VISIBLE_DEVICES="").splitlines()
    assert first == second
    assert first.startswith("device 'cuda': expected an NVIDIA GPU with its driver, received none (")
    assert first.endswith("; to run without a GPU, slowly, set NUMBA_ENABLE_CUDASIM=1 before Python starts")
    assert device == "cpu"


def test_missing_numba_cuda_is_reported(tmp_path: Path) -> None:
    program = """
import sys
import tensorlab as tl
sys.modules["numba.cuda"] = None
try:
    tl.asarray(1.0, device="cuda")
except tl.errors.DeviceError as error:
    print(error)
"""
    message = run(program, tmp_path).strip()
    assert message.startswith("device 'cuda': expected the package numba-cuda, received ImportError: ")
    assert message.endswith('; pip install "numba-cuda[cu13]" (or [cu12], whichever the driver supports)')


def test_info_reports_the_state_of_cuda(tmp_path: Path) -> None:
    program = "from tensorlab.commands import main; raise SystemExit(main(['info']))"
    lines = run(program, tmp_path, CUDA_VISIBLE_DEVICES="").splitlines()
    (line,) = [line for line in lines if line.startswith("backend cuda")]
    said = line.removeprefix("backend cuda").strip()
    assert said.startswith("not available: device 'cuda': expected an NVIDIA GPU with its driver, received none (")
    assert said.endswith(
        "; to run without a GPU, slowly, set NUMBA_ENABLE_CUDASIM=1 before Python starts (tensorlab-cuda 0.1.0)"
    )
    lines = run(program, tmp_path, NUMBA_ENABLE_CUDASIM="1").splitlines()
    (line,) = [line for line in lines if line.startswith("backend cuda")]
    assert line.removeprefix("backend cuda").strip() == (
        "available: Numba's simulator, which is slow (tensorlab-cuda 0.1.0)"
    )


def test_programs_report_a_missing_gpu(tmp_path: Path) -> None:
    for program, arguments in (
        ("examples/train_mnist.py", ["--device", "cuda", "--dataset", "digits"]),
        ("tests/benchmarks/bench_cuda.py", []),
    ):
        process = subprocess.run(
            [sys.executable, str(REPOSITORY / program), *arguments],
            env=environment(tmp_path, NUMBA_ENABLE_CUDASIM="0", CUDA_VISIBLE_DEVICES=""),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.returncode == 2
        assert "device 'cuda': expected an NVIDIA GPU with its driver, received none (" in process.stderr
        assert "Traceback" not in process.stderr


def test_benchmark_runs_in_the_simulator(tmp_path: Path) -> None:
    folder = str(REPOSITORY / "tests" / "benchmarks")
    program = f"""
import runpy, sys
sys.argv = ["bench_cuda.py", "--small", "--epochs", "1"]
sys.path.insert(0, {folder!r})
runpy.run_path({folder!r} + "/bench_cuda.py", run_name="__main__")
"""
    variables = {"NUMBA_ENABLE_CUDASIM": "1", "TENSORLAB_CUDA_FALLBACK": "error"}
    measured, reached = python(tmp_path, "-W", "ignore", "-c", program, **variables).split("Targets:\n")
    for title in ("copy of", "x + y, 64", "sum(x), 64", "matmul 6, 7, 5 in tf32", "a weight after", "an epoch in one"):
        assert title in measured
    (agreement,) = [line for line in reached.splitlines() if line.startswith("a weight after 4 steps")]
    assert agreement.endswith("target: at most 1e-05: reached")
    compared = ["matmul 6, 7, 5 ", "an epoch, batches of 3", "an epoch, batches of 5"]
    titles = ["x + y", "x + x", "sum(x)", *(compared if "PyTorch /" in measured else [])]
    assert all(f"\n{title}" in f"\n{reached}" for title in titles)


def test_importing_the_plugin_does_not_import_cuda(tmp_path: Path) -> None:
    program = """
import sys
import tensorlab_cuda
assert not any(name.partition(".")[0] == "numba" for name in sys.modules), "numba"
import tensorlab as tl
assert float(tl.asarray([1.0]) + 1) == 2
assert [p.error for p in tl.plugins.manager.plugins if p.distribution == "tensorlab-cuda"] == [None]
print([name for name in sys.modules if name == "numba.cuda" or name.startswith("numba.cuda.")])
"""
    assert run(program, tmp_path).strip() == "[]"

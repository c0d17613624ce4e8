"""Benchmarks that compare processes: the protocol, peers that are not installed, and quick runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delenv("TENSORLAB_BENCH_PEERS", raising=False)


PROGRAM = """
import sys, threading, time
sys.path.insert(0, {peers!r})
from protocol import Session, median_time
session = Session()
session.load("decimal", "Decimal")
print("a line that is no answer")

def train():
    count = 0
    while session.turn(count=count):
        count += 1
        time.sleep(0.05)
    return {{"trained": count}}

def fail():
    raise RuntimeError("it fails")

session.run(train=train, double=lambda x: {{"twice": 2 * x}}, fail=fail,
    median=lambda: median_time(lambda: time.sleep(0.02), 0.1), threads=lambda: {{"count": session.options["threads"]}})
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import workers

    (tmp_path / "sample.py").write_text(PROGRAM.format(peers=str(FOLDER / "peers")))
    monkeypatch.setattr(workers, "FOLDER", tmp_path)
    with workers.Worker("sample", sys.executable, {"threads": 1}) as started:
        yield started


def test_worker_answers_each_command(worker: Any) -> None:
    import decimal

    assert worker.ready["versions"] == {"Decimal": decimal.__version__}
    assert worker.ready["import"] > 0
    assert worker.ask("double", x=4)["twice"] == 8
    assert worker.ask("threads")["count"] == 1
    assert worker.ask("train")["count"] == 0
    answers = [worker.ask("epoch") for _ in range(3)]
    assert [answer["count"] for answer in answers] == [1, 2, 3]
    assert all(0.05 <= answer["seconds"] < 5 for answer in answers)
    assert worker.ask("double", x=1)["twice"] == 2  # also between epochs
    assert worker.ask("stop")["trained"] == 3
    assert worker.ask("median")["median"] >= 0.02
    memory = worker.ask("memory")["bytes"]
    assert memory is None or 2**20 < memory < 2**33
    assert worker.waiting_cpu < 0.1 * max(worker.waited, 1)
    assert worker.end() > 0.15
    assert worker.process.returncode == 0


def test_worker_that_fails_is_shown(worker: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        worker.ask("fail")
    message = str(ended.value)
    assert message.startswith("the process of sample ended with status 1:\na line that is no answer\nTraceback")
    assert message.endswith("RuntimeError: it fails\n")


def test_worker_ends_in_the_middle_of_a_training(worker: Any) -> None:
    worker.ask("train")
    worker.end()
    assert worker.process.returncode == 0


def test_peers_that_are_not_installed_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import workers

    missing = str(tmp_path / "python")
    assert workers.find(("jax",), [("jax", missing)]) == {}
    assert capsys.readouterr().out == (
        f"JAX is left out: not installed for {missing}; give --peer jax=PYTHON to compare with it\n"
    )


def test_peers_in_this_python_are_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import workers

    monkeypatch.setitem(workers.MODULES, "torch", ["json"])
    monkeypatch.setitem(workers.MODULES, "jax", ["a_library_that_nobody_has"])
    assert workers.find(("torch", "jax"), []) == {"torch": sys.executable}
    assert "JAX is left out: not installed in this Python; give --peer jax=PYTHON" in capsys.readouterr().out


def test_variable_names_peers_and_arguments_take_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    import workers

    monkeypatch.setattr(workers, "_has", lambda python, modules: True)
    monkeypatch.setenv(workers.VARIABLE, os.pathsep.join(["torch=/a/python", "keras=/b/python"]))
    found = workers.find(("torch", "jax", "keras"), [("keras", "/c/python")])
    assert found == {"torch": "/a/python", "jax": sys.executable, "keras": "/c/python"}
    monkeypatch.setenv(workers.VARIABLE, "theano=/a/python")
    with pytest.raises(
        SystemExit, match="TENSORLAB_BENCH_PEERS: expected NAME=PYTHON with a name of torch, jax, keras"
    ):
        workers.find(("torch",), [])


@pytest.mark.parametrize("argument", ["torch", "torch=", "theano=/a/python"])
def test_peer_argument_is_checked(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    import bench_mnist

    with pytest.raises(SystemExit):
        bench_mnist.main(["--peer", argument])
    expected = f"expected NAME=PYTHON with a name of torch, jax, keras, got {argument!r}"
    assert expected in capsys.readouterr().err


def test_another_python_does_not_see_packages_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import workers

    monkeypatch.setenv("PYTHONPATH", "/packages")
    assert "PYTHONPATH" not in workers.environment_of("/another/python")
    assert workers.environment_of(sys.executable)["PYTHONPATH"] == os.pathsep.join([str(workers.ROOT), "/packages"])


def test_matrix_products_are_those_of_a_step() -> None:
    import numpy as np
    from peers import protocol

    seen: list[tuple[Any, ...]] = []

    def multiply(a: Any, b: Any, out: Any) -> None:
        assert (a @ b).shape == out.shape
        seen.append((*a.shape, b.shape[1]))

    protocol.products(multiply, np.asarray, 129)()
    assert seen == [*protocol.SIZES] * 2


def test_mnist_runs_without_peers(
    mnist_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import bench_mnist
    import recording
    import workers

    monkeypatch.setattr(workers, "_has", lambda python, modules: False)
    path = tmp_path / "mnist.json"
    bench_mnist.main(["--quick", "--json", str(path)])
    printed = capsys.readouterr().out
    assert "MNIST is not available: random bytes instead" in printed
    assert all(f"{title} is left out: not installed" in printed for title in ("PyTorch", "JAX", "Keras"))
    (run,) = recording.read(path)["runs"]
    values = {result["name"]: result["medians"] for result in run["results"]}
    expected = [
        "first epoch",
        "epoch",
        "matrix products of an epoch alone",
        "training loss, epoch 1",
        "training loss, epoch 2",
        "a training step of 1 image",
        "predict 1 image",
        "predict 10,000 images",
        "test accuracy after 2 epochs",
        "import",
        "first epoch, kernels on disk",
        "whole process of 2 epochs",
        "peak memory of 2 epochs",
    ]
    assert [name for name in expected if name not in values] in ([], expected[-1:])  # not every system says the peak
    assert values["training loss, epoch 2"]["tensorlab"] < values["training loss, epoch 1"]["tensorlab"]
    assert 0.05 < values["test accuracy after 2 epochs"]["tensorlab"] < 0.2  # of random bytes
    whole, epoch = (values[name]["tensorlab"] for name in ("whole process of 2 epochs", "epoch"))
    assert whole > values["import"]["tensorlab"] + epoch
    assert run["results"][2]["ratios"].keys() == {"NumPy"}
    assert "--peer" not in str(run["arguments"])


def test_readme_has_columns_of_peers_that_were_measured() -> None:
    import readme
    import recording

    recorder = recording.Recorder("bench_mnist", threads=2)
    recorder.run["peers"] = {"JAX": "0.10", "NumPy": "0"}
    recorder.add("epoch", {"tensorlab": 0.5, "PyTorch": 1.0, "JAX": 0.75})
    recorder.add("peak memory of 5 epochs", {"tensorlab": 3e8, "PyTorch": 6e8}, "B", {"PyTorch": 2.0})
    text = readme.text({**recording.environment(), "runs": [{**recorder.run, "results": recorder.results}]})
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[0] == "| | tensorlab | NumPy | PyTorch | JAX | measured by |"
    assert rows[1] == "|---|---|---|---|---|---|"
    assert "| 500 ms |  | 1 s (2.00 ×) | 750 ms (1.50 ×) |" in rows[2]
    assert "| 300 MB |  | 600 MB (2.00 ×) |  |" in rows[3]
    assert "JAX 0.10" in text
    assert "NumPy 0," not in text
    assert "the time or memory of that library divided by tensorlab's" in text
    assert readme.shown(12345.6, "1/s") == "12,346 /s"

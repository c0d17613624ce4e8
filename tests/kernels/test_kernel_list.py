"""The list of kernels contains all kernels that operations and training use, and is made without compiling."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, DTypeError
from tensorlab.kernel_list import Kernel, built_in_kernels, kernels_of
from tensorlab.kernels.runtime import cache

SUPPORT = Path(__file__).parents[1] / "support"


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def recorded(*programs: str) -> dict[str, set[str]]:
    """Return the keys of the kernels that programs of kernel_recorder.py look up, each in the first one that does."""
    options = {"TENSORLAB_NUM_THREADS": "1", "TENSORLAB_COMPILED_CALLS": "0"}
    output = run(str(SUPPORT / "kernel_recorder.py"), *programs, **options)
    return {program: set(keys) for program, keys in json.loads(output).items()}


def test_all_kernels_of_operations_and_training_are_listed() -> None:
    programs = ("every_operation:float32", "every_dtype:all", "training:float32")
    used: set[str] = set().union(*recorded(*programs).values())
    assert len(used) > 500
    assert used - {kernel.key for kernel in built_in_kernels()} == set()


def test_operation_uses_exactly_its_listed_kernels() -> None:
    names = ("exp", "square", "negative", "sigmoid", "divide", "hypot", "maximum")
    used = recorded(*[f"{name}:float32" for name in names])
    seen: set[str] = set()
    for name in names:
        listed = {k.key for k in kernels_of([getattr(tl, name)], ["float32"]) if "driver" not in k.maker}
        assert used[f"{name}:float32"] == listed - seen
        seen |= listed


EXP = "import tensorlab as tl; tl.exp(tl.asarray([1.0, 2.0]))"


def test_operation_stores_exactly_its_listed_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    kernels = list(kernels_of([tl.exp], ["float32"], order=0))
    assert [kernel.name for kernel in kernels] == ["thread pool", "map driver", "exp"]
    assert [kernel.where for kernel in kernels] == [""] * 3
    run("-c", EXP)
    assert [kernel.where for kernel in kernels] == ["stored"] * 3
    assert set(cache.folder().iterdir()) == {cache._path(kernel.key) for kernel in kernels}


TRAINING = """
import json
import numpy as np
import tensorlab as tl
from tensorlab.kernels.runtime import cache

keys, read = [], cache.read
cache.read = lambda key: (keys.append(key), read(key))[1]
x, y = np.ones((40, 12), np.float32), np.arange(40) % 3
model = tl.Sequential([tl.layers.Dense(8, activation="relu"), tl.layers.Dense(3, activation="softmax")])
model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=12, batch_size=8, verbose=0)
model.predict(np.ones((20000, 12), np.float32), batch_size=20000, verbose=0)
for _ in range(200):  # compiled calls are used from the hundredth call on
    tl.relu(tl.asarray(x))
print(json.dumps(keys))
"""


def test_all_kernels_that_training_loads_are_listed() -> None:
    used = set(json.loads(run("-c", TRAINING, TENSORLAB_NUM_THREADS="2")))
    listed = {kernel.key: kernel for kernel in built_in_kernels(["float32", "int64", "bool"])}
    assert used - set(listed) == set()
    makers = {listed[key].maker.rpartition(".")[2] for key in used}
    others = {"call_kernel", "epilogue_kernel", "matmul_kernel", "reduce_kernel", "rowwise_kernel", "update_kernel"}
    others.add("replay_kernel")
    assert makers >= {*others, "map_driver", "map_kernel", "run_driver", "task_kernel", "worker_kernel"}


def test_listing_imports_no_numba_and_compiles_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from tensorlab.kernel_list import built_in_kernels\n"
        "print(len([k.where for k in built_in_kernels(order=2)]) > 1000, 'numba' in sys.modules)"
    )
    assert run("-c", program, TENSORLAB_CACHE_DIR=str(tmp_path)) == "True False\n"
    assert list(tmp_path.rglob("*.kernel")) == []


def test_kernels_are_listed_once() -> None:
    keys = [kernel.key for kernel in built_in_kernels()]
    assert len(keys) == len(set(keys))


def test_listed_kernels_use_only_the_given_dtypes() -> None:
    chosen = ["bool", "float32"]
    assert {dtype for kernel in built_in_kernels(chosen) for dtype in kernel.arrays} == set(chosen)
    assert list(kernels_of([tl.less], ["float32"])) == []
    listed = [kernel.arrays for kernel in kernels_of([tl.less], chosen) if kernel.name == "less"]
    assert listed == [("bool", "bool", "bool"), ("float32", "float32", "bool")]


def swish(x: float, beta: float = 1.0) -> float:
    return x / (1.0 + beta * x * x)


def term(y_true: float, y_pred: float, scale: float = 2.0) -> float:
    return scale * abs(y_true - y_pred)


def step(w: float, g: float, m: float, learning_rate: float = 0.1) -> tuple[float, float]:
    return w - learning_rate * m, g


def summary(kernels: list[Kernel]) -> list[tuple[str, str]]:
    return [(kernel.name, kernel.maker.rpartition(".")[2]) for kernel in kernels if "driver" not in kernel.maker]


def test_kernels_of_activations_losses_and_optimizers_of_a_plugin() -> None:
    things = [tl.Activation(swish), tl.LossRule(term), tl.OptimizerRule(step), "no operation"]
    assert summary(list(kernels_of(things, ["float32"], order=0))) == [
        ("swish", "map_kernel"),
        ("swish", "epilogue_kernel"),
        ("swish_of_add", "epilogue_kernel"),
        ("term", "map_kernel"),
        ("step", "update_kernel"),
        ("step", "outer_update_kernel"),
    ]
    assert len(summary(list(kernels_of(things, ["float32"], order=1)))) == 11


def test_listed_kernel_can_be_loaded() -> None:
    from tensorlab.kernels import catalogue

    (kernel,) = [k for k in kernels_of([tl.square], ["float32"], order=0) if k.name == "square"]
    assert kernel.load() is catalogue.map_kernel(tl.square.scalar, "float32", ("float32",), ("float32",))


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(DTypeError, match=r"kernel list: expected one of bool, int8.*received 'float16'"):
        built_in_kernels(["float16"])
    with pytest.raises(ArgumentError, match="kernel list: expected an order of at least 0, received -1"):
        kernels_of([tl.exp], order=-1)

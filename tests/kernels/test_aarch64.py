"""Kernels for 64-bit ARM processors, compiled on another one, and run by an emulator."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import building
from tensorlab.errors import StateError
from tensorlab.kernel_list import built_in_kernels
from tensorlab.kernels.matmul import products
from tensorlab.kernels.matmul.caches import host_caches
from tensorlab.kernels.matmul.job import Table
from tensorlab.kernels.matmul.tile_shape import TILES
from tensorlab.kernels.runtime import library, shipped

LEVEL = "aarch64"
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or LEVEL in building.own_levels(), reason="compiles for another architecture, on Linux"
)
TASKS = ("pack", "block", "row", "dots", "mask", "sparse")
NAMES = ("relu", "sigmoid", "sum", "matmul", *(f"matmul {name}" for name in TASKS))


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("ziglang", reason="ziglang, which links for aarch64, is not installed")
    pytest.importorskip("unicorn", reason="unicorn, an emulator, is not installed")
    pytest.importorskip("elftools", reason="pyelftools is not installed")
    from tests.support.aarch64 import Emulator

    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CC", f"{sys.executable} -m ziglang cc -target aarch64-linux-gnu")
        building.build(LEVEL, folder, dtypes=["float32"], names=NAMES)
    assert json.loads((folder / LEVEL / shipped.INDEX).read_text())["machine"] == "aarch64"
    return Emulator(folder / LEVEL / shipped.LIBRARY)


def symbol(name: str, maker: str) -> str:
    keys = (kernel.key for kernel in built_in_kernels(["float32"]) if kernel.name == name and maker in kernel.maker)
    return f"{shipped.identifier(next(keys))}_task"


@pytest.mark.parametrize("name", ["relu", "sigmoid"])
def test_elementwise_operation(emulator: Any, rng: np.random.Generator, name: str) -> None:
    x = (5 * rng.standard_normal(4099)).astype(np.float32)
    result, data = emulator.array(np.zeros_like(x))
    emulator.call(symbol(name, "map_kernel"), 0, result, emulator.array(x)[0])
    expected = getattr(tl, name)(tl.asarray(x)).numpy()
    assert emulator.read(data, x.shape).tobytes() == expected.tobytes()


def test_sum(emulator: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((37, 129)).astype(np.float32)
    result, data = emulator.array(np.zeros(37, np.float32))
    emulator.call(symbol("sum", "reduce_kernel"), 0, 1, result, emulator.array(x)[0])
    np.testing.assert_allclose(emulator.read(data, (37,)), x.sum(1, np.float64), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("zeros", [0.0, 0.8])
@pytest.mark.parametrize("sizes", [(64, 64, 64), (1, 100, 37), (33, 257, 10), (130, 70, 65)])
def test_product(emulator: Any, rng: np.random.Generator, sizes: tuple[int, int, int], zeros: float) -> None:
    rows, depth, columns = sizes
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    a[rng.random(a.shape) < zeros] = 0
    tile = TILES["neon"]
    words = products.Tasks("float32", tile, host_caches(), products._kept())._words
    for task in TASKS:
        key = library.key_of("matmul.product.task_kernel", (task, "float32", tile))
        field = Table._fields.index(products._FIELDS.get(task, task))
        words[field] = emulator.addresses[f"{shipped.identifier(key)}_task"]
    result, data = emulator.array(np.zeros((rows, columns), np.float32))
    factors = [emulator.array(each)[0] for each in (a, b)]
    table = emulator.stored(words)
    missing = emulator.call(symbol("matmul", "matmul_kernel"), 0, table, 0, result, 0, *factors, 0, 0)
    assert missing == 0
    exact = a.astype(np.float64) @ b
    assert np.abs(emulator.read(data, exact.shape) - exact).max() <= 1e-6 * np.abs(exact).max()


def test_compiler_of_another_architecture_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", f"""{sys.executable} -c 'print("x86_64-linux-gnu")'""")
    with pytest.raises(StateError, match=r"links for x86_64-linux-gnu, not aarch64; set CC, e\.g\. CC='python"):
        building.build(LEVEL, tmp_path)
    assert list(tmp_path.iterdir()) == []

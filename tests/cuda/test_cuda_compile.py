"""Compile every kernel of the CUDA backend to PTX, with the type inference that the simulator does not do.

This needs the compiler of the CUDA toolkit, but neither a GPU nor a driver: a new process compiles the kernels in place
of launching them.
"""

from __future__ import annotations

import dataclasses
import gc
import inspect
import itertools
import json
import linecache
import os
import re
import shutil
import subprocess
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cuda_environment import python

import tensorlab as tl

DOMAINS = {
    "any": "bool int32 float32",
    "number": "uint8 float32",
    "real": "float32",
    "integer": "uint64",
    "bits": "bool int8",
}
CIRCULAR = {"sin", "cos", "tan"}  # they reduce large angles in double precision
SHAPES = (
    "reduce",
    "rowwise",
    "scan",
    "matmul",
    "tiles",
    "tensor_cores",
    "update",
    "persistent",
    "structure",
    "places",
    "refused",
)


optimized = [True]
"""Whether kernels are optimized, which takes half of the time. Their types and the operations in them do not change."""


def no_launch() -> list[str]:
    """Replace the device by one that launches nothing; return the list that receives the PTX of each kernel."""
    from numba import cuda
    from numba.core import sigutils
    from numba.cuda import dispatcher
    from tensorlab_cuda import driver

    compiled: list[str] = []
    device = driver.Device("none", 0, (9, 0), processors=132, blocks=64, threads=256, across=32)

    def compile_kernel(function: Any, signature: str) -> Any:
        types = sigutils.normalize_signature(signature)[0]
        capability = driver.device().compute_capability
        compiled.append(cuda.compile_ptx(function, types, cc=capability, opt=optimized[0])[0])

    def start(kernel: Any, configuration: Any, arguments: Any) -> None:
        assert tuple(map(type, arguments)) == (int,) * kernel.whole + (float,) * kernel.numbers, kernel.name

    def copy_to_device(memory: Any, array: Any) -> None:
        memory[:] = np.ravel(array).view(memory.dtype)

    dispatcher.get_current_device = lambda: device  # device functions use it when they are compiled
    driver._check = lambda module: None
    driver.device = lambda: device
    driver.free_memory = lambda: (1 << 40, 1 << 40)
    driver.device_array = np.zeros
    driver.address = lambda memory: memory.ctypes.data
    driver.copy_to_device = copy_to_device
    driver.download = lambda memory, start, size: memory[start : start + size]
    driver.compile_kernel = compile_kernel
    driver._start = start
    return compiled


def on(*shape: int, dtype: str = "float32") -> tl.Tensor:
    return tl.asarray(np.ones(shape, dtype), device="cuda")


def elementwise(name: str) -> None:
    """Compile an operation for its dtypes, and its gradients."""
    operation = getattr(tl.ops, name)
    for dtype in DOMAINS[operation.domain].split():
        with tl.GradientTape() as tape:
            arguments = [on(2, 3, dtype=dtype)[::2, ::2] for _ in range(operation.scalar.arity)]
            if dtype == "float32":
                tape.watch(arguments)
            result = operation(*arguments)
        if result.dtype.kind == "f":
            tape.gradient(result, arguments)


def reduce() -> None:
    for dtype, rule in [
        ("float32", tl.mean),
        ("int8", tl.sum),
        ("uint8", tl.prod),
        ("bool", tl.any),
        ("int64", tl.max),
    ]:
        rule(on(4, 70_000, dtype=dtype), axis=1)
        rule(on(3, 4, 5, dtype=dtype), axis=(0, 2))
    tl.all_finite(on(5))
    tl.argmax(on(3, 4), axis=0)
    tl.argmin(on(3, 4, dtype="uint8"))


def rowwise() -> None:
    for dtype in ("float32", "float64"):
        x = on(3, 4, dtype=dtype)
        with tl.GradientTape() as tape:
            tape.watch(x)
            y = tl.softmax(x) + tl.log_softmax(x)
        tape.gradient(y, x)


def scan() -> None:
    for dtype in ("float32", "float64", "int8", "uint64"):
        tl.cumulative_sum(on(3, 4, dtype=dtype), axis=0)
    with tl.GradientTape() as tape:
        x = on(3, 4)
        tape.watch(x)
        y = tl.cumulative_prod(x, axis=1)
    tape.gradient(y, x)


def matmul() -> None:
    for dtype in ("float32", "float64", "int8", "uint64"):
        tl.matrix_transpose(on(4, 3, dtype=dtype)) @ on(4, 6, dtype=dtype)
        on(2, 3, 4, dtype=dtype) @ on(5, 1, 4, 6, dtype=dtype)
    on(2, 3)._backend.matmul(on(2, 3, dtype="bool")._buffer, on(3, 2, dtype="bool")._buffer)
    with tl.device("cuda"), tl.GradientTape():
        tl.dense(on(3, 4), tl.Variable(on(4, 5)), tl.Variable(on(5)), tl.relu)


def tiles(compiled: list[str]) -> None:
    """Check that every tile keeps its sums in registers and, if Numba can align it, reads shared memory in vectors."""
    from numba import cuda
    from tensorlab_cuda.kernels import matmul_tile
    from tensorlab_cuda.kernels.matmul import matmul_kernel

    aligns = "alignment" in inspect.signature(cuda.shared.array).parameters
    for dtype, chosen in (("float32", matmul_tile.WORDS), ("float64", matmul_tile.DOUBLES)):
        for tile in chosen:
            for runs in ((True, False), (False, True)):
                matmul_kernel(tl.relu.scalar, dtype, 0, False, 0, tile, runs)
                ptx, bits = compiled[-1], dtype[-2:]
                assert ".local" not in ptx, (tile, "memory for what should be in registers")
                assert ptx.count(f"fma.rn.f{bits}") >= tile.rows * tile.columns, tile
                if aligns:
                    assert f"ld.shared.v{tile.group}.f{bits}" in ptx, tile


def tensor_cores(compiled: list[str]) -> None:
    """Compile every tile for the oldest GPUs with tensor cores and for newer ones; assemble it if `ptxas` exists."""
    from numba.cuda import dispatcher
    from tensorlab_cuda import driver
    from tensorlab_cuda.kernels.matmul import matmul_kernel
    from tensorlab_cuda.kernels.matmul_warp import warp_tiles

    newest = driver.device()
    layouts = itertools.cycle([(True, False), (False, True)])
    operands = {"tf32": "k8.row.col.f32.tf32.tf32", "float16": "k16.row.col.f32.f16.f16"}
    operands["bfloat16"] = "k16.row.col.f32.bf16.bf16"
    rounding = {"tf32": "cvt.rna.tf32.f32", "float16": "cvt.rn.f16x2.f32", "bfloat16": "cvt.rn.bf16x2.f32"}
    for capability, precision in itertools.product([(8, 0), (9, 0)], operands):
        device = dataclasses.replace(newest, compute_capability=capability)
        driver.device = dispatcher.get_current_device = lambda device=device: device
        matmul_kernel.cache_clear()
        tiles = warp_tiles(precision, False)
        turn = list(operands).index(precision)  # only the target differs for newer GPUs, so one tile suffices
        for tile in tiles if capability == (8, 0) else [tiles[turn % len(tiles)]]:
            matmul_kernel(tl.relu.scalar, "float32", 0, False, 0, tile, next(layouts))
            ptx = compiled[-1]
            assert f".target sm_{capability[0]}{capability[1]}" in ptx
            assert ".local" not in ptx, (tile, "memory for what should be in registers")
            down, across = tile.products
            products = down * across * tile.depth // 8  # in a slice, if the loops are unrolled
            found = ptx.count(f"mma.sync.aligned.m16n8{operands[precision]}.f32")
            assert down * across <= found <= products, (tile, found)
            assert rounding[precision] in ptx
            assemble(ptx, capability)
    driver.device = dispatcher.get_current_device = lambda: newest


def assemble(ptx: str, capability: tuple[int, int]) -> None:
    """Check that the toolkit's assembler, if it exists, accepts a kernel for a GPU."""
    assembler = shutil.which("ptxas")
    if assembler:
        command = [assembler, f"-arch=sm_{capability[0]}{capability[1]}", "-c", "-", "-o", os.devnull]
        done = subprocess.run(command, input=ptx, capture_output=True, text=True, check=False)
        older = "Unsupported .version" in done.stderr  # ptxas is older than the compiler
        assert older or not done.returncode, done.stderr


def places(compiled: list[str]) -> None:
    """Check that offsets use 32-bit divisions, and none at all if all arrays are dense."""

    def divisions(bits: int) -> int:
        return len(re.findall(rf"(?:rem|div)\.[us]{bits}", compiled[-1]))

    def blend(x: float, y: float) -> float:
        return x + 2.0 * y

    operation, row = tl.elementwise(blend), on(1, 5)
    operation(row, row)
    loop = divisions(64)  # the number of iterations, computed once per thread
    assert divisions(32) <= loop
    operation(on(3, 1), row)
    assert divisions(32) > loop
    assert divisions(64) == loop


def refused() -> None:
    """Check that an error of Numba names the scalar function and its line."""
    from tensorlab_cuda.kernels.build import build

    def mish(x: float) -> float:
        return x * x

    scalar = tl.elementwise(mish).scalar
    line = mish.__code__.co_firstlineno
    try:
        build("def kernel(total):\n    nothing = total + 'x'\n", {}, "map mish float32", (scalar,))
    except tl.errors.ScalarError as error:
        message = str(error)
    where = (
        f"scalar function 'mish' ({__file__}, line {line}): expected what Numba compiles for CUDA, received TypingError"
    )
    assert message.startswith(where), message
    assert message.endswith("; on the device 'cpu' it may work")
    build("def kernel(total):\n    pass\n", {}, "nothing")


def update() -> None:
    from tensorlab_cuda.memory import filled

    for optimizer in (
        tl.optimizers.SGD(),
        tl.optimizers.SGD(momentum=0.9),
        tl.optimizers.RMSprop(),
        tl.optimizers.Adam(),
    ):
        rule = optimizer.rule
        for dtype in ("float32", "float64"):
            arrays = [filled((3,), np.dtype(dtype), 1) for _ in range(2 + len(rule.slots))]
            on(1)._backend.update(rule.scalar, [arrays], [0.5] * len(rule.hyperparameters))


def persistent(compiled: list[str]) -> None:
    """Check the kernel of an epoch: a barrier after each of its kernels, which use the same shared memory."""
    from tensorlab_cuda import fit_persistent

    with tl.device("cuda"):
        model = tl.Sequential([tl.layers.Dense(8, activation="tanh"), tl.layers.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    gc.disable()  # steps must not depend on when reference cycles are collected
    try:
        fit_persistent(model, np.ones((8, 12), int), np.ones(8, int), batch_size=4)
    finally:
        gc.enable()
    ptx = compiled[-1]
    calls = re.findall(r"call\.uni[^;]*cudaCGSynchronize", ptx)
    (text,) = ["".join(lines) for file, (_, _, lines, _) in linecache.cache.items() if "kernel program" in file]
    assert len(calls) >= text.count("grid.sync()") == len(re.findall(r"phase\d+\(", text)) > 20
    assert not re.findall(r"(?<!extern )\.shared \.align", ptx), "static shared memory"
    assert ".local" not in ptx
    assemble(ptx, (9, 0))


def structure() -> None:
    x = on(3, 4, dtype="int8")
    tl.concat([tl.flip(x), x], axis=1)
    tl.reshape(tl.matrix_transpose(x), (-1,))[np.array([1, 0])]
    for dtype in ("float32", "float64"):
        with tl.GradientTape() as tape:
            values = on(3, 4, dtype=dtype)
            tape.watch(values)
            chosen = values[np.array([1, 1, 0])]
        tape.gradient(chosen, values)


def main() -> None:
    """Print ``{name: ""}``, with the traceback of each kernel that failed."""
    from numba import cuda
    from tensorlab_cuda.driver import missing_compiler

    if missing := missing_compiler(cuda):
        print(json.dumps({"skip": f"the compiler of the CUDA toolkit is not installed: {missing}"}))
        return
    compiled = no_launch()
    found = [(name, getattr(tl.ops, name)) for name in dir(tl.ops)]  # some have a second name
    operations = [name for name, thing in found if isinstance(thing, type(tl.relu)) and thing.__name__ == name]
    results = {}
    for name in (*operations, *SHAPES):
        compiled.clear()
        optimized[0] = name not in operations
        try:
            if name in operations:
                elementwise(name)
            elif name in ("tiles", "tensor_cores", "persistent", "places"):
                globals()[name](compiled)
            else:
                globals()[name]()
            assert compiled, "nothing was compiled"
            doubles = [ptx for ptx in compiled if ".param .f64" not in ptx and ".f64" in ptx]
            if name in operations and name not in CIRCULAR:
                assert not doubles, "double precision in a kernel of float32"
            results[name] = ""
        except Exception:
            results[name] = traceback.format_exc()
    print(json.dumps(results))


def test_every_kernel_compiles(tmp_path: Path) -> None:
    output = python(tmp_path, "-W", "ignore", __file__, NUMBA_ENABLE_CUDASIM="0")
    results: dict[str, str] = json.loads(output.splitlines()[-1])
    if "skip" in results:
        pytest.skip(results["skip"])
    assert set(SHAPES) < set(results)
    assert not any(results.values()), "\n".join(f"{name}: {error}" for name, error in results.items() if error)


if __name__ == "__main__":
    main()

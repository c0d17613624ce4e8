"""Parts of kernels: compiled functions that only other compiled functions call."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
from typing import Any

import pytest
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.typing import Context

from tensorlab.kernels.runtime import linker
from tensorlab.kernels.runtime.compiler import jit, kernel
from tensorlab.kernels.runtime.lift import lift
from tensorlab.scalars import scalar_function


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the symbols of all functions for which machine code is generated, by tensorlab or by Numba."""
    symbols: list[str] = []
    emit, finalize = linker.emit, JITCodeLibrary._finalize_specific

    def noted(code: linker.Code, *options: Any) -> Any:
        symbols.append(code.symbol)
        return emit(code, *options)

    def noted_by_numba(self: JITCodeLibrary) -> None:
        symbols.append(self.name)
        finalize(self)

    monkeypatch.setattr(linker, "emit", noted)
    monkeypatch.setattr(JITCodeLibrary, "_finalize_specific", noted_by_numba)
    return symbols


def test_machine_code_is_generated_once_for_a_kernel_and_its_parts(
    generated: list[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))

    def cube(n: int) -> int:
        return n * n * n

    scalar = lift(scalar_function(cube), "int64")

    @jit
    def twice(n):
        return 2 * scalar(n)

    @jit
    def total(n):
        result = 0
        for i in range(n):
            result += twice(i) - scalar(i)
        return result

    def launch(n):
        return total(n) + twice(n)

    @kernel
    def launcher():
        return launch, types.int64(types.int64)

    assert launcher()(10) == sum(i**3 for i in range(10)) + 2 * 10**3
    (once,) = (symbol for symbol in generated if "test_machine_code" in symbol)
    assert "launch" in once


def test_error_in_a_part_names_its_cause() -> None:
    @jit
    def part(n):
        return n.no_such_attribute

    def launch(n):
        return part(n)

    @kernel
    def launcher():
        return launch, types.int64(types.int64)

    with pytest.raises(Exception, match="no_such_attribute"):
        launcher()


def test_garbage_collector_is_paused_while_a_kernel_is_compiled(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    enabled = []

    @kernel
    def answer():
        enabled.append(gc.isenabled())
        return lambda: 42, types.int64()

    @kernel
    def broken():
        enabled.append(gc.isenabled())
        raise ValueError("broken")

    assert answer()() == 42
    with pytest.raises(ValueError, match="broken"):
        broken()
    assert enabled == [False, False]
    assert gc.isenabled()
    gc.disable()
    try:
        with pytest.raises(ValueError, match="broken"):
            broken()
        assert not gc.isenabled()  # as it was before
    finally:
        gc.enable()


LONG = """
import numba, numpy as np
from tensorlab.kernels.runtime.compiler import OPTIONS, jit
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.parts import WHOLE
from numba import types

@jit
def doubled(count, x):
    for i in range(count):
        x[i] *= 2

def launch(count, x):
    doubled(count, pointer(x, types.float32))

dispatcher = numba.njit(**OPTIONS, **WHOLE)(launch)
dispatcher.compile("void(int64, int64)")
(result,) = dispatcher.overloads.values()
print("zmm" in result.library.get_asm_str())
"""


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="compiles for Intel's processors")
@pytest.mark.parametrize("processor", ["sapphirerapids", "x86-64-v4"])
def test_loops_have_the_longest_vectors(processor: str) -> None:
    target = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx2,+fma"}
    command = [sys.executable, "-c", LONG]
    done = subprocess.run(command, env=os.environ | target, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "True", done.stderr


def test_types_of_operators_are_inferred_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    resolve = Context.resolve_function_type

    def noted(self: Context, function: Any, arguments: Any, keywords: Any) -> Any:
        asked.append(str(getattr(function, "typing_key", "")))
        return resolve(self, function, arguments, keywords)

    monkeypatch.setattr(Context, "resolve_function_type", noted)
    counts = []
    for _ in range(2):
        asked.clear()

        @jit
        def sums(n, x):
            return n + n, x + n, x + x, n * n, n // 3, n < 3

        found = sums.get_call_template((types.int64, types.float64), {})[0].cases[0].return_type
        counts.append(len([key for key in asked if "built-in function" in key]))
        expected = (types.int64, types.float64, types.float64, types.int64, types.int64, types.boolean)
        assert found == types.Tuple(expected)
    assert counts[1] == 0

"""A program: the launches of many steps as one kernel, with a barrier over the grid after each launch.

The recorded kernels become device functions, whose grid-stride loops stay as they are. Consecutive steps with the same
launches form a stretch; the program has a loop over the steps of each. The arguments are in two tables on the device,
one of integers and one of real numbers. A table has the first value of each argument and, if it grows, the increment
per step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from tensorlab_cuda import driver, simulator
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.recording import Launch

Phase = tuple[Kernel, tuple[bool, ...]]
"""A kernel, and which of its arguments grow."""


def tables(stretches: Sequence[tuple[int, Sequence[Launch]]], taken: int) -> list[np.ndarray[Any, Any]]:
    """Return the two tables of arguments for consecutive stretches of equal steps.

    Args:
        stretches: the number of steps and the launches of each stretch.
        taken: the number of training steps before the first stretch. A real argument, such as the optimizer's step
            count, grows through the whole training; an integer, such as the index of a batch, only in its stretch.
    """
    words: list[int] = []
    numbers: list[float] = []
    for steps, launches in stretches:
        for launch in launches:
            for argument, increment in zip(launch.arguments, launch.increments, strict=True):
                if isinstance(argument, int):
                    words += [argument, int(increment)] if increment else [argument]
                else:
                    numbers += [argument + taken * increment, increment] if increment else [argument]
        taken += steps
    return [np.array(words, np.int64), np.array(numbers, np.float64)]


def phases(launches: Sequence[Launch]) -> tuple[Phase, ...]:
    """Return the parts of launches that the text of a program depends on."""
    return tuple((launch.kernel, tuple(map(bool, launch.increments))) for launch in launches)


def _calls(stretch: Sequence[Phase], names: dict[Kernel, str], words: Iterator[int], numbers: Iterator[int]) -> str:
    """Return the text of one step; the iterators count the elements of the two tables."""
    text = ""
    for kernel, growing in stretch:
        given = []
        for position, grows in enumerate(growing):
            table, indices = ("words", words) if position < kernel.whole else ("numbers", numbers)
            value = f"{table}[{next(indices)}]"
            given.append(f"{value} + step * {table}[{next(indices)}]" if grows else value)
        text += f"        {names[kernel]}({', '.join(given)})\n        grid.sync()\n"
    return text


@functools.cache
def program_kernel(stretches: tuple[tuple[Phase, ...], ...], threads: int) -> tuple[Kernel, int]:
    """Return the kernel ``k(words, numbers, *steps of each stretch)``, and its shared memory per block in bytes.

    Args:
        stretches: the phases of each stretch.
        threads: the number of threads per block.
    """
    kernels = list(dict.fromkeys(kernel for stretch in stretches for kernel, _ in stretch))
    names = {kernel: f"phase{number}" for number, kernel in enumerate(kernels)}
    steps = [f"steps{number}" for number in range(len(stretches))]
    words, numbers = iter(range(1 << 62)), iter(range(1 << 62))
    loops = "".join(
        f"    for step in range({count}):\n{_calls(stretch, names, words, numbers)}"
        for count, stretch in zip(steps, stretches, strict=True)
    )
    source = f"""
def kernel({", ".join(["words_address", "numbers_address", *steps])}):
    words = pointer(words_address, int64)
    numbers = pointer(numbers_address, float64)
    grid = cuda.cg.this_grid()
{loops}"""
    namespace: dict[str, Any] = {names[kernel]: _phase(kernel, names[kernel], threads) for kernel in kernels}
    built = build(source, {**namespace, "float64": np.float64}, f"program of {len(kernels)} kernels")
    return built, max(_starts(kernel, threads)[1] for kernel in kernels)


def _starts(kernel: Kernel, threads: int) -> tuple[dict[str, int], int]:
    """Return the offsets of a kernel's shared arrays in elements, and their total size in bytes."""
    starts, size = {}, 0
    for name, (count, kind) in kernel.shared.items():
        width = np.dtype(kind).itemsize
        starts[f"{name}_START"] = size // width
        size += (count or threads) * width
    return starts, size


def _phase(kernel: Kernel, name: str, threads: int) -> Callable[..., Any]:
    """Return a kernel as a device function, with its shared arrays in the dynamic memory that all kernels reuse."""
    plain = kernel.function
    names = {**plain.__globals__, **{f"{array}_SIZE": 0 for array in kernel.shared}, **_starts(kernel, threads)[0]}
    if driver.simulated():
        names["cuda"] = simulator.Running()
    return driver.compile_function(FunctionType(plain.__code__, names, name))

"""Record the launches of training steps in place of executing them, and find what the steps have in common.

A step launches the same kernels as the step before it. The arguments stay the same too, or grow by the same
amount from step to step, such as the index of a batch or the number of a step. Three steps are recorded. If they show
that, any number of steps can be taken without the Python code that launched them.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tensorlab.errors import DeviceError, StateError
from tensorlab_cuda.allocator import Memory
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.listener import recorded

Word = int | tuple[int, int]
"""A number; for an address in recorded memory, the number of the allocation and the offset in bytes."""


@dataclass
class Recording:
    """The launches, uploads and allocations of a step.

    Attributes:
        who: the function or model that is recorded, for messages.
        launches: each kernel, the threads of its blocks, and its arguments.
        uploads: the arrays that the host copied to the device.
        held: the allocated memory. It is kept, so that it is not allocated again.
    """

    who: str
    launches: list[tuple[Kernel, int, tuple[float, ...]]] = field(default_factory=list)
    uploads: list[np.ndarray[Any, Any]] = field(default_factory=list)
    held: list[Memory] = field(default_factory=list)

    def launched(self, kernel: Kernel, threads: int, arguments: tuple[float, ...]) -> None:
        """Add a launch."""
        self.launches.append((kernel, threads, arguments))

    def uploaded(self, array: np.ndarray[Any, Any]) -> None:
        """Add an upload."""
        self.uploads.append(np.array(array).reshape(-1))

    def allocated(self, memory: Memory) -> None:
        """Add an allocation."""
        self.held.append(memory)

    def read(self) -> None:
        """Refuse a read by the host, since nothing has been computed.

        Raises:
            DeviceError: always.
        """
        hint = "use tensor operations only, or train the model with model.fit"
        raise DeviceError(self.who, "a step that stays on the device", "one that reads a tensor on the host", hint)

    def places(self) -> Callable[[int], Word]:
        """Return a function that replaces an address in held memory by its allocation and offset."""
        pieces = sorted((memory.address, memory.array.nbytes, number) for number, memory in enumerate(self.held))
        starts = [start for start, _, _ in pieces]

        def place(word: int) -> Word:
            found = bisect.bisect_right(starts, word) - 1
            if found >= 0 and word < starts[found] + pieces[found][1]:
                return pieces[found][2], word - starts[found]
            return word

        return place


@dataclass(frozen=True)
class Launch:
    """A launch that every step makes.

    Attributes:
        kernel: the kernel.
        threads: the threads of its blocks, if it is launched by itself.
        arguments: its arguments in the first step.
        increments: the amount by which each argument grows from step to step.
    """

    kernel: Kernel
    threads: int
    arguments: tuple[float, ...]
    increments: tuple[float, ...]


def discard(who: str, step: Callable[[int], None]) -> None:
    """Take step 0 without launching anything, so that its kernels are compiled.

    Raises:
        DeviceError: if it reads on the host what the device computes.
    """
    _recording(who, step, 0)


def _recording(who: str, step: Callable[[int], None], number: int) -> Recording:
    """Take a step of a number, and return what it launches in place of launching it."""
    recording = Recording(who)
    with recorded(recording):
        step(number)
    return recording


def record(who: str, step: Callable[[int], None]) -> tuple[list[Launch], list[Memory]]:
    """Record steps 0, 1 and 2 without executing them, and return what they have in common.

    Args:
        who: the function or model that is recorded, for messages.
        step: takes the step of a number.

    Returns:
        the launches, and the memory that must be kept while they are used.

    Raises:
        StateError: if the steps differ in more than numbers that grow evenly.
        DeviceError: if they read on the host what the device computes.
    """
    takes = [_recording(who, step, number) for number in range(3)]
    first, second, third = takes
    if len({tuple(map(_kind, take.launches)) for take in takes}) > 1:
        raise _differ(who, "the kernels that they launch")
    contents = [_contents(take) for take in takes]
    if contents[0] != contents[1] or contents[0] != contents[2]:
        raise _differ(who, "the data that the host uploads, such as random numbers")
    words = [take.places() for take in takes]
    launches = []
    for (kernel, threads, arguments), *others in zip(first.launches, second.launches, third.launches, strict=True):
        columns = zip(arguments, *(given for _, _, given in others), strict=True)
        increments = tuple(_increment(who, kernel, values, words) for values in columns)
        launches.append(Launch(kernel, threads, arguments, increments))
    return launches, first.held


def _kind(launch: tuple[Kernel, int, tuple[float, ...]]) -> tuple[int, int]:
    kernel, threads, _ = launch
    return id(kernel), threads


def _contents(take: Recording) -> list[Any]:
    """Return the uploads, with addresses replaced by allocations and offsets."""
    place = take.places()
    return [
        [place(int(word)) for word in array] if array.dtype == np.int64 else (array.dtype.str, array.tobytes())
        for array in take.uploads
    ]


def _increment(who: str, kernel: Kernel, values: Sequence[float], words: Sequence[Callable[[int], Word]]) -> float:
    found = [place(value) if isinstance(value, int) else value for value, place in zip(values, words, strict=True)]
    if found[0] == found[1] == found[2]:
        return type(values[0])(0)
    if not any(isinstance(word, tuple) for word in found) and values[1] - values[0] == values[2] - values[1]:
        return values[1] - values[0]
    raise _differ(who, f"the arguments of kernel {kernel.name!r}")


def _differ(who: str, what: str) -> StateError:
    hint = "train the model with model.fit, which runs the Python code of each step"
    return StateError(who, f"the training steps differ in {what}", hint)

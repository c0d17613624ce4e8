"""Recording what a step of training launches, instead of launching it, and what steps have in common.

A step launches the same kernels as the step before it. What it hands to them stays the same too, or goes on by the same
amount from step to step, such as the place of a batch or the number of a step. Three steps are recorded: if they show
that, any number of steps can be taken without the program that launched them.
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
"""A number, or the place of an address: the number of the memory that has been taken, and the bytes from its start."""


@dataclass
class Recording:
    """What happened while it listened.

    Attributes:
        who: what is recorded, for messages.
        launches: each kernel, the threads of its blocks, and what it was given.
        uploads: what the host sent.
        held: the memory that was taken. It is held, so that nobody else gets it.
    """

    who: str
    launches: list[tuple[Kernel, int, tuple[float, ...]]] = field(default_factory=list)
    uploads: list[np.ndarray[Any, Any]] = field(default_factory=list)
    held: list[Memory] = field(default_factory=list)

    def launched(self, kernel: Kernel, threads: int, arguments: tuple[float, ...]) -> None:
        """A kernel was to be started."""
        self.launches.append((kernel, threads, arguments))

    def uploaded(self, array: np.ndarray[Any, Any]) -> None:
        """The host sent some elements."""
        self.uploads.append(np.array(array).reshape(-1))

    def allocated(self, memory: Memory) -> None:
        """Memory was taken."""
        self.held.append(memory)

    def read(self) -> None:
        """The host wants to read what has not been computed.

        Raises:
            DeviceError: always.
        """
        hint = "the host is not asked during an epoch: use tensor operations only, or model.fit"
        raise DeviceError(self.who, "a step that stays on the device", "one that reads a tensor on the host", hint)

    def places(self) -> Callable[[int], Word]:
        """What tells an address of held memory from other numbers, and gives its place."""
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
    """A launch of every step.

    Attributes:
        kernel: what is started.
        threads: of its blocks, when it is started by itself.
        arguments: what it is given in the first step.
        increments: by how much each of them grows from step to step.
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
    """What steps 0, 1 and 2 have in common, of which nothing is computed.

    Args:
        who: what is recorded, for messages.
        step: takes the step of a number.

    Returns:
        the launches, and what has to be held as long as they are used.

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
        raise _differ(who, "what the host sends, such as random numbers")
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
    """What was uploaded, addresses as their places."""
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
    raise _differ(who, f"what kernel {kernel.name!r} is given")


def _differ(who: str, what: str) -> StateError:
    hint = "train the model with model.fit, which runs the Python code of each step"
    return StateError(who, f"the training steps differ in {what}", hint)

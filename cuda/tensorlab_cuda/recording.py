"""Record the launches of training steps without executing them, and combine the steps into a program.

Every step launches the same kernels. An argument stays the same or grows by a constant from step to step, like the
index of a batch or the number of the step. Three steps are recorded to check that; then any number of steps can run
without the Python code that launched them.
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
"""An integer, or for an address in recorded memory, the index of the allocation and the offset in bytes."""


@dataclass
class Recording:
    """The launches, uploads and allocations of a step.

    Attributes:
        who: the name of the function or model, for messages.
        launches: each kernel, its threads per block, and its arguments.
        uploads: the arrays that the host copied to the device.
        held: the allocated memory, which is kept so that it is not reused.
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
        """Reject a read by the host, since nothing was computed.

        Raises:
            DeviceError: always.
        """
        hint = "use tensor operations only, or train the model with model.fit"
        raise DeviceError(self.who, "a step that stays on the device", "one that reads a tensor on the host", hint)

    def places(self) -> Callable[[int], Word]:
        """Return a function that replaces an address in recorded memory by an index and offset, see `Word`.

        These are equal for every step, while the addresses differ.
        """
        pieces = sorted((memory.address, memory.array.nbytes, number) for number, memory in enumerate(self.held))
        starts = [start for start, _, _ in pieces]

        def locate(word: int) -> Word:
            found = bisect.bisect_right(starts, word) - 1
            if found >= 0 and word < starts[found] + pieces[found][1]:
                return pieces[found][2], word - starts[found]
            return word

        return locate


@dataclass(frozen=True)
class Launch:
    """A launch that is part of every step.

    Attributes:
        kernel: the kernel.
        threads: its threads per block when launched alone.
        arguments: its arguments in the first step.
        increments: the increase of each argument from step to step.
    """

    kernel: Kernel
    threads: int
    arguments: tuple[float, ...]
    increments: tuple[float, ...]


def discard(who: str, step: Callable[[int], None]) -> None:
    """Record step 0 and discard the recording, so that its kernels are compiled.

    Raises:
        DeviceError: if the step reads a tensor on the host.
    """
    _recording(who, step, 0)


def _recording(who: str, step: Callable[[int], None], number: int) -> Recording:
    """Record step ``number``."""
    recording = Recording(who)
    with recorded(recording):
        step(number)
    return recording


def record(who: str, step: Callable[[int], None]) -> tuple[list[Launch], list[Memory]]:
    """Record steps 0, 1 and 2 without executing them, and combine them.

    Args:
        who: the name of the function or model, for messages.
        step: executes the step with the given number.

    Returns:
        the launches, and the memory that must be kept while they are used.

    Raises:
        StateError: if the steps differ in more than arguments that grow by a constant.
        DeviceError: if a step reads a tensor on the host.
    """
    recordings = [_recording(who, step, number) for number in range(3)]
    first, second, third = recordings
    if len({tuple(map(_kind, recording.launches)) for recording in recordings}) > 1:
        raise _differ(who, "the kernels that they launch")
    contents = [_contents(recording) for recording in recordings]
    if contents[0] != contents[1] or contents[0] != contents[2]:
        raise _differ(who, "the data that the host uploads, such as random numbers")
    locators = [recording.places() for recording in recordings]
    launches = []
    for (kernel, threads, arguments), *others in zip(first.launches, second.launches, third.launches, strict=True):
        columns = zip(arguments, *(given for _, _, given in others), strict=True)
        increments = tuple(_increment(who, kernel, values, locators) for values in columns)
        launches.append(Launch(kernel, threads, arguments, increments))
    return launches, first.held


def _kind(launch: tuple[Kernel, int, tuple[float, ...]]) -> tuple[int, int]:
    kernel, threads, _ = launch
    return id(kernel), threads


def _contents(recording: Recording) -> list[Any]:
    """Return the uploads in a form that can be compared between steps; int64 arrays may contain addresses."""
    locate = recording.places()
    return [
        [locate(int(word)) for word in array] if array.dtype == np.int64 else (array.dtype.str, array.tobytes())
        for array in recording.uploads
    ]


def _increment(who: str, kernel: Kernel, values: Sequence[float], locators: Sequence[Callable[[int], Word]]) -> float:
    """Return the increase per step of an argument, given its values in three steps."""
    found = [locate(value) if isinstance(value, int) else value for value, locate in zip(values, locators, strict=True)]
    if found[0] == found[1] == found[2]:
        return type(values[0])(0)
    if not any(isinstance(word, tuple) for word in found) and values[1] - values[0] == values[2] - values[1]:
        return values[1] - values[0]
    raise _differ(who, f"the arguments of kernel {kernel.name!r}")


def _differ(who: str, what: str) -> StateError:
    hint = "train the model with model.fit, which runs the Python code of each step"
    return StateError(who, f"the training steps differ in {what}", hint)

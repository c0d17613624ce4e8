"""The threads of a simulated block as greenlets, which switch at each synchronization of a kernel.

Numba's simulator starts a thread of Python for each thread of a block and polls them. Greenlets run one after the other
in a fixed order, so that a block costs a fraction of the time and a race shows the same in every run.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import greenlet
import numpy as np
from numba.cuda.simulator import kernel, kernelapi


class Thread(greenlet.greenlet):
    """One thread of a block, with the attributes that Numba's simulator reads from the current thread."""

    def __init__(self, function: Callable[..., None], block: Block, place: tuple[int, ...], index: int) -> None:
        super().__init__(function)
        self._manager = block
        self.blockIdx = kernelapi.Dim3(*block.place)
        self.threadIdx = kernelapi.Dim3(*place)
        self.thread_id = index

    def syncthreads(self) -> None:
        """Wait until every thread of the block that has not ended gets here."""
        self.parent.switch()

    def _votes(self, value: Any) -> np.ndarray[Any, Any]:
        """Return the values of all threads."""
        votes = self._manager.votes
        votes[self.thread_id] = bool(value)
        self.syncthreads()
        result = votes.copy()
        self.syncthreads()
        return result

    def syncthreads_count(self, value: Any) -> int:
        return int(self._votes(value).sum())

    def syncthreads_and(self, value: Any) -> int:
        return int(self._votes(value).all())

    def syncthreads_or(self, value: Any) -> int:
        return int(self._votes(value).any())


class Block:
    """A block of threads. It takes the place of ``BlockManager`` in Numba's simulator."""

    def __init__(self, function: Callable[..., None], grid: Any, shape: tuple[int, ...], debug: bool) -> None:
        self._function = function
        self._shape = shape
        self.place: tuple[int, ...] = ()
        self.votes = np.zeros(int(np.prod(shape)), bool)

    def run(self, place: tuple[int, ...], *arguments: Any) -> None:
        """Run all threads from one synchronization to the next, until the last has ended.

        Raises:
            what the kernel raised, with the thread and the block in front of its message.
        """
        self.place = place
        # x is the first axis of a thread's index and the one that its number counts first.
        places = [index[::-1] for index in np.ndindex(*self._shape[::-1])]
        threads = [Thread(self._function, self, place, index) for index, place in enumerate(places)]
        for thread in threads:
            self._continue(thread, *arguments)
        while threads := [thread for thread in threads if not thread.dead]:
            for thread in threads:
                self._continue(thread)

    def _continue(self, thread: Thread, *arguments: Any) -> None:
        try:
            thread.switch(*arguments)
        except Exception as error:
            where = f"tid={list(thread.threadIdx)} ctaid={list(thread.blockIdx)}"
            raise type(error)(f"{where}: {error}" if str(error) else where) from error


def install() -> None:
    """Make Numba's simulator run blocks with these classes."""
    kernel.BlockManager = Block
    kernelapi.threading = SimpleNamespace(current_thread=greenlet.getcurrent)

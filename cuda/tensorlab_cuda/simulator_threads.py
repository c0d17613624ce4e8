"""Simulate the threads of a block as greenlets, which switch at each barrier of a kernel.

Numba's simulator starts a Python thread for each thread of a block and polls them. Greenlets run one after the other in
a fixed order, so a block takes a fraction of the time, and a race has the same effect in every run.
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
        """Wait until all threads of the block that have not ended reach the barrier."""
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
    """A block of threads, which replaces ``BlockManager`` of Numba's simulator."""

    def __init__(self, function: Callable[..., None], grid: Any, shape: tuple[int, ...], debug: bool) -> None:
        self._function = function
        self._shape = shape
        self.place: tuple[int, ...] = ()
        self.votes = np.zeros(int(np.prod(shape)), bool)

    def run(self, place: tuple[int, ...], *arguments: Any) -> None:
        """Run all threads from one barrier to the next until all have ended.

        Raises:
            the exception of the kernel, with the thread and the block at the start of its message.
        """
        self.place = place
        # The first axis of a thread's index, x, varies fastest.
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

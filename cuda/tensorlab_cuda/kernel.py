"""A kernel, as the driver starts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Shared = tuple[int | None, type[np.generic]]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel, compiled for the one signature that it has: whole numbers, and then numbers.

    Arrays are handed over as their addresses. A number costs a launch a small part of what an array would, of which
    Numba hands over seven words, and what kernels index has none of an array's checks for negative indices.

    Attributes:
        compiled: what Numba makes of it.
        name: what messages call it.
        whole: how many whole numbers it takes.
        numbers: how many numbers it takes after those.
        function: its Python function.
        shared: the arrays that a block shares, in order: of how many elements, None for one a thread, and their type.
        launchers: for each number of blocks and threads, what starts it.
    """

    compiled: Any
    name: str
    whole: int = 0
    numbers: int = 0
    function: Any = None
    shared: Mapping[str, Shared] = field(default_factory=dict)
    launchers: dict[tuple[Any, ...], Callable[..., None]] = field(default_factory=dict)

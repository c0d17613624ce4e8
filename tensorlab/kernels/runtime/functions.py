"""The compiled calls of `matmul` and of reductions: functions that return None for what they do not handle.

A special method such as ``Elementwise.__call__`` can be replaced, see `calls`; a function of a module cannot, since
other modules hold it. So these functions call a compiled one first. That function does the work on small tensors in
machine code (`compiled_functions`). It returns None for everything else, and for every call that a tape or a listener
records; then the Python function goes on.
"""

from __future__ import annotations

import ctypes
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorlab.kernels.runtime import calls, library, pool
from tensorlab.kernels.runtime.native import Method, address, keep_to_the_end, launch_address, new_function

SLOTS = ("_buffer", "_backend", "key")
"""The slots of tensors that the compiled functions read and write."""


class Common(NamedTuple):
    """The first words of every table. Objects are addresses."""

    tapes: int
    """The address of a word that is 0 while no tape records."""
    listeners: int
    """The address of a word that is 0 while nothing listens to the backend."""
    enabled: int
    """The address of a word that is 0 while all calls go through Python."""
    pool: int
    """The address of a word that contains the address of the pool."""
    tensor: int
    """The class of results. The next four classes are also accepted as arguments."""
    shared: int
    remembering: int
    variable: int
    watched: int
    ndarray: int
    new_array: int
    """NumPy's C function that creates an array."""
    keys: int
    """The iterator that yields the keys of tensors."""
    python_int: int
    none: int
    """None, which the call returns for everything that it does not handle."""
    true: int
    false: int
    backend: int


class Products(NamedTuple):
    """The table of `compiled_functions.product_kernel`."""

    common: Common
    kernel: int
    """The address of `stacked.matmul_kernel`."""
    single: int
    """The dtype float32."""
    single_tasks: int
    double: int
    """The dtype float64."""
    double_tasks: int


class Reductions(NamedTuple):
    """The table of `compiled_functions.reduction_kernel`. As many `ReductionEntry` follow as it has entries."""

    common: Common
    of_indices: int
    """Whether the kernels return indices along the last axis, such as argmax, instead of values."""
    entries: int


class ReductionEntry(NamedTuple):
    """The words for a dtype."""

    dtype: int
    size: int
    """The size of an element in bytes."""
    output: int
    """The dtype of the result."""
    launch: int
    """The address that `native.launch_address` returns for the kernel."""


def common(tensors: Sequence[type], tapes: int, listeners: int, keys: Iterator[int], backend: Any) -> Common | None:
    """Return the first words of a table, or None if this Python has no compiled calls.

    Args:
        tensors: the classes `Common.tensor` to `Common.watched`.
        tapes: as in `Common`.
        listeners: as in `Common`.
        keys: yields the keys of tensors.
        backend: the backend whose tensors are arguments.
    """
    if sysconfig.get_config_var("Py_GIL_DISABLED"):  # reading slots without locks relies on the GIL
        return None
    tensor, shared, remembering, variable, watched = map(calls.kept_at, tensors)
    return Common(
        tapes=tapes,
        listeners=listeners,
        enabled=calls.enabled.ctypes.data,
        pool=pool.shared.ctypes.data,
        tensor=tensor,
        shared=shared,
        remembering=remembering,
        variable=variable,
        watched=watched,
        ndarray=id(np.ndarray),
        new_array=calls.new_array_address(),
        keys=calls.kept_at(keys),
        python_int=id(int),
        none=id(None),
        true=id(True),
        false=id(False),
        backend=calls.kept_at(backend),
    )


def product(
    first: Common, slots: Sequence[int], kernels: Sequence[tuple[Any, Callable[..., Any], int]]
) -> Callable[[Any, Any], Any]:
    """Return the compiled call of small matrix products.

    The function of two arguments returns their product if both are matrices of one dtype on the backend, or else None.

    Args:
        first: the first words of the table.
        slots: the offsets of `SLOTS`.
        kernels: for float32 and float64: the dtype, the kernel, and the address of its tasks.
    """
    (single, kernel, single_tasks), (double, _, double_tasks) = kernels
    words = Products(
        common=first,
        kernel=address(kernel),
        single=calls.kept_at(single),
        single_tasks=single_tasks,
        double=calls.kept_at(double),
        double_tasks=double_tasks,
    )
    return _function("product_kernel", slots, [*words.common, *words[1:]])


def reduction(
    first: Common, slots: Sequence[int], entries: Sequence[tuple[Any, Any, Callable[..., Any]]], of_indices: bool
) -> Callable[[Any, Any, Any], Any]:
    """Return the compiled call of a reduction.

    The function of a tensor, its axis and ``keepdims`` returns the reduction of a small tensor, or else None.

    Args:
        first: the first words of the table.
        slots: the offsets of `SLOTS`.
        entries: for each dtype: the dtype, that of the result, and the kernel.
        of_indices: as in `Reductions`.
    """
    words = [*first, of_indices, len(entries)]
    for dtype, output, kernel in entries:
        words += ReductionEntry(calls.kept_at(dtype), dtype.itemsize, calls.kept_at(output), launch_address(kernel))
    return _function("reduction_kernel", slots, words)


def _function(name: str, slots: Sequence[int], words: Sequence[int]) -> Callable[..., Any]:
    """Return a compiled call with its table."""
    call = address(library.find(f"runtime.compiled_functions.{name}", tuple(slots)))
    method = Method(name.encode(), call, calls.FAST, None)
    keep_to_the_end(method)
    function: Callable[..., Any] = new_function(
        ctypes.addressof(method), calls.new_capsule(np.array(words, np.int64)), None
    )
    return function

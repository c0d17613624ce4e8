"""Named fields in memory: a kernel packs them, another kernel or NumPy reads them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numba import types
from numba.core.errors import TypingError

from tensorlab.kernels.runtime.compiler import kernel
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.pool import LINE, MAX_THREADS, POOL, THREAD
from tensorlab.kernels.runtime.records import addresses, packed, record_at


class Pair(NamedTuple):
    left: int
    right: int


class Nested(NamedTuple):
    first: int
    pair: Pair
    other: Pair
    last: int


@kernel
def round_trip():
    def copy(source, target):
        given = record_at(source, Nested)
        swapped = Pair(given.pair.right, given.pair.left)
        data = packed(Nested(given.first, swapped, Pair(7, given.other.right), given.last))
        for word in range(6):
            pointer(target, types.int64)[word] = pointer(data, types.int64)[word]

    return copy, "void(int64, int64)"


@kernel
def of_floats():
    return lambda x: packed(Pair(1, x)), "int64(float64)"


@kernel
def thread_words():
    def write(pool, target):
        found = addresses(addresses(pool, POOL).threads + LINE, THREAD)
        words = pointer(target, types.int64)
        words[0], words[1], words[2] = addresses(pool, POOL).stop, found.share, found.lock

    return write, "void(int64, int64)"


def test_packed_fields_are_read_by_name():
    source, target = np.arange(100, 106), np.zeros(6, np.int64)
    round_trip()(source.ctypes.data, target.ctypes.data)
    assert target.tolist() == [100, 102, 101, 7, 104, 105]


def test_only_integers_can_be_packed():
    with pytest.raises(TypingError, match=r"packed: expected a tuple of int64, received Pair\(int64, float64\)"):
        of_floats()


def test_fields_of_the_pool_have_the_same_addresses_in_kernels_and_numpy():
    memory, found = np.zeros(1, POOL), np.zeros(3, np.int64)
    thread_words()(memory.ctypes.data, found.ctypes.data)
    threads = memory["threads"][0]
    expected = memory["stop"], threads["share"][1:], threads["lock"][1:]
    assert found.tolist() == [words.ctypes.data for words in expected]


def test_fields_written_by_different_threads_are_in_different_cache_lines():
    state, job, busy, settings = (POOL.fields[name][1] // LINE for name in ("state", "task", "busy", "stop"))
    assert len({state, job, busy, settings}) == 4
    assert POOL.fields["threads"][1] % LINE == THREAD.itemsize % LINE == 0
    assert POOL.fields["masks"][1] == POOL.fields["threads"][1] + (1 + MAX_THREADS) * LINE

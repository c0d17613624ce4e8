"""The data caches of the processor, by which matrix products are divided and packed; Numba is not imported.

A cache is an array of sets with a few ways each. The address of a cache line determines its set, so lines that are a
large power of two apart compete for few sets, and are evicted long before the cache is full.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from tensorlab.errors import ArgumentError, short_repr

VARIABLE = "TENSORLAB_CACHES"
"""The environment variable that overrides the caches, such as ``32K/8,512K/8``: size and ways of L1 and L2."""
LINE = 64
"""The size of a cache line in bytes. Apple's processors have lines of 128 bytes, for which 64 is safe."""
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}
_SIZE = re.compile(r"(\d+)([KM]?)")


class Cache(NamedTuple):
    """The share of one core in a cache: a core has some of the ways of every set."""

    size: int
    """Its size in bytes."""
    ways: int
    """The number of lines in a set."""


class Caches(NamedTuple):
    """The two caches of a core."""

    first: Cache
    second: Cache

    def __str__(self) -> str:
        return ",".join(f"{size >> 10}K/{ways}" for size, ways in self)


DEFAULT = Caches(Cache(32 << 10, 8), Cache(512 << 10, 8))
"""The caches of an unknown processor: the smallest of those that are common."""


@functools.cache
def host_caches() -> Caches:
    """Return the caches that ``TENSORLAB_CACHES`` describes, or those of this machine.

    Raises:
        ArgumentError: if ``TENSORLAB_CACHES`` is malformed.
    """
    text = os.environ.get(VARIABLE)
    if text:
        return _parsed(text)
    readers = {"linux": _from_linux, "darwin": _from_macos}
    found = readers[sys.platform]() if sys.platform in readers else {}
    return Caches(found.get(1, DEFAULT.first), found.get(2, DEFAULT.second))


def _parsed(text: str) -> Caches:
    caches = []
    for part in text.split(","):
        size, _, ways = part.partition("/")
        if _bytes(size) and ways.isdecimal() and 0 < int(ways) <= _bytes(size) // LINE:
            caches.append(Cache(_bytes(size), int(ways)))
    if len(caches) != 2 or text.count(",") != 1:
        hint = "unset it to use the caches of this machine"
        raise ArgumentError(VARIABLE, f"size/ways of L1 and L2, such as {DEFAULT}", short_repr(text), hint)
    return Caches(*caches)


def _bytes(text: str) -> int:
    """Return the number of bytes in a text like ``512K``; 0 if it is malformed."""
    found = _SIZE.fullmatch(text.strip())
    return int(found[1]) * _UNITS[found[2]] if found else 0


def _from_linux(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> dict[int, Cache]:
    """Return the data caches by their level. Virtual machines may hide them or report zeros."""
    found = {}
    for index in sorted(folder.glob("index*")):
        with contextlib.suppress(OSError, ValueError):
            kind, level, size, ways, sharing = (
                (index / name).read_text(encoding="ascii").strip()
                for name in ("type", "level", "size", "ways_of_associativity", "shared_cpu_list")
            )
            if kind in ("Data", "Unified"):
                found[int(level)] = _share(_bytes(size), int(ways), _count(sharing))
    return {level: cache for level, cache in found.items() if 0 < cache.ways <= cache.size // LINE}


def _count(processors: str) -> int:
    """Return the number of processors in a list like ``0-3,8``."""
    ranges = (part.partition("-") for part in processors.split(","))
    return sum(int(last or first) - int(first) + 1 for first, _, last in ranges)


def _share(size: int, ways: int, cores: int) -> Cache:
    """Return the share of one core in a cache of several."""
    own = max(ways // cores, 1)
    return Cache(size * own // ways if ways else 0, min(own, ways))


def _from_macos() -> dict[int, Cache]:
    """Return the data caches of the fast cores by their level. macOS does not tell their ways."""
    system = ctypes.CDLL(None)

    def value(*names: bytes) -> int:
        for name in names:
            number, room = ctypes.c_int64(0), ctypes.c_size_t(8)
            if system.sysctlbyname(name, ctypes.byref(number), ctypes.byref(room), None, 0) == 0 and number.value:
                return number.value
        return 0

    first = value(b"hw.perflevel0.l1dcachesize", b"hw.l1dcachesize")
    second = value(b"hw.perflevel0.l2cachesize", b"hw.l2cachesize")
    cores = value(b"hw.perflevel0.cpusperl2") or 1
    found = {1: _share(first, DEFAULT.first.ways, 1), 2: _share(second, 2 * DEFAULT.second.ways, cores)}
    return {level: cache for level, cache in found.items() if cache.size}

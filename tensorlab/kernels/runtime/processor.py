"""The processor that kernels are compiled for: its instructions, and the levels for which kernels are shipped.

On Linux the instructions are read from the kernel's list, so that a process whose kernels are all compiled does not
load LLVM, which takes longer than training for a second.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

_LINUX_NAMES = {
    "abm": "lzcnt",
    "bmi1": "bmi",
    "lahf_lm": "sahf",
    "pni": "sse3",
    "sse4_1": "sse4.1",
    "sse4_2": "sse4.2",
}
"""LLVM's names of instruction sets that Linux calls differently."""
_IDENTITY = (
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "flags",
    "CPU implementer",
    "CPU architecture",
    "CPU variant",
    "CPU part",
    "CPU revision",
    "Features",
)
"""The lines of /proc/cpuinfo that tell one kind of processor from another."""


MACHINE = "TENSORLAB_MACHINE"
"""The environment variable in which `tensorlab.building` names the architecture to compile for if it is another one."""


class Level(NamedTuple):
    """A set of instructions that many processors have."""

    name: str
    processor: str
    """LLVM's name of a processor that has no more instructions."""
    machines: tuple[str, ...]
    """The names of the architecture, as `platform.machine` returns them in lower case, Linux's name first."""
    features: tuple[str, ...]
    """LLVM's names of the instruction sets."""

    @property
    def triple(self) -> str:
        """LLVM's name of the architecture with Linux as the system."""
        return f"{self.machines[0]}-unknown-linux-gnu"

    @property
    def flags(self) -> str:
        """The instruction sets in the form that Numba and LLVM take."""
        return ",".join(f"+{feature}" for feature in self.features)


_V3 = (
    *("avx", "avx2", "bmi", "bmi2", "cmov", "cx16", "cx8", "f16c", "fma", "fxsr", "lzcnt", "mmx", "movbe", "popcnt"),
    *("sahf", "sse", "sse2", "sse3", "sse4.1", "sse4.2", "ssse3", "xsave"),
)
_X86 = ("x86_64", "amd64")
LEVELS = (
    Level("x86-64-v4", "x86-64-v4", _X86, (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")),
    Level("x86-64-v3", "x86-64-v3", _X86, _V3),
    Level("aarch64", "generic", ("aarch64", "arm64"), ("fp-armv8", "neon")),
)
"""The levels for which kernels are shipped, for each architecture the best one first. The levels of x86-64 are those of
its System V ABI. Every 64-bit ARM processor has the instructions of the last one."""


def machine() -> str:
    """Return the name of the architecture that kernels are compiled for, in lower case."""
    return os.environ.get(MACHINE) or platform.machine().lower()


def features() -> frozenset[str]:
    """Return LLVM's names of the instruction sets that kernels may use.

    These are those of ``NUMBA_CPU_FEATURES`` if it is set, otherwise those of this processor. Names that only Linux has
    are included.
    """
    wanted = os.environ.get("NUMBA_CPU_FEATURES")
    if wanted is not None:
        return frozenset(name[1:] for name in wanted.split(",") if name.startswith("+"))
    return _host_features()


def levels() -> list[Level]:
    """Return the levels whose instructions kernels may use, the best one first.

    There is none if ``NUMBA_CPU_NAME`` names a processor that kernels are to be compiled for.
    """
    if os.environ.get("NUMBA_CPU_NAME"):
        return []
    return [level for level in LEVELS if machine() in level.machines and features().issuperset(level.features)]


def identity() -> str:
    """Return a text that differs for processors that differ in instructions or kind."""
    found = _linux_processor()
    if found:
        return repr((machine(), sorted(found.items())))
    import llvmlite.binding as llvm

    return repr((llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()))


def model() -> str:
    """Return the name of the processor's model."""
    found = _linux_processor()
    if "model name" in found:
        return found["model name"]
    import llvmlite.binding as llvm

    return str(llvm.get_host_cpu_name())


@functools.cache
def _host_features() -> frozenset[str]:
    found = _linux_processor()
    flags = (found.get("flags") or found.get("Features") or "").split()
    if flags:
        names = {_LINUX_NAMES.get(flag, flag) for flag in flags}
        if "asimd" in names:
            names |= {"neon", "fp-armv8"}
        return frozenset(names)
    import llvmlite.binding as llvm

    return frozenset(name for name, present in llvm.get_host_cpu_features().items() if present)


@functools.cache
def _linux_processor() -> dict[str, str]:
    """Return what Linux tells about the first processor; nothing on other systems."""
    if sys.platform != "linux":
        return {}
    try:
        block = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip() in _IDENTITY}

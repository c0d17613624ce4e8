"""An emulated 64-bit ARM processor that runs compiled kernels. It needs the packages unicorn and pyelftools."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from unicorn import UC_ARCH_ARM64, UC_HOOK_CODE, UC_MODE_ARM, Uc
from unicorn import arm64_const as registers

from tensorlab.kernels.runtime import layout

Array = np.ndarray[Any, Any]

LIBRARY, OUTSIDE, MEMORY, STACK = 0x1000_0000, 0x5000_0000, 0x6000_0000, 0x7F00_0000
"""The addresses of the library, of functions outside of it and of allocated memory, and the upper end of the stack."""
_MEGABYTE = 1 << 20
_RETURN = bytes.fromhex("c0035fd6")
_RELATIVE = 1027
"""The relocation of a pointer into the library itself."""


class Emulator:
    """A processor with a library of kernels in its memory. The functions of Python and C that kernels call are ours.

    Args:
        library: the file of the library.
    """

    def __init__(self, library: Path) -> None:
        self._cpu = Uc(UC_ARCH_ARM64, UC_MODE_ARM)
        for start, size in ((LIBRARY, 64), (OUTSIDE, 1), (MEMORY, 64), (STACK - 8 * _MEGABYTE, 8)):
            self._cpu.mem_map(start, size * _MEGABYTE)
        vectors = self._cpu.reg_read(registers.UC_ARM64_REG_CPACR_EL1) | 0x30_0000
        self._cpu.reg_write(registers.UC_ARM64_REG_CPACR_EL1, vectors)
        self._outside: dict[str, int] = {}
        self._free = MEMORY
        with library.open("rb") as file:
            self._load(ELFFile(file))
        self._end = self._function_outside("the end of a call")
        self._cpu.hook_add(UC_HOOK_CODE, self._called_outside, begin=OUTSIDE, end=OUTSIDE + _MEGABYTE - 1)

    def _load(self, elf: Any) -> None:
        for segment in elf.iter_segments():
            if segment["p_type"] == "PT_LOAD":
                self._cpu.mem_write(LIBRARY + segment["p_vaddr"], segment.data())
        symbols = elf.get_section_by_name(".dynsym")
        defined = [each for each in symbols.iter_symbols() if each["st_shndx"] != "SHN_UNDEF"]
        self.addresses = {each.name: LIBRARY + each["st_value"] for each in defined}
        for section in elf.iter_sections():
            for each in section.iter_relocations() if isinstance(section, RelocationSection) else ():
                name = symbols.get_symbol(each["r_info_sym"]).name
                base = LIBRARY if each["r_info_type"] == _RELATIVE else self.addresses.get(name)
                target = self._function_outside(name) if base is None else base
                self._cpu.mem_write(LIBRARY + each["r_offset"], struct.pack("<Q", target + each["r_addend"]))

    def _function_outside(self, name: str) -> int:
        if name not in self._outside:
            self._outside[name] = OUTSIDE + 16 * len(self._outside)
            self._cpu.mem_write(self._outside[name], _RETURN)
        return self._outside[name]

    def _called_outside(self, cpu: Any, address: int, size: int, data: Any) -> None:
        name = next(name for name, known in self._outside.items() if known == address)
        first, second, third = (cpu.reg_read(registers.UC_ARM64_REG_X0 + index) for index in range(3))
        if name == "memset":
            cpu.mem_write(first, bytes([second & 255]) * third)
        elif name == "memcpy":
            cpu.mem_write(first, bytes(cpu.mem_read(second, third)))
        elif name == "PyMem_RawMalloc":
            cpu.reg_write(registers.UC_ARM64_REG_X0, self._allocated(first))
        else:
            assert name in ("PyMem_RawFree", "the end of a call")

    def _allocated(self, size: int) -> int:
        address = self._free
        self._free += -(-size // 64) * 64 + 64
        return address

    def stored(self, values: Array) -> int:
        """Return the address of a copy of the elements, in C order."""
        address = self._allocated(values.nbytes)
        self._cpu.mem_write(address, values.tobytes())
        return address

    def array(self, values: Array) -> tuple[int, int]:
        """Return the addresses of a copy of an array, as a NumPy array, and of its elements."""
        data = self.stored(values)
        shape, strides = (self.stored(np.array(each, np.int64)) for each in (values.shape, values.strides))
        fields = np.zeros(layout.FLAGS + 8, np.uint8)
        for offset, word in (
            (layout.DATA, data),
            (layout.RANK, values.ndim),
            (layout.SHAPE, shape),
            (layout.STRIDES, strides),
            (layout.FLAGS, values.flags.num),
        ):
            fields[offset : offset + 8].view(np.int64)[0] = word
        return self.stored(fields), data

    def read(self, address: int, shape: tuple[int, ...]) -> Array:
        """Return the float32 elements at an address."""
        return np.frombuffer(bytes(self._cpu.mem_read(address, 4 * math.prod(shape))), np.float32).reshape(shape)

    def call(self, symbol: str, *arguments: int) -> int:
        """Call a function with integers and addresses."""
        cpu, stack = self._cpu, STACK - 4096
        for index, argument in enumerate(arguments[:8]):
            cpu.reg_write(registers.UC_ARM64_REG_X0 + index, argument)
        for index, argument in enumerate(arguments[8:]):
            cpu.mem_write(stack + 8 * index, struct.pack("<Q", argument))
        cpu.reg_write(registers.UC_ARM64_REG_SP, stack)
        cpu.reg_write(registers.UC_ARM64_REG_LR, self._end)
        cpu.emu_start(self.addresses[symbol], self._end)
        return int(cpu.reg_read(registers.UC_ARM64_REG_X0))

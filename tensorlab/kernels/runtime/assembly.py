"""Find the inner loop of a compiled kernel, and count what it does for each element."""

from __future__ import annotations

import re
from typing import NamedTuple

from tensorlab.kernels.runtime.linker import Code

_STORE = re.compile(r"\bstore (?:volatile )?(?:<(\d+) x (\w+)>|(\w+)) ")
_LOAD = re.compile(r"= load (?:volatile )?(?:<(\d+) x (\w+)>|(\w+)), ")
_SIZES = {"half": 2, "float": 4, "double": 8, "ptr": 8}
_COMMENT = re.compile(r"\s*(?:#|//).*$")


class Loop(NamedTuple):
    """An inner loop, see `tensorlab.inspection.Inspection`."""

    vector_width: int
    elements: int
    instructions: float | None
    bytes: float | None
    assembly: str


class _Block(NamedTuple):
    function: str
    name: str
    loads: list[tuple[int, int]]
    """The number of elements and the size of an element of each load."""
    stores: list[tuple[int, int]]


def inner_loop(code: Code, outputs: int) -> Loop:
    """Return the innermost loop of a map kernel for dense arrays.

    Args:
        code: the kernel.
        outputs: the number of its outputs.
    """
    found = [block for block in _loops(code) if block.stores]
    # Of several loops the one with the longest vectors, and then the one that loads most, is that for dense arrays.
    block = max(found, key=lambda each: (each.stores[0][0], sum(count for count, _ in each.loads)), default=None)
    lines = [] if block is None else _assembly(code, block)
    if block is None or not lines:
        return Loop(1, 1, None, None, "")
    elements = sum(count for count, _ in block.stores) // outputs
    moved = sum(count * size for count, size in (*block.loads, *block.stores))
    return Loop(block.stores[0][0], elements, len(lines) / elements, moved / elements, "\n".join(lines))


def _loops(code: Code) -> list[_Block]:
    """Return the blocks of LLVM code that branch to themselves."""
    found = []
    for function in code.module.functions:
        for block in function.blocks:
            lines = str(block).splitlines()
            branch = next((line for line in lines if line.startswith("  br ")), "")
            if re.search(rf'label %"?{re.escape(block.name)}"?(?![\w.])', branch):
                loads, stores = ([_size(m) for line in lines if (m := form.search(line))] for form in (_LOAD, _STORE))
                found.append(_Block(function.name, block.name, loads, stores))
    return found


def _size(match: re.Match[str]) -> tuple[int, int]:
    count, element, single = match.groups()
    kind = element or single
    return int(count or 1), _SIZES[kind] if kind in _SIZES else -(-int(kind.removeprefix("i")) // 8)


def _assembly(code: Code, block: _Block) -> list[str]:
    """Return the instructions of a block, or nothing if the code generator has divided it."""
    code.machine.set_asm_verbosity(True)  # names the blocks in comments
    try:
        lines = code.machine.emit_assembly(code.module).splitlines()
    finally:
        code.machine.set_asm_verbosity(False)
    inside = taking = False
    start, found = "", list[str]()
    for line in lines:
        label = re.match(r"^\"?([\w.$]+)\"?:", line)
        if label is not None:
            if taking:
                return []
            inside = (inside and label[1].startswith(".L")) or label[1] == block.function
            taking = inside and re.search(rf"%{re.escape(block.name)}(?![\w.])", line) is not None
            start = label[1]
        elif taking and re.match(r"\s+[a-z]", line):
            found.append(_COMMENT.sub("", line).strip().replace("\t", " "))
            if found[-1].endswith(start):  # the jump back, after which may be jumps elsewhere
                return found
    return []

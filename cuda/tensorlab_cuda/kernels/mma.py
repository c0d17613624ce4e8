"""Tensor cores: an instruction with which the 32 lanes of a warp multiply two small matrices together.

It adds the product of A, ``ROWS`` × ``WORDS``, and B, ``WORDS`` × ``COLUMNS``, to sums in float32. A and B consist of
32-bit words: one TF32 number each, or two 16-bit numbers that are adjacent along k. In words, all formats have the same
layout. The functions below define it; tests compare them with NVIDIA's tables for each format.

Source: PTX ISA 8.7, "Matrix Fragments for mma.m16n8k8" (.tf32) and "for mma.m16n8k16" (.f16 and .bf16).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tensorlab_cuda import driver, simulator
from tensorlab_cuda.kernels.assembly import assembly

ROWS, COLUMNS, WORDS, LANES = 16, 8, 8, 32


def a_place(lane: int, register: int) -> tuple[int, int]:
    """Return the row and the word of A in one of the four A registers of a lane."""
    return lane // 4 + register % 2 * 8, lane % 4 + register // 2 * 4


def b_place(lane: int, register: int) -> tuple[int, int]:
    """Return the word and the column of B in one of the two B registers of a lane."""
    return lane % 4 + register * 4, lane // 4


def sum_place(lane: int, register: int) -> tuple[int, int]:
    """Return the row and the column of the sum in one of the four sum registers of a lane."""
    return lane // 4 + register // 2 * 8, lane % 4 * 2 + register % 2


@dataclass(frozen=True)
class Format:
    """A format to which operands are rounded.

    Attributes:
        name: its name in PTX.
        numbers: the number of elements in a word.
        pack: the instruction that rounds elements to nearest and packs them into a word, the last element first.
    """

    name: str
    numbers: int
    pack: str

    @property
    def instruction(self) -> str:
        """The instruction that computes the product, for the layouts above."""
        depth = WORDS * self.numbers
        return f"mma.sync.aligned.m{ROWS}n{COLUMNS}k{depth}.row.col.f32.{self.name}.{self.name}.f32"


FORMATS = {
    "tf32": Format("tf32", 1, "cvt.rna.tf32.f32"),
    "float16": Format("f16", 2, "cvt.rn.f16x2.f32"),
    "bfloat16": Format("bf16", 2, "cvt.rn.bf16x2.f32"),
}


@functools.cache
def instructions(name: str) -> dict[str, Callable[..., Any]]:
    """Return the functions that kernels call: the layouts, ``pack`` and ``mma``.

    ``pack`` packs numbers into a word; the first argument gets the highest bits. ``mma`` takes a lane's words of A and
    B and its sums, in the order of registers, and returns the new sums. All lanes call it together.
    """
    layouts = {place.__name__: driver.compile_function(place) for place in (a_place, b_place, sum_place)}
    if driver.simulated():
        return {**layouts, "pack": simulator.pack(name), "mma": simulator.mma(name)}
    chosen = FORMATS[name]
    words, numbers = ["uint32"], ["float32"]
    return {
        **layouts,
        "pack": assembly(chosen.pack, "uint32", 1, chosen.numbers * [numbers]),
        "mma": assembly(chosen.instruction, "float32", 4, [4 * words, 2 * words, 4 * numbers]),
    }

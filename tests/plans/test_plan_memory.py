"""Arrays of a plan that live at the same time never share memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tensorlab.plans.memory import Lifetime, block, extent, lifetimes, placed, view
from tensorlab.plans.recording import Node, Operand


def operand(number: int, shape: tuple[int, ...], root: Operand | None = None, offset: int = 0) -> Operand:
    strides = np.empty(shape, np.float32).strides
    made = Operand(number, shape, strides, np.dtype(np.float32), "made", None, root, offset)  # type: ignore[arg-type]
    made.root = root or made
    return made


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 20), st.integers(0, 20)), max_size=12))
def test_no_overlap(arrays: list[tuple[int, int, int]]) -> None:
    living = {
        operand(number, (length,)): Lifetime(min(first, last), max(first, last))
        for number, (length, first, last) in enumerate(arrays)
    }
    offsets, size = placed(living)
    for one, first in living.items():
        assert offsets[one] % 64 == 0
        assert offsets[one] + extent(one) <= size
        for other, second in living.items():
            if one is not other and first.first <= second.last and second.first <= first.last:
                assert offsets[one] + extent(one) <= offsets[other] or offsets[other] + extent(other) <= offsets[one]
    longest = max((last - first for first, last in living.values()), default=0)
    assert size <= sum(-(-extent(one) // 64) * 64 for one in living) or not longest


def test_memory_is_reused_after_the_last_use() -> None:
    a, b, c = (operand(number, (100,)) for number in range(3))
    steps = [Node("launch", print, (a, b), (b,), None), Node("launch", print, (b, c), (c,), None)]
    living = lifetimes([Node("launch", print, (a,), (a,), None), *steps], [c])
    assert living == {a: (0, 1), b: (1, 2), c: (2, 3)}
    offsets, size = placed(living)
    assert offsets[a] == offsets[c] != offsets[b]
    assert size == 2 * 448  # of 400 bytes each, in whole cache lines


def test_a_view_keeps_its_root_alive() -> None:
    a, b = operand(0, (4, 6)), operand(2, (5,))
    part = operand(1, (6,), a, 48)
    nodes = [Node("launch", print, (a,), (a,), None), Node("launch", print, (b,), (b,), None)]
    living = lifetimes([*nodes, Node("call", print, ((part,), b), (b,), b)], [])
    assert living == {a: (0, 2), b: (1, 2)}
    memory = block(200)
    assert memory.ctypes.data % 64 == 0
    view(a, memory, 64)[...] = np.arange(24).reshape(4, 6)
    assert view(part, memory, 64).tolist() == [12, 13, 14, 15, 16, 17]


def test_an_effect_needs_its_arrays_until_the_end() -> None:
    a, b = operand(0, (4,)), operand(1, (4,))
    nodes = [Node("launch", print, (a,), (a,), None), Node("effect", print, (a,), (), None)]
    assert lifetimes([*nodes, Node("launch", print, (b,), (b,), None)], []) == {a: (0, 3), b: (2, 2)}

"""The caches of the processor: how they are found, and that results do not depend on them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from product_cases import LAYOUTS, assert_product, kernel, laid_out, product, random

from tensorlab.errors import ArgumentError
from tensorlab.kernels.matmul import caches
from tensorlab.kernels.matmul.caches import DEFAULT, VARIABLE, Cache, Caches, host_caches
from tensorlab.kernels.matmul.tile_shape import TILES

NAMES = ("type", "level", "size", "ways_of_associativity", "shared_cpu_list")


def described(folder: Path, *indices: tuple[str, ...]) -> Path:
    """Write the files in which Linux describes caches."""
    for number, values in enumerate(indices):
        index = folder / f"index{number}"
        index.mkdir()
        for name, value in zip(NAMES, values, strict=False):
            (index / name).write_text(value + "\n")
    return folder


def test_linux_describes_caches_and_who_shares_them(tmp_path: Path) -> None:
    folder = described(
        tmp_path,
        ("Data", "1", "48K", "12", "0,64"),
        ("Instruction", "1", "64K", "4", "0,64"),
        ("Unified", "2", "1280K", "20", "0-3"),
        ("Unified", "3", "24M", "12", "0-11"),
    )
    found = caches._from_linux(folder)
    assert found == {1: Cache(24 << 10, 6), 2: Cache(320 << 10, 5), 3: Cache(2 << 20, 1)}


@pytest.mark.parametrize(
    "indices",
    [
        [],
        [("Unified", "2", "0K", "0", "0")],
        [("Unified", "2", "512K", "0", "0")],
        [("Unified", "2", "512K")],
        [("Unified", "2", "big", "8", "0")],
        [("Unified", "2", "512K", "8", "")],
        [("Unified", "2", "1K", "512", "0")],
    ],
)
def test_useless_descriptions_are_ignored(tmp_path: Path, indices: list[tuple[str, ...]]) -> None:
    assert caches._from_linux(described(tmp_path, *indices)) == {}


def test_unknown_systems_have_small_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "platform", "plan9")
    assert host_caches.__wrapped__() == DEFAULT


def test_this_machine_has_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    for size, ways in host_caches.__wrapped__():
        assert size >= 4096
        assert 0 < ways <= size // caches.LINE


def test_environment_variable_describes_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "48K/12, 2M/16")
    expected = Caches(Cache(48 << 10, 12), Cache(2 << 20, 16))
    assert host_caches.__wrapped__() == expected
    assert str(expected) == "48K/12,2048K/16"


@pytest.mark.parametrize("text", ["big", "32K/8", "32K/8,512K", "32K/8,512K/0", "32K/8,512K/9000", "32K/8,1M/8,8M/16"])
def test_malformed_environment_variable(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ArgumentError) as raised:
        host_caches.__wrapped__()
    assert str(raised.value) == (
        f"TENSORLAB_CACHES: expected size/ways of L1 and L2, such as 32K/8,512K/8, received {text!r}; "
        "unset it to use the caches of this machine"
    )


SHAPES = [(9, 300, 90), (70, 2100, 65), (5, 1100, 400), (130, 200, 33)]
OTHERS = [Caches(Cache(1 << 10, 1), Cache(4 << 10, 2)), Caches(Cache(1 << 20, 16), Cache(1 << 24, 16)), DEFAULT]


@pytest.mark.parametrize("tile", ["avx512", "avx2", "generic"])
def test_results_do_not_depend_on_caches(tile: str) -> None:
    kernels = [kernel("float32", tile=TILES[tile], caches=each) for each in OTHERS]
    for m, k, n in SHAPES:
        a, b = random(1, m, k), random(2, k, n)
        for a_layout in LAYOUTS:
            for b_layout in LAYOUTS:
                first, *others = (product(each, laid_out(a, a_layout), laid_out(b, b_layout))[0] for each in kernels)
                assert_product(first, a, b)
                for other in others:
                    np.testing.assert_array_equal(first, other)

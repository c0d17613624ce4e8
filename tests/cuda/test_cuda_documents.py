"""Checks that the examples in docstrings and the README of `cuda/` run. See `test_cuda_checks`."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import numpy as np
from documents import ROOT, docstring_examples, python_blocks, run_block, run_docstring
from test_cuda_checks import check


@check
def examples_of_docstrings_run(rng: np.random.Generator) -> None:
    examples = docstring_examples("cuda")
    assert len(examples) >= 1
    for example in examples.values():
        run_docstring(example)


@check
def blocks_of_the_readme_run(rng: np.random.Generator) -> None:
    """Uses 3 units in place of 512 and few samples, because the simulator is slow."""
    images, labels = rng.random((5, 4), np.float32), rng.integers(0, 10, 5)
    names: dict[str, Any] = {"train_images": images, "train_labels": labels}
    path = ROOT / "cuda" / "README.md"
    blocks = python_blocks(path)
    assert len(blocks) == 3
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        for block in blocks:
            assert "512" in block.text or "tf32" in block.text
            run_block(path, block._replace(text=block.text.replace("512", "3").replace("epochs=5", "epochs=1")), names)

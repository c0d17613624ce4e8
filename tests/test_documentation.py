"""Examples in docstrings and Markdown files run, and public objects have docstrings."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import ROOT, docstring_examples, python_blocks, run_block, run_docstring

import tensorlab as tl

EXAMPLES = docstring_examples("tensorlab", "plugins", "examples", "pytest_tensorlab.py")
FILES = [
    "README.md",
    "CONTRIBUTING.md",
    "plugins/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("plugins/*/README.md")),
]


@pytest.mark.usefixtures("plugins_restored")
@pytest.mark.parametrize("name", EXAMPLES)
def test_docstring_example(name: str) -> None:
    run_docstring(EXAMPLES[name])


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """A data set like MNIST, with 256 and 64 random images, so that the README trains in a moment."""

    def load_data(*args: Any, **kwargs: Any) -> Any:
        sizes = (256, 64)
        return tuple((rng.integers(0, 256, (n, 28, 28), np.uint8), rng.integers(0, 10, n, np.uint8)) for n in sizes)

    monkeypatch.setattr(tl.datasets.mnist, "load_data", load_data)


@pytest.fixture
def shipped_plugins(monkeypatch: pytest.MonkeyPatch, plugins_restored: None) -> None:
    """Register the plugins of the folder `plugins` as if they were installed."""
    import importlib

    for folder in sorted((ROOT / "plugins").glob("tensorlab-*")):
        monkeypatch.syspath_prepend(str(folder))
        tl.plugins.register(importlib.import_module(folder.name.replace("-", "_")))


@pytest.mark.usefixtures("few_digits", "shipped_plugins")
@pytest.mark.parametrize("name", FILES)
def test_python_blocks_of_a_markdown_file_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in python_blocks(ROOT / name):
        run_block(ROOT / name, block, names)


def test_block_is_skipped_only_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("a\n```python\nx = 1\n```\n<!-- not run: needs a GPU -->\n```python\n1 / 0\n```\n```toml\n=\n```\n")
    (block,) = python_blocks(path)
    assert (block.line, block.text) == (2, "x = 1\n")
    path.write_text("\n\n```python\nx = 1\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run_block(path, python_blocks(path)[0], {})
    assert (str(caught.traceback[-1].path), caught.traceback[-1].lineno + 1) == ("<x.md:3>", 5)


def test_wrong_example_is_found(tmp_path: Path) -> None:
    examples = docstring_examples("tests/support/document_samples.py")
    assert list(examples) == [
        "tests.support.document_samples",
        "tests.support.document_samples, line 8",
        "tests.support.document_samples.Class.method",
    ]
    with pytest.raises(AssertionError, match=r"Expected:\n +3\nGot:\n +2"):
        run_docstring(examples["tests.support.document_samples.Class.method"])


PLAIN = (int, float, str, np.dtype, type(None), list, tuple, dict, types.GenericAlias)
"""Values without their own docstring."""
MADE_ELSEWHERE = {"tl.hookimpl", "tl.plugins.hookimpl", "tl.plugins.manager"}
"""Objects that are described by the docstring of their class."""


def public(name: str, module: types.ModuleType, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield everything that a module and the modules that it exports make public, once."""
    made_here = [n for n, v in [*vars(module).items()] if getattr(v, "__module__", None) == module.__name__]
    for key in getattr(module, "__all__", [n for n in made_here if not n.startswith("_")]):
        value = getattr(module, key)
        if id(value) in seen or isinstance(value, PLAIN):
            continue
        seen.add(id(value))
        yield f"{name}.{key}", value
        if isinstance(value, types.ModuleType):
            yield from public(f"{name}.{key}", value, seen)
        elif isinstance(value, type):
            for member, function in vars(value).items():
                plain = getattr(function, "fget", None) or getattr(function, "__func__", function)
                if not member.startswith("_") and isinstance(plain, types.FunctionType):
                    yield f"{name}.{key}.{member}", plain


PUBLIC = dict(public("tl", tl, set()))


def test_walk_over_public_names_finds_them() -> None:
    assert {"tl.ops.add", "tl.Tensor.sum", "tl.linalg.solve", "tl.losses.Huber", "tl.utils.to_categorical"} <= set(
        PUBLIC
    )
    assert len(PUBLIC) > 600


def test_public_objects_have_a_docstring() -> None:
    without = []
    for name, value in PUBLIC.items():
        document = getattr(value, "__doc__", None)
        if not document or (document == type(value).__doc__ and name not in MADE_ELSEWHERE):
            without.append(name)
    assert without == []


def test_docstring_starts_with_a_sentence() -> None:
    odd = []
    for name, value in PUBLIC.items():
        first = inspect.cleandoc(value.__doc__ or "").split("\n\n")[0]
        if name not in MADE_ELSEWHERE and not first.rstrip().endswith((".", "?", ":")):
            odd.append(f"{name}: {first}")
    assert odd == []

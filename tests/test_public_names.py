"""The CUDA backend, the plugins and the examples use only public names and attributes of tensorlab."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tensorlab as tl

ROOT = Path(__file__).parent.parent
OUTSIDE = [path for folder in ("cuda", "plugins", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def defined(tree: ast.AST) -> Iterator[str]:
    """Yield the private names that a module defines: functions, classes, variables, attributes and slots."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # of __slots__
            yield node.value


@functools.cache
def private_names() -> frozenset[str]:
    """Return the private names that tensorlab defines."""
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "tensorlab").rglob("*.py"))]
    return frozenset(name for tree in trees for name in defined(tree) if is_private(name))


def misused(source: str) -> list[tuple[int, str]]:
    """Return the private names of tensorlab that a file reads, with their lines."""
    tree = ast.parse(source)
    own = set(defined(tree))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in private_names():
            of_itself = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not (of_itself and node.attr in own):
                found.append((node.lineno, node.attr))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tensorlab":
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found += [(node.lineno, name) for name in names if is_private(name)]
    return found


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_public_names_are_used(path: Path) -> None:
    assert misused(path.read_text()) == []


def test_private_names_are_found() -> None:
    assert misused("from tensorlab.tensor import _alias") == [(1, "_alias")]
    assert misused("from tensorlab._hidden import thing") == [(1, "_hidden")]
    assert misused("def f(tensor):\n    return tensor._buffer") == [(2, "_buffer")]
    assert misused("class Own(tl.Model):\n    def f(self):\n        return self._loss") == [(3, "_loss")]
    assert (
        misused("class Own:\n    def f(self):\n        self._loss = 1\n        return self._loss, tensor.buffer") == []
    )


def test_backends_can_access_buffer_and_backend_of_a_tensor() -> None:
    array = np.arange(3.0)
    tensor, variable = tl.asarray(array), tl.Variable(array)
    for each in (tensor, variable):
        assert each.backend.name == each.device == "cpu"
        np.testing.assert_array_equal(each.backend.to_host(each.buffer), array)
    with pytest.raises(AttributeError):
        tensor.buffer = array  # type: ignore[misc]


def replacements(tree: ast.AST) -> Iterator[str]:
    """Yield changes of classes: assignments to ``__class__`` or ``__call__``, and setattr of a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in DUNDERS:
            yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            target = node.args[0]
            if isinstance(target, ast.Name) and target.id[0].isupper():
                yield f"setattr {target.id}"


DUNDERS = ("__class__", "__call__")


def test_architecture_lists_what_is_replaced_at_run_time() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text[text.index("## What is replaced at run time") : text.index("## The tape")]
    found = {
        str(path.relative_to(ROOT / "tensorlab")): set(replacements(ast.parse(path.read_text())))
        for path in sorted((ROOT / "tensorlab").rglob("*.py"))
    }
    assert {path: kinds for path, kinds in found.items() if kinds} == {
        "kernels/runtime/calls.py": {"__call__"},
        "layers/operations.py": {"setattr KerasTensor"},
        "ops/methods.py": {"setattr Tensor"},
        "tensor/core.py": {"__class__"},
        "tensor/rows.py": {"__class__"},
        "tensor/writing.py": {"__class__"},
        "variable.py": {"setattr Variable"},
    }
    named = ("kernels/runtime/calls.py", "layers/operations.py", "ops/methods.py", "variable.py")
    assert all(f"`{name}`" in section for name in (*named, "Tensor.__class__", "TENSORLAB_COMPILED_CALLS=0"))

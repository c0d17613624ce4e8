"""Hooks: the complete interface of plugins, tested and documented, also used for built-in objects."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from tensorlab.plugins import hookspecs
from tensorlab.registry import KINDS, registries

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tensorlab"
HOOKS = [name for name in vars(hookspecs) if name.startswith("tensorlab_")]


def test_hookspecs_contain_only_signatures_and_docstrings() -> None:
    tree = ast.parse((PACKAGE / "plugins" / "hookspecs.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == HOOKS
    for function in functions:
        assert len(function.body) == 1
        text = ast.get_docstring(function)
        assert text is not None
        assert text.endswith((".", '"'))


def test_each_kind_has_a_hook() -> None:
    registering = [name for name in HOOKS if "_register_" in name]
    assert registering == [f"tensorlab_register_{plural}" for plural in KINDS.values()]
    assert list(registries) == list(KINDS)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested(hook: str) -> None:
    implemented = re.compile(rf"\bdef {hook}\(|\b{hook}=|\"{hook}\":")  # implemented, not only mentioned
    assert any(implemented.search(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("*plugin*.py"))


def test_every_hook_is_documented_with_its_arguments() -> None:
    text = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(tensorlab_\w+(?:\(.*?\))?)` \| (.+) \|$", text, re.MULTILINE))
    specified = {
        hook if "_register_" in hook else f"{hook}({', '.join(inspect.signature(getattr(hookspecs, hook)).parameters)})"
        for hook in HOOKS
    }
    assert rows.keys() == specified
    assert all(len(words) > 10 for words in rows.values())
    elsewhere = set(re.findall(r"\btensorlab_(?:register|fit|epoch|batch)_\w+", text))
    assert elsewhere <= set(HOOKS), "the document names hooks that do not exist"


def test_only_the_manager_adds_to_registries() -> None:
    # Entries are created in one place, so built-in objects are registered like those of plugins.
    made = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Entry"
    }
    assert made == {"plugins/manager.py"}
    private = {path.name for path in PACKAGE.rglob("*.py") if "._entries" in path.read_text(encoding="utf-8")}
    assert private <= {"registry.py", "manager.py"}


@pytest.mark.parametrize("kind", KINDS)
def test_builtin_objects_are_those_of_the_builtin_plugin(kind: str) -> None:
    from tensorlab.plugins import builtins

    returned = getattr(builtins, f"tensorlab_register_{KINDS[kind]}")()
    shipped = {entry.name: entry.thing for entry in registries[kind] if entry.distribution == "tensorlab"}
    assert shipped == returned
    assert returned

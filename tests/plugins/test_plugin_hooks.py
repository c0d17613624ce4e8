"""The hooks: that they are the whole surface of plugins, and the only way in."""

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


def test_the_hookspecs_are_signatures_and_docstrings_alone() -> None:
    tree = ast.parse((PACKAGE / "plugins" / "hookspecs.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == HOOKS
    for function in functions:
        assert len(function.body) == 1
        text = ast.get_docstring(function)
        assert text is not None
        assert text.endswith((".", '"'))


def test_there_is_a_hook_for_each_kind_and_a_kind_for_each_hook() -> None:
    registering = [name for name in HOOKS if "_register_" in name]
    assert registering == [f"tensorlab_register_{plural}" for plural in KINDS.values()]
    assert list(registries) == list(KINDS)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested(hook: str) -> None:
    implemented = re.compile(rf"\bdef {hook}\(|\b{hook}=|\"{hook}\":")  # which is more than mentioned
    assert any(implemented.search(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("*plugin*.py"))


def test_every_hook_is_documented_with_its_arguments_and_nothing_else_is() -> None:
    text = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(tensorlab_\w+(?:\(.*?\))?)` \| (.+) \|$", text, re.MULTILINE))
    specified = {
        hook if "_register_" in hook else f"{hook}({', '.join(inspect.signature(getattr(hookspecs, hook)).parameters)})"
        for hook in HOOKS
    }
    assert rows.keys() == specified
    assert all(len(words) > 10 for words in rows.values())
    elsewhere = set(re.findall(r"\btensorlab_(?:register|fit|epoch|batch)_\w+", text))
    assert elsewhere <= set(HOOKS), "names of hooks that are none"


def test_nothing_but_the_manager_puts_things_into_a_registry() -> None:
    # Entries are made in one place, and `add` is called in one place: what ships has no other way in than a plugin.
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
def test_what_ships_is_what_the_built_in_plugin_returns(kind: str) -> None:
    from tensorlab.plugins import builtins

    returned = getattr(builtins, f"tensorlab_register_{KINDS[kind]}")()
    shipped = {entry.name: entry.thing for entry in registries[kind] if entry.distribution == "tensorlab"}
    assert shipped == returned
    assert returned

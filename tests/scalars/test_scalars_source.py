"""Check how the source of functions from files, notebook cells, prompts, exec and eval is found or rejected."""

from __future__ import annotations

import ast
import linecache
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tensorlab.errors import ScalarError
from tensorlab.scalars import scalar_function

of = scalar_function
NO_SOURCE = "expected a function whose source can be read, received one without source; define it in a file or a"
CHANGED = "expected the source that was run, received a source that has changed since; restart Python, or run the cell"


def register(monkeypatch: pytest.MonkeyPatch, file: str, text: str) -> None:
    """Register source text under a file name, as notebooks do, and since Python 3.13 prompts and ``python -c``."""
    monkeypatch.setitem(linecache.cache, file, (len(text), None, text.splitlines(keepends=True), file))


def executed(text: str, file: str = "<string>", flags: int = 0) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(compile(text, file, "exec", flags, dont_inherit=True), namespace)
    return namespace


def test_exec_function_is_not_found_in_other_source_of_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    main = "def f(x): return x\ng = lambda x: x\n"
    register(monkeypatch, "<string>", main)  # as python -c does
    f = executed("def f(x): return -x")["f"]
    for function in (f, eval("lambda x: -x"), executed("\n\n\ndef other(x): return x")["other"]):
        with pytest.raises(ScalarError, match=f"<string>.*{NO_SOURCE}"):
            of(function)
    namespace = executed(main)
    assert (of(namespace["f"])(2.0), of(namespace["g"])(2.0)) == (2.0, 2.0)


def test_exec_function_under_a_file_name_must_match_the_file(tmp_path: Path) -> None:
    path = tmp_path / "old.py"
    path.write_text("def f(x):\n    return x\n")
    os.utime(path, (0, 0))
    assert of(executed(path.read_text(), str(path))["f"])(3.0) == 3.0
    with pytest.raises(ScalarError, match=CHANGED):
        of(executed("def f(x):\n    return -x\n", str(path))["f"])
    with pytest.raises(ScalarError, match=CHANGED):
        of(executed("def f(x):\n    return -x\n", __file__)["f"])


def test_notebook_cell_with_await_and_nested_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = "import asyncio\nawait asyncio.sleep(0)\n"
    cell += "def f(x):\n    return x * 4.0\ndef g(x):\n    h = lambda y: y\n    return h(x)\n"
    register(monkeypatch, "<cell 2>", cell)
    tree = compile(cell, "<cell 2>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    namespace: dict[str, Any] = {}
    for statement in tree.body[2:]:  # as IPython runs it
        exec(compile(ast.Module([statement], []), "<cell 2>", "exec"), namespace)
    assert of(namespace["f"])(2.0) == 8.0
    with pytest.raises(ScalarError, match="received a lambda 'lambda y: y' at line 6"):
        of(namespace["g"])


def test_redefined_function_replaces_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for file, factor in (("<cell 3>", 2.0), ("<cell 4>", 3.0), ("<cell 3>", 4.0)):
        text = f"def f(x):\n    return {factor} * x\n"
        register(monkeypatch, file, text)
        assert of(executed(text, file)["f"])(1.0) == factor


@pytest.mark.parametrize("way", ["-c", "prompt"])
def test_functions_from_command_and_prompt_are_correct_or_rejected(way: str) -> None:
    program = """
from tensorlab.scalars import scalar_function
def f(x): return x

def f(x): return 5.0 * x

print(scalar_function(f)(3.0))
namespace = {}
exec("\\n\\ndef f(x): return -x", namespace)
print(scalar_function(namespace["f"])(3.0))
"""
    arguments = ["-c", program] if way == "-c" else ["-q", "-i"]
    environment = os.environ | {"PYTHON_BASIC_REPL": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(
        [sys.executable, *arguments], input=program, env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.strip() in ("", "15.0")
    assert "received one without source; define it in a file or a notebook cell" in run.stderr

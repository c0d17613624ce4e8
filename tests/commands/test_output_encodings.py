"""Printing works with any output encoding."""

from __future__ import annotations

import ast
import io
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import terminal
from tensorlab.layers import Dense

ROOT = Path(__file__).parents[2]
ENCODINGS = ("ascii", "cp1252", "cp932", "utf-8", "utf-16")
PROGRAMS = {
    "from_scratch": ["--dataset", "digits", "--epochs", "1"],
    "gradient_descent": [],
    "linear_classifier": [],
    "tensor_tour": ["--dataset", "digits"],
    "train_mnist": ["--help"],
}


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, call: Callable[[], object]) -> str:
    """Return what a call prints on an output with a strict encoding."""
    memory = io.BytesIO()
    stream = io.TextIOWrapper(memory, encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        call()
        stream.flush()
    return memory.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_library_prints_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")

    def talk() -> None:
        with tl.device("reference"):
            model = tl.Sequential([tl.layers.Input((3,)), Dense(1, name="größe_日本_∞")], name="modèle")
            model.compile("sgd", "mse")
            model.fit(x, y, batch_size=2, verbose=1)
            model.fit(x, y, verbose=2)
            model.evaluate(x, y)
            model.summary()

    text = printed(monkeypatch, encoding, talk)
    assert text.count("loss: ") == 3
    spelled = {"ascii": "gro?e_??_inf", "cp1252": "größe_??_inf", "cp932": "gro?e_日本_∞"}
    assert spelled.get(encoding, "größe_日本_∞") in text


def test_error_handling_of_user_streams_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk() -> None:
        tl.Sequential([Dense(1)]).summary()
        print("ß")

    with pytest.raises(UnicodeEncodeError):
        printed(monkeypatch, "ascii", talk)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_examples_print_in_any_encoding(program: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setattr(sys, "argv", [f"{program}.py", *PROGRAMS[program]])

    def run() -> None:
        with pytest.raises(SystemExit):
            runpy.run_path(str(ROOT / "examples" / f"{program}.py"), run_name="__main__")

    assert printed(monkeypatch, encoding, run)


@pytest.mark.parametrize("arguments", [["plugins"], ["check-plugin", "--help"], ["größe"]])
def test_commands_print_in_any_encoding(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tensorlab", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="ascii",
        timeout=120,
    )
    assert done.stdout or done.stderr
    assert "Traceback" not in done.stderr


def test_messages_are_ascii() -> None:
    """Errors and reports must be printable on any output. Docstrings are help texts, and templates are files."""
    beyond = []
    for path in sorted(
        [*(ROOT / "tensorlab").rglob("*.py"), *(ROOT / "cuda").rglob("*.py"), ROOT / "pytest_tensorlab.py"]
    ):
        if path.name in ("template_modules.py", "terminal.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        help_texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        beyond += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if not node.value.isascii() and id(node) not in help_texts
        ]
    assert beyond == []


def ending(main: Callable[[], int | None]) -> object:
    with pytest.raises(SystemExit) as ended:
        terminal.program(main, "program")
    return ended.value.code


def raising(error: BaseException) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


def test_program_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(lambda: 3) == 3
    assert ending(raising(SystemExit(2))) == 2
    assert ending(raising(KeyboardInterrupt())) == 130
    assert ending(raising(BrokenPipeError())) == 1
    assert capsys.readouterr() == ("", "")
    assert ending(raising(OSError(28, "No space left on device"))) == 1
    assert capsys.readouterr().err == "program: failed: [Errno 28] No space left on device\n"
    with pytest.raises(ZeroDivisionError):
        ending(raising(ZeroDivisionError()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_unwritable_output_is_reported_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tensorlab", "plugins"],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stderr == "python -m tensorlab: failed: [Errno 28] No space left on device\n"


def test_only_one_module_creates_consoles() -> None:
    making = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tensorlab").rglob("*.py")
        if " Console(" in path.read_text(encoding="utf-8")
    ]
    assert making == ["tensorlab/terminal.py"]

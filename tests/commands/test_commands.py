"""The command line: its output, also in a pipe, reports about problems, and exit codes."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tensorlab as tl
from tensorlab import commands
from tensorlab.commands import tables, warm_up
from tensorlab.errors import DeviceError
from tensorlab.kernel_list import kernels_of
from tensorlab.kernels.runtime import cache, library
from tensorlab.plugins import Plugin, manager
from tensorlab.registry import Entry, registries

ROOT = Path(__file__).parents[2]
LONG = "ImportError: cannot import name 'Activatoin' from 'tensorlab' [red]" + " and so on" * 30


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))


@pytest.fixture
def broken() -> Iterator[None]:
    """A plugin that failed to load, a backend without its device, and a backend that raises an unexpected error."""

    def without_device() -> None:
        raise DeviceError("device 'gpu'", "an NVIDIA GPU", "none")

    def wrong() -> None:
        raise ZeroDivisionError("one by zero")

    manager.load()
    plugin = Plugin("rotten", "tensorlab-rotten", "1.2", error=LONG)
    entries = [Entry("gpu", without_device, "tensorlab-gpu", "0.3"), Entry("odd", wrong, "tensorlab-odd", "0.4")]
    manager.plugins.append(plugin)
    for entry in entries:
        registries["backend"].add(entry)
    yield
    manager.plugins.remove(plugin)
    for entry in entries:
        registries["backend"].remove(entry)


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the printed lines by their first cell."""
    output = capsys.readouterr().out
    assert "\x1b" not in output
    return {line[:18].strip(): line[18:].strip() for line in output.splitlines()}


def test_info(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORLAB_DATA_DIR", str(tmp_path / "data"))
    cache.write("a", cache.Native(b"k" * 1_000_000, ()))
    assert commands.main(["info"]) == 0
    shown = lines(capsys)
    for package in ("numba", "llvmlite", "numpy"):
        assert shown[package] == importlib.metadata.version(package)
    assert shown["tensorlab"] == tl.__version__
    assert shown["threads"].startswith(f"{tl.get_num_threads()}, on ")
    assert shown["threading layer"] == "tensorlab's own pool; Numba's is not used"
    assert shown["kernel cache"] == str(tmp_path / "kernels")
    assert shown[""] == "1 kernels, 1.0 MB of at most 268 MB"
    assert shown["data folder"] == f"{tmp_path / 'data'} (TENSORLAB_DATA_DIR), does not exist yet"
    assert shown["backend cpu"] == shown["backend reference"] == f"available (tensorlab {tl.__version__})"
    assert " float32: " in shown["register tile"]
    assert re.fullmatch(r"L1 \d+ KiB, \d+ ways; L2 \d+ KiB, \d+ ways", shown["caches of a core"])
    assert shown["processor"]
    assert shown["features"]


@pytest.mark.usefixtures("broken")
def test_info_reports_problems_and_continues(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["info"]) == 1
    shown = lines(capsys)
    gpu = "not available: device 'gpu': expected an NVIDIA GPU, received none (tensorlab-gpu 0.3)"
    assert shown["backend gpu"] == gpu
    assert shown["backend odd"] == "failed: ZeroDivisionError: one by zero (tensorlab-odd 0.4)"
    assert shown["plugin rotten"] == f"failed: {LONG} (tensorlab-rotten)"


def test_info_reports_an_unused_cache(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels").chmod(0o777)
    assert commands.main(["info"]) == 0
    assert lines(capsys)[""] == f"not used: other users may write into it; chmod go-w {tmp_path / 'kernels'}"


def test_plugins(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> None:
    assert commands.main(["plugins"]) == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["plugin", "distribution", "version", "loading", "adds"]
    assert first.split()[:3] == ["tensorlab", "tensorlab", tl.__version__]
    activations = first.partition("activation ")[2].partition(";")[0].split(", ")
    assert activations == sorted(activations)
    assert {"elu", "gelu", "leaky_relu", "log_softmax", "relu", "selu"} <= set(activations)
    assert first.endswith("backend cpu, reference")
    request.getfixturevalue("broken")
    assert commands.main(["plugins"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split(maxsplit=5) == ["rotten", "tensorlab-rotten", "1.2", "0.00", "s", f"failed: {LONG}"]


def test_cache_shows_and_clears(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for key in "ab":
        cache.write(key, cache.Native(b"k" * 1_000_000, ()))
    for arguments, said in [
        (["cache"], "2 kernels, 2.0 MB"),
        (["cache", "--clear"], "2 kernels, 2.0 MB, deleted"),
        (["cache"], "0 kernels, 0.0 MB"),
    ]:
        assert commands.main(arguments) == 0
        assert capsys.readouterr().out == f"{tmp_path / 'kernels'}: {said}\n"
    (tmp_path / "kernels").rmdir()
    (tmp_path / "kernels").write_text("")
    assert commands.main(["cache"]) == 1
    assert capsys.readouterr().out.endswith("not used: it is no folder\n")


def test_unwritable_cache_is_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(home / ".cache" / "tensorlab"))
    monkeypatch.setattr(cache.os, "access", lambda path, mode: path != home)  # root may write everywhere
    said = f"kernels cannot be stored: {home} cannot be written; set TENSORLAB_CACHE_DIR to a folder that can"
    assert commands.main(["cache"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [said]
    assert commands.main(["info"]) == 0
    assert said in capsys.readouterr().out
    (home / ".cache").write_text("")
    assert commands.main(["cache"]) == 1
    assert capsys.readouterr().out.endswith("not used: Not a directory\n")
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    cache.write("a", cache.Native(b"k", ()))
    monkeypatch.setattr(cache.os, "access", lambda path, mode: False)
    monkeypatch.setattr(Path, "unlink", lambda path: (_ for _ in ()).throw(PermissionError()))
    assert commands.main(["cache", "--clear"]) == 1
    assert "kernels cannot be stored, and 1 cannot be deleted: " in capsys.readouterr().out


def test_kernels_lists_kernels_and_whether_they_are_in_the_cache(capsys: pytest.CaptureFixture[str]) -> None:
    (square,) = [k for k in kernels_of([tl.square], ["float32"], order=0) if k.name == "square"]
    cache.write(square.key, cache.Native(b"k", ()))
    assert commands.main(["kernels", "--dtypes", "float32"]) == 0
    header, *rows, last = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert header == ["name", "maker", "dtypes", "compiled"]
    assert ["square", "loops.map.map_kernel", "float32,", "float32", "stored"] in rows
    assert ["square_vjp_x", "loops.map.map_kernel", "float32,", "float32,", "float32"] in rows
    assert last == [str(len(rows)), "kernels,", "1", "of", "them", "stored,", "0", "shipped"]
    assert commands.main(["kernels", "--dtypes", "float32", "--order", "0", "--missing"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert "exp" in names
    assert {"square", "square_vjp_x"}.isdisjoint(names)


def test_warm_up_compiles_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    requests = [("runtime.threads.stop_kernel", ()), ("matmul.product.task_kernel", ("integer", "int64", None))]
    monkeypatch.setattr(warm_up, "_of_the_book", lambda: requests)
    monkeypatch.setattr(library, "_kernels", {})
    folder = tmp_path / "kernels"
    for said in (
        rf"2 kernels: 2 compiled in \d+\.\d s and stored in {folder}, 0 were there already\n",
        "2 kernels: 2 were there already\n",
    ):
        assert commands.main(["warm-up"]) == 0
        assert re.fullmatch(said, capsys.readouterr().out)
    assert cache.usage().kernels == 2


def test_warm_up_reports_what_fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_up, "_of_the_book", lambda: [("loops.map.missing_kernel", ("float32",))])
    assert commands.main(["warm-up", "--for", "mnist"]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("missing float32 cannot be compiled: AttributeError: ")
    assert last.startswith("1 kernels: 0 compiled in ")


def test_warm_up_without_a_cache_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path / "file"))
    assert commands.main(["warm-up"]) == 1
    assert capsys.readouterr().out.startswith(f"kernels cannot be stored in {tmp_path / 'file' / 'kernels'}: ")
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path / "new"))

    def denied(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    assert commands.main(["warm-up"]) == 1
    assert capsys.readouterr().out.endswith(
        ": Permission denied; set TENSORLAB_CACHE_DIR to a folder that can be created\n"
    )


def test_warm_up_lists_the_book_and_everything() -> None:
    book = {library.key_of(*request) for request in warm_up._of_the_book()}
    everything = {library.key_of(*request) for request in warm_up._everything()}
    assert 25 <= len(book) < 40
    assert len(everything) > 300
    labels = [key for key in book - everything if "'uint8'" in key]
    assert book - everything == set(labels)


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main([]) == 0
    output = capsys.readouterr().out
    assert output.startswith("usage: python -m tensorlab")
    listed = [line.split()[0] for line in output.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == [name.replace("_", "-") for name in commands.COMMANDS]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inof"], "python -m tensorlab: expected a command, received 'inof'; did you mean 'info'?"),
        (
            ["zzz"],
            "python -m tensorlab: expected a command, received 'zzz'; "
            f"known names: {', '.join(commands.COMMANDS).replace('_', '-')}",
        ),
        (["info", "--all"], "python -m tensorlab info: unrecognized arguments: --all; --help lists the valid ones"),
    ],
)
def test_invalid_arguments_exit_with_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", f"{said}\n")


def test_help_has_paragraphs_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], *([name.replace("_", "-")] for name in commands.COMMANDS)):
        with pytest.raises(SystemExit) as ended:
            commands.main([*command, "--help"])
        assert ended.value.code == 0
        paragraphs = [" ".join(text.split()) for text in capsys.readouterr().out.split("\n\n")]
        assert paragraphs[-1] == ("Exit status: 0 on success, 1 if something is wrong, 2 for invalid arguments.")
        if command == ["plugins"]:
            assert paragraphs[1] == "List every plugin, what it adds, and why one failed."
            assert paragraphs[2].startswith("The exit status is 1 if one failed")


def test_terminal_output_has_colors_and_the_terminal_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "40"}.items():
        monkeypatch.setenv(name, value)
    tables.show([("a", "word " * 30)], ("name", "text"))
    output = capsys.readouterr().out
    assert "\x1b[1m" in output
    assert output.count("word") == 30
    assert output.count("\n") > 4


def test_long_cells_are_wrapped_between_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "30"}.items():
        monkeypatch.setenv(name, value)
    why = "[red] tensorlab_register_activations is long-winded"
    tables.show([("one", "short"), ("two", why)], ("name", "why"))
    tables.show([("three", "of a wide column", "short"), ("four", "", why)], ("name", "width", "why"))
    assert re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines() == [
        "name  why",
        "one   short",
        "two   [red]",
        "      tensorlab_register_activations",
        "      is long-winded",
        "name   width             why",
        "three  of a wide column  short",
        "four",
        "    [red]",
        "    tensorlab_register_activations",
        "    is long-winded",
    ]


def test_module_can_be_executed() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tensorlab", "info"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tensorlab")
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())


def test_files_in_the_current_folder_do_not_hide_modules(tmp_path: Path) -> None:
    for name in ("random", "numpy", "typing", "inspect", "rich", "argparse", "numba", "secrets"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(f'{__name__} is that of the current folder')")
    done = subprocess.run(
        [sys.executable, "-m", "tensorlab", "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tensorlab {tl.__version__}\n", "")
    (tmp_path / "own").mkdir()  # another program is found as usual
    (tmp_path / "own" / "__init__.py").write_text("import tensorlab, sys; print(sys.path[0])")
    for path in tmp_path.glob("*.py"):
        path.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "own.tensorlab"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"{tmp_path}\n"

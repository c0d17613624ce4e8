"""What is compiled and when, and a disk cache that costs time at worst, never a result and never an exception."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

COUNTING = """
import sys
from numba.core import event

recorder = event.RecordingListener()
event.register("numba:compile", recorder)

def compiled():
    return sum(happening.is_start for _, happening in recorder.buffer)
"""

PROGRAM = f"""{COUNTING}
import numpy as np
import tensorlab as tl

x = tl.asarray(np.arange(4.0))
print(tl.square(x).tolist(), (x + x).tolist())
print(compiled())
"""
RESULT = "[0.0, 1.0, 4.0, 9.0] [0.0, 2.0, 4.0, 6.0]"


def start(program: str, cache: Path, *arguments: str) -> subprocess.Popen[str]:
    """A process of one thread, so that there are no kernels beside those asked for; every warning is an error."""
    environment = {"PYTHONPATH": str(ROOT), "TENSORLAB_CACHE_DIR": str(cache), "TENSORLAB_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-B", "-W", "error", "-c", program, *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    return output


def run(cache: Path) -> int:
    """Run the program, check its results, and return how many functions it compiled."""
    results, count = finish(start(PROGRAM, cache)).splitlines()
    assert results == RESULT
    return int(count)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that one run of the program has filled."""
    cache = tmp_path_factory.mktemp("filled")
    assert run(cache) > 0
    return cache


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(filled, tmp_path / "cache"))


def test_an_import_compiles_nothing_and_imports_no_cuda(tmp_path: Path) -> None:
    program = f"""
import sys
import tensorlab
early = "numba" in sys.modules
{COUNTING}
import tensorlab as tl
tl.layers.Dense(3), tl.GradientTape(), tl.asarray([1.0])[::-1].T, tl.zeros((2, 3))
print(early, compiled(), [name for name in sys.modules if name.startswith(("numba.cuda", "numba_cuda", "cuda"))])
"""
    assert finish(start(program, tmp_path / "cache")) == "False 0 []\n"
    assert not (tmp_path / "cache").exists()


def test_kernels_of_the_cpu_import_no_cuda(filled: Path) -> None:
    program = f"{PROGRAM}\nprint([name for name in sys.modules if name.startswith(('numba.cuda', 'numba_cuda'))])"
    assert finish(start(program, filled)).splitlines()[-1] == "[]"


def test_a_second_process_compiles_nothing(filled: Path) -> None:
    assert run(filled) == 0
    names = {path.suffix for path in (filled / "kernels").iterdir()}
    assert names == {".kernel"}


def altered(name: str, content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE: list[Callable[[str, bytes], bytes]] = [
    altered,
    lambda name, content: content[: len(content) // 2],
    lambda name, content: hashlib.sha256(name.encode() + b"no pickle").digest() + b"no pickle",
]


def test_damaged_files_are_compiled_again(cache: Path) -> None:
    files = sorted((cache / "kernels").iterdir())
    for file, damage in zip(files, itertools.cycle(DAMAGE), strict=False):
        file.write_bytes(damage(file.name, file.read_bytes()))
    assert run(cache) > 0
    assert run(cache) == 0
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, [b"", contents[2], contents[1]], strict=False):
        file.write_bytes(content)  # nothing, and a kernel in the place of another
    assert run(cache) > 0
    assert all(len(file.read_bytes()) > 32 for file in files)


def test_a_folder_in_the_place_of_a_file(cache: Path) -> None:
    for file in (cache / "kernels").iterdir():
        file.unlink()
        file.mkdir()
    assert run(cache) > 0
    assert all(path.is_dir() for path in (cache / "kernels").iterdir()), "nothing half-written stays behind"


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    assert run(tmp_path / "cache") > 0
    assert (tmp_path / "cache").read_text() == "not a folder"


def test_a_read_only_folder(cache: Path) -> None:
    removed, *others = sorted((cache / "kernels").iterdir())
    removed.unlink()
    # An audit hook refuses to write even to root, who may write into a folder that is marked read-only.
    refusing = f"""
import os, sys

def refuse(event, arguments):
    writes = event in ("os.mkdir", "os.rename") or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
    if writes and str(arguments[0]).startswith({str(cache)!r}):
        print("refused", file=sys.stdout)
        raise PermissionError(13, "Permission denied", arguments[0])

sys.addaudithook(refuse)
"""
    *refusals, results, count = finish(start(refusing + PROGRAM, cache)).splitlines()
    assert set(refusals) == {"refused"}
    assert results == RESULT
    assert int(count) > 0
    assert sorted((cache / "kernels").iterdir()) == others


def test_two_processes_that_fill_one_cache_at_once(tmp_path: Path) -> None:
    processes = [start(PROGRAM, tmp_path) for _ in range(2)]
    first, second = (finish(process).splitlines()[0] for process in processes)
    assert first == second
    assert {path.suffix for path in (tmp_path / "kernels").iterdir()} == {".kernel"}
    assert run(tmp_path) == 0


def test_a_changed_function_is_compiled_anew(filled: Path, tmp_path: Path) -> None:
    program = f"""{COUNTING}
sys.path.insert(0, {str(tmp_path)!r})
import tensorlab as tl
from own import shifted
print(shifted(tl.asarray([1.0, 2.0])).tolist(), compiled())
"""
    source = "import tensorlab as tl\n\n{comment}\n\n@tl.elementwise\ndef shifted(x):\n    return scaled(x) + {shift}\n"
    source += "\n\ndef scaled(x):\n    return {scale} * x\n"

    def output(shift: float, scale: float, comment: str = "") -> tuple[str, bool]:
        text = source.format(shift=shift, scale=scale, comment=comment)
        text, helper = text.split("\n\ndef scaled")
        (tmp_path / "own.py").write_text(text.replace("\n\n@tl", f"\n\ndef scaled{helper}\n\n@tl"))
        values, count = finish(start(program, filled)).rsplit(" ", 1)
        return values, int(count) > 0

    assert output(shift=1.0, scale=2.0) == ("[3.0, 5.0]", True)
    assert output(shift=1.0, scale=2.0, comment="# a comment, which is not part of the function") == (
        "[3.0, 5.0]",
        False,
    )
    assert output(shift=5.0, scale=2.0) == ("[7.0, 9.0]", True)
    assert output(shift=1.0, scale=3.0) == ("[4.0, 7.0]", True)  # a function that it calls
    assert output(shift=1.0, scale=2.0) == ("[3.0, 5.0]", False)


def test_kernels_of_several_processes_do_not_take_each_others_place(tmp_path: Path) -> None:
    program = """
import sys
import numpy as np
import tensorlab as tl

for name, dtype in zip(sys.argv[1::2], sys.argv[2::2]):
    x = np.linspace(-1, 1, 100).astype(dtype)
    assert np.allclose(getattr(tl, name)(x).numpy(), getattr(np, name)(x), atol=1e-6), (name, dtype)
    assert float(tl.max(tl.asarray(x))) == 1, dtype
"""
    alone = [("exp", "float64"), ("exp", "float32"), ("tanh", "float32"), ("tanh", "float64")]
    together = [("exp", "float32"), ("tanh", "float64"), ("exp", "float64"), ("tanh", "float32")]
    for arguments in [*([pair] for pair in alone), together]:
        finish(start(program, tmp_path, *[word for pair in arguments for word in pair]))

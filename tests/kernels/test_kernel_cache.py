"""Check when kernels are compiled, and that faults of the disk cache cost time but never raise or change results."""

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
from forked_processes import ROOT, Forked

import tensorlab as tl
from tensorlab.kernels import catalogue
from tensorlab.kernels.runtime import cache as cache_module
from tensorlab.kernels.runtime import library, linker
from tensorlab.kernels.runtime.native import Native
from tensorlab.rules import Reduction, Rowwise

Process = subprocess.Popen[str] | Forked

COUNTING = """
import sys
from numba.core import event

recorder = event.RecordingListener()
event.register("numba:compile", recorder)

def compiled():
    return sum(entry.is_start for _, entry in recorder.buffer)  # the buffer contains (time, event)
"""

PROGRAM = f"""{COUNTING}
from tensorlab.kernels.runtime.compiler import kernel

@kernel
def double():
    return lambda x: x + x, "int64(int64)"

@kernel
def square():
    return lambda x: x * x, "int64(int64)"

@kernel
def negative():
    return lambda x: -x, "int64(int64)"

print([maker()(21) for maker in (double, square, negative)])
print(compiled())
"""
"""Three kernels that compile fast and use the same cache as the library's own."""
RESULT = "[42, 441, -21]"

OPERATIONS = """
import sys
import tensorlab as tl

x = tl.asarray([0.0, 1.0, 2.0])
with tl.GradientTape() as tape:
    tape.watch(x)
    y = tl.sum(tl.square(x))
print(y.item(), tape.gradient(y, x).tolist(), "numba" in sys.modules)
"""


def fork(program: str, cache: Path, *arguments: str, **variables: str) -> Process:
    """Start a program in a forked process with Numba already imported, for tests that do not depend on imports."""
    if not hasattr(os, "fork"):
        return start(program, cache, *arguments, **variables)
    return Forked(program, arguments, {"TENSORLAB_CACHE_DIR": str(cache), **variables})


def start(program: str, cache: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start a program in a new process, in which warnings are errors.

    It uses one thread, so that the kernel of worker threads is not compiled.
    """
    environment = {"PYTHONPATH": str(ROOT), "TENSORLAB_CACHE_DIR": str(cache), "TENSORLAB_NUM_THREADS": "1"}
    environment |= variables
    return subprocess.Popen(
        [sys.executable, "-B", "-W", "error", "-c", program, *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: Process) -> str:
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    return output


def run(cache: Path, setting: str = "", begin: Callable[..., Process] = fork, **variables: str) -> int:
    """Run the code ``setting`` and `PROGRAM`, check its results, and return the number of functions it compiled."""
    results, count = finish(begin(setting + PROGRAM, cache, **variables)).splitlines()
    assert results == RESULT
    return int(count)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that was filled by one run of the program."""
    cache = tmp_path_factory.mktemp("filled")
    assert run(cache, begin=start) > 0
    return cache


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Path:
    """A copy of the filled cache."""
    return Path(shutil.copytree(filled, tmp_path / "cache"))


def test_import_compiles_nothing_and_does_not_import_cuda(tmp_path: Path) -> None:
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


def test_second_process_compiles_nothing(filled: Path) -> None:
    program = f"{PROGRAM}\nprint([name for name in sys.modules if name.startswith(('numba.cuda', 'numba_cuda'))])"
    assert finish(start(program, filled)).splitlines() == [RESULT, "0", "[]"]
    names = {path.suffix for path in (filled / "kernels").iterdir()}
    assert names == {".kernel"}


def test_second_process_does_not_import_numba() -> None:
    """Use the kernel cache that all tests share, which contains most of these kernels already."""
    shared = cache_module.folder().parent
    first, second = (finish(start(OPERATIONS, shared)) for _ in range(2))
    assert first.startswith("5.0 [0.0, 2.0, 4.0] ")
    assert second == "5.0 [0.0, 2.0, 4.0] False\n"


def altered(name: str, content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE: list[Callable[[str, bytes], bytes]] = [
    altered,
    lambda name, content: content[: len(content) // 2],
    lambda name, content: hashlib.sha256(name.encode() + b"no kernel").digest() + b"no kernel",  # with a valid hash
]


def test_damaged_files_are_recompiled(cache: Path) -> None:
    files = sorted((cache / "kernels").iterdir())
    for file, damage in zip(files, itertools.cycle(DAMAGE), strict=False):
        file.write_bytes(damage(file.name, file.read_bytes()))
    assert run(cache) > 0
    assert run(cache) == 0
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, [b"", contents[2], contents[1]], strict=False):
        file.write_bytes(content)  # the first file is empty, the next two are exchanged
    assert run(cache) > 0
    assert all(len(file.read_bytes()) > 32 for file in files)


@pytest.mark.parametrize("line", ["3", "[]", '{"needs": 3}', '{"needs": [3]}', '{"needs": "ab"}', "[" * 100_000])
def test_entries_with_another_header_are_not_used(own: Path, line: str) -> None:
    """The checksum is right, as in a file that was made to do harm."""
    cache_module.write("key", Native(b"code", ("a",)))
    (path,) = own.glob("*.kernel")
    payload = line.encode() + b"\ncode"
    path.write_bytes(hashlib.sha256(path.name.encode() + payload).digest() + payload)
    assert cache_module.read("key") is None
    cache_module.write("key", Native(b"code", ("a",)))
    assert cache_module.read("key") == Native(b"code", ("a",))


def test_directory_in_place_of_a_file(cache: Path) -> None:
    for file in (cache / "kernels").iterdir():
        file.unlink()
        file.mkdir()
    assert run(cache) > 0
    assert all(path.is_dir() for path in (cache / "kernels").iterdir()), "partial files remain"


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    assert run(tmp_path / "cache") > 0
    assert (tmp_path / "cache").read_text() == "not a folder"


def test_read_only_folder(cache: Path) -> None:
    removed, *others = sorted((cache / "kernels").iterdir())
    removed.unlink()
    # An audit hook denies writes even for root, who could write into a read-only folder.
    refusing = f"""
import os, sys

def refuse(event, arguments):
    writes = event in ("os.mkdir", "os.rename") or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
    if writes and str(arguments[0]).startswith({str(cache)!r}):
        print("refused", file=sys.stdout)
        raise PermissionError(13, "Permission denied", arguments[0])

sys.addaudithook(refuse)
"""
    *refusals, results, count = finish(fork(refusing + PROGRAM, cache)).splitlines()
    assert set(refusals) == {"refused"}
    assert results == RESULT
    assert int(count) > 0
    assert sorted((cache / "kernels").iterdir()) == others


def test_full_disk(tmp_path: Path) -> None:
    # The program cannot write more than 1000 bytes to a file, so writing a kernel fails in the middle.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
    assert run(tmp_path, limit) > 0
    assert list((tmp_path / "kernels").iterdir()) == [], "partial files remain"
    assert run(tmp_path) > 0


def test_user_without_a_home_directory(tmp_path: Path) -> None:
    # For a user without an entry in the password database, as in many containers, platformdirs cannot expand "~".
    setting = f"""
import os, platformdirs
os.chdir({str(tmp_path)!r})
platformdirs.user_cache_dir = lambda name: f"~/.cache/{{name}}"
"""
    assert run(tmp_path, setting, TENSORLAB_CACHE_DIR="") > 0
    assert list(tmp_path.iterdir()) == []


def test_other_versions_and_settings_use_different_kernels(cache: Path) -> None:
    before = set((cache / "kernels").iterdir())
    other = """
import importlib.metadata
real = importlib.metadata.version
importlib.metadata.version = lambda name: "0.0" if name == "llvmlite" else real(name)
"""
    assert run(cache, other) > 0
    assert run(cache, other) == 0
    assert run(cache, begin=start, NUMBA_CPU_FEATURES="+sse2") > 0  # Numba reads it at import
    assert run(cache, begin=start, NUMBA_NUM_THREADS="1", NUMBA_ENABLE_CUDASIM="1") == 0  # no kernel depends on these
    assert run(cache) == 0
    assert len(set((cache / "kernels").iterdir()) - before) == 2 * len(before)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no POSIX owners")
def test_folder_of_another_user_is_not_used(cache: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "new") > 0
    assert (tmp_path / "new" / "kernels").stat().st_mode & 0o777 == 0o700
    foreign = "import os; own = os.geteuid(); os.geteuid = lambda: own + 1\n"
    assert run(cache, foreign) > 0
    (cache / "kernels").chmod(0o777)
    before = sorted((cache / "kernels").iterdir())
    assert run(cache) > 0
    assert sorted((cache / "kernels").iterdir()) == before
    (cache / "kernels").chmod(0o755)
    assert run(cache) == 0


def test_four_processes_fill_one_cache_at_once(tmp_path: Path) -> None:
    processes = [fork(PROGRAM, tmp_path) for _ in range(4)]
    assert {finish(process).splitlines()[0] for process in processes} == {RESULT}
    assert {path.suffix for path in (tmp_path / "kernels").iterdir()} == {".kernel"}
    assert run(tmp_path) == 0


def test_changed_function_is_recompiled(filled: Path, tmp_path: Path) -> None:
    program = f"""{COUNTING}
sys.path.insert(0, {str(tmp_path)!r})
import tensorlab as tl
from own import shifted
print(shifted(tl.asarray([1.0, 2.0])).tolist(), compiled())
"""
    source = """
import tensorlab as tl

{comment}

def scaled(x):
    return {scale} * x

@tl.elementwise
def shifted(x):
    return scaled(x) + {shift}
"""

    def output(shift: float, scale: float, comment: str = "") -> tuple[str, bool]:
        (tmp_path / "own.py").write_text(source.format(shift=shift, scale=scale, comment=comment))
        values, count = finish(fork(program, filled)).rsplit(" ", 1)
        return values, int(count) > 0

    assert output(shift=1.0, scale=2.0) == ("[3.0, 5.0]", True)
    comment = "# a comment, which is not part of the function"
    assert output(shift=1.0, scale=2.0, comment=comment) == ("[3.0, 5.0]", False)
    assert output(shift=5.0, scale=2.0) == ("[7.0, 9.0]", True)
    assert output(shift=1.0, scale=3.0) == ("[4.0, 7.0]", True)  # the called function changed


def test_kernels_of_several_processes_do_not_replace_each_other(tmp_path: Path) -> None:
    program = """
import sys
from tensorlab.kernels.runtime.compiler import kernel

for number in map(int, sys.argv[1:]):
    @kernel
    def adder(number):  # kernels with the same name and signature
        return lambda x: x + number, "int64(int64)"

    assert adder(number)(1) == 1 + number
"""
    for numbers in (["10"], ["20"], ["10", "20"]):
        finish(fork(program, tmp_path, *numbers))


def native(size: int) -> Native:
    return Native(b"k" * size, ("sched_yield",))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    return tmp_path / "kernels"


def test_least_recently_used_kernels_are_deleted_first(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in "abc":
        cache_module.write(key, native(1000))
    size = cache_module.usage().size
    assert cache_module.usage().kernels == 3
    assert size == sum(path.stat().st_size for path in own.iterdir())
    for age, key in enumerate("bca"):
        path = cache_module._path(key)
        os.utime(path, (age, age))
    assert cache_module.read("b") == native(1000)  # makes it the most recently used
    monkeypatch.setattr(cache_module, "LIMIT", size)
    cache_module.write("d", native(1000))
    assert {key for key in "abcd" if cache_module.read(key)} == set("abd")


def test_partial_files_of_killed_processes_are_deleted(own: Path) -> None:
    cache_module.write("a", native(10))
    old, new = own / "x.part", own / "y.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    cache_module.write("b", native(10))
    assert (old.exists(), new.exists()) == (False, True)
    assert cache_module.usage().kernels == 2


def test_clear_deletes_all_kernels_and_nothing_else(own: Path) -> None:
    for key in "ab":
        cache_module.write(key, native(10))
    usage = cache_module.usage()
    (own / "notes.txt").write_text("mine")
    assert cache_module.clear() == usage
    assert cache_module.usage() == (0, 0)
    assert [path.name for path in own.iterdir()] == ["notes.txt"]
    assert cache_module.read("a") is None


def test_kernel_key_depends_on_all_arguments() -> None:
    add, multiply = tl.add.scalar, tl.multiply.scalar
    rules = [
        Reduction("r", add, add),
        Reduction("r", multiply, add),
        Reduction("r", add, multiply),
        Reduction("r", add, add, add),
        Reduction("r", add, add, None, 0.0),
        Reduction("r", add, add, None, 1.0),
        Rowwise("r", ((add, add),), add),
        Rowwise("r", ((add, add), (add, add)), add),
    ]
    arguments = [*((rule,) for rule in rules), (add, "float32"), (add, "float64"), (None, 1), (None, "1"), (None, (1,))]
    assert len({library._described(each) for each in arguments}) == len(arguments)
    with pytest.raises(TypeError, match="an argument of a kernel cannot be"):
        library._described((add, [1]))


def test_entry_function_checks_its_arguments() -> None:
    stop = catalogue.stop_kernel()
    for wrong in [(1,), (1, 2, 3), ("1", 2), (1.5, 2)]:
        with pytest.raises(TypeError):
            stop(*wrong)
    with pytest.raises(OverflowError):
        stop(1 << 64, 2)


def test_kernel_with_a_missing_symbol_is_not_loaded() -> None:
    assert linker.load(Native(b"", ("nothing_of_this_name",))) is None

"""Kernels that a package ships: used where they fit, without Numba and LLVM, and never where they do not."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import building
from tensorlab.commands import main
from tensorlab.errors import ArgumentError, StateError
from tensorlab.kernels.runtime import cache, library, processor, shipped

X86 = platform.machine().lower() in ("x86_64", "amd64")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not X86 or shutil.which("cc") is None, reason="builds kernels on Linux, for x86-64"
)


def supports(level: str) -> bool:
    return level in [each.name for each in processor.levels()]


needs_level = pytest.mark.skipif(not processor.levels(), reason="the processor has no level")
STORED = cache.folder().parent
"""The kernel cache that other tests use too."""
NAMES = ("relu", "thread pool")
COUNT = 6
"""The kernels of these names: relu, its gradient, and four of the thread pool and of the loops that they share."""
PROGRAM = """
import sys, numpy as np
from tensorlab.kernels.runtime import shipped
from pathlib import Path
shipped._folders[:] = [Path(sys.argv[1])]
import tensorlab as tl
x = np.linspace(-3, 3, 7, dtype=np.float32)
assert (tl.relu(tl.asarray(x)).numpy() == np.maximum(x, 0)).all()
print(sys.modules.get("llvmlite.binding") is not None, shipped.statuses()[0].reason)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a few kernels for both levels of x86-64."""
    folder = tmp_path_factory.mktemp("built")
    for level in ("x86-64-v3", "x86-64-v4"):
        count = building.build(level, folder / "shipped", dtypes=["float32"], names=NAMES, objects=folder / "objects")
        assert count == COUNT
    return folder / "shipped"


@pytest.fixture
def copied(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the folder, which is the only one that is searched; the kernel cache is empty."""
    folder = tmp_path / "shipped"
    shutil.copytree(built, folder)
    monkeypatch.setattr(shipped, "_folders", [folder])
    monkeypatch.setenv(shipped.VARIABLE, "1")
    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_CPU_NAME", raising=False)
    monkeypatch.delenv("NUMBA_CPU_FEATURES", raising=False)
    return folder


WITHOUT_COMPILER = """
import sys
sys.modules |= {"numba": None, "llvmlite": None, "llvmlite.binding": None}
try:
    exec(sys.argv[2])
    tl.exp(tl.asarray(x))
except tl.errors.StateError as error:
    print(error)
"""


@needs_level
def test_environment_without_the_compiler_runs_what_is_shipped(built: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_COMPILER, str(built), PROGRAM]
    environment = environment_with(tmp_path)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout == (
        "False \ntensorlab: llvmlite, which compiles kernels, is not installed, and map_kernel is not shipped; "
        "pip install numba\n"
    ), done.stderr


@needs_level
def test_processes_at_once_and_a_folder_that_cannot_be_written(built: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = environment_with(tmp_path / "file")
    command = [sys.executable, "-c", PROGRAM, str(built)]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=240)[0] for process in processes] == ["False \n"] * 3


def only_best(folder: Path) -> Path:
    """Return the folder of the best level that this processor has, after deleting the others."""
    best = processor.levels()[0].name
    for each in folder.iterdir():
        if each.name != best:
            shutil.rmtree(each)
    return folder / best


def key_of_relu() -> str:
    return library.key_of("loops.map.map_kernel", (tl.relu.scalar, "float32", ("float32",), ("float32",)))


def environment_with(cache_folder: Path) -> dict[str, str]:
    return {**os.environ, shipped.VARIABLE: "1", "TENSORLAB_CACHE_DIR": str(cache_folder)}


def run(folder: Path, cache_folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", PROGRAM, str(folder)],
        env={**environment_with(cache_folder), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() + (" warned" if "RuntimeWarning" in done.stderr else "")


@needs_level
def test_process_with_shipped_kernels_imports_no_compiler(built: Path, tmp_path: Path) -> None:
    assert run(built, tmp_path / "cache") == "False"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("reason", ["switched off", "damaged", "no folder"])
def test_other_kernels_are_used_if_shipped_ones_do_not_fit(copied: Path, reason: str) -> None:
    environment = {}
    expected = ""
    if reason == "switched off":
        environment["TENSORLAB_SHIPPED"] = "0"
    elif reason == "no folder":
        shutil.rmtree(copied)
        expected = " there are none; they are compiled at first use"
    else:
        level = only_best(copied)
        damage(level / shipped.LIBRARY)
        expected = f" the kernels in {level} are damaged (the checksum of kernels.so is wrong) warned"
    assert run(copied, STORED, **environment) == f"True{expected}"


def test_no_level_is_used_if_a_processor_is_named(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    reason = "this processor has none of the levels x86-64-v3, x86-64-v4"
    assert shipped.status.__wrapped__(copied) == (copied, None, reason)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change(folder: Path, **values: Any) -> None:
    path = folder / shipped.INDEX
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_best_level_is_used(copied: Path) -> None:
    for masked, level in ((None, "x86-64-v4"), ("avx512bw", "x86-64-v3")):
        if masked is None and not supports(level):
            continue
        found = processor.features() - {masked}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(processor, "features", lambda found=found: found)
            status = shipped.status.__wrapped__(copied)
        assert status.library is not None
        assert (status.library.level, len(status.library.kernels), status.reason) == (level, COUNT, "")


def test_level_that_the_processor_lacks_is_never_opened(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "features", lambda: frozenset({"sse2", "avx2"}))
    monkeypatch.setattr(shipped, "_opened", lambda folder: pytest.fail("opened"))
    status = shipped.status.__wrapped__(copied)
    assert status == (copied, None, "this processor has none of the levels x86-64-v3, x86-64-v4")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"format": 0}, "another version of tensorlab"),
        ({"system": "plan9"}, "another operating system"),
        ({"header": 32}, "a Python whose objects have another header"),
        ({"sources": "0" * 64}, "other sources of tensorlab"),
    ],
)
def test_kernels_for_other_conditions_are_not_used(copied: Path, values: dict[str, Any], reason: str) -> None:
    level = only_best(copied)
    change(level, **values)
    status = shipped.status.__wrapped__(copied)
    assert status.library is None
    assert status.reason == f"the kernels in {level} were built for {reason}"
    assert shipped.find(key_of_relu()) is None


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("file", [shipped.INDEX, shipped.LIBRARY])
@pytest.mark.parametrize("harm", [damage, truncate, Path.unlink, lambda path: path.write_text("[1]")])
def test_damaged_files_are_reported_once(copied: Path, file: str, harm: Callable[[Path], object]) -> None:
    harm(only_best(copied) / file)
    with pytest.warns(
        RuntimeWarning, match=r"are damaged .*; reinstall the package\. They are compiled instead"
    ) as noted:
        assert [shipped.find(key_of_relu()) for _ in range(3)] == [None] * 3
    assert len(noted) == 1


@pytest.mark.parametrize("text", ["[" * 100_000, '{"kernels": 3}', '{"kernels": [3]}', '{"kernels": {"a": 1}}'])
def test_indexes_of_another_form_are_reported(copied: Path, text: str) -> None:
    (only_best(copied) / shipped.INDEX).write_text(text)
    with pytest.warns(RuntimeWarning, match="are damaged"):
        assert shipped.find(key_of_relu()) is None


def test_kernel_that_the_library_lacks_is_compiled(copied: Path) -> None:
    name = shipped.identifier("a key")
    level = only_best(copied)
    change(level, kernels=[*json.loads((level / shipped.INDEX).read_text())["kernels"], name])
    assert shipped.contains("a key")
    assert shipped.find("a key") is None
    assert shipped.find(key_of_relu()) is not None


def test_next_level_is_used_if_the_best_one_is_damaged(copied: Path) -> None:
    best, *others = [level.name for level in processor.levels()]
    if not others:
        pytest.skip("the processor has one level")
    damage(copied / best / shipped.LIBRARY)
    with pytest.warns(RuntimeWarning, match="are damaged"):
        status = shipped.status.__wrapped__(copied)
    assert status.library is not None
    assert status.library.level == others[0]


def test_shipped_kernel_has_the_results_of_a_compiled_one(copied: Path, rng: np.random.Generator) -> None:
    kernel = shipped.find(key_of_relu())
    assert kernel is not None
    x = rng.standard_normal(1001).astype(np.float32)
    found = np.empty_like(x)
    kernel(0, found, x)
    assert found.tobytes() == tl.relu(tl.asarray(x)).numpy().tobytes()
    assert shipped.find("a key of no kernel") is None


def test_kernel_cache_comes_first(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(cache, "read", lambda key: order.append("cache"))
    monkeypatch.setattr(shipped, "find", lambda key: order.append("shipped") or (lambda: None))
    monkeypatch.setattr(library, "_kernels", {})
    monkeypatch.setattr(library.native, "address", lambda kernel: 0)
    library.find("loops.map.map_driver")
    assert order == ["cache", "shipped"]


def test_builds_are_equal_to_the_byte(built: Path, tmp_path: Path) -> None:
    level = "x86-64-v3"
    building.build(level, tmp_path, dtypes=["float32"], names=NAMES, processes=1)
    for file in (shipped.INDEX, shipped.LIBRARY):
        assert (tmp_path / level / file).read_bytes() == (built / level / file).read_bytes()
    assert b"tests" not in (tmp_path / level / shipped.LIBRARY).read_bytes()


def test_command_builds_from_kept_objects(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--level", "x86-64-v3", "--dtypes", "float32", "--names", *NAMES, "--into", str(tmp_path)]
    assert main(["build-kernels", *words, "--objects", str(built.parent / "objects")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'x86-64-v3'}: {COUNT} kernels, 0.0 MB\n"
    assert (tmp_path / "x86-64-v3" / shipped.LIBRARY).is_file()


def test_kernel_that_calls_numba_is_not_shipped(built: Path, tmp_path: Path) -> None:
    objects = built.parent / "objects"
    arguments = {"dtypes": ["float32"], "names": (*NAMES, "nextafter"), "objects": objects}
    assert building.build("x86-64-v3", tmp_path, **arguments) == COUNT  # type: ignore[arg-type]
    assert sorted(path.stat().st_size == 0 for path in objects.rglob("*.o")).count(True) == 1


def test_build_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(StateError, match="there is no C compiler 'no-such-compiler' to link with"):
        building.build("x86-64-v3", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_build_rejects_unknown_levels_and_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="expected one of x86-64-v4, x86-64-v3, aarch64, received 'x86-64-v9'"):
        building.build("x86-64-v9", tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(StateError, match="only Linux is supported"):
        building.build("x86-64-v3", tmp_path)


def test_info_says_what_is_used(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipped.status.cache_clear()
    assert main(["info"]) == 0
    assert f"{COUNT} for {processor.levels()[0].name}, in {copied}" in " ".join(capsys.readouterr().out.split())


def test_info_without_shipped_kernels(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(shipped.VARIABLE, "0")
    assert main(["info"]) == 0
    assert "not used (TENSORLAB_SHIPPED)" in capsys.readouterr().out


def test_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(maker: str) -> Any:
        raise ModuleNotFoundError("no module", name="numba")

    monkeypatch.setenv("TENSORLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(library, "lowering", missing)
    with pytest.raises(StateError, match=r"numba, which compiles kernels, is not installed.*; pip install numba"):
        library.find("loops.map.map_kernel", (tl.elementwise(lambda x: x / 7).scalar, "float32", (), ()))


def test_features_are_those_of_llvm() -> None:
    import llvmlite.binding as llvm

    present = {name for name, is_present in llvm.get_host_cpu_features().items() if is_present}
    for level in processor.LEVELS:
        if processor.machine() in level.machines:
            assert present.issuperset(level.features) == processor._host_features().issuperset(level.features)


@pytest.mark.parametrize("name", [level.name for level in processor.LEVELS if "x86_64" in level.machines])
def test_levels_are_those_of_llvm(name: str) -> None:
    """LLVM compiles for a level, with no feature removed, what its own processor of this name supports."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    code = "define <16 x float> @f(<16 x float> %a) {\n%b = fadd <16 x float> %a, %a\nret <16 x float> %b\n}"
    level = next(level for level in processor.LEVELS if level.name == name)
    texts = [
        target.create_target_machine(cpu=level.processor, features=features).emit_assembly(llvm.parse_assembly(code))
        for features in ("", level.flags)
    ]
    assert texts[0] == texts[1]

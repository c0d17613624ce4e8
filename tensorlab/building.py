"""Compile the kernels that a package ships, for a level of processors, and link them to a shared library.

The compiling process need not run the result, so any processor can compile for every level. Kernels are compiled by
several processes, each into an object file of its own. A build that was interrupted goes on with the object files that
it left. The library is the same, to the byte, in every build from the same sources and versions.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import json
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tensorlab import terminal
from tensorlab.errors import ArgumentError, StateError, short_repr
from tensorlab.kernel_list import Kernel, built_in_kernels, kernels_of
from tensorlab.kernels.runtime import cache, shipped
from tensorlab.kernels.runtime.processor import LEVELS, MACHINE, Level, machine
from tensorlab.plugins.manager import manager
from tensorlab.plugins.record import Plugin

DTYPES = ("float32", "float64", "bool", "int64", "int32", "uint8")
"""The dtypes of the arrays whose kernels tensorlab ships."""

_WHO = "building kernels"
_LINK = ("-shared", "-nostdlib", "-Wl,--build-id=none", "-Wl,-s", "-Wl,-Bsymbolic", "-Wl,-z,now", "-Wl,-z,noexecstack")


def own_levels() -> list[str]:
    """Return the names of the levels of this machine's architecture."""
    return [level.name for level in LEVELS if machine() in level.machines]


def level_named(name: str) -> Level:
    """Return a level.

    Raises:
        ArgumentError: if there is none of this name.
    """
    for level in LEVELS:
        if level.name == name:
            return level
    raise ArgumentError("level", f"one of {', '.join(level.name for level in LEVELS)}", short_repr(name))


def build(
    level: str,
    folder: Path,
    *,
    dtypes: Sequence[str] = DTYPES,
    modules: Sequence[str] = (),
    names: Sequence[str] = (),
    objects: Path | None = None,
    processes: int | None = None,
    path: Path | None = None,
) -> int:
    """Compile kernels for a level in a process of its own, and write their library and index.

    Args:
        level: the name of the level.
        folder: the folder of shipped kernels, in which a folder for the level is made.
        dtypes: the dtypes of arrays.
        modules: the modules of a plugin whose operations and rules need the kernels; by default those of tensorlab.
        names: the names of the kernels to compile, by default all.
        objects: the folder of object files, by default a temporary one.
        processes: the number of processes, by default one for each processor.
        path: a folder with the modules of the plugin, if they are not installed.

    Returns:
        the number of kernels. If there are none, nothing is written. Kernels that need Numba at run time are left out.

    Raises:
        ArgumentError: for an unknown level.
        StateError: if the system is not Linux, there is no C compiler that links for the level, or compiling failed.
    """
    chosen = level_named(level)
    check_system(chosen)
    own = level in own_levels()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {
        # For another architecture, Numba optimizes for the simplest processor of this one, with vectors of 128 bits.
        "NUMBA_CPU_NAME": chosen.processor if own else "generic",
        "NUMBA_CPU_FEATURES": chosen.flags if own else "",
        MACHINE: chosen.machines[0],
        "PYTHONHASHSEED": "0",
        shipped.VARIABLE: "0",
    }
    for name in ("TENSORLAB_TILE", "TENSORLAB_SPARSE"):
        environment.pop(name, None)
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join([str(path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory() as scratch:
        environment["TENSORLAB_CACHE_DIR"] = scratch
        job = {
            "level": level,
            "folder": str(folder),
            "dtypes": list(dtypes),
            "modules": list(modules),
            "names": list(names),
            "objects": str(objects or Path(scratch, "objects")),
            "processes": processes or len(os.sched_getaffinity(0)),
        }
        command = [sys.executable, "-m", "tensorlab.building", json.dumps(job)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise StateError(_WHO, f"the compiling process ended with status {done.returncode}", "see above")
    return int(done.stdout.split()[-1])


def check_system(level: Level | None = None) -> None:
    """Check that kernels can be built here.

    Args:
        level: the level that they are for, by default one of this machine's architecture.

    Raises:
        StateError: on other systems than Linux, or without a C compiler that links for the level.
    """
    if sys.platform != "linux":
        raise StateError(_WHO, "only Linux is supported", "elsewhere kernels are compiled at first use")
    linker = _linker()
    if shutil.which(linker[0]) is None:
        raise StateError(_WHO, f"there is no C compiler {linker[0]!r} to link with", "install one or set CC")
    if level is not None and level.name not in own_levels():
        answer = subprocess.run([*linker, "-dumpmachine"], capture_output=True, text=True, check=False).stdout.strip()
        if answer.partition("-")[0] not in level.machines:
            problem = f"the C compiler {shlex.join(linker)!r} links for {answer or 'this machine'}, not {level.name}"
            example = f"python -m ziglang cc -target {level.machines[0]}-linux-gnu"
            raise StateError(_WHO, problem, f"set CC, e.g. CC={example!r}")


def _linker() -> list[str]:
    """Return the command of the C compiler that links, and its arguments."""
    return shlex.split(os.environ.get("CC") or "cc")


def _kernels(job: dict[str, Any]) -> list[Kernel]:
    """Return the kernels of a job in a fixed order, with the drivers that they call."""
    found = [kernel for name in job["modules"] for kernel in kernels_of_plugin(_plugin(name), job["dtypes"])]
    if not job["modules"]:
        found = list(built_in_kernels(job["dtypes"]))
    every = {kernel.key: kernel for kernel in found}
    if job["names"]:
        every = {
            key: kernel for key, kernel in every.items() if "driver" in kernel.maker or kernel.name in job["names"]
        }
    return [every[key] for key in sorted(every)]


def kernels_of_plugin(plugin: Plugin, dtypes: Sequence[str] = DTYPES) -> list[Kernel]:
    """Return the kernels of what a plugin registers and of the globals of its module."""
    module = sys.modules.get(plugin.module.partition(":")[0])
    things = [*(vars(module).values() if module else ()), *(entry.thing for entry in plugin.entries)]
    return list(kernels_of(things, dtypes))


def _plugin(name: str) -> Plugin:
    """Return the record of the plugin in a module, which need not be installed."""
    manager.load()
    known = next((plugin for plugin in manager.plugins if plugin.module == name), None)
    if known is None:
        known = Plugin(name, name, "", module=name)
        manager.register(importlib.import_module(name), known, override=True)
    return known


def _compile(work: tuple[Kernel, str, Level]) -> None:
    """Compile a kernel into an object file, which is empty if the kernel cannot be shipped.

    That is a kernel that calls a function of Numba's, which a process without Numba does not have.
    """
    kernel, path, level = work
    from tensorlab.kernels.runtime import library, linker

    code = library.lowering(kernel.maker)(*kernel.arguments)
    machine = linker.shared_machine(level)
    drivers: list[str] = []

    def renamed(symbol: str) -> str:
        drivers.append(_driver_symbol(symbol))
        return drivers[-1]

    made = linker.emit(code, machine, shipped.identifier(kernel.key), renamed)
    process = ctypes.CDLL(None)
    missing = [symbol for symbol in made.needs if symbol not in drivers and not hasattr(process, symbol)]
    temporary = Path(f"{path}.{os.getpid()}")
    temporary.write_bytes(b"" if missing else made.code)
    temporary.replace(path)


def _driver_symbol(symbol: str) -> str:
    """Return the symbol of a driver in the library."""
    from tensorlab.kernels.runtime import library, native

    key = library.key_of(symbol.removeprefix(native.DRIVER), ())
    return str(native.symbols(shipped.identifier(key)).task)


def _run(job: dict[str, Any], report: Callable[[str], object]) -> int:
    """Compile what is missing, link all, and write the index. Return the number of kernels."""
    kernels = _kernels(job)
    if not kernels:
        return 0
    versions = f"{cache.sources()} {cache.version('numba')} {cache.version('llvmlite')} {job['level']}"
    objects = Path(job["objects"]) / hashlib.sha256(versions.encode()).hexdigest()[:16]
    objects.mkdir(parents=True, exist_ok=True)
    paths = {kernel.key: str(objects / f"{shipped.identifier(kernel.key)}.o") for kernel in kernels}
    level = level_named(job["level"])
    missing = [(kernel, paths[kernel.key], level) for kernel in kernels if not os.path.exists(paths[kernel.key])]
    with multiprocessing.get_context("spawn").Pool(min(job["processes"], len(missing)) or 1) as pool:
        for count, _ in enumerate(pool.imap_unordered(_compile, missing), 1):
            report(f"{job['level']}: compiled {count} of {len(missing)} kernels")
    paths = {key: path for key, path in paths.items() if os.path.getsize(path)}
    target = Path(job["folder"]) / job["level"]
    target.mkdir(parents=True, exist_ok=True)
    _link(sorted(paths.values()), target / shipped.LIBRARY)
    index = {
        **shipped.conditions(),
        "machine": level.machines[0],
        "level": job["level"],
        "sha256": hashlib.sha256((target / shipped.LIBRARY).read_bytes()).hexdigest(),
        "kernels": sorted(map(shipped.identifier, paths)),
    }
    (target / shipped.INDEX).write_text(json.dumps(index, indent=0) + "\n", encoding="utf-8")
    return len(paths)


def _link(objects: Sequence[str], library: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arguments = Path(folder) / "objects"
        arguments.write_text("\n".join(f'"{path}"' for path in objects), encoding="utf-8")
        subprocess.run([*_linker(), *_LINK, "-o", str(library), f"@{arguments}"], check=True)


if __name__ == "__main__":
    with terminal.console(stderr=True).status("") as status:
        print(_run(json.loads(sys.argv[1]), status.update))

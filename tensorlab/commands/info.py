"""Show versions, processor, threads, kernel cache, backends and folders."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from pathlib import Path

from tensorlab.backends.cpu import get_num_threads
from tensorlab.commands import tables
from tensorlab.datasets import fetch
from tensorlab.devices import backend
from tensorlab.errors import TensorlabError
from tensorlab.plugins import manager
from tensorlab.registry import registries
from tensorlab.version import __version__

_FEATURES = ("avx512f", "avx2", "fma", "avx", "sse4.2", "neon", "sve")
"""The processor features that determine the speed of arithmetic."""


def run(options: argparse.Namespace) -> int:
    """Print the table. Return 1 if something does not work."""
    manager.load()
    broken = [plugin for plugin in manager.plugins if plugin.error]
    backends = _backends()
    rows = [
        ("tensorlab", __version__),
        ("Python", f"{platform.python_version()} {platform.python_implementation()}, {platform.platform()}"),
        *((name, _version(name)) for name in ("numba", "llvmlite", "numpy")),
        *_processor(),
        ("threads", f"{get_num_threads()}, on {_processors()} processors that this process may use"),
        ("threading layer", "tensorlab's own pool; Numba's is not used"),
        *_shipped(),
        *_cache(),
        ("data folder", _data()),
        *((f"backend {name}", state) for name, state in backends.items()),
        *((f"plugin {plugin.name}", f"failed: {plugin.error} ({plugin.distribution})") for plugin in broken),
    ]
    tables.show(rows)
    return 1 if broken or any(state.startswith("failed") for state in backends.values()) else 0


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed; only shipped and stored kernels can be used"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> list[tuple[str, str]]:
    from tensorlab.kernels.matmul.tile_shape import TILES, VARIABLE, host_tile
    from tensorlab.kernels.runtime import processor

    present = processor.features()
    tile = host_tile()
    chosen = next(name for name in TILES if TILES[name] == tile)
    given = f" ({VARIABLE})" if os.environ.get(VARIABLE) else ""
    lanes = tile.vector_bytes // 4
    return [
        ("processor", f"{processor.model()} ({processor.machine()})"),
        ("features", ", ".join(word for word in _FEATURES if word in present) or "none of " + ", ".join(_FEATURES)),
        (
            "register tile",
            f"{chosen}{given}, {tile.rows} x {tile.vectors * lanes} float32: {tile.rows} rows of {tile.vectors} "
            f"vectors of {tile.vector_bytes * 8} bits",
        ),
        ("caches of a core", _caches()),
    ]


def _caches() -> str:
    from tensorlab.kernels.matmul.caches import VARIABLE, host_caches

    shown = (f"L{level} {size >> 10} KiB, {ways} ways" for level, (size, ways) in enumerate(host_caches(), 1))
    return "; ".join(shown) + (f" ({VARIABLE})" if os.environ.get(VARIABLE) else "")


def _shipped() -> list[tuple[str, str]]:
    from tensorlab.kernels.runtime import shipped

    if os.environ.get(shipped.VARIABLE) == "0":
        return [("shipped kernels", f"not used ({shipped.VARIABLE})")]
    rows: list[tuple[str, str]] = []
    for status in shipped.statuses():
        library = status.library
        text = f"{len(library.kernels)} for {library.level}, in {status.folder}" if library else status.reason
        rows.append(("" if rows else "shipped kernels", text))
    return rows


def _cache() -> list[tuple[str, str]]:
    from tensorlab.kernels.runtime import cache

    reason = cache.unusable()
    usage = cache.usage()
    contents = f"{usage.kernels} kernels, {usage.size / 1e6:.1f} MB of at most {cache.LIMIT / 1e6:.0f} MB"
    lines = [f"not used: {reason}"] if reason else [contents]
    if not reason and (unwritable := cache.unwritable()):
        lines.append(f"kernels cannot be stored: {unwritable}")
    return [("kernel cache", str(cache.folder())), *(("", line) for line in lines)]


def _data() -> str:
    chosen = os.environ.get("TENSORLAB_DATA_DIR")
    folder = Path(chosen) if chosen else fetch.cache_folder("mnist").parent
    origin = " (TENSORLAB_DATA_DIR)" if chosen else ""
    return f"{folder}{origin}{'' if folder.is_dir() else ', does not exist yet'}"


def _backends() -> dict[str, str]:
    """Return the state of each backend; a failed one does not prevent the others from being shown."""
    states = {}
    for entry in registries["backend"]:
        try:
            about = backend(entry.name).about
            state = f"available: {about}" if about else "available"
        except TensorlabError as error:
            state = f"not available: {error}"
        except Exception as error:
            state = f"failed: {type(error).__name__}: {error}"
        states[entry.name] = f"{state} ({entry.distribution} {entry.version})"
    return states

"""Find the line of a plugin that an exception comes from, wherever it was raised."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from typing import Any


def line_of(error: BaseException, owner: Any) -> str:
    """Return ``see plugin.py, line 3`` for the last line of the plugin in a traceback, or an empty string.

    Args:
        error: the exception, which may have been raised inside another library.
        owner: a function or class of the plugin, or the name of its module.
    """
    import traceback  # local imports, as only errors need them
    from pathlib import Path

    module = owner if isinstance(owner, str) else str(getattr(owner, "__module__", ""))
    own = _files_of(module.partition(".")[0])
    code = getattr(inspect.unwrap(owner), "__code__", None) if callable(owner) else None
    own |= {code.co_filename} if code else set()
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if own & {frame.filename, *map(str, Path(frame.filename).parents)}]
    return f"see {Path(mine[-1].filename).name}, line {mine[-1].lineno}" if mine else ""


def _files_of(module: str) -> set[str]:
    """Return the file of a module, or the folders of a package."""
    loaded = sys.modules.get(module)
    if loaded is not None:
        return set(getattr(loaded, "__path__", ())) or {str(getattr(loaded, "__file__", ""))}
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return set()
    return set() if spec is None else set(spec.submodule_search_locations or ()) or {str(spec.origin)}

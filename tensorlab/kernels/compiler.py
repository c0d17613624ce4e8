"""How kernels are compiled: one set of Numba options, and a disk cache keyed by content.

Numba's own disk cache asks for a source file and watches only that file. Kernels are generated, and depend on the
scalar function that was lifted into them, so theirs is keyed by what they are made of: the generated source, the
scalar functions in it, the types, tensorlab's kernel sources, the processor, and the versions of the compilers.
A cache that cannot be read or written costs a compilation and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import pickle
import platform
import secrets
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
import platformdirs
from numba.core import compiler as numba_compiler
from numba.core.bytecode import FunctionIdentity

# NumPy's error model: a division does not test for zero, so it can be vectorised, and no kernel ever raises.
# "contract" allows fused multiply-add, the only liberty taken with the order or rounding of arithmetic.
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

# Numba names a compiled function after a number that it counts up from 1 in every process. Kernels that different
# processes have put into the cache would then hold different functions under one name, and a process that loads both
# would run either for the other. Counted from a number of this process's own, no two names are the same.
FunctionIdentity._unique_ids = itertools.count(secrets.randbits(60))

jit = numba.njit(**OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""The decorator for every function that is called from a kernel. Python calls none of them, and without the wrappers
for it they compile sooner."""


def folder() -> Path:
    """Where compiled kernels are kept: ``$TENSORLAB_CACHE_DIR`` or the user's cache folder."""
    return Path(os.environ.get("TENSORLAB_CACHE_DIR") or platformdirs.user_cache_dir("tensorlab")) / "kernels"


@functools.cache
def _environment(codegen: tuple[Any, ...]) -> str:
    """What a compiled kernel depends on beside its own source."""
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        sources.update(path.read_bytes())
    versions = (numba.__version__, llvmlite.__version__, np.__version__, sys.version, platform.machine())
    return repr((sources.hexdigest(), versions, codegen))


def _digest(path: Path, payload: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + payload).digest()


class KernelCache:
    """The cache of one kernel, in the form that a Numba dispatcher calls.

    A file is the SHA-256 of its name and content followed by the content, so that a truncated, altered or misplaced one
    is noticed before it is unpickled. It is written beside its place and moved there, so that a reader sees a whole
    file.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.hits = 0

    def _path(self, signature: Any, codegen: Any) -> Path:
        identity = repr((self.key, str(signature), _environment(codegen.magic_tuple())))
        return folder() / f"{hashlib.sha256(identity.encode()).hexdigest()}.kernel"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The compiled kernel, or None."""
        target_context.refresh()
        try:
            path = self._path(signature, target_context.codegen())
            content = path.read_bytes()
            digest, payload = content[:32], content[32:]
            if _digest(path, payload) != digest:
                return None
            result = numba_compiler.CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:  # whatever is wrong with a cache file, the answer is to compile
            return None
        self.hits += 1
        return result

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep the compiled kernel, if that is possible."""
        try:
            path = self._path(signature, result.codegen)
            payload = pickle.dumps(result._reduce(), protocol=pickle.HIGHEST_PROTOCOL)
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                file.write(_digest(path, payload) + payload)
            try:
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
        except (OSError, pickle.PicklingError, TypeError, AttributeError):
            return


def kernel(function: Callable[..., Any], signature: str, key: str) -> Callable[..., Any]:
    """Compile ``function`` for one signature, or load it from the disk cache.

    Args:
        function: a plain Python function that Numba can compile.
        signature: its Numba signature.
        key: says what the function is made of beside the sources in this folder.
    """
    dispatcher = numba.njit(**OPTIONS)(function)
    dispatcher._cache = KernelCache(f"{function.__module__}.{function.__qualname__} {key}")
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher  # type: ignore[no-any-return]


def address(compiled: Any) -> int:
    """Where a C function of a `kernel` begins, which must be kept as long: for tasks, that kernels call by address."""
    (result,) = compiled.overloads.values()
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name))

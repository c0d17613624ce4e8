"""Run the operation fuzzer in Valgrind or with AddressSanitizer: ``python tests/fuzzing/memory_checkers.py valgrind``.

Valgrind sees every access of kernels to memory of malloc, with NumPy's arrays among it. It knows no AVX-512, so kernels
are compiled for x86-64-v3, in a first run without it. 60 operations take it 15 s of CPU time. AddressSanitizer sees
what C functions do and how memory is allocated and freed, but not the accesses of kernels, whose code it has not
compiled. The pages of `guarded_memory` cost little, so `operations.py` computes a million operations with them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OLDER = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+movbe,+popcnt,+f16c,+sse4.2",
    "TENSORLAB_TILE": "avx2",
}
"""Settings with which kernels are compiled for processors without AVX-512."""


def program(count: int, seed: int) -> list[str]:
    options = ["--child", "--plain", "--calm", "--threads", "2", "--count", str(count), "--seed", str(seed)]
    return [sys.executable, str(HERE / "operations.py"), *options]


def valgrind(environment: dict[str, str], count: int, seed: int) -> int:
    found = shutil.which("valgrind")
    if found is None:
        print("valgrind is missing: install the system's package valgrind")
        return 2
    environment = {**environment, **OLDER, "PYTHONMALLOC": "malloc"}
    first = subprocess.run(program(count, seed), env=environment).returncode
    if first:
        return first
    checker = [found, "--error-exitcode=9", "--leak-check=no", "--undef-value-errors=no", "--num-callers=6"]
    checker.append(f"--suppressions={HERE / 'valgrind.supp'}")  # what it says of the loader of shared libraries
    return subprocess.run([*checker, "--quiet", *program(count, seed)], env=environment).returncode


def address_sanitizer(environment: dict[str, str], count: int, seed: int) -> int:
    compiler = shutil.which("gcc") or shutil.which("clang")
    name = "libasan.so" if compiler and compiler.endswith("gcc") else "libclang_rt.asan-x86_64.so"
    asked = [compiler, f"-print-file-name={name}"] if compiler else []
    library = subprocess.run(asked, capture_output=True, text=True).stdout.strip() if asked else ""
    if not os.path.isfile(library):
        print("the library of AddressSanitizer is missing: install gcc with its libasan")
        return 2
    options = "detect_leaks=0:handle_segv=0:allocator_may_return_null=1"
    more = {"LD_PRELOAD": library, "ASAN_OPTIONS": options, "PYTHONMALLOC": "malloc"}
    return subprocess.run(program(count, seed), env={**environment, **more}).returncode


def main() -> int:
    checkers = {"valgrind": valgrind, "asan": address_sanitizer}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checker", choices=checkers)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "TENSORLAB_SHIPPED": "0"}
    status = checkers[given.checker](environment, given.count, given.seed)
    print({0: "nothing found", 2: "not run"}.get(status, f"found something: exit status {status}"))
    return status


if __name__ == "__main__":
    sys.exit(main())

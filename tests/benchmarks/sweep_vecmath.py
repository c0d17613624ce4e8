"""The vector functions at very many points: the largest error of each, in ulp.

    python tests/benchmarks/sweep_vecmath.py [exp log ...] [--points 10000000]

In single precision, functions of one argument are compared with ours in double precision at every float, or at evenly
spaced ones if --points is less than 2**32. In double precision, and for functions of two arguments, points are random,
half of them over all bit patterns; the reference is the C library's function in the next wider type or, for erf and
erfc, which it does not have, mpmath (minutes). The exit status says whether every error was below 2.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import mpmath
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from vecmath_points import BINARY, TABLES, apply, exact_values, points, reference, ulp_errors

BLOCK = 1 << 20
FAR = 30
"""The arguments beyond which erf and erfc equal their limits in double precision."""


def single_precision(name: str, count: int) -> tuple[float, np.ndarray]:
    step = max(1, 2**32 // count)
    worst, where = 0.0, np.zeros(1, np.float32)
    for start in range(0, 2**32, BLOCK * step):
        x = np.arange(start, min(start + BLOCK * step, 2**32), step, dtype=np.uint64).astype(np.uint32).view(np.float32)
        errors = ulp_errors(apply(name, np.float32, x), apply(name, np.float64, x))
        if (most := int(np.argmax(errors))) >= 0 and errors[most] > worst:
            worst, where = float(errors[most]), x[most : most + 1]
    return worst, where


def by_mpmath(name: str, x: np.ndarray) -> np.ndarray:
    """Return erf or erfc in the precision of a long double."""
    function = reference(name)

    def wide(argument: float) -> np.longdouble:
        with mpmath.workprec(75):
            value = function(argument)
            high = float(value)
            return np.longdouble(high) + np.longdouble(float(value - high))

    result = np.where(x < 0, float(function(-np.inf)), float(function(np.inf))).astype(np.longdouble)
    result[np.isnan(x)] = np.nan
    near = np.abs(x) < FAR
    result[near] = [wide(argument) for argument in x[near].tolist()]
    return result


def random_points(name: str, real: type, count: int) -> tuple[float, np.ndarray]:
    rng = np.random.default_rng()
    worst, where = 0.0, np.zeros(1, real)
    exact = by_mpmath if real is np.float64 and name in ("erf", "erfc") else exact_values
    for _ in range(max(1, count // BLOCK)):
        arguments = points(name, real, BLOCK, rng)
        errors = ulp_errors(apply(name, real, *arguments), exact(name, *arguments))
        most = int(np.argmax(errors))
        if errors[most] > worst:
            worst, where = float(errors[most]), np.array([argument[most] for argument in arguments])
    return worst, where


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=sorted(TABLES[np.float64]))
    parser.add_argument("--points", type=int, default=10_000_000)
    options = parser.parse_args()
    largest = 0.0
    for name in options.names:
        for real in TABLES:
            start = time.perf_counter()
            everywhere = real is np.float32 and name not in BINARY
            worst, where = (
                single_precision(name, options.points) if everywhere else random_points(name, real, options.points)
            )
            seconds = time.perf_counter() - start
            print(f"{name:8} {real.__name__:8} {worst:6.3f} ulp at {where.tolist()}  ({seconds:.0f} s)", flush=True)
            largest = max(largest, worst)
    return int(largest >= 2)


if __name__ == "__main__":
    sys.exit(main())

"""List the CPU kernels that tensorlab's operations can need, and which of them are compiled already.

A line has the name of a scalar function or rule, the function that makes the kernel, the dtypes of its arrays, and
where the kernel is found: stored in the kernel cache, or shipped with a package. Nothing is compiled.
"""

from __future__ import annotations

import argparse
from collections import Counter

from tensorlab.commands import tables
from tensorlab.dtypes import NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--dtypes", metavar="DTYPE", nargs="+", choices=NAMES, help="only arrays of these dtypes")
    parser.add_argument("--order", type=int, default=1, choices=range(4), help="the order of gradients (default: 1)")
    parser.add_argument("--missing", action="store_true", help="only kernels that are neither stored nor shipped")


def run(options: argparse.Namespace) -> int:
    """Print the table, and how many kernels there are."""
    from tensorlab.kernel_list import built_in_kernels

    kernels = [(kernel, kernel.where) for kernel in built_in_kernels(options.dtypes, options.order)]
    counts = Counter(where for _, where in kernels)
    rows = [
        (kernel.name, kernel.maker, ", ".join(kernel.arrays), where)
        for kernel, where in kernels
        if not (options.missing and where)
    ]
    tables.show(rows, ("name", "maker", "dtypes", "compiled"))
    print(f"{len(kernels)} kernels, {counts['stored']} of them stored, {counts['shipped']} shipped")
    return 0

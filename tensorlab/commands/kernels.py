"""List the CPU kernels that tensorlab's operations can need, and which of them the kernel cache contains.

A line has the name of a scalar function or rule, the function that makes the kernel, the dtypes of its arrays, and
whether the kernel is stored. Nothing is compiled.
"""

from __future__ import annotations

import argparse

from tensorlab.commands import tables
from tensorlab.dtypes import NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--dtypes", metavar="DTYPE", nargs="+", choices=NAMES, help="only arrays of these dtypes")
    parser.add_argument("--order", type=int, default=1, choices=range(4), help="the order of gradients (default: 1)")
    parser.add_argument("--missing", action="store_true", help="only kernels that are not stored")


def run(options: argparse.Namespace) -> int:
    """Print the table, and how many kernels there are."""
    from tensorlab.kernel_list import built_in_kernels

    kernels = [(kernel, kernel.is_stored) for kernel in built_in_kernels(options.dtypes, options.order)]
    stored = sum(is_stored for _, is_stored in kernels)
    rows = [
        (kernel.name, kernel.maker, ", ".join(kernel.arrays), "stored" if is_stored else "")
        for kernel, is_stored in kernels
        if not (options.missing and is_stored)
    ]
    tables.show(rows, ("name", "maker", "dtypes", "cache"))
    print(f"{len(kernels)} kernels, {stored} of them stored")
    return 0

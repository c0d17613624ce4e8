"""Compile the kernels that a package ships, for levels of processors, and link them to shared libraries.

A wheel that is built afterwards contains them. Programs that use it compile nothing for what is built in. Object files
are kept in the folder build/kernels, with which a build that was interrupted goes on.

Only Linux is supported, with a C compiler to link with (CC, by default cc). For a level of another architecture, CC has
to link for that one, such as CC="python -m ziglang cc -target aarch64-linux-gnu" with the package ziglang.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tensorlab.dtypes import NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    from tensorlab.building import DTYPES, own_levels
    from tensorlab.kernels.runtime.processor import LEVELS

    own, names = own_levels(), [level.name for level in LEVELS]
    about = f"some of {', '.join(names)} (default: {' '.join(own)})"
    parser.add_argument("--level", metavar="LEVEL", nargs="+", default=own, choices=names, help=about)
    default = " ".join(DTYPES)
    parser.add_argument("--dtypes", nargs="+", default=DTYPES, choices=NAMES, help=f"of arrays (default: {default})")
    parser.add_argument("--names", metavar="NAME", nargs="+", default=(), help="only the kernels of these names")
    parser.add_argument("--into", metavar="FOLDER", type=Path, help="the folder to write (default: the package's)")
    parser.add_argument("--objects", metavar="FOLDER", type=Path, default=Path("build/kernels"), help="of object files")
    parser.add_argument("--processes", metavar="N", type=int, help="the number of processes (default: processors)")


def run(options: argparse.Namespace) -> int:
    """Build the kernels and print how many there are."""
    from tensorlab import building
    from tensorlab.kernels.runtime import shipped

    folder = options.into or shipped.statuses()[0].folder
    for level in options.level:
        count = building.build(
            level,
            folder,
            dtypes=options.dtypes,
            names=options.names,
            objects=options.objects,
            processes=options.processes,
        )
        size = (folder / level / shipped.LIBRARY).stat().st_size
        print(f"{folder / level}: {count} kernels, {size / 1e6:.1f} MB")
    return 0

"""show or clear the folder of compiled kernels"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this command."""
    parser.add_argument("--clear", action="store_true", help="delete every kernel; programs compile them again")


def run(options: argparse.Namespace) -> int:
    """Print what the folder holds, or held. Returns 1 if it is not used."""
    from tensorlab.kernels import cache

    why = cache.unusable()
    usage = cache.clear() if options.clear and not why else cache.usage()
    print(f"{cache.folder()}: {usage.kernels} kernels, {usage.size / 1e6:.1f} MB{', deleted' if options.clear else ''}")
    if why:
        print(f"not used: {why}")
    return int(bool(why))

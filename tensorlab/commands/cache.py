"""Show or clear the folder of compiled kernels."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--clear", action="store_true", help="delete all kernels; programs compile them again")


def run(options: argparse.Namespace) -> int:
    """Print what the folder contains. Return 1 if it is not used or cannot be changed."""
    from tensorlab.kernels.runtime import cache

    why = cache.unusable()
    clearing = options.clear and not why
    usage = cache.clear() if clearing else cache.usage()
    print(f"{cache.folder()}: {usage.kernels} kernels, {usage.size / 1e6:.1f} MB{', deleted' if clearing else ''}")
    left = cache.usage().kernels if clearing else 0
    if why:
        print(f"not used: {why}")
    elif why := cache.unwritable():
        print(f"kernels cannot be stored{f', and {left} cannot be deleted' if left else ''}: {why}")
    elif left:
        print(f"{left} kernels could not be deleted")
    return int(bool(why or left))

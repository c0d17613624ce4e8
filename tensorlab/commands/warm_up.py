"""Compile kernels into the kernel cache, so that the first run of a program need not.

With `--for mnist` these are the kernels of the book's network: two dense layers with ReLU and softmax, RMSprop and
sparse categorical crossentropy, in float32. With `--for all` they are those of everything that is built in, for arrays
of float32, int64 and bool, and of first-order gradients.

Kernels that are stored already are not compiled again. As many processes compile as there are processors;
TENSORLAB_COMPILE_PROCESSES=1 starts no others.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tensorlab import waiting

if TYPE_CHECKING:
    from tensorlab.waiting import Request

_EVERYTHING = "all"
_DTYPES = ("float32", "int64", "bool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    choices = ("mnist", _EVERYTHING)
    parser.add_argument(
        "--for", dest="purpose", choices=choices, default="mnist", help="which kernels (default: mnist)"
    )


def run(options: argparse.Namespace) -> int:
    """Compile what is missing, and print how many kernels that were. Return 1 if one cannot be compiled or stored."""
    from tensorlab.kernels.runtime import cache, library

    if why := cache.unusable() or cache.unwritable() or _uncreatable(cache.folder()):
        print(f"kernels cannot be stored in {cache.folder()}: {why}")
        return 1
    requests = _everything() if options.purpose == _EVERYTHING else _of_the_book()
    missing = [request for _, request in library.missing(requests)]
    started = time.perf_counter()
    failed = 0
    with waiting.expecting(lambda: missing):
        for maker, arguments in missing:
            try:
                library.find(maker, arguments)
            except Exception as error:
                failed += 1
                print(f"{library.title_of(maker, arguments)} cannot be compiled: {type(error).__name__}: {error}")
    seconds = time.perf_counter() - started
    compiled = (
        f"{len(missing) - failed} compiled in {seconds:.1f} s and stored in {cache.folder()}, " if missing else ""
    )
    print(f"{len(requests)} kernels: {compiled}{len(requests) - len(missing)} were there already")
    return int(failed > 0)


def _uncreatable(folder: Path) -> str:
    """Return why the folder cannot be created, or an empty string."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return f"{error.strerror}; set TENSORLAB_CACHE_DIR to a folder that can be created"
    return ""


def _of_the_book() -> list[Request]:
    from tensorlab import dtypes
    from tensorlab.layers import Dense
    from tensorlab.models import Sequential
    from tensorlab.models.expected import expected_kernels

    model = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return [*expected_kernels(model, "fit", dtypes.uint8)]


def _everything() -> list[Request]:
    from tensorlab.kernel_list import built_in_kernels

    return [(kernel.maker, kernel.arguments) for kernel in built_in_kernels(_DTYPES)]

"""The command lines of the examples: arguments that are checked before anything runs, and errors in one line."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tensorlab import environment, terminal


class Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line, without the usage, and checks combinations of arguments."""

    def __init__(self, description: str) -> None:
        super().__init__(description=description)
        self.checks: list[Callable[[argparse.Namespace], None]] = []

    def arguments(self) -> argparse.Namespace:
        """Parse and check the command line."""
        chosen, unknown = self.parse_known_args()
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}; --help lists the valid ones")
        for check in self.checks:
            check(chosen)
        return chosen

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")

    def add_plot(self, what: str) -> None:
        """Add the argument --plot to a program that draws ``what``."""
        self.add_argument("--plot", type=writable_png, metavar="FILE", help=f"draw {what} to a PNG file")
        self.checks.append(self._check_plot)

    def add_seed(self, what: str) -> None:
        """Add the argument --seed to a program in which ``what`` is random."""
        self.add_argument("--seed", type=whole_number(0, 2**63 - 1), default=0, help=f"of {what}; default: 0")

    def add_target(self) -> None:
        """Add the argument --target-accuracy."""
        words = "end with status 1 if the test accuracy is below it"
        self.add_argument("--target-accuracy", type=number(0, 1, ", e.g. 0.97"), metavar="SHARE", help=words)

    def _check_plot(self, chosen: argparse.Namespace) -> None:
        """Exit with an error if a picture is requested and matplotlib is not installed."""
        if chosen.plot is not None:
            try:
                import matplotlib  # noqa: F401  (only whether it can be imported)
            except ImportError:
                self.error(f"argument --plot: it needs matplotlib: {environment.install_extra('plot')}")

    def status(self, complaints: list[str]) -> int:
        """Print what failed and return the exit status."""
        for complaint in complaints:
            print(f"{self.prog}: failed: {complaint}", file=sys.stderr)
        return 1 if complaints else 0


def run(main: Callable[[], int]) -> NoReturn:
    """Run a program and exit with its status, or with 130 after Ctrl-C. Its output works in any encoding."""
    terminal.program(main)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a function that reads an argument as an integer within bounds."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected an integer from {least} to {most}, received {text!r}")
        return value

    return read


def positive(text: str) -> float:
    """Read an argument as a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, e.g. 0.1, received {text!r}")
    return value


def number(least: float, most: float, example: str = "") -> Callable[[str], float]:
    """Return a function that reads an argument as a number within bounds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected a number from {least} to {most}{example}, received {text!r}")
        return value

    return read


def existing_path(text: str) -> Path:
    """Read an argument as an existing path."""
    path = Path(text).expanduser()
    if not path.exists():
        raise argparse.ArgumentTypeError(f"no such folder: {text!r}")
    return path


def writable_png(text: str) -> Path:
    """Read an argument as a writable path of a picture. Writing is tried, because permissions do not tell."""
    path = Path(text).expanduser()
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"expected a file name that ends in .png, received {text!r}")
    try:
        was_there = path.exists()
        with path.open("ab"):
            pass
        if not was_there:
            path.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text!r}: {error.strerror}") from error
    return path

"""Check everything that an installed plugin adds."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from tensorlab.commands import tables
from tensorlab.terminal import console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("name", help="the distribution or its entry point, such as tensorlab-swish")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the report. Return 1 if a check failed."""
    from tensorlab.testing.plugin import checks
    from tensorlab.testing.report import Check, Report

    terminal = console(stderr=True, quiet=sys.stderr is None or not sys.stderr.isatty())
    spinner = "line" if terminal.options.ascii_only else "dots"
    with terminal.status(options.name, spinner=spinner) as status:

        def running() -> Iterator[Check]:
            for check in found:
                status.update(f"{check.subject}: {check.heading}")
                yield check

        found = checks(options.name)
        report = Report(options.name, running())
    if options.json:
        print(json.dumps([asdict(result) for result in report], indent=2))
    else:
        tables.show(report.rows(), ("subject", "check", "result", "why"))
        print(report.summary())
    return int(not report.passed)

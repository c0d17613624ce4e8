"""Images of digits for the examples: MNIST, or scikit-learn's digits if MNIST is not available."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from command_line import Parser, existing_path
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from tensorlab.datasets import digits, mnist
from tensorlab.errors import DatasetError

Array: TypeAlias = np.ndarray[Any, Any]
Split: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array]]

TITLES = {"mnist": "MNIST", "digits": "scikit-learn's digits"}


def add_dataset(parser: Parser) -> None:
    """Add the arguments --dataset and --data-dir."""
    add = parser.add_argument
    add("--dataset", choices=("auto", "mnist", "digits"), default="auto", help="auto: MNIST, or else the digits")
    add("--data-dir", type=existing_path, metavar="DIR", help="a folder with MNIST's files")

    def check(chosen: argparse.Namespace) -> None:
        if chosen.dataset == "digits" and chosen.data_dir is not None:
            parser.error("argument --data-dir: it is for MNIST; the digits come with scikit-learn")

    parser.checks.append(check)


def load(parser: Parser, chosen: argparse.Namespace) -> tuple[str, Split]:
    """Load the requested data set, and return its name and data. Exit with an error if it is not available."""
    try:
        return _load(chosen.dataset, chosen.data_dir)
    except DatasetError as error:
        parser.error(str(error))


def _load(dataset: str, data_dir: Path | None) -> tuple[str, Split]:
    """Load MNIST for "auto", or the digits if MNIST is not available within seconds."""
    if dataset == "digits":
        return "digits", digits.load_data()
    if dataset == "mnist" or data_dir is not None:
        return "mnist", mnist.load_data(data_dir)
    try:
        return "mnist", mnist.load_data(timeout=10)
    except DatasetError as error:
        split = digits.load_data()
        message = (
            "This run uses the 1,797 digits that scikit-learn carries instead. They are fewer, smaller and easier: "
            "their accuracy says nothing about MNIST's. If you have its files, name their folder with --data-dir.\n\n"
            f"Why: {error}"
        )
        Console(highlight=False).print(Panel(Text(message), title="MNIST is not available", border_style="yellow"))
        return "digits", split


def introduce(dataset: str, split: Split) -> None:
    """Print the number of images of each part."""
    (train_images, _), (test_images, _) = split
    counts = f"{len(train_images):,} images to learn from, {len(test_images):,} to test with"
    print(f"{TITLES[dataset]}: {counts}", flush=True)

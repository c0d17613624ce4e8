"""Examples of models beyond the chapter: their figures, errors and exit codes, in runs of a few seconds."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from recurrent_plugin import FOLDER

PROGRAMS = ("mnist_cnn", "tabular", "custom_train_step", "sequence")


@pytest.fixture(autouse=True)
def _plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_describes_every_argument(program: str, call: Any) -> None:
    status, output, errors = call(program, "--help")
    assert (status, errors) == (0, "")
    assert not re.search(r"^  --[a-z-]+ [A-Z]*\n +--", output, re.MULTILINE), "every option needs a description"


WRONG: list[tuple[str, list[str], str]] = [
    ("mnist_cnn", ["--epochs", "0"], "--epochs: expected an integer from 1 to 10000, received '0'"),
    ("mnist_cnn", ["--dataset", "letters"], "--dataset: invalid choice: 'letters'"),
    ("tabular", ["--patience", "0"], "--patience: expected an integer from 1 to 10000, received '0'"),
    ("custom_train_step", ["--strength", "2"], "--strength: expected a number from 0 to 1, e.g. 0.1, received '2'"),
    ("sequence", ["--layer", "RNN"], "--layer: invalid choice: 'RNN'"),
    ("sequence", ["--steps", "1"], "--steps: expected an integer from 2 to 1000, received '1'"),
]


@pytest.mark.parametrize(("program", "arguments", "words"), WRONG)
def test_invalid_argument_prints_one_line_and_exits_with_code_2(
    program: str, arguments: list[str], words: str, call: Any
) -> None:
    status, output, errors = call(program, *arguments)
    assert (status, output) == (2, "")
    assert errors.startswith(f"{program}.py: error: ")
    assert errors.count("\n") == 1
    assert words in errors


def test_convolutions_on_digits(call: Any) -> None:
    status, output, errors = call("mnist_cnn", "--dataset", "digits", "--epochs", "4", "--target-accuracy", "0.8")
    assert (status, errors) == (0, "")
    assert re.search(r"Test accuracy: 0\.\d{4} \(\d+ of 359\)", output)
    status, _, errors = call("mnist_cnn", "--dataset", "digits", "--epochs", "1", "--target-accuracy", "1")
    assert status == 1
    assert re.fullmatch(r"mnist_cnn.py: failed: test accuracy 0\.\d+ is below the target of 1\n", errors)


def test_table_stops_early_and_restores_the_best_weights(call: Any) -> None:
    status, output, errors = call("tabular", "--epochs", "200", "--patience", "3")
    assert (status, errors) == (0, "")
    ran, best = map(int, re.search(r"Epochs: (\d+) of 200; .* after (\d+)", output).groups())
    assert ran == best + 3 < 200
    assert float(re.search(r"Test accuracy: (0\.\d{4}) of 114", output).group(1)) > 0.9


def test_own_step_resists_changed_images(call: Any) -> None:
    status, output, errors = call("custom_train_step", "--epochs", "5")
    assert (status, errors) == (0, "")
    rows = dict(re.findall(r"(built-in|own) step +0\.\d{4}  (0\.\d{4})", output))
    assert float(rows["own"]) > float(rows["built-in"])


def test_recurrent_network_learns_to_add(call: Any) -> None:
    status, output, errors = call("sequence", "--steps", "6", "--samples", "3000", "--epochs", "12", "--layer", "GRU")
    assert (status, errors) == (0, "")
    assert float(re.search(r"for 1,000 new sequences: (\d\.\d+)", output).group(1)) < 1 / 60
    status, _, errors = call("sequence", "--steps", "6", "--samples", "64", "--epochs", "1", "--layer", "GRU")
    assert status == 1
    assert re.search(r"failed: the error \d\.\d+ is above 0\.0167: take more --epochs or --samples\n", errors)


def test_missing_plugin_is_named(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorlab_recurrent", None)
    status, _, errors = call("sequence")
    assert status == 2
    assert re.search(
        r"error: it needs the plugin tensorlab-recurrent: .* install ./plugins/tensorlab-recurrent\n", errors
    )

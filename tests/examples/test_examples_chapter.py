"""The examples besides train_mnist.py, run as programs: their figures, pictures, errors and exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 300  # seconds; the first run compiles the kernels

BRIEF = {
    "from_scratch": ["--dataset", "digits", "--epochs", "20", "--learning-rate", "0.0005"],
    "gradient_descent": [],
    "linear_classifier": [],
    "tensor_tour": ["--dataset", "digits"],
}
"""Every program, with arguments for a run of a few seconds."""

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Done, Path]]:
    """Run every program once, with a picture."""
    folder, found = tmp_path_factory.mktemp("drawn"), {}
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "FORCE_COLOR")}
    for program, arguments in BRIEF.items():
        picture = folder / f"{program}.png"
        done = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / f"{program}.py"), *arguments, "--plot", str(picture)],
            env={**kept, "PYTHONPATH": str(EXAMPLES.parent)},
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        found[program] = done, picture
    return found


# All programs


@pytest.mark.parametrize("program", BRIEF)
def test_piped_output_has_no_control_characters(program: str, drawn: Any) -> None:
    done, _ = drawn[program]
    assert (done.returncode, done.stderr) == (0, "")
    assert not re.findall(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(drawn[program][1]))


@pytest.mark.parametrize("program", BRIEF)
def test_program_draws_a_png(program: str, drawn: Any) -> None:
    done, picture = drawn[program]
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) > 50_000, "an empty figure is much smaller"
    assert f"Picture: {picture}" in done.stdout


@pytest.mark.parametrize("program", BRIEF)
def test_help_describes_every_argument(program: str, call: Any) -> None:
    status, output, errors = call(program, "--help")
    assert (status, errors) == (0, "")
    assert "--plot FILE" in output
    assert not re.search(r"^  --[a-z-]+ [A-Z]*\n +--", output, re.MULTILINE), "every option needs a description"


WRONG: list[tuple[str, list[str], str]] = [
    ("from_scratch", ["--epochs", "0"], "--epochs: expected an integer from 1 to 10000, received '0'"),
    ("from_scratch", ["--learning-rate", "-1"], "--learning-rate: expected a number above 0, e.g. 0.1, received '-1'"),
    ("from_scratch", ["--learning-rate", "nan"], "received 'nan'"),
    ("from_scratch", ["--learning-rate", "fast"], "received 'fast'"),
    ("from_scratch", ["--dataset", "digits", "--data-dir", "{tmp}"], "--data-dir: it is for MNIST"),
    ("from_scratch", ["--data-dir", "{tmp}"], "expected a folder with train-images-idx3-ubyte"),
    ("from_scratch", ["--target-accuracy", "80"], "--target-accuracy: expected a number from 0 to 1"),
    ("tensor_tour", ["--only", "matrices"], "--only: invalid choice: 'matrices' (choose from"),
    ("tensor_tour", ["--data-dir", "{tmp}"], "expected a folder with train-images-idx3-ubyte"),
    ("linear_classifier", ["--steps", "0"], "--steps: expected an integer from 1 to 100000, received '0'"),
    ("linear_classifier", ["--samples", "3"], "--samples: expected an integer from 10 to 1000000, received '3'"),
    ("linear_classifier", ["--learning-rate", "0"], "expected a number above 0, e.g. 0.1, received '0'"),
    ("linear_classifier", ["--plot", "{tmp}/line.jpg"], "--plot: expected a file name that ends in .png"),
    ("gradient_descent", ["--start", "1"], "--start: expected 2 arguments"),
    ("gradient_descent", ["--start", "1", "north"], "--start: expected a number from -5 to 5, received 'north'"),
    ("gradient_descent", ["--start", "9", "0"], "--start: expected a number from -5 to 5, received '9'"),
    ("gradient_descent", ["--plot", "{tmp}/absent/paths.png"], "--plot: cannot write "),
]


@pytest.mark.parametrize(("program", "arguments", "words"), WRONG)
def test_invalid_argument_prints_one_line_and_exits_with_code_2(
    program: str, arguments: list[str], words: str, call: Any, tmp_path: Path
) -> None:
    status, output, errors = call(program, *(argument.format(tmp=tmp_path) for argument in arguments))
    assert (status, output) == (2, "")
    assert errors.startswith(f"{program}.py: error: ")
    assert errors.count("\n") == 1
    assert words in errors
    assert not list(tmp_path.iterdir()), "the check must leave no files"


# Single programs


def test_from_scratch_learns_and_matches_the_optimizer(drawn: Any) -> None:
    output = drawn["from_scratch"][0].stdout
    assert "scikit-learn's digits: 1,438 images to learn from, 359 to test with" in output
    rows = re.findall(r"^ +(\d+) +\d+\.\d\d +(\d+\.\d{4})  (0\.\d{4})", output, re.MULTILINE)
    assert [int(epoch) for epoch, _, _ in rows] == list(range(1, 21))
    assert float(rows[-1][1]) < float(rows[0][1])
    accuracy, right = re.search(r"Test accuracy: (0\.\d{4}) \((\d+) of 359\)", output).groups()
    assert float(accuracy) == pytest.approx(int(right) / 359, abs=5e-5)
    assert float(accuracy) > 0.15
    difference = re.search(r"The first steps again, by optimizers.SGD: weights alike to (\S+)", output).group(1)
    assert 0 < float(difference) < 1e-3


def test_from_scratch_fails_below_the_target_and_without_progress(call: Any) -> None:
    arguments = ["--dataset", "digits", "--epochs", "1", "--target-accuracy", "0.9"]
    status, _, errors = call("from_scratch", *arguments, "--learning-rate", "3")
    assert status == 1
    assert re.search(
        r"failed: accuracy went from .* to .*: take more --epochs, or a smaller --learning-rate than 3\n", errors
    )
    assert re.search(r"failed: test accuracy 0\.\d+ is below the target of 0\.9\n", errors)


def test_tour_shows_each_expression_with_its_shape(drawn: Any) -> None:
    output = drawn["tensor_tour"][0].stdout
    for line, shape in {
        "tl.asarray(12)": "()",
        "images[10:100]": "(90, 28, 28)",
        "images[:, 7:-7, 7:-7]": "(1438, 14, 14)",
        "column + row": "(3, 4)",
        "tl.maximum(tl.zeros((64, 3, 32, 10)), tl.ones((32, 10)))": "(64, 3, 32, 10)",
        "tl.dot(A, a)": "(2,)",
        "tl.reshape(x, (6, 1))": "(6, 1)",
    }.items():
        assert re.search(rf"^{re.escape(line)} +{re.escape(shape)}$", output, re.MULTILINE), line
    assert "[20 21 22 23]]" in output
    assert "Every line gives the same in NumPy." in output


def test_tour_of_one_section(call: Any) -> None:
    status, output, _ = call("tensor_tour", "--dataset", "digits", "--only", "products")
    assert status == 0
    assert "A.T @ A" in output
    assert "images" not in output


def test_tour_fails_if_numpy_gives_another_result(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorlab as tl

    monkeypatch.setattr(tl, "dot", lambda a, b: tl.matmul(a, b) + 1)
    status, output, errors = call("tensor_tour", "--dataset", "digits", "--only", "products")
    assert status == 1
    assert errors == "tensor_tour.py: failed: products: tl.dot(A, a) gives (2,) and (2,) in NumPy, or other numbers\n"
    assert "Every line" not in output


def test_linear_classifier_reaches_the_loss_of_the_book(drawn: Any) -> None:
    output = drawn["linear_classifier"][0].stdout
    losses = {step: float(loss) for step, loss in re.findall(r"^ *(\d+|best) +(\d\.\d{4})", output, re.MULTILINE)}
    assert losses["39"] == pytest.approx(0.025, abs=0.006)
    assert losses["best"] <= losses["39"] <= losses["20"] <= losses["0"]
    assert re.search(r"On their own side of it: 99\.\d\d% of 2,000 points", output)


def test_linear_classifier_suggests_which_argument_to_change(call: Any) -> None:
    status, _, errors = call("linear_classifier", "--steps", "2")
    assert status == 1
    assert re.search(
        r"failed: the loss 0\.\d+ is still above that of the best line, 0\.\d+: take more --steps\n", errors
    )
    status, output, errors = call("linear_classifier", "--learning-rate", "5", "--steps", "2000")
    assert (status, output) == (1, "")
    assert re.search(r"failed: the loss grew from \d.* to nan: take smaller steps than --learning-rate 5\n", errors)


def test_gradient_descent_shows_the_graph_and_the_end_of_each_path(drawn: Any) -> None:
    output = drawn["gradient_descent"][0].stdout
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    rows = {row[0]: row[1:] for row in cells}
    assert rows["w"] == ["a weight", "3", "2"]
    assert rows["b"] == ["a weight", "1", "1"]
    assert rows["loss"] == ["|target - x2|", "3", "1"]
    assert rows["0"] == ["4.9770"] * 3
    assert rows["50"][0] == "0.2199", "in the local minimum"
    assert float(rows["100"][1]) < 0.001, "in the global minimum"
    assert rows["ends at"][:2] == ["(-0.44, 0.00)", "(2.98, 0.00)"]


def test_gradient_descent_from_another_start(call: Any) -> None:
    status, output, errors = call("gradient_descent", "--start", "5", "-1", "--steps", "200")
    assert (status, errors) == (0, "")
    assert re.search(r"ends at +│ +\(3\.0\d", output), "SGD must reach the global minimum too"


def test_gradient_descent_fails_if_an_optimizer_differs_from_its_formula(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorlab import optimizers

    monkeypatch.setattr(optimizers, "RMSprop", lambda learning_rate, rho: optimizers.SGD(learning_rate))
    status, _, errors = call("gradient_descent", "--steps", "5")
    assert status == 1
    assert re.fullmatch(r"gradient_descent.py: failed: a step of RMSprop is \S+ away from its formula\n", errors)

"""examples/train_mnist.py, run as a program: its output, picture, errors and exit codes."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples" / "train_mnist.py"
BRIEF = ("--dataset", "digits", "--epochs", "2")
PATIENCE = 300  # seconds; the first run compiles the kernels


def environment(**changes):
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


def run(*arguments, **changes):
    return subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        env=environment(**changes),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )


def control_characters(text):
    return set(re.findall(r"[\x00-\x09\x0b-\x1f\x7f]", text))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    picture = tmp_path_factory.mktemp("drawn") / "digits.png"
    return run(*BRIEF, "--plot", picture, "--target-accuracy", "0.5"), picture


def test_piped_output_has_one_line_per_epoch_and_no_control_characters(drawn):
    done, _ = drawn
    assert (done.returncode, done.stderr) == (0, "")
    assert not control_characters(done.stdout)
    assert "scikit-learn's digits: 1,438 images to learn from, 359 to test with" in done.stdout
    epochs = re.findall(r"^Epoch (\d)/2 - 45/45 - .*loss: \d\.\d{4} - accuracy: \d\.\d{4}", done.stdout, re.MULTILINE)
    assert epochs == ["1", "2"]
    assert re.search(r"^Time an epoch: \d+\.\d\d s", done.stdout, re.MULTILINE)


def test_probabilities_and_accuracy_are_reported(drawn):
    done, _ = drawn
    rows = re.findall(r"^  (\d)  (\d\.\d{5})", done.stdout, re.MULTILINE)
    assert [digit for digit, _ in rows] == list("0123456789")
    assert sum(float(probability) for _, probability in rows) == pytest.approx(1, abs=1e-4)
    accuracy, right, count = re.search(r"Test accuracy: (\S+) \((\d+) of (\d+)\)", done.stdout).groups()
    assert count == "359"
    assert float(accuracy) == pytest.approx(int(right) / 359, abs=5e-5)


def test_program_draws_a_png(drawn):
    done, picture = drawn
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) > 50_000, "an empty figure is much smaller"
    assert f"Picture: {picture}" in done.stdout


def test_narrow_pipe_truncates_nothing_and_a_missed_target_exits_with_code_1():
    done = run(*BRIEF, "--target-accuracy", "1", "--seed", "1", COLUMNS="30")
    assert done.returncode == 1
    assert re.fullmatch(r"train_mnist.py: failed: test accuracy 0\.\d+ is below the target of 1\n", done.stderr)
    assert len(re.findall(r"val_loss: \d\.\d{4} - val_accuracy: \d\.\d{4}$", done.stdout, re.MULTILINE)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], "--epochs: expected an integer from 1 to 10000, received '0'"),
        (["--epochs", "many"], "--epochs: expected an integer from 1 to 10000, received 'many'"),
        (["--batch-size", "-1"], "--batch-size: expected an integer from 1 to 60000, received '-1'"),
        (["--seed", "-1"], "--seed: expected an integer from 0"),
        (["--dataset", "letters"], "--dataset: invalid choice: 'letters'"),
        (["--data-dir", "{tmp}/absent"], "--data-dir: no such folder: "),
        (["--data-dir", "{tmp}"], "expected a folder with train-images-idx3-ubyte"),
        (["--dataset", "digits", "--data-dir", "{tmp}"], "--data-dir: it is for MNIST"),
        (["--target-accuracy", "2.0"], "--target-accuracy: expected a number from 0 to 1, e.g. 0.97, received '2.0'"),
        (["--target-accuracy", "nan"], "received 'nan'"),
        (["--plot", "{tmp}/absent/picture.png"], "--plot: cannot write "),
        (["--plot", "{tmp}/picture.doc"], "--plot: expected a file name that ends in .png"),
        (["--lr", "0.1"], "unrecognized arguments: --lr 0.1; --help lists the valid ones"),
        (["--device", "abacus"], "expected the name of a registered backend, received 'abacus'"),
    ],
)
def test_invalid_argument_prints_one_line_and_exits_with_code_2(arguments, words, call, tmp_path):
    status, output, errors = call("train_mnist", *(argument.format(tmp=tmp_path) for argument in arguments))
    assert (status, output) == (2, "")
    assert errors.startswith("train_mnist.py: error: ")
    assert errors.count("\n") == 1
    assert words in errors
    assert not list(tmp_path.iterdir()), "the check must leave no files"


def test_missing_matplotlib_is_reported(tmp_path):
    hidden = tmp_path / "matplotlib"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ImportError('hidden')")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = run(*BRIEF, "--plot", tmp_path / "picture.png", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert '-m pip install -e ".[plot]"' in done.stderr or f'install -e "{ROOT}[plot]"' in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def nowhere(tmp_path):
    """Return an environment without MNIST and without reachable mirrors."""
    from tensorlab.kernels.runtime.cache import folder

    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "TENSORLAB_DATA_DIR"), str(tmp_path))
    return {**proxies, **homes, "NO_PROXY": "", "no_proxy": "", "TENSORLAB_CACHE_DIR": str(folder().parent)}


def test_missing_mnist_is_explained_and_replaced_by_the_digits(nowhere):
    done = run("--epochs", "1", **nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert not control_characters(done.stdout)
    framed = done.stdout.partition("scikit-learn's digits: 1,438")[0]
    assert re.match(r"\S+ MNIST is not available \S+\n", framed)
    words = re.sub(r"[\s│|]+", " ", framed)
    assert "This run uses the 1,797 digits that scikit-learn carries instead." in words
    assert "name their folder with --data-dir" in words
    assert "Why: mnist.load_data: expected the MNIST files on this machine or from a mirror" in words


def test_terminal_shows_a_progress_bar():
    text, status = on_a_terminal([*BRIEF, "--batch-size", "1"], columns=80)
    assert status == 0
    frames = [frame for frame in re.split(r"[\r\n]+", text) if re.search(r"Epoch 1/2 [━╸╺]+ +\d+/1438", frame)]
    moving = r"/1438 ETA \d\d:\d\d loss: \d\.\d{4} - accuracy: \d\.\d{4}"
    assert [frame for frame in frames if re.search(moving, frame)], frames[-1:]
    assert max(map(len, frames)) <= 80
    assert re.search(r"Epoch 2/2 - 1438/1438 - \S+s - loss.* - val_accuracy: \d\.\d{4}", text), (
        "the final line of an epoch"
    )


def test_ctrl_c_ends_the_program_without_a_traceback():
    text, status = on_a_terminal(["--dataset", "digits", "--epochs", "10000"], columns=100, interrupt_at="Epoch 2/")
    assert status == 130
    assert "Traceback" not in text
    assert "KeyboardInterrupt" not in text


def on_a_terminal(arguments, columns, interrupt_at=None):
    """Return the output of the program on a terminal, without control sequences, and its exit status."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments],
        env=environment(TERM="xterm", COLUMNS=str(columns)),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    written, deadline = b"", time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                part = os.read(ours, 65536)
            except OSError:  # on Linux: the other side was closed
                break
            if not part:
                break
            written += part
            if interrupt_at is not None and interrupt_at.encode() in written:
                interrupt_at = None
                process.send_signal(signal.SIGINT)
        status = process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()), status

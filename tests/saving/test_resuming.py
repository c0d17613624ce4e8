"""Runs that are interrupted and started again end with the bits of one that was not interrupted."""

from __future__ import annotations

import os
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import killed_runs
import numpy as np
import pytest
import resumed_runs
from resumed_runs import EPOCHS, STEPS, Counting, Stopping, data, make_model, run

import tensorlab as tl
from tensorlab.errors import ArgumentError, FileAccessError, NewerFileError, SavedFileWarning, StateError
from tensorlab.layers import Dense
from tensorlab.models import resuming
from tensorlab.registry import registries


def interrupted(folder: Path, after: int, log: str = "", **options: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(folder, Stopping(after), log=log, **options)
    tl.random.set_seed(99)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return run("")


@pytest.mark.parametrize("after", [1, 2, 3, 5, STEPS, STEPS + 1, 2 * STEPS + 3, EPOCHS * STEPS])
def test_run_goes_on_with_the_same_bits(after: int, expected: Any, tmp_path: Path) -> None:
    interrupted(tmp_path / "run", after, save_every=2)
    assert run(tmp_path / "run", save_every=2) == expected


def test_run_may_be_interrupted_often(expected: Any, tmp_path: Path) -> None:
    for after in (3, 4, 2, 7):
        interrupted(tmp_path / "run", after, save_every=1)
    assert run(tmp_path / "run", save_every=1) == expected


def test_checkpoints_after_epochs_only(expected: Any, tmp_path: Path) -> None:
    interrupted(tmp_path / "run", 2 * STEPS + 3)
    assert sorted(os.listdir(tmp_path / "run")) == [
        "epoch-00001-step-00000000.tensorlab",
        "epoch-00002-step-00000000.tensorlab",
    ]
    result = run(tmp_path / "run")
    assert result == expected
    assert result["counted"][0] == [*range(STEPS)] * EPOCHS


def test_checkpoints_change_nothing(expected: Any, tmp_path: Path) -> None:
    assert run(tmp_path / "run", save_every=1, keep_checkpoints=2) == expected
    assert sorted(os.listdir(tmp_path / "run")) == [
        f"epoch-0000{EPOCHS - 1}-step-0000000{STEPS}.tensorlab",
        f"epoch-0000{EPOCHS}-step-00000000.tensorlab",
    ]


def test_run_that_has_ended_trains_nothing(expected: Any, tmp_path: Path) -> None:
    run(tmp_path / "run")
    again = run(tmp_path / "run", Stopping(1))
    for name in ("weights", "slots", "history", "best", "counted", "random"):
        assert again[name] == expected[name]


def test_more_epochs_continue_a_run_that_has_ended(tmp_path: Path) -> None:
    run(tmp_path / "run", epochs=2)
    assert run(tmp_path / "run", epochs=3)["weights"] == run("", epochs=3)["weights"]


def test_steps_per_epoch_continue_in_the_middle_of_the_data(tmp_path: Path) -> None:
    whole = run("", steps_per_epoch=3)
    for after in (4, 5):
        interrupted(tmp_path / str(after), after, save_every=1, steps_per_epoch=3)
        assert run(tmp_path / str(after), save_every=1, steps_per_epoch=3) == whole


@pytest.mark.parametrize("name", sorted({entry.name for entry in registries["optimizer"]}))
def test_every_optimizer_and_schedule_continues(name: str, tmp_path: Path) -> None:
    def train(folder: Any, *more: Any) -> Any:
        tl.utils.set_random_seed(4)
        model = tl.Sequential([Dense(4, activation="relu"), Dense(1)])
        schedule = tl.optimizers.schedules.ExponentialDecay(0.02, decay_steps=3, decay_rate=0.5)
        model.compile(registries["optimizer"].get(name)(learning_rate=schedule, clipnorm=0.5), "mse")
        options: Any = {"batch_size": 8, "epochs": 2, "verbose": 0, "validation_split": 0.2}
        history = model.fit(*data(), **options, callbacks=[*more], checkpoint=folder, save_every=1).history
        slots = [slot.tolist() for slot in model.optimizer.variables]
        return history, slots, [weight.tolist() for weight in model.get_weights()]

    whole = train(None)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", Stopping(7))
    assert train(tmp_path / "run") == whole


class Batches(tl.utils.PyDataset):
    """Batches by index, which are shuffled."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Any:
        x, y = data()
        return x[9 * index : 9 * index + 9], y[9 * index : 9 * index + 9]


def test_batches_continue(tmp_path: Path) -> None:
    def train(folder: Any, *more: Any) -> Any:
        tl.utils.set_random_seed(4)
        model = make_model()
        history = model.fit(Batches(), epochs=2, callbacks=[*more], verbose=0, checkpoint=folder, save_every=1)
        return history.history, [weight.tolist() for weight in model.get_weights()]

    whole = train(None)
    for after in (2, 7):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / str(after), Stopping(after))
        assert train(tmp_path / str(after)) == whole


def test_own_training_step_continues(tmp_path: Path) -> None:
    class Own(tl.Sequential):
        def train_step(self, batch: Any) -> Any:
            self.gradient_step(batch[0], batch[1])
            return {"norm": float(tl.sum(tl.abs(self.weights[0].value)))}

    def train(folder: Any, *more: Any) -> Any:
        tl.utils.set_random_seed(4)
        model = Own([Dense(2, activation="relu"), Dense(1)])
        model.compile("adam", "mse")
        return model.fit(*data(), epochs=2, callbacks=[*more], verbose=0, checkpoint=folder, save_every=1).history

    whole = train(None)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", Stopping(2))
    assert train(tmp_path / "run") == whole


def test_log_file_continues(tmp_path: Path) -> None:
    log = str(tmp_path / "log.csv")
    whole = run("", log=log)["log"]
    interrupted(tmp_path / "run", 2 * STEPS + 5, log=log, save_every=2)
    assert run(tmp_path / "run", log=log, save_every=2)["log"] == whole
    assert whole.count("\n") == EPOCHS + 1


def test_torn_checkpoint_is_skipped(expected: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    interrupted(folder, STEPS + 5, save_every=2)
    newest, before = sorted(folder.iterdir())[-1:-3:-1]
    newest.write_bytes(newest.read_bytes()[:-7])
    before.write_bytes(b"")
    (folder / ".epoch-00001-step-00000004.tensorlab.0123abcd.tmp").write_bytes(b"torn")
    (folder / "notes.txt").write_text("kept")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = run(folder, save_every=2)
    assert [each.category for each in caught] == [SavedFileWarning] * 2
    assert str(caught[0].message).startswith("skipped a checkpoint: Sequential 'sequential'.fit ")
    assert "one that ends too early, with 0 bytes; the file is damaged" in str(caught[1].message)
    assert result == expected
    assert (folder / "notes.txt").exists()
    assert len(list(folder.glob(".*"))) == 0


@pytest.mark.filterwarnings("ignore::tensorlab.errors.SavedFileWarning")
def test_run_without_a_readable_checkpoint_begins_anew(expected: Any, tmp_path: Path) -> None:
    interrupted(tmp_path / "run", 3, save_every=2)
    for path in (tmp_path / "run").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert run(tmp_path / "run", save_every=2) == expected


def test_checkpoint_with_an_array_in_place_of_a_number_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = resuming._described
    monkeypatch.setattr(resuming, "_described", lambda *of: described(*of) | {"batch_size": np.arange(2)})
    run(tmp_path / "run", epochs=1)
    monkeypatch.undo()
    with pytest.raises(StateError, match=r"another run: batch_size was array\(\[0, 1\]\), and is 8; choose"):
        run(tmp_path / "run", epochs=2)


def test_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder, epochs=1)
    with pytest.raises(StateError) as caught:
        run(folder, epochs=2, batch_size=9)
    assert "has checkpoints of another run: batch_size was 8, and is 9; batches was 6, and is 5; choose another" in str(
        caught.value
    )
    tl.utils.set_random_seed(1)
    model = tl.Sequential([Dense(7), Dense(1)])
    model.compile("adam", "mse")
    with pytest.raises(StateError, match=r"left over: 'batch_normalization/.*'dense/kernel' is float32 of shape"):
        model.fit(*data(), batch_size=8, verbose=0, checkpoint=folder)
    x, y = data()
    model = make_model()
    with pytest.raises(StateError, match=r"another run: data was '[0-9a-f]+', and is '[0-9a-f]+'; choose"):
        model.fit(x[::-1], y[::-1], batch_size=8, verbose=0, checkpoint=folder)
    assert model.optimizer.iterations == 0


def test_checkpoint_of_a_newer_version_is_not_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older one would be used otherwise, and the newer work overwritten."""
    run(tmp_path, epochs=1)
    with monkeypatch.context() as patched:
        patched.setattr("tensorlab.saving.container.FORMAT_VERSION", 7)
        run(tmp_path, epochs=2)
    model = make_model()
    with pytest.raises(NewerFileError, match=r"format version 1, or an older one, received version 7 of tensorlab '"):
        model.fit(*data(), batch_size=8, epochs=3, verbose=0, checkpoint=tmp_path)
    assert (model.optimizer.iterations, model.built) == (0, False)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"save_every": 0}, ArgumentError, "save_every: expected 'epoch', or a number of steps, received 0"),
        ({"save_every": "step"}, ArgumentError, "expected 'epoch', or a number of steps, received 'step'"),
        ({"keep_checkpoints": 0}, ArgumentError, "keep_checkpoints: expected an integer of at least 1, received 0"),
        ({"checkpoint": 3}, TypeError, "checkpoint: expected a path as a str or a Path, received 3"),
        ({"checkpoint": __file__}, FileAccessError, "expected the path of a folder, received that of a file"),
    ],
)
def test_wrong_arguments_change_nothing(options: Any, error: type[Exception], said: str, tmp_path: Path) -> None:
    model = make_model()
    model.build((None, 4))
    before = model.get_weights()
    with pytest.raises(error) as caught:
        model.fit(*data(), verbose=0, **{"checkpoint": tmp_path, **options})
    assert said in str(caught.value)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_backup_and_restore(expected: Any, tmp_path: Path) -> None:
    folder, backup = tmp_path / "backup", tl.callbacks.BackupAndRestore
    with pytest.raises(KeyboardInterrupt):
        run("", backup(folder, save_freq=2), Stopping(STEPS + 3))
    assert len(os.listdir(folder)) == 3
    assert run("", backup(folder, save_freq=2)) == expected
    assert not folder.exists()
    run("", backup(folder, delete_checkpoint=False))
    assert len(os.listdir(folder)) == 3
    with pytest.raises(ArgumentError, match="BackupAndRestore save_freq: expected 'epoch', or a number of batches"):
        backup(folder, save_freq=False)


def test_weights_of_a_checkpoint_can_be_read(tmp_path: Path) -> None:
    weights = run(tmp_path / "run")["weights"]
    newest = sorted((tmp_path / "run").iterdir())[-1]
    model = make_model()
    model.build((None, 4))
    model.load_weights(newest)
    assert [weight.tolist() for weight in model.get_weights()] == weights
    assert [a.tolist() for a in tl.saving.read_weights(newest).values()] == weights


def test_callback_without_plain_state_begins_anew() -> None:
    counting = Counting()
    counting.file = sys.stdout  # type: ignore[attr-defined]
    counting.seen = [1, 2]
    state = counting.get_state()
    assert state == {"seen": [1, 2], "drawn": []}
    with pytest.raises(TypeError, match=r"^Counting.set_state: expected what get_state returned, received 'on_epoch"):
        counting.set_state({"on_epoch_end": 3})


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_program_that_is_killed_ends_with_the_same_bits(tmp_path: Path) -> None:
    choose = random.Random(os.environ.get("TENSORLAB_TEST_SEED"))
    expected = killed_runs.ended(killed_runs.started(""))
    assert killed_runs.killed(str(tmp_path / "run"), choose, kills=2) == expected


def test_program_computes_what_this_process_does(expected: Any) -> None:
    assert resumed_runs.digest(expected) == resumed_runs.digest(run(""))

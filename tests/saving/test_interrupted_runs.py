"""Signals, full disks and other processes: a run is never lost, and a folder belongs to one run at a time."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import killed_runs
import numpy as np
import pytest
from resumed_runs import EPOCHS, STEPS, data, make_model, run

import tensorlab as tl
from tensorlab.errors import FileAccessError, SavedFileWarning, StateError
from tensorlab.saving import folder as folders

posix = pytest.mark.skipif(sys.platform == "win32", reason="the system has other signals, and no locks of folders")


class Acting(tl.callbacks.Callback):
    """Does something in the middle of one step, once."""

    def __init__(self, after: int, act: Callable[[], Any]) -> None:
        self.left, self._act = after, act

    def get_state(self) -> dict[str, Any]:
        return {}

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            self._act()


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return run("")


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("after", [1, 4, STEPS, 2 * STEPS + 2])
def test_interrupt_saves_a_checkpoint_after_the_step(after: int, expected: Any, tmp_path: Path) -> None:
    folder, handler = tmp_path / "run", signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(folder, Acting(after, interrupt))
    epoch, step = divmod(after, STEPS)
    assert names(folder)[-1] == f"epoch-0000{epoch}-step-0000000{step}.tensorlab" or step == 0
    assert signal.getsignal(signal.SIGINT) is handler
    tl.random.set_seed(99)
    assert run(folder) == expected


def test_second_interrupt_does_not_wait(expected: Any, tmp_path: Path) -> None:
    reached: list[int] = []

    def twice() -> None:
        interrupt()
        reached.append(1)
        interrupt()
        reached.append(2)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", Acting(STEPS + 3, twice))
    assert (reached, names(tmp_path / "run")) == ([1], ["epoch-00001-step-00000000.tensorlab"])
    assert run(tmp_path / "run") == expected


def test_interrupt_in_the_last_moment_is_not_lost(expected: Any, tmp_path: Path) -> None:
    class Late(tl.callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            interrupt()

        def get_state(self) -> dict[str, Any]:
            return {}

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", Late())
    assert run(tmp_path / "run")["weights"] == expected["weights"]


def test_own_handlers_are_called_after_the_checkpoint(expected: Any, tmp_path: Path) -> None:
    """A handler that does not raise lets the run go on."""
    seen: list[Any] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(names(tmp_path / "run")))
    try:
        result = run(tmp_path / "run", Acting(4, lambda: signal.raise_signal(signal.SIGTERM)))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [["epoch-00000-step-00000004.tensorlab"]]
    assert result == expected


def test_ignored_signals_stay_ignored(expected: Any, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run(tmp_path / "run", Acting(4, interrupt)) == expected
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_change_no_handlers(tmp_path: Path) -> None:
    seen: list[Any] = []
    thread = threading.Thread(
        target=run, args=(tmp_path, Acting(2, lambda: seen.append(signal.getsignal(signal.SIGINT))))
    )
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


def test_run_inside_of_a_run_leaves_signals_to_the_outer_one(expected: Any, tmp_path: Path) -> None:
    def inner() -> None:
        kept = tl.random.get_state()
        run(tmp_path / "inner", Acting(2, interrupt), epochs=1)
        tl.random.set_state(kept)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "outer", Acting(3, inner))
    assert names(tmp_path / "outer") == ["epoch-00000-step-00000003.tensorlab"]
    assert names(tmp_path / "inner") == ["epoch-00001-step-00000000.tensorlab"]


@posix
def test_network_of_the_book_that_is_killed_ends_with_the_same_bits(tmp_path: Path) -> None:
    """A small version of ``killed_runs.py``, which kills it as often as one likes."""
    choose, program = random.Random(os.environ.get("TENSORLAB_TEST_SEED")), "mnist_run.py"
    expected = killed_runs.ended(killed_runs.started("", "6000", program=program))
    assert len(expected) == 64
    assert killed_runs.killed(str(tmp_path), choose, 10, "6000", seconds=0.5, program=program) == expected


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program_that_is_asked_to_end_saves_a_checkpoint(number: signal.Signals, tmp_path: Path) -> None:
    process = killed_runs.started(str(tmp_path / "run"), "100")  # a checkpoint after each epoch, but for signals
    assert process.stdout is not None
    while process.stdout.readline() != "step 3\n":
        pass
    process.send_signal(number)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode in ({-signal.SIGTERM} if number == signal.SIGTERM else {-signal.SIGINT, 130})
    assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    (name,) = names(tmp_path / "run")
    assert name.startswith("epoch-00000-step-0000000")
    assert killed_runs.ended(killed_runs.started(str(tmp_path / "run"))) == killed_runs.ended(killed_runs.started(""))


@posix
def test_program_without_checkpoints_ends_at_once() -> None:
    process = killed_runs.started("")
    assert process.stdout is not None
    while process.stdout.readline() != "step 3\n":
        pass
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGTERM


def test_model_can_be_used_after_an_interrupt_at_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interrupts come from a timer, so they hit any line of tensorlab.

    Python drops an exception that is raised in a callback of its garbage collector, as hypothesis has one: then the
    interrupt is sent again.
    """
    monkeypatch.setattr(sys, "unraisablehook", lambda _: threading.Timer(0.01, interrupt).start())
    x, y = data()
    model = make_model()
    model.build((None, 4))
    start = model.get_weights()
    model.fit(x, y, batch_size=8, verbose=0)
    choose = np.random.default_rng()
    interrupted = 0
    for _ in range(25):
        timer = threading.Timer(choose.uniform(0.0, 0.06), interrupt)
        try:
            timer.start()
            model.fit(x, y, batch_size=8, epochs=1000, verbose=0)
        except KeyboardInterrupt:
            interrupted += 1
        timer.join()
        weights = model.get_weights()
        assert all(np.isfinite(weight).all() for weight in weights)
        assert np.isfinite(model.evaluate(x, y, verbose=0)).all()
        copied = make_model()
        copied.build((None, 4))
        copied.set_weights(weights)
        np.testing.assert_array_equal(model.predict(x, verbose=0), copied.predict(x, verbose=0))
        slots = model.optimizer.get_state(model.trainable_weights)["slots"]
        assert all(np.isfinite(slot).all() for each in slots for slot in each.values())
    assert interrupted == 25
    model.set_weights(start)
    before = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, batch_size=8, epochs=50, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < before


# Disks


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        yield


def test_run_goes_on_when_the_disk_is_full(expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    with full_disk(monkeypatch), pytest.warns(SavedFileWarning) as caught:
        assert run(folder) == expected
    assert len(caught) == EPOCHS
    assert str(caught[0].message).startswith("a checkpoint could not be saved, and training goes on: Sequential 'seq")
    assert str(caught[0].message).endswith("received No space left on device; free some space, or choose another disk")
    assert names(folder) == []
    assert run(folder) == expected


def test_file_that_cannot_be_written_keeps_what_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (x, y) = make_model(), data()
    with full_disk(monkeypatch), pytest.raises(FileAccessError, match="No space left on device"):
        model.fit(x, y, batch_size=8, verbose=0, callbacks=tl.callbacks.ModelCheckpoint(tmp_path / "m.tensorlab"))
    assert (model.optimizer.iterations, model.built, names(tmp_path)) == (STEPS, True, [])
    model.save(tmp_path / "elsewhere.tensorlab")
    model.fit(x, y, batch_size=8, verbose=0)
    assert model.optimizer.iterations == 2 * STEPS


def test_folder_that_is_read_only_is_refused_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    model = make_model()
    with pytest.raises(FileAccessError) as caught:
        model.fit(*data(), verbose=0, checkpoint=tmp_path)
    assert str(caught.value).endswith(
        f".fit checkpoint {str(tmp_path)!r}: expected a folder that can be written, received another; choose a folder "
        "in which you may write"
    )
    assert (model.optimizer.iterations, model.built) == (0, False)


# Several runs with one folder


def test_folder_belongs_to_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def second() -> None:
        model = make_model()
        with pytest.raises(StateError) as caught:
            model.fit(*data(), batch_size=8, verbose=0, checkpoint=folder)
        assert str(caught.value) == (
            f"Sequential {model.name!r}.fit checkpoint {str(folder)!r}: another run uses the folder; wait until it has "
            "ended, or choose another folder"
        )
        assert (model.optimizer.iterations, model.built) == (0, False)

    run(folder, Acting(2, second), epochs=1)
    with pytest.raises(KeyboardInterrupt):
        run(folder, Acting(1, interrupt), epochs=2)
    run(folder, epochs=2)


@posix
def test_folder_is_free_when_a_process_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = killed_runs.started(str(folder))
    assert process.stdout is not None
    while process.stdout.readline() != "step 3\n":
        pass
    with pytest.raises(StateError, match="another run uses the folder"):
        run(folder)
    process.kill()
    process.communicate()
    assert killed_runs.ended(killed_runs.started(str(folder))) == killed_runs.ended(killed_runs.started(""))


@posix
def test_forked_child_does_not_keep_the_folder(tmp_path: Path) -> None:
    checked = tmp_path / "run"
    checked.mkdir()
    first = folders.FolderLock(str(checked))
    assert first.acquire()
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    second = folders.FolderLock(str(checked))
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    os.write(go[1], b"x")
    assert os.waitpid(child, 0)[1] == 0
    for handle in (*ready, *go):
        os.close(handle)


def test_system_without_locks_of_folders(expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorlab.saving import locks

    monkeypatch.setattr(locks, "fcntl", None)
    assert run(tmp_path / "run") == expected


@posix
def test_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def fail(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fail)
    lock = folders.FolderLock(str(tmp_path))
    assert lock.acquire()
    lock.release()


def test_wrong_folder_is_released(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    for _ in range(2):
        with pytest.raises(StateError, match="another run: batch_size was"):
            run(tmp_path, epochs=1, batch_size=9)
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    run(tmp_path, epochs=1)

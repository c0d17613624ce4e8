"""A program that is killed and started again: it trains with checkpoints, and prints all that it ends with.

Run as a script: ``resumed_runs.py FOLDER [STEPS]``, with FOLDER "" for a run without checkpoints, and the number of
steps after which a checkpoint is saved.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.layers import BatchNormalization, Dense, Dropout

Array = np.ndarray[Any, Any]
EPOCHS, STEPS = 4, 6


class Counting(tl.callbacks.Callback):
    """A user's callback with state of its own, which draws random numbers."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.drawn: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(batch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.drawn.append(float(tl.random.normal(())))


class Stopping(tl.callbacks.Callback):
    """Interrupts the program after some steps, as Ctrl+C does."""

    def __init__(self, after: int) -> None:
        self.left = after

    def get_state(self) -> dict[str, Any]:
        return {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def data() -> tuple[Array, Array]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(45, 4)).astype("float32")
    return x, (x.sum(1, keepdims=True) > 0).astype("float32")


def make_model() -> Any:
    seed = tl.random.SeedGenerator(4)
    layers = [Dense(4, activation="relu"), Dropout(0.25, name="drop"), BatchNormalization(), Dropout(0.1, seed=seed)]
    model = tl.Sequential([*layers, Dense(1, "sigmoid")])
    model.compile(tl.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy", tl.metrics.Precision()])
    return model


def run(folder: Any, *more: Any, log: str = "", **options: Any) -> dict[str, Any]:
    """Train, and return weights, slots, history, random state and the state of callbacks."""
    tl.utils.set_random_seed(12)
    before = float(tl.random.normal(()))
    model, counting = make_model(), Counting()
    callbacks: list[Any] = [
        tl.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True),
        tl.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=0, min_delta=0.1),
        tl.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.75),
        counting,
    ]
    if log:
        callbacks.append(tl.callbacks.CSVLogger(log))
    x, y = data()
    options = {"epochs": EPOCHS, "batch_size": 8, "validation_data": (x[:16], y[:16]), "verbose": 0, **options}
    history = model.fit(x, y, callbacks=[*callbacks, *more], checkpoint=folder or None, **options)
    return {
        "before": before,
        "weights": [weight.tolist() for weight in model.get_weights()],
        "slots": [slot.numpy().tolist() for slot in model.optimizer.variables],
        "steps": model.optimizer.iterations,
        "rate": model.optimizer.learning_rate,
        "history": history.history,
        "epochs": history.epoch,
        "best": [callbacks[0].best, callbacks[0].wait, callbacks[1].best, callbacks[1].wait],
        "counted": [counting.seen, counting.drawn],
        "random": tl.random.get_state(),
        "after": float(tl.random.normal(())),
        "log": Path(log).read_text() if log else "",
    }


def digest(result: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()


class Slow(tl.callbacks.Callback):
    """Makes steps long enough to be interrupted, and says when they begin."""

    def on_train_begin(self, logs: Any = None) -> None:
        print("begins", flush=True)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        print(f"step {batch}", flush=True)
        time.sleep(0.02)


if __name__ == "__main__":
    print(digest(run(sys.argv[1], Slow(), save_every=int([*sys.argv, "2"][2]))))

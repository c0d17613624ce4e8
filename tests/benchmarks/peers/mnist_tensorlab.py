"""The book's network in tensorlab, as its README trains it."""

from __future__ import annotations

import sys
from typing import Any

from protocol import Session, median_time

session = Session()
tl = session.load("tensorlab", "tensorlab")
x, y, x_test, y_test = session.arrays()
tl.set_num_threads(session.options["threads"])
tl.utils.set_random_seed(0)


def network() -> Any:
    made = tl.Sequential([tl.layers.Dense(512, activation="relu"), tl.layers.Dense(10, activation="softmax")])
    made.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


model, single = network(), network()


class Turns(tl.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = not session.turn(loss=logs["loss"])


def train() -> None:
    if session.turn():
        model.fit(x, y, batch_size=128, epochs=sys.maxsize, verbose=0, callbacks=[Turns()])


def train_singly(images: int) -> None:
    """Train another network on one image a step."""
    single.fit(x[:images], y[:images], batch_size=1, verbose=0)


session.run(
    train=train,
    train_singly=train_singly,
    accuracy=lambda: {"accuracy": model.evaluate(x_test, y_test, verbose=0)[1]},
    predict_one=lambda seconds: median_time(lambda: model.predict(x_test[:1]), seconds),
    predict_all=lambda seconds: median_time(lambda: model.predict(x_test), seconds),
)

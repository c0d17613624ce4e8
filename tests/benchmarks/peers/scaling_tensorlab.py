"""Networks of any size in tensorlab, trained by `fit`."""

from __future__ import annotations

import sys
from typing import Any

from protocol import Session, random_batches

session = Session()
tl = session.load("tensorlab", "tensorlab")


class Turns(tl.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = not session.turn(loss=logs["loss"])


def train(batch: int, width: int, depth: int, samples: int, threads: int, shuffle: bool) -> None:
    tl.set_num_threads(threads)
    tl.utils.set_random_seed(0)
    x, y = random_batches(samples)
    hidden = [tl.layers.Dense(width, activation="relu", kernel_initializer="he_normal") for _ in range(depth)]
    model = tl.Sequential([*hidden, tl.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    if session.turn():
        model.fit(x, y, batch_size=batch, epochs=sys.maxsize, shuffle=shuffle, verbose=0, callbacks=[Turns()])


session.run(train=train)

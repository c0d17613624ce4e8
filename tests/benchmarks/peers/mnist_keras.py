"""The book's network in Keras on TensorFlow, with `model.fit`, whose default compiles the training step."""

from __future__ import annotations

import os
import sys
from typing import Any

from protocol import Session, median_time

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
session = Session()
keras = session.load("keras", "Keras")
tensorflow = session.load("tensorflow", "TensorFlow")
x, y, x_test, y_test = session.arrays()
tensorflow.config.threading.set_intra_op_parallelism_threads(session.options["threads"])
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Dense(512, activation="relu"), keras.layers.Dense(10, activation="softmax")])
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])


class Turns(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = not session.turn(loss=float(logs["loss"]))


def train() -> None:
    if session.turn():
        model.fit(x, y, batch_size=128, epochs=sys.maxsize, verbose=0, callbacks=[Turns()])


session.run(
    train=train,
    accuracy=lambda: {"accuracy": float(model.evaluate(x_test, y_test, verbose=0)[1])},
    # `predict` takes 40 ms for a single image, and Keras's documentation advises against it for few images.
    predict_one=lambda seconds: median_time(lambda: model.predict_on_batch(x_test[:1]), seconds),
    predict_all=lambda seconds: median_time(lambda: model.predict(x_test, verbose=0), seconds),
)

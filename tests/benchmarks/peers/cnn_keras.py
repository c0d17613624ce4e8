"""The convolutional network of ``examples/mnist_cnn.py`` in Keras on TensorFlow, trained by `fit`."""

from __future__ import annotations

import os
import sys
from typing import Any

from protocol import Session

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
session = Session()
keras = session.load("keras", "Keras")
tensorflow = session.load("tensorflow", "TensorFlow")
x, y, x_test, y_test = session.arrays()
x, x_test = (images.reshape(-1, 28, 28, 1) for images in (x, x_test))
tensorflow.config.threading.set_intra_op_parallelism_threads(session.options["threads"])
keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential([
    layers.Conv2D(32, kernel_size=3, padding="same", activation="relu"),
    layers.MaxPooling2D(pool_size=2),
    layers.Conv2D(64, kernel_size=3, padding="same", activation="relu"),
    layers.MaxPooling2D(pool_size=2),
    layers.Flatten(),
    layers.Dense(128, activation="relu"),
    layers.Dropout(0.5),
    layers.Dense(10, activation="softmax"),
])  # fmt: skip
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])


class Turns(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = not session.turn(loss=float(logs["loss"]))


def train() -> None:
    if session.turn():
        model.fit(x, y, batch_size=128, epochs=sys.maxsize, verbose=0, callbacks=[Turns()])


session.run(train=train, accuracy=lambda: {"accuracy": float(model.evaluate(x_test, y_test, verbose=0)[1])})

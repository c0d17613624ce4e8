"""Short programs with masks of padding, added to those of `keras_scripts`."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras_programs import recorded, settle
from keras_scripts import script

TOKENS = np.array([[1, 2, 3, 0], [4, 0, 0, 0], [2, 2, 5, 1], [3, 5, 0, 0]])
STEPS = np.sin(np.arange(4 * 4 * 3, dtype="f4")).reshape(4, 4, 3) * (TOKENS > 0)[:, :, None]
TARGETS = np.cos(np.arange(4 * 4 * 2, dtype="f4")).reshape(4, 4, 2)
OF_STEPS = np.linspace(0.2, 2.0, 16).reshape(4, 4).astype("f4")
OPTIONS: dict[str, Any] = {"batch_size": 2, "epochs": 2, "shuffle": False, "verbose": 0}


@script
def mean_of_words(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            layers.Embedding(6, 3, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    settle(model)
    # not Adam: with TensorFlow it changes only the rows of an embedding that occur in the batch
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(TOKENS, np.array([0, 1, 1, 0]), **OPTIONS)
    kept = layers.GlobalAveragePooling1D("channels_first", keepdims=True)(STEPS, mask=TOKENS[:, :3] > 0)
    return recorded(history) | {"outputs": model.predict(TOKENS, verbose=0), "kept": np.asarray(kept)}


@script
def metrics_of_masked_outputs(keras: Any) -> dict[str, Any]:
    def model() -> Any:
        made = keras.Sequential([keras.Input((4, 3)), keras.layers.Masking(), keras.layers.Dense(2)])
        settle(made)
        mse = keras.metrics.MeanSquaredError(name="q")
        made.compile("sgd", "mse", metrics=["mae", mse], weighted_metrics=["mae", "cosine_similarity"])
        return made

    plain = model().fit(STEPS, TARGETS, **OPTIONS)
    weighted = model().fit(STEPS, TARGETS, sample_weight=OF_STEPS, **OPTIONS)
    score = model().evaluate(STEPS, TARGETS, verbose=0, return_dict=True)
    return {"plain": recorded(plain), "weighted": recorded(weighted), "score": score}


@script
def normalized_steps(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    inputs = keras.Input((4, 3))
    x = layers.BatchNormalization(momentum=0.5)(layers.Masking()(inputs))
    model = keras.Model(inputs, layers.Dense(2)(x))
    settle(model)
    model.compile("sgd", "mse")
    history = model.fit(STEPS, TARGETS, **OPTIONS)
    moving = [np.asarray(weight) for weight in model.layers[2].non_trainable_weights]
    return recorded(history) | {"moving": moving, "outputs": model.predict(STEPS, verbose=0)}


@script
def attention_weights(keras: Any) -> dict[str, Any]:
    scores, softmax = STEPS[:, :, 0], keras.layers.Softmax()
    mask = TOKENS > 2
    found = {"rows": softmax(scores, mask=mask), "first": softmax(scores, mask=mask[:1])}
    found["columns"] = keras.layers.Softmax(axis=0)(scores, mask=mask)
    found["both"] = keras.layers.Softmax(axis=(0, 1))(scores, mask=mask.astype("f4"))
    return {name: np.asarray(value) for name, value in found.items()}

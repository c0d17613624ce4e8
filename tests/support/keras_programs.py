"""Short programs for Keras, which run with tensorlab or with Keras itself.

Each takes the module tensorlab or keras, and returns its results by name. Weights and data are computed by formulas,
and nothing is shuffled, so that both libraries must give the same results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Program = Callable[[Any], dict[str, Any]]
PROGRAMS: dict[str, Program] = {}

COUNT, FEATURES = 20, 4
X = np.sin(np.arange(COUNT * FEATURES, dtype="f4") * 1.7).reshape(COUNT, FEATURES)
TARGETS = (X @ np.array([1.0, -2.0, 0.5, 0.25], "f4") + 0.5).astype("f4")
BINARY = (TARGETS > 0.5).astype("f4")
LABELS = np.arange(COUNT) % 3


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def settle(model: Any) -> None:
    """Replace the random initial kernels of a model by values of a formula."""
    values, position = [], 0
    for weight in model.get_weights():
        if weight.ndim == 2:
            weight = 0.6 * np.sin(np.arange(position, position + weight.size, dtype="f4") + 1.0).reshape(weight.shape)
            position += weight.size
        values.append(weight)
    model.set_weights(values)


def recorded(history: Any) -> dict[str, Any]:
    return dict(history.history)


@program
def diabetes(keras: Any) -> dict[str, Any]:
    Sequential, Dense = keras.models.Sequential, keras.layers.Dense
    model = Sequential()
    model.add(Dense(12, input_dim=FEATURES, activation="relu", kernel_initializer="uniform"))
    model.add(Dense(8, activation="relu", kernel_initializer="random_uniform"))
    model.add(Dense(1, activation="sigmoid"))
    settle(model)
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(X, BINARY, epochs=3, batch_size=10, verbose=0, shuffle=False)
    scores = model.evaluate(X, BINARY, verbose=0)
    assert scores[1] == np.mean((model.predict(X, verbose=0)[:, 0] > 0.5) == BINARY)
    return recorded(history) | {"scores": scores}


@program
def xor(keras: Any) -> dict[str, Any]:
    from_layers = keras.layers
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    model = keras.Sequential()
    model.add(from_layers.Dense(8, input_shape=(2,)))
    model.add(from_layers.Activation("tanh"))
    model.add(from_layers.Dense(1))
    model.add(from_layers.Activation("sigmoid"))
    settle(model)
    sgd = keras.optimizers.SGD(learning_rate=0.5, momentum=0.9, nesterov=True)
    model.compile(loss="binary_crossentropy", optimizer=sgd)
    model.fit(x, y, batch_size=1, epochs=5, verbose=0, shuffle=False)
    return {"outputs": model.predict(x, verbose=0)}


@program
def flowers(keras: Any) -> dict[str, Any]:
    rows = keras.utils.to_categorical(LABELS)
    model = keras.models.Sequential(
        [
            keras.Input(shape=(FEATURES,)),
            keras.layers.Dense(8, activation="relu", kernel_initializer="he_normal", bias_initializer="ones"),
            keras.layers.Dropout(0.0),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    settle(model)
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy", "top_k_categorical_accuracy"])
    history = model.fit(X, rows, epochs=3, batch_size=5, validation_split=0.25, verbose=0, shuffle=False)
    return recorded(history) | {"classes": model.predict(X, verbose=0).argmax(axis=1)}


@program
def digits_with_logits(keras: Any) -> dict[str, Any]:
    images = X.reshape(COUNT, 2, 2)
    model = keras.Sequential([keras.layers.Flatten(input_shape=(2, 2)), keras.layers.Dense(3)])
    settle(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    first = loss(LABELS[:1], model(images[:1]))
    model.compile(optimizer="adam", loss=loss, metrics=["sparse_categorical_accuracy"])
    history = model.fit(images, LABELS, epochs=2, verbose=0, shuffle=False)
    probabilities = keras.Sequential([model, keras.layers.Softmax()])
    return recorded(history) | {"first": float(first), "probabilities": probabilities.predict(images[:2], verbose=0)}


@program
def house_prices(keras: Any) -> dict[str, Any]:
    mean, deviation = X.mean(axis=0), X.std(axis=0)

    def build_model() -> Any:
        model = keras.models.Sequential()
        model.add(keras.layers.Dense(6, activation="relu", input_shape=(FEATURES,)))
        model.add(keras.layers.Dense(1))
        settle(model)
        model.compile(optimizer=keras.optimizers.RMSprop(0.01), loss="mse", metrics=["mae"])
        return model

    scores = []
    for fold in range(2):
        held = np.arange(COUNT) % 2 == fold
        model = build_model()
        x = (X - mean) / deviation
        model.fit(x[~held], TARGETS[~held], epochs=4, batch_size=1, verbose=0, shuffle=False)
        scores.append(model.evaluate(x[held], TARGETS[held], verbose=0))
    return {"scores": scores}


@program
def early_stopping(keras: Any) -> dict[str, Any]:
    l1_l2 = keras.regularizers.l1_l2(l1=0.001, l2=0.01)
    model = keras.Sequential(
        [
            keras.layers.Dense(8, activation="tanh", kernel_regularizer=l1_l2, input_shape=(FEATURES,)),
            keras.layers.Dense(1, kernel_regularizer="l2", bias_regularizer=keras.regularizers.L1(0.1)),
        ]
    )
    settle(model)
    model.compile(loss="mean_absolute_error", optimizer=keras.optimizers.SGD(0.4))
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
    options = {"validation_data": (X[12:], TARGETS[12:]), "callbacks": [stop], "verbose": 0, "shuffle": False}
    history = model.fit(X[:12], TARGETS[:12], epochs=20, batch_size=4, **options)
    after = model.evaluate(X[12:], TARGETS[12:], verbose=0)
    assert len(history.epoch) < 20
    return recorded(history) | {"after": after, "stopped": stop.stopped_epoch}


@program
def learning_rates(keras: Any) -> dict[str, Any]:
    class Threshold(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if logs.get("loss") < 0.35:
                self.model.stop_training = True

    model = keras.Sequential([keras.layers.Dense(1, input_dim=FEATURES)])
    settle(model)
    model.compile(optimizer="sgd", loss="mse")
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.2 if epoch < 2 else rate * 0.5)
    history = model.fit(X, TARGETS, epochs=9, verbose=0, shuffle=False, callbacks=[schedule, Threshold()])
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=0.5)
    later = model.fit(X, TARGETS, epochs=4, verbose=0, shuffle=False, callbacks=[plateau])
    return recorded(history) | {f"later {name}": values for name, values in recorded(later).items()}


@program
def subclassed_model(keras: Any) -> dict[str, Any]:
    class Net(keras.Model):  # type: ignore[misc]
        def __init__(self, classes: int = 3) -> None:
            super().__init__(name="net")
            self.hidden = keras.layers.Dense(5, activation="softplus")
            self.outputs_of = keras.layers.Dense(classes)

        def call(self, inputs: Any) -> Any:
            return self.outputs_of(self.hidden(inputs))

    model = Net()
    model(X)
    settle(model)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.RMSprop(0.01), loss=loss, metrics=["accuracy"])
    rows = np.eye(3, dtype="f4")[LABELS]
    return recorded(model.fit(X, rows, batch_size=8, epochs=3, verbose=0, shuffle=False))


@program
def unbalanced_classes(keras: Any) -> dict[str, Any]:
    y = (TARGETS > 2.0).astype("u1")[:, None]
    counts = np.bincount(y[:, 0])
    model = keras.Sequential([keras.Input(shape=(FEATURES,)), keras.layers.Dense(1, activation="sigmoid")])
    settle(model)
    metrics = [
        keras.metrics.FalseNegatives(name="fn"),
        keras.metrics.FalsePositives(name="fp"),
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.AUC(name="auc"),
    ]
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="binary_crossentropy", metrics=metrics)
    weights = {0: 1.0 / counts[0], 1: 1.0 / counts[1]}
    history = model.fit(
        X, y, batch_size=8, epochs=3, verbose=0, shuffle=False, class_weight=weights, validation_data=(X[:8], y[:8])
    )
    return recorded(history)


@program
def normalized_batches(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    model = keras.models.Sequential()
    model.add(layers.InputLayer(input_shape=(FEATURES,)))
    model.add(layers.BatchNormalization())
    model.add(layers.Dense(6, use_bias=False, kernel_initializer="he_uniform"))
    model.add(layers.BatchNormalization(momentum=0.8))
    model.add(layers.Activation("elu"))
    model.add(layers.Dense(3, activation="softmax"))
    settle(model)
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, LABELS, batch_size=10, epochs=3, verbose=0, shuffle=False, validation_data=(X, LABELS))
    assert len(model.trainable_weights) == 7
    assert len(model.non_trainable_weights) == 4
    return recorded(history)


@program
def autoencoder(keras: Any) -> dict[str, Any]:
    encoder = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(2, activation="selu")], name="encoder")
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(FEATURES, activation="sigmoid")])
    model = keras.Sequential([encoder, decoder])
    settle(model)
    model.compile(optimizer="adadelta", loss="binary_crossentropy")
    x = (X + 1.0) / 2.0
    history = model.fit(x, x, epochs=2, batch_size=5, shuffle=False, validation_data=(x[:5], x[:5]), verbose=0)
    return recorded(history) | {"codes": encoder.predict(x[:2], verbose=0)}


@program
def all_optimizers(keras: Any) -> dict[str, Any]:
    found = {}
    for name in ("sgd", "rmsprop", "adam", "adamw", "adadelta", "adagrad", "adamax", "nadam"):
        model = keras.Sequential([keras.layers.Dense(1, input_dim=FEATURES)])
        settle(model)
        model.compile(optimizer=name, loss="mse")
        found[name] = model.fit(X, TARGETS, epochs=2, batch_size=5, verbose=0, shuffle=False).history["loss"]
    return found


@program
def all_activations(keras: Any) -> dict[str, Any]:
    model = keras.Sequential([keras.Input((FEATURES,))])
    for name in ("elu", "exponential", "gelu", "hard_sigmoid", "selu", "silu", "softplus", "softsign", "tanh", "relu6"):
        model.add(keras.layers.Dense(5, activation=name))
    model.add(keras.layers.LeakyReLU())
    model.add(keras.layers.ELU(alpha=0.5))
    model.add(keras.layers.ReLU(max_value=0.2))
    model.add(keras.layers.GaussianNoise(0.1))
    settle(model)
    return {"outputs": model.predict(3.0 * X[:4], verbose=0)}


@program
def line(keras: Any) -> dict[str, Any]:
    x = np.linspace(-1, 1, 32).astype("f4")
    y = 0.5 * x + 2
    model = keras.models.Sequential()
    model.add(keras.layers.Dense(units=1, input_dim=1, kernel_initializer="zeros", bias_initializer="zeros"))
    model.compile(loss="mse", optimizer="sgd")
    for _ in range(30):
        cost = model.train_on_batch(x, y)
    weight, bias = model.layers[0].get_weights()
    return {"cost": float(np.squeeze(list(cost.values()) if isinstance(cost, dict) else cost)), "line": [weight, bias]}


@program
def own_loss_and_metric(keras: Any) -> dict[str, Any]:
    def quartic(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.square(keras.ops.square(y_true - y_pred)), axis=-1)

    def largest_error(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)

    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(1)])
    settle(model)
    model.compile(optimizer=keras.optimizers.SGD(0.001), loss=quartic, metrics=[largest_error, "mse"])
    return recorded(model.fit(X, TARGETS[:, None], batch_size=5, epochs=3, verbose=0, shuffle=False))


@program
def several_labels(keras: Any) -> dict[str, Any]:
    y = np.stack([TARGETS > 0, TARGETS > 1, X[:, 0] > 0], axis=1).astype("i4")
    model = keras.Sequential()
    model.add(keras.layers.Dense(6, input_dim=FEATURES, kernel_initializer="he_uniform", activation="relu"))
    model.add(keras.layers.Dense(3, activation="sigmoid"))
    settle(model)
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["binary_accuracy", "accuracy"])
    history = model.fit(X, y, verbose=0, epochs=2, steps_per_epoch=2, batch_size=10, shuffle=False)
    return recorded(history) | {"rounded": model.predict(X, verbose=0).round()}


@program
def frozen_layers(keras: Any) -> dict[str, Any]:
    model = keras.Sequential(
        [
            keras.layers.Dense(5, activation="relu", name="base", input_shape=(FEATURES,)),
            keras.layers.Dense(1, name="head"),
        ]
    )
    settle(model)
    base = model.get_layer("base")
    base.trainable = False
    before = base.get_weights()
    model.compile("sgd", "huber")
    history = model.fit(X, TARGETS, epochs=2, verbose=0, shuffle=False)
    assert all(np.array_equal(a, b) for a, b in zip(base.get_weights(), before, strict=True))
    lines: list[str] = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    assert "base" in "".join(lines)
    assert [layer.name for layer in model.layers] == ["base", "head"]
    return recorded(history) | {"counts": [model.count_params(), len(model.trainable_weights)]}


@program
def smooth_labels(keras: Any) -> dict[str, Any]:
    rows = keras.utils.to_categorical(LABELS, num_classes=3)
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(3, activation="softmax")])
    settle(model)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    optimizer = keras.optimizers.AdamW(learning_rate=0.01, weight_decay=0.1)
    model.compile(optimizer=optimizer, loss=loss, weighted_metrics=["accuracy"])
    weights = np.linspace(0.5, 2.0, COUNT)
    options = {"epochs": 2, "batch_size": 10, "verbose": 0, "shuffle": False}
    return recorded(model.fit(X, rows, sample_weight=weights, validation_split=0.2, **options))

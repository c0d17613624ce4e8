"""Scripts with the layers and custom classes of tutorials; they add themselves to those of `keras_graph_scripts`."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from keras_graph_scripts import SCRIPTS
from keras_programs import BINARY, FEATURES, LABELS, TARGETS, Program, X, recorded

SERIES = (np.sin(np.arange(240) * 0.3) + np.arange(240) % 7 * 0.1).reshape(20, 12, 1).astype("f4")
IMAGES = ((np.arange(20 * 36) * 37 % 101) / 50.0 - 1.0).reshape(20, 6, 6, 1).astype("f4")


def settle(model: Any) -> None:
    """Replace all weights that are no vectors by values of a formula."""
    values = []
    for index, weight in enumerate(model.get_weights()):
        if weight.ndim > 1:
            weight = 0.6 * np.sin(np.arange(weight.size, dtype="f4") + 1.0 + 3.0 * index).reshape(weight.shape)
        values.append(weight)
    model.set_weights(values)


def script(function: Program) -> Program:
    SCRIPTS[function.__name__] = function
    return function


# Layers of tutorials


@script
def fuel_efficiency(keras: Any) -> dict[str, Any]:
    """TensorFlow's tutorial "Basic regression", with one feature and with all."""
    power = X[:, 0] * 40.0 + 100.0
    single = keras.layers.Normalization(input_shape=[1], axis=None)
    single.adapt(power)
    one = keras.Sequential([single, keras.layers.Dense(units=1)])
    normalizer = keras.layers.Normalization(axis=-1)
    normalizer.adapt(np.array(X * 5.0 + 2.0))
    every = keras.Sequential([normalizer, keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
    results: dict[str, Any] = {"mean": normalizer.mean, "variance": normalizer.variance}
    for name, model, x in (("one", one, power), ("every", every, X * 5.0 + 2.0)):
        model.build((None, *x.shape[1:]) if x.ndim > 1 else (None, 1))
        settle(model)
        model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mean_absolute_error")
        history = model.fit(x, TARGETS, epochs=3, validation_split=0.2, shuffle=False, verbose=0)
        results[name] = recorded(history)
        results[f"{name} outputs"] = model.predict(x[:3], verbose=0)
    return results


@script
def anomalies(keras: Any) -> dict[str, Any]:
    """Keras's example "Timeseries anomaly detection using an Autoencoder"."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input(shape=(SERIES.shape[1], SERIES.shape[2])),
            layers.Conv1D(filters=4, kernel_size=7, padding="same", strides=2, activation="relu"),
            layers.Dropout(rate=0.0),
            layers.Conv1D(filters=2, kernel_size=7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(filters=2, kernel_size=7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(filters=4, kernel_size=7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(filters=1, kernel_size=7, padding="same"),
        ]
    )
    settle(model)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")
    fit = functools.partial(model.fit, SERIES, SERIES, epochs=3, batch_size=8, validation_split=0.1)
    history = fit(shuffle=False, callbacks=[stop], verbose=0)
    error = np.mean(np.abs(model.predict(SERIES, verbose=0) - SERIES), axis=1)
    return recorded(history) | {"threshold": np.max(error)}


@script
def digits_of_a_competition(keras: Any) -> dict[str, Any]:
    """A network for images as in notebooks of competitions, with the short names of layers."""
    layers = keras.layers
    model = keras.models.Sequential()
    model.add(layers.Convolution2D(3, (3, 3), padding="Same", activation="relu", input_shape=(6, 6, 1)))
    model.add(layers.BatchNormalization())
    model.add(layers.MaxPool2D(pool_size=(2, 2), strides=(2, 2)))
    model.add(layers.SeparableConv2D(4, 2, activation="relu"))
    model.add(layers.ZeroPadding2D())
    model.add(layers.AvgPool2D(2))
    model.add(layers.GlobalAvgPool2D())
    model.add(layers.Dense(3, activation="softmax"))
    settle(model)
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    slower = keras.callbacks.ReduceLROnPlateau(monitor="val_accuracy", patience=1, factor=0.5, min_lr=1e-5)
    y = keras.utils.to_categorical(LABELS, num_classes=3)
    history = model.fit(
        IMAGES, y, batch_size=10, epochs=3, validation_data=(IMAGES[:8], y[:8]), callbacks=[slower], shuffle=False,
        verbose=0,
    )  # fmt: skip
    return recorded(history) | {"outputs": model.predict(IMAGES[:2], verbose=0)}


@script
def depthwise_blocks(keras: Any) -> dict[str, Any]:
    """Blocks of depthwise convolutions in a functional model, as in MobileNet, with group normalization."""
    layers = keras.layers
    inputs = keras.Input(shape=(6, 6, 1))
    x = layers.Rescaling(0.5, offset=0.1)(inputs)
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.GroupNormalization(groups=2)(x)
    x = layers.ReLU(max_value=6.0)(x)
    for _ in range(2):
        before = x
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.add([x, before])
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs, name="blocks")
    settle(model)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(IMAGES, BINARY, epochs=2, batch_size=10, shuffle=False, verbose=0)
    return recorded(history) | {"outputs": model.predict(IMAGES[:3], verbose=0), "weights": model.count_params()}


@script
def twins(keras: Any) -> dict[str, Any]:
    """A network for pairs: a shared model, and the distance of its outputs in Lambda layers."""
    layers, ops = keras.layers, keras.ops
    shared = keras.Sequential([keras.Input((FEATURES,)), layers.Dense(4, activation="tanh")], name="shared")
    first, second = keras.Input((FEATURES,)), keras.Input((FEATURES,))
    vectors = [shared(first), shared(second)]
    distance = layers.Lambda(lambda pair: ops.sum(ops.square(pair[0] - pair[1]), axis=-1, keepdims=True))(vectors)
    near = layers.Lambda(lambda x, scale: ops.exp(-scale * x), arguments={"scale": 0.5})(distance)
    model = keras.Model([first, second], layers.Dense(1, activation="sigmoid")(near))
    settle(model)
    model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer="adam", metrics=[keras.metrics.AUC(name="auc")])
    pairs = [X, np.roll(X, 1, axis=0)]
    history = model.fit(pairs, BINARY, epochs=2, batch_size=5, shuffle=False, verbose=0)
    return recorded(history) | {"outputs": model.predict(pairs, verbose=0)[:3]}


@script
def self_normalizing(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    model = keras.Sequential([layers.Input(shape=(FEATURES,))])
    for _ in range(2):
        model.add(layers.Dense(6, activation="selu", kernel_initializer="lecun_normal"))
        model.add(layers.ActivityRegularization(l1=0.001, l2=0.01))
    model.add(layers.AlphaDropout(rate=0.0))
    model.add(layers.Dense(3, activation="softmax", kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02)))
    settle(model)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="nadam", metrics=["accuracy"])
    history = model.fit(X, LABELS, epochs=3, batch_size=10, shuffle=False, verbose=0)
    return recorded(history) | {"score": model.evaluate(X, LABELS, verbose=0)}


# Classes of one's own, as in books


@script
def own_classes(keras: Any) -> dict[str, Any]:
    """A loss, a metric, a layer, an initializer, a regularizer, a constraint and a schedule of one's own."""
    ops = keras.ops

    class HuberLoss(keras.losses.Loss):  # type: ignore[misc]
        def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
            self.threshold = threshold
            super().__init__(**kwargs)

        def call(self, y_true: Any, y_pred: Any) -> Any:
            error = ops.cast(y_true, y_pred.dtype) - y_pred
            small = ops.abs(error) < self.threshold
            return ops.where(small, ops.square(error) / 2, self.threshold * ops.abs(error) - self.threshold**2 / 2)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "threshold": self.threshold}

    class LargeErrors(keras.Metric):  # type: ignore[misc]
        def __init__(self, limit: float = 1.0, name: str = "large", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.limit = limit
            self.total = self.add_weight(name="total", initializer="zeros")
            self.count = self.add_weight(name="count", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            large = ops.cast(ops.abs(ops.cast(y_true, "float32") - y_pred) > self.limit, "float32")
            self.total.assign_add(ops.sum(large))
            self.count.assign_add(ops.cast(ops.size(large), "float32"))

        def result(self) -> Any:
            return self.total / self.count

    class Scaled(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int, activation: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.activation = keras.activations.get(activation)

        def build(self, batch_input_shape: Any) -> None:
            self.kernel = self.add_weight(
                name="kernel", shape=[batch_input_shape[-1], self.units], initializer="glorot_normal"
            )
            self.bias = self.add_weight(name="bias", shape=[self.units], initializer="zeros")
            self.scale = self.add_weight(name="scale", shape=(), initializer=Halves(), regularizer=Small(0.1))

        def call(self, inputs: Any) -> Any:
            return self.scale * self.activation(ops.matmul(inputs, self.kernel) + self.bias)

        def get_config(self) -> dict[str, Any]:
            name = keras.activations.serialize(self.activation)
            return {**super().get_config(), "units": self.units, "activation": name}

    class Halves(keras.Initializer):  # type: ignore[misc]
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return ops.full(shape, 0.5, dtype=dtype)

    class Small(keras.Regularizer):  # type: ignore[misc]
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __call__(self, weights: Any) -> Any:
            return ops.sum(ops.abs(self.factor * weights))

        def get_config(self) -> dict[str, Any]:
            return {"factor": self.factor}

    class Positive(keras.constraints.Constraint):  # type: ignore[misc]
        def __call__(self, w: Any) -> Any:
            return ops.where(w < 0.0, ops.zeros_like(w), w)

    class Halving(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __init__(self, first: float) -> None:
            self.first = first

        def __call__(self, step: Any) -> Any:
            return self.first / (1.0 + 0.5 * ops.cast(step, "float32"))

    last = keras.layers.Dense(1, kernel_constraint=Positive(), kernel_regularizer=Small(0.01))
    model = keras.Sequential([keras.Input((FEATURES,)), Scaled(4, activation="relu", name="scaled"), last])
    settle(model)
    model.compile(loss=HuberLoss(2.0), optimizer=keras.optimizers.SGD(Halving(0.1)), metrics=[LargeErrors(0.5), "mae"])
    history = model.fit(X, TARGETS[:, None], epochs=3, batch_size=5, shuffle=False, verbose=0)
    config = model.get_layer("scaled").get_config()
    outputs = model.predict(X[:3], verbose=0)
    return recorded(history) | {"activation": config["activation"], "units": config["units"], "outputs": outputs}


@script
def configs(keras: Any) -> dict[str, Any]:
    """Layers, losses and others through their configs."""
    layer = keras.layers.deserialize(keras.layers.serialize(keras.layers.Dense(3, activation="elu", name="d")))
    loss = keras.losses.deserialize(keras.losses.serialize(keras.losses.BinaryCrossentropy(from_logits=True)))
    optimizer = keras.optimizers.deserialize(keras.optimizers.serialize(keras.optimizers.SGD(0.25, momentum=0.5)))
    model = keras.Sequential([keras.Input((FEATURES,)), layer, keras.layers.Dense(1)])
    settle(model)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    third = keras.Sequential.from_config(model.get_config())
    third.set_weights(model.get_weights())
    again.compile(optimizer=optimizer, loss=loss)
    history = again.fit(X, BINARY, epochs=2, batch_size=10, shuffle=False, verbose=0)
    shapes = [list(weight.shape) for weight in third.weights]
    return recorded(history) | {"outputs": third.predict(X[:2], verbose=0), "shapes": shapes, "name": layer.name}


@script
def losses_of_operations(keras: Any) -> dict[str, Any]:
    """Functions of ``keras.ops`` in losses and metrics."""
    ops = keras.ops

    def rmsle(y_true: Any, y_pred: Any) -> Any:
        positive = ops.maximum(y_pred, keras.backend.epsilon())
        return ops.sqrt(ops.mean(ops.square(ops.log1p(positive) - ops.log1p(ops.abs(y_true)))))

    def weighted(y_true: Any, y_pred: Any) -> Any:
        factor = ops.where(ops.greater(y_true, 0), 2.0, 1.0)
        return ops.mean(factor * ops.softplus(ops.negative(y_true) * y_pred), axis=-1)

    def length(y_true: Any, y_pred: Any) -> Any:
        return ops.norm(y_true - y_pred, ord=2) / ops.cast(ops.shape(y_pred)[0], "float32")

    results = {}
    for name, loss in (("rmsle", rmsle), ("weighted", weighted), ("length", length)):
        hidden = keras.layers.Dense(4, ops.leaky_relu)
        model = keras.Sequential([keras.Input((FEATURES,)), hidden, keras.layers.Dense(1)])
        settle(model)
        model.compile(optimizer=keras.optimizers.Adagrad(0.1), loss=loss, metrics=[length])
        y = TARGETS.reshape(-1, 1)
        results[name] = recorded(model.fit(X, y, epochs=2, batch_size=10, shuffle=False, verbose=0))
    x = ops.convert_to_tensor(X[:2])
    for name in ("elu", "gelu", "selu", "silu", "softplus", "softsign", "hard_sigmoid", "relu6", "log_sigmoid", "celu"):
        results[name] = ops.convert_to_numpy(getattr(ops, name)(x))
    return results

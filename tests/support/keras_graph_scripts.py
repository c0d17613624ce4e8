"""Short programs with models of several inputs and outputs, which run with tensorlab or with Keras itself.

Each takes the module tensorlab or keras, and returns its results by name. Weights and data are computed by formulas,
and nothing is shuffled. `record_keras.py` records the results of Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras_programs import BINARY, COUNT, FEATURES, LABELS, TARGETS, X, recorded, settle

Script = Callable[[Any], dict[str, Any]]
SCRIPTS: dict[str, Script] = {}
OTHER = np.cos(np.arange(COUNT * 3, dtype="f4") * 0.7).reshape(COUNT, 3).astype("f4")
WEIGHTS = np.linspace(0.5, 2.0, COUNT).astype("f4")
OPTIONS: dict[str, Any] = {"batch_size": 5, "epochs": 3, "shuffle": False, "verbose": 0}


def script(function: Script) -> Script:
    SCRIPTS[function.__name__] = function
    return function


def two_by_two(keras: Any, structure: Any = list) -> Any:
    """Return a model of the inputs "features" and "context" and the outputs "amount" and "kind"."""
    features, context = keras.Input((FEATURES,), name="features"), keras.Input((3,), name="context")
    hidden = keras.layers.Dense(6, activation="tanh", name="hidden")(features)
    both = keras.layers.Concatenate(name="both")([hidden, context])
    amount = keras.layers.Dense(1, name="amount")(both)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(keras.layers.Dense(4, "relu", name="deep")(both))
    outputs = [amount, kind] if structure is list else {"kind": kind, "amount": amount}
    inputs = [features, context] if structure is list else {"features": features, "context": context}
    model = keras.Model(inputs=inputs, outputs=outputs, name="two_by_two")
    settle(model)
    return model


@script
def inputs_and_outputs_in_lists(keras: Any) -> dict[str, Any]:
    model = two_by_two(keras)
    model.compile(
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        loss=["mse", "sparse_categorical_crossentropy"],
        loss_weights=[1.0, 0.3],
        metrics=[["mae"], ["accuracy"]],
    )
    # batches of equal sizes: Keras may weigh the batches of the loss of an output equally
    held = ([X[:10], OTHER[:10]], [TARGETS[:10], LABELS[:10]])
    history = model.fit([X, OTHER], [TARGETS, LABELS], validation_data=held, **OPTIONS)
    found = model.evaluate([X, OTHER], [TARGETS, LABELS], verbose=0, return_dict=True)
    names = [layer.name for layer in model.layers]
    assert model.output_names == ["amount", "kind"]
    return {
        "history": recorded(history),
        "score": found,
        "layers": names,
        "weights": [weight.sum() for weight in model.get_weights()],
        "outputs": model.predict([X[:2], OTHER[:2]], verbose=0),
    }


@script
def inputs_and_outputs_in_dicts(keras: Any) -> dict[str, Any]:
    model = two_by_two(keras, dict)
    model.compile(
        optimizer="adam",
        loss={"amount": "mae", "kind": keras.losses.SparseCategoricalCrossentropy()},
        loss_weights={"amount": 0.5, "kind": 2.0},
        metrics={"kind": ["accuracy"], "amount": ["mse", "mae"]},
        weighted_metrics={"amount": ["mae"]},
    )
    x, y = {"features": X, "context": OTHER}, {"amount": TARGETS, "kind": LABELS}
    weights = {"amount": WEIGHTS, "kind": np.ones(COUNT, "f4")}
    history = model.fit(x, y, sample_weight=weights, **OPTIONS)
    outputs = model.predict(x, verbose=0)
    return {"history": recorded(history), "outputs": outputs, "kinds": sorted(outputs)}


@script
def targets_by_name(keras: Any) -> dict[str, Any]:
    model = two_by_two(keras)
    model.compile(
        optimizer="rmsprop",
        loss={"amount": "mse", "kind": "sparse_categorical_crossentropy"},
        metrics={"kind": "accuracy"},
    )
    y = {"kind": LABELS, "amount": TARGETS}
    history = model.fit({"context": OTHER, "features": X}, y, validation_split=0.25, **OPTIONS)
    on_batch = model.train_on_batch([X[:4], OTHER[:4]], [TARGETS[:4], LABELS[:4]], return_dict=True)
    return {"history": recorded(history), "names": sorted(on_batch), "loss": on_batch["loss"]}


@script
def one_loss_for_all_outputs(keras: Any) -> dict[str, Any]:
    x = keras.Input((FEATURES,))
    first, second = keras.layers.Dense(1, name="first")(x), keras.layers.Dense(2, name="second")(x)
    model = keras.Model(x, [first, second])
    settle(model)
    model.compile("sgd", loss="mse", metrics=["mae", "mse"])
    history = model.fit(X, [TARGETS, X[:, :2]], sample_weight=WEIGHTS, **OPTIONS)
    return {"history": recorded(history), "score": model.evaluate(X, [TARGETS, X[:, :2]], verbose=0, return_dict=True)}


@script
def output_without_a_loss(keras: Any) -> dict[str, Any]:
    x = keras.Input((FEATURES,))
    hidden = keras.layers.Dense(3, activation="tanh", name="hidden")(x)
    model = keras.Model(x, [keras.layers.Dense(1, name="out")(hidden), hidden])
    settle(model)
    model.compile("sgd", loss=["mse", None])
    history = model.fit(X, [TARGETS, X[:, :3]], **OPTIONS)
    return {"history": recorded(history), "shapes": [list(each.shape) for each in model.predict(X, verbose=0)]}


@script
def siamese(keras: Any) -> dict[str, Any]:
    left, right = keras.Input((FEATURES,), name="left"), keras.Input((FEATURES,), name="right")
    encoder = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3)])
    distance = keras.layers.Subtract()([encoder(left), encoder(right)])
    squared = keras.layers.Multiply()([distance, distance])
    model = keras.Model([left, right], keras.layers.Dense(1, activation="sigmoid")(squared))
    settle(model)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit([X, X[::-1]], BINARY, **OPTIONS)
    assert len(model.trainable_weights) == 6
    return {"history": recorded(history), "codes": encoder.predict(X[:2], verbose=0)}


@script
def residual_blocks(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    inputs = keras.Input((FEATURES,))
    x = layers.Dense(6, activation="relu")(inputs)
    for _ in range(3):
        shortcut = x
        x = layers.Dense(6)(layers.BatchNormalization()(x))
        x = layers.Activation("relu")(layers.add([x, shortcut]))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    settle(model)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, LABELS, validation_data=(X, LABELS), **OPTIONS)
    return {"history": recorded(history), "params": [model.count_params(), len(model.layers)]}


@script
def features_of_a_trained_model(keras: Any) -> dict[str, Any]:
    base = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(6, activation="relu", name="first"),
            keras.layers.Dense(4, activation="tanh", name="features"),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ]
    )
    settle(base)
    base.compile("sgd", "sparse_categorical_crossentropy")
    base.fit(X, LABELS, **OPTIONS)
    extractor = keras.Model(base.inputs, base.layers[-2].output)
    extractor.trainable = False
    x = keras.Input((FEATURES,))
    model = keras.Model(x, keras.layers.Dense(1, name="new", kernel_initializer="ones")(extractor(x, training=False)))
    model.compile("sgd", "mse")
    history = model.fit(X, TARGETS, **OPTIONS)
    both = keras.Model(base.inputs, [base.get_layer("first").output, base.outputs[0]])
    found = both.predict(X[:2], verbose=0)
    return {
        "history": recorded(history),
        "trained": len(model.trainable_weights),
        "features": extractor.predict(X[:2], verbose=0),
        "both": found,
    }


@script
def merging_layers(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    a, b = keras.Input((2, 3)), keras.Input((2, 3))
    outputs = [
        layers.Add()([a, b, a]),
        layers.Average()([a, b]),
        layers.Maximum()([a, b]),
        layers.Minimum()([a, b]),
        layers.concatenate([a, b], axis=1),
        layers.Dot(axes=2)([a, b]),
        layers.Dot(axes=(1, 1), normalize=True)([a, b]),
        layers.subtract([a, b]),
        layers.multiply([a, layers.GlobalAveragePooling1D()(b)]),
    ]
    model = keras.Model([a, b], outputs)
    settle(model)
    first, second = OTHER[:4, :3], X[:4, :3]
    x = [np.stack([first, second], axis=1), np.stack([second, 2 * first], axis=1)]
    return {"shapes": [list(shape) for shape in model.output_shape], "outputs": model.predict(x, verbose=0)}


@script
def penalties_on_outputs(keras: Any) -> dict[str, Any]:
    class Sparse(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            self.add_loss(0.1 * keras.ops.mean(keras.ops.abs(inputs)))
            return inputs

    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(5, "tanh", activity_regularizer="l2", kernel_regularizer="l2"),
            Sparse(),
            keras.layers.Dense(1, activity_regularizer=keras.regularizers.L1(0.01)),
        ]
    )
    settle(model)
    model.compile("sgd", "mse")
    history = model.fit(X, TARGETS, **OPTIONS)
    return {"history": recorded(history), "score": model.evaluate(X, TARGETS, verbose=0)}


@script
def subclass_with_outputs_in_a_dict(keras: Any) -> dict[str, Any]:
    class Heads(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = keras.layers.Dense(5, activation="tanh")
            self.amount, self.kind = keras.layers.Dense(1), keras.layers.Dense(3, activation="softmax")

        def call(self, inputs: Any, training: Any = None) -> Any:
            hidden = self.body(inputs["features"])
            return {"kind": self.kind(hidden), "amount": self.amount(hidden)}

    model = Heads()
    model({"features": X})
    settle(model)
    model.compile(
        "sgd",
        loss={"amount": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"amount": 1.0, "kind": 0.5},
        metrics={"kind": ["accuracy"]},
    )
    history = model.fit({"features": X}, {"amount": TARGETS[:, None], "kind": LABELS}, **OPTIONS)
    return {"history": recorded(history)}


@script
def functional_model_with_its_own_step(keras: Any) -> dict[str, Any]:
    calls = []

    class Counted(keras.Model):  # type: ignore[misc]
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **_: Any
        ) -> Any:
            calls.append(1)
            return 2.0 * keras.ops.mean(keras.ops.square(y - y_pred))

    x = keras.Input((FEATURES,))
    model = Counted(x, keras.layers.Dense(1)(x))
    settle(model)
    model.compile(optimizer="sgd", metrics=["mae"])
    history = model.fit(X, TARGETS[:, None], **OPTIONS)
    assert calls
    return {"history": {"loss": recorded(history)["loss"]}}


@script
def operations_on_symbolic_tensors(keras: Any) -> dict[str, Any]:
    ops = keras.ops
    features, context = keras.Input((FEATURES,)), keras.Input((3,))
    both = ops.concatenate([ops.relu(keras.layers.Dense(5)(features)), context], axis=-1)
    square = ops.square(both - ops.mean(both, axis=1, keepdims=True))
    gate = ops.sigmoid(ops.sum(square, axis=-1, keepdims=True)) * 2.0
    tall = ops.transpose(ops.reshape(ops.maximum(gate * both, 0.1), (-1, 2, 4)), (0, 2, 1))
    pooled = ops.max(ops.where(tall > 0.2, tall, ops.zeros_like(tall)), axis=1)
    model = keras.Model([features, context], keras.layers.Dense(1)(ops.log(1.0 + ops.abs(pooled))))
    settle(model)
    model.compile("sgd", "mse")
    history = model.fit([X, OTHER], TARGETS, **OPTIONS)
    return {"history": recorded(history), "outputs": model.predict([X[:3], OTHER[:3]], verbose=0)}

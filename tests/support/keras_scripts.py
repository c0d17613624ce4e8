"""Short scripts about `fit`, callbacks, metrics and optimizers, which run with tensorlab or with Keras itself.

Each takes the module tensorlab or keras, and returns its results by name. `record_keras.py` records those of Keras.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from keras_programs import BINARY, FEATURES, LABELS, TARGETS, X, recorded, settle

Script = Callable[[Any], dict[str, Any]]
SCRIPTS: dict[str, Script] = {}
WEIGHTS = np.linspace(0.5, 2.0, len(X)).astype("f4")


def script(function: Script) -> Script:
    SCRIPTS[function.__name__] = function
    return function


def regression(keras: Any, optimizer: Any = "sgd", metrics: Any = ("mae",), **options: Any) -> Any:
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)])
    settle(model)
    model.compile(optimizer=optimizer, loss="mse", metrics=list(metrics), **options)
    return model


def batches(count: int, size: int = 5) -> Iterator[tuple[Any, Any]]:
    for index in range(count):
        start = index * size % len(X)
        yield X[start : start + size], TARGETS[start : start + size]


def quietly(run: Callable[[], Any]) -> Any:
    """Run without the warnings that data has ended or is not shuffled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run()


# The data of fit


@script
def generator_of_batches(keras: Any) -> dict[str, Any]:
    model = regression(keras)
    history = quietly(lambda: model.fit(batches(9), epochs=3, steps_per_epoch=3, verbose=0))
    one = quietly(lambda: model.fit(batches(4), verbose=0))
    score = quietly(lambda: model.evaluate(batches(4), verbose=0))
    outputs = quietly(lambda: model.predict(batches(2), verbose=0))
    return recorded(history) | {"one": one.history["loss"], "score": score, "outputs": outputs}


@script
def generator_for_validation(keras: Any) -> dict[str, Any]:
    model = regression(keras)
    # two batches are all samples: Keras may read a batch ahead, and lose it between evaluations
    options = {"validation_data": batches(20, size=10), "validation_steps": 2, "epochs": 3, "batch_size": 8}
    return recorded(model.fit(X, TARGETS, shuffle=False, verbose=0, **options))


@script
def batches_by_index(keras: Any) -> dict[str, Any]:
    calls: list[str] = []

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            return X[index * 5 : index * 5 + 5], LABELS[index * 5 : index * 5 + 5]

        def on_epoch_end(self) -> None:
            calls.append("end")

    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(3, "softmax")])
    settle(model)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    options = {"epochs": 2, "shuffle": False, "verbose": 0, "class_weight": {0: 1.0, 1: 3.0}}
    history = model.fit(Batches(), validation_data=Batches(), **options)
    assert "end" in calls
    return recorded(history) | {"score": model.evaluate(Batches(), verbose=0), "steps": history.params["steps"]}


@script
def weighted_batches(keras: Any) -> dict[str, Any]:
    def weighted() -> Iterator[Any]:
        for start in range(0, len(X), 5):
            rows = slice(start, start + 5)
            yield X[rows], TARGETS[rows], WEIGHTS[rows]

    model = regression(keras, metrics=(), weighted_metrics=["mae"])
    return recorded(quietly(lambda: model.fit(weighted(), verbose=0)))


@script
def steps_of_arrays(keras: Any) -> dict[str, Any]:
    found = {}
    for steps, epochs in ((3, 4), (7, 2), (5, 2)):  # of 5 batches
        model, options = regression(keras), {"steps_per_epoch": steps, "epochs": epochs, "validation_steps": 2}
        history = quietly(
            lambda model=model, options=options: model.fit(
                X, TARGETS, 4, validation_data=(X, TARGETS), shuffle=False, verbose=0, **options
            )
        )
        found |= {f"{steps} {name}": values for name, values in recorded(history).items()}
    found["score"] = model.evaluate(X, TARGETS, batch_size=4, steps=2, verbose=0)
    found["rows"] = len(model.predict(X, batch_size=4, steps=3, verbose=0))
    return found


@script
def weights_of_validation(keras: Any) -> dict[str, Any]:
    model = regression(keras, weighted_metrics=["mse"])
    validation = (X[:7], TARGETS[:7], WEIGHTS[:7])
    options = {"validation_batch_size": 3, "validation_freq": [1, 3], "initial_epoch": 0, "epochs": 3}
    options |= {"validation_data": validation, "sample_weight": WEIGHTS, "shuffle": False, "verbose": 0}
    return recorded(model.fit(X, TARGETS, **options))


@script
def batch_by_batch(keras: Any) -> dict[str, Any]:
    model, losses = regression(keras), []
    for x, y in batches(4):
        losses.append(model.train_on_batch(x, y))
    weighted = model.train_on_batch(X, TARGETS, sample_weight=WEIGHTS)
    return {
        "losses": losses,
        "weighted": weighted,
        "test": model.test_on_batch(X, TARGETS),
        "outputs": model.predict_on_batch(X[:3]),
        "logs": [model.test_on_batch(X, TARGETS, return_dict=True)[name] for name in ("loss", "mae")],
    }


@script
def stop_and_go_on(keras: Any) -> dict[str, Any]:
    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                self.model.stop_training = True

    model = regression(keras)
    first = model.fit(X, TARGETS, 4, epochs=5, shuffle=False, verbose=0, callbacks=[Stop()])
    second = model.fit(X, TARGETS, 4, epochs=5, initial_epoch=3, shuffle=False, verbose=0)
    assert model.history is second
    binary = [float(np.sum(BINARY)), len(first.epoch)]
    return {"first": first.history["loss"], "second": second.history["loss"], "epochs": second.epoch, "binary": binary}


# Callbacks


@script
def callbacks_that_stop(keras: Any) -> dict[str, Any]:
    found = {}
    for name, options in {
        "patience": {"patience": 2, "monitor": "loss", "min_delta": 0.2},
        "baseline": {"patience": 3, "monitor": "val_mae", "baseline": 0.5, "mode": "min"},
        "late": {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True, "min_delta": 0.5},
    }.items():
        model = regression(keras, keras.optimizers.SGD(0.1, momentum=0.5))
        stop = keras.callbacks.EarlyStopping(**options)
        history = model.fit(X, TARGETS, 5, epochs=12, validation_split=0.25, shuffle=False, verbose=0, callbacks=[stop])
        found[name] = [len(history.epoch), stop.stopped_epoch, stop.best, model.evaluate(X, TARGETS, verbose=0)]
    return found


@script
def callbacks_that_write_logs(keras: Any) -> dict[str, Any]:
    class Norm(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["norm"] = float(np.sum(self.model.get_weights()[0] ** 2))

    seen: list[Any] = []
    show = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)))
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    plateau = keras.callbacks.ReduceLROnPlateau("mae", factor=0.2, patience=1, min_delta=0.3, cooldown=1, min_lr=0.001)
    model = regression(keras)
    options = {"epochs": 4, "batch_size": 5, "shuffle": False, "verbose": 0}
    first = model.fit(X, TARGETS, callbacks=[Norm(), show, schedule], **options)
    second = model.fit(X, TARGETS, callbacks=[plateau], **options)
    return recorded(first) | {"seen": seen} | {f"second {name}": each for name, each in recorded(second).items()}


# Optimizers and schedules


@script
def optimizers_with_options(keras: Any) -> dict[str, Any]:
    optimizers = keras.optimizers
    made = {
        "decayed sgd": optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
        "decayed adam": optimizers.Adam(0.01, weight_decay=0.05, clipnorm=0.5),
        "decayed adamw": optimizers.AdamW(0.01, amsgrad=True),
        "centered": optimizers.RMSprop(0.01, centered=True, momentum=0.2, name="centered"),
        "ftrl": optimizers.Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02, beta=0.1),
        "nadam": optimizers.Nadam(0.01, weight_decay=0.01, global_clipnorm=1.0),
        "adagrad": optimizers.Adagrad(0.1, weight_decay=0.01, clipvalue=0.1),
        "adadelta": optimizers.Adadelta(1.0, weight_decay=0.01),
        "adamax": optimizers.Adamax(0.01, weight_decay=0.01),
    }
    found = {}
    for name, optimizer in made.items():
        model = regression(keras, optimizer, metrics=())
        found[name] = model.fit(X, TARGETS, 5, epochs=3, shuffle=False, verbose=0).history["loss"]
    return found


@script
def learning_rate_schedules(keras: Any) -> dict[str, Any]:
    schedules, found = keras.optimizers.schedules, {}
    made = {
        "exponential": schedules.ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5),
        "staircase": schedules.ExponentialDecay(0.1, 3, 0.5, staircase=True),
        "inverse": schedules.InverseTimeDecay(0.1, 2, 0.5),
        "inverse staircase": schedules.InverseTimeDecay(0.1, 2, 0.5, True),
        "polynomial": schedules.PolynomialDecay(0.1, 6, 0.01, power=2.0),
        "cycle": schedules.PolynomialDecay(0.1, 4, 0.01, power=0.5, cycle=True),
        "piecewise": schedules.PiecewiseConstantDecay([2, 5], [0.1, 0.05, 0.02]),
        "cosine": schedules.CosineDecay(0.1, 8, alpha=0.1),
        "warmup": schedules.CosineDecay(0.0, 6, warmup_target=0.1, warmup_steps=3),
        "restarts": schedules.CosineDecayRestarts(0.1, 3, t_mul=2.0, m_mul=0.8, alpha=0.05),
        "equal restarts": schedules.CosineDecayRestarts(0.1, 3, t_mul=1.0),
    }
    for name, schedule in made.items():
        model = regression(keras, keras.optimizers.SGD(learning_rate=schedule), metrics=())
        found[name] = model.fit(X, TARGETS, 5, epochs=3, shuffle=False, verbose=0).history["loss"]
        found[f"{name} rates"] = [float(schedule(step)) for step in range(13)]
        found[f"{name} next"] = float(model.optimizer.learning_rate)
    return found


@script
def own_schedule(keras: Any) -> dict[str, Any]:
    class Warmup(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            return 0.02 / (1.0 + keras.ops.cast(step, "float32"))

    model = regression(keras, keras.optimizers.Adam(Warmup()))
    return recorded(model.fit(X, TARGETS, 5, epochs=3, shuffle=False, verbose=0))


# Activations, layers, initializers, regularizers and constraints


@script
def further_activations(keras: Any) -> dict[str, Any]:
    points = np.array([[-8.0, -3.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 3.0]], "f4")
    names = (
        "celu hard_shrink hard_silu hard_swish hard_tanh log_sigmoid soft_shrink sparse_plus sparse_sigmoid squareplus "
        "tanh_shrink glu sparsemax"
    )
    found = {name: keras.activations.get(name)(points) for name in names.split()}
    found["mish"] = keras.activations.mish(points)
    return {name: np.asarray(value) for name, value in found.items()}


@script
def layers_without_weights(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.InputLayer((FEATURES,)),
            layers.RepeatVector(3),
            layers.Permute((2, 1)),
            layers.Reshape((6, 2)),
            layers.Activation("tanh"),
            layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1]),
            layers.GaussianDropout(0.0),
            layers.GaussianNoise(0.0),
            layers.Identity(),
            layers.Flatten(),
            layers.Dense(3),
            layers.Softmax(),
        ]
    )
    settle(model)
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    history = model.fit(X, LABELS, batch_size=5, epochs=3, shuffle=False, verbose=0)
    return recorded(history) | {"alpha": model.layers[4].get_weights()[0], "outputs": model.predict(X[:2], verbose=0)}


@script
def constraints_of_weights(keras: Any) -> dict[str, Any]:
    found, constraints = {}, keras.constraints
    for name, constraint in {
        "max": constraints.MaxNorm(0.5),
        "unit": constraints.UnitNorm(axis=1),
        "range": constraints.MinMaxNorm(0.2, 0.4, rate=0.5),
        "non_neg": "non_neg",
    }.items():
        model = keras.Sequential(
            [
                keras.Input((FEATURES,)),
                keras.layers.Dense(3, "tanh", kernel_constraint=constraint),
                keras.layers.Dense(1, bias_constraint=constraints.non_neg(), kernel_constraint=constraint),
            ]
        )
        settle(model)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        found[name] = recorded(model.fit(X, TARGETS, 5, epochs=3, shuffle=False, verbose=0))["loss"]
        found[f"{name} kernel"] = model.layers[0].get_weights()[0]
    return found


@script
def regularizers_of_weights(keras: Any) -> dict[str, Any]:
    found, regularizers = {}, keras.regularizers
    for name, regularizer in {
        "l1": regularizers.l1(0.01),
        "l1_l2": regularizers.L1L2(0.01, 0.02),
        "rows": regularizers.OrthogonalRegularizer(0.1),
        "columns": regularizers.orthogonal_regularizer(0.1, mode="columns"),
        "name": "l2",
    }.items():
        model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(3, kernel_regularizer=regularizer)])
        settle(model)
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False, steps_per_execution=1)
        found[name] = recorded(model.fit(X, X[:, :3], 5, epochs=2, shuffle=False, verbose=0))["loss"]
    return found


@script
def ranges_of_initializers(keras: Any) -> dict[str, Any]:
    """Return standard deviations in a coarse unit."""
    names = (
        "he_normal he_uniform lecun_normal lecun_uniform glorot_normal glorot_uniform normal uniform random_normal "
        "random_uniform truncated_normal zeros ones orthogonal identity"
    )
    found = {}
    for name in names.split():
        values = np.asarray(keras.initializers.get(name)((100, 100)))
        found[name] = round(float(values.std()) * 40.0)
    return found

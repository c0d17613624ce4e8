"""Models of symbolic tensors: their graph, shapes, errors, copies, files and plans."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_graph_scripts import OTHER, two_by_two
from keras_programs import FEATURES, LABELS, TARGETS, X
from test_summary import lines_of

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from tensorlab.layers import Add, BatchNormalization, Concatenate, Dense, Dropout, Flatten, Input, Multiply
from tensorlab.models import architecture

DATA = [X, OTHER]


def outputs_of(model: Any) -> list[Any]:
    found = model.predict({"features": X, "context": OTHER}, verbose=0)
    return list(found.values()) if isinstance(found, dict) else found


def same(first: list[Any], second: list[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def compiled(model: tl.Model) -> tl.Model:
    model.compile(
        "sgd",
        loss={"amount": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"amount": 1.0, "kind": 0.25},
        metrics={"kind": ["accuracy"]},
    )
    return model


# Structure


def test_graph_computes_what_its_layers_compute(rng: np.random.Generator) -> None:
    x = Input((3,), name="x")
    shared = Dense(4, activation="tanh")
    first = shared(x)
    model = tl.Model(x, Dense(2)(Add()([first, Multiply()([first, first])])))
    values = rng.normal(size=(7, 3))
    kernel_1, bias_1, kernel_2, bias_2 = [weight.astype("float64") for weight in model.get_weights()]
    hidden = np.tanh(values @ kernel_1 + bias_1)
    np.testing.assert_allclose(model.predict(values), (hidden + hidden**2) @ kernel_2 + bias_2, rtol=1e-5, atol=1e-6)
    assert model.built
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense", "Multiply", "Add", "Dense"]
    assert model.get_layer("x") is model.layers[0]


def test_symbolic_tensors() -> None:
    x = tl.Input((2, 3), name="pixels", dtype="float64")
    assert isinstance(x, tl.KerasTensor)
    assert (x.shape, x.ndim, x.dtype, x.name) == ((None, 2, 3), 3, tl.float64, "pixels")
    layer = Flatten()
    y = layer(x)
    assert y.shape == layer.output.shape == (None, 6)
    assert layer.input.key == x.key
    assert tl.Input((None, 4), batch_size=8).shape == (8, None, 4)
    assert Dense(2)(tl.Input((None, 4))).shape == (None, None, 2)
    windows = tl.layers.MaxPooling2D(2)(tl.layers.Conv2D(5, 7)(tl.Input((None, None, 3))))
    assert windows.shape == (None, None, None, 5)
    assert tl.layers.GlobalAveragePooling2D()(windows).shape == (None, 5)
    for use in (np.asarray, iter, bool, float, tl.KerasTensor.numpy):
        with pytest.raises(
            ArgumentTypeError, match="KerasTensor: expected a tensor with values, received <KerasTensor"
        ):
            use(x)  # type: ignore[operator]
    with pytest.raises(StateError) as error:
        print(Dense(2, name="d").output)
    assert str(error.value) == (
        "Dense 'd'.output: the layer has not been called on a symbolic tensor; call it on an Input, or put it into a "
        "Sequential that is built"
    )


def test_training_argument_of_a_call_is_kept() -> None:
    x = Input((3,))
    model = tl.Model(x, [Dropout(0.5)(x), Dropout(0.5)(x, training=True), BatchNormalization()(x, training=False)])
    values = np.ones((50, 3), "float32")
    off, on, _ = model(values)
    assert np.array_equal(off.numpy(), values)
    assert set(np.unique(on.numpy())) == {0.0, 2.0}
    mean = model.layers[-1].moving_mean.numpy()
    model(values, training=True)
    assert np.array_equal(model.layers[-1].moving_mean.numpy(), mean)


def test_sequential_is_a_graph_of_a_row() -> None:
    base = tl.Sequential([Input((4,)), Dense(3, activation="relu"), Dense(2)])
    cut = tl.Model(base.inputs, base.layers[-2].output)
    x = np.ones((2, 4), "float32")
    assert np.array_equal(cut.predict(x), base.layers[0](x).numpy())
    later = tl.Sequential([Dense(3), Dense(2)])
    with pytest.raises(StateError, match=r"Sequential '.*'\.outputs: the model has no symbolic inputs and outputs"):
        print(later.outputs)
    later.build((None, 4))
    assert later.outputs[0].shape == later.layers[-1].output.shape == (None, 2)
    middle = tl.Model(base.layers[0].output, base.outputs)  # from a tensor that a layer computes
    assert [type(layer).__name__ for layer in middle.layers] == ["InputLayer", "Dense"]
    assert np.array_equal(middle.predict(cut.predict(x)), base.predict(x))


def test_nested_models_and_their_summary() -> None:
    x = Input((4,), name="x")
    inner = tl.Model(x, [Dense(3, name="a")(x), Dense(3, name="b")(x)], name="inner")
    y = Input((4,), name="y")
    first, second = inner(y)
    model = tl.Model(y, Concatenate(name="join")([first, second]), name="outer")
    assert model.predict(np.ones((2, 4))).shape == (2, 6)
    assert lines_of(model)[1:5] == [
        "Layer (type) | Output Shape | Param # | Connected to",
        "y (InputLayer) | (None, 4) | 0 | -",
        "inner (Functional) | [(None, 3), (None, 3)] | 30 | y[0][0]",
        "join (Concatenate) | (None, 6) | 0 | inner[0][0], inner[0][1]",
    ]
    row = tl.Model(x, Dense(1, name="only")(x))
    assert lines_of(row)[1:4] == [
        "Layer (type) | Output Shape | Param #",
        "x (InputLayer) | (None, 4) | 0",
        "only (Dense) | (None, 1) | 5",
    ]


def test_subclass_of_symbolic_tensors_may_replace_the_step() -> None:
    steps = []

    class Counting(tl.Model):
        def train_step(self, data: Any) -> Any:
            steps.append(1)
            return super().train_step(data)

    x = Input((FEATURES,))
    model = Counting(x, Dense(1)(x))
    model.compile("sgd", "mse")
    model.fit(X, TARGETS, batch_size=10, verbose=0)
    assert len(steps) == 2
    again = Counting.from_config(model.get_config())
    assert type(again) is Counting
    assert again.output_shape == (None, 1)


# Errors


def test_outputs_must_depend_on_the_inputs_only() -> None:
    a, b = Input((2,), name="a"), Input((2,), name="b")
    joined = Dense(1, name="out")(Add(name="sum")([a, b]))
    with pytest.raises(ArgumentError) as error:
        tl.Model(a, joined, name="m")
    assert str(error.value) == (
        "Model 'm' outputs: expected outputs that depend on its inputs only, received out <- sum <- b; add it to "
        "inputs, or leave out what depends on it"
    )
    with pytest.warns(UserWarning, match="Model 'm': no output depends on the input 'b'; leave it out of the inputs"):
        tl.Model([a, b], Dense(1)(a), name="m")
    with pytest.raises(
        ArgumentError, match=r"Model 'm' inputs: expected each input once, received <KerasTensor .*> twice"
    ):
        tl.Model([a, a], joined, name="m")
    with pytest.raises(ArgumentError, match="Model 'm': expected layers of different names, received <Dense 'd'"):
        tl.Model(a, Dense(2, name="d")(Dense(2, name="d")(a)), name="m")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: tl.Model(np.ones(3), x, name="m"), "Model 'm' inputs: expected symbolic tensors, received array"),
        (lambda x: tl.Model(x, Dense(2), name="m"), "Model 'm' outputs: expected symbolic tensors, received <Dense"),
        (lambda x: tl.Model(x, [], name="m"), r"Model 'm' outputs: expected symbolic tensors, received \[\]"),
        (lambda x: tl.Model(x, name="m"), "Model 'm': expected symbolic inputs and outputs, or neither, received inp"),
        (
            lambda x: Add(name="s")([x, np.ones((2, 4), "f4")]),
            r"Add 's': expected symbolic tensors only, received a ndarray of shape \(2, 4\) beside <KerasTensor",
        ),
        (lambda x: tl.Sequential([x, Dense(1)(x)]), "expected a Layer, received <KerasTensor"),
    ],
)
def test_anything_but_symbolic_tensors_is_refused(make: Any, words: str) -> None:
    with pytest.raises(ArgumentTypeError, match=words):
        make(Input((4,)))


def test_shapes_are_checked_when_the_graph_is_made() -> None:
    with pytest.raises(ShapeError, match=r"Concatenate 'c': expected shapes that are equal except along axis -1"):
        Concatenate(name="c")([Input((2, 3)), Input((3, 3))])
    dense = Dense(2, name="d")
    dense(Input((3,)))
    with pytest.raises(ShapeError, match="Dense 'd'"):
        dense(Input((4,)))
    model = two_by_two(tl)
    with pytest.raises(ShapeError) as error:
        model.predict([X[:, :2], OTHER])
    assert str(error.value) == (
        "Model 'two_by_two' input 'features': expected a batch of shape (None, 4), received (20, 2)"
    )
    with pytest.raises(ArgumentError) as count:
        model(X)
    assert str(count.value) == ("Model 'two_by_two' inputs: expected 2 arrays, for ['features', 'context'], received 1")
    with pytest.raises(ArgumentError) as name:
        model.predict({"features": X})
    assert str(name.value) == (
        "Model 'two_by_two' inputs: expected an array for 'context', received ['features']; the model has the inputs "
        "['features', 'context']"
    )


def test_fit_says_which_data_disagrees() -> None:
    model = compiled(two_by_two(tl))
    targets = [TARGETS, LABELS]
    for x, y, weights, words in (
        ([X, OTHER[:5]], targets, None, r"x\[0\] and x\[1\] of one length, received x\[0\] of shape \(20, 4\)"),
        (DATA, [TARGETS, LABELS[:5]], None, r"x\[0\] and y\[1\] of one length, .* y\[1\] of shape \(5,\)"),
        (DATA, {"amount": TARGETS, "kind": LABELS[:3]}, None, r"x\[0\] and y\['kind'\] of one length"),
        (DATA, targets, [np.ones(20), np.ones(3)], r"fit sample_weight\[1\]: expected a weight for each sample"),
        (DATA, [TARGETS[:, None] * np.ones(2), LABELS], None, "y of output 'amount' for Model 'two_by_two'"),
    ):
        with pytest.raises(ShapeError, match=words):
            model.fit(x, y, sample_weight=weights, verbose=0)
    with pytest.raises(
        ArgumentError,
        match=r"y for Model 'two_by_two': expected one for each of the outputs \['amount', 'kind'\], received",
    ):
        model.fit(DATA, [TARGETS, LABELS, LABELS], verbose=0)
    with pytest.raises(ArgumentError, match="class_weight: expected None for a model of several outputs"):
        model.fit(DATA, targets, class_weight={0: 2.0}, verbose=0)


def test_losses_and_metrics_of_other_outputs_are_refused() -> None:
    model = two_by_two(tl)
    for options, words in (
        ({"loss": ["mse"]}, r"loss: expected one for each of the outputs \['amount', 'kind'\], received a list of 1"),
        ({"loss": {"amount": "mse"}}, r"loss: expected a dict with the outputs .*, received the keys \['amount'\]"),
        ({"loss": "mse", "loss_weights": [1.0]}, "loss_weights: expected one for each"),
        ({"loss": "mse", "loss_weights": [1.0, np.inf]}, "loss_weights: expected a finite number"),
        ({"loss": "mse", "metrics": ["mae"]}, r"metrics: expected a list for each of the outputs \['amount', 'kind'\]"),
        ({"loss": "mse", "metrics": {"other": "mae"}}, "metrics: expected a dict with the outputs .* the key 'other'"),
        ({"loss_weights": [1.0, 2.0]}, "loss_weights: expected None without a loss"),
    ):
        with pytest.raises(ArgumentError, match=words):
            model.compile("sgd", **options)
        assert not model.compiled


# Copies and files


def test_copies_and_files_compute_the_same_bits(tmp_path: Path) -> None:
    for structure in (list, dict):
        model = compiled(two_by_two(tl, structure))
        y = {"amount": TARGETS, "kind": LABELS}
        x = dict(zip(("features", "context"), DATA, strict=True))
        model.fit(x, y, verbose=0, epochs=2)
        expected = outputs_of(model)
        path = tmp_path / f"{structure.__name__}.tensorlab"
        model.save(path)
        for again in (tl.load_model(path), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert same(outputs_of(again), expected)
            assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
            assert again.metrics_names == ["loss", "amount_loss", "kind_loss", "kind_accuracy"]
            assert again.get_layer("hidden").output.shape == (None, 6)
        model.save_weights(path)
        for fresh in (
            tl.models.clone_model(model),
            tl.models.model_from_json(model.to_json()),
            tl.Model.from_config(json.loads(json.dumps(model.get_config()))),
        ):
            assert fresh.name == "two_by_two"
            assert [layer.name for layer in fresh.layers] == [layer.name for layer in model.layers]
            assert not same(outputs_of(fresh), expected)
            fresh.load_weights(path)
            assert same(outputs_of(fresh), expected)


def test_shared_layers_and_arguments_of_calls_are_in_the_config() -> None:
    x = Input((3,), name="x")
    dense = Dense(3, name="shared", activation="tanh")
    model = tl.Model(x, dense(dense(Dropout(0.5, name="drop")(x, training=True))), name="m")
    again = tl.Model.from_config(json.loads(json.dumps(model.get_config())))
    assert again.count_params() == 12
    again.set_weights(model.get_weights())
    tl.utils.set_random_seed(3)
    first = model(np.ones((4, 3)))
    tl.utils.set_random_seed(3)
    assert np.array_equal(first.numpy(), again(np.ones((4, 3))).numpy())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda c: c["layers"][1]["inbound_nodes"][0]["args"].__setitem__(0, ref("m2")),
            "calls that begin with an Input",
        ),
        (lambda c: c["layers"][1]["inbound_nodes"][0]["args"].__setitem__(0, ref("x", 4)), "calls that begin with"),
        (lambda c: c.__setitem__("output_layers", ["m2", 0, 3]), "the name of a layer, a call and a result"),
        (lambda c: c.__setitem__("output_layers", ["x"]), "the name of a layer, a call and a result"),
    ],
)
def test_configs_of_broken_graphs_are_refused(change: Any, words: str) -> None:
    x = Input((3,), name="x")
    config = tl.Model(x, Dense(3, name="m2")(Dense(3, name="m1")(x))).get_config()
    change(config)
    with pytest.raises(ArgumentError, match=words):
        tl.Model.from_config(config)


def ref(name: str, call: int = 0) -> Any:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, 0]}}


def test_only_models_are_cloned() -> None:
    with pytest.raises(ArgumentTypeError, match="clone_model"):
        tl.models.clone_model(3)  # type: ignore[arg-type]


def test_deep_graphs_are_copied_and_pickled() -> None:
    x = tensor = Input((2,))
    for _ in range(400):
        tensor = Add()([tensor, x])
    model = tl.Model(x, tensor)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), tl.models.clone_model(model)):
        assert np.array_equal(again.predict(np.ones((1, 2), "f4")), np.full((1, 2), 401, "f4"))


def test_operators_become_layers(rng: np.random.Generator) -> None:
    x, y = Input((3,), name="x"), Input((3,), name="y")
    outputs = [x + y, 2.0 - x, -x * y, x / (y * y + 1.0), abs(x) ** 2.0, x[:, 1:], y[..., 0], x > y]
    model = tl.Model([x, y], outputs)
    a, b = rng.normal(size=(2, 5, 3)).astype("f4")
    expected = [a + b, 2.0 - a, -a * b, a / (b * b + 1.0), np.abs(a) ** 2.0, a[:, 1:], b[..., 0], a > b]
    for again in (model, tl.Model.from_config(json.loads(json.dumps(model.get_config())))):
        for found, value, tensor in zip(again.predict([a, b]), expected, outputs, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)
            assert found.shape[1:] == tensor.shape[1:]
    double = Input((3,), dtype="float64")
    assert (1.0 + double).dtype == tl.float64
    with pytest.raises(ArgumentError, match="KerasTensor index: expected integers and slices, received"):
        x[:, [0, 1]]
    with pytest.raises(ArgumentTypeError, match="expected symbolic tensors only, received a ndarray of shape"):
        x + a
    with pytest.raises(ArgumentTypeError, match=r"one_hot: expected a tensor with values, .* put the op"):
        tl.one_hot(x, 3)


def test_config_in_reverse_order_is_read_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    x = inputs = tl.Input((2,))
    for _ in range(30):
        x = tl.layers.Flatten()(x)
    config = tl.Model(inputs, x).get_config()
    config["layers"] = [config["layers"][0], *config["layers"][:0:-1]]
    calls = []
    sources = architecture._sources
    monkeypatch.setattr(architecture, "_sources", lambda call: (calls.append(call), sources(call))[1])
    assert len(tl.Model.from_config(config).layers) == 31
    assert len([call for call in calls if isinstance(call, dict) and "training" in call]) <= 2 * 30

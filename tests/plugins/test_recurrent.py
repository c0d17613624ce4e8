"""The plugin tensorlab-recurrent: states, masks, files, plans and errors.

`test_recurrent_keras.py` compares numbers with Keras.
"""

from __future__ import annotations

import copy
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_environment import output_of
from recurrent_plugin import FOLDER, recurrent
from tensorlab_recurrent import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    GRUCell,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
    TimeDistributed,
)

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, UnknownNameError

X = np.sin(np.arange(3 * 5 * 2, dtype=np.float32)).reshape(3, 5, 2)
BOTH: list[tuple[type, dict[str, Any]]] = [(SimpleRNN, {}), (LSTM, {}), (GRU, {}), (GRU, {"reset_after": False})]


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    tl.plugins.register(recurrent)
    yield
    tl.plugins.unregister(recurrent)


def settled(layer: Any, seed: int = 0) -> Any:
    """Build a layer for X and give it the weights of a seed."""
    layer.build(X.shape)
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    return layer


def by_hand(layer: Any, x: Any) -> Any:
    """Compute the outputs of all steps by calls of the cell."""
    states, outputs = layer.get_initial_state(len(x)), []
    for t in range(x.shape[1]):
        output, states = layer.cell(x[:, t], states)
        outputs.append(output.numpy())
    return np.stack(outputs, axis=1), states


@pytest.mark.parametrize(("kind", "options"), BOTH)
def test_fused_steps_are_those_of_the_cell(kind: type, options: dict[str, Any]) -> None:
    layer = settled(kind(4, return_sequences=True, return_state=True, **options))
    outputs, *states = layer(X)
    expected, last = by_hand(layer, X)
    np.testing.assert_allclose(outputs.numpy(), expected, rtol=1e-5, atol=1e-6)
    for received, state in zip(states, last, strict=True):
        np.testing.assert_allclose(received.numpy(), state.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
def test_a_function_of_tensors_as_activation_gives_the_same(kind: type) -> None:
    fused = settled(kind(4))
    plain = settled(kind(4, activation=lambda x: tl.tanh(x)))
    np.testing.assert_allclose(plain(X).numpy(), fused(X).numpy(), rtol=1e-5, atol=1e-6)
    plain.cell.activation = "relu"
    np.testing.assert_allclose(plain(X).numpy(), settled(kind(4, activation="relu"))(X).numpy(), rtol=1e-5, atol=1e-6)


def test_an_activation_with_a_derivative_of_its_own_keeps_it() -> None:
    step = tl.Activation(lambda x: 1.0 if x > 0 else -1.0, derivative=lambda x: 1.0)
    layer = settled(SimpleRNN(4, activation=step))
    x = tl.asarray(X)
    with tl.GradientTape() as tape:
        tape.watch(x)
        total = tl.sum(layer(x))
    assert np.abs(tape.gradient(total, x).numpy()).max() > 0


@pytest.mark.parametrize(("kind", "options"), BOTH)
def test_going_backwards_is_reversing_the_inputs(kind: type, options: dict[str, Any]) -> None:
    forward = settled(kind(4, return_sequences=True, **options))
    backward = settled(kind(4, return_sequences=True, go_backwards=True, **options))
    np.testing.assert_array_equal(backward(X).numpy(), forward(X[:, ::-1]).numpy())


def test_stateful_layer_continues_until_it_is_reset() -> None:
    whole = settled(LSTM(4, return_sequences=True))(X).numpy()
    layer = settled(LSTM(4, return_sequences=True, stateful=True))
    assert layer.states == []
    for _ in range(2):
        parts = [layer(X[:, :2]).numpy(), layer(X[:, 2:]).numpy()]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-5, atol=1e-6)
        layer.reset_state()
    assert [weight.name.rpartition("/")[2] for weight in layer.weights] == ["kernel", "recurrent_kernel", "bias"]


def test_building_a_model_changes_no_state() -> None:
    model = tl.Sequential([tl.Input((5, 2)), GRU(4, stateful=True), tl.layers.Dense(1)])
    layer = model.layers[0]
    assert layer.states == []
    model.compile("sgd", "mse")
    model.fit(np.repeat(X, 18, axis=0), np.ones((54, 1)), batch_size=3, shuffle=False, verbose=0)
    assert model.training_plan.reason == ""
    assert [state.shape for state in layer.states] == [(3, 4)]
    assert float(tl.max(tl.abs(layer.states[0]))) > 0
    with pytest.raises(
        ShapeError, match=r"^GRU .*: expected a batch of 3 samples, for which it keeps states, received 2"
    ):
        model(X[:2])
    before = layer.states[0].numpy().copy()
    model.build(X.shape)
    np.testing.assert_array_equal(layer.states[0].numpy(), before)
    layer.reset_state()
    assert model(X[:2]).shape == (2, 1)


@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
def test_training_is_a_plan_with_the_bits_of_python(kind: type) -> None:
    results = []
    for eager in (False, True):
        tl.utils.set_random_seed(1)
        model = tl.Sequential([tl.Input((5, 2)), kind(4, dropout=0.25), tl.layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=eager)
        history = model.fit(np.repeat(X, 18, axis=0), np.ones((54, 1)), batch_size=3, verbose=0)
        assert bool(model.training_plan.reason) == eager
        results.append([history.history["loss"], *[weight.tolist() for weight in model.get_weights()]])
    assert results[0] == results[1]


def test_masked_steps_do_not_change_anything() -> None:
    layer = settled(Bidirectional(LSTM(3, return_sequences=True)))
    mask = np.array([[1, 1, 1, 0, 0]] * 3, bool)
    other = X.copy()
    other[:, 3:] = np.nan
    expected = layer(X, mask=mask).numpy()
    np.testing.assert_array_equal(layer(other, mask=mask).numpy(), expected)
    assert not expected[:, 3:].any(), "a layer in both directions returns 0 for skipped steps, as in Keras"


@pytest.mark.parametrize(("kind", "options"), BOTH)
def test_sequences_without_steps_return_the_initial_state(kind: type, options: dict[str, Any]) -> None:
    layer = settled(kind(4, return_state=True, **options))
    first = [tl.full((3, 4), 0.5 + k) for k in range(len(layer.state_size))]
    output, *states = layer(X[:, :0], initial_state=first)
    assert output.tolist() == first[0].tolist()
    assert [state.tolist() for state in states] == [state.tolist() for state in first]
    assert settled(kind(4, return_sequences=True, **options))(X[:, :0]).shape == (3, 0, 4)
    assert settled(kind(4, **options))(X[:0]).shape == (0, 4)


def test_dropouts_are_the_same_at_every_step_and_repeatable() -> None:
    x = np.ones((50, 4, 1), np.float32)
    drawn = []
    for _ in range(2):
        tl.utils.set_random_seed(3)
        layer = SimpleRNN(1, "linear", kernel_initializer="ones", recurrent_initializer="zeros", dropout=0.5,
                          return_sequences=True)  # fmt: skip
        drawn.append(layer(x, training=True).numpy())
    assert {0.0, 2.0} == set(drawn[0].ravel().tolist())
    np.testing.assert_array_equal(drawn[0], np.repeat(drawn[0][:, :1], 4, axis=1))
    np.testing.assert_array_equal(drawn[1], drawn[0])
    np.testing.assert_array_equal(layer(x).numpy(), x)


class Doubling(tl.layers.Layer):
    """A cell of a user: it adds twice the input to its state."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.state_size = units

    def call(self, inputs: tl.Tensor, states: tl.Tensor) -> tuple[tl.Tensor, tl.Tensor]:
        after = states + 2.0 * inputs
        return after, after


def test_a_cell_of_a_user() -> None:
    np.testing.assert_allclose(RNN(Doubling(2))(X).numpy(), 2 * X.sum(axis=1), rtol=1e-5)


def test_time_distributed_passes_masks_on() -> None:
    layer = TimeDistributed(LSTM(3))
    x, mask = np.stack([X] * 2, axis=1), np.ones((3, 2, 5), bool)
    mask[:, :, 3:] = False
    outputs = layer(x, mask=mask).numpy()
    np.testing.assert_allclose(outputs[:, 1], layer.layer(X, mask=mask[:, 0]).numpy(), rtol=1e-5, atol=1e-6)


def every_layer() -> tl.Sequential:
    return tl.Sequential(
        [
            tl.Input((5, 2)),
            Bidirectional(LSTM(3, return_sequences=True), merge_mode="sum"),
            RNN(SimpleRNNCell(3, activation="relu"), return_sequences=True),
            TimeDistributed(tl.layers.Dense(2)),
            GRU(4, reset_after=False, kernel_regularizer="l2"),
        ]
    )


@pytest.mark.parametrize("way", ["saved", "pickled", "copied"])
def test_copies_of_a_model_compute_the_same(way: str, tmp_path: Path) -> None:
    model = every_layer()
    expected = model(X).numpy()
    if way == "saved":
        model.save(tmp_path / "model.tensorlab")
        made = tl.load_model(tmp_path / "model.tensorlab")
    else:
        made = pickle.loads(pickle.dumps(model)) if way == "pickled" else copy.deepcopy(model)
    np.testing.assert_array_equal(made(X).numpy(), expected)
    assert len(made.losses) == 1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as written by ``pip install --target``."""
    made = tmp_path_factory.mktemp("site")
    info = made / "tensorlab_recurrent-0.1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[tensorlab]\nrecurrent = tensorlab_recurrent\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorlab-recurrent\nVersion: 0.1.0\n")
    shutil.copytree(FOLDER / "tensorlab_recurrent", made / "tensorlab_recurrent")
    return made


def test_load_model_finds_the_plugin_and_names_a_missing_one(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.tensorlab"
    saving = f"""
        import tensorlab as tl
        from tensorlab_recurrent import LSTM
        with tl.device("reference"):
            tl.Sequential([tl.Input((5, 2)), LSTM(3)]).save({str(file)!r})
    """
    loading = f"""
        import tensorlab as tl
        try:
            with tl.device("reference"):
                print(tl.load_model({str(file)!r})(tl.ones((1, 5, 2))).shape)
        except tl.errors.TensorlabError as error:
            print(error)
    """
    assert output_of(site, saving) == ""
    assert output_of(site, loading) == "(1, 3)\n"
    said = output_of(tmp_path, loading)
    assert "tensorlab-recurrent" in said
    assert "install" in said


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: LSTM(0), ArgumentError, "LSTM units: expected an integer of at least 1, received 0"),
    (lambda: GRU(True), ArgumentError, "GRU units: expected an integer of at least 1, received True"),
    (lambda: SimpleRNNCell("3", name="c"), ArgumentError, "SimpleRNNCell 'c' units: expected an integer of at least 1"),
    (
        lambda: LSTM(3, dropout=1.0),
        ArgumentError,
        "LSTM dropout: expected a number of at least 0 and below 1, received 1.0",
    ),
    (
        lambda: SimpleRNN(3, recurrent_dropout=-0.5),
        ArgumentError,
        "SimpleRNN recurrent_dropout: expected a number of at least 0 and below 1, received -0.5",
    ),
    (lambda: LSTM(3, activation="tanhh"), UnknownNameError, "did you mean 'tanh'"),
    (
        lambda: RNN(3, name="r"),
        ArgumentTypeError,
        "RNN 'r' cell: expected a cell, received 3; give an object such as LSTMCell",
    ),
    (lambda: RNN(tl.layers.Dense(3), name="r"), ArgumentTypeError, "RNN 'r' cell: expected a cell, received <Dense"),
    (
        lambda: LSTM(3, name="l")(X[0]),
        ShapeError,
        "LSTM 'l': expected inputs of shape (batch, time, features), received (5, 2)",
    ),
    (lambda: LSTM(3, name="l")(X[..., None]), ShapeError, "LSTM 'l': expected inputs of shape (batch, time, features)"),
    (
        lambda: LSTM(3, name="l")(X.astype(int)),
        DTypeError,
        "LSTM 'l': expected inputs of real numbers, received int64; put an Embedding before it",
    ),
    (
        lambda: LSTM(3, name="l")(X, initial_state=[tl.zeros((3, 3))]),
        ShapeError,
        "LSTM 'l' initial_state: expected a list of states of (3, 3) and (3, 3), received (3, 3)",
    ),
    (
        lambda: GRU(3, name="g")(X, mask=np.ones((3, 4))),
        ShapeError,
        "GRU 'g' mask: expected the shape (3, 5), received (3, 4)",
    ),
    (
        lambda: LSTMCell(3, name="c")(X),
        ShapeError,
        "LSTMCell 'c': expected inputs of shape (batch, features), received",
    ),
    (
        lambda: GRUCell(3, name="c").build((None, None)),
        ShapeError,
        "GRUCell 'c': expected a shape whose last length is known",
    ),
    (
        lambda: Bidirectional(3, name="b"),
        ArgumentTypeError,
        "Bidirectional 'b' layer: expected a recurrent layer, received 3",
    ),
    (
        lambda: Bidirectional(LSTM(3), merge_mode="max", name="b"),
        ArgumentError,
        "Bidirectional 'b' merge_mode: expected one of 'sum', 'mul', 'ave', 'concat', None, received 'max'",
    ),
    (
        lambda: Bidirectional(LSTM(3), backward_layer=LSTM(3), name="b"),
        ArgumentError,
        "Bidirectional 'b' backward_layer: expected layers of different directions, received go_backwards=False",
    ),
    (
        lambda: Bidirectional(LSTM(3), backward_layer=LSTM(3, go_backwards=True, stateful=True), name="b"),
        ArgumentError,
        "Bidirectional 'b' stateful: expected the same value in both layers, received False and True",
    ),
    (
        lambda: Bidirectional(LSTM(3), weights=[1], name="b"),
        ArgumentError,
        "Bidirectional 'b' weights: expected None, received [1]; call set_weights once it is built",
    ),
    (
        lambda: TimeDistributed("Dense", name="t"),
        ArgumentTypeError,
        "TimeDistributed 't' layer: expected a layer, received",
    ),
    (
        lambda: TimeDistributed(tl.layers.Dense(3), name="t")(X[0]),
        ShapeError,
        "TimeDistributed 't': expected inputs of shape (batch, time, …), received (5, 2)",
    ),
    (
        lambda: TimeDistributed(tl.layers.Dense(3), name="t")(X, mask=np.ones((2, 5), bool)),
        ShapeError,
        "TimeDistributed 't' mask: expected a shape that begins with (3, 5), received (2, 5)",
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), WRONG)
def test_errors_name_the_layer(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


LAYERS = """
    SimpleRNN(3, activation="softsign", go_backwards=True),
    GRU(3, reset_after=False),
    Bidirectional(SimpleRNN(2), merge_mode="mul"),
    TimeDistributed(tl.layers.Dense(2, activation="tanh")),
"""


def test_conformance_of_layers_with_arguments(site: Path) -> None:
    said = output_of(
        site,
        f"""
        import numpy as np, tensorlab as tl
        from tensorlab_recurrent import *
        x = np.random.default_rng(0).normal(size=(4, 3, 2))
        for layer in ({" ".join(LAYERS.split())}):
            print(type(layer).__name__, tl.testing.check_layer(layer, inputs=x).passed)
        """,
    )
    names = ("SimpleRNN", "GRU", "Bidirectional", "TimeDistributed")
    assert said == "".join(f"{name} True\n" for name in names)

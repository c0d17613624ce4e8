"""Unexpected or missing arguments: the error names the class or function, the argument, and a correction."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.arguments import followed_by
from tensorlab.errors import ArgumentError, ArgumentTypeError
from tensorlab.layers import Dense, Dropout, Layer
from tensorlab.registry import registries

DENSE = (
    "units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, "
    "activity_regularizer, kernel_constraint, bias_constraint, name, dtype, trainable"
)


class Scaled(Layer):
    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(**options)
        self.size = size


class Wrong(Dense):
    def __init__(self, size: int) -> None:
        super().__init__(unitz=size)  # type: ignore[call-arg]


class Open(Dense):
    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)


class Broken(Layer):
    def __init__(self, size: int) -> None:
        super().__init__()
        len(size)  # type: ignore[arg-type]


class Base(Layer):
    def __init__(self, rate: float = 0.5, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.seed = rate, seed


class Extended(Base):
    @followed_by(Base)
    def __init__(self, size: int, depth: int = 1, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.size, self.depth = size, depth


class Sevens(tl.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> tl.Tensor:
        return tl.full(shape, 7.0, dtype=dtype)


class Counting:
    def __init__(self, count: int = 1) -> None:
        self.count = count


class Both(tl.callbacks.Callback, Counting):
    pass


def lion(w: float, g: float, m: float, learning_rate: float = 0.1) -> tuple[float, float]:
    return w - learning_rate * g, m


def huber(y_true: float, y_pred: float, delta: float = 1.0) -> float:
    return delta * abs(y_true - y_pred)


def model() -> tl.Sequential:
    return tl.Sequential([Dense(1)], name="net")


x = np.ones((4, 2), "float32")
optimizers: Any = tl.optimizers
any_dense: Any = Dense
any_dropout: Any = Dropout

CALLS: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: any_dense(), "Dense: expected a value for 'units'", "received none"),
    (lambda: any_dense(3, unit=1), f"Dense: expected arguments among: {DENSE}", "'unit'; did you mean 'units'?"),
    (lambda: any_dense(output_dim=3), "Dense: expected arguments among: units, ", "'output_dim'; write units=..."),
    (lambda: any_dense(3, bias=False), "Dense: expected arguments among: units, ", "'bias'; write use_bias=..."),
    (lambda: any_dense(3, weights=[]), "Dense: expected arguments", "'weights'; build the layer and call set_weights"),
    (lambda: any_dense(3, "relu", units=4), "Dense: expected one value for 'units'", "one by position and one by name"),
    (
        lambda: any_dense(*range(12)),
        "Dense: expected at most 10 arguments by position (units, ",
        "give by name: name, d",
    ),
    (lambda: any_dropout(p=0.5), "Dropout: expected arguments among: rate, ", "'p'; write rate=..."),
    (lambda: any_dense.from_config({"units": 3, "foo": 4}), "Dense: expected arguments", "the unknown argument 'foo'"),
    (lambda: tl.Sequential([], nam="net"), "Sequential: expected arguments", "'nam'; did you mean 'name'?"),
    (
        lambda: optimizers.SGD(lr=0.1),
        "SGD: expected arguments among: learning_rate, momentum, ",
        "write learning_rate=",
    ),
    (
        lambda: optimizers.Adam(decay=1e-6),
        "Adam: expected arguments",
        "'decay'; give learning_rate=tl.optimizers.schedules.InverseTimeDecay(",
    ),
    (
        lambda: optimizers.Adam(beta1=0.9),
        "Adam: expected arguments among: learning_rate, beta_1",
        "did you mean 'beta_1'",
    ),
    (lambda: tl.OptimizerRule(lion)(0.1), "OptimizerRule: expected no arguments by position", "give them by name"),
    (
        lambda: tl.LossRule(huber)("sum", 2.0),
        "LossRule: expected at most 1 argument by position (reduction)",
        "received 2",
    ),
    (lambda: tl.losses.MeanSquaredError(nam="x"), "MeanSquaredError: expected arguments", "did you mean 'name'?"),
    (lambda: tl.metrics.Mean(1, 2, 3), "Mean: expected at most 2 arguments by position (name, dtype)", "received 3"),
    (lambda: tl.regularizers.L2(l=3), "L2: expected arguments among: l2", "'l'; did you mean 'l2'?"),
    (lambda: tl.initializers.Zeros(3), "Zeros: expected no arguments", "received 1"),
    (lambda: tl.callbacks.History(path=""), "History: expected no arguments", "the unknown argument 'path'"),
    (lambda: Scaled(), "Scaled: expected a value for 'size'", "received none"),  # type: ignore[call-arg]
    (
        lambda: Scaled(3, nme="a"),
        "Scaled: expected arguments among: size, name, dtype, trainable",
        "did you mean 'name'",
    ),
    (lambda: Open(3, foo=1), "Open: expected arguments", "the unknown argument 'foo'"),
    (lambda: Wrong(3), f"Wrong: Dense.__init__: expected arguments among: {DENSE}", "'unitz'; did you mean 'units'?"),
    (lambda: Wrong(unitz=3), "Wrong: expected arguments among: size", "the unknown argument 'unitz'"),  # type: ignore[call-arg]
    (lambda: Sevens(seed=1), "Sevens: expected no arguments", "the unknown argument 'seed'"),
    (lambda: model().compile(optimiser="sgd"), "Sequential 'net'.compile: expected", "did you mean 'optimizer'?"),
    (lambda: model().fit(x, x, nb_epoch=3), "Sequential 'net'.fit: expected", "'nb_epoch'; write epochs=..."),
    (
        lambda: model().fit(x, x, workers=3),
        "Sequential 'net'.fit: expected",
        "'workers'; leave it out: tl.set_num_thre",
    ),
    (lambda: model().fit(), "Sequential 'net'.fit: expected a value for 'x'", "received none"),
    (lambda: model().evaluate(x, x, X=x), "Sequential 'net'.evaluate: expected", "'X'; write x=..."),
    (lambda: model().predict(x, batch=3), "Sequential 'net'.predict: expected", "did you mean 'batch_size'"),
    (lambda: tl.Variable(1.0, requires_grad=True), "Variable: expected", "'requires_grad'; write trainable=..."),
    (lambda: tl.GradientTape(persist=True), "GradientTape: expected", "did you mean 'persistent'?"),
]


@pytest.mark.parametrize(("call", "who", "then"), CALLS, ids=map(str, range(len(CALLS))))
def test_wrong_arguments_are_explained(call: Callable[[], Any], who: str, then: str) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        call()
    message = str(caught.value)
    assert who in message
    assert message.index(", received ") < message.index(then) + len(", received ")
    assert then in message
    assert isinstance(caught.value, TypeError)
    assert caught.value.__cause__ is None


def test_registered_classes_are_named_in_errors() -> None:
    for kind, registry in registries.items():
        for entry in registry:
            if kind in ("backend", "dataset", "activation"):
                continue
            with pytest.raises(ArgumentTypeError, match="the unknown argument 'nonsense'") as caught:
                entry.thing(nonsense=1)
            assert str(caught.value).startswith(f"{entry.thing.__name__}: expected ")


def test_hyperparameters_suggest_other_spellings() -> None:
    with pytest.raises(ArgumentError, match=r"received lr; write learning_rate=\.\.\."):
        tl.OptimizerRule(lion)(lr=0.1)


def test_error_inside_a_valid_call_is_unchanged() -> None:
    with pytest.raises(TypeError, match="object of type 'int' has no len") as caught:
        Broken(3)
    assert not isinstance(caught.value, ArgumentTypeError)

    def loss(y_true: tl.Tensor, y_pred: tl.Tensor) -> Any:
        return len(3)  # type: ignore[arg-type]

    network = model()
    network.compile("sgd", loss)
    with pytest.raises(TypeError, match="object of type 'int' has no len") as caught, tl.device("reference"):
        network.fit(x, x[:, :1], verbose=0)
    assert not isinstance(caught.value, ArgumentTypeError)


def test_mixin_after_a_base_receives_its_arguments() -> None:
    assert Both(count=3).count == 3  # type: ignore[call-arg]
    assert Open(3).units == 3


def test_constructor_followed_by_that_of_its_base_has_one_signature() -> None:
    assert list(inspect.signature(Extended).parameters) == ["size", "depth", "rate", "seed", "options"]
    layer = Extended(3, 4, 0.25, seed=5, name="extended")
    assert (layer.size, layer.depth, layer.rate, layer.seed) == (3, 4, 0.25, 5)
    config = {"size": 3, "depth": 4, "rate": 0.25, "seed": 5, "name": "extended"}
    assert layer.get_config() == config
    assert Extended.from_config(config).get_config() == config
    assert Extended(3, rate=0.25).get_config() == {"size": 3, "depth": 1, "rate": 0.25, "seed": None}
    with pytest.raises(ArgumentTypeError, match=r"size, depth, rate, seed, name.*'rat'; did you mean 'rate'"):
        Extended(3, rat=0.25)
    with pytest.raises(ArgumentTypeError, match=r"at most 4 arguments by position \(size, depth, rate, seed\)"):
        Extended(3, 4, 0.25, 5, 6)
    with pytest.raises(ArgumentTypeError, match="one value for 'rate'"):
        Extended(3, 4, 0.25, rate=0.5)

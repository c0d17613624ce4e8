"""Copies, deep copies and pickles of layers and models keep shared weights, and continue training like the original."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Activation, Dense, Dropout, Flatten, Input, Layer, Rescaling
from tensorlab.regularizers import L2

Array = np.ndarray[Any, Any]


def pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


COPIES: list[Callable[[Any], Any]] = [copy.deepcopy, pickled]


class Shared(tl.Model):
    """A model with a shared layer, containers, a tied weight, a frozen layer and a cycle."""

    def __init__(self) -> None:
        super().__init__()
        shared = Dense(4, activation="relu", kernel_regularizer=L2(0.01))
        self.blocks = [tl.Sequential([shared, Dropout(0.2)]), {"again": shared}]
        self.frozen = Dense(4, trainable=False)
        self.tied = Dense(4)
        self.head = Dense(1)
        self.around = [self]

    def build(self, input_shape: Any) -> None:
        self.frozen.build((None, 4))
        self.tied.build((None, 4))
        self.tied.kernel = self.frozen.kernel
        self.gain = self.add_weight((), "ones")

    def call(self, x: tl.Tensor) -> tl.Tensor:
        x = self.blocks[1]["again"](self.blocks[0](x))
        return self.head(self.tied(self.frozen(x))) * self.gain


def make_sequential() -> tl.Model:
    return tl.Sequential([Input((4,)), Rescaling(0.5), Dense(4, activation="relu"), Dropout(0.2), Dense(1)])


def data() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 4)).astype("float32"), rng.normal(size=(8, 1)).astype("float32")


def trained(model: Any, optimizer: str) -> Any:
    chosen = {"sgd": tl.optimizers.SGD(0.01, momentum=0.9), "adam": tl.optimizers.Adam(0.01)}[optimizer]
    model.compile(chosen, "mse")
    model.fit(*data(), epochs=3, verbose=0)
    return model


def losses(model: Any, count: int = 3) -> list[float]:
    """Return the losses of steps with the same random numbers in every call."""
    found = []
    for step in range(count):
        tl.random.set_seed(step)
        found.append(model.train_on_batch(*data(), return_dict=True)["loss"])
    return found


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("make", [Shared, make_sequential])
def test_copy_continues_training_like_the_original(make: Any, optimizer: str, copied: Callable[[Any], Any]) -> None:
    model = trained(make(), optimizer)
    other = copied(model)
    before = model.get_weights()
    expected = losses(model)
    assert [np.array_equal(a, b) for a, b in zip(other.get_weights(), before, strict=True)] == [True] * len(before)
    assert losses(other) == expected
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert expected[0] != losses(model)[0]


@pytest.mark.parametrize("copied", COPIES)
def test_copy_keeps_shared_weights_and_layers(copied: Callable[[Any], Any]) -> None:
    model = Shared()
    model(data()[0])
    other = copied(model)
    assert [weight.name for weight in other.weights] == [weight.name for weight in model.weights]
    assert other.blocks[0].layers[0] is other.blocks[1]["again"]
    assert other.tied.kernel is other.frozen.kernel
    assert other.around[0] is other
    assert not {id(weight) for weight in model.weights} & {id(weight) for weight in other.weights}
    assert [w.name for w in other.trainable_weights] == [w.name for w in model.trainable_weights]
    assert not other.frozen.trainable
    assert [float(loss) for loss in other.losses] == [float(loss) for loss in model.losses]
    other.set_weights([weight + 1 for weight in other.get_weights()])
    assert not np.array_equal(other.predict(data()[0]), model.predict(data()[0]))


@pytest.mark.parametrize("copied", COPIES)
def test_copy_of_an_unbuilt_model_is_built_independently(copied: Callable[[Any], Any]) -> None:
    model = tl.Sequential([Flatten(), Dense(3, activation="relu"), Activation("tanh"), Dense(1)])
    model.compile("sgd", "mse")
    other = copied(model)
    other.fit(*data(), verbose=0)
    assert (model.built, other.built) == (False, True)
    assert model.predict(np.ones((2, 7))).shape == (2, 1)
    assert other.weights[0].shape == (4, 3)
    other.unbuild()
    assert (model.built, other.built) == (True, False)


def test_deep_copy_keeps_functions_that_cannot_be_pickled() -> None:
    model = tl.Sequential(
        layer
        for layer in (
            Dense(3, activation=lambda x: x * 2.0, kernel_regularizer=lambda w: tl.sum(w)),
            Dense(1, kernel_initializer=lambda shape, dtype: tl.ones(shape, dtype=dtype)),
        )
    )
    model.compile("sgd", "mse")
    model.fit(*data(), verbose=0)
    other = copy.deepcopy(model)
    assert losses(other) == losses(model)


def test_shallow_copy_shares_weights_but_not_the_structure() -> None:
    model = make_sequential()
    other = copy.copy(model)
    assert [a is b for a, b in zip(model.weights, other.weights, strict=True)] == [True] * 4
    other.add(Dense(2))
    other.pop()
    other.pop()
    assert (len(model.layers), len(other.layers)) == (4, 3)
    assert model.predict(data()[0]).shape == (8, 1)
    layer = Dense(3)
    twin = copy.copy(layer)
    twin(data()[0])
    assert not layer.built
    assert layer.weights == []


def test_copy_has_its_own_lock() -> None:
    class Copies(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.made: list[Layer] = []

        def call(self, x: tl.Tensor) -> tl.Tensor:  # while its lock is held
            if not self.made:
                twin = copy.deepcopy(self)
                twin.made.append(self)
                self.made.append(twin)
                return twin(x)
            return x + 1.0

    assert Copies()(np.zeros((1, 2), "float32")).tolist() == [[1.0, 1.0]]


def test_pickled_model_continues_training_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "model.pickle"
    model = trained(tl.Sequential([Dense(50, activation="relu"), Dense(1)]), "sgd")
    path.write_bytes(pickle.dumps(model))
    expected = losses(model)
    program = f"""
import pickle, sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]!r}
import tensorlab as tl
from test_models_copies import losses
kept = []
for count in (0, 3, 10, 13, 16):
    kept.append([tl.asarray(0.0) for _ in range(count)])  # ids of tensors differ between processes
    model = pickle.load(open({str(path)!r}, "rb"))
    kept.append(model)
    print(losses(model))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    for line in lines:
        np.testing.assert_allclose([float(number) for number in line.strip("[]").split(",")], expected, rtol=1e-6)

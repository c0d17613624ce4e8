"""The cost of a plugin's scalar functions: the number of kernel runs, counted by a backend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from plugin_environment import install, output_of

import tensorlab as tl


class Counting(tl.backends.CPUBackend):
    """A CPU backend that counts kernel runs."""

    name = "counting"
    ran: ClassVar[Counter[str]] = Counter()

    def map(self, *arguments: Any) -> Callable[..., Any]:
        return self._counted("map", super().map(*arguments))

    def reduce(self, *arguments: Any) -> Callable[..., Any]:
        return self._counted("reduce", super().reduce(*arguments))

    def _counted(self, shape: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.ran[shape] += 1
            return run(*arguments)

        return counted

    def rowwise(self, *arguments: Any) -> Any:
        self.ran["rowwise"] += 1
        return super().rowwise(*arguments)

    def matmul(self, *arguments: Any) -> Any:
        self.ran["matmul"] += 1
        return super().matmul(*arguments)

    def update(self, *arguments: Any) -> None:
        self.ran["update"] += 1
        super().update(*arguments)


def rectified(x: float) -> float:
    return x if x > 0 else 0.0


def squared_error(y_true: float, y_pred: float) -> float:
    return (y_true - y_pred) * (y_true - y_pred)


def descent(w: float, g: float, learning_rate: float = 0.01) -> float:
    return w - learning_rate * g


@pytest.fixture(autouse=True)
def _plugin() -> Iterator[None]:
    things = {
        "backends": {"counting": Counting},
        "activations": {"rectified": tl.Activation(rectified)},
        "losses": {"squared_error": tl.LossRule(squared_error)},
        "optimizers": {"descent": tl.OptimizerRule(descent)},
    }
    hooks = {
        kind: tl.hookimpl(lambda those=those: those, specname=f"tensorlab_register_{kind}")
        for kind, those in things.items()
    }
    tl.plugins.register(SimpleNamespace(**hooks), "counted")
    yield
    tl.plugins.unregister("counted")


def counted(run: Callable[[], Any]) -> Counter[str]:
    run()
    Counting.ran.clear()  # the first run compiles
    run()
    return Counter(Counting.ran)


def test_activation_of_a_plugin_runs_in_the_epilogue_of_the_product(rng: np.random.Generator) -> None:
    x = rng.normal(size=(32, 20)).astype("float32")
    outputs = {}
    with tl.device("counting"):
        tensor = tl.asarray(x)
        for name in ("relu", "rectified"):
            tl.utils.set_random_seed(3)
            layer = tl.layers.Dense(8, activation=name)
            assert counted(lambda layer=layer: layer(tensor)) == {"matmul": 1}
            outputs[name] = np.asarray(layer(tensor))
    assert np.array_equal(outputs["relu"], outputs["rectified"])


def test_training_step_with_rules_runs_as_many_kernels_as_builtins(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(16, 5)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    ran, weights = [], []
    with tl.device("counting"):
        for activation, loss, optimizer in (("relu", "mse", "sgd"), ("rectified", "squared_error", "descent")):
            tl.utils.set_random_seed(3)
            model = tl.Sequential([tl.layers.Dense(8, activation=activation), tl.layers.Dense(1)])
            model.compile(optimizer, loss)
            ran.append(counted(lambda model=model: model.train_on_batch(x, y)))
            weights.append([weight.tobytes() for weight in model.get_weights()])
    assert ran[0] == ran[1]
    assert ran[0]["update"] == 1
    assert weights[0] == weights[1]


def test_plugins_are_imported_at_the_first_look_up_without_numba(tmp_path: Any) -> None:
    source = """
    import tensorlab as tl
    def wave(x):
        return x * %d + 1.0
    @tl.hookimpl
    def tensorlab_register_activations():
        return {"wave%d": tl.Activation(wave)}
    """
    for number in range(8):
        install(tmp_path, f"wave{number}", source % (number, number))
    text = output_of(
        tmp_path,
        """
        import sys
        import tensorlab as tl
        def imported():
            return sum(name.startswith("plugin_wave") for name in sys.modules)
        print(imported(), "numba" in sys.modules)
        tl.activations.get("relu")
        print(imported(), "numba" in sys.modules, "llvmlite" in sys.modules)
        print(float(tl.activations.get("wave3")(2.0)))
        """,
    )
    assert text.splitlines() == ["0 False", "8 False False", "7.0"]

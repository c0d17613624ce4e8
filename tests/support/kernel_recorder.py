"""Print the keys of the kernels that programs look up on the CPU backend, without compiling them.

Arguments are ``program:dtype``. Run it in a new process, because it replaces `library.find`.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from gradient_cases import BINARY, CASES, UNARY

import tensorlab as tl
from tensorlab import devices
from tensorlab.backends import CPUBackend, ReferenceBackend
from tensorlab.kernels.runtime import library
from tensorlab.plugins import builtins

keys: list[str] = []


def found(maker: str, arguments: tuple[Any, ...] = (), compiled: object = None) -> Callable[..., None]:
    """Record a kernel, and return one that does nothing."""
    keys.append(library.key_of(maker, arguments))

    def kernel(*arguments: Any) -> None:
        pass

    kernel.__self__ = 0  # type: ignore[attr-defined]  # its address
    return kernel


class Recorder(CPUBackend):
    """The CPU backend, whose kernels do nothing; results are those of the reference backend."""

    reference = ReferenceBackend()

    def map(self, *arguments: Any) -> Any:
        super().map(*arguments)
        return self.reference.map(*arguments)

    def reduce(self, *arguments: Any) -> Any:
        super().reduce(*arguments)
        return self.reference.reduce(*arguments)

    def arg_reduce(self, *arguments: Any) -> Any:
        super().arg_reduce(*arguments)
        return self.reference.arg_reduce(*arguments)

    def rowwise(self, *arguments: Any) -> Any:
        super().rowwise(*arguments)
        return self.reference.rowwise(*arguments)

    def scan(self, *arguments: Any) -> Any:
        super().scan(*arguments)
        return self.reference.scan(*arguments)

    def matmul(self, *arguments: Any) -> Any:
        super().matmul(*arguments)
        return self.reference.matmul(*arguments)

    def convolve(self, *arguments: Any) -> Any:
        super().convolve(*arguments)
        return self.reference.convolve(*arguments)

    def convolve_weights(self, *arguments: Any) -> Any:
        super().convolve_weights(*arguments)
        return self.reference.convolve_weights(*arguments)

    def convolve_images(self, *arguments: Any) -> Any:
        super().convolve_images(*arguments)
        return self.reference.convolve_images(*arguments)

    def window_max(self, *arguments: Any) -> Any:
        super().window_max(*arguments)
        return self.reference.window_max(*arguments)

    def window_sum(self, *arguments: Any) -> Any:
        super().window_sum(*arguments)
        return self.reference.window_sum(*arguments)

    def window_spread(self, *arguments: Any) -> Any:
        super().window_spread(*arguments)
        return self.reference.window_spread(*arguments)

    def update(self, *arguments: Any) -> None:
        super().update(*arguments)
        self.reference.update(*arguments)


def gradients(function: Callable[..., Any], arrays: list[Any], dtype: str) -> None:
    """Compute a function and its gradient with respect to each argument."""
    tensors = [tl.asarray(np.asarray(array, dtype)) for array in arrays]
    with tl.GradientTape(persistent=True) as tape:
        tape.watch(tensors)
        value = function(*tensors)
    for tensor in tensors:
        tape.gradient(value, tensor, tl.asarray(np.ones(value.shape, value.dtype)))


def operation(name: str, dtype: str) -> None:
    """Compute one elementwise operation and its gradients."""
    makers = [UNARY[name]] if name in UNARY else [BINARY[name]] * 2
    gradients(getattr(tl, name), [maker(np.random.default_rng(3), 4) for maker in makers], dtype)


def every_operation(dtype: str) -> None:
    """Compute every operation and its gradients."""
    rng = np.random.default_rng(3)
    for name in [*UNARY, *BINARY]:
        operation(name, dtype)
    for case in CASES:
        gradients(case.function, case.arrays(rng), dtype)


def every_dtype(_: str) -> None:
    """Compute operations that accept integers and bools, and convert each of these dtypes to every dtype."""
    for name in ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))):
        x = tl.asarray(np.array([[1, 0, 3], [1, 1, 0]], name))
        for other in tl.__array_namespace_info__().dtypes():
            x.astype(other)
            if other != "bool":
                tl.sum(x, axis=0, dtype=other), tl.prod(x, dtype=other), tl.cumulative_sum(x, axis=1, dtype=other)
        for one in (tl.sum, tl.prod, tl.mean, tl.max, tl.any, tl.all, tl.std, tl.count_nonzero, tl.logsumexp):
            one(x, axis=1), one(x)
        _ = (x == x, x < 1, tl.exp(x), tl.maximum(x, x), tl.where(x != 0, x, x), tl.linalg.vector_norm(x + 1))
        if name != "bool":
            _ = (
                x + x,
                x * 2,
                x // x,
                x % x,
                -x,
                abs(x),
                x**2,
                x / x,
                tl.clip(x, 0, 2),
                tl.round(x),
                tl.argmax(x, axis=1),
            )
            _ = (x @ tl.permute_dims(x, (1, 0)), tl.bitwise_and(x, x), x << x, tl.relu(x), tl.sign(x), ~x)


def training(dtype: str) -> None:
    """Train with each activation, loss, optimizer and kind of layer."""
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(8, 5)).astype(dtype), rng.integers(0, 3, 8)
    momentum = [tl.optimizers.SGD(0.1, 0.9), tl.optimizers.SGD(0.1, 0.9, nesterov=True)]
    optimizers = itertools.cycle([*momentum, *builtins.tensorlab_register_optimizers()])
    losses = itertools.cycle(sorted(set(builtins.tensorlab_register_losses())))
    with tl.device("cpu"):
        for activation in [*builtins.tensorlab_register_activations()] * 3:
            hidden = [tl.layers.Dense(4, activation=activation, dtype=dtype), tl.layers.BatchNormalization()]
            others = [tl.layers.ReLU(2.0), tl.layers.LeakyReLU(), tl.layers.ELU(), tl.layers.Dropout(0.5)]
            last = tl.layers.Dense(3, kernel_regularizer="l1_l2", activation="softmax")
            model = tl.Sequential([*hidden, *others, last])
            loss = next(losses)
            of_labels = any(word in loss for word in ("sparse", "generalized", "circle"))
            y = labels if of_labels else np.eye(3)[labels]
            model.compile(next(optimizers), loss, metrics=["accuracy"] if of_labels else ["accuracy", "mse"])
            model.fit(x, y, epochs=1, verbose=0)
            model.evaluate(x, y, verbose=0)
            model.predict(x, verbose=0)
        images = rng.normal(size=(4, 6, 6, 2)).astype(dtype)
        convolution = tl.layers.Conv2D(3, 2, activation="relu", dtype=dtype)
        pooling = [tl.layers.MaxPooling2D(), tl.layers.AveragePooling2D(), tl.layers.Flatten(), tl.layers.Dense(3)]
        model = tl.Sequential([convolution, tl.layers.Conv2D(2, 2), *pooling])
        model.compile("sgd", "mse")
        model.fit(images, np.eye(3)[labels[:4]], epochs=1, verbose=0)


PROGRAMS = {"every_operation": every_operation, "every_dtype": every_dtype, "training": training}

if __name__ == "__main__":
    library.find = found
    recorder = Recorder()
    devices._instances[tl.devices.registries["backend"].entry("cpu")] = recorder
    recorded = {}
    for program in sys.argv[1:]:
        name, dtype = program.split(":")
        keys.clear()
        PROGRAMS.get(name, lambda dtype, name=name: operation(name, dtype))(dtype)  # type: ignore[misc]
        recorded[program] = sorted(set(keys))
    assert "numba" not in sys.modules
    print(json.dumps(recorded))

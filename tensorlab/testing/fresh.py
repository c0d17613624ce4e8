"""Checks that need a new process: construct an object from plain data, or import a module and report side effects.

The request is JSON on the standard input, the answer is JSON on the standard output.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorlab import callbacks, initializers, layers, losses, metrics, ops, optimizers, regularizers, utils
from tensorlab.devices import device
from tensorlab.errors import ConformanceError
from tensorlab.registry import registries
from tensorlab.serialization import deserialize
from tensorlab.tensor import asarray
from tensorlab.testing.examples import as_inputs
from tensorlab.testing.training import trained
from tensorlab.variable import Variable

Array = np.ndarray[Any, Any]

_PROGRAM = "from tensorlab.testing.fresh import main; main()"
_TIMEOUT = 300


def ask(question: str) -> dict[str, Any]:
    """Return the answer of a new process that finds the same modules as this one.

    Raises:
        ConformanceError: if it ends without an answer.
    """
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-W", "ignore", "-c", _PROGRAM],
            input=question,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise ConformanceError("a new process", "an answer", f"none in {_TIMEOUT} s") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        ended = f"exit code {done.returncode} and {last[0] if last else 'no output'!r}"
        raise ConformanceError("a new process", "an answer", ended, "find what ends the process") from None
    return answer


def main() -> None:
    """Answer the request on the standard input. Output of plugins goes to the standard error."""
    question = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr), np.errstate(all="ignore"):
        try:
            given = watch(question["import"]) if "import" in question else _made(question)
        except Exception as error:
            given = {"error": f"{type(error).__name__}: {error}"}
    json.dump(given, sys.stdout)


# Reconstruct an object


def _made(request: Mapping[str, Any]) -> dict[str, Any]:
    with device("reference"):
        made = build(request)
        return {"outputs": [plain(result) for result in outputs(request, made)]}


def build(request: Mapping[str, Any]) -> Any:
    """Construct the object of a request from its config, or from a registered rule and its hyperparameters."""
    if "config" in request:
        return deserialize(request["config"])
    return registries[request["kind"]].get(request["rule"])(**request["hyperparameters"])


def outputs(request: Mapping[str, Any], made: Any) -> list[Array]:
    """Compute the result for the arrays of the request."""
    arrays = [array(data) if isinstance(data, dict) else data for data in request["arrays"]]
    if request.get("count"):
        arrays[0] = as_inputs(asarray(arrays[0]), request["count"])
    return [np.array(result.numpy()) for result in _COMPUTE[request["kind"]](made, arrays)]


def _layer(layer: layers.Layer, arrays: Sequence[Array]) -> list[Any]:
    inputs, *weights = arrays
    first = layer(inputs)
    if not weights:
        return [first]
    layer.set_weights(weights)
    return [layer(inputs)]


def _loss(loss: losses.Loss, arrays: Sequence[Array]) -> list[Any]:
    return [ops.astype(loss(*arrays), "float64")]


def _optimizer(optimizer: optimizers.Optimizer, arrays: Sequence[Array]) -> list[Any]:
    start, *gradients = arrays
    variable = Variable(start, dtype="float64")
    for gradient in gradients:
        optimizer.apply_gradients([(asarray(gradient), variable)])
    return [variable]


def _initializer(initializer: initializers.Initializer, shapes: Sequence[Any]) -> list[Any]:
    utils.set_random_seed(0)
    return [initializer(tuple(shape), dtype="float64") for shape in shapes]


def _metric(metric: metrics.Metric, arrays: Sequence[Array]) -> list[Any]:
    metric.update_state(*arrays)
    return [asarray(np.asarray(metric.result(), np.float64))]


def _regularizer(regularizer: regularizers.Regularizer, arrays: Sequence[Array]) -> list[Any]:
    return [regularizer(asarray(array)) for array in arrays]


def _callback(callback: callbacks.Callback, arrays: Sequence[Array]) -> list[Any]:
    return list(trained([callback]))


_COMPUTE: dict[str, Callable[[Any, Sequence[Any]], list[Any]]] = {
    "callback": _callback,
    "initializer": _initializer,
    "layer": _layer,
    "loss": _loss,
    "metric": _metric,
    "optimizer": _optimizer,
    "regularizer": _regularizer,
}


def plain(value: Any) -> Any:
    """Convert arrays, also inside lists and dicts, to data that JSON represents exactly."""
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": value.shape, "data": value.ravel().tolist()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def array(data: Mapping[str, Any]) -> Array:
    """Return the array that `plain` converted."""
    return np.array(data["data"], data["dtype"]).reshape(data["shape"])


# Observe an import


def watch(entry_point: str) -> dict[str, Any]:
    """Import the module of an entry point, call its hooks, and report side effects."""
    written: list[str] = []
    sys.addaudithook(lambda event, args: _note_writing(event, args, written))
    python, numpy = random.getstate(), _numpy_state()
    started = time.perf_counter()
    name, _, attribute = entry_point.partition(":")
    plugin: Any = importlib.import_module(name)
    for part in filter(None, attribute.split(".")):
        plugin = getattr(plugin, part)
    for hook in dir(plugin):
        if hook.startswith("tensorlab_register_"):
            getattr(plugin, hook)()
    seconds = time.perf_counter() - started
    generators = {"random": random.getstate() != python, "numpy.random": _numpy_state() != numpy}
    return {
        "seconds": seconds,
        "written": list(written),
        "drawn": [name for name, moved in generators.items() if moved],
        "compiled": "tensorlab.kernels.runtime.library" in sys.modules,
    }


def _numpy_state() -> str:
    return repr([part.tolist() if isinstance(part, np.ndarray) else part for part in np.random.get_state()])


def _note_writing(event: str, arguments: tuple[Any, ...], written: list[str]) -> None:
    if event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    path, mode, flags = arguments
    writes = any(letter in mode for letter in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR))
    if writes and os.fsdecode(path) != os.devnull:
        written.append(os.fsdecode(path))

"""Predict few samples with a plan, while nothing that the model consists of has changed.

For one sample the Python code of a model takes longer than its kernels. So the calls with arrays of equal shapes are
recorded, and further ones run a plan (see `tensorlab.plans`) with the same bits. It is used for models that consist of
tensorlab's own layers, which read nothing but their attributes. The walk through these attributes that finds the
weights (see `tensorlab.layers.tracking`) notices when one changes; plans are kept with its result, and so dropped with
it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab.backends.listening import listening
from tensorlab.forks import Use
from tensorlab.layers import Layer
from tensorlab.layers.samplewise import is_samplewise
from tensorlab.layers.tracking import kept_with_walk, members
from tensorlab.ops.reduction import are_finite
from tensorlab.plans.plan import Plan
from tensorlab.plans.purity import is_profiled
from tensorlab.plans.recording import Recording
from tensorlab.plans.repeated import record, why_eager
from tensorlab.tensor import Tensor

MAX_SAMPLES = 32
_MAX_PLANS = 8
"""How many shapes of arrays a model may have plans for."""
_MAX_RECORDINGS = 64
"""How often calls of a model are recorded. That takes long, so a model that changes all the time stays in Python."""


class _Calls:
    """The calls of a model with arrays of one shape, dtype and layout: recorded, and then a plan."""

    __slots__ = ("count", "plan", "recording", "use")

    def __init__(self) -> None:
        self.count = 0
        self.recording: Recording | None = None
        self.plan: Plan | None = None
        self.use = Use()


def repeated(model: Layer, x: Any) -> np.ndarray[Any, Any] | None:
    """Return the outputs for an array of samples by a plan; None if there is none, or if an element is not finite."""
    if type(x) is not np.ndarray or x.ndim < 2 or len(x) > MAX_SAMPLES or listening[0] or why_eager():
        return None
    kept = kept_with_walk(model)
    calls: _Calls | None = None if kept is None else kept.get((x.shape, x.dtype, x.strides))
    if calls is None or calls.plan is None or not x.flags.aligned or not are_finite(x):
        return None
    if not calls.use.begin():  # another thread runs the plan, which has one memory
        return None
    try:
        outputs: np.ndarray[Any, Any] = calls.plan.run([x])[0].copy()
        return outputs
    finally:
        calls.use.end()


def called(model: Layer, batch: Tensor) -> Any:
    """Call a model with all samples, outside of training, and record the second and the third call of equal shapes."""
    buffer: Any = batch._buffer
    walk = vars(model)["_walk"]
    if walk.recorded == _MAX_RECORDINGS or buffer.dtype.kind != "f" or listening[0] or is_profiled():
        return model(batch, training=False)
    if not _is_plannable(model):
        return model(batch, training=False)
    kept, key = kept_with_walk(model), (buffer.shape, buffer.dtype, buffer.strides)
    if kept is None or (key not in kept and len(kept) == _MAX_PLANS):
        return model(batch, training=False)
    calls = kept.setdefault(key, _Calls())
    calls.count += 1
    if not 2 <= calls.count <= 3 or not calls.use.begin():
        return model(batch, training=False)
    try:
        walk.recorded += 1
        outputs, recording, _ = record(lambda: model(batch, training=False), [batch])
        before, calls.recording = calls.recording, recording
        if before is not None and isinstance(outputs, Tensor):
            calls.recording = None
            result = recording.operand(outputs._buffer)  # type: ignore[arg-type]
            if result.root.kind == "made" and not before.difference(recording):  # else nothing is computed
                calls.plan = Plan(recording, [result])
        recording.release()
        return outputs
    finally:
        calls.use.end()


def _is_plannable(model: Any) -> bool:
    """Return whether a model computes on "cpu", and consists of tensorlab's own layers without functions of users."""
    if model.run_eagerly or why_eager() or not model.built or not is_samplewise(model):
        return False
    return all(
        [
            type(layer).__module__.startswith("tensorlab.") and all([weight.device == "cpu" for weight in weights])
            for layer, weights in members(model)
        ]
    )

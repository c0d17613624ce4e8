"""Models and objects with state in processes of multiprocessing, joblib and scikit-learn."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving_cases import data, make_home_made, make_random, steps, trained

import tensorlab as tl


@tl.jit
def doubled(x: tl.Tensor) -> tl.Tensor:
    return x * 2.0


def parts(thing: Any) -> Any:
    """Return what objects with state compute in another process."""
    model, optimizer, metric, seed, variables, operation = thing
    x, _ = data()
    return [
        steps(model),
        [optimizer.iterations, *[slot.tolist() for slot in optimizer.variables]],
        metric.result(),
        tl.random.normal((2,), seed=seed).tolist(),
        [variable.tolist() for variable in variables],
        operation(tl.asarray(x[:2])).tolist(),
    ]


def things() -> Any:
    model, metric, seed = trained(make_random), tl.metrics.Precision(), tl.random.SeedGenerator(3)
    metric.update_state([0.0, 1.0, 1.0], [0.2, 0.7, 0.4])
    tl.random.normal((), seed=seed)
    with tl.GradientTape() as tape:
        model(data()[0])
    return model, model.optimizer, metric, seed, tape.watched_variables(), tl.sigmoid


def test_objects_with_state_cross_to_a_spawned_process() -> None:
    sent = things()
    received = pickle.loads(pickle.dumps(sent))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(parts, (sent,)) == parts(received)


def test_model_crosses_to_processes_of_joblib(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    model, (x, _) = trained(make_home_made), data()
    results = joblib.Parallel(n_jobs=2)(joblib.delayed(model.predict)(x[n : n + 4], verbose=0) for n in (0, 4))
    for number, result in enumerate(results):
        np.testing.assert_array_equal(result, model.predict(x[4 * number : 4 * number + 4], verbose=0))
    joblib.dump(model, tmp_path / "model.joblib")
    assert steps(joblib.load(tmp_path / "model.joblib")) == steps(model)


def test_clone_of_scikit_learn_copies_a_model() -> None:
    base = pytest.importorskip("sklearn.base")

    class Estimator(base.BaseEstimator):  # type: ignore[misc, name-defined]
        def __init__(self, model: Any = None) -> None:
            self.model = model

    model = trained(make_random)
    copied = base.clone(Estimator(model)).model
    assert copied is not model
    assert steps(copied) == steps(model)
    assert steps(base.clone(model, safe=False)) == steps(model)


def test_jitted_functions_are_pickled_by_name() -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert copy.deepcopy([doubled])[0] is doubled
    again = pickle.loads(pickle.dumps(tl.jit(steps)))
    assert again.function is steps


def refusal(thing: Any) -> str:
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)) as caught:
        pickle.dumps(thing)
    return str(caught.value)


def test_what_cannot_cross_is_named_in_one_line() -> None:
    with tl.GradientTape() as tape:
        tl.square(tl.Variable(1.0))
    assert refusal(tape) == (
        "GradientTape: expected what can be pickled or copied, received a tape, which refers to values of this "
        "process; compute the gradients first"
    )
    model = tl.Sequential([tl.Input((3,)), tl.layers.Dense(1, activation=lambda x: x * 2.0)])
    said = refusal(model)
    assert "<lambda>" in said
    assert "\n" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_forked_process_continues_training() -> None:
    model = trained(make_random)
    expected = pickle.loads(pickle.dumps(model))
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(False)

    def child() -> None:
        sender.send(steps(model))

    process = context.Process(target=child)
    process.start()
    assert receiver.poll(120)
    result = receiver.recv()
    process.join()
    assert result == steps(expected) == steps(model)

"""Runs of models of symbolic tensors: plans, checkpoints, generators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from keras_graph_scripts import OTHER, two_by_two
from keras_programs import LABELS, TARGETS, X
from test_functional import DATA, compiled, same

import tensorlab as tl


def test_steps_run_a_plan_with_the_same_bits() -> None:
    histories, weights = [], []
    for eager in (False, True):
        model = compiled(two_by_two(tl))
        model.run_eagerly = eager
        options = {"epochs": 12, "batch_size": 5, "verbose": 0, "shuffle": False}
        histories.append(model.fit(DATA, [TARGETS, LABELS], **options).history)
        weights.append(model.get_weights())
        assert bool(model.training_plan.plans) is not eager
    assert histories[0] == histories[1]
    assert same(*weights)


def test_interrupted_run_goes_on(tmp_path: Path) -> None:
    def stop(batch: int, logs: Any) -> None:
        if batch == 2:
            raise KeyError("stopped")

    options = {"batch_size": 5, "epochs": 2, "verbose": 0}
    tl.utils.set_random_seed(1)
    whole = compiled(two_by_two(tl))
    expected = whole.fit(DATA, [TARGETS, LABELS], **options).history
    tl.utils.set_random_seed(1)
    model = compiled(two_by_two(tl))
    saving = {"checkpoint": tmp_path, "save_every": 1}
    watching = tl.callbacks.LambdaCallback(on_train_batch_end=stop)
    with pytest.raises(KeyError, match="stopped"):
        model.fit(DATA, [TARGETS, LABELS], callbacks=[watching], **options, **saving)
    tl.utils.set_random_seed(1)
    again = compiled(two_by_two(tl))
    watching = tl.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    found = again.fit(DATA, [TARGETS, LABELS], callbacks=[watching], **options, **saving).history
    assert same(again.get_weights(), whole.get_weights())
    assert found == {name: values[-len(found["loss"]) :] for name, values in expected.items()}


def test_batches_from_a_generator() -> None:
    def batches() -> Any:
        for start in range(0, 20, 5):
            rows = slice(start, start + 5)
            yield (X[rows], OTHER[rows]), {"amount": TARGETS[rows], "kind": LABELS[rows]}

    model, other = compiled(two_by_two(tl)), compiled(two_by_two(tl))
    found = model.fit(batches(), verbose=0).history
    expected = other.fit(DATA, [TARGETS, LABELS], batch_size=5, shuffle=False, verbose=0).history
    assert found == expected
    assert same(model.predict(batches()), other.predict(DATA, batch_size=5))

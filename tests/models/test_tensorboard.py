"""`TensorBoard`: the events in its files, as the package tensorboard reads them; rejected arguments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.callbacks import TensorBoard
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError

X, Y = np.linspace(-1, 1, 32, dtype="f4")[:, None], np.linspace(-2, 2, 32, dtype="f4")[:, None]


def trained(callback: TensorBoard, **options: Any) -> Any:
    tl.utils.clear_session()
    model = tl.Sequential([tl.Input((1,)), tl.layers.Dense(3, activation="relu"), tl.layers.Dense(1)])
    model.compile(tl.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model, model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[callback], **options).history


def events(folder: Path) -> Any:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
    return found.Reload()


def scalars(found: Any, tag: str) -> list[tuple[int, float]]:
    pytest.importorskip("tensorboard")
    from tensorboard.util import tensor_util

    return [(event.step, float(tensor_util.make_ndarray(event.tensor_proto))) for event in found.Tensors(tag)]


def test_metrics_of_epochs_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    _, history = trained(TensorBoard(tmp_path, write_steps_per_second=True), validation_data=(X, Y))
    training, validation = events(tmp_path / "train"), events(tmp_path / "validation")
    for name in ("loss", "mae"):
        expected = [*enumerate(history[name])]
        assert scalars(training, f"epoch_{name}") == [(step, pytest.approx(value)) for step, value in expected]
        expected = [*enumerate(history[f"val_{name}"])]
        assert scalars(validation, f"epoch_{name}") == [(step, pytest.approx(value)) for step, value in expected]
        by_steps = scalars(validation, f"evaluation_{name}_vs_iterations")
        assert by_steps == [(8 * (step + 1), pytest.approx(value)) for step, value in expected]
    assert scalars(training, "epoch_learning_rate") == [(0, pytest.approx(0.1)), (1, pytest.approx(0.1))]
    assert all(value > 0 for _, value in scalars(training, "epoch_steps_per_second"))
    assert set(history) == {"loss", "mae", "val_loss", "val_mae"}  # the callback adds nothing


def test_metrics_of_steps_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    trained(TensorBoard(tmp_path, update_freq=3))
    found = events(tmp_path / "train")
    assert [step for step, _ in scalars(found, "batch_loss")] == [0, 3, 6, 9, 12, 15]


def test_histograms_have_all_weights(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    model, _ = trained(TensorBoard(tmp_path, histogram_freq=1))
    found = events(tmp_path / "train")
    from tensorboard.util import tensor_util

    for layer in model.layers:
        for weight in layer.weights:
            tag = f"{layer.name}/{weight.name.rpartition('/')[2]}/histogram"
            rows = [tensor_util.make_ndarray(event.tensor_proto) for event in found.Tensors(tag)]
            assert len(rows) == 2
            assert rows[-1][:, 2].sum() == weight.size
            assert rows[-1][0, 0] == pytest.approx(weight.numpy().min())


def test_graph_has_the_kernels_of_the_plan(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    model, _ = trained(TensorBoard(tmp_path))
    graph = events(tmp_path / "train").Graph()
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    assert all(source in names for node in graph.node for source in node.input)
    assert sum(node.op == "variable" for node in graph.node) >= 4
    assert sum(node.op.startswith("matmul") for node in graph.node) >= 2
    assert any(node.op.startswith("update") for node in graph.node)
    assert len(names) > len(model.training_plan.plans[0].nodes)


def test_plans_are_used_with_the_callback(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    model, _ = trained(TensorBoard(tmp_path, update_freq=1))
    assert model.training_plan.reason == ""
    assert model.training_plan.graph()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"log_dir": 5}, ArgumentTypeError, "TensorBoard log_dir: expected a path as a str or a Path, received 5"),
        ({"histogram_freq": -1}, ArgumentError, "TensorBoard histogram_freq: expected an integer of at least 0"),
        ({"update_freq": "step"}, ArgumentError, "update_freq: expected 'epoch', 'batch', or a number of steps"),
        ({"write_images": True}, ArgumentError, "write_images: expected its default value, received True; weights are"),
        ({"profile_batch": 2}, ArgumentError, "profile_batch: expected its default value, received 2; steps are not"),
        ({"embeddings_freq": 1}, ArgumentError, "embeddings_freq: expected its default value, received 1; embeddings"),
    ],
)
def test_invalid_arguments_are_rejected(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        TensorBoard(**options)


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorlab.callbacks import tensorboard

    monkeypatch.setattr(tensorboard, "_package", [])
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(StateError, match=r"\[tensorboard\]"):
        trained(TensorBoard(tmp_path))

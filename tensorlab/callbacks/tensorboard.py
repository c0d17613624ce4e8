"""`TensorBoard`: event files with metrics, histograms of weights, and the graph of a training step."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from tensorlab.callbacks.base import Callback, Logs
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError, short_repr
from tensorlab.rules import integer


class TensorBoard(Callback):
    """Write event files that TensorBoard shows: ``tensorboard --logdir logs``.

    It needs the package tensorboard, the extra of this name, whose own writer it uses. Files are in
    the folders ``train`` and ``validation``, with the tags of Keras: ``epoch_loss`` and likewise for all metrics and
    the learning rate, ``batch_loss``, ``evaluation_loss_vs_iterations``, ``dense/kernel/histogram``.

    Args:
        log_dir: the folder.
        histogram_freq: write histograms of all weights after every n-th epoch; 0 for none.
        write_graph: whether to write the kernels of a training step and the arrays between them as a graph, at the end
            of the first epoch after which a plan of the step exists.
        write_images: False; weights are not written as images.
        write_steps_per_second: whether to write the steps per second of each epoch.
        update_freq: "epoch", or n to write the metrics after every n-th step too; "batch" for 1.
        profile_batch: 0; steps are not profiled. See ``model.training_plan.explain()``.
        embeddings_freq: 0; embeddings are not written.
        embeddings_metadata: None.

    Raises:
        ArgumentError: for a number out of range, and for what tensorlab lacks.
        StateError: when training begins, if the package tensorboard is not installed.

    Source: Keras, ``keras.callbacks.TensorBoard``.
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        if not isinstance(log_dir, (str, os.PathLike)):
            raise ArgumentTypeError("TensorBoard log_dir", "a path as a str or a Path", short_repr(log_dir))
        for name, value, what in (
            ("write_images", write_images, "weights are not written as images"),
            ("profile_batch", profile_batch, "steps are not profiled; see model.training_plan.explain()"),
            ("embeddings_freq", embeddings_freq, "embeddings are not written"),
            ("embeddings_metadata", embeddings_metadata, "embeddings are not written"),
        ):
            if not (value is None or value is False or (isinstance(value, int) and value == 0)):
                raise ArgumentError(f"TensorBoard {name}", "its default value", short_repr(value), what)
        self.log_dir, self.write_graph = os.fspath(log_dir), write_graph
        self.write_steps_per_second = write_steps_per_second
        self.histogram_freq = integer("TensorBoard histogram_freq", histogram_freq, 0)
        frequency = 1 if isinstance(update_freq, str) and update_freq == "batch" else update_freq
        if not (isinstance(frequency, str) and frequency == "epoch"):
            expected = "'epoch', 'batch', or a number of steps"
            if isinstance(frequency, bool) or not isinstance(frequency, int) or frequency < 1:
                raise ArgumentError("TensorBoard update_freq", expected, short_repr(update_freq))
        self.update_freq: Any = frequency
        self._writers: dict[str, Any] = {}
        self._wrote_graph, self._trains = False, False
        self._steps, self._began = 0, (0.0, 0)

    @property
    def watches_steps(self) -> bool:
        """Whether metrics are written after single steps."""
        return bool(self.update_freq != "epoch")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Raise if the package tensorboard is not installed."""
        _tensorboard()
        self._wrote_graph, self._steps, self._trains = False, 0, True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        self._trains = False
        self._close()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Take the time."""
        self._began = time.perf_counter(), self._iterations

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the metrics of the epoch so far, after every n-th step."""
        if isinstance(self.update_freq, int):
            if self._steps % self.update_freq == 0:
                self._scalars("train", {f"batch_{name}": value for name, value in (logs or {}).items()}, self._steps)
            self._steps += 1

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the metrics of an evaluation, by the number of training steps."""
        named = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._scalars("validation", named, self._iterations)
        if not self._trains:
            self._close()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the metrics, the histograms and the graph."""
        logs = logs or {}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        if self.model.optimizer is not None and "learning_rate" in self.model.optimizer.hyperparameters:
            trained["learning_rate"] = self.model.optimizer.learning_rate
        if self.write_steps_per_second:
            began, before = self._began
            trained["steps_per_second"] = (self._iterations - before) / max(time.perf_counter() - began, 1e-9)
        self._scalars("train", {f"epoch_{name}": value for name, value in trained.items()}, epoch)
        held = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        self._scalars("validation", {f"epoch_{name}": value for name, value in held.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._histograms(epoch)
        if self.write_graph and not self._wrote_graph:
            self._graph()
        for writer in self._writers.values():
            writer.flush()

    @property
    def _iterations(self) -> int:
        return 0 if self.model.optimizer is None else int(self.model.optimizer.iterations)

    def _writer(self, folder: str) -> Any:
        if folder not in self._writers:
            self._writers[folder] = _tensorboard().EventFileWriter(os.path.join(self.log_dir, folder))
        return self._writers[folder]

    def _scalars(self, folder: str, values: dict[str, Any], step: int) -> None:
        for name, value in values.items():
            if np.ndim(value) == 0:
                self._write(folder, _tensorboard().scalar_pb(name, float(value)), step)

    def _histograms(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                tag = f"{layer.name}/{weight.name.rpartition('/')[2]}/histogram"
                self._write("train", _tensorboard().histogram_pb(tag, np.asarray(weight.numpy(), float)), epoch)

    def _graph(self) -> None:
        """Write the graph of a training step, if there is a plan of it."""
        plan = getattr(self.model, "training_plan", None)
        nodes = [] if plan is None else plan.graph()
        if not nodes:
            return
        made = _tensorboard().GraphDef()
        made.versions.producer = 1
        for node in nodes:
            made.node.add(name=node.name, op=node.operation, input=node.inputs, device=str(node.shape))
        event = _tensorboard().Event(wall_time=time.time(), graph_def=made.SerializeToString())
        self._writer("train").add_event(event)
        self._wrote_graph = True

    def _write(self, folder: str, summary: Any, step: int) -> None:
        event = _tensorboard().Event(wall_time=time.time(), step=step, summary=summary)
        self._writer(folder).add_event(event)

    def get_state(self) -> dict[str, Any]:
        """Return the number of steps."""
        return {"_steps": self._steps}


class _Package:
    """What is used of the package tensorboard."""

    def __init__(self) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.graph_pb2 import GraphDef
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.Event, self.GraphDef, self.EventFileWriter = Event, GraphDef, EventFileWriter
        self.scalar_pb, self.histogram_pb = scalar_pb, histogram_pb


_package: list[_Package] = []


def _tensorboard() -> _Package:
    """Return the package, which is imported once.

    Raises:
        StateError: if it is not installed.
    """
    if not _package:
        try:
            _package.append(_Package())
        except ImportError as error:
            from tensorlab.environment import install_extra

            raise StateError(
                "TensorBoard", f"the package tensorboard cannot be imported ({error})", install_extra("tensorboard")
            ) from None
    return _package[0]

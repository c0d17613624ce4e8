"""`save`, `save_weights` and `load_weights` of a model, and its compiled state as a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorlab import saving
from tensorlab.arguments import named
from tensorlab.models.outputs import OutputLosses
from tensorlab.models.training import Training
from tensorlab.serialization import check_config, deserialize, serialize


class Files(Training):
    """What a model has to do with files."""

    @named
    def save(self, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Save the model to one file, from which `tensorlab.load_model` makes it again, in any process.

        The arguments and errors are those of `tensorlab.saving.save_model`.

        Source: Keras, ``keras.Model.save``.
        """
        saving.save_model(self, filepath, overwrite, include_optimizer)

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture as JSON text, from which `tensorlab.models.model_from_json` makes the model again.

        The arguments and errors are those of `tensorlab.saving.model_to_json`.

        Source: Keras, ``keras.Model.to_json``.
        """
        return saving.model_to_json(self, **kwargs)

    @named
    def save_weights(self, filepath: Any) -> None:
        """Save the weights to one file, which `load_weights` reads.

        Raises:
            StateError: before the model is built.
            FileAccessError: if the file cannot be written. One that was there is then unchanged.

        Source: Keras, ``keras.Model.save_weights``.
        """
        saving.save_weights(self, filepath, f"{self._who}.save_weights")

    @named
    def load_weights(self, filepath: Any, skip_mismatch: bool = False) -> None:
        """Set the weights to those of a file of `save_weights` or `save`.

        The arguments and errors are those of `tensorlab.saving.load_weights`.

        Source: Keras, ``keras.Model.load_weights``.
        """
        saving.load_weights(self, filepath, skip_mismatch, f"{self._who}.load_weights")

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return what `compile` was given as plain data, or None before `compile`.

        Source: Keras, ``keras.Model.get_compile_config``.
        """
        if not self.compiled:
            return None
        loss = self._loss
        config = {
            "optimizer": serialize(self._optimizer),
            "loss": serialize(loss.given if isinstance(loss, OutputLosses) else loss),
            "metrics": _metrics_to_config(self._chosen_metrics[0].arguments()),
            "weighted_metrics": _metrics_to_config(self._chosen_metrics[1].arguments()),
            "run_eagerly": self.run_eagerly,
        }
        return {**config, "loss_weights": loss.weights} if isinstance(loss, OutputLosses) else config

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile the model as the one that `get_compile_config` was called on.

        Raises:
            ArgumentTypeError: for another config.

        Source: Keras, ``keras.Model.compile_from_config``.
        """
        who = f"{self._who}.compile_from_config"
        check_config(who, config, "optimizer", "loss", "metrics", "weighted_metrics", "run_eagerly")
        plain, weighted = [_metrics_from_config(config[name]) for name in ("metrics", "weighted_metrics")]
        self.compile(
            deserialize(config["optimizer"]),
            deserialize(config["loss"]),
            metrics=plain,
            weighted_metrics=weighted,
            run_eagerly=config["run_eagerly"],
            loss_weights=config.get("loss_weights"),
        )


def _metrics_to_config(given: Any) -> Any:
    """Return metrics in lists and dicts as plain data: a config and the name for each."""
    if isinstance(given, dict):
        return {name: _metrics_to_config(each) for name, each in given.items()}
    if isinstance(given, list):
        return [_metrics_to_config(each) for each in given]
    return [serialize(given), given.name]


def _metrics_from_config(config: Any) -> Any:
    if isinstance(config, dict):
        return {name: _metrics_from_config(each) for name, each in config.items()}
    if isinstance(config, list) and len(config) == 2 and isinstance(config[1], str):
        metric = deserialize(config[0])
        metric.name = config[1]
        return metric
    return [_metrics_from_config(each) for each in config]

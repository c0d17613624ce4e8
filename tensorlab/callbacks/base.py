"""`Callback`, `CallbackList`, and the callbacks `History` and `LambdaCallback`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from tensorlab import markup, serialization
from tensorlab.arguments import advice, check_callable, named
from tensorlab.attributes import plain_attributes, set_plain_attributes
from tensorlab.errors import ArgumentTypeError, UnknownAttributeError, nearest, short_repr

Logs = dict[str, Any]
"""The metrics of a moment by name: floats, or what a metric or a callback gives instead."""
_STEPS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


class Callback(serialization.Configured):
    """The base of every callback: its methods are called at certain points of a run, with the metrics so far.

    All callbacks of a moment get one dict, in their order; what one adds to it the next ones see, and after an epoch
    `History` keeps it.

    Attributes:
        model: the model that is trained, evaluated or asked to predict.
        params: ``epochs``, ``steps`` (of an epoch) and ``verbose``.

    Source: Keras, ``keras.callbacks.Callback``.

    Example:
        >>> class Stop(tl.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         if logs["loss"] < 0.1:
        ...             self.model.stop_training = True
    """

    _kind = "callback"
    takes_non_finite_loss = False
    """Whether this callback deals with a loss that is NaN or infinite, so that `fit` does not raise."""
    model: Any = None
    params: Any = None

    def set_model(self, model: Any) -> None:
        """Set the model. It is called before all other methods."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Set the parameters of the run. It is called after `set_model`."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint of `fit` has to restore, for `set_state`: plain data and arrays.

        It is all attributes that are numbers, strings, arrays, or lists, tuples and dicts of these. A callback with
        other state overrides both methods.
        """
        return plain_attributes(self, "model", "params")

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned, in a run that goes on from a checkpoint, after `on_train_begin`.

        Constructor's arguments with text, such as paths, are not restored. A callback that keeps paths in attributes of
        other names overrides this method and leaves them out, since a checkpoint may come from somebody else.

        Raises:
            ArgumentTypeError: for anything else.
        """
        set_plain_attributes(self, state, "model", "params")

    def overrides(self, *moments: str) -> bool:
        """Return whether one of these methods is this callback's own."""
        found = [(getattr(self, moment), getattr(Callback, moment)) for moment in moments]
        return any([getattr(own, "__func__", None) is not default for own, default in found])

    @property
    def watches_steps(self) -> bool:
        """Whether the metrics are needed after every step. If no callback needs them, `fit` does not wait for steps."""
        kind, own = type(self), self.__dict__  # as `overrides`, without a call, since every step reads it
        return (
            kind.on_train_batch_end is not Callback.on_train_batch_end
            or kind.on_batch_end is not Callback.on_batch_end
            or "on_train_batch_end" in own
            or "on_batch_end" in own
        )

    @property
    def acts_between_steps(self) -> bool:
        """Whether it runs code that is not tensorlab's between two steps, so that no plan may be used."""
        return not type(self).__module__.startswith("tensorlab.") and self.overrides(*_STEPS)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called after the last epoch, with its metrics."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after an epoch, counted from 0, and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a step, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a step, with the metrics of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called by `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called by `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before an evaluation, also that of `fit` on its validation data."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after an evaluation, with its metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of an evaluation, with the metrics so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of a prediction, with its ``outputs``."""


_SHOWN = 20
"""How many epochs a notebook shows."""


class History(Callback):
    """The metrics of every epoch, which `fit` returns.

    Attributes:
        epoch: the numbers of the epochs of the last run, from 0.
        history: for each metric, such as "loss" or "val_accuracy", a list with one value an epoch.

    Source: Keras, ``keras.callbacks.History``.
    """

    epoch: list[int]
    history: dict[str, list[Any]]

    def __init__(self) -> None:
        self.epoch = []
        self.history = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Clear the list of epochs."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append the metrics."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned.

        Raises:
            ArgumentTypeError: for anything else.
        """
        history = state.get("history", {})
        if not isinstance(history, dict) or not all(isinstance(values, list) for values in history.values()):
            raise ArgumentTypeError("History.set_state", "lists by the names of metrics", short_repr(history, 80))
        super().set_state(state)

    def _repr_html_(self) -> str:
        """Return a table for notebooks: the metrics of the last epochs."""
        columns = [[str(number + 1) for number in self.epoch[-_SHOWN:]]]
        columns += [[_word(value) for value in values[-_SHOWN:]] for values in self.history.values()]
        rows = zip_longest(*[column[::-1] for column in columns], fillvalue="")
        return markup.table(["epoch", *self.history], [*rows][::-1], range(len(columns)))

    def plot(self, to_file: Any = None, metrics: Sequence[str] | None = None, dpi: float = 150) -> Any:
        """Draw each metric over the epochs, beside that of the validation, and write the picture to a file.

        It needs matplotlib, the extra ``plot``.

        Args:
            to_file: the file, which ends with ".svg", ".png" or ".pdf"; None to write none.
            metrics: the metrics to draw, without ``val_``; all that are numbers if None.
            dpi: dots per inch of a PNG file.

        Returns:
            the figure of matplotlib.

        Raises:
            StateError: before the first epoch has ended, or if matplotlib is not installed.
            ArgumentError: for a metric that was not reported, or a path with another ending.
            FileAccessError: if the file cannot be written.

        Example:
            >>> model = tl.Sequential([tl.Input((1,)), tl.layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> history = model.fit(np.ones((8, 1)), np.ones((8, 1)), epochs=3, validation_split=0.25, verbose=0)
            >>> figure = history.plot()
        """
        from tensorlab.callbacks.drawing import draw_history  # which few programs need

        return draw_history(self.history, to_file, metrics, dpi)


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin: a function of ``(epoch, logs)``.
        on_epoch_end: a function of ``(epoch, logs)``.
        on_train_begin: a function of ``(logs)``.
        on_train_end: a function of ``(logs)``.
        on_train_batch_begin: a function of ``(batch, logs)``.
        on_train_batch_end: a function of ``(batch, logs)``.
        **functions: other methods, by name.

    Raises:
        ArgumentTypeError: for a name that no method has, or something that is not a function.

    Source: Keras, ``keras.callbacks.LambdaCallback``.

    Example:
        >>> show = tl.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **functions: Callable[..., Any] | None,
    ) -> None:
        known = [name for name in vars(Callback) if name.startswith("on_")]
        for name in functions:
            if name not in known:
                received = f"the unknown argument {name!r}"
                listed = f"arguments among: {', '.join(known)}"
                raise ArgumentTypeError("LambdaCallback", listed, received, advice(name, known))
        functions |= {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in functions.items():
            if function is not None:
                check_callable(f"LambdaCallback {name}", "a function, or None", function)
                setattr(self, name, function)

    @property
    def acts_between_steps(self) -> bool:
        """Whether one of the functions is called between two steps."""
        return self.overrides(*_STEPS)


class CallbackList:
    """A list of callbacks that is called like one.

    Args:
        callbacks: the callbacks.
        add_history: whether to append a `History` if there is none.
        model: the model of all callbacks.
        **params: their ``params``.

    Attributes:
        params: what all callbacks have as ``params``; ``steps`` is None until it is known.
    """

    @named
    def __init__(
        self,
        /,
        callbacks: Iterable[Callback] | None = None,
        add_history: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        try:
            self.callbacks = list(() if callbacks is None else callbacks)
        except TypeError:
            raise ArgumentTypeError("CallbackList", "a list of callbacks", type(callbacks).__name__) from None
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise ArgumentTypeError("CallbackList", "callbacks", short_repr(callback))
        if add_history and not any(isinstance(each, History) for each in self.callbacks):
            self.callbacks.append(History())
        for callback in self.callbacks:
            callback.set_model(model)
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    @property
    def watches_steps(self) -> bool:
        """Whether any of them needs the metrics after every step."""
        return any([callback.watches_steps for callback in self.callbacks])

    @property
    def between_steps(self) -> str:
        """Which callback may change something between two steps, in words; an empty text if there is none."""
        for callback in self.callbacks:
            if callback.acts_between_steps:
                return f"the callback {type(callback).__name__} may change something between two steps"
        return ""

    def overrides(self, *moments: str) -> bool:
        """Return whether any of them has one of these methods."""
        return any([callback.overrides(*moments) for callback in self.callbacks])

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def __getattr__(self, name: str) -> Any:
        """Return a function that calls one of the methods ``on_…`` of each callback, for own training loops."""
        if not (name.startswith("on_") and hasattr(Callback, name)):
            known = [moment for moment in vars(Callback) if moment.startswith("on_")]
            raise UnknownAttributeError("CallbackList", "a method of a callback", name, nearest(name, known))

        def call(*arguments: Any, logs: Logs | None = None) -> None:
            takes_logs = len(arguments) == (1 if name.endswith(("train_begin", "train_end")) else 2)
            self.call(name, *arguments, *(() if takes_logs else ({} if logs is None else logs,)))

        return call

    def call(self, moment: str, *arguments: Any) -> None:
        """Call a method of each callback, in order. The last argument is one dict for all."""
        for callback in self.callbacks:
            getattr(callback, moment)(*arguments)


def _word(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)

"""`ProgressBar`: the output of `fit` on terminals, in notebooks and in files."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from tensorlab import terminal, waiting
from tensorlab.callbacks.base import Callback, Logs
from tensorlab.errors import ArgumentTypeError, short_repr

if TYPE_CHECKING:
    from rich.console import Console

_PREPARING = "preparing kernels"
_NARROW = 60
"""On terminals with fewer columns there is no bar, only the steps and the metrics, which wrap."""


def show(logs: Logs) -> str:
    """Return ``loss: 0.2577 - accuracy: 0.9245``."""
    if not isinstance(logs, Mapping):
        raise ArgumentTypeError("show", "metrics by name", short_repr(logs))
    return " - ".join(f"{name}: {_number(value)}" for name, value in logs.items())


def _number(value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):  # an array, or what else a metric may give
        return str(value)
    return f"{number:.4e}" if 0 < abs(number) < 1e-3 else f"{number:.4f}"


class _Bar(Protocol):
    """A progress bar on the screen."""

    def update(self, done: int, words: str) -> None:
        """Show the number of finished steps, and a text."""

    def tell(self, words: str) -> None:
        """Show a text before the first step."""

    def close(self, line: str = "") -> None:
        """Replace the bar by a line, or remove it."""


class _TerminalBar:
    """A bar on a terminal: rich draws it in its own thread, and prints other output above it."""

    def __init__(self, console: Console, name: str, steps: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        self.console, self.steps, self.narrow = console, steps, console.width < _NARROW
        whole, wrapped = Column(no_wrap=True), Column(no_wrap=False)
        words = TextColumn("{task.fields[words]}", table_column=wrapped)
        bar = [BarColumn(bar_width=12), MofNCompleteColumn(table_column=whole), TextColumn("ETA")]
        columns = [TextColumn("{task.description}"), *bar, TimeRemainingColumn(compact=True, table_column=whole), words]
        self.progress = Progress(*([words] if self.narrow else columns), console=console, transient=True)
        self.name = name
        self.task = self.progress.add_task(
            name, total=steps, words=f"{name} {_PREPARING}" if self.narrow else _PREPARING
        )
        self.progress.start()

    def update(self, done: int, words: str) -> None:
        if self.narrow:
            words = f"{self.name} {done}/{'?' if self.steps is None else self.steps} {words}"
        self.progress.update(self.task, completed=done, words=words)

    def tell(self, words: str) -> None:
        self.progress.update(self.task, words=f"{self.name} {words}" if self.narrow else words)

    def close(self, line: str = "") -> None:
        self.progress.stop()
        if line:
            self.console.print(line, markup=False)


class _NotebookBar:
    """A bar in a notebook: a line of text that is displayed once and then updated in place."""

    _INTERVAL = 0.1  # seconds; every update is a message to the browser

    def __init__(self, display: Callable[..., Any], name: str, steps: int | None) -> None:
        self.handle = display(self._bundle(""), raw=True, display_id=True)
        self.begin(name, steps)

    def begin(self, name: str, steps: int | None) -> None:
        """Start another bar in the same output."""
        self.name, self.steps = name, steps
        self.started = self.updated = time.monotonic()
        self.handle.update(self._bundle(f"{name} {_PREPARING}"), raw=True)

    @staticmethod
    def _bundle(text: str) -> dict[str, str]:
        return {"text/plain": text}

    def update(self, done: int, words: str) -> None:
        now = time.monotonic()
        if now - self.updated < self._INTERVAL or not self.steps:
            return
        self.updated = now
        filled = 20 * done // self.steps
        left = round((now - self.started) / done * (self.steps - done))
        bar = f"[{'=' * filled}{'.' * (20 - filled)}] {done}/{self.steps} ETA {left // 60}:{left % 60:02d}"
        self.handle.update(self._bundle(f"{self.name} {bar} {words}"), raw=True)

    def tell(self, words: str) -> None:
        self.handle.update(self._bundle(f"{self.name} {words}"), raw=True)

    def close(self, line: str = "") -> None:
        self.handle.update(self._bundle(line), raw=True)


def notebook_display() -> Callable[..., Any] | None:
    """Return IPython's ``display`` if this is the kernel of a notebook, without importing IPython otherwise."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if getattr(shell, "kernel", None) is None:  # a terminal has none
        return None
    found: Callable[..., Any] = importlib.import_module("IPython.display").display
    return found


class ProgressBar(Callback):
    """Print a line for each epoch and, on a terminal or in a notebook, show a bar with steps, time left and metrics.

    Where output goes into a file or a pipe there are only the lines.

    Args:
        verbose: "auto" or 1 for that, 2 for the lines only.
    """

    def __init__(self, verbose: int | str = "auto") -> None:
        self.verbose = verbose
        self.display = notebook_display()
        self.console = terminal.console(soft_wrap=True, force_jupyter=False)
        self.live = verbose != 2 and (self.display is not None or self.console.is_terminal)
        self.bar: _Bar | None = None
        self._unwatch: Callable[[], None] | None = None

    @property
    def watches_steps(self) -> bool:
        """Whether there is a bar."""
        return self.live

    def __reduce__(self) -> Any:  # without the terminal, which belongs to this process
        return type(self), (self.verbose,)

    def get_state(self) -> dict[str, Any]:
        """Return nothing, because a run that goes on has a terminal of its own."""
        return {}

    def _open(self, name: str, steps: int | None) -> None:
        if isinstance(self.bar, _NotebookBar):
            self.bar.begin(name, steps)
            return
        self.close()
        if self.live:
            display = self.display
            self.bar = _NotebookBar(display, name, steps) if display else _TerminalBar(self.console, name, steps)
            self._unwatch = waiting.watch(self._tell)

    def _tell(self, how_far: waiting.Waiting) -> None:
        """Show how far the compilation of kernels is."""
        if self.bar is not None:
            self.bar.tell(str(how_far))

    def prepare(self) -> None:
        """Show that kernels are being prepared, before the number of steps is known."""
        self._open("fit", None)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start a bar."""
        self.started = time.perf_counter()
        self._open(f"Epoch {epoch + 1}/{self.params['epochs']}", self.params["steps"])

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Advance the bar."""
        if self.bar is not None:
            self.bar.update(batch + 1, show(logs or {}))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Replace the bar by the line of the epoch."""
        seconds, steps = time.perf_counter() - self.started, self.params["steps"]
        count = "" if steps is None else f" - {steps}/{steps}"
        line = f"Epoch {epoch + 1}/{self.params['epochs']}{count} - {seconds:.1f}s - {show(logs or {})}"
        if self.bar is None:
            self.console.print(line, markup=False)
        else:
            self.close(line)

    def close(self, line: str = "") -> None:
        """Remove the bar, also after an error, or replace it by a line."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        if self.bar is not None:
            self.bar.close(line)
            self.bar = None


ProgbarLogger = ProgressBar

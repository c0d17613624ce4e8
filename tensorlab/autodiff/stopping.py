"""`no_grad`: code that no tape records."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from tensorlab.autodiff.tape import blocks_here, stopped
from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.scopes import Block


class no_grad:  # noqa: N801  (used like a function)
    """Stop all tapes of this thread or asynchronous task in a ``with`` block or in a decorated function.

    Tapes that are opened inside of the block do record. A generator that is suspended inside of a ``with`` block stays
    in it, so its caller is not recorded either. Decorate the generator function instead; then only the generator's own
    steps are not recorded.

    Example:
        >>> x = tl.Variable(3.0)
        >>> with tl.GradientTape() as tape:
        ...     with tl.no_grad():
        ...         offset = 2.0 * x
        ...     y = x * x + offset
        >>> float(tape.gradient(y, x))
        6.0
    """

    _blocks: list[Block[Any]]

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Decorate ``function`` if it is given, as in ``@tl.no_grad`` without parentheses."""
        if function is not None and not callable(function):
            raise ArgumentTypeError("no_grad", "a function, or nothing", short_repr(function))
        self = super().__new__(cls)
        self._blocks = []
        return self if function is None else self(function)

    def __enter__(self) -> None:
        block = stopped()
        if block is not None:
            self._blocks.append(block)

    def __exit__(self, *exception: object) -> None:
        entered = self._blocks
        if len(entered) == 1:
            entered.pop().leave()
        elif entered:
            here = [block for block in blocks_here() if block in entered]
            block = here[-1] if here else entered[-1]  # possibly entered by another thread or task
            entered.remove(block)
            block.leave()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose calls are not recorded, nor the steps of the generator or coroutine it returns."""
        if inspect.isgeneratorfunction(function):
            return _wrapped(function, lambda *args, **named: _steps(function(*args, **named)))
        if inspect.isasyncgenfunction(function):
            return _wrapped(function, lambda *args, **named: _async_steps(function(*args, **named)))
        if inspect.iscoroutinefunction(function):

            async def awaited(*args: Any, **named: Any) -> Any:
                with no_grad():
                    return await function(*args, **named)

            return _wrapped(function, awaited)

        def call(*args: Any, **named: Any) -> Any:
            with no_grad():
                return function(*args, **named)

        return _wrapped(function, call)


def _wrapped(function: Callable[..., Any], call: Callable[..., Any]) -> Callable[..., Any]:
    return functools.wraps(function)(call)


def _steps(generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run each step of a generator without recording; the code of the caller between the steps is recorded."""
    step: Callable[..., Any] = generator.send
    given: tuple[Any, ...] = (None,)
    try:
        while True:
            try:
                with no_grad():
                    value = step(*given)
            except StopIteration as end:
                return end.value
            try:
                given, step = ((yield value),), generator.send
            except GeneratorExit:
                raise
            except BaseException as error:  # passed in by the caller's throw()
                given, step = (error,), generator.throw
    finally:
        with no_grad():
            generator.close()


async def _async_steps(generator: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """Do the same as `_steps` for an asynchronous generator."""
    step: Callable[..., Any] = generator.asend
    given: tuple[Any, ...] = (None,)
    try:
        while True:
            try:
                with no_grad():
                    value = await step(*given)
            except StopAsyncIteration:
                return
            try:
                given, step = ((yield value),), generator.asend
            except GeneratorExit:
                raise
            except BaseException as error:
                given, step = (error,), generator.athrow
    finally:
        with no_grad():
            await generator.aclose()

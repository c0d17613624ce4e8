"""Blocks that end in another order than they began: tapes, no_grad and devices in generators and threads."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import tensorlab as tl
from tensorlab.autodiff import recording
from tensorlab.errors import StateError

pytestmark = pytest.mark.usefixtures("reference")


def in_thread(function: Callable[[], Any]) -> Any:
    """Call a function in another thread, and return its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    (result,) = results
    return result


def silent_steps(count: int = 2) -> Iterator[int]:
    with tl.no_grad():
        yield from range(count)


def slope(tape: tl.GradientTape, y: tl.Tensor, x: tl.Tensor) -> float:
    return float(tape.gradient(y, x))


def test_closed_tape_stays_closed() -> None:
    for leave in ("generator", "garbage", "object"):
        steps, silent = silent_steps(), tl.no_grad()
        with tl.GradientTape():
            if leave == "object":
                silent.__enter__()
            else:
                next(steps)
            assert not recording()
        if leave == "generator":
            steps.close()
        elif leave == "garbage":
            del steps
            gc.collect()
        else:
            silent.__exit__(None, None, None)
        assert not recording()


def test_open_tape_continues_after_an_older_block_ends() -> None:
    x = tl.Variable(3.0)
    steps = silent_steps()
    next(steps)
    with tl.GradientTape() as tape:
        assert recording()  # inside the older no_grad
        steps.close()
        assert recording()
        y = x * x
    assert slope(tape, y, x) == 6.0
    assert not recording()


def test_tapes_of_interleaved_generators() -> None:
    def square(x: tl.Variable) -> Iterator[Any]:
        with tl.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            yield None
            y = x * x
            yield None
        yield slope(tape, y, x)

    one, two = tl.Variable(1.0), tl.Variable(2.0)
    first, second = square(one), square(two)
    results = [next(steps) for steps in (first, second, first, second, first, second)]
    assert results[-2:] == [2.0, 4.0]
    assert not recording()


def test_stop_recording_block_that_ends_after_its_tape() -> None:
    x = tl.Variable(2.0)
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            stack = contextlib.ExitStack()
            stack.enter_context(inner.stop_recording())
            y = x * x
        stack.close()
        assert recording()
        z = x * x * x + y
    assert not recording()
    assert slope(outer, z, x) == 3 * 4.0 + 2 * 2.0
    with pytest.warns(UserWarning, match="does not depend"):
        assert inner.gradient(y, x) is None


def test_block_that_another_thread_ends() -> None:
    x = tl.Variable(3.0)
    steps, silent = silent_steps(), tl.no_grad()
    with tl.GradientTape() as tape:
        next(steps)
        silent.__enter__()
        in_thread(steps.close)
        assert not recording()
        in_thread(lambda: silent.__exit__(None, None, None))
        assert recording()
        y = x * x
    assert slope(tape, y, x) == 6.0
    tape = tl.GradientTape()
    tape.__enter__()
    in_thread(lambda: tape.__exit__(None, None, None))
    assert not recording()


def test_one_no_grad_object_in_two_threads() -> None:
    shared = tl.no_grad()
    inside, leave = threading.Event(), threading.Event()

    def other() -> bool:
        with tl.GradientTape(), shared:
            inside.set()
            leave.wait(30)
            return recording()

    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(other()))
    with tl.GradientTape():
        shared.__enter__()
        thread.start()
        inside.wait(30)
        shared.__exit__()
        assert recording()  # only the block of this thread has ended
        leave.set()
        thread.join()
    assert results == [False]


def test_tasks_have_their_own_tapes() -> None:
    seen: list[bool] = []

    async def derive(x: tl.Variable, turns: int) -> float:
        with tl.GradientTape() as tape:
            y = x * x
            for _ in range(turns):
                await asyncio.sleep(0)
                y = y * x
        return slope(tape, y, x)

    async def silent() -> None:
        with tl.no_grad():
            await asyncio.sleep(0)
            seen.append(recording())

    async def everything() -> list[Any]:
        v = tl.Variable(2.0)
        return await asyncio.gather(derive(v, 1), silent(), derive(v, 3), silent(), derive(tl.Variable(3.0), 2))

    slopes = asyncio.run(everything())
    assert [slopes[0], slopes[2], slopes[4]] == [3 * 4.0, 5 * 16.0, 4 * 27.0]
    assert seen == [False, False]
    assert not recording()


def test_tape_ends_in_a_task_started_inside_it() -> None:
    async def later(event: asyncio.Event, seen: list[bool]) -> None:
        seen.append(recording())
        await event.wait()
        seen.append(recording())

    async def run() -> list[bool]:
        event, seen = asyncio.Event(), list[bool]()
        with tl.GradientTape():
            task = asyncio.create_task(later(event, seen))
            await asyncio.sleep(0)
        event.set()
        await task
        return seen

    assert asyncio.run(run()) == [True, False]


def test_no_grad_decorates_generators_and_coroutines() -> None:
    seen: list[bool] = []

    @tl.no_grad()
    def numbers(count: int) -> Iterator[int]:
        """Count."""
        for number in range(count):
            seen.append(recording())
            sent = yield number
            if sent:
                yield sent
        try:
            yield -1
        except KeyError:
            yield -2
        return "end"  # type: ignore[return-value]

    @tl.no_grad()
    async def coroutine() -> str:
        await asyncio.sleep(0)
        seen.append(recording())
        return "done"

    @tl.no_grad()
    async def stream(count: int) -> AsyncIterator[int]:
        for number in range(count):
            seen.append(recording())
            yield number

    async def use() -> tuple[str, list[int], bool]:
        with tl.GradientTape():
            done = await coroutine()
            return done, [number async for number in stream(2)], recording()

    with tl.GradientTape():
        steps = numbers(2)
        assert (next(steps), recording()) == (0, True)
        assert (steps.send(7), recording()) == (7, True)
        assert (next(steps), next(steps), steps.throw(KeyError()), recording()) == (1, -1, -2, True)  # type: ignore[attr-defined]
        with pytest.raises(StopIteration) as end:
            next(steps)
        assert end.value.value == "end"
    assert numbers.__doc__ == "Count."
    assert asyncio.run(use()) == ("done", [0, 1], True)
    assert seen == [False] * 5
    assert not recording()


def test_no_grad_as_decorator_without_parentheses() -> None:
    @tl.no_grad
    def inside() -> bool:
        return recording()

    with tl.GradientTape():
        assert (inside(), recording()) == (False, True)


def test_tape_cannot_be_entered_twice_at_once() -> None:
    message = r"^GradientTape: the tape is already recording; leave its with block first, or create another tape$"

    def enter(tape: tl.GradientTape) -> str:
        try:
            with tape:
                return "entered"
        except StateError as error:
            return str(error)

    with tl.GradientTape() as tape:
        assert "already recording" in in_thread(lambda: enter(tape))
        with tl.no_grad(), pytest.raises(StateError, match=message):
            tape.__enter__()
        assert recording()
    assert in_thread(lambda: enter(tape)) == "entered"
    assert not recording()


def test_device_blocks_may_end_in_any_order() -> None:
    def on(name: str) -> Iterator[None]:
        with tl.device(name):
            yield

    older = on("cpu")
    next(older)
    with tl.device("reference"):
        older.close()
        assert tl.zeros(1).device == "reference"
        newer = on("cpu")
        next(newer)
        assert tl.zeros(1).device == "cpu"
    with tl.device("reference"):
        newer.close()
        assert tl.zeros(1).device == "reference"

    async def place(name: str) -> list[str]:
        with tl.device(name):
            await asyncio.sleep(0)
            return [tl.zeros(1).device]

    async def places() -> list[list[str]]:
        return list(await asyncio.gather(place("cpu"), place("reference"), place("cpu")))

    assert asyncio.run(places()) == [["cpu"], ["reference"], ["cpu"]]

"""Random tensors, and the seeds and streams that they are drawn from."""

from tensorlab.random.draws import normal, uniform
from tensorlab.random.streams import (
    enter_run,
    generator,
    get_state,
    leave_run,
    move_to,
    set_seed,
    set_state,
)

__all__ = [
    "enter_run",
    "generator",
    "get_state",
    "leave_run",
    "move_to",
    "normal",
    "set_seed",
    "set_state",
    "uniform",
]

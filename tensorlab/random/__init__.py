"""Random tensors, and the seeds, keys and streams behind them."""

from tensorlab.random.draws import (
    bernoulli,
    categorical,
    normal,
    permutation,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from tensorlab.random.keys import SeedGenerator, fold_in, key, split
from tensorlab.random.streams import (
    Key,
    drawn,
    enter_run,
    generator,
    get_state,
    leave_run,
    move_to,
    set_seed,
    set_state,
)

__all__ = [
    "Key",
    "SeedGenerator",
    "bernoulli",
    "categorical",
    "drawn",
    "enter_run",
    "fold_in",
    "generator",
    "get_state",
    "key",
    "leave_run",
    "move_to",
    "normal",
    "permutation",
    "randint",
    "set_seed",
    "set_state",
    "shuffle",
    "split",
    "truncated_normal",
    "uniform",
]

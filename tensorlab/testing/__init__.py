"""For tests of code that is written with tensorlab."""

from tensorlab.testing.gradients import check_gradients

__all__ = ["check_gradients"]

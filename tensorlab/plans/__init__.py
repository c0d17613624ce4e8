"""Plans: what a function of tensors computes, recorded once and repeated without its Python code."""

from tensorlab.plans.jitted import Jitted, jit
from tensorlab.plans.repeated import Repeated, disable_jit

__all__ = ["Jitted", "Repeated", "disable_jit", "jit"]

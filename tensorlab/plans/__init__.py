"""Plans: what a function of tensors computes, recorded once and repeated without its Python code."""

from tensorlab.plans.repeated import Repeated, disable_jit

__all__ = ["Repeated", "disable_jit"]

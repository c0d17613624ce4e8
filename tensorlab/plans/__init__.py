"""Plans: what a function of tensors computes, recorded once and repeated without its Python code."""

from tensorlab.plans.repeated import Repeated

__all__ = ["Repeated"]

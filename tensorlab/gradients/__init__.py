"""Gradients, for those who compute with them: of what a tape has seen, and of functions."""

from tensorlab.gradients.custom import custom_gradient
from tensorlab.gradients.functional import grad, jacobian, value_and_grad
from tensorlab.gradients.tape import GradientTape

__all__ = ["GradientTape", "custom_gradient", "grad", "jacobian", "value_and_grad"]

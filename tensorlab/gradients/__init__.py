"""The public interface to gradients: tapes, gradients of functions, and custom gradients."""

from tensorlab.gradients.custom import custom_gradient
from tensorlab.gradients.functional import grad, jacobian, value_and_grad
from tensorlab.gradients.tape import GradientTape

__all__ = ["GradientTape", "custom_gradient", "grad", "jacobian", "value_and_grad"]

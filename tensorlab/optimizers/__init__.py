"""Optimizers: how gradients change weights."""

from tensorlab.optimizers.adam import Adam
from tensorlab.optimizers.base import Optimizer, OptimizerRule, get
from tensorlab.optimizers.rmsprop import RMSprop
from tensorlab.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "OptimizerRule", "RMSprop", "get"]

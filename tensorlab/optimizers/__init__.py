"""Optimizers, which update weights from gradients."""

from tensorlab.optimizers.adam import Adam
from tensorlab.optimizers.base import Optimizer
from tensorlab.optimizers.maker import OptimizerRule, get
from tensorlab.optimizers.rmsprop import RMSprop
from tensorlab.optimizers.sgd import SGD
from tensorlab.serialization import deserialize, serialize

__all__ = ["SGD", "Adam", "Optimizer", "OptimizerRule", "RMSprop", "deserialize", "get", "serialize"]

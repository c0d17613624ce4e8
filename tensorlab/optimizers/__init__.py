"""Optimizers, which update weights from gradients."""

from typing import TYPE_CHECKING

from tensorlab import absent
from tensorlab.optimizers import schedules
from tensorlab.optimizers.adadelta import Adadelta
from tensorlab.optimizers.adafactor import Adafactor
from tensorlab.optimizers.adagrad import Adagrad
from tensorlab.optimizers.adam import Adam, AdamW
from tensorlab.optimizers.adamax import Adamax
from tensorlab.optimizers.base import Optimizer
from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.ftrl import Ftrl
from tensorlab.optimizers.maker import OptimizerRule, get
from tensorlab.optimizers.muon import Muon
from tensorlab.optimizers.nadam import Nadam
from tensorlab.optimizers.rmsprop import RMSprop
from tensorlab.optimizers.sgd import SGD
from tensorlab.serialization import deserializer as _deserializer
from tensorlab.serialization import serialize

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ClippingOptimizer",
    "Ftrl",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerRule",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

deserialize = _deserializer(__name__, "optimizer", get)

if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())

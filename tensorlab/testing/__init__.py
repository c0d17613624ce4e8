"""Tests for code written with tensorlab: conformance checks of plugins, and gradient checks."""

from tensorlab.testing.activation import check_activation
from tensorlab.testing.gradients import check_gradients
from tensorlab.testing.layer import check_layer
from tensorlab.testing.loss import check_loss
from tensorlab.testing.optimizer import check_optimizer
from tensorlab.testing.plugin import check_plugin, plugin_test
from tensorlab.testing.report import Report, Result

__all__ = [
    "Report",
    "Result",
    "check_activation",
    "check_gradients",
    "check_layer",
    "check_loss",
    "check_optimizer",
    "check_plugin",
    "plugin_test",
]

"""The Lion optimizer for tensorlab: ``model.compile(optimizer="lion")``."""

from tensorlab import OptimizerRule, hookimpl


def lion(w, g, m, learning_rate=1e-4, beta_1=0.9, beta_2=0.99, weight_decay=0.0):
    """``w ← w - η (sign(β₁ m + (1 - β₁) g) + λ w)``, ``m ← β₂ m + (1 - β₂) g``: every weight moves equally far.

    Source: X. Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675.
    """
    c = beta_1 * m + (1.0 - beta_1) * g
    sign = (c > 0.0) - (c < 0.0)
    return w - learning_rate * (sign + weight_decay * w), beta_2 * m + (1.0 - beta_2) * g


@hookimpl
def tensorlab_register_optimizers():
    """Called by tensorlab the first time that a program looks any name up."""
    return {"lion": OptimizerRule(lion)}

"""The Lion optimizer for tensorlab: ``model.compile(optimizer="lion")``."""

from tensorlab import OptimizerRule, hookimpl


def lion(w, g, m, learning_rate=1e-4, beta_1=0.9, beta_2=0.99, weight_decay=0.0):
    """Compute ``w ← w - η (sign(β₁ m + (1 - β₁) g) + λ w)``, ``m ← β₂ m + (1 - β₂) g``.

    Without weight decay every weight changes by the learning rate η, up or down.

    Args:
        w: the weight.
        g: its gradient.
        m: the slot: a running mean of the gradients.
        learning_rate: η.
        beta_1: β₁, the share of the slot in the direction of the step.
        beta_2: β₂, the share of the slot that the step keeps.
        weight_decay: λ.

    Source: X. Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675.
    """
    c = beta_1 * m + (1.0 - beta_1) * g
    sign = (c > 0.0) - (c < 0.0)
    return w - learning_rate * (sign + weight_decay * w), beta_2 * m + (1.0 - beta_2) * g


@hookimpl
def tensorlab_register_optimizers():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"lion": OptimizerRule(lion)}

"""Models as estimators of scikit-learn: for pipelines, grid searches and cross-validation.

This module needs scikit-learn, the extra ``sklearn``; ``import tensorlab`` does not import it.
"""

from __future__ import annotations

from tensorlab.sklearn.estimators import TensorlabClassifier, TensorlabRegressor

__all__ = ["TensorlabClassifier", "TensorlabRegressor"]

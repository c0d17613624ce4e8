"""`TensorlabClassifier` and `TensorlabRegressor`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from tensorlab import activations, losses
from tensorlab.errors import ArgumentError, ShapeError
from tensorlab.layers import Dense
from tensorlab.sklearn.base import FLOATS, Array, Estimator


class TensorlabClassifier(ClassifierMixin, Estimator):
    """A model as a classifier of scikit-learn.

    Args:
        model: a model, which is cloned and gets new weights for every fit; or a function of ``X``, ``y`` and the
            ``build_options`` that returns one. None is a network with one hidden layer of 100 units with relu.
        build_options: more arguments of the function, as a dict. A grid search can choose among several dicts.
        optimizer: the optimizer, if the model is not compiled.
        loss: the loss, if the model is not compiled. None is "sparse_categorical_crossentropy" of probabilities.
        metrics: a list of metrics for the history, if the model is not compiled.
        epochs: how often each sample is trained on.
        batch_size: samples a step; "auto" is the smaller of 200 and the number of samples.
        fit_options: more arguments of `Model.fit` as a dict, such as callbacks or ``validation_split``.
        random_state: an integer or ``RandomState`` that determines the initial weights and the order of the samples.
        warm_start: whether another `fit` goes on with the model of the last one.
        verbose: as in `Model.fit`.

    Attributes:
        model_: the trained model.
        history_: a dict with the metrics of each epoch.
        classes_: the labels, sorted.
        n_features_in_: the number of features.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from tensorlab.sklearn import TensorlabClassifier
        >>> x, y = load_iris(return_X_y=True)
        >>> classifier = make_pipeline(StandardScaler(), TensorlabClassifier(epochs=200, random_state=0))
        >>> bool(classifier.fit(x, y).score(x, y) > 0.95)
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples and their labels, which may be numbers or strings.

        Args:
            X: the samples along the first axis.
            y: their labels.
            sample_weight: a weight for each sample. A sample of weight 2 counts like two samples.

        Raises:
            ValueError: for other shapes, numbers that are not finite, or fewer than two classes.
            TypeError: for sparse matrices.
        """
        x, y = validate_data(self, X, y, dtype=FLOATS, allow_nd=True)
        check_classification_targets(y)
        classes, labels = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        who = type(self).__name__
        if len(classes) < 2:
            raise ArgumentError(f"{who}.fit y", "labels of at least two classes", f"1 class, {classes[0]!r}")
        self._fit(x, labels, len(classes), sample_weight)
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes for each sample, in the order of ``classes_``."""
        outputs = self._outputs(X)
        if getattr(self.model_.loss, "from_logits", False):
            function = activations.sigmoid if outputs.shape[1] == 1 else activations.softmax
            outputs = function(outputs).numpy()
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each sample."""
        chosen = self.predict_proba(X).argmax(axis=1)
        found: Array = self.classes_[chosen]
        return found

    def _targets(self, who: str, model: Any, y: Array, width: int) -> Array:
        """Return labels for a sparse loss, a column of 0 and 1 for a single output, and else one-hot vectors."""
        count = int(y.max()) + 1
        if width == 1 and count == 2:
            return y[:, None].astype(model.dtype)
        if width != count:
            raise ShapeError(f"{who} model", f"outputs for {count} classes", f"{width} outputs")
        sparse = isinstance(model.loss, losses.SparseCategoricalCrossentropy)
        return y if sparse else np.eye(count, dtype=model.dtype)[y]

    def _default_loss(self) -> str:
        return "sparse_categorical_crossentropy"

    def _last_layer(self, outputs: int, dtype: str) -> Dense:
        return Dense(outputs, activation="softmax", dtype=dtype)


class TensorlabRegressor(RegressorMixin, Estimator):
    """A model as a regressor of scikit-learn, for one target or several.

    The arguments and attributes are those of `TensorlabClassifier`, apart from ``classes_``. If the model is not
    compiled and ``loss`` is None, the loss is "mse".

    Example:
        >>> from tensorlab.sklearn import TensorlabRegressor
        >>> x = np.linspace(-1, 1, 100)[:, None]
        >>> regressor = TensorlabRegressor(optimizer=tl.optimizers.Adam(0.01), epochs=200, random_state=0)
        >>> bool(regressor.fit(x, x[:, 0] ** 2).score(x, x[:, 0] ** 2) > 0.95)
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples and their targets.

        Args:
            X: the samples along the first axis.
            y: a number for each sample, or a row of several.
            sample_weight: a weight for each sample. A sample of weight 2 counts like two samples.

        Raises:
            ValueError: for other shapes, or numbers that are not finite.
            TypeError: for sparse matrices.
        """
        x, y = validate_data(self, X, y, dtype=FLOATS, allow_nd=True, multi_output=True, y_numeric=True)
        targets = y.astype(x.dtype).reshape((len(y), -1))
        self._fit(x, targets, targets.shape[1], sample_weight)
        self._has_columns = y.ndim > 1
        return self

    def predict(self, X: Any) -> Array:
        """Return the target of each sample, or a row of them if `fit` was given rows."""
        outputs = self._outputs(X)
        return outputs if self._has_columns else outputs[:, 0]

    def _targets(self, who: str, model: Any, y: Array, width: int) -> Array:
        if width != y.shape[1]:
            raise ShapeError(f"{who} model", f"outputs for {y.shape[1]} targets", f"{width} outputs")
        return y

    def _default_loss(self) -> str:
        return "mse"

    def _last_layer(self, outputs: int, dtype: str) -> Dense:
        return Dense(outputs, dtype=dtype)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

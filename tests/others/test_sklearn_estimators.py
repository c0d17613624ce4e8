"""Models as estimators of scikit-learn: its own checks, and what its tools do with them."""

from __future__ import annotations

import contextlib
import copy
import pickle
import warnings
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest

import tensorlab as tl

pytest.importorskip("sklearn", minversion="1.6")
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, UnknownNameError
from tensorlab.layers import Conv2D, Dense, Flatten, Reshape
from tensorlab.sklearn import TensorlabClassifier, TensorlabRegressor

Array = np.ndarray[Any, Any]


def labelled(classes: int = 3, samples: int = 60) -> tuple[Array, Array]:
    few = {"n_informative": 5, "n_redundant": 0, "n_clusters_per_class": 1, "flip_y": 0, "class_sep": 2}
    x, y = make_classification(samples, 5, n_classes=classes, random_state=3, **few)
    return x, y


def network(units: int, activation: str | None = "softmax", loss: Any = None) -> tl.Sequential:
    model = tl.Sequential([tl.Input((5,)), Dense(8, activation="tanh"), Dense(units, activation=activation)])
    if loss is not None:
        model.compile("adam", loss)
    return model


def build(X: Array, y: Array, units: int = 4, rate: float = 0.01) -> tl.Sequential:
    """Return a model as a grid search makes it."""
    model = tl.Sequential([Dense(units, activation="relu"), Dense(len(np.unique(y)), activation="softmax")])
    model.compile(tl.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("make", [TensorlabClassifier, TensorlabRegressor])
def test_every_check_of_scikit_learn(make: Any) -> None:
    count = 0
    for estimator, check in estimator_checks_generator(make()):
        with contextlib.suppress(SkipTest), warnings.catch_warnings():  # some checks need pandas
            warnings.simplefilter("ignore")  # as check_estimator does
            check(estimator)  # raises
            count += 1
    assert count > 50


def test_tools_of_scikit_learn() -> None:
    x, y = labelled()
    pipeline = make_pipeline(StandardScaler(), TensorlabClassifier(build, epochs=20, random_state=0))
    options = [{"units": units, "rate": rate} for units in (2, 8) for rate in (1e-6, 0.05)]
    search = GridSearchCV(pipeline, {"tensorlabclassifier__build_options": options}, cv=2, n_jobs=2).fit(x, y)
    assert search.best_params_["tensorlabclassifier__build_options"]["rate"] == 0.05
    assert search.best_score_ > 0.6
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict_proba(x), search.best_estimator_.predict_proba(x))
    scores = cross_val_score(search.best_estimator_, x, y, cv=2, n_jobs=2)
    assert np.array_equal(scores, cross_val_score(search.best_estimator_, x, y, cv=2))


@pytest.mark.parametrize(
    ("classes", "units", "activation", "loss"),
    [
        (3, 3, "softmax", "sparse_categorical_crossentropy"),
        (3, 3, "softmax", "categorical_crossentropy"),
        (3, 3, None, tl.losses.SparseCategoricalCrossentropy(from_logits=True)),
        (3, 3, None, tl.losses.CategoricalCrossentropy(from_logits=True)),
        (2, 2, "softmax", "sparse_categorical_crossentropy"),
        (2, 1, "sigmoid", "binary_crossentropy"),
        (2, 1, None, tl.losses.BinaryCrossentropy(from_logits=True)),
    ],
)
def test_compiled_models_keep_their_losses(classes: int, units: int, activation: str | None, loss: Any) -> None:
    x, labels = labelled(classes)
    y = np.array(["rose", "iris", "lily"])[labels]
    model = network(units, activation, loss)
    before = model.get_weights()
    classifier = TensorlabClassifier(model, epochs=60, batch_size=8, random_state=1).fit(x, y)
    assert [*classifier.classes_] == sorted({*y})
    probabilities = classifier.predict_proba(x)
    assert probabilities.shape == (60, classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert classifier.score(x, y) > 0.75
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert classifier.model_ is not model


def test_random_state_determines_the_fit_and_leaves_the_seed_alone() -> None:
    x, y = labelled()
    tl.utils.set_random_seed(5)
    expected = tl.random.normal((3,)).numpy()
    tl.utils.set_random_seed(5)
    first, second = [TensorlabClassifier(epochs=3, random_state=2).fit(x, y).predict_proba(x) for _ in range(2)]
    assert np.array_equal(first, second)
    assert np.array_equal(tl.random.normal((3,)).numpy(), expected)
    assert not np.array_equal(TensorlabClassifier(epochs=3, random_state=3).fit(x, y).predict_proba(x), first)


def test_weights_count_like_copies() -> None:
    x, y = labelled(2, 20)
    counts = np.random.default_rng(0).integers(0, 4, 20)
    weighted = TensorlabClassifier(epochs=5, random_state=0).fit(x, y, sample_weight=counts)
    copied = TensorlabClassifier(epochs=5, random_state=0).fit(np.repeat(x, counts, 0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.predict_proba(x), copied.predict_proba(x), rtol=1e-9)


def test_warm_start_goes_on_and_a_clone_begins_again() -> None:
    x, y = labelled()
    classifier = TensorlabClassifier(epochs=2, warm_start=True, random_state=0).fit(x, y)
    model, loss = classifier.model_, classifier.history_["loss"][-1]
    assert classifier.fit(x, y).model_ is model
    assert classifier.history_["loss"][-1] < loss
    assert not hasattr(clone(classifier), "model_")


def test_callbacks_and_options_of_fit_are_not_changed() -> None:
    x, y = labelled()
    stop = tl.callbacks.EarlyStopping("loss", patience=0, min_delta=100.0)
    options = {"callbacks": [stop], "validation_split": 0.2}
    before = copy.deepcopy({name: value for name, value in vars(stop).items() if name != "_constructed_with"})
    classifier = TensorlabClassifier(fit_options=options, metrics=["accuracy"], epochs=9).fit(x, y)
    assert {*classifier.history_} == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(classifier.history_["loss"]) == 2
    assert {name: value for name, value in vars(stop).items() if name != "_constructed_with"} == before


def test_images_and_several_targets() -> None:
    x, y = labelled(2)
    images = np.repeat(x, 2, axis=1)[:, :9].reshape((-1, 3, 3))
    model = tl.Sequential([Reshape((3, 3, 1)), Conv2D(4, 2, activation="relu"), Flatten(), Dense(2, "softmax")])
    assert (
        TensorlabClassifier(model, optimizer="rmsprop", epochs=40, batch_size=4, random_state=0)
        .fit(images, y)
        .score(images, y)
        > 0.7
    )
    assert TensorlabClassifier(epochs=1).fit(images, y).predict(images).shape == (60,)
    x, targets = make_regression(50, 3, n_targets=2, random_state=0)
    targets = targets / np.abs(targets).max()
    rate = tl.optimizers.Adam(0.01)
    regressor = TensorlabRegressor(optimizer=rate, epochs=150, random_state=0).fit(x, targets)
    assert regressor.predict(x).shape == (50, 2)
    assert regressor.score(x, targets) > 0.9
    assert rate.iterations == 0
    assert TensorlabRegressor(epochs=1).fit(x, targets[:, 0]).predict(x).shape == (50,)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": 3}, ArgumentTypeError, "TensorlabClassifier model: expected a model, or a function of X and y"),
        ({"model": lambda X, y: None}, ArgumentTypeError, "expected a function that returns a model, received None"),
        ({"model": network(4)}, ShapeError, "TensorlabClassifier model: expected outputs for 3 classes, received 4"),
        ({"model": network(1)}, ShapeError, "expected outputs for 3 classes, received 1 outputs"),
        ({"model": tl.Sequential([Reshape((5, 1))])}, ShapeError, r"expected an output of shape \(samples, numbers\)"),
        ({"epochs": 0}, ArgumentError, "TensorlabClassifier epochs: expected an integer of at least 1, received 0"),
        ({"batch_size": "all"}, ArgumentError, "batch_size: expected a positive integer, or 'auto', received 'all'"),
        ({"batch_size": 0}, ArgumentError, "TensorlabClassifier batch_size: expected an integer of at least 1"),
        ({"loss": "nothing"}, UnknownNameError, "expected the name of a registered loss, received 'nothing'"),
    ],
)
def test_invalid_arguments(options: dict[str, Any], error: Any, message: str) -> None:
    x, y = labelled()
    classifier = TensorlabClassifier(**options)
    with pytest.raises(error, match=message):
        classifier.fit(x, y)
    assert not hasattr(classifier, "model_")


def test_invalid_data() -> None:
    x, y = labelled()
    classifier = TensorlabClassifier(epochs=1)
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="Sparse data was passed"):
        classifier.fit(sparse.csr_array(x), y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        classifier.fit(np.where(x > 1, np.nan, x), y)
    with pytest.raises(ValueError, match=r"fit y: expected labels of at least two classes, received 1 class"):
        classifier.fit(x, np.zeros(60))
    with pytest.raises(ValueError, match=r"sample_weight: expected weights with a sum above 0, received a sum of -60"):
        classifier.fit(x, y, sample_weight=-np.ones(60))
    with pytest.raises(ValueError, match="Unknown label type"):
        classifier.fit(x, x[:, 0])
    assert not hasattr(classifier, "model_")
    classifier.fit(x, y)
    with pytest.raises(ValueError, match="X has 2 features, but TensorlabClassifier is expecting 5 features"):
        classifier.predict(x[:, :2])

"""scikit-learn and SciPy on tensors, by the array API: tensors in and out, with the values of NumPy's arrays."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("sklearn", minversion="1.6")

PROGRAM = """
import sys
import warnings

import numpy as np
import scipy.special, scipy.stats
import sklearn
from sklearn import decomposition, linear_model, metrics, preprocessing

import tensorlab as tl

warnings.simplefilter("ignore")  # of the libraries
rng = np.random.default_rng(0)

def scaled(scaler):
    return lambda x: [scaler.fit_transform(x), scaler.inverse_transform(scaler.transform(x))]

def components(**options):
    def compute(x):
        found = decomposition.PCA(2, **options).fit(x)
        return [found.transform(x), found.inverse_transform(found.transform(x)), found.explained_variance_]
    return compute

def ridge(x, y):
    found = linear_model.Ridge(solver="svd").fit(x, y)
    return [found.coef_, found.predict(x)]

CASES = {
    "StandardScaler": (scaled(preprocessing.StandardScaler()), "x"),
    "MinMaxScaler": (scaled(preprocessing.MinMaxScaler()), "x"),
    "Normalizer l1": (lambda x: [preprocessing.Normalizer("l1").fit_transform(x)], "x"),
    "Normalizer l2": (lambda x: [preprocessing.Normalizer("l2").fit_transform(x)], "x"),
    "Normalizer max": (lambda x: [preprocessing.Normalizer("max").fit_transform(x)], "x"),
    "PCA": (components(svd_solver="full"), "x"),
    "PCA whiten": (components(svd_solver="full", whiten=True), "x"),
    "PCA covariance": (components(svd_solver="covariance_eigh"), "x"),
    "PCA randomized": (
        components(svd_solver="randomized", random_state=0, power_iteration_normalizer="QR"), "x"
    ),
    "Ridge": (ridge, "x", "y"),
    "r2_score": (lambda y, s: [metrics.r2_score(y, s)], "y", "score"),
    "roc_auc_score": (lambda y, s: [metrics.roc_auc_score(y, s)], "label", "score"),
    "logsumexp": (lambda x: [scipy.special.logsumexp(x), scipy.special.logsumexp(x, axis=1, keepdims=True)], "x"),
    "logsumexp b": (lambda x: [scipy.special.logsumexp(x, axis=0, b=x * x)], "x"),
    "zscore": (lambda x: [scipy.stats.zscore(x, axis=0), scipy.stats.zscore(x, axis=None, ddof=1)], "x"),
}
for dtype, tolerance in (("float32", 2e-4), ("float64", 1e-9)):
    data = {
        "x": rng.normal(size=(30, 4)).astype(dtype),
        "y": rng.normal(size=30).astype(dtype),
        "score": rng.random(30).astype(dtype),
        "label": (rng.random(30) > 0.5).astype("int64"),
    }
    with sklearn.config_context(array_api_dispatch=True):
        for name, (compute, *needed) in CASES.items():
            expected = compute(*[data[each] for each in needed])
            found = compute(*[tl.asarray(data[each]) for each in needed])
            for one, other in zip(found, expected, strict=True):
                assert isinstance(one, (tl.Tensor, float)), (name, type(one))
                given = one.numpy() if isinstance(one, tl.Tensor) else one
                np.testing.assert_allclose(given, other, rtol=tolerance, atol=tolerance, err_msg=f"{name} {dtype}")
            print(name, dtype)
"""


def test_scikit_learn_and_scipy_take_and_return_tensors() -> None:
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}  # SciPy reads it when it is imported
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("\n") == 30

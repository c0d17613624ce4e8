"""Files that earlier versions saved are read for good. ``data/model_v1.tensorlab`` is one of format version 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from saving_cases import bent, bounded_error, data, heavy

import tensorlab as tl
from tensorlab.scalars import scalar_function

SAVED = Path(__file__).parent.parent / "data" / "model_v1.tensorlab"
OUTPUTS = [[0.01884973607957363], [-0.4060986042022705], [-0.321485310792923]]
EVALUATED = [0.23587124049663544, 0.6909177303314209]


def test_model_of_version_1() -> None:
    model = tl.load_model(SAVED)
    x, y = data()
    np.testing.assert_allclose(model.predict(x[:3]), OUTPUTS, rtol=1e-6)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), EVALUATED, rtol=1e-6)
    assert (model.metrics_names, model.optimizer.iterations) == (["loss", "mae"], 6)
    assert [slot.shape for slot in model.optimizer.variables] == [(4, 4), (4,), (4, 1), (1,)]
    activation = model.layers[0].activation
    assert activation.hyperparameters == {"slope": 0.5}
    assert activation._made_of.key == scalar_function(bent).key
    assert model.loss.rule.scalar.key == scalar_function(bounded_error).key
    assert model.optimizer.rule.scalar.key == scalar_function(heavy).key
    before = model.evaluate(x, y, verbose=0)[0]
    assert model.fit(x, y, epochs=10, batch_size=8, verbose=0).history["loss"][-1] < before

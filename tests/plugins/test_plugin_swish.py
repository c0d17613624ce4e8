"""plugins/tensorlab-swish, installed for a separate process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "tensorlab-swish"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder as written by ``pip install --target``, created from the plugin's pyproject without pip."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    modules = list(PLUGIN.glob("*.py"))
    assert [module.name for module in modules] == ["tensorlab_swish.py"]
    shutil.copy(modules[0], site)
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["tensorlab"].items())
    (metadata / "entry_points.txt").write_text(f"[tensorlab]\n{points}")
    return site


def python(installed, *arguments):
    path = os.pathsep.join([str(installed), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path, "TENSORLAB_STRICT": "1"},
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=300,
    )


def check(installed, program):
    done = python(installed, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_network_with_swish_learns(installed):
    first, last = check(
        installed,
        """
import numpy as np, tensorlab as tl
tl.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
y = (np.sin(x[:, :1]) * x[:, 1:2]).astype("float32")
model = tl.Sequential([tl.layers.Dense(64, activation="swish"), tl.layers.Dense(1)])
model.compile(optimizer=tl.optimizers.Adam(0.01), loss="mse")
losses = model.fit(x, y, epochs=20, batch_size=32, verbose=0).history["loss"]
print(losses[0], losses[-1])
""",
    ).split()
    assert float(last) < 0.5 * float(first)


def test_name_survives_a_config_and_is_suggested_for_a_misspelled_one(installed):
    written = check(
        installed,
        """
import tensorlab as tl
layer = tl.layers.Dense(3, activation="tensorlab-swish:swish")
print(layer.get_config()["activation"])
print(type(layer).from_config(layer.get_config()).activation is tl.activations.get("swish"))
try:
    tl.layers.Dense(3, activation="swsh")
except tl.errors.UnknownNameError as error:
    print(error)
""",
    ).splitlines()
    assert written[1] == "True"
    assert written[2].endswith("received 'swsh'; did you mean 'swish' or 'hard_swish'?")


def test_plugin_can_be_imported_before_tensorlab(installed):
    """The imports of the plugin and of tensorlab are not circular in either order."""
    assert check(installed, "import tensorlab_swish, tensorlab as tl; print(tl.activations.get('swish'))")
    program = "import sys, tensorlab; print('tensorlab_swish' in sys.modules)"
    assert check(installed, program) == "False\n", "discovery happens at the first look-up, not at import"

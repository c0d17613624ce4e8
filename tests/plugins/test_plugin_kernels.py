"""The wheel of a plugin contains its compiled kernels, and a program that uses it compiles nothing."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest
from plugin_environment import ROOT, install_wheels, output_of, python

from tensorlab.kernels.runtime import processor, shipped

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or shutil.which("cc") is None or not processor.levels(),
    reason="builds kernels on Linux, for x86-64",
)
USE = """
    import sys
    import numpy as np, tensorlab as tl
    from tensorlab.kernels.runtime import library
    swish = tl.activations.get("swish")
    x = np.linspace(-4, 4, 9, dtype=np.float32)
    y = swish(tl.asarray(x)).numpy()
    np.testing.assert_allclose(y, x / (1 + np.exp(-x)), rtol=1e-6)
    print("numba" in sys.modules)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    install_wheels(folder, [ROOT / "plugins" / "tensorlab-swish"], tmp_path_factory.mktemp("build"), kernels=True)
    return folder


def test_installed_plugin_needs_no_compiler(site: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (site / "tensorlab_swish_kernels").iterdir()) == ["x86-64-v3", "x86-64-v4"]
    assert output_of(site, USE, TENSORLAB_CACHE_DIR=str(tmp_path), TENSORLAB_SHIPPED="1") == "False\n"


def test_check_plugin_tells_whether_the_kernels_fit(site: Path, tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    level = copy / "tensorlab_swish_kernels" / processor.levels()[0].name
    for other in level.parent.iterdir():
        if other != level:
            shutil.rmtree(other)

    def row() -> str:
        done = python(copy, "-m", "tensorlab", "check-plugin", "tensorlab-swish", TENSORLAB_SHIPPED="1")
        return next(" ".join(line.split()) for line in done.stdout.splitlines() if line.split()[:1] == ["kernels"])

    assert row() == "kernels passed"
    (level / shipped.INDEX).write_text((level / shipped.INDEX).read_text().replace('"sources": "', '"sources": "0'))
    assert row().startswith(
        "kernels failed plugin 'swish': its kernels: expected kernels that fit this processor, Python and tensorlab"
    )
    shutil.rmtree(level.parent)
    assert row() == "kernels skipped it ships none; they are compiled at first use"


def test_a_wheel_without_a_compiler_has_no_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    site = tmp_path / "site"
    install_wheels(site, [ROOT / "plugins" / "tensorlab-swish"], tmp_path, kernels=True)
    assert (site / "tensorlab_swish.py").is_file()
    assert not (site / "tensorlab_swish_kernels").exists()

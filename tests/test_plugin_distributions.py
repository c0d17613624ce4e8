"""The distributions in plugins/, and what new-plugin writes: their own tests pass in a process that finds them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tensorlab import commands
from tensorlab.commands import new_plugin
from tensorlab.errors import ArgumentError, UnknownNameError

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
KINDS = ("activation", "loss", "optimizer", "layer")


def install(folder: Path, site: Path) -> None:
    """What pip makes of a folder with a pyproject: its modules and a dist-info."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    for module in project["tool"]["setuptools"]["py-modules"]:
        shutil.copy(folder / f"{module}.py", site)
    name, version = project["project"]["name"], project["project"]["version"]
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
    points = "".join(f"{key} = {value}\n" for key, value in project["project"]["entry-points"]["tensorlab"].items())
    (metadata / "entry_points.txt").write_text(f"[tensorlab]\n{points}")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pytest says of each test of every plugin, by its id; also of new plugins of all kinds."""
    site, fresh = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("fresh")
    written = [new_plugin.write(f"my-{kind}", kind, fresh) for kind in KINDS]
    for folder in (*SHIPPED, *written):
        install(folder, site)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-W", "error", "--rootdir", str(fresh)]
        + [str(folder / "tests") for folder in (*SHIPPED, *written)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])},
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=500,
    )
    found = dict(re.findall(r"::test_plugin\[(.+?)\] ([A-Z]+)", done.stdout))
    assert found, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout
    return found


def test_what_ships() -> None:
    assert [folder.name for folder in SHIPPED] == [
        "tensorlab-focal",
        "tensorlab-lion",
        "tensorlab-maxout",
        "tensorlab-swish",
    ]


@pytest.mark.parametrize(
    ("plugin", "subject", "special"),
    [
        ("swish", "activation swish", {"gradients", "plain Python"}),
        ("focal", "loss focal", {"gradients", "plain Python"}),
        ("lion", "optimizer lion", {"learns", "state", "plain Python"}),
        ("maxout", "layer Maxout", {"gradients"}),
        ("my_activation", "activation my_activation", {"gradients", "plain Python"}),
        ("my_loss", "loss my_loss", {"gradients", "plain Python"}),
        ("my_optimizer", "optimizer my_optimizer", {"learns", "state", "plain Python"}),
        ("my_layer", "layer MyLayer", {"gradients"}),
    ],
)
def test_every_check_of_it_passes(plugin: str, subject: str, special: set[str], outcomes: dict[str, str]) -> None:
    headings = {"backends", "dtypes", "special values", "shapes", "config", "determinism"} | special
    own = {test: outcome for test, outcome in outcomes.items() if test.startswith((f"plugin {plugin}-", f"{subject}-"))}
    assert own == {
        **{f"plugin {plugin}-{heading}": "PASSED" for heading in ("loads", "import")},
        **{f"{subject}-{heading}": "PASSED" for heading in headings},
    }


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_plugin_is_complete(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == folder.name
    assert project["dependencies"] == ["tensorlab>=0.1"]
    module = folder.name.replace("-", "_")
    assert list(project["entry-points"]["tensorlab"].values()) == [module]
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in str(path))
    files = [file for file in files if (folder / file).is_file() and ".egg-info" not in file]
    assert files == sorted(["README.md", "pyproject.toml", f"{module}.py", f"tests/test_{module}.py"])
    assert (folder / "README.md").read_text().startswith(f"# {folder.name}\n")


def test_the_command_writes_a_folder_and_says_what_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["new-plugin", "tensorlab-soft-step", "--kind", "layer", "--path", str(tmp_path)]
    assert commands.main(arguments) == 0
    folder = tmp_path / "tensorlab-soft-step"
    first, second = capsys.readouterr().out.splitlines()
    files = ["README.md", "pyproject.toml", "tensorlab_soft_step.py", "tests/test_tensorlab_soft_step.py"]
    assert first == f"{folder}: {', '.join(files)}"
    assert second == f"next: pip install -e {folder} && python -m tensorlab check-plugin tensorlab-soft-step"
    assert "class SoftStep(tl.layers.Layer)" in (folder / "tensorlab_soft_step.py").read_text()
    assert 'plugin_test("tensorlab-soft-step")' in (folder / files[-1]).read_text()
    assert not any("$" in line.replace("$ ", "") for file in files for line in (folder / file).read_text().splitlines())
    assert commands.main(arguments) == 1
    said = f"new-plugin: expected a folder that is not there yet, received {folder}; choose another name or --path\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("name", "kind", "error", "said"),
    [
        *(
            (
                name,
                "loss",
                ArgumentError,
                "new-plugin: expected a name of small letters, digits and single hyphens, such as soft-step, "
                f"received {name!r}; it becomes the name of a module and of a distribution",
            )
            for name in ("", "Swish", "9lives", "a--b", "a b", "../up", "class", "tensorlab-", "naïve")
        ),
        (
            "mish",
            "activatoin",
            UnknownNameError,
            "new-plugin --kind: expected a kind of plugin, received 'activatoin'; did you mean 'activation'?",
        ),
        (
            "relu",
            "activation",
            ArgumentError,
            "new-plugin: expected the name of no activation yet, received 'relu', of tensorlab; choose another one",
        ),
        (
            "dense",
            "layer",
            ArgumentError,
            "new-plugin: expected the name of no layer yet, received 'dense', of tensorlab; choose another one",
        ),
    ],
)
def test_what_is_refused_writes_nothing(
    name: str, kind: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        new_plugin.write(name, kind, tmp_path)
    assert str(caught.value) == said
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        new_plugin.write("mish", "activation", tmp_path / "nowhere")
    expected = f"new-plugin --path: expected a folder, received {tmp_path / 'nowhere'}, which is none; make it first"
    assert str(caught.value) == expected


def test_a_folder_that_cannot_be_written_whole_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, text: str, encoding: str) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space left"):
        new_plugin.write("mish", "activation", tmp_path)
    assert list(tmp_path.iterdir()) == []

"""The distributions in plugins/ and those that new-plugin writes pass all checks."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_environment import ROOT, install_wheels

import tensorlab as tl
from tensorlab import commands
from tensorlab.commands import new_plugin
from tensorlab.commands.templates import KINDS
from tensorlab.environment import pip, python
from tensorlab.errors import ArgumentError, UnknownNameError
from tensorlab.registry import registries

SHIPPED = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
COMPUTED = {"backends", "dtypes", "special-values", "shapes", "config", "determinism"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outcome of each test of every plugin, including new plugins of all kinds, by its id."""
    site, fresh = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("fresh")
    written = [new_plugin.write(f"my-{kind}", kind, fresh) for kind in KINDS]
    install_wheels(site, (*SHIPPED, *written), tmp_path_factory.mktemp("build"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-W", "error"]
        + [f"--tensorlab-plugin={folder.name}" for folder in (*SHIPPED, *written)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])},
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=500,
    )
    found = dict(re.findall(r"^(tensorlab-.+?::.+?) ([A-Z]+)", done.stdout, re.MULTILINE))
    assert found, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout
    return found


def test_distributions_in_the_repository() -> None:
    assert [folder.name for folder in SHIPPED] == [
        "tensorlab-focal",
        "tensorlab-lion",
        "tensorlab-maxout",
        "tensorlab-recurrent",
        "tensorlab-swish",
    ]


@pytest.mark.parametrize(
    ("plugin", "thing", "headings"),
    [
        ("swish", "activation::swish", COMPUTED | {"gradients", "plain-Python"}),
        ("focal", "loss::focal", COMPUTED | {"gradients", "plain-Python"}),
        ("lion", "optimizer::lion", COMPUTED | {"learns", "state", "plain-Python"}),
        ("maxout", "layer::Maxout", COMPUTED | {"gradients"}),
        ("my_activation", "activation::my_activation", COMPUTED | {"gradients", "plain-Python"}),
        ("my_loss", "loss::my_loss", COMPUTED | {"gradients", "plain-Python"}),
        ("my_optimizer", "optimizer::my_optimizer", COMPUTED | {"learns", "state", "plain-Python"}),
        ("my_layer", "layer::MyLayer", COMPUTED | {"gradients"}),
        ("my_metric", "metric::my_metric", {"batches", "config"}),
        ("my_initializer", "initializer::my_initializer", COMPUTED - {"special-values"}),
        ("my_regularizer", "regularizer::my_regularizer", COMPUTED | {"gradients"}),
        ("my_callback", "callback::MyCallback", {"watches", "config", "determinism"}),
        ("my_dataset", "dataset::my_dataset", {"arrays", "determinism"}),
        ("my_backend", "backend::my_backend", {"protocol", "memory", "methods", "numbers"}),
    ],
)
def test_every_check_passes(plugin: str, thing: str, headings: set[str], outcomes: dict[str, str]) -> None:
    distribution = f"tensorlab-{plugin.replace('_', '-')}"
    own = {test: outcome for test, outcome in outcomes.items() if test.startswith(f"{distribution}::")}
    is_scalar = thing.partition("::")[0] in ("activation", "loss", "optimizer")
    assert own == {
        **{f"{distribution}::plugin::{plugin}::{heading}": "PASSED" for heading in ("loads", "import")},
        **({f"{distribution}::plugin::{plugin}::kernels": "SKIPPED"} if is_scalar else {}),  # built without kernels
        **{f"{distribution}::{thing}::{heading}": "PASSED" for heading in headings},
    }


def test_recurrent_layers(outcomes: dict[str, str]) -> None:
    found = {test: outcome for test, outcome in outcomes.items() if test.startswith("tensorlab-recurrent::")}
    for layer in ("SimpleRNN", "LSTM", "GRU"):
        for heading in COMPUTED | {"gradients", "training"}:
            assert found.pop(f"tensorlab-recurrent::layer::{layer}::{heading}") == "PASSED"
    assert {found.pop(f"tensorlab-recurrent::plugin::recurrent::{heading}") for heading in ("loads", "import")} == {
        "PASSED"
    }
    for layer in ("RNN", "Bidirectional", "TimeDistributed"):  # their argument is not a number
        assert found.pop(f"tensorlab-recurrent::layer::{layer}::made") == "SKIPPED"
    assert set(found.values()) == {"SKIPPED"}, "cells return several tensors"
    assert {test.split("::")[2] for test in found} == {"SimpleRNNCell", "LSTMCell", "GRUCell"}


def shipped(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module of a plugin in plugins/, which is not installed."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins" / name))
    return importlib.import_module(name.replace("-", "_"))


def test_swish_matches_its_formula(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x = rng.normal(0, 5, 100)
    with tl.device("reference"):
        values = np.asarray(tl.Activation(shipped("tensorlab-swish", monkeypatch).swish)(tl.asarray(x)))
    np.testing.assert_allclose(values, x / (1 + np.exp(-x)), rtol=1e-12)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.0, 0.5), (1.3, 0.9)])
def test_focal_matches_the_paper(
    gamma: float, alpha: float, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, p = rng.integers(0, 2, (6, 4)), rng.uniform(0.01, 0.99, (6, 4))
    sure, weight = np.where(y == 1, p, 1 - p), np.where(y == 1, alpha, 1 - alpha)
    with tl.device("reference"):
        loss = tl.LossRule(shipped("tensorlab-focal", monkeypatch).focal)(gamma=gamma, alpha=alpha)
        value = float(loss(y.astype(float), tl.asarray(p)))
    assert value == pytest.approx(np.mean(-weight * (1 - sure) ** gamma * np.log(sure)), rel=1e-12)


def test_lion_matches_the_paper(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    w, m = rng.normal(size=5), np.zeros(5)
    with tl.device("reference"):
        rule = tl.OptimizerRule(shipped("tensorlab-lion", monkeypatch).lion)
        optimizer = rule(learning_rate=0.01, beta_1=0.8, beta_2=0.95, weight_decay=0.1)
        variable = tl.Variable(w, dtype="float64")
        for _ in range(4):
            g = rng.normal(size=5)
            optimizer.apply_gradients([(g, variable)])
            w = w - 0.01 * (np.sign(0.8 * m + 0.2 * g) + 0.1 * w)
            m = 0.95 * m + 0.05 * g
        np.testing.assert_allclose(np.asarray(variable), w, rtol=1e-12)
        np.testing.assert_allclose(np.asarray(optimizer.variables[0]), m, rtol=1e-12)


def test_maxout_is_the_maximum_of_its_pieces(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    module = shipped("tensorlab-maxout", monkeypatch)
    x = rng.normal(size=(2, 5, 3))
    with tl.device("reference"):
        layer = module.Maxout(4, pieces=3, dtype="float64", bias_initializer="random_normal")
        result = np.asarray(layer(x))
        kernel, bias = layer.get_weights()
        assert (kernel.shape, bias.shape) == ((3, 12), (12,))
    pieces = [x @ kernel[:, piece::3] + bias[piece::3] for piece in range(3)]
    np.testing.assert_allclose(result, np.max(pieces, axis=0), rtol=1e-12)
    for wrong in (0, 2.0, "3"):
        with pytest.raises(ArgumentError, match=r"^Maxout pieces: expected an integer of at least 1, received"):
            module.Maxout(4, pieces=wrong)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_distribution_in_the_repository_is_complete(folder: Path) -> None:
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    project = settings["project"]
    assert project["name"] == folder.name
    assert project["dependencies"] == ["tensorlab>=0.1"]
    module = folder.name.replace("-", "_")
    assert list(project["entry-points"]["tensorlab"].values()) == [module]
    assert settings["tool"]["pytest"]["ini_options"]["tensorlab_plugins"] == [folder.name]
    assert project["entry-points"]["tensorlab"].keys() == {folder.name.removeprefix("tensorlab-")}
    assert (folder / "README.md").read_text().startswith(f"# {folder.name}\n")


def test_new_plugin_writes_a_folder_and_prints_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["new-plugin", "tensorlab-soft-step", "--kind", "layer", "--path", str(tmp_path)]
    assert commands.main(arguments) == 0
    folder = tmp_path / "tensorlab-soft-step"
    first, second = capsys.readouterr().out.splitlines()
    files = ["README.md", "pyproject.toml", "tensorlab_soft_step.py"]
    assert first == f"{folder}: {', '.join(files)}"
    assert second == f"next: {pip()} install -e {folder} && {python()} -m tensorlab check-plugin tensorlab-soft-step"
    assert "class SoftStep(tl.layers.Layer)" in (folder / "tensorlab_soft_step.py").read_text()
    assert 'tensorlab_plugins = ["tensorlab-soft-step"]' in (folder / "pyproject.toml").read_text()
    assert not any("$" in line.replace("$ ", "") for file in files for line in (folder / file).read_text().splitlines())
    assert commands.main(arguments) == 1
    said = f"new-plugin: expected a folder that does not exist yet, received {folder}; choose another name or --path\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("name", "kind", "error", "said"),
    [
        *(
            (
                name,
                "loss",
                ArgumentError,
                "new-plugin: expected a name of lower-case letters, digits and single hyphens, such as soft-step, "
                f"received {name!r}; it becomes the name of a module and of a distribution",
            )
            for name in ("", "Swish", "9lives", "a--b", "a b", "../up", "tensorlab-", "naïve")
        ),
        *(
            (
                name,
                "loss",
                ArgumentError,
                f"new-plugin: expected a name that the module does not use itself, received {name!r}; "
                f"a function called {name} would hide it; choose another one",
            )
            for name in ("abs", "math")
        ),
        (
            "class",
            "loss",
            ArgumentError,
            "new-plugin: expected a name that the module does not use itself, received 'class'; "
            "it is a keyword of Python; choose another one",
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
            "new-plugin: expected a name that no activation has, received 'relu', of tensorlab; choose another one",
        ),
        (
            "dense",
            "layer",
            ArgumentError,
            "new-plugin: expected a name that no layer has, received 'dense', of tensorlab; choose another one",
        ),
    ],
)
def test_invalid_new_plugin_writes_nothing(
    name: str, kind: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        new_plugin.write(name, kind, tmp_path)
    assert str(caught.value) == said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["9lives", "--kind", "loss"],
            "argument name: expected a name of lower-case letters, digits and single hyphens",
        ),
        (
            ["mish", "--kind", "activatoin"],
            "argument --kind: expected a kind of plugin, received 'activatoin'; did you",
        ),
        (["mish"], "the following arguments are required: --kind"),
    ],
)
def test_invalid_arguments_exit_with_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(["new-plugin", *arguments])
    assert ended.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith(f"python -m tensorlab new-plugin: {said}")


def test_every_kind_has_a_template() -> None:
    assert set(KINDS) == set(registries)


def test_path_that_is_not_a_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        new_plugin.write("mish", "activation", tmp_path / "nowhere")
    expected = (
        f"new-plugin --path: expected a folder, received {tmp_path / 'nowhere'}, which is not a folder; create it first"
    )
    assert str(caught.value) == expected


def test_too_long_name_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"^new-plugin --path: expected a writable folder, received"):
        new_plugin.write("a" * 300, "activation", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, text: str, encoding: str) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ArgumentError) as caught:
        new_plugin.write("mish", "activation", tmp_path)
    said = "new-plugin --path: expected a writable folder, received no space left on device"
    assert str(caught.value) == said
    assert list(tmp_path.iterdir()) == []

"""The choice of installed plugins: ``TENSORLAB_PLUGINS``, unreadable entry points, and duplicate distributions."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_environment import install, output_of, python

CHOSEN = """
import warnings
import tensorlab as tl
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    tl.activations.get("relu")
for each in warned:
    print(each.category.__name__, each.message)
for plugin in tl.plugins.list():
    print(plugin.name, plugin.outcome)
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "one: excluded by TENSORLAB_PLUGINS; two: excluded by TENSORLAB_PLUGINS"),
        (" , ", "one: excluded by TENSORLAB_PLUGINS; two: excluded by TENSORLAB_PLUGINS"),
        ("one", "one: activation one; two: excluded by TENSORLAB_PLUGINS"),
        ("Acme_Two", "one: excluded by TENSORLAB_PLUGINS; two: activation two"),
        ("tensorlab", "one: excluded by TENSORLAB_PLUGINS; two: excluded by TENSORLAB_PLUGINS"),
        ("two, acme.one", "one: activation one; two: activation two"),
    ],
)
def test_environment_variable_selects_plugins(tmp_path: Path, value: str, expected: str) -> None:
    pair_of_plugins(tmp_path)
    built_in, *lines = output_of(tmp_path, CHOSEN, TENSORLAB_PLUGINS=value).splitlines()
    assert built_in.startswith("tensorlab layer Activation, ")
    assert "; ".join(line.replace(" ", ": ", 1) for line in lines) == expected


def pair_of_plugins(folder: Path) -> None:
    for name in ("one", "two"):
        source = """
        import tensorlab as tl
        @tl.hookimpl
        def tensorlab_register_activations():
            return {"%s": tl.ops.exp}
        """
        install(folder, name, source % name)


def test_missing_selected_plugin_warns_or_raises_when_strict(tmp_path: Path) -> None:
    pair_of_plugins(tmp_path)
    why = "TENSORLAB_PLUGINS: expected installed plugins or distributions, received 'acme-tow'; did you mean 'acme-two'"
    lines = output_of(tmp_path, CHOSEN, TENSORLAB_PLUGINS="one,acme-tow").splitlines()
    assert lines[0].startswith(f"PluginWarning {why}")
    assert lines[-2:] == ["one activation one", "two excluded by TENSORLAB_PLUGINS"]
    (tmp_path / "program.py").write_text("import tensorlab as tl\n\ntl.layers.Dense(2, activation='relu')\n")
    warned = python(tmp_path, "-W", "default", str(tmp_path / "program.py"), TENSORLAB_PLUGINS="acme-tow")
    assert warned.stderr.startswith(f"{tmp_path / 'program.py'}:3: PluginWarning: {why}"), (
        "the warning must point to the caller"
    )
    strict = python(tmp_path, "-c", CHOSEN, TENSORLAB_PLUGINS="one,acme-tow", TENSORLAB_STRICT="1")
    assert strict.returncode == 1
    assert f"received {why}" in strict.stderr.splitlines()[-1]
    listed = python(tmp_path, "-m", "tensorlab", "plugins", TENSORLAB_PLUGINS="one,acme-tow", TENSORLAB_STRICT="1")
    assert (listed.returncode, listed.stderr) == (1, "")
    assert why in listed.stdout


def test_name_of_an_excluded_plugin_is_explained(tmp_path: Path) -> None:
    pair_of_plugins(tmp_path)
    program = "import tensorlab as tl; tl.layers.Dense(2, activation='two')"
    done = python(tmp_path, "-c", program, TENSORLAB_PLUGINS="one")
    assert done.stderr.splitlines()[-1] == (
        "tensorlab.errors.UnknownNameError: activation: expected the name of a registered activation, received 'two'; "
        "TENSORLAB_PLUGINS excludes plugin 'two' of acme-two 1.5: add acme-two to it"
    )


def test_unreadable_entry_points_and_duplicate_distributions(tmp_path: Path) -> None:
    front, back = tmp_path / "front", tmp_path / "back"
    pair_of_plugins(front)
    install(back, "one", "raise ValueError('the one that is hidden')")
    install(back, "odd", "")
    (back / "acme_odd-1.5.dist-info" / "entry_points.txt").write_text("[tensorlab]\nodd\n")
    install(back, "binary", "")
    (back / "acme_binary-1.5.dist-info" / "entry_points.txt").write_bytes(b"[tensorlab]\n\xff = \xfe\n")
    lines = output_of(front, f"import sys; sys.path.insert(2, {str(back)!r})\n{CHOSEN}").splitlines()
    assert "one activation one" in lines
    assert "two activation two" in lines
    assert not any("hidden" in line for line in lines)
    (odd,) = [line for line in lines if line.startswith("? ")]
    assert odd.startswith("? failed: entry_points.txt: expected lines 'name = module', received what raises ")
    assert odd.endswith("; install acme-odd again")

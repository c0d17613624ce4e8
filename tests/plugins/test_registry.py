"""Registries: names, spellings, owners, overrides, and errors for taken and unknown names."""

from __future__ import annotations

import pytest

import tensorlab as tl  # noqa: F401  (whoever manages plugins puts its loader in place)
from tensorlab.errors import ArgumentTypeError, PluginError, UnknownNameError
from tensorlab.registry import Entry, Registry, canonical, registries


@pytest.fixture
def shelf() -> Registry:
    """A registry with objects of two distributions."""
    registry = Registry("activation")
    registry.add(Entry("relu", max, "tensorlab", "0.1.0"))
    registry.add(Entry("SoftPlus", min, "tensorlab-extra", "2.0"))
    return registry


def test_canonical_ignores_the_spelling() -> None:
    assert canonical("RMSprop") == canonical("rmsprop") == canonical("rms_prop")
    assert canonical("MeanSquaredError") == canonical("mean_squared_error")
    assert canonical("relu") != canonical("relu6")


@pytest.mark.parametrize("name", ["relu", "ReLU", "tensorlab:relu", "tensorlab:RELU"])
def test_name_is_found_in_every_spelling(shelf: Registry, name: str) -> None:
    assert shelf.get(name) is max
    entry = shelf.entry(name)
    assert (entry.name, entry.owner) == ("relu", "tensorlab 0.1.0")
    assert name in shelf


@pytest.mark.parametrize("name", ["tensorlab-extra:relu", "tanh", "relu:tensorlab", ""])
def test_unknown_name_raises(shelf: Registry, name: str) -> None:
    assert name not in shelf
    with pytest.raises(UnknownNameError, match=r"^activation: expected the name of a registered activation, received "):
        shelf.get(name)


def test_unknown_name_suggests_similar_names(shelf: Registry) -> None:
    with pytest.raises(UnknownNameError) as error:
        shelf.get("soft_pluss")
    assert str(error.value) == (
        "activation: expected the name of a registered activation, received 'soft_pluss'; did you mean 'SoftPlus'?"
    )
    with pytest.raises(UnknownNameError, match=r"'zzzz'; known names: SoftPlus, relu$"):
        shelf.get("zzzz")
    with pytest.raises(UnknownNameError, match=r"known names: none$"):
        Registry("loss").get("zzzz")
    with pytest.raises(LookupError):  # the standard exception for that mistake
        shelf.get("zzzz")


def test_failed_plugin_is_reported_for_an_unknown_name(shelf: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        Registry, "explain_missing", staticmethod(lambda kind, name: asked.append((kind, name)) or "plugin x failed")
    )
    with pytest.raises(UnknownNameError, match=r"received 'mish'; plugin x failed$"):
        shelf.get("mish")
    assert asked == [("activation", "mish")]


def test_taken_name_is_rejected_and_the_owner_named(shelf: Registry) -> None:
    with pytest.raises(PluginError) as error:
        shelf.add(Entry("soft_plus", abs, "tensorlab", "0.1.0"))
    assert str(error.value) == (
        "activation 'soft_plus' of tensorlab 0.1.0: expected a name that is free, received one that tensorlab-extra "
        "2.0 registers as 'SoftPlus'; rename one of them, or uninstall one of the two distributions, or pass "
        "override=True to tl.plugins.register"
    )
    assert shelf.get("softplus") is min


def test_remove(shelf: Registry) -> None:
    entry = shelf.entry("relu")
    shelf.remove(entry)
    assert "relu" not in shelf
    shelf.remove(entry)  # removing again has no effect
    shelf.add(entry)
    assert shelf.get("relu") is max


def test_iteration_is_by_name(shelf: Registry) -> None:
    assert [entry.name for entry in shelf] == ["SoftPlus", "relu"]
    assert shelf.name_of(max) == "relu"
    assert shelf.name_of(print) is None


def test_every_look_up_loads_plugins_first(shelf: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    monkeypatch.setattr(Registry, "load", staticmethod(lambda: loads.append(1)))
    for look_up in (
        lambda: shelf.get("relu"),
        lambda: "relu" in shelf,
        lambda: list(shelf),
        lambda: shelf.name_of(max),
    ):
        loads.clear()
        look_up()
        assert loads == [1]


def test_object_loaded_by_the_look_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry("metric")
    entry = Entry("recall", object(), "tensorlab", "0")
    monkeypatch.setattr(Registry, "load", staticmethod(lambda: "recall" in registry._entries or registry.add(entry)))
    assert registry.get("recall") is entry.thing


@pytest.mark.parametrize("wrong", [3, None, 1.5, ("relu",)])
def test_name_must_be_a_string(shelf: Registry, wrong: object) -> None:
    with pytest.raises(ArgumentTypeError) as error:
        shelf.get(wrong)
    assert str(error.value) == f"activation: expected the name of a registered activation, received {wrong!r}"


def test_each_kind_has_a_registry() -> None:
    assert {"layer", "activation", "loss", "optimizer", "metric", "initializer", "backend"} <= set(registries)
    assert all(registry.kind == kind for kind, registry in registries.items())
    assert {"cpu", "reference"} <= {entry.name for entry in registries["backend"]}


def test_spellings_of_a_distribution_are_equal(shelf: Registry) -> None:
    for name in ("tensorlab_extra:softplus", "Tensorlab.Extra:softplus", "tensorlab--extra:soft_plus"):
        assert shelf.get(name) is min
        assert name in shelf
    assert "tensorlabextra:softplus" not in shelf


def test_overridden_object_keeps_its_qualified_name(shelf: Registry) -> None:
    changes: list[int] = []
    shelf.changed = lambda: changes.append(1)
    mine, yours = Entry("ReLU", sum, "mine", "1"), Entry("relu", len, "yours", "2")
    shelf.add(mine, override=True)
    shelf.add(yours, override=True)
    assert shelf.get("relu") is len
    assert [shelf.get(f"{owner}:relu") for owner in ("tensorlab", "mine", "yours")] == [max, sum, len]
    assert [shelf.name_of(thing) for thing in (max, sum, len)] == ["tensorlab:relu", "mine:ReLU", "relu"]
    assert [entry.thing for entry in shelf] == [min, len]
    with pytest.raises(PluginError, match=r"'RELU' of yours 3: .* one that yours 2 registers as 'relu'"):
        shelf.add(Entry("RELU", abs, "yours", "3"), override=True)  # a distribution cannot override itself
    shelf.remove(mine)
    assert shelf.get("relu") is len
    assert "mine:relu" not in shelf
    shelf.remove(yours)
    assert shelf.get("relu") is max
    assert len(changes) == 4


def test_name_of_another_kind_is_reported() -> None:
    with pytest.raises(UnknownNameError) as caught:
        registries["loss"].get("SGD")
    assert str(caught.value).endswith("received 'SGD'; 'SGD' is the name of an optimizer")
    assert 3 not in registries["loss"]

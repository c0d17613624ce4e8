"""Finding plugins: good ones, each kind of bad one, and what the bad ones must not do to the others.

The environments are folders with ``*.dist-info`` in them, as an installer makes them, in front of ``sys.path`` of a
fresh process; what needs no process uses a manager and registries of its own.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from plugin_environment import install, output_of, python

import tensorlab as tl
from tensorlab import callbacks
from tensorlab.errors import PluginError, UnknownNameError
from tensorlab.plugins import Manager, Plugin, by_hand, hookimpl
from tensorlab.registry import Registry, registries

SOUND = """
import math
import tensorlab as tl
from tensorlab import Activation, LossRule, OptimizerRule, hookimpl

def hat(x):
    return 1.0 / (1.0 + x * x)

def cubed(y_true, y_pred, scale=2.0):
    return scale * abs(y_true - y_pred) ** 3

def signed(w, g, learning_rate=0.5):
    return w - learning_rate if g > 0 else w + learning_rate

class Double(tl.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0

class Bias(tl.metrics.Metric):
    name = "bias"
    def call(self, y_true, y_pred):
        return tl.mean(y_pred - y_true, axis=-1)

class Sevens(tl.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return tl.full(shape, 7.0, dtype=dtype)

class Backend(type(tl.backends.CPUBackend())):
    name = "other"

@hookimpl
def tensorlab_register_activations():
    return {"hat": Activation(hat)}

@hookimpl
def tensorlab_register_losses():
    return {"cubed": LossRule(cubed)}

@hookimpl
def tensorlab_register_optimizers():
    return {"signed": OptimizerRule(signed)}

@hookimpl
def tensorlab_register_layers():
    return {"Double": Double}

@hookimpl
def tensorlab_register_metrics():
    return {"bias": Bias}

@hookimpl
def tensorlab_register_initializers():
    return {"sevens": Sevens}

@hookimpl
def tensorlab_register_backends():
    return {"other": Backend}
"""

BAD = {
    "raising": (
        "import nothing_of_this_name",
        "ModuleNotFoundError: No module named 'nothing_of_this_name'; install what provides 'nothing_of_this_name', or "
        "uninstall acme-raising",
    ),
    "leaving": (
        "raise SystemExit(3)",
        "SystemExit: 3; python -c 'import plugin_leaving' shows where; correct it, or uninstall acme-leaving",
    ),
    "misspelling": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activation():
            return {"lost": abs}
        """,
        "expected hooks of tensorlab, received 'tensorlab_register_activation'; "
        "did you mean 'tensorlab_register_activations'",
    ),
    "unmarked": (
        """
        def tensorlab_register_activations():
            return {"lost": abs}
        """,
        "expected tensorlab_register_activations marked with @hookimpl, received a plain function; add the decorator",
    ),
    "clashing": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activations():
            return {"lost": abs, "ReLU": abs}
        """,
        "activation 'ReLU' of acme-clashing 1.5: expected a name that is free, received one that tensorlab "
        f"{tl.__version__} registers as 'relu'; rename one of them, or uninstall one of the two distributions",
    ),
    "halfway": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activations():
            return {"lost": abs}
        @hookimpl
        def tensorlab_register_layers():
            return {"Lost": __import__("tensorlab").layers.Flatten}
        @hookimpl
        def tensorlab_register_losses():
            raise ValueError("no losses today")
        """,
        "tensorlab_register_losses: expected a dict {name: thing}, received ValueError: no losses today; "
        "see plugin_halfway.py, line 11",
    ),
    "listing": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activations():
            return ["lost"]
        """,
        "tensorlab_register_activations: expected a dict {name: thing}, received list",
    ),
    "mistaking": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_layers():
            return {"Lost": dict}
        """,
        "tensorlab_register_layers, 'Lost': expected a subclass of Layer, received <class 'dict'>",
    ),
    "naming": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activations():
            return {"lost and found": abs}
        """,
        "tensorlab_register_activations: expected names that are Python identifiers, received 'lost and found'",
    ),
    "asking": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activations(what):
            return {"lost": abs}
        """,
        "expected hooks with the arguments of tensorlab.plugins.hookspecs, received hookimpl definition: "
        "tensorlab_register_activations(what) Argument(s) {'what'} are declared in the hookimpl but can not be found "
        "in the hookspec; take them out",
    ),
}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    install(tmp_path, "sound", SOUND)
    return tmp_path


def test_a_sound_plugin_registers_every_kind(sound: Path) -> None:
    text = output_of(
        sound,
        """
        import numpy as np, tensorlab as tl
        from tensorlab.layers import Dense
        model = tl.Sequential([
            Dense(3, activation="hat", kernel_initializer="sevens", dtype="float64"),
            tl.Sequential.from_config({"layers": [
                {"class_name": "Double", "kind": "layer", "config": {"dtype": "float64"}}]}),
        ])
        model.layers[1].dtype = tl.float64
        x = np.array([[0.1, 0.2]])
        hat = 1.0 / (1.0 + (0.3 * 7.0) ** 2)
        assert np.allclose(model.predict(x), 2.0 * hat)
        model.compile(optimizer="signed", loss="cubed", metrics=["bias"])
        logs = model.train_on_batch(x, np.zeros((1, 3)))
        assert np.isclose(logs["loss"], 2.0 * (2.0 * hat) ** 3, rtol=1e-6), logs
        assert np.isclose(logs["bias"], 2.0 * hat), logs
        assert np.allclose(model.get_weights()[0], 7.5)  # a falling hat: downhill is up
        assert tl.asarray([1.0], device="other").device == "other"
        (record,) = [plugin for plugin in tl.plugins.manager.plugins if plugin.distribution == "acme-sound"]
        assert record.error is None
        print(record.name, record.version, *sorted(entry.name for entry in record.entries))
        """,
    )
    assert text == "sound 1.5 Double bias cubed hat other sevens signed\n"


def test_bad_plugins_harm_nobody_and_say_why(sound: Path) -> None:
    for name, (source, _) in BAD.items():
        install(sound, name, source)
    text = output_of(
        sound,
        """
        import tensorlab as tl
        from tensorlab.registry import registries
        assert float(tl.activations.get("hat")(tl.asarray(1.0))) == 0.5
        assert tl.activations.get("relu") is tl.activations.relu
        tl.Sequential([tl.layers.Dense(2, activation="relu")]).compile("rmsprop", "mse", metrics=["accuracy"])
        found = {(entry.distribution, entry.name) for registry in registries.values() for entry in registry}
        assert {owner for owner, _ in found} == {"tensorlab", "acme-sound"}, found
        assert not {name.lower() for _, name in found} & {"lost"}
        for plugin in tl.plugins.manager.plugins:
            if plugin.distribution.startswith("acme-"):
                assert plugin.version == "1.5"
                assert (plugin.error is None) == (plugin.name == "sound")
                assert bool(plugin.entries) == (plugin.name == "sound")
                print(plugin.name, "|", plugin.error)
        raised = {plugin.name: type(plugin.exception) for plugin in tl.plugins.list()}
        assert raised["raising"] is ModuleNotFoundError
        assert raised["halfway"] is ValueError
        assert raised["misspelling"] is tl.errors.PluginError
        assert raised["sound"] is raised["tensorlab"] is type(None)
        """,
    )
    lines = dict(line.split(" | ", 1) for line in text.splitlines() if " | " in line)
    assert set(lines) == {"sound", *BAD}
    for name, (_, why) in BAD.items():
        assert why in lines[name], name
    for name in ("misspelling", "unmarked", "halfway", "listing", "mistaking", "naming", "asking"):
        assert lines[name].startswith(f"plugin {name!r} of acme-{name} 1.5: "), name


def test_a_name_of_a_failed_plugin_says_what_failed_and_why(tmp_path: Path) -> None:
    install(tmp_path, "mish", "import nothing_of_this_name", "acme-mish")
    text = output_of(
        tmp_path,
        """
        import tensorlab as tl
        for name in ("mish", "acme-mish:anything", "gelu", "rellu"):
            try:
                tl.layers.Dense(3, activation=name)
            except tl.errors.UnknownNameError as error:
                print(error)
        tl.layers.Dense(3, activation="relu")  # and nobody else hears of it
        """,
    )
    failed = (
        "plugin 'mish' of acme-mish could not be loaded: ModuleNotFoundError: No module named 'nothing_of_this_name'; "
        "install what provides 'nothing_of_this_name', or uninstall acme-mish"
    )
    by_name, by_distribution, unknown, typing_error = text.splitlines()
    assert by_name == f"activation: expected the name of a registered activation, received 'mish'; {failed}"
    assert by_distribution.endswith(f"received 'acme-mish:anything'; {failed}")
    assert unknown.endswith(f"; {failed}")  # it may have been this plugin's
    assert "did you mean 'relu'" in typing_error


def test_a_name_used_twice_is_the_first_distributions(tmp_path: Path) -> None:
    source = """
    import tensorlab as tl
    from tensorlab import hookimpl
    @hookimpl
    def tensorlab_register_activations():
        return {"shared": tl.ops.%s, "%s": tl.ops.%s}
    """
    install(tmp_path, "first", source % ("exp", "one", "exp"), "acme-a")
    install(tmp_path, "second", source % ("sin", "two", "sin"), "acme-b")
    text = output_of(
        tmp_path,
        """
        import tensorlab as tl
        get = tl.activations.get
        assert get("shared") is get("acme-a:shared") is get("one") is tl.ops.exp
        assert get("tensorlab:relu") is tl.activations.relu
        for name in ("acme-b:shared", "two", "acme-a:relu", "tensorlab:shared"):
            try:
                get(name)
            except tl.errors.UnknownNameError as error:
                print(error.received, error.hint)
        """,
    )
    refused, whole, *others = text.splitlines()
    clash = (
        "plugin 'second' of acme-b could not be loaded: activation 'shared' of acme-b 1.5: expected a name that is "
        "free, received one that acme-a 1.5 registers as 'shared'; rename one of them, or uninstall one of the two "
        "distributions, or pass override=True to tl.plugins.register"
    )
    assert refused == f"'acme-b:shared' {clash}"
    assert whole.startswith("'two' ")
    assert whole.endswith(clash)
    assert [line.split()[0] for line in others] == ["'acme-a:relu'", "'tensorlab:shared'"]


def test_discovery_waits_for_the_first_look_up(tmp_path: Path) -> None:
    install(tmp_path, "loud", "print('imported')\nimport tensorlab as tl\n" + SOUND)
    text = output_of(
        tmp_path,
        """
        import sys
        import tensorlab as tl
        layer = tl.layers.Flatten()
        assert "plugin_loud" not in sys.modules
        assert tl.plugins.manager.plugins == []
        print("before")
        tl.activations.get("hat")
        tl.activations.get("relu")
        print("after")
        """,
    )
    assert text.splitlines() == ["before", "imported", "after"]


def test_a_plugin_may_look_names_up_while_it_is_loaded(tmp_path: Path) -> None:
    source = """
    import tensorlab as tl
    from tensorlab import hookimpl
    layer = tl.layers.Dense(3, activation="relu")
    @hookimpl
    def tensorlab_register_activations():
        return {"again": layer.activation}
    """
    install(tmp_path, "curious", source)
    text = output_of(tmp_path, "import tensorlab as tl; print(tl.activations.get('again') is tl.activations.relu)")
    assert text == "True\n"


def test_many_threads_may_be_the_first(sound: Path) -> None:
    text = output_of(
        sound,
        """
        import threading
        import tensorlab as tl
        start, found = threading.Barrier(8), []
        def look():
            start.wait()
            found.append(tl.activations.get("hat"))
        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(found), len(set(map(id, found))), len(tl.plugins.list()))
        """,
    )
    assert text == "8 1 2\n"


def test_strict_raises_at_every_look_up(sound: Path) -> None:
    install(sound, "broken", "import nothing_of_this_name")
    program = """
    import tensorlab as tl
    for _ in range(2):
        try:
            tl.activations.get("relu")
        except tl.errors.PluginError as error:
            print(type(error.__cause__).__name__, error)
    """
    text = output_of(sound, program, TENSORLAB_STRICT="1")
    expected = (
        "ModuleNotFoundError plugin 'broken' of acme-broken: expected a plugin that loads, "
        "received ModuleNotFoundError: No module named 'nothing_of_this_name'; install what provides "
        "'nothing_of_this_name', or uninstall acme-broken"
    )
    assert text.splitlines() == [expected, expected]
    assert output_of(sound, program, TENSORLAB_STRICT="0") == ""


def test_a_distribution_without_metadata_harms_nobody(sound: Path) -> None:
    install(sound, "nameless", "import nothing_of_this_name", metadata=False)
    text = output_of(sound, "import tensorlab as tl; print(float(tl.activations.get('hat')(tl.asarray(1.0))))")
    assert text == "0.5\n"


# Choosing

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
        ("", "one: left out by TENSORLAB_PLUGINS; two: left out by TENSORLAB_PLUGINS"),
        (" , ", "one: left out by TENSORLAB_PLUGINS; two: left out by TENSORLAB_PLUGINS"),
        ("one", "one: activation one; two: left out by TENSORLAB_PLUGINS"),
        ("Acme_Two", "one: left out by TENSORLAB_PLUGINS; two: activation two"),
        ("two, acme.one", "one: activation one; two: activation two"),
    ],
)
def test_an_environment_variable_chooses(tmp_path: Path, value: str, expected: str) -> None:
    pair_of_plugins(tmp_path)
    built_in, *lines = output_of(tmp_path, CHOSEN, TENSORLAB_PLUGINS=value).splitlines()
    assert built_in.startswith("tensorlab layer Activation, Dense")
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


def test_a_choice_that_is_not_there_is_a_warning_and_an_error_when_strict(tmp_path: Path) -> None:
    pair_of_plugins(tmp_path)
    why = "TENSORLAB_PLUGINS: expected installed plugins or distributions, received 'acme-tow'; did you mean 'acme-two'"
    lines = output_of(tmp_path, CHOSEN, TENSORLAB_PLUGINS="one,acme-tow").splitlines()
    assert lines[0].startswith(f"PluginWarning {why}")
    assert lines[-2:] == ["one activation one", "two left out by TENSORLAB_PLUGINS"]
    strict = python(tmp_path, "-c", CHOSEN, TENSORLAB_PLUGINS="one,acme-tow", TENSORLAB_STRICT="1")
    assert strict.returncode == 1
    assert f"received {why}" in strict.stderr.splitlines()[-1]
    listed = python(tmp_path, "-m", "tensorlab", "plugins", TENSORLAB_PLUGINS="one,acme-tow", TENSORLAB_STRICT="1")
    assert (listed.returncode, listed.stderr) == (1, "")
    assert why in listed.stdout


def test_a_name_of_one_that_is_left_out_says_so(tmp_path: Path) -> None:
    pair_of_plugins(tmp_path)
    program = "import tensorlab as tl; tl.layers.Dense(2, activation='two')"
    done = python(tmp_path, "-c", program, TENSORLAB_PLUGINS="one")
    assert done.stderr.splitlines()[-1] == (
        "tensorlab.errors.UnknownNameError: activation: expected the name of a registered activation, received 'two'; "
        "TENSORLAB_PLUGINS leaves plugin 'two' of acme-two 1.5 out: add acme-two to it"
    )


def test_entry_points_that_cannot_be_read_and_distributions_that_are_there_twice(tmp_path: Path) -> None:
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


# One process


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Manager:
    """A manager with empty registries, which sees no entry points but those that a test adds."""
    manager = Manager()
    for registry in registries.values():
        monkeypatch.setattr(registry, "_entries", {})
    monkeypatch.setattr(Registry, "load", staticmethod(manager.load))
    monkeypatch.setattr(Registry, "explain_missing", staticmethod(manager.explain_missing))
    monkeypatch.setattr(manager, "_entry_points", list)
    monkeypatch.setattr(by_hand, "manager", manager)
    monkeypatch.setattr(by_hand, "_registered", {})
    monkeypatch.setattr(callbacks, "find_observers", manager.observers)
    return manager


def plugin(**hooks: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function, specname=name) for name, function in hooks.items()})


def pair(a: Any, b: Any) -> Any:
    return a


def swish(x: float) -> float:
    return x / (1.0 + math.exp(-x))


def rectified(x: float) -> float:
    return x if x > 0 else 0.0


def doubled(x: Any) -> Any:
    """Of numbers, and of tensors too."""
    return x + x * math.sqrt(1.0)


def unliftable(x: float) -> float:
    return print(x)


def forgetful(w: float, g: float, m: float, learning_rate: float = 0.1) -> float:
    return w - learning_rate * g + m


class Idle(tl.layers.Layer):
    """A layer that forgets to say what it computes."""


def names() -> set[str]:
    return {entry.name for registry in registries.values() for same in registry._entries.values() for entry in same}


def test_built_ins_come_through_the_hooks(fresh: Manager) -> None:
    assert names() == set()
    assert tl.activations.get("relu") is tl.activations.relu
    (record,) = fresh.plugins
    assert (record.name, record.distribution, record.version) == ("tensorlab", "tensorlab", tl.__version__)
    assert {entry.name for entry in record.entries} == names()
    assert {"Dense", "relu", "mse", "adam", "accuracy", "zeros", "cpu"} <= names()
    fresh.load()
    assert len(fresh.plugins) == 1


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        (
            {"tensorlab_register_losses": lambda: {"lost": abs}},
            "tensorlab_register_losses, 'lost': expected a LossRule, or a subclass of Loss, received <built-in",
        ),
        (
            {"tensorlab_register_optimizers": lambda: {"lost": tl.layers.Dense}},
            "tensorlab_register_optimizers, 'lost': expected an OptimizerRule, or a subclass of Optimizer, received ",
        ),
        (
            {"tensorlab_register_metrics": lambda: {"lost": tl.metrics.Accuracy()}},
            "tensorlab_register_metrics, 'lost': expected a subclass of Metric, received <tensorlab.metrics.Acc",
        ),
        (
            {"tensorlab_register_initializers": lambda: {"lost": 3}},
            "tensorlab_register_initializers, 'lost': expected a subclass of Initializer, received 3",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": "relu"}},
            "tensorlab_register_activations, 'lost': expected an Activation, or a function from a tensor to a tensor, "
            "received 'relu'",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": pair}},
            "'lost': expected an Activation, or a function from a tensor to a tensor, received <function pair",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": swish}},
            "'lost': expected an Activation, or a function from a tensor to a tensor, received a function of numbers, "
            "<function swish",
        ),
        (
            {"tensorlab_register_activations": lambda: {"fine": doubled, "lost": rectified}},
            "; wrap it: Activation(rectified)",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": tl.layers.Activation}},
            "received <class 'tensorlab.layers.activation.Activation'>; register an object of it",
        ),
        (
            {"tensorlab_register_activations": lambda: {"lost": tl.Activation(unliftable)}},
            "tensorlab_register_activations: expected a dict {name: thing}, received ScalarError: scalar function "
            "'unliftable' (",
        ),
        (
            {"tensorlab_register_optimizers": lambda: {"lost": tl.OptimizerRule(forgetful)}},
            "tensorlab_register_optimizers: expected a dict {name: thing}, received "
            "ArgumentTypeError: optimizer rule 'forgetful': expected 2 values (weight, m), "
            "received 1; see test_plugin_manager.py, line ",
        ),
        (
            {"tensorlab_register_layers": lambda: {"Lost": Idle}},
            "tensorlab_register_layers, 'Lost': expected a method call, received <class 'test_plugin_manager.Idle'> "
            "without one; implement call(self, inputs)",
        ),
        (
            {"tensorlab_register_regularizers": lambda: {"lost": tl.regularizers.Regularizer}},
            "expected a method __call__, received <class 'tensorlab.regularizers.Regularizer'> without one; implement "
            "__call__(self, x)",
        ),
        (
            {"tensorlab_register_callbacks": lambda: {"lost": tl.callbacks.History()}},
            "expected a subclass of Callback, received <tensorlab.callbacks.History object",
        ),
        (
            {"tensorlab_register_datasets": lambda: {"lost": pair}},
            "'lost': expected a function that returns ((x_train, y_train), (x_test, y_test)), received <function pair",
        ),
        (
            {"tensorlab_register_backends": lambda: {"lost": None}},
            "'lost': expected a function without arguments that returns a Backend, received None",
        ),
        ({"tensorlab_fit_start": lambda optimizer: None}, "{'optimizer'} are declared in the hookimpl but can not be"),
        ({"tensorlab_register_layers": lambda: {3: tl.layers.Dense}}, "names that are Python identifiers, received 3"),
        ({"tensorlab_register_layers": lambda: None}, "expected a dict {name: thing}, received NoneType"),
    ],
)
def test_register_takes_everything_or_nothing(fresh: Manager, hooks: dict[str, Any], message: str) -> None:
    fresh.load()
    before, plugins = names(), list(fresh.plugins)
    hooks = {"tensorlab_register_layers": lambda: {"First": tl.layers.Dense}, **hooks}
    with pytest.raises(PluginError) as error:
        fresh.register(plugin(**hooks), Plugin("mine", "acme", "2.0"))
    assert str(error.value).startswith("plugin 'mine' of acme 2.0: ")
    assert message in str(error.value)
    assert names() == before
    assert fresh.plugins == plugins
    # And the corrected plugin is welcome.
    good = plugin(tensorlab_register_layers=lambda: {"First": tl.layers.Dense})
    fresh.register(good, Plugin("mine", "acme", "2.1"))
    assert registries["layer"].entry("acme:First").version == "2.1"


def test_two_spellings_of_a_name_are_one(fresh: Manager) -> None:
    fresh.load()
    before = names()
    with pytest.raises(PluginError) as error:
        fresh.register(
            plugin(tensorlab_register_losses=lambda: {"MeanSquaredError": tl.losses.MeanAbsoluteError}),
            Plugin("mine", "acme", "2.0"),
        )
    assert "registers as 'mean_squared_error'" in str(error.value)
    assert names() == before
    assert tl.losses.get("mean_squared_error").term is tl.losses.MeanSquaredError.term
    # Another kind has names of its own.
    fresh.register(plugin(tensorlab_register_layers=lambda: {"relu": tl.layers.Dense}), Plugin("mine", "acme", "2.0"))
    assert registries["layer"].get("relu") is tl.layers.Dense
    assert registries["activation"].get("relu") is tl.activations.relu


def test_unknown_names_stay_errors_when_no_plugin_failed(fresh: Manager) -> None:
    with pytest.raises(UnknownNameError) as error:
        tl.activations.get("rellu")
    assert fresh.explain_missing("activation", "rellu") == ""
    assert "could not be loaded" not in str(error.value)

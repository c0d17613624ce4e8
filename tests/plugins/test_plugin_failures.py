"""Plugins that fail: the message for each kind of failure, and that others are not affected."""

from __future__ import annotations

from pathlib import Path

from plugin_environment import install, output_of, python

import tensorlab as tl

BAD = {
    "raising": (
        "import nothing_of_this_name",
        "ModuleNotFoundError: No module named 'nothing_of_this_name'; install what provides 'nothing_of_this_name', or "
        "uninstall acme-raising",
    ),
    "leaving": (
        "raise SystemExit(3)",
        "SystemExit: 3; remove the code that ends the process (see plugin_leaving.py, line 1), or uninstall "
        "acme-leaving",
    ),
    "cancelling": (
        """
        class Cancelled(BaseException):
            pass
        raise Cancelled("half of it")
        """,
        "Cancelled: half of it; python -c 'import plugin_cancelling' shows where; fix it, or uninstall",
    ),
    "meddling": (
        """
        import tensorlab as tl
        class Mine:
            @tl.hookimpl
            def tensorlab_register_activations(self):
                return {"lost": abs}
        tl.plugins.register(Mine())
        """,
        "plugins.register 'Mine': expected a call by a program, received one by a plugin being loaded; return what it "
        "adds from its hooks; only a program registers by hand",
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
        "tensorlab_register_losses: expected a dict {name: object}, received ValueError: no losses today; "
        "see plugin_halfway.py, line 11",
    ),
    "reading": (
        """
        import numpy
        from tensorlab import hookimpl
        def table():
            return numpy.load("nowhere.npy")
        @hookimpl
        def tensorlab_register_datasets():
            return {"lost": table()}
        """,
        "FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.npy'; see plugin_reading.py, line 5",
    ),
    "listing": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activations():
            return ["lost"]
        """,
        "tensorlab_register_activations: expected a dict {name: object}, received list",
    ),
    "mistaking": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_layers():
            return {"Lost": dict}
        """,
        "'Lost': expected a subclass of Layer, received <class 'dict'>; make dict a subclass of Layer",
    ),
    "naming": (
        """
        from tensorlab import hookimpl
        @hookimpl
        def tensorlab_register_activations():
            return {"lost and found": abs}
        """,
        "tensorlab_register_activations: expected names that are Python identifiers, received 'lost and found'; "
        "rename it to 'lost_and_found'",
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
        "in the hookspec; remove them",
    ),
}


def test_failing_plugins_are_explained_and_do_not_affect_others(sound: Path) -> None:
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


def test_unknown_name_reports_a_failed_plugin(tmp_path: Path) -> None:
    install(tmp_path, "mish", "import nothing_of_this_name", "acme-mish")
    text = output_of(
        tmp_path,
        """
        import tensorlab as tl
        for name in ("mish", "acme-mish:anything", "zigzag", "rellu"):
            try:
                tl.layers.Dense(3, activation=name)
            except tl.errors.UnknownNameError as error:
                print(error)
        tl.layers.Dense(3, activation="relu")  # other names are not affected
        """,
    )
    failed = (
        "plugin 'mish' of acme-mish could not be loaded: ModuleNotFoundError: No module named 'nothing_of_this_name'; "
        "install what provides 'nothing_of_this_name', or uninstall acme-mish"
    )
    by_name, by_distribution, unknown, typing_error = text.splitlines()
    assert by_name == f"activation: expected the name of a registered activation, received 'mish'; {failed}"
    assert by_distribution.endswith(f"received 'acme-mish:anything'; {failed}")
    assert unknown.endswith(f"; {failed}")  # the failed plugin might have registered it
    assert "did you mean 'relu'" in typing_error


def test_several_failed_plugins_are_counted(tmp_path: Path) -> None:
    install(tmp_path, "one", "import nothing_of_one")
    install(tmp_path, "two", "def tensorlab_register_losses(): pass")
    text = output_of(
        tmp_path,
        """
        import tensorlab as tl
        for name in ("tanhh", "two"):
            try:
                tl.activations.get(name)
            except tl.errors.UnknownNameError as error:
                print(error.hint)
        """,
    )
    assert text.splitlines() == [
        "did you mean 'tanh' or 'tanh_shrink' or 'hard_tanh'?; 2 plugins could not be loaded (acme-one, acme-two): "
        "python -m tensorlab plugins says why",
        "plugin 'two' of acme-two could not be loaded: expected tensorlab_register_losses marked with @hookimpl, "
        "received a plain function; add the decorator",
    ]


def test_name_clash_is_won_by_the_first_distribution(tmp_path: Path) -> None:
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


def test_interrupted_discovery_is_repeated_at_the_next_look_up(sound: Path) -> None:
    # Ctrl-C is pressed during the first import of the second of two plugins.
    install(
        sound,
        "waiting",
        """
        import pathlib
        mark = pathlib.Path(__file__).with_suffix(".asked")
        if not mark.exists():
            mark.touch()
            raise KeyboardInterrupt
        import tensorlab as tl
        @tl.hookimpl
        def tensorlab_register_activations():
            return {"late": tl.ops.exp}
        """,
    )
    text = output_of(
        sound,
        """
        import tensorlab as tl
        try:
            tl.activations.get("hat")
        except KeyboardInterrupt:
            print("interrupted", tl.plugins.manager.plugins)
        print(tl.activations.get("late") is tl.ops.exp, len(tl.plugins.list()), float(tl.activations.get("hat")(1.0)))
        """,
    )
    assert text == "interrupted []\nTrue 3 0.5\n"


def test_output_and_warnings_of_a_plugin_are_passed_through(sound: Path) -> None:
    install(sound, "chatting", "import warnings\nprint('hello')\nwarnings.warn('an old module', stacklevel=1)\n")
    done = python(sound, "-W", "default", "-m", "tensorlab", "check-plugin", "chatting")
    assert done.stderr.count("UserWarning: an old module") == 1
    assert done.stdout.startswith("hello\nsubject ")
    strict = python(sound, "-m", "tensorlab", "plugins")  # if warnings are errors, only this plugin fails
    (chatting,) = [line for line in strict.stdout.splitlines() if line.startswith("chatting")]
    assert "failed: UserWarning: an old module; python -c 'import plugin_chatting' shows where" in chatting
    assert "failed" not in strict.stdout.replace(chatting, "")


def test_distribution_without_metadata_does_not_affect_others(sound: Path) -> None:
    install(sound, "nameless", "import nothing_of_this_name", metadata=False)
    text = output_of(sound, "import tensorlab as tl; print(float(tl.activations.get('hat')(tl.asarray(1.0))))")
    assert text == "0.5\n"

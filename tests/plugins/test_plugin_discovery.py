"""Finding plugins: objects of every kind, and the time of discovery.

The environments are folders with ``*.dist-info``, as installers create them, first on ``sys.path`` of a new process.
"""

from __future__ import annotations

from importlib.metadata import PathDistribution
from pathlib import Path

from plugin_environment import install, output_of
from plugin_samples import SOUND

from tensorlab.plugins import discovery


def test_plugin_registers_objects_of_every_kind(sound: Path) -> None:
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
        logs = model.train_on_batch(x, np.zeros((1, 3)), return_dict=True)
        assert np.isclose(logs["loss"], 2.0 * (2.0 * hat) ** 3, rtol=1e-6), logs
        assert np.isclose(logs["bias"], 2.0 * hat), logs
        assert np.allclose(model.get_weights()[0], 7.5)  # the activation decreases, so the weights grow
        assert tl.asarray([1.0], device="other").device == "other"
        (record,) = [plugin for plugin in tl.plugins.manager.plugins if plugin.distribution == "acme-sound"]
        assert record.error is None
        print(record.name, record.version, *sorted(entry.name for entry in record.entries))
        """,
    )
    assert text == "sound 1.5 Double bias cubed hat other sevens signed\n"


def test_discovery_happens_at_the_first_look_up(tmp_path: Path) -> None:
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


def test_plugin_may_look_up_names_while_it_is_loaded(tmp_path: Path) -> None:
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


def test_concurrent_first_look_ups(sound: Path) -> None:
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


def test_name_and_version_are_read_from_the_header_of_metadata(tmp_path: Path) -> None:
    text = "Metadata-Version: 2.4\r\nName:acme\r\nVersion: 2.0.post1\r\n\r\nSummary: of a README\r\nVersion: 9\r\n"
    (tmp_path / "METADATA").write_bytes(text.encode())
    read = discovery._fields(PathDistribution(tmp_path), "Name", "Version", "Summary")
    assert read == ["acme", "2.0.post1", "?"]
    (tmp_path / "METADATA").rename(tmp_path / "PKG-INFO")
    assert discovery._fields(PathDistribution(tmp_path), "Version") == ["2.0.post1"]

"""The benchmark of growing networks: its figures, from workers of known speed, and its plot."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delenv("TENSORLAB_BENCH_PEERS", raising=False)


class Steady:
    """A worker whose epochs take a known time for each sample; another one for the widest network."""

    def __init__(self, seconds: float, widest: float) -> None:
        self.seconds, self.widest = seconds, widest

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        if do == "train":
            self.epoch = arguments["samples"] * (self.widest if arguments["width"] == 4096 else self.seconds)
        return {"seconds": self.epoch}


def test_scaling_compares_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    import bench_scaling
    import recording
    import scaling_plot

    recorder = recording.Recorder("bench_scaling")
    running: Any = {"tensorlab": Steady(1e-5, 3e-5), "PyTorch": Steady(2e-5, 2e-5)}
    comparison = bench_scaling.Comparison(running, bench_scaling.FULL, 2, recorder)
    networks = comparison.networks()
    assert len(networks) == 10
    scaling_plot.draw(tmp_path / "x.png", bench_scaling.FULL.base, networks, comparison.data(), comparison.cores())
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    values = {result["name"]: result for result in recorder.results}
    assert values["networks: geometric mean"]["ratios"]["PyTorch"] == pytest.approx((2**9 * 2 / 3) ** 0.1, rel=1e-4)
    assert values["networks: worst"]["ratios"]["PyTorch"] == pytest.approx(2 / 3, rel=1e-4)
    assert values["networks: worst"]["network"] == "batch 128, 2 × 4096"
    assert values["step: batch 8,192, 2 × 512"]["medians"]["tensorlab"] == pytest.approx(8192e-5)
    assert values["training images at batch 1"]["medians"] == {"tensorlab": 1e5, "PyTorch": 5e4}
    assert values["training images at batch 1"]["ratios"] == {"PyTorch": 2.0}
    printed = capsys.readouterr().out
    assert "geometric mean" in printed
    assert "images a second at batch 1: tensorlab 100,000, PyTorch 50,000" in printed
    labels = [{k: v for k, v in each.items() if k not in ("medians", "ratios")} for each in recorder.results]
    assert not [each for each in labels if labels.count(each) > 1]


def test_scaling_runs_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    import bench_scaling
    import recording
    import workers

    monkeypatch.setattr(workers, "_has", lambda python, modules: False)
    path, picture = tmp_path / "scaling.json", tmp_path / "scaling.png"
    bench_scaling.main(["--quick", "--json", str(path), "--plot", str(picture)])
    assert "PyTorch is left out" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    (run,) = recording.read(path)["runs"]
    names = [result["name"] for result in run["results"]]
    assert names[:3] == ["step: batch 8, 1 × 16", "step: batch 1, 1 × 16", "step: batch 8, 2 × 16"]
    assert all(result["medians"]["tensorlab"] > 0 for result in run["results"])
    assert "--plot" not in str(run["arguments"])


def test_plot_without_matplotlib_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import bench_scaling
    import workers

    class Nothing:
        def __enter__(self) -> Any:
            raise SystemExit("enough")

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setitem(sys.modules, "scaling_plot", None)
    monkeypatch.setattr(workers, "_has", lambda python, modules: False)
    monkeypatch.setattr(bench_scaling, "ExitStack", Nothing)
    with pytest.raises(SystemExit, match="enough"):
        bench_scaling.main(["--plot", str(tmp_path / "x.png")])
    printed = capsys.readouterr().out
    assert re.search(r"The plot is left out: it needs matplotlib: .*pip install -e .*\[bench\]", printed)
    assert not list(tmp_path.iterdir())

"""Benchmarks: the files that they write, and README's table, which is generated from such a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
BENCHMARKS = sorted(path.name for path in FOLDER.glob("bench_*.py"))
RESULTS = sorted((FOLDER / "results").glob("*.json"))


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


def test_readme_shows_the_results_of_the_file_it_names() -> None:
    import readme
    import recording

    found = readme.region(readme.README.read_text(encoding="utf-8"))
    assert readme.ROOT / found["file"] in RESULTS
    generated = readme.text(recording.read(readme.ROOT / found["file"]))
    assert found["text"] == generated, "run: python tests/benchmarks/readme.py --write"


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_describe_their_machine_and_have_unique_names(path: Path) -> None:
    import recording

    record = recording.read(path)
    assert {"processor", "target", "cores", "system"} <= set(record["machine"])
    assert {"Python", "tensorlab"} <= set(record["versions"])
    assert path.stem.startswith(record["date"])
    for run in record["runs"]:
        assert f"{run['benchmark']}.py" in BENCHMARKS
        labels = [{k: v for k, v in each.items() if k not in ("medians", "ratios")} for each in run["results"]]
        assert all(each["medians"] or each["ratios"] for each in run["results"])
        assert not [each for each in labels if labels.count(each) > 1]


def test_benchmark_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import bench_ops
    import recording

    path = tmp_path / "new" / "ops.json"
    bench_ops.main(["--dtype=float32", "--only=add[100]", "--rounds=1", "--json", str(path)])
    record = recording.read(path)
    (run,) = record["runs"]
    (result,) = run["results"]
    assert (run["benchmark"], result["name"], result["dtype"], result["unit"]) == (
        "bench_ops",
        "add[100]",
        "float32",
        "s",
    )
    assert "--only=add[100]" in run["arguments"]
    assert run["threads"] >= 1
    ours, numpy = result["medians"]["tensorlab"], result["medians"]["NumPy"]
    assert result["ratios"]["NumPy"] == pytest.approx(numpy / ours, rel=1e-3)
    assert f"{numpy / ours:.2f}" in capsys.readouterr().out


def test_convolutions_are_measured_without_peers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import bench_convolution
    import recording

    monkeypatch.setattr(recording, "pytorch", lambda threads: None)
    path = tmp_path / "convolution.json"
    only = "(128, 28, 28, 1), 5x5, 6 forward"
    bench_convolution.main([f"--only={only}", "--rounds=1", "--epochs=0", "--json", str(path)])
    (run,) = recording.read(path)["runs"]
    (result,) = run["results"]
    assert (result["name"], result["unit"], list(result["medians"])) == (only, "s", ["tensorlab"])
    assert "5x5, 6 forward" in capsys.readouterr().out


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    import recording

    recorder = recording.Recorder("bench_x", ["--a=1"], threads=2)
    recorder.add("µ", {"tensorlab": 2.0, "NumPy": 3.0}, dtype="float32")
    recorder.add("loss", {"tensorlab": 0.25}, "")
    recorder.add("mean", {}, "ratio", {"NumPy": 1.23456789})
    recorder.write(tmp_path / "x.json")
    (run,) = recording.read(tmp_path / "x.json")["runs"]
    assert run == {
        "benchmark": "bench_x",
        "arguments": ["--a=1"],
        "threads": 2,
        "results": [
            {
                "name": "µ",
                "dtype": "float32",
                "unit": "s",
                "medians": {"tensorlab": 2.0, "NumPy": 3.0},
                "ratios": {"NumPy": 1.5},
            },
            {"name": "loss", "unit": "", "medians": {"tensorlab": 0.25}, "ratios": {}},
            {"name": "mean", "unit": "ratio", "medians": {}, "ratios": {"NumPy": 1.2346}},
        ],
    }
    (tmp_path / "x.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(SystemExit, match="expected format 1, received 2"):
        recording.read(tmp_path / "x.json")


def test_table_has_the_measured_rows_and_names_slower_operations() -> None:
    import readme
    import recording

    recorder = recording.Recorder("bench_ops", threads=2)
    recorder.add("exp[1,000,000]", {"tensorlab": 1.234e-4, "NumPy": 5e-4}, dtype="float32")
    recorder.add("sum[10,000]", {"tensorlab": 2e-6, "NumPy": 1e-6}, dtype="float64")
    recorder.add("sum[100]", {"tensorlab": 2e-6, "NumPy": 1e-6}, dtype="float64")
    text = readme.text({**recording.environment(), "runs": [{**recorder.run, "results": recorder.results}]})
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "| `exp` of 1,000,000 float32 | 123 µs | 500 µs (4.05 ×) |  | `tests/benchmarks/bench_ops.py` |"
    ]
    assert text.rstrip().endswith("\nsum[10,000] in float64 (0.50).")
    assert "losses" not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, "1 s"),
        (0.84961, "850 ms"),
        (0.0104, "10.4 ms"),
        (1.43e-4, "143 µs"),
        (9.996e-4, "1000 µs"),
        (5e-8, "0.05 µs"),
    ],
)
def test_times_have_three_digits(value: float, shown: str) -> None:
    import readme

    assert readme.seconds(value) == shown


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_write_its_results(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert "recording.add_argument(parser)" in text or "recording.with_pytorch(__file__" in text
    assert "recorder.add(" in text
    assert "recorder.write(options.json)" in text


def test_quick_record_requires_an_output_file() -> None:
    command = [sys.executable, str(FOLDER / "record.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "--quick needs --output: its figures mean nothing" in done.stderr

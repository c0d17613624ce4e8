"""Fuzz one reader with Atheris, which follows the branches that a file takes.

``python tests/fuzzing/atheris_readers.py scalars CORPUS -max_total_time=60`` needs the package atheris. CORPUS is a
folder, to which the reader's samples are added; the options are those of libFuzzer.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    try:
        import atheris
    except ImportError:
        print("atheris is missing: pip install atheris (it has wheels for Linux; elsewhere it needs clang)")
        return 2
    sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
    with atheris.instrument_imports(include=["tensorlab"]):
        from reader_table import READERS

        import tensorlab as tl

    name, corpus, *options = sys.argv[1:]
    reader = READERS[name]()
    Path(corpus).mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(reader.samples):
        (Path(corpus) / f"sample{number}").write_bytes(sample)
    path = Path(tempfile.mkdtemp()) / reader.name

    def read(content: bytes) -> None:
        path.write_bytes(content)
        with contextlib.suppress(tl.errors.TensorlabError):
            reader.read(path)

    atheris.Setup([sys.argv[0], corpus, "-rss_limit_mb=2048", "-timeout=10", *options], read)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())

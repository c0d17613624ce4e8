"""Fuzz the readers of files: ``python tests/fuzzing/readers.py --count 100000 --seed 1 idx models``.

Each reader runs in a child process. It reads changed files, and has to accept or refuse each one with an error of
tensorlab, in less than a second and 256 MB, and without a change of any other file. A crash, a hang, a long read, much
memory, another exception, a file that is opened for writing elsewhere, and a started program are findings. The files
with findings are kept in ``--keep``. The numbers of a file (the seed and its index) make it again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SECONDS = 1.0
"""The CPU time of a read above which it is a finding."""
MEMORY = 256 << 20
"""The number of bytes by which the peak of memory may rise."""
ADDRESSES = 1 << 30
"""The number of bytes of address space that a child may take in addition to what it has."""
MEMORY_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where files are written: in memory, since writing and opening a file on a disk takes longer than most reads."""
HANG = 20
"""The number of seconds of CPU time after which a child is killed."""


class Watch:
    """Counts compilations, which take their time, and notes what a reader must not do."""

    def __init__(self, allowed: list[str]) -> None:
        from tensorlab.kernels.runtime import library

        self.allowed = tuple(os.path.realpath(path) for path in allowed)
        self.forbidden: list[str] = []
        self.compilations = 0
        self.on = False
        original = library.compiled

        def compiled(*arguments: Any) -> Any:
            self.compilations += 1
            return original(*arguments)

        library.compiled = compiled
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event not in (
            "open",
            "os.remove",
            "os.rename",
            "subprocess.Popen",
            "os.system",
            "socket.connect",
        ):
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        path = arguments[0]
        if isinstance(path, int) or (isinstance(path, str) and os.path.realpath(path).startswith(self.allowed)):
            return
        self.forbidden.append(f"{event} {path!r}")


def causes(error: BaseException | None) -> list[type]:
    found = []
    while error is not None:
        found.append(type(error))
        error = error.__cause__ or error.__context__
    return found


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Child:
    """Reads files in this process, whose memory is limited from the first reader on.

    Args:
        seed: determines the files.
        folder: where they are written.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
        import reader_table

        warnings.simplefilter("ignore")
        sys.dont_write_bytecode = True  # of modules that a reader imports
        self.seed, self.folder, self.table = seed, folder, reader_table.READERS
        self.watch = Watch([tempfile.gettempdir(), os.environ.get("TENSORLAB_CACHE_DIR", "/nowhere"), os.devnull])

    def run(self, name: str, start: int, count: int) -> dict[str, Any]:
        """Read ``count`` files with a reader; return the counts and the findings."""
        reader = self.table[name]()
        path = self.folder / reader.name
        for sample in reader.samples:
            path.write_bytes(sample)
            reader.read(path)
        limit_addresses()
        accepted, slowest, findings, highest, begin = 0, 0.0, [], 0, time.process_time()
        for index in range(start, start + count):
            choose = random.Random(f"{self.seed} {index}")
            path.write_bytes(reader.change(choose, choose.choice(reader.samples)))
            (self.folder / "index").write_text(str(index))
            before, compilations, clock = peak(), self.watch.compilations, time.process_time()
            wrong, error = self.read(reader.read, path)
            spent, grown = time.process_time() - clock, peak() - before
            accepted += error is None and not wrong
            if MemoryError in causes(error):
                wrong.append(f"more than {ADDRESSES >> 20} MB: {error}")
            if self.watch.compilations == compilations:
                slowest, highest = max(slowest, spent), max(highest, grown)
                wrong += [f"{spent:.1f} s"] if spent > SECONDS else []
                wrong += [f"{grown >> 20} MB"] if grown > MEMORY else []
            if wrong:
                findings.append({"index": index, "wrong": wrong})
                shutil.copyfile(path, self.folder / f"{index}-{reader.name}")
        total = time.process_time() - begin
        return {"accepted": accepted, "seconds": total, "slowest": slowest, "growth": highest, "findings": findings}

    def read(self, read: Any, path: Path) -> tuple[list[str], Exception | None]:
        """Return what is wrong, and the error with which the file was refused."""
        from tensorlab.errors import TensorlabError

        signal.setitimer(signal.ITIMER_PROF, HANG)
        signal.alarm(10 * HANG)
        wrong, error = [], None
        self.watch.on = True
        try:
            read(path)
        except TensorlabError as caught:
            error = caught
        except Exception as caught:
            wrong.append("".join(traceback.format_exception(caught)[-3:]))
        self.watch.on = False
        wrong += self.watch.forbidden
        self.watch.forbidden.clear()
        return wrong, error


def limit_addresses() -> None:
    """Limit the address space of this process to what it has now, and some more."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESSES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def fuzz(name: str, count: int, seed: int, keep: Path | None = None, start: int = 0) -> dict[str, Any]:
    """Fuzz a reader in child processes, and return the counts and the findings. A new child follows one that dies."""
    total: dict[str, Any] = {"inputs": 0, "accepted": 0, "seconds": 0.0, "slowest": 0.0, "growth": 0, "findings": []}
    end = start + count
    while start < end:
        with tempfile.TemporaryDirectory(dir=MEMORY_FOLDER) as folder:
            command = [sys.executable, __file__, "--child", folder, "--start", str(start), "--count", str(end - start)]
            environment = {"PYTHONPATH": str(HERE.parents[1]), "TMPDIR": folder, "TENSORLAB_SHIPPED": "0"}
            done = subprocess.run(
                [*command, "--seed", str(seed), name], env=os.environ | environment, capture_output=True, text=True
            )
            if done.returncode == 0:
                found = json.loads(done.stdout.splitlines()[-1])
                start, ran = end, end - start
            else:
                at = Path(folder) / "index"
                if not at.exists():
                    raise RuntimeError(f"the reader {name!r} does not start: {done.stderr[-2000:]}")
                index = int(at.read_text())
                said = f"killed by signal {-done.returncode}" if done.returncode < 0 else done.stderr[-2000:]
                found = {"findings": [{"index": index, "wrong": [said]}]}
                start, ran = index + 1, index + 1 - start
                for path in Path(folder).iterdir():  # the file that it was reading
                    if path.is_file() and path.name != "index" and not path.name[0].isdigit():
                        shutil.copyfile(path, path.with_name(f"{index}-{path.name}"))
            total["inputs"] += ran
            for each in ("accepted", "seconds", "findings"):
                total[each] += found.get(each, type(total[each])())
            for each in ("slowest", "growth"):
                total[each] = max(total[each], found.get(each, 0))
            if keep is not None and found["findings"]:
                (keep / name).mkdir(parents=True, exist_ok=True)
                for path in Path(folder).glob("[0-9]*-*"):
                    shutil.copy(path, keep / name)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="the readers, all if none")
    parser.add_argument("--count", type=int, default=1000, help="how many files each of them reads")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--start", type=int, default=0, help="the index of the first file")
    parser.add_argument("--keep", type=Path, help="the folder for files with findings")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child = Child(given.seed, given.child)
        for name in given.names:
            print(json.dumps(child.run(name, given.start, given.count)), flush=True)
        return 0
    if not given.names:
        sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
        import reader_table

        given.names = list(reader_table.READERS)
    failed = 0
    for name in given.names:
        found = fuzz(name, given.count, given.seed, given.keep, given.start)
        share, speed = found["accepted"] / found["inputs"], found["inputs"] / max(found["seconds"], 1e-9)
        print(
            f"{name:12} {found['inputs']:7,} files, {share:4.0%} accepted, {speed:6,.0f} a second, "
            f"slowest {found['slowest']:.3f} s, {found['growth'] >> 20} MB, {len(found['findings'])} findings",
            flush=True,
        )
        for each in found["findings"]:
            failed += 1
            print(f"  seed {given.seed} index {each['index']}: {'; '.join(each['wrong'])}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

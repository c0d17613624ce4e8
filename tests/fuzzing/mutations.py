"""Random changes of files: of bytes, of trees of JSON, and of the formats that contain these."""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

Change = Callable[[random.Random, bytes], bytes]

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 65535, 1 << 20, 10**9, (1 << 31) - 1, 1 << 31, 1 << 32, 10**12)
NUMBERS += ((1 << 63) - 1, 1 << 63, (1 << 64) - 1)
TEXTS = (
    "",
    "x",
    "../../outside",
    "/tmp/outside",
    "relu",
    "float64",
    "bool",
    "Dense",
    "adam",
    "mse",
    "__class__",
    "\0",
    "é" * 50,
)
LEAVES: tuple[Any, ...] = (
    None,
    True,
    False,
    0.5,
    -1.5,
    1e308,
    [],
    {},
    [None],
    {"a": 1},
    *TEXTS,
    *NUMBERS,
    -1,
    -(10**9),
    10**30,
)


def bytes_changed(choose: random.Random, data: bytes) -> bytes:
    """Change, insert, remove, move or repeat some bytes."""
    made = bytearray(data)
    for _ in range(choose.choice((1, 1, 1, 2, 3, 8))):
        at, length = choose.randrange(len(made) + 1), choose.choice((1, 1, 2, 4, 8, 64, 1000))
        match choose.randrange(8):
            case 0:
                made[at : at + 1] = bytes([choose.randrange(256)])
            case 1:
                size = choose.choice((1, 2, 4, 8))
                number = choose.choice(NUMBERS) % (1 << 8 * size)
                made[at : at + size] = number.to_bytes(size, choose.choice(("little", "big")))
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = choose.randbytes(length)
            case 4:
                other = choose.randrange(len(made) + 1)
                made[at:at] = made[other : other + length]
            case 5:
                made[at : at + length] = bytes(length)
            case 6:
                del made[at:]
            case 7 if at < len(made):
                made[at] ^= 1 << choose.randrange(8)
    return bytes(made)


def tree_changed(choose: random.Random, tree: Any) -> Any:
    """Replace, remove, repeat, exchange, rename or nest some parts of JSON."""
    tree = copy.deepcopy(tree)
    for _ in range(choose.choice((1, 1, 1, 2, 4))):
        spots: list[tuple[Any, Any]] = []
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            keys = range(len(node)) if isinstance(node, list) else list(node)
            spots += [(node, key) for key in keys]
            waiting += [node[key] for key in keys if isinstance(node[key], (list, dict))]
        if not spots:
            break
        try:
            _change_one(choose, *choose.choice(spots), *choose.choice(spots))
        except RecursionError:  # a copy of a deep part
            break
    return tree


def _change_one(choose: random.Random, node: Any, key: Any, other: Any, where: Any) -> None:
    match choose.randrange(8):
        case 0 | 1 | 2:
            node[key] = copy.deepcopy(choose.choice(LEAVES))
        case 3:
            del node[key]
        case 4:
            node[key] = copy.deepcopy(other[where])
        case 5 if isinstance(node, dict):
            node[choose.choice((*TEXTS, *map(str, other)))] = node.pop(key)
        case 6 if isinstance(node, list):
            node[key:key] = copy.deepcopy([node[key]] * choose.choice((1, 2, 50)))
        case 7:
            for _ in range(choose.choice((1, 5, 300))):
                node[key] = [node[key]] if choose.random() < 0.5 else {"a": node[key]}


def json_changed(choose: random.Random, data: bytes) -> bytes:
    """Change a file of JSON."""
    if choose.random() < 0.2:
        return bytes_changed(choose, data)
    return text_of(tree_changed(choose, json.loads(data)))


def text_of(tree: Any) -> bytes:
    """Return JSON of any depth; `json.dumps` raises for a deep tree."""
    try:
        return json.dumps(tree).encode()
    except RecursionError:
        return b"[" * 5000 + b"]" * 5000


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a safetensors file, and its arrays."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: Any, arrays: bytes) -> bytes:
    """Return a safetensors file."""
    text = header if isinstance(header, bytes) else text_of(header)
    return struct.pack("<Q", len(text)) + text + arrays


def saved_changed(choose: random.Random, data: bytes) -> bytes:
    """Change a file of tensorlab: its bytes, the header of safetensors, or, most often, the one of tensorlab."""
    way = choose.random()
    if way < 0.15:
        return bytes_changed(choose, data)
    outer, arrays = parts(data)
    if way < 0.35:
        return joined(tree_changed(choose, outer), arrays)
    ours = outer["__metadata__"]["tensorlab"]
    outer["__metadata__"]["tensorlab"] = json_changed(choose, ours.encode()).decode("utf-8", "replace")
    return joined(outer, arrays)


def idx_changed(choose: random.Random, data: bytes) -> bytes:
    """Change an IDX file, most often its header."""
    if choose.random() < 0.4:
        return bytes_changed(choose, data)
    axes = choose.choice((0, 1, 2, 3, 64, 65, 255))
    lengths = [choose.choice((0, 1, 2, 3, 255, 1 << 31, (1 << 32) - 1)) for _ in range(axes)]
    return (
        bytes([0, 0, choose.choice((8, 9, 11, 12, 13, 14, 99)), axes]) + struct.pack(f">{axes}I", *lengths) + data[8:]
    )


def gzip_changed(choose: random.Random, data: bytes) -> bytes:
    """Change a gzip file, or compress changed content, in one part or several."""
    if choose.random() < 0.5:
        return bytes_changed(choose, data)
    content = idx_changed(choose, gzip.decompress(data))
    cut = choose.randrange(len(content) + 1)
    made = [
        gzip.compress(part, 1) for part in ((content,) if choose.random() < 0.5 else (content[:cut], content[cut:]))
    ]
    return b"".join(made) + choose.choice((b"", bytes(100), b"more", made[0]))


def member_changed(name: str, inner: Change) -> Change:
    """Return a change of one member of a zip file."""

    def change(choose: random.Random, data: bytes) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(made, "w") as changed:
            for each in archive.namelist():
                content = archive.read(each)
                changed.writestr(each, inner(choose, content) if each == name else content)
        return made.getvalue()

    return change


def zip_changed(inner: Change) -> Change:
    """Return a change of a zip file or of one of its members."""

    def change(choose: random.Random, data: bytes) -> bytes:
        if choose.random() < 0.5:
            return bytes_changed(choose, data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = choose.choice(sorted(members))
        members[name] = inner(choose, members[name])
        if choose.random() < 0.2:
            members[choose.choice(("../outside", "/tmp/outside", name.upper(), "a" * 200))] = members.pop(name)
        made = io.BytesIO()
        kinds = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        with zipfile.ZipFile(made, "w", choose.choice(kinds)) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return made.getvalue() if choose.random() < 0.8 else bytes_changed(choose, made.getvalue())

    return change

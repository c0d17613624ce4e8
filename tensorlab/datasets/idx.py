"""The IDX format of the MNIST files: two zero bytes, a type code, the number of axes, their lengths, and the elements.

Lengths are 32-bit. Lengths and elements are big-endian. Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST
database of handwritten digits", section "The IDX file format".
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorlab.errors import ArgumentError, DatasetError, DTypeError, short_repr

_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_MAX_AXES = 64  # NumPy's limit; the format itself allows 255


def loads(data: bytes, who: str = "idx.loads") -> NDArray[Any]:
    """Return the array in the bytes of an IDX file.

    Args:
        data: the content of an uncompressed IDX file.
        who: the name of the file in messages, such as its path.

    Returns:
        A new writable array in native byte order: uint8, int8, int16, int32, float32 or float64, with 0 to 64 axes.

    Raises:
        DatasetError: the bytes are not in IDX format, or their number differs from what the header says.
    """
    code, axes = (data[2], data[3]) if len(data) >= 4 else (0, 0)
    if data[:2] != b"\0\0" or code not in _DTYPES or axes > _MAX_AXES:
        raise DatasetError(
            who,
            "an IDX file, which begins with two zero bytes, a type code "
            f"({', '.join(f'{known:02x}' for known in _DTYPES)}) and a number of axes (at most {_MAX_AXES})",
            f"a beginning of {data[:4].hex(' ')}" if data else "an empty file",
            "the file is of another kind or damaged; download it again",
        )
    start = 4 + 4 * axes
    if len(data) < start:
        raise DatasetError(
            who, f"a header of {start} bytes", f"a file of {len(data)} bytes", "it is truncated; download it again"
        )
    shape = struct.unpack(f">{axes}I", data[4:start])
    dtype = _DTYPES[code]
    if math.prod([length for length in shape if length]) >= 2**60:  # with a length of 0, the file itself may be short
        hint = "the file is damaged; download it again"
        raise DatasetError(who, "an array that NumPy can hold", f"a header with the shape {short_repr(shape)}", hint)
    size = start + math.prod(shape) * dtype.itemsize
    if len(data) != size:
        raise DatasetError(
            who,
            f"{size} bytes, as its header announces ({dtype.newbyteorder('=').name} of shape {shape})",
            f"{len(data)} bytes",
            f"it {'is truncated' if len(data) < size else 'has bytes past its end'}; download it again",
        )
    array: NDArray[Any] = np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    return array


def dumps(array: NDArray[Any]) -> bytes:
    """Return the bytes of an IDX file with the elements of ``array``; the inverse of :func:`loads`.

    Raises:
        DTypeError: a dtype that IDX has no code for.
        ArgumentError: an axis is too long for a 32-bit length.
    """
    dtype = array.dtype.newbyteorder(">")
    if dtype not in _CODES:
        known = ", ".join(known.newbyteorder("=").name for known in _CODES)
        raise DTypeError("idx.dumps", f"an array of {known}", str(array.dtype), "convert it with astype")
    if max(array.shape, default=0) >= 2**32:
        raise ArgumentError("idx.dumps", "axes shorter than 2**32", f"shape {array.shape}", "split the array")
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, _CODES[dtype], array.ndim, *array.shape)
    return header + array.astype(dtype).tobytes()

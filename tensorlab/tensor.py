"""`Tensor`, an array on some device.

The operators and methods that compute are put in place by `tensorlab.ops.methods`, one floor above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from tensorlab import autodiff, dtypes, host_arrays
from tensorlab.backends import Backend, Buffer
from tensorlab.devices import backend as find_backend
from tensorlab.devices import check_place, holder
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DLPackError, DTypeError, ShapeError
from tensorlab.shapes import Shape


class Tensor:
    """An immutable array of one dtype on one device.

    Made by `asarray` and by operations. The tensor-level interface is the Python array API standard's.
    """

    __slots__ = ("__weakref__", "_backend", "_buffer", "key")
    __array_priority__ = 1000.0
    watched: ClassVar[bool] = False
    _title: ClassVar[str] = "Tensor"

    key: int

    def __init__(self, buffer: Buffer, backend: Backend) -> None:
        self._buffer: Buffer = buffer
        self._backend = backend
        self.key = autodiff.new_key()

    # What it is

    @property
    def shape(self) -> Shape:
        """The length of each axis."""
        return self._buffer.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._buffer.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._buffer.size

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self._buffer.dtype

    @property
    def device(self) -> str:
        """The name of the device that holds the elements."""
        return self._backend.name

    def __len__(self) -> int:
        if not self.shape:
            raise DTypeError("len", "a tensor with an axis", "a tensor of rank 0")
        return self.shape[0]

    def __repr__(self) -> str:
        values = np.array2string(self.numpy(), separator=", ", prefix=f"{self._title}(", threshold=1000)
        return f"{self._title}({values}, {self._describe()})"

    def _describe(self) -> str:
        shape = f"shape={self.shape}, " if self.size == 0 or self.size > 1000 else ""
        place = "" if self.device == "cpu" else f", device={self.device!r}"
        return f"{shape}dtype={self.dtype}{place}"

    def __format__(self, spec: str) -> str:
        return format(self._number("format", "format each element"), spec) if spec else str(self)

    # From and to Python and NumPy

    def numpy(self) -> np.ndarray[Any, Any]:
        """The elements as a NumPy array, read-only and without a copy where the device is the host."""
        array = self._backend.to_host(self._buffer).view()
        array.flags.writeable = False
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if copy or (dtype is not None and array.dtype != dtype):
            if copy is False:
                raise ArgumentError("__array__", f"dtype {array.dtype} with copy=False", str(dtype))
            return array.astype(array.dtype if dtype is None else dtype)
        return array

    def item(self) -> Any:
        """The one element as a Python number.

        Raises:
            ShapeError: unless there is exactly one.
        """
        return self._number("item")

    def _number(self, who: str, hint: str = "") -> Any:
        if self.size != 1:
            raise ShapeError(who, "a tensor of one element", f"shape {self.shape}", hint)
        return self._backend.to_host(self._buffer).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._backend.to_host(self._buffer).tolist()

    def __float__(self) -> float:
        return float(self._number("float"))

    def __int__(self) -> int:
        return int(self._number("int"))

    def __bool__(self) -> bool:
        return bool(self._number("bool", "use tl.any(x) or tl.all(x)"))

    def __complex__(self) -> complex:
        return complex(self._number("complex"))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.ndim:
            raise DTypeError("index", "an integer tensor of rank 0", f"{self.dtype} of shape {self.shape}")
        return int(self.item())

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise DTypeError("iter", "a tensor with an axis", "a tensor of rank 0")
        return (self[position] for position in range(self.shape[0]))

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        hint = "part of a Variable is changed with v[index].assign(value); tl.where makes a new tensor"
        raise ArgumentTypeError("x[index] = value", "something that can be changed", f"a {self._title}", hint)

    def __reduce__(self) -> Any:  # what copy, deepcopy and pickle make is a tensor of its own for every tape
        return _restored, (self.numpy(), self.device)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """The elements for another library, in the memory of their device, marked as read-only.

        Before version 1.0 of DLPack there was no such mark: who asks for an older version gets a copy.

        Raises:
            DLPackError: for a device that the elements are not on, a copy that is needed and not allowed, or a stream
                where memory has none.

        Source: Python array API standard, ``array.__dlpack__``.
        """
        array = self._backend.export(self._buffer)
        if not isinstance(array, np.ndarray):
            return array.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            raise DLPackError("__dlpack__", f"the host, {self.__dlpack_device__()}", f"dl_device {dl_device}")
        if stream is not None:
            raise DLPackError("__dlpack__", "no stream, as memory of the host has none", f"stream {stream!r}")
        marked = max_version is not None and tuple(max_version) >= (1, 0)
        if copy is False and not marked:
            hint = "ask for max_version=(1, 0), which can say that memory is read-only"
            raise DLPackError("__dlpack__", "that a copy is allowed", "copy=False", hint)
        return (array.copy() if copy or not marked else array).__dlpack__(max_version=max_version)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The device as DLPack numbers it: ``(1, 0)`` is the host."""
        number: tuple[int, int] = self._backend.export(self._buffer).__dlpack_device__()
        return number

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Where the elements are, for other libraries; only of a tensor on a device that has such memory."""
        interface: dict[str, Any] = self._backend.export(self._buffer).__cuda_array_interface__
        return interface

    def to_device(self, device: str, /, *, stream: Any = None) -> Tensor:
        """The same values on another device; itself if it is there already. Not differentiable.

        Raises:
            UnknownNameError: if no plugin registers a backend of this name.
            ArgumentError: for a stream: a backend has one of its own.

        Source: Python array API standard, ``array.to_device``.
        """
        if stream is not None:
            raise ArgumentError("to_device", "no stream, as a backend has its own", repr(stream))
        if device == self.device:
            return self
        target = find_backend(device)
        if target is self._backend:
            return self
        return Tensor(target.from_host(self._backend.to_host(self._buffer)), target)

    # For the tape

    def snapshot(self) -> Tensor:
        """The value as it is now: itself, since it never changes."""
        return self

    def ones_like(self) -> Tensor:
        """Ones of this shape, dtype and device."""
        return self.like(np.ones(self.shape, self.dtype))

    def like(self, value: Any) -> Tensor:
        """``value`` as a tensor of this dtype and device."""
        return asarray(value, dtype=self.dtype, device=self.device)

    __hash__ = object.__hash__

    if TYPE_CHECKING:  # tensorlab.ops.methods puts these in place

        def __array_namespace__(self, *, api_version: str | None = None) -> Any: ...

        T: Tensor
        mT: Tensor  # noqa: N815  (the array API standard's name)

        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]: ...
        def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __lshift__(self, other: Any) -> Tensor: ...
        def __rlshift__(self, other: Any) -> Tensor: ...
        def __rshift__(self, other: Any) -> Tensor: ...
        def __rrshift__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def astype(self, dtype: Any, copy: bool = False) -> Tensor: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def sum(self, **options: Any) -> Tensor: ...
        def mean(self, **options: Any) -> Tensor: ...
        def max(self, **options: Any) -> Tensor: ...
        def min(self, **options: Any) -> Tensor: ...
        def argmax(self, **options: Any) -> Tensor: ...
        def argmin(self, **options: Any) -> Tensor: ...


class _Shared(Tensor):
    """A tensor in memory that somebody else may write into, such as that of a NumPy array.

    What a tape has read must not change before it is used, so the first operation that may be recorded gives the tensor
    memory of its own.
    """

    __slots__ = ()

    def snapshot(self) -> Tensor:
        if autodiff.recording():
            self._buffer = self._backend.copy(self._buffer)
            self.__class__ = Tensor  # type: ignore[assignment]
        return self


_Shared.__name__ = "Tensor"  # what messages call it


TENSORS: list[type[Tensor]] = [Tensor, _Shared]
"""The classes of tensors whose buffer is all that an operation needs of them while no tape records."""


def _restored(array: np.ndarray[Any, Any], device: str) -> Tensor:
    backend = find_backend(device)
    return Tensor(backend.from_host(array), backend)


def from_buffer_of(tensor: Tensor, buffer: Any) -> Tensor:
    """A tensor of another buffer on the same backend."""
    result = Tensor(buffer, tensor._backend)
    if type(tensor) is _Shared and tensor._backend.shares_memory(buffer, tensor._buffer):
        result.__class__ = _Shared
    return result


def adopted(who: str, array: Any, copy: bool | None) -> Tensor | None:
    """Another library's array on a device as a tensor there, which shares its memory; None for what the host reads.

    ``copy`` is False if that library must not make a copy of it.
    """
    held = holder(who, array)
    return None if held is None else _Shared(held.adopt(who, array, copy), held)


def asarray(obj: Any, /, dtype: Any = None, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor of numbers, nested lists, a NumPy array, or anything with ``__array__`` or ``__dlpack__``.

    Python floats become float32 and whole numbers int64; arrays keep their dtype, and share memory on the host unless
    ``copy`` is true. So does another library's array on a device that a plugin has a backend for, such as CuPy's on
    "cuda". An array that is changed afterwards changes the tensor that shares its memory, until a tape records what is
    computed from the tensor: then that has memory of its own, and gradients are those of the values that were used.

    Args:
        obj: what to convert. A tensor is returned as it is if nothing has to change.
        dtype: one of tensorlab's dtypes; None to keep or infer it.
        device: where to put it; None for the device that a tensor or an array is on, and for the current one otherwise.
        copy: True for memory of its own, False to refuse a copy, None for what is cheapest.

    Raises:
        DTypeError: for strings, objects, ragged lists, complex numbers, or an unknown dtype.
        ArgumentError: if ``copy`` is False and one is needed.
        DeviceError: for an array on a device that is not here, or without ``device`` on another one than that of the
            ``with tl.device(...):`` block.

    Source: Python array API standard, ``asarray``.
    """
    # Who names a device has another library's array moved there; nothing else moves one.
    shared = None if device is None or isinstance(obj, Tensor) else adopted("asarray", obj, copy)
    return converted("asarray", obj if shared is None else shared, dtype, device, copy)


def converted(who: str, obj: Any, dtype: Any, device: str | None, copy: bool | None) -> Tensor:
    """`asarray`, for the operation ``who``; an array of another library has to be on the device already."""
    wanted = None if dtype is None else dtypes.as_dtype(dtype, who)
    on_device = None if isinstance(obj, Tensor) else adopted(who, obj, copy)
    if on_device is not None:
        check_place(who, obj, on_device._backend, device)
        obj = on_device
    if isinstance(obj, Tensor):
        moved = obj.snapshot() if device is None else obj.snapshot().to_device(device)
        changes = wanted is not None and wanted != moved.dtype
        if copy is False and (changes or moved.device != obj.device):
            given = f"{obj.dtype} on {obj.device!r}"
            raise ArgumentError(who, f"{given} with copy=False", f"dtype {wanted}, device {moved.device!r}")
        if changes:
            return moved.astype(wanted)
        if not copy:
            return moved
        result = Tensor(moved._backend.copy(moved._buffer), moved._backend)
        autodiff.record((moved,), (result,), (lambda gradient: gradient,))
        return result
    if copy is False and not host_arrays.shares_memory(obj):
        raise ArgumentError(who, "an array with copy=False", type(obj).__name__, "numbers have to be copied")
    leaves = autodiff.flatten(obj) if isinstance(obj, (list, tuple)) else []
    if any(isinstance(leaf, Tensor) for leaf in leaves):
        obj = autodiff.pack_as(obj, iter([leaf.numpy() if isinstance(leaf, Tensor) else leaf for leaf in leaves]))
    array = original = host_arrays.host_array(who, obj, wanted)
    target = array.dtype.newbyteorder("=") if wanted is None else wanted
    if array.dtype != target or not array.flags.aligned:
        if copy is False:
            raise ArgumentError(who, f"{array.dtype} data with copy=False", f"dtype {target}")
        with np.errstate(all="ignore"):  # what a dtype cannot hold becomes what the processor makes of it
            array = array.astype(target)
    elif copy:
        array = array.copy()
    backend = find_backend(device)
    buffer = backend.from_host(array)
    shared = buffer is original and host_arrays.shares_memory(obj) and host_arrays.may_change(original)
    return (_Shared if shared else Tensor)(buffer, backend)

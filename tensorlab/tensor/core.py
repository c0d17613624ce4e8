"""`Tensor`: an array on a device.

Operators and methods that compute are added by `tensorlab.ops.methods`, which is one layer above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tensorlab import autodiff, host_arrays, markup
from tensorlab.backends import Backend, Buffer
from tensorlab.devices import backend as find_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DLPackError, DTypeError, ShapeError, short_repr
from tensorlab.shapes import Shape


class Tensor:
    """An array of one dtype on one device.

    Tensors are created by `asarray` and by operations. The interface follows the Python array API standard.

    A tensor behaves like a value. ``x[index] = value`` changes ``x`` only: views of it, NumPy arrays made from it and
    values recorded on a tape keep their elements.
    """

    __slots__ = ("__weakref__", "_backend", "_buffer", "key", "origin")
    __array_priority__ = 1000.0
    watched: ClassVar[bool] = False
    written: ClassVar[bool] = False  # whether it is a `MutableTensor`
    _title: ClassVar[str] = "Tensor"

    key: int
    origin: (
        Any  # for subclasses: a variable, or logits. All classes share one layout, so that __class__ may be assigned
    )

    def __init__(self, buffer: Buffer, backend: Backend) -> None:
        self._buffer: Buffer = buffer
        self._backend = backend
        self.key = autodiff.new_key()

    # Attributes. Operations read them many times per step; attrgetter runs no Python code.

    if TYPE_CHECKING:

        @property
        def shape(self) -> Shape: ...
        @property
        def ndim(self) -> int: ...
        @property
        def size(self) -> int: ...
        @property
        def dtype(self) -> DType: ...
        @property
        def device(self) -> str: ...
        @property
        def buffer(self) -> Buffer: ...
        @property
        def backend(self) -> Backend: ...
    else:
        shape = property(attrgetter("_buffer.shape"), doc="The length of each axis.")
        ndim = property(attrgetter("_buffer.ndim"), doc="The number of axes.")
        size = property(attrgetter("_buffer.size"), doc="The number of elements.")
        dtype = property(attrgetter("_buffer.dtype"), doc="The type of the elements.")
        device = property(attrgetter("_backend.name"), doc="The name of the device that holds the elements.")
        buffer = property(attrgetter("_buffer"), doc="The array of the backend that holds the elements; for backends.")
        backend = property(attrgetter("_backend"), doc="The backend that computes with the elements; for backends.")

    def __len__(self) -> int:
        if not self.shape:
            raise DTypeError("len", "a tensor with an axis", "a tensor of rank 0")
        return self.shape[0]

    def __repr__(self) -> str:
        values = np.array2string(self.numpy(), separator=", ", prefix=f"{self._title}(", threshold=1000)
        return f"{self._title}({values}, {self._describe()})"

    def _repr_html_(self) -> str | None:
        """Return a table for notebooks; None if there are no elements or not one or two axes."""
        if self.ndim not in (1, 2) or not self.size:
            return None
        device = "" if self.device == "cpu" else f", device={self.device!r}"
        return markup.numbers(self.numpy(), f"{self._title}: shape={self.shape}, dtype={self.dtype}{device}")

    def _describe(self) -> str:
        shape = f"shape={self.shape}, " if self.size == 0 or self.size > 1000 else ""
        device = "" if self.device == "cpu" else f", device={self.device!r}"
        return f"{shape}dtype={self.dtype}{device}"

    def __format__(self, spec: str) -> str:
        return format(self._number("format", "format each element"), spec) if spec else str(self)

    # Conversion to Python and NumPy

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return the elements as a read-only NumPy array, without a copy if they are on the host."""
        # A read-only memoryview as the base, so that the WRITEABLE flag cannot be set again.
        array: Any = self._backend.to_host(self._buffer)
        return np.asarray(memoryview(array).toreadonly())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if copy or (dtype is not None and array.dtype != dtype):
            if copy is False:
                raise ArgumentError("__array__", f"dtype {array.dtype} with copy=False", str(dtype))
            return host_arrays.cast(array, array.dtype if dtype is None else np.dtype(dtype))
        return array

    def item(self) -> Any:
        """Return the only element as a Python number.

        Raises:
            ShapeError: unless the tensor has exactly one element.
        """
        return self._number("item")

    def _number(self, who: str, hint: str = "") -> Any:
        if self.size != 1:
            raise ShapeError(who, "a tensor of one element", f"shape {self.shape}", hint)
        return self._backend.to_host(self._buffer).item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self._backend.to_host(self._buffer).tolist()

    def __float__(self) -> float:
        return float(self._number("float"))

    def __int__(self) -> int:
        return int(self._number("int"))

    def __bool__(self) -> bool:
        return bool(self._number("bool", "use tl.any(x) or tl.all(x)"))

    def __trunc__(self) -> Any:
        return math.trunc(self._number("trunc", "use tl.trunc(x)"))

    def __floor__(self) -> Any:
        return math.floor(self._number("floor", "use tl.floor(x)"))

    def __ceil__(self) -> Any:
        return math.ceil(self._number("ceil", "use tl.ceil(x)"))

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

    def __reduce__(self) -> Any:
        return _restored, (self.numpy(), self.device)

    def __copy__(self) -> Tensor:
        """Return a tensor that shares the memory but has its own identity on tapes."""
        return from_buffer_of(self, self._buffer)

    def __deepcopy__(self, memo: Any) -> Tensor:
        """Return a copy of the elements as a tensor with its own identity on tapes."""
        return Tensor(self._backend.copy(self._buffer), self._backend)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Export the elements to another library, as a copy unless ``copy`` is False.

        Not every library respects the read-only flag of DLPack 1.0 (PyTorch does not). So memory is shared only if the
        caller passes ``copy=False`` and a ``max_version`` that has the flag.

        Raises:
            DLPackError: for a device that is not the tensor's, ``copy=False`` with a version before 1.0, or a
                stream for host memory.

        Source: Python array API standard, ``array.__dlpack__``.
        """
        if copy is None and (dl_device is None or tuple(dl_device) == self.__dlpack_device__()):
            copy = True
        array = self._backend.export(self._buffer)
        if not isinstance(array, np.ndarray):
            capsule = array.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)
            self._mark_as_exported(copy)
            return capsule
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            raise DLPackError("__dlpack__", f"the host, {self.__dlpack_device__()}", f"dl_device {dl_device}")
        if stream is not None:
            raise DLPackError("__dlpack__", "no stream, as memory of the host has none", f"stream {short_repr(stream)}")
        marked = max_version is not None and tuple(max_version) >= (1, 0)
        if copy is False and not marked:
            hint = "ask for max_version=(1, 0), which can say that memory is read-only"
            raise DLPackError("__dlpack__", "that a copy is allowed", "copy=False", hint)
        self._mark_as_exported(copy)
        return (array if copy is False else array.copy()).__dlpack__(max_version=max_version)

    def _mark_as_exported(self, copy: bool | None) -> None:
        """Mark the memory as shared after an export without a copy.

        Gradients then stay correct even if the other library ignores the read-only flag.
        """
        if copy is False and type(self) is Tensor:
            self.__class__ = SharedTensor

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the device as a DLPack pair of type and number; ``(1, 0)`` is the host."""
        number: tuple[int, int] = self._backend.export(self._buffer).__dlpack_device__()
        return number

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Describe the memory of the elements to CUDA libraries; only for tensors in CUDA memory."""
        interface: dict[str, Any] = self._backend.export(self._buffer).__cuda_array_interface__
        return interface

    def to_device(self, device: str, /, *, stream: Any = None) -> Tensor:
        """Return the same values on another device, or the tensor itself if it is already there. Not differentiable.

        Raises:
            UnknownNameError: if no plugin registers a backend of this name.
            ArgumentError: for a stream; every backend uses its own.

        Source: Python array API standard, ``array.to_device``.
        """
        if stream is not None:
            raise ArgumentError("to_device", "no stream, as a backend has its own", short_repr(stream))
        if not isinstance(device, str):
            raise ArgumentTypeError("to_device", "the name of a device", short_repr(device))
        if device == self.device:
            return self
        target = find_backend(device)
        if target is self._backend:
            return self
        return to_backend(self._backend.to_host(self._buffer), target, isinstance(self, SharedTensor))

    # Support for tapes

    def snapshot(self) -> Tensor:
        """Return the current value as a tensor that no later write changes, even ``x[index] = value``."""
        alias = _new(Tensor)  # `_alias` inlined, because every operation starts here
        alias._buffer, alias._backend, alias.key = self._buffer, self._backend, self.key
        return alias

    __hash__ = object.__hash__

    if TYPE_CHECKING:  # tensorlab.ops.methods adds these

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
        def __pow__(self, other: Any, modulo: Any = None) -> Tensor: ...
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
        def __round__(self, ndigits: Any = None) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def ones_like(self) -> Tensor: ...
        def like(self, value: Any) -> Tensor: ...
        def astype(self, dtype: Any, copy: bool = False) -> Tensor: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def sum(self, **options: Any) -> Tensor: ...
        def mean(self, **options: Any) -> Tensor: ...
        def max(self, **options: Any) -> Tensor: ...
        def min(self, **options: Any) -> Tensor: ...
        def argmax(self, **options: Any) -> Tensor: ...
        def argmin(self, **options: Any) -> Tensor: ...


class SharedTensor(Tensor):
    """A tensor whose memory other code may write into, such as the memory of a NumPy array.

    A value that a tape or a result refers to must not change. So the first operation that may be recorded, or whose
    result remembers its argument, copies the elements and makes this a plain `Tensor`.
    """

    __slots__ = ()

    def snapshot(self) -> Tensor:
        if not autodiff.recording():
            alias = _new(SharedTensor)
            alias._buffer, alias._backend, alias.key = self._buffer, self._backend, self.key
            return alias
        self.own()
        return _alias(self, Tensor)

    def own(self) -> None:
        """Copy the elements to memory that no other code writes into; this makes it a plain `Tensor`."""
        self._buffer = self._backend.copy(self._buffer)
        self.__class__ = Tensor  # type: ignore[assignment]


SharedTensor.__name__ = SharedTensor.__qualname__ = "Tensor"  # shown in messages


TENSORS: list[type[Tensor]] = [Tensor, SharedTensor]
"""The tensor classes whose buffer an operation may use directly while no tape records."""

_new = object.__new__


def _alias(tensor: Tensor, kind: type[Tensor]) -> Tensor:
    """Return another tensor object with the same memory and key."""
    alias = _new(kind)
    alias._buffer, alias._backend, alias.key = tensor._buffer, tensor._backend, tensor.key
    return alias


def _restored(array: np.ndarray[Any, Any], device: str) -> Tensor:
    """Return an unpickled tensor.

    An array without a base is in memory that unpickling allocated, so no other code can write into it.
    """
    return to_backend(array, find_backend(device), array.base is not None and host_arrays.may_change(array))


def to_backend(array: np.ndarray[Any, Any], backend: Backend, may_change: bool) -> Tensor:
    """Convert a host array to a tensor on a backend.

    ``may_change`` says whether other code may write into the array.
    """
    buffer = backend.from_host(array)
    shares = may_change and (buffer is array or (isinstance(buffer, np.ndarray) and np.may_share_memory(buffer, array)))
    return (SharedTensor if shares else Tensor)(buffer, backend)


def from_buffer_of(tensor: Tensor, buffer: Any) -> Tensor:
    """Return a tensor with another buffer on the same backend."""
    result = Tensor(buffer, tensor._backend)
    if type(tensor) is SharedTensor and tensor._backend.shares_memory(buffer, tensor._buffer):
        result.__class__ = SharedTensor
    return result

"""The protocol of a backend: memory, structure, and the loop shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import numpy as np

from tensorlab.dtypes import DType
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape


class Buffer(Protocol):
    """An array of one backend. Only its backend knows more of it than this."""

    @property
    def shape(self) -> Shape:
        """The length of each axis."""

    @property
    def ndim(self) -> int:
        """The number of axes."""

    @property
    def size(self) -> int:
        """The number of elements."""

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""


class Backend(Protocol):
    """What a device has to do.

    Operations check their arguments. Still a backend asks whether buffers are its own and fit, before a kernel reads
    their memory: `tensorlab.backends.checks` raises for those that do not, whoever calls.

    A buffer that a method returns may share memory with its arguments only where that is said; nobody writes into a
    buffer but `update`, `copy_into`, `put` and the kernel that makes it.
    """

    name: str

    @property
    def about(self) -> str:
        """What there is to say of its hardware, in a line; may be empty."""

    def at(self, index: int) -> Backend:
        """The backend of its device of this number, as in ``"cpu:0"``: itself for 0, where it has but one.

        Raises:
            DeviceError: if there is none.
        """

    # Memory
    def from_host(self, array: np.ndarray[Any, Any]) -> Any:
        """A buffer with the values of an aligned array of native byte order.

        It may share memory with the array or with other buffers of the same values: who writes into it copies it first.
        """

    def to_host(self, buffer: Any) -> np.ndarray[Any, Any]:
        """An array with the values of a buffer; may share its memory."""

    def export(self, buffer: Any) -> Any:
        """What other libraries take the buffer's memory from: a read-only NumPy array, or else an object that has the
        array API standard's ``__dlpack__`` and what else there is for memory of its kind."""

    def computes_on_host(self, operation: str) -> None:
        """Called before an operation that no loop shape fits is computed on the host: a device may warn, or raise."""

    def copy(self, buffer: Any) -> Any:
        """A buffer with the same values in memory of its own, C-contiguous."""

    def shares_memory(self, a: Any, b: Any) -> bool:
        """Whether one buffer is a view of the memory of the other."""

    def copy_into(self, target: Any, source: Any) -> None:
        """Overwrite a buffer, or a view of one, with values of its shape and dtype."""

    def holds(self, size: int) -> bool:
        """Whether there is room for so many bytes of data that stay, beside what computing on them takes."""

    def synchronize(self) -> None:
        """Return when everything that was asked for is done."""

    # Structure: views where they can be
    def reshape(self, buffer: Any, shape: Shape) -> Any:
        """The elements in C order in another shape."""

    def permute(self, buffer: Any, axes: tuple[int, ...]) -> Any:
        """The axes in another order."""

    def broadcast_to(self, buffer: Any, shape: Shape) -> Any:
        """Repeated along axes of length 1 and new leading axes."""

    def index(self, buffer: Any, index: Any) -> Any:
        """``buffer[index]``, for an index of slices, numbers, None, ``...``, and arrays."""

    def put(self, buffer: Any, index: Any, values: Any) -> None:
        """``buffer[index] = values``, in place, for values of the shape and dtype of ``buffer[index]``.

        Where an index selects an element more than once, the last value counts. The buffer is C-contiguous and shares
        memory with nothing else.
        """

    def gather(self, buffer: Any, places: Any) -> Any:
        """``buffer[places]``, for a buffer of int64 that lie between 0 and the length of the first axis."""

    def scatter_add(self, shape: Shape, index: Any, values: Any) -> Any:
        """Zeros of a shape with ``values`` added at ``index``, more than once where it repeats."""

    def concatenate(self, buffers: Sequence[Any], axis: int) -> Any:
        """Joined along an axis; all of one dtype."""

    # The loop shapes. A map and a reduction are made ready for some dtypes first, so that a call does little else.
    def map(
        self, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
    ) -> Callable[..., Any]:
        """``run(shape, *buffers)``: a scalar function, computed in one dtype, of buffers that broadcast to a shape.

        It returns a buffer, or a tuple of them if the function has several values.
        """

    def reduce(
        self, rule: Reduction, compute: DType, input: DType, output: DType
    ) -> Callable[[Any, tuple[int, ...] | None], Any]:
        """``run(buffer, axes)``: a reduction over some axes, which the result does not have, or over all for None."""

    def arg_reduce(self, rule: str, buffer: Any) -> Any:
        """Where the "max" or "min" along the last axis is first, int64; NaN counts as either."""

    def rowwise(self, rule: Rowwise, inputs: Sequence[Any]) -> Any:
        """A rowwise rule along the last axis of inputs of one shape and dtype."""

    def scan(self, rule: Scan, inputs: Sequence[Any], compute: DType, output: DType) -> Any:
        """A scan along the last axis of inputs of one shape, computed in one dtype."""

    def matmul(
        self, a: Any, b: Any, epilogue: ScalarFunction | None = None, operands: Sequence[Any] = (), keep: bool = False
    ) -> tuple[Any, Any]:
        """The product of two stacks of matrices of one dtype and equal leading axes.

        With an epilogue the result is ``epilogue(product, *operands)``, the operands broadcast to the product's shape.

        Returns:
            the result, and with ``keep`` the product without the epilogue, else None.
        """

    def update(
        self, function: ScalarFunction, groups: Sequence[Sequence[Any]], hyperparameters: Sequence[float]
    ) -> None:
        """An optimizer's rule on weights and their slots, in place: a step is one call.

        Args:
            function: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.
            groups: ``(weight, gradient, *slots)`` for each weight. All are of one dtype, those of a group of one shape;
                all but the gradients are C-contiguous, and what is written shares memory with nothing else.
            hyperparameters: the same for all of them.
        """


class SharingBackend(Backend, Protocol):
    """A backend that also takes arrays that other libraries have made in the memory of its device, without a copy.

    Its two attributes are looked up on what is registered, before there is a backend: they are those of a class, or
    are given to a function.

    Attributes:
        dlpack_types: DLPack's numbers for the kinds of memory that it takes.
        interfaces: the names of attributes that arrays in such memory have, for those that do not know DLPack.
    """

    dlpack_types: Collection[int]
    interfaces: Collection[str]

    def adopt(self, who: str, array: Any, copy: bool | None) -> Any:
        """A buffer in the memory of another library's array, which lives on as long as the buffer needs it.

        Nobody writes into it, but its owner may; what `copy` makes of it must not change then.

        Args:
            who: what messages name.
            array: an object with ``__dlpack__`` and one of `dlpack_types`, or one of `interfaces`.
            copy: False if the other library must not make a copy of it.

        Raises:
            DTypeError: for a dtype that tensorlab does not have.
            DeviceError: for memory of another device of its kind.
            ArgumentError: for what the other library does not give.
        """

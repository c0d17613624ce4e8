"""Memory that tensors share with arrays of other libraries: visible changes, and correct gradients."""

from __future__ import annotations

import array as standard_arrays
import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError

# NumPy 2.5 deprecates what these tests do intentionally.
pytestmark = pytest.mark.filterwarnings("ignore:Setting the (shape|dtype):DeprecationWarning")

Array = np.ndarray[Any, Any]


def gradient_of_squares(x: tl.Tensor, change: Callable[[], Any]) -> Any:
    """Record ``sum(x * x)``, call ``change``, and return the gradient with respect to x."""
    with tl.device("reference"), tl.GradientTape() as tape:
        tape.watch(x)
        y = tl.sum(x * x)
    change()
    return tape.gradient(y, x).tolist()


# The array object


def reshape(array: Array) -> None:
    array.shape = (2, 3)


def retype(array: Array) -> None:
    array.dtype = array.dtype.newbyteorder()


def restride(array: Array) -> None:
    array.resize((3, 2), refcheck=False)


@pytest.mark.parametrize("mutate", [reshape, retype, restride])
@pytest.mark.parametrize(
    "make", [tl.asarray, tl.from_dlpack, lambda a: tl.asarray(Holder(a)), lambda a: +tl.asarray(a)]
)
def test_array_object_of_the_caller_is_not_kept(
    make: Callable[[Array], tl.Tensor], mutate: Callable[[Array], None]
) -> None:
    array = np.arange(6.0)
    with tl.device("reference"):
        tensor = make(array)
    mutate(array)
    assert (tensor.shape, tensor.dtype, tensor.tolist()) == ((6,), np.float64, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


class Holder:
    """An object that always returns the same array."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.array


def test_ndarray_subclass_is_not_kept() -> None:
    class Named(np.ndarray[Any, Any]):
        name = "mine"

    array = np.arange(6.0).view(Named)
    tensor = tl.asarray(array)
    array.shape = (3, 2)
    assert type(tensor.numpy()) is np.ndarray
    assert tensor.shape == (6,)


def test_returned_arrays_are_read_only() -> None:
    tensor = tl.asarray(np.arange(6.0).tolist())
    for given in (tensor.numpy(), np.asarray(tensor), tensor.reshape((2, 3)).numpy(), np.asarray(tensor)[1:]):
        with pytest.raises(ValueError, match="WRITEABLE"):
            given.flags.writeable = True
        with pytest.raises(ValueError, match="read-only"):
            given[0] = 9.0
        given.shape = (6,) if given.size == 6 else given.shape
    assert (tensor.shape, tensor.tolist()) == ((6,), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


# Gradients


def frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def thawed(array: Array) -> None:
    array.flags.writeable = True
    array[...] = 9.0


SHARED: dict[str, Callable[[], tuple[Any, Callable[[], Any]]]] = {}


def shares(make: Callable[[], tuple[Any, Callable[[], Any]]]) -> None:
    """Register a shared object, and a function that changes its memory."""
    SHARED[make.__name__] = make


@shares
def an_array() -> tuple[Any, Callable[[], Any]]:
    array = np.ones(3)
    return array, lambda: array.fill(9.0)


@shares
def a_read_only_array_that_is_made_writeable_again() -> tuple[Any, Callable[[], Any]]:
    array = frozen(np.ones(3))
    return array, lambda: thawed(array)


@shares
def a_read_only_view_of_an_array() -> tuple[Any, Callable[[], Any]]:
    array = np.ones(3)
    return frozen(array[:]), lambda: array.fill(9.0)


@shares
def a_view_of_a_read_only_array() -> tuple[Any, Callable[[], Any]]:
    array = frozen(np.ones(3))
    return array[:], lambda: thawed(array)


@shares
def a_buffer_of_bytes() -> tuple[Any, Callable[[], Any]]:
    raw = bytearray(np.ones(3).tobytes())
    return frozen(np.frombuffer(raw)), lambda: raw.__setitem__(slice(None), np.full(3, 9.0).tobytes())


@shares
def an_array_of_the_standard_library() -> tuple[Any, Callable[[], Any]]:
    numbers = standard_arrays.array("f", [1.0, 1.0, 1.0])
    return numbers, lambda: numbers.__setitem__(slice(None), standard_arrays.array("f", [9.0, 9.0, 9.0]))


@shares
def a_memoryview() -> tuple[Any, Callable[[], Any]]:
    array = np.ones(3)
    return memoryview(array).toreadonly(), lambda: array.fill(9.0)


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("way", ["asarray", "copied", "moved", "viewed", "given to an operation"])
def test_gradients_use_the_values_at_recording_time(name: str, way: str) -> None:
    shared, change = SHARED[name]()
    if way == "given to an operation":
        w = tl.asarray([1.0, 1.0, 1.0], dtype=np.asarray(shared).dtype)
        with tl.device("reference"), tl.GradientTape() as tape:
            tape.watch(w)
            y = tl.sum(tl.multiply(w, shared))
        change()
        assert tape.gradient(y, w).tolist() == [1.0, 1.0, 1.0]
        return
    x = tl.asarray(shared)
    if way == "copied":
        x = copy.copy(x)
    elif way == "moved":
        x = x.to_device("reference")
    elif way == "viewed":
        x = x[::-1].reshape((3, 1))
    gradient = gradient_of_squares(x, change)
    assert np.ravel(gradient).tolist() == [2.0, 2.0, 2.0]


def test_bytes_memory_is_never_copied() -> None:
    x = tl.asarray(np.frombuffer(np.ones(3).tobytes()))
    place = x.numpy().ctypes.data
    assert gradient_of_squares(x, lambda: None) == [2.0, 2.0, 2.0]
    assert x.numpy().ctypes.data == place


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_unpickled_tensor_owns_its_memory_unless_it_has_out_of_band_buffers(protocol: int) -> None:
    x = tl.asarray([1.0, 2.0, 3.0], dtype="float64")
    again = pickle.loads(pickle.dumps(x, protocol))
    place = again.numpy().ctypes.data
    assert gradient_of_squares(again, lambda: None) == [2.0, 4.0, 6.0]
    assert again.numpy().ctypes.data == place  # the tensor owns its memory, so a tape does not copy it
    if protocol >= 5:
        buffers: list[pickle.PickleBuffer] = []
        data = pickle.dumps(x, protocol, buffer_callback=buffers.append)
        raw = [bytearray(buffer) for buffer in buffers]
        again = pickle.loads(data, buffers=raw)
        assert np.shares_memory(again.numpy(), np.frombuffer(raw[0], np.uint8))
        assert gradient_of_squares(again, lambda: raw[0].__setitem__(slice(None), bytes(24))) == [2.0, 4.0, 6.0]


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_copies_of_tensors(make: Callable[[Any], Any]) -> None:
    array = np.ones(3)
    for x in (tl.asarray(array), tl.asarray([1.0, 1.0, 1.0]), tl.asarray(array)[1:]):
        again = make(x)
        assert type(again).__name__ == "Tensor"
        assert again.key != x.key
        assert np.shares_memory(again.numpy(), x.numpy()) is (make is copy.copy)


def test_gradients_flow_through_a_list_of_tensors() -> None:
    x, w = tl.Variable(3.0), tl.Variable([1.0, 2.0])
    with tl.device("reference"), tl.GradientTape() as tape:
        table = tl.asarray([[x * x, 1.0], w, [x, w[0]]])
        y = tl.sum(table * [[1.0, 10.0], [100.0, 1000.0], [1e4, 1e5]])
    gradients = tape.gradient(y, [x, w])
    assert table.tolist() == [[9.0, 1.0], [1.0, 2.0], [3.0, 1.0]]
    assert (gradients[0].item(), gradients[1].tolist()) == (6.0 + 1e4, [100.0 + 1e5, 1000.0])


def test_later_change_of_an_index_array_has_no_effect() -> None:
    places, x = np.array([0, 1]), tl.Variable([1.0, 2.0, 3.0])
    with tl.device("reference"), tl.GradientTape() as tape:
        y = tl.sum(tl.take(x, places) * x[places])
    part = x[places]
    places[:] = 2
    assert tape.gradient(y, x).tolist() == [2.0, 4.0, 0.0]
    part.assign([7.0, 8.0])
    assert x.tolist() == [7.0, 8.0, 3.0]


# Other libraries


class OfALibrary:
    """An array that cannot be read, like PyTorch's while it requires gradients."""

    dtype = "float32"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise self.error


@pytest.mark.parametrize("kind", [RuntimeError, BufferError, AttributeError])
def test_error_of_another_library_is_reported(kind: type[Exception]) -> None:
    given = OfALibrary(kind("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."))
    message = (
        r"expected an array that NumPy can read, received a test_shared_memory\.OfALibrary; its library says: Can't "
        r"call numpy\(\) on Tensor that requires grad\. Use tensor\.detach\(\)\.numpy\(\) instead$"
    )
    with pytest.raises(ArgumentError, match=f"^asarray: {message}"):
        tl.asarray(given)
    with pytest.raises(ArgumentError, match=f"^add: {message}"):
        tl.add(tl.asarray([1.0]), given)
    with pytest.raises(
        ArgumentError, match=r"^asarray: expected an array that NumPy can read, received a list; its lib"
    ):
        tl.asarray([given, given])


def test_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = tl.asarray([1.0, 2.0])
    for theirs in (torch.from_dlpack(x), torch.asarray(x), torch.utils.dlpack.from_dlpack(x.__dlpack__())):
        theirs[0] = 99.0
        assert x.tolist() == [1.0, 2.0]
    with pytest.raises(ArgumentError, match=r"received a torch\.Tensor; its library says: .*requires grad"):
        tl.asarray(torch.ones(2, requires_grad=True))

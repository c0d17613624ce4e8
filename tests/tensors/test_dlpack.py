"""Memory shared with other libraries: what is shared, copied and rejected."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.dtypes import NAMES
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DLPackError, DTypeError, UnknownNameError


class Exporter:
    """An array that records the options of `__dlpack__`."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.asked: dict[str, Any] = {}

    def __dlpack__(self, **options: Any) -> Any:
        self.asked = options
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


class OldExporter(Exporter):
    """An array of a library older than versioned DLPack."""

    def __dlpack__(self, stream: Any = None) -> Any:
        return self.array.__dlpack__()


@pytest.mark.parametrize("dtype", NAMES)
def test_round_trip_without_a_copy(dtype: str) -> None:
    array = np.arange(12).reshape(3, 4).astype(dtype)[:, ::2]
    for exporter in (array, Exporter(array), OldExporter(array)):
        tensor = tl.from_dlpack(exporter)
        assert tensor.device == "cpu"
        np.testing.assert_array_equal(tensor.numpy(), array, strict=True)
        assert np.shares_memory(tensor.numpy(), array)
        assert np.shares_memory(np.from_dlpack(tensor, copy=False), array)
        assert not np.shares_memory(np.from_dlpack(tensor), array)
        assert np.shares_memory(tl.from_dlpack(exporter, copy=False).numpy(), array)
        copied = tl.from_dlpack(exporter, copy=True)
        assert not np.shares_memory(copied.numpy(), array)
        np.testing.assert_array_equal(copied.numpy(), array, strict=True)
        assert tl.from_dlpack(exporter, device="reference").device == "reference"


def test_empty_and_rank_0_arrays() -> None:
    for array in (np.zeros((2, 0, 3), np.float32), np.array(2.5)):
        for copy in (None, True, False):
            np.testing.assert_array_equal(tl.from_dlpack(array, copy=copy).numpy(), array, strict=True)


def test_read_only_memory_is_shared_and_stays_read_only() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    tensor = tl.from_dlpack(array)
    assert np.shares_memory(tensor.numpy(), array)
    assert not tensor.numpy().flags.writeable


def test_memory_outlives_the_exporting_array() -> None:
    tensor = tl.from_dlpack(np.arange(100_000.0))
    assert tensor[-1].item() == 99_999.0


def test_tensor_is_exported_as_read_only() -> None:
    tensor = tl.asarray(np.arange(3.0))
    shared = np.from_dlpack(tensor, copy=False)
    assert np.shares_memory(shared, tensor.numpy())
    with pytest.raises(ValueError, match="read-only"):
        shared[0] = 1.0
    assert tensor.__dlpack_device__() == (1, 0)
    # older versions have no read-only flag, so the consumer gets a copy that it may write
    old = np.from_dlpack(OldExporter(tensor))
    np.testing.assert_array_equal(old, tensor.numpy())
    assert not np.shares_memory(old, tensor.numpy())
    for copy in (True, None):  # PyTorch ignores read-only flags, so it must get a writable copy
        copied = np.from_dlpack(tensor, copy=copy)
        copied[0] = 99.0
        assert tensor.tolist() == [0.0, 1.0, 2.0]


def test_invalid_export_is_rejected() -> None:
    tensor = tl.asarray([1.0])
    tensor.__dlpack__(max_version=(1, 1), dl_device=(1, 0), copy=False)
    for options, message in (
        ({"dl_device": (2, 0)}, r"^__dlpack__: expected the host, \(1, 0\), received dl_device \(2, 0\)$"),
        ({"stream": 1}, r"^__dlpack__: expected no stream, as memory of the host has none, received stream 1$"),
        (
            {"copy": False},
            r"^__dlpack__: expected that a copy is allowed, received copy=False; ask for max_version=\(1",
        ),
        ({"copy": False, "max_version": (0, 8)}, r"^__dlpack__: expected that a copy is allowed, received copy=False"),
    ):
        with pytest.raises(DLPackError, match=message) as error:
            tensor.__dlpack__(**options)
        assert isinstance(error.value, BufferError)  # consumers expect a BufferError


def test_from_dlpack_of_a_tensor() -> None:
    x = tl.asarray([1.0, 2.0], device="reference")
    assert tl.from_dlpack(x) is x
    assert tl.from_dlpack(x, device="cpu").device == "cpu"
    copied = tl.from_dlpack(x, copy=True)
    assert copied.device == "reference"
    assert not np.shares_memory(copied.numpy(), x.numpy())
    with pytest.raises(
        ArgumentError, match=r"^from_dlpack: expected device 'reference' with copy=False, received 'cpu'$"
    ):
        tl.from_dlpack(x, device="cpu", copy=False)


def test_invalid_import_is_rejected() -> None:
    with pytest.raises(
        ArgumentTypeError, match=r"^from_dlpack: expected an array with __dlpack__, received list; use tl\.asarray$"
    ):
        tl.from_dlpack([1.0])
    with pytest.raises(
        DTypeError, match=r"^from_dlpack: expected one of bool, .*float64, received float16; convert it"
    ):
        tl.from_dlpack(np.zeros(2, np.float16))
    with pytest.raises(UnknownNameError, match=r"received 'gpu'"):
        tl.from_dlpack(np.zeros(2), device="gpu")
    with pytest.raises(
        DTypeError, match=r"^from_dlpack: expected one of bool, .*float64, received Exporter; DLPack only"
    ):
        tl.from_dlpack(Exporter(np.zeros(2, "S1")))
    fixed = np.broadcast_to(np.zeros(2), (3, 2))  # read-only
    with pytest.raises(
        ArgumentError, match=r"^from_dlpack: expected an array that its library exports, received OldExp"
    ):
        tl.from_dlpack(OldExporter(fixed))


class Elsewhere(Exporter):
    """An array on another device, which is copied to the host on request."""

    def __dlpack__(self, **options: Any) -> Any:
        self.asked = options
        return self.array.__dlpack__(max_version=options["max_version"])

    def __dlpack_device__(self) -> tuple[int, int]:
        return (8, 1)


def test_array_on_an_unknown_device_is_copied_only_on_request() -> None:
    exporter = Elsewhere(np.arange(3.0))
    copied = tl.from_dlpack(exporter, device="cpu")
    assert copied.tolist() == [0.0, 1.0, 2.0]
    assert exporter.asked["dl_device"] == (1, 0)
    for who, refused in (
        ("from_dlpack", lambda: tl.from_dlpack(exporter)),
        ("from_dlpack", lambda: tl.from_dlpack(exporter, device="cpu", copy=False)),
        ("asarray", lambda: tl.asarray(exporter)),
        ("asarray", lambda: tl.asarray(exporter, device="cpu")),
        ("add", lambda: tl.add(copied, exporter)),
    ):
        with pytest.raises(
            DeviceError,
            match=rf"^{who}: expected an array on the host, or on a device that a plugin has a backend for, received a "
            r"test_dlpack\.Elsewhere on DLPack's device \(8, 1\); tl\.from_dlpack\(x, device=\"cpu\"\) copies",
        ):
            refused()


class Marked:
    """An array of a library with its own protocol."""

    def __init__(self, array: Any) -> None:
        self.__board_array__ = array


class Board(tl.backends.ReferenceBackend):
    """A device that uses host memory and adopts arrays of other libraries."""

    name = "board"
    dlpack_types = (8,)
    interfaces = ("__board_array__",)
    asked: ClassVar[list[Any]] = []

    def adopt(self, who: str, array: Any, copy: bool | None) -> Any:
        self.asked.append((who, copy))
        return array.array if isinstance(array, Elsewhere) else array.__board_array__


@pytest.fixture
def board() -> Iterator[None]:
    backends = tl.hookimpl(lambda: {"board": Board}, specname="tensorlab_register_backends")
    record = tl.plugins.register(SimpleNamespace(backends=backends), "boards")
    Board.asked.clear()
    yield
    tl.plugins.unregister(record)


@pytest.mark.parametrize("make", [Elsewhere, Marked])
@pytest.mark.usefixtures("board")
def test_backend_adopts_arrays_in_its_memory(make: type[Any]) -> None:
    values = np.arange(6.0).reshape(2, 3)
    array = make(values)
    for options in ({}, {"copy": False}, {"device": "board"}, {"device": "board:0"}):
        tensor = tl.asarray(array, **options)
        assert tensor.device == "board"
        assert np.shares_memory(tensor.numpy(), values)
    assert Board.asked == [("asarray", options) for options in (None, False, None, None)]
    assert not np.shares_memory(tl.asarray(array, copy=True).numpy(), values)
    assert tl.asarray(array, device="cpu").device == "cpu"
    assert tl.asarray(array, dtype="float32").dtype == np.float32
    x = tl.asarray(array)
    with tl.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    values[:] = 7.0
    assert tape.gradient(y, x).tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]
    if make is Elsewhere:
        assert tl.from_dlpack(array).device == "board"
        assert tl.from_dlpack(array, device="cpu").device == "cpu"
        with pytest.raises(
            ArgumentError, match=r"^from_dlpack: expected device 'board' with copy=False, received 'cpu'$"
        ):
            tl.from_dlpack(array, device="cpu", copy=False)


@pytest.mark.usefixtures("board")
def test_array_on_a_device_is_not_moved_implicitly() -> None:
    array, here = Marked(np.arange(3.0)), tl.asarray(np.arange(3.0))
    message = (
        r"an array on 'cpu', received a test_dlpack\.Marked on 'board'; move it with tl\.asarray\(x, device='cpu'\)$"
    )
    with pytest.raises(DeviceError, match=f"^add: expected {message}"):
        tl.add(here, array)
    with pytest.raises(DeviceError, match=f"^assign to 'w': expected {message}"):
        tl.Variable(here, name="w").assign(array)
    with tl.device("cpu"), pytest.raises(DeviceError, match=f"^asarray: expected {message}"):
        tl.asarray(array)
    with tl.device("board"):
        assert tl.add(array, 1.0).tolist() == [1.0, 2.0, 3.0]
    assert tl.add(here, tl.asarray(array, device="cpu")).device == "cpu"
    model = tl.Sequential([tl.layers.Dense(1, kernel_initializer="ones")])
    with tl.device("board"):
        assert model.predict(Marked(np.ones((2, 3), np.float32))).tolist() == [[3.0], [3.0]]


def test_pytorch() -> None:
    torch = pytest.importorskip("torch")
    ours = tl.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    theirs = torch.from_dlpack(ours)
    assert theirs.tolist() == ours.tolist()
    theirs[0, 0] = 99.0
    assert ours.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    for dtype in NAMES:
        there = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype)).T
        here = tl.from_dlpack(there)
        assert here.dtype == np.dtype(dtype)
        assert here.tolist() == there.tolist()
        assert here.numpy().ctypes.data == there.data_ptr()
        assert tl.from_dlpack(there, copy=True).numpy().ctypes.data != there.data_ptr()
    for dtype in ("float16", "bfloat16", "complex64"):
        with pytest.raises(DTypeError, match=r"^from_dlpack: expected one of bool, .*, received torch\." + dtype):
            tl.from_dlpack(torch.zeros(2, dtype=getattr(torch, dtype)))
    with pytest.raises(
        ArgumentError, match=r"^from_dlpack: .*, received Tensor; .*require gradient, use tensor\.detach"
    ):
        tl.from_dlpack(torch.zeros(2, requires_grad=True))

"""Checks that arrays of other libraries on the device become tensors without a copy. See `test_cuda_checks`."""

from __future__ import annotations

import os
import warnings
import weakref

import numpy as np
import pytest
from cuda_libraries import Described, Exported
from test_cuda_checks import DTYPES, check, on, real, same
from test_cuda_training import counted

import tensorlab as tl
from tensorlab import layers
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError


def address(tensor: tl.Tensor) -> int:
    return tensor.__cuda_array_interface__["data"][0]  # type: ignore[no-any-return]


def views(base: np.ndarray) -> list[np.ndarray]:
    """Return an array of 4 × 6 in every kind of layout."""
    return [
        *(base, base[1:], base[::-1, 1::2], base.T, base[2, 3:4], base[2, 5, ...], base[:, :1], base[None, 2]),
        np.broadcast_to(base[1], (3, 6)),
    ]


@check
def arrays_with_the_cuda_interface_are_shared(rng):
    for dtype in DTYPES:
        for view in views(rng.integers(0, 2, (4, 6)).astype(dtype)):
            array = Described(view)
            for options in ({}, {"copy": False}, {"device": "cuda"}, {"device": "cuda:0", "copy": False}):
                tensor = tl.asarray(array, **options)
                same(tensor, view, 0)
                assert address(tensor) == array.address
            same(tl.logical_not(tl.asarray(array)), np.logical_not(view), 0)
            copy = tl.asarray(array, copy=True)
            same(copy, view, 0)
            assert address(copy) != array.address
            array.write(0)
            same(copy, view, 0)
            same(tensor, np.zeros_like(view), 0)
    with pytest.raises(ArgumentTypeError, match=r"^from_dlpack: expected an array with __dlpack__, received Desc"):
        tl.from_dlpack(array)


@check
def arrays_with_dlpack_are_shared(rng):
    for dtype in DTYPES:
        for number, view in enumerate(views(rng.integers(0, 2, (4, 6)).astype(dtype))):
            version = None if number % 2 else 1
            known = ("stream",) if version is None else Exported(view).known
            array = Exported(view, version, known, device=(2, 0) if number % 3 else (13, 0))
            for convert in (tl.from_dlpack, tl.asarray):
                for options in ({}, {"copy": False}, {"device": "cuda"}):
                    array.given_back = 0
                    tensor = convert(array, **options)
                    same(tensor, view, 0)
                    assert address(tensor) == array.address
                    assert ("copy" in array.asked) == (version == 1 and "copy" in options)
                    part = tl.reshape(tensor[None], (-1,))[:1]
                    del tensor
                    if address(part) == array.address:
                        assert not array.given_back  # a view uses the memory
                    same(part, view.reshape(-1)[:1], 0)
                    del part
                    assert array.given_back == 1
                copy = convert(array, copy=True)
                same(copy, view, 0)
                assert address(copy) != array.address
                assert array.given_back == 2


@check
def dlpack_offsets_and_missing_strides_are_accepted(rng):
    values = real(rng, 3, 4)
    for view in (values, values[1:]):
        dense = Exported(view, strides=None)
        same(tl.from_dlpack(dense), view, 0)
    shifted = Exported(values[1:], offset=16)
    shifted.changes["data"] = shifted.address - 16
    same(tl.from_dlpack(shifted), values[1:], 0)
    endless = Exported(values, deleter=None)  # memory without a deleter
    same(tl.from_dlpack(endless), values, 0)
    assert endless.given_back == 0


@check
def memory_without_elements_is_not_kept(rng):
    empty = np.zeros((2, 0, 3), np.float32)
    same(tl.asarray(Described(empty, data=(0, False))), empty, 0)
    array = Exported(empty, data=0)
    same(tl.from_dlpack(array), empty, 0)
    assert array.given_back == 1  # by the capsule, which was not consumed


@check
def shared_memory_is_kept_while_it_is_used_and_not_reused(rng):
    from tensorlab_cuda import allocator, driver

    values = real(rng, 43)
    array = Described(values)
    owner, place = weakref.ref(array), array.address
    tensor = tl.asarray(array)[1:]
    del array
    same(tensor, values[1:], 0)
    assert owner() is not None
    with counted(driver, ("synchronize",)) as calls:
        del tensor
    assert owner() is None
    assert calls["synchronize"] == 1  # kernels that read it finish before it is returned
    assert all(kept != place for shelf in allocator._shelves.values() for _, kept in shelf)


@check
def forked_child_returns_no_memory(rng):
    array = Exported(real(rng, 3))
    tensor = tl.from_dlpack(array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a warning about forking with threads
        child = os.fork()
    if not child:
        del tensor
        os._exit(array.given_back)
    assert os.waitpid(child, 0)[1] == 0
    del tensor
    assert array.given_back == 1


@check
def read_only_memory_is_not_written(rng):
    values = real(rng, 5)
    array = Described(values)
    array.__cuda_array_interface__["data"] = (array.address, True)
    variable = tl.Variable(array)
    tensor = tl.asarray(array)
    variable.assign_add(tensor)
    variable.assign(tensor)
    tl.optimizers.SGD(learning_rate=1.0).apply_gradients([(tensor, variable)])
    same(variable, np.zeros(5, np.float32), 0)
    assert np.array_equal(array.memory.copy_to_host(), values)


@check
def streams_are_synchronized_as_the_protocols_require(rng):
    from tensorlab_cuda import driver

    values, config = real(rng, 3), driver.settings()
    plain = getattr(config, "CUDA_PER_THREAD_DEFAULT_STREAM", 0)
    try:
        for each_thread, own in ((0, 1), (1, 2)):
            config.CUDA_PER_THREAD_DEFAULT_STREAM = each_thread
            for stream in (None, 1, 2, 0x7F0012345678):
                with counted(driver, ("synchronize",)) as calls:
                    tensor = tl.asarray(Described(values, stream=stream))
                assert calls["synchronize"] == (stream not in (None, own)), (each_thread, stream)
                del tensor
            array = Exported(values)
            with counted(driver, ("synchronize",)) as calls:
                tensor = tl.from_dlpack(array)
            assert array.asked == {"stream": own, "max_version": (1, 0)}  # the other library synchronizes the streams
            assert not calls["synchronize"]
            del tensor
    finally:
        config.CUDA_PER_THREAD_DEFAULT_STREAM = plain


@check
def later_writes_do_not_change_gradients(rng):
    from tensorlab_cuda import driver

    values = real(rng, 2, 3)
    for make in (Described, Exported):
        for read in (lambda x: x, lambda x: x[:, 1:], tl.matrix_transpose):
            array = make(values)
            x = tl.asarray(array)
            array.write(7)
            same(x, np.full((2, 3), 7, np.float32), 0)  # memory is shared
            array.write(3)
            part, held = read(x), x[None]
            with tl.GradientTape() as tape, counted(driver, ("synchronize",)) as calls:
                tape.watch(part)
                y = part * part
            assert calls["synchronize"] == 1  # the copy is complete before the host continues
            array.write(5)
            same(tape.gradient(y, part), np.full(part.shape, 6, np.float32), 0)
            same(part, np.full(part.shape, 3, np.float32), 0)
            same(held, np.full(held.shape, 5, np.float32), 0)


@check
def explicit_device_moves_an_array(rng):
    values = real(rng, 2, 3)
    for array in (Described(values.T), Exported(values.T)):
        for copy in (None, True):
            moved = tl.asarray(array, device="cpu", copy=copy)
            assert moved.device == "cpu"
            assert np.array_equal(moved.numpy(), values.T)
        with tl.device("cpu"):
            assert tl.asarray(array, device="cuda").device == "cuda"
        same(tl.asarray(array, dtype="float64"), values.T.astype(float), 0)
        for options, message in (
            ({"device": "cpu"}, "float32 on 'cuda' with copy=False, received dtype None, device 'cpu'"),
            ({"dtype": "float64"}, "float32 on 'cuda' with copy=False, received dtype float64, device 'cuda'"),
        ):
            with pytest.raises(ArgumentError, match=rf"^asarray: expected {message}$"):
                tl.asarray(array, copy=False, **options)
    assert tl.from_dlpack(array, device="cpu").device == "cpu"
    with pytest.raises(ArgumentError, match=r"^from_dlpack: expected device 'cuda' with copy=False, received 'cpu'$"):
        tl.from_dlpack(array, device="cpu", copy=False)
    with tl.device("cpu"):
        assert tl.from_dlpack(array).device == "cuda"  # the array's device, as in the standard


@check
def arrays_are_not_moved_implicitly(rng):
    values = real(rng, 3)
    kinds = {"Described": Described(values), "Exported": Exported(values)}
    with tl.device("cpu"):
        weight = tl.Variable(values)
        model = tl.Sequential([layers.Dense(2)])
        model(np.ones((1, 3), np.float32))
    for kind, array in kinds.items():
        uses = {
            "add": lambda array=array: tl.add(weight, array),
            "matmul": lambda array=array: tl.matmul(weight, array),
            "assign to 'variable'": lambda array=array: weight.assign(array),
            "Sequential": lambda array=array: model(array),
        }
        for who, use in uses.items():
            with pytest.raises(
                DeviceError,
                match=rf"^{who}.*: expected an array on 'cpu', received a cuda_libraries\.{kind} on 'cuda'; "
                r"move it with tl\.asarray\(x, device='cpu'\)$",
            ):
                use()
        for who, use in (("asarray", tl.asarray), ("exp", tl.exp)):
            with (
                tl.device("cpu"),
                pytest.raises(DeviceError, match=rf"^{who}: expected an array on 'cpu', .*; move it with tl\.asarray"),
            ):
                use(array)
        same(tl.add(on(values), array), values + values)
        same(tl.exp(array), np.exp(values))
        with tl.device("cuda"):
            same(tl.multiply(array, array), values * values)


@check
def models_accept_arrays_of_other_libraries(rng):
    from tensorlab_cuda import driver, fit_persistent

    x, y = real(rng, 7, 5), rng.integers(0, 3, 7)
    results = []
    for make in (lambda values: values, Described, Exported):
        tl.random.set_seed(1)
        with tl.device("cuda"):
            model = tl.Sequential([layers.Dense(3, activation="softmax")])
            model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        given = make(x), make(y)
        with tl.device("cuda"), counted(driver) as calls:
            model.fit(*given, batch_size=4, epochs=2, verbose=0)
        sent = calls["copy_to_device"]
        fit_persistent(model, *given, batch_size=4, epochs=1)
        results.append([*model.get_weights(), model.predict(given[0]), *model.evaluate(*given, verbose=0)])
    assert sent <= 4  # weights and orders, not the data
    for other in results[1:]:
        for expected, received in zip(results[0], other, strict=True):
            assert np.array_equal(received, expected)


@check
def arrays_of_pytorch_and_cupy_are_shared(rng):
    from tensorlab_cuda import driver

    if driver.simulated():
        return  # neither library supports the simulator
    values = real(rng, 4, 6)
    try:
        import torch
    except ImportError:
        torch = None
    if torch is not None and torch.cuda.is_available():
        theirs = torch.from_numpy(values).cuda().T[1:]
        for convert in (tl.asarray, tl.from_dlpack):
            tensor = convert(theirs)
            same(tensor, values.T[1:], 0)
            assert address(tensor) == theirs.data_ptr()
        theirs.fill_(2)
        same(tensor, np.full((5, 4), 2, np.float32), 0)
        with pytest.raises(ArgumentError, match=r"received torch\.Tensor; .*require gradient"):
            tl.asarray(torch.ones(2, device="cuda", requires_grad=True))
        with pytest.raises(DTypeError, match=r"received torch\.float16; convert it first"):
            tl.asarray(torch.ones(2, device="cuda", dtype=torch.float16))
    try:
        import cupy
    except ImportError:
        return
    theirs = cupy.asarray(values)[::-1]
    for convert in (tl.asarray, tl.from_dlpack):
        tensor = convert(theirs)
        same(tensor, values[::-1], 0)
        assert address(tensor) == theirs.data.ptr

"""`tl.debug.check_numerics` names the first layer, step and index with a value that is NaN or infinite."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import NonFiniteError
from tensorlab.layers import Dense

X = np.random.default_rng(5).uniform(0.5, 1.5, (12, 3)).astype("float32")
Y = np.ones((12, 2), "float32")


def make(*layers: Any, optimizer: Any = None) -> Any:
    model = tl.Sequential([Dense(4, name="first"), *layers, Dense(2, name="last")], name="net")
    model.compile(optimizer or tl.optimizers.SGD(0.01), "mse")
    model.build((None, 3))
    return model


def raised(run: Any) -> str:
    with pytest.raises(NonFiniteError) as caught, tl.debug.check_numerics():
        run()
    return str(caught.value)


def test_first_layer_with_a_non_finite_output_is_named() -> None:
    inner = tl.Sequential([Dense(4, name="deep"), tl.layers.ReLU()], name="inner")
    model = make(inner)
    kernel = inner.layers[0].kernel
    values = kernel.numpy() + np.float32(0.0)
    values[2, 1] = 3e38
    kernel.assign(values)
    first = X * 1e3
    with np.errstate(over="ignore"):
        row, column = np.argwhere(~np.isfinite(first @ model.layers[0].kernel.numpy() @ values))[0]
    said = raised(lambda: model(first))
    assert said.startswith("Dense 'deep' of Sequential 'inner' of Sequential 'net': expected finite outputs, received ")
    assert said.endswith(f"inf at index ({row}, {column}) of float32 of shape (12, 4)")
    assert raised(lambda: model.predict(first, verbose=0)).split(", received")[0] == said.split(", received")[0]


def test_broken_weight_and_inputs_are_named() -> None:
    model = make()
    bias = model.layers[1].bias
    bias.assign([0.0, np.nan])
    said = raised(lambda: model(X))
    assert said == (
        "Dense 'last' of Sequential 'net': expected finite outputs, received nan at index (0, 1) of float32 of shape "
        f"(12, 2); its weight {bias.name!r} is not finite"
    )
    assert raised(lambda: make()(X * np.inf)).endswith("its inputs are not finite")


def test_first_non_finite_gradient_is_named_with_its_step() -> None:
    """The derivative of a square root at 0 is infinite. The third sample is 0."""

    class Root(tl.layers.Layer):
        def call(self, x: tl.Tensor) -> tl.Tensor:
            return tl.sqrt(tl.maximum(x, 0.0))

    x = np.array([[1.0], [1.0], [0.0]], "float32")
    model = tl.Sequential(
        [Dense(1, use_bias=False, kernel_initializer="ones", name="only"), Root(name="root")], name="net"
    )
    model.compile("sgd", "mse")
    said = raised(lambda: model.fit(x, x, batch_size=1, shuffle=False, verbose=0))
    assert said.startswith("Root 'root' of Sequential 'net' at step 3: expected a finite gradient, received ")
    assert said.endswith(" at index (0, 0) of float32 of shape (1, 1)")
    assert model.optimizer.iterations == 0
    assert not model.built


def test_gradient_of_a_weight_is_named() -> None:
    with tl.GradientTape() as tape, tl.debug.check_numerics():
        v = tl.Variable(np.zeros(3, "float32"), name="v")
        y = tl.sum(tl.sqrt(v))
    with pytest.raises(
        NonFiniteError,
        match=r"^an operation outside of layers: expected a finite gradient of the weight "
        r"'v', received inf at index \(0,\) of float32 of shape \(3,\)$",
    ):
        tape.gradient(y, v)


def test_loss_is_named() -> None:
    model = tl.Sequential([Dense(1, use_bias=False, kernel_initializer="ones")], name="net")
    model.compile("sgd", lambda y, p: tl.mean(tl.log(p)) + 0.0 * tl.mean(y))
    x = np.array([[1.0], [0.0]], "float32")
    said = raised(lambda: model.fit(x, x, batch_size=1, shuffle=False, verbose=0))
    assert said == (
        "loss of Sequential 'net' at step 2: expected a finite number, received -inf of float32; the outputs of all "
        "layers are finite"
    )


def test_weight_that_overflows_is_named() -> None:
    model = make(optimizer=tl.optimizers.SGD(1e38))
    said = raised(lambda: model.train_on_batch(X, 1e6 * Y))
    assert said.startswith("SGD at step 1: expected a finite weight 'first/kernel', received ")
    assert said.endswith(" of float32 of shape (3, 4); lower the learning rate; its gradient was finite")


def test_checks_change_no_bits_and_end_with_the_block() -> None:
    results = []
    for checking in (False, True):
        tl.utils.set_random_seed(3)
        model = make(tl.layers.Dropout(0.5))

        def run(model: Any = model) -> Any:
            history = model.fit(X, Y, batch_size=2, epochs=4, verbose=0).history
            return history, model.predict(X, verbose=0).tolist(), model.evaluate(X, Y, verbose=0)

        results.append(tl.debug.check_numerics()(run)() if checking else run())
    assert results[0] == results[1]
    assert model.training_plan.reason == "disable_jit is in effect"
    model.layers[0].bias.assign([np.inf, 0, 0, 0])
    assert not np.isfinite(model(X).numpy()).all()


def test_blocks_nest_and_belong_to_a_thread() -> None:
    model = make()
    model.layers[0].bias.assign([np.inf, 0, 0, 0])
    found: list[bool] = []
    with tl.debug.check_numerics():
        with tl.debug.check_numerics():
            pass
        thread = threading.Thread(target=lambda: found.append(bool(np.isfinite(model(X).numpy()).all())))
        thread.start()
        thread.join()
        with pytest.raises(NonFiniteError, match=r"^Dense 'first' of Sequential 'net': expected finite outputs"):
            model(X)
    assert found == [False]


def test_integers_and_structures_are_taken() -> None:
    class Two(tl.layers.Layer):
        def call(self, x: tl.Tensor) -> Any:
            return {"a": tl.argmax(x, axis=-1), "b": [x, x / 0.0]}

    assert raised(lambda: Two(name="two")(X)).startswith(
        "Two 'two': expected finite outputs, received inf at index (0, 0)"
    )


class Failing(tl.layers.Layer):
    def call(self, x: tl.Tensor) -> tl.Tensor:
        raise ZeroDivisionError("of a layer")


def watched(model: Any) -> bool:
    """Return whether a non-finite value is found in this thread."""
    try:
        model(X)
    except NonFiniteError:
        return True
    return False


def broken() -> Any:
    model = make()
    model.layers[0].bias.assign([np.inf, 0, 0, 0])
    return model


def test_exceptions_inside_of_a_block_end_it() -> None:
    model = broken()

    def interrupted() -> None:
        raise KeyboardInterrupt

    failing = tl.Sequential([Failing()])
    for error, run in (
        (ZeroDivisionError, lambda: failing(X)),
        (KeyboardInterrupt, interrupted),
        (NonFiniteError, lambda: model.predict(X, verbose=0)),
    ):
        with pytest.raises(error), tl.debug.check_numerics(), tl.debug.check_numerics():
            run()
        assert not watched(model)
    model.layers[0].bias.assign([0, 0, 0, 0])
    model.fit(X, Y, batch_size=2, epochs=30, verbose=0)
    assert model.training_plan.reason == ""


def test_blocks_may_end_in_any_order_and_in_another_thread() -> None:
    model = broken()
    first, second = tl.debug.check_numerics(), tl.debug.check_numerics()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert watched(model)
    second.__exit__(None, None, None)
    assert not watched(model)

    def abandoned() -> Any:
        with tl.debug.check_numerics():
            yield

    block, found = abandoned(), []
    next(block)

    def end() -> None:
        block.close()
        found.append(watched(model))

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()
    assert [*found, watched(model)] == [False, False]
    model.layers[0].bias.assign([0, 0, 0, 0])
    model.fit(X, Y, batch_size=2, epochs=30, verbose=0)  # a block that is left does not keep plans off either
    assert model.training_plan.reason == ""


def test_blocks_in_many_threads_are_independent() -> None:
    models = [broken() if number % 2 else make() for number in range(8)]
    barrier, found = threading.Barrier(8), [False] * 8

    def run(number: int) -> None:
        for _ in range(5):
            barrier.wait()
            if number % 4 < 2:
                with tl.debug.check_numerics():
                    found[number] = watched(models[number])
            else:
                found[number] = watched(models[number])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [False, True, False, False] * 2


def test_a_block_takes_no_arguments() -> None:
    wrong: Any = tl.debug.check_numerics
    for given in (1, None, "layer", make()):
        with pytest.raises(TypeError, match=r"check_numerics\(\) takes 0 positional arguments but 1 was given"):
            wrong(given)
    with pytest.raises(TypeError, match="unexpected keyword argument 'stack_height_limit'"):
        wrong(stack_height_limit=30)
    block = tl.debug.check_numerics()
    with block:
        pass
    with pytest.raises((RuntimeError, AttributeError)), block:  # a block of contextlib is entered once
        pass
    assert not watched(broken())


def test_training_inside_of_a_callback_inside_of_a_block() -> None:
    class Nested(tl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            inner = broken()
            with tl.debug.check_numerics(), pytest.raises(NonFiniteError, match=r"^Dense 'first' of Sequential 'net'"):
                inner.fit(X, Y, verbose=0)

    model = make()
    with tl.debug.check_numerics():
        history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[Nested()]).history
        assert watched(broken())
    assert np.isfinite(history["loss"]).all()

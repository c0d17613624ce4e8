"""The CUDA backend on a GPU: maps and reductions against a copy, products and epochs against PyTorch, weights against
the CPU's.

    python tests/benchmarks/bench_cuda.py [--only matmul] [--epochs 5]

What computes little is as fast as its memory, so its share of a device-to-device copy's bandwidth, measured in the same
run, says how good it is. A product is compared with PyTorch's in full float32 (TF32 switched off), an epoch of the
book's network with PyTorch's on data that is on the GPU already. PyTorch is left out where it is not installed or finds
no GPU. Real MNIST is used where it can be had, else random bytes, which take as long.

Exit status: 0; 2 without a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tensorlab as tl

MEGA = 1 << 20
ROUNDS = 7
Line = tuple[str, str]


def seconds(run: Callable[[], Any], synchronize: Callable[[], None]) -> float:
    """The median time of a call, of calls that are started one after the other and waited for once."""
    run()
    synchronize()
    start = time.perf_counter()
    run()
    synchronize()
    count = max(1, min(200, int(0.05 / (time.perf_counter() - start))))
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(count):
            run()
        synchronize()
        taken.append((time.perf_counter() - start) / count)
    return statistics.median(taken)


def bandwidths(backend: Any) -> Iterator[Line]:
    """Maps, reductions, softmax and an optimizer's step, as shares of the bandwidth of a copy."""
    rows, columns = 16_384, 4096
    x = tl.asarray(np.random.default_rng(0).standard_normal((rows, columns), np.float32))
    row, size = x[0], x.size * 4
    copying = 2 * size / seconds(lambda: backend.copy(x._buffer), backend.synchronize)
    yield "copy of 256 MB", f"{copying / 1e9:8.0f} GB/s"
    variable = tl.Variable(x)
    step = tl.optimizers.RMSprop()
    cases: list[tuple[str, int, Callable[[], Any]]] = [
        ("x + x", 2, lambda: x + x),
        ("x + row", 2, lambda: x + row),
        ("tanh(x)", 2, lambda: tl.tanh(x)),
        ("exp(x) of a transposed x", 2, lambda: tl.exp(tl.matrix_transpose(x))),
        ("sum(x)", 1, lambda: tl.sum(x)),
        ("sum(x, axis=1)", 1, lambda: tl.sum(x, axis=1)),
        ("sum(x, axis=0)", 1, lambda: tl.sum(x, axis=0)),
        ("argmax(x, axis=1)", 1, lambda: tl.argmax(x, axis=1)),
        ("softmax(x)", 2, lambda: tl.softmax(x)),
        ("cumulative_sum(x, axis=1)", 2, lambda: tl.cumulative_sum(x, axis=1)),
        ("RMSprop's step", 5, lambda: step.apply_gradients([(x, variable)])),
    ]
    for name, passes, run in cases:
        speed = passes * size / seconds(run, backend.synchronize)
        yield name, f"{speed / 1e9:8.0f} GB/s, {speed / copying:5.2f} of a copy"
    small = x[:10, :10]
    yield "x + x of 100 elements", f"{seconds(lambda: small + small, backend.synchronize) * 1e6:8.1f} µs a call"
    pairs = [(tl.ones((10, 10)), tl.Variable(tl.zeros((10, 10)))) for _ in range(32)]
    taken = seconds(lambda: step.apply_gradients(pairs), backend.synchronize)
    yield "a step of 32 small weights", f"{taken * 1e6:8.1f} µs a call"


def products(backend: Any, torch: Any) -> Iterator[Line]:
    """Matrix products in float32."""
    for m, k, n, turned in [
        *((4096, 4096, 4096, False), (4096, 4096, 4096, True)),
        *((4096, 784, 512, False), (128, 784, 512, False), (784, 128, 512, True)),
    ]:
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((m, k), np.float32), rng.standard_normal((k, n), np.float32)
        x, y = tl.asarray(a), tl.asarray(b)
        if turned:  # the same values, a column after the other
            x = tl.matrix_transpose(tl.asarray(a.T.copy()))
        ours = seconds(lambda x=x, y=y: x @ y, backend.synchronize)
        text = f"{2 * m * k * n / ours / 1e12:8.2f} TF/s"
        if torch is not None:
            s, t = torch.from_numpy(a).cuda(), torch.from_numpy(b).cuda()
            s = s.T.contiguous().T if turned else s
            theirs = seconds(lambda s=s, t=t: s @ t, torch.cuda.synchronize)
            worst = float((torch.from_numpy((x @ y).numpy()) - (s @ t).cpu()).abs().max())
            text += f", PyTorch {2 * m * k * n / theirs / 1e12:8.2f}, PyTorch / us {theirs / ours:5.2f}"
            text += f", largest difference {worst:.1e}"
        yield f"matmul {m}, {k}, {n}{', a turned' * turned}", text
    yield from rounded_products(backend, torch)


def rounded_products(backend: Any, torch: Any) -> Iterator[Line]:
    """Products of rounded numbers: on tensor cores."""
    from tensorlab_cuda import matmul_precision

    size = 4096
    a, b = np.random.default_rng(0).standard_normal((2, size, size), np.float32)
    x, y = tl.asarray(a), tl.asarray(b)
    for precision in ("tf32", "float16", "bfloat16"):
        with matmul_precision(precision):
            ours = seconds(lambda: x @ y, backend.synchronize)
        text = f"{2 * size**3 / ours / 1e12:8.2f} TF/s"
        if torch is not None:
            half = getattr(torch, precision, torch.float32)
            s, t = (torch.from_numpy(matrix).cuda().to(half) for matrix in (a, b))
            torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
            theirs = seconds(lambda s=s, t=t: s @ t, torch.cuda.synchronize)
            torch.backends.cuda.matmul.allow_tf32 = False
            text += f", PyTorch {2 * size**3 / theirs / 1e12:8.2f}, PyTorch / us {theirs / ours:5.2f}"
        yield f"matmul {size}³ in {precision}", text


def load() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Training images and labels."""
    try:
        (x, y), _ = tl.datasets.mnist.load_data(timeout=10)
    except tl.errors.DatasetError:
        print("MNIST cannot be had: random bytes instead")
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (60_000, 28, 28), np.uint8), rng.integers(0, 10, 60_000).astype(np.uint8)
    return x.reshape(-1, 784).astype("float32") / 255, y


def torch_epoch(torch: Any, x: Any, y: Any, batch_size: int) -> Callable[[], None]:
    """An epoch of PyTorch, which also reports its loss and accuracy, as `fit` does, when it is over."""
    images, labels = torch.from_numpy(x).cuda(), torch.from_numpy(y).long().cuda()
    nn = torch.nn
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10)).cuda()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
    loss_function = nn.CrossEntropyLoss()

    def epoch() -> None:
        total = right = torch.zeros((), device="cuda")
        for batch in torch.randperm(len(images), device="cuda").split(batch_size):
            outputs = model(images[batch])
            loss = loss_function(outputs, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total = total + loss.detach() * len(batch)
            right = right + (outputs.argmax(1) == labels[batch]).sum()
        total.item(), right.item()

    return epoch


def network() -> tl.Sequential:
    """The book's."""
    tl.utils.set_random_seed(0)
    model = tl.Sequential([tl.layers.Dense(512, activation="relu"), tl.layers.Dense(10, activation="softmax")])
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def agreement() -> Iterator[Line]:
    """How far the CPU's weights are from the device's after 100 steps of the book's network, from one seed."""
    x, y = load()
    weights = []
    for device in ("cuda", "cpu"):
        with tl.device(device):
            model = network()
            model.fit(x[:12_800], y[:12_800], batch_size=128, verbose=0)
        weights.append(model.get_weights())
    worst = max(float(np.abs(here - there).max()) for here, there in zip(*weights, strict=True))
    yield "a weight after 100 steps", f"{worst:8.1e} the largest difference from the CPU's"


def compared(runs: dict[str, Callable[[], Any]], count: int) -> str:
    """The times of epochs, which take turns, and their ratios to the first of them; each has a first time, too."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(count + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    (us, ours), *others = taken.items()
    text = f"{statistics.median(ours[1:]):8.3f} s (the first: {ours[0]:.2f} s)"
    for name, theirs in others:
        ratio = statistics.median(b / a for a, b in zip(ours[1:], theirs[1:], strict=True))
        text += f", {name} {statistics.median(theirs[1:]):.3f} s, {name} / {us} {ratio:.2f}"
    return text


def epochs(torch: Any, count: int) -> Iterator[Line]:
    """Epochs of the book's network."""
    x, y = load()
    images, labels = tl.asarray(x), tl.asarray(y)
    for size in (128, 4096):
        model = network()
        runs = {"us": lambda model=model, size=size: model.fit(images, labels, batch_size=size, verbose=0)}
        if torch is not None:
            runs["PyTorch"] = torch_epoch(torch, x, y, size)
        yield f"an epoch, batches of {size}", compared(runs, count)


def persistent(torch: Any, count: int) -> Iterator[Line]:
    """Epochs of the book's network in one launch."""
    from tensorlab_cuda import fit_persistent

    x, y = load()
    images, labels = tl.asarray(x), tl.asarray(y)
    alone, plain = network(), network()
    runs: dict[str, Callable[[], Any]] = {
        "us": lambda: fit_persistent(alone, images, labels, batch_size=128),
        "fit": lambda: plain.fit(images, labels, batch_size=128, verbose=0),
    }
    if torch is not None:
        runs["PyTorch"] = torch_epoch(torch, x, y, 128)
    yield "an epoch in one launch", compared(runs, count)


def pytorch() -> Any:
    """PyTorch with a GPU and in full float32, or None."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: no comparison with it")
        return None
    if not torch.cuda.is_available():
        print(f"PyTorch {torch.__version__} finds no GPU: no comparison with it")
        return None
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return torch


def main() -> int:
    """Run the benchmark.

    Returns:
        the exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("bandwidth", "matmul", "agreement", "epoch", "persistent"))
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    try:
        with tl.device("cuda") as backend:
            print(backend.about)
            if backend.device.name == "simulator":
                parser.error("the simulator's times mean nothing: unset NUMBA_ENABLE_CUDASIM")
            torch = pytorch()
            for name, lines in {
                "bandwidth": bandwidths(backend),
                "matmul": products(backend, torch),
                "agreement": agreement(),
                "epoch": epochs(torch, options.epochs),
                "persistent": persistent(torch, options.epochs),
            }.items():
                if options.only in (None, name):
                    for title, text in lines:
                        print(f"{title:28} {text}", flush=True)
    except tl.errors.UnknownNameError:
        parser.error('tensorlab-cuda is not installed: pip install "./cuda[cu13]" (or [cu12])')
    except tl.errors.DeviceError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""List the CPU kernels that operations and training steps can need, without compiling one and without Numba.

The list is made from objects: operations, rules of reductions, scans and rows, activations and optimizer rules. Each
kind has a function below, which knows for which dtypes its callers use it. Tests compare the list with the kernels that
operations do load.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

from tensorlab import dtypes, layers, linalg, losses, metrics, ops, optimizers, random, regularizers
from tensorlab.activations import Activation
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, DTypeError
from tensorlab.kernels import catalogue
from tensorlab.losses import LossRule
from tensorlab.ops.arithmetic import add, multiply, subtract
from tensorlab.ops.casting import conversion
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.nn import biased
from tensorlab.optimizers import OptimizerRule
from tensorlab.optimizers.rule import Rule
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction
from tensorlab.tensor import Tensor

__all__ = ["Kernel", "built_in_kernels", "kernels_of"]

_SOURCES = (ops, linalg, random, losses, optimizers, regularizers, layers, metrics)


@dataclass(frozen=True)
class Kernel:
    """A kernel that may be compiled already or not.

    Attributes:
        name: the name of its scalar function or rule, or what it is for.
        maker: the name of the function that makes it, relative to `tensorlab.kernels`.
        arguments: the arguments of that function.
        arrays: the dtypes of its arrays, inputs first.
    """

    name: str
    maker: str
    arguments: tuple[Any, ...]
    arrays: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The key under which it is stored, in the process and on disk."""
        from tensorlab.kernels.runtime import library

        return library.key_of(self.maker, self.arguments)

    @property
    def where(self) -> str:
        """Where the kernel is found: "stored" in the kernel cache, "shipped" with a package, or an empty string."""
        from tensorlab.kernels.runtime import cache, shipped

        return "stored" if cache.contains(self.key) else "shipped" if shipped.contains(self.key) else ""

    def load(self) -> Callable[..., Any]:
        """Return the kernel. Load or compile it if this process does not have it yet."""
        return catalogue.Maker(self.maker)(*self.arguments)


def built_in_kernels(dtypes: Iterable[Any] | None = None, order: int = 1) -> Iterator[Kernel]:
    """Yield each kernel that the built-in operations, activations, losses and optimizers can need on this machine.

    Args:
        dtypes: the dtypes of arrays; only kernels whose arrays all have one of them are listed. A program usually needs
            more than its data have: bool for comparisons, int64 for indices, and float64 for the mean of integers and
            for gradients of products. None for all dtypes.
        order: up to which order gradients are taken.

    Raises:
        DTypeError: for an unknown dtype.
        ArgumentError: for a negative order.

    Example:
        >>> from tensorlab.kernel_list import built_in_kernels
        >>> [kernel.arrays for kernel in built_in_kernels(["float32"]) if kernel.name == "sinh"]
        [('float32', 'float32')]
    """
    chosen = _chosen(dtypes, order)
    objects = [_of_object(thing, chosen, order) for thing in _built_in_objects()]
    return _listed([_of_the_runtime(chosen), *objects], chosen)


def kernels_of(objects: Iterable[object], dtypes: Iterable[Any] | None = None, order: int = 1) -> Iterator[Kernel]:
    """Yield each kernel that some operations, activations, losses or optimizers can need, such as those of a plugin.

    Args:
        objects: elementwise operations, among them activations; `LossRule` and `OptimizerRule`. Others are ignored, as
            their kernels are those of the operations that they call.
        dtypes: as in `built_in_kernels`.
        order: as in `built_in_kernels`.

    Raises:
        DTypeError: for an unknown dtype.
        ArgumentError: for a negative order.
    """
    chosen = _chosen(dtypes, order)
    return _listed([_of_object(thing, chosen, order) for thing in objects], chosen)


def _chosen(names: Iterable[Any] | None, order: int) -> list[DType]:
    """Return the dtypes, after checking both arguments."""
    if order < 0:
        raise ArgumentError("kernel list", "an order of at least 0", str(order))
    return [dtypes.as_dtype(name, "kernel list") for name in (dtypes.NAMES if names is None else names)]


def _listed(parts: Iterable[Iterator[Kernel]], chosen: Sequence[DType]) -> Iterator[Kernel]:
    """Yield each kernel for arrays of some dtypes once, after the drivers that it calls."""
    names = {dtype.name for dtype in chosen}
    listed = set()
    for kernel in chain.from_iterable(parts):
        if names.issuperset(kernel.arrays):
            for each in (*_DRIVERS.get(kernel.maker, ()), kernel):
                if each.key not in listed:
                    listed.add(each.key)
                    yield each


def _built_in_objects() -> Iterator[object]:
    """Yield the globals of the modules that define operations and rules."""
    packages = tuple(package.__name__ for package in _SOURCES)
    names = [name for name in list(sys.modules) if name.startswith(packages)]
    for name in [*names, Activation.__module__]:
        yield from vars(sys.modules[name]).values()


def _of_object(thing: object, chosen: Sequence[DType], order: int) -> Iterator[Kernel]:
    if isinstance(thing, Elementwise):
        yield from _of_operation(thing, chosen, order)
        if isinstance(thing, Activation):
            yield from _of_activation(thing, chosen, order)
    elif isinstance(thing, LossRule):
        yield from _of_operation(thing.operation, chosen, order)
    elif isinstance(thing, OptimizerRule):
        yield from _of_rule(thing.rule, chosen)
    elif isinstance(thing, Rule):  # of a built-in optimizer, which can decay weights too
        yield from _of_rule(thing, chosen)
        if "learning_rate" in thing.hyperparameters:
            yield from _of_rule(thing.decayed(), chosen)
    elif isinstance(thing, Reduction):
        for own in chosen:
            for compute, output in _REDUCTIONS[thing.name](own, chosen):
                arguments = (thing, compute.name, own.name, output.name)
                yield _kernel(catalogue.reduce_kernel, thing.name, arguments, own, output)
    elif isinstance(thing, Rowwise):
        inputs = thing.output.arity - len(thing.reductions) - 1
        for dtype in _real(chosen):
            yield _kernel(catalogue.rowwise_kernel, thing.name, (thing, dtype.name, inputs), dtype)
    elif isinstance(thing, Scan):
        yield from _of_scan(thing, chosen)


def _of_rule(rule: Rule, chosen: Sequence[DType]) -> Iterator[Kernel]:
    for dtype in _real(chosen):
        for maker in (catalogue.update_kernel, catalogue.outer_update_kernel):
            yield _kernel(maker, rule.scalar.name, (rule.scalar, dtype.name, len(rule.slots)), dtype)


def _name(maker: Any) -> str:
    return str(maker.name)


def _kernel(maker: Any, name: str, arguments: tuple[Any, ...] = (), *arrays: DType) -> Kernel:
    return Kernel(name, _name(maker), arguments, tuple(dtype.name for dtype in arrays))


def _map(
    name: str, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
) -> Kernel:
    """Return a kernel for the arguments of `Backend.map`."""
    names = (tuple(dtype.name for dtype in inputs), tuple(dtype.name for dtype in outputs))
    return _kernel(catalogue.map_kernel, name, (function, compute.name, *names), *inputs, *outputs)


_WINDOWS = (
    *("convolve_kernel", "convolve_images_kernel", "convolve_weights_kernel"),
    *("window_max_kernel", "window_spread_kernel", "window_sum_kernel"),
    *("winograd_kernel", "winograd_weights_kernel"),
)
_RUN = _kernel(catalogue.run_driver, "thread pool")
_RUNNING = (
    *("arg_reduce_kernel", "gather_kernel", "gather_map_kernel", "matmul_kernel", "outer_update_kernel"),
    *("reduce_kernel", "rowwise_kernel", "scan_kernel", "update_kernel"),
    *_WINDOWS,
)
_DRIVERS = {
    **{_name(getattr(catalogue, name)): (_RUN,) for name in _RUNNING},
    _name(catalogue.map_kernel): (_RUN, _kernel(catalogue.map_driver, "map driver")),
}
"""The drivers that a kernel calls, by its maker."""


def _stage(
    function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
) -> tuple[Any, ...]:
    """Return a stage of `gather_map_kernel` for the arguments of `Backend.map`; the other inputs are numbers."""
    return function, compute.name, tuple(dtype.name for dtype in inputs), outputs[0].name, 0


def _update(function: ScalarFunction, dtype: DType, slots: int) -> Kernel:
    return _kernel(catalogue.update_kernel, function.name, (function, dtype.name, slots), dtype)


def _real(chosen: Iterable[DType]) -> list[DType]:
    return [dtype for dtype in chosen if dtype.kind == "f"]


def _numbers(chosen: Iterable[DType]) -> list[DType]:
    return [dtype for dtype in chosen if dtype.kind != "b"]


def _of_operation(operation: Elementwise, chosen: Sequence[DType], order: int) -> Iterator[Kernel]:
    """Yield the kernels of an elementwise operation and of its gradients."""
    differentiable = False
    for dtype in chosen:
        try:
            compute = operation.compute(dtype)
        except DTypeError:
            continue
        loop = operation.loop(compute)
        yield _map(operation.__name__, *loop)
        differentiable = differentiable or loop[3][0].kind == "f"
    if differentiable and order:
        arity = operation.scalar.arity
        for found in map(operation.gradient_operation, range(arity)):
            if found is not None:
                yield from _of_operation(found[0], _real(chosen), order - 1)


def _of_activation(activation: Activation, chosen: Sequence[DType], order: int) -> Iterator[Kernel]:
    """Yield the kernels of a dense layer with an activation, with and without bias."""
    for operands, epilogue in enumerate((activation, biased(activation))):
        yield from (_epilogue(epilogue.scalar, dtype, operands) for dtype in _real(chosen))
        if order:
            yield from _of_operation(epilogue.vjp(0), _real(chosen), order - 1)


def _epilogue(function: ScalarFunction, dtype: DType, operands: int) -> Kernel:
    return _kernel(catalogue.epilogue_kernel, function.name, (function, dtype.name, operands), dtype)


def _accumulated(own: DType, chosen: Sequence[DType]) -> Iterable[tuple[DType, DType]]:
    return [(output, output) for output in _numbers(chosen)]


def _mean(own: DType, chosen: Sequence[DType]) -> Iterable[tuple[DType, DType]]:
    return [(own, own) if own.kind == "f" else (dtypes.float64, dtypes.default_float)]


def _extreme(own: DType, chosen: Sequence[DType]) -> Iterable[tuple[DType, DType]]:
    return [(own, own)]


def _truth(own: DType, chosen: Sequence[DType]) -> Iterable[tuple[DType, DType]]:
    return [(own, own)] if own.kind == "b" else []


def _finite(own: DType, chosen: Sequence[DType]) -> Iterable[tuple[DType, DType]]:
    return [(own, dtypes.bool)] if own.kind == "f" else []


def _precise(own: DType, chosen: Sequence[DType]) -> Iterable[tuple[DType, DType]]:
    return [(dtypes.float64, own)] if own.kind == "f" else []


_REDUCTIONS = {
    "sum": _accumulated,
    "prod": _accumulated,
    "mean": _mean,
    "max": _extreme,
    "min": _extreme,
    "any": _truth,
    "all": _truth,
    "all_finite": _finite,
    "vector_norm": _precise,
}
"""For each reduction, what returns the dtypes of the computation and of the result for an argument of a dtype."""


def _of_scan(rule: Scan, chosen: Sequence[DType]) -> Iterator[Kernel]:
    inputs = rule.step.arity - len(rule.initial)
    pairs = product(chosen, _numbers(chosen)) if inputs == 1 else [(dtype, dtype) for dtype in _real(chosen)]
    for own, output in pairs:
        compute = dtypes.float64 if output.kind == "f" else output
        arguments = (rule, compute.name, (own.name,) * inputs, output.name)
        yield _kernel(catalogue.scan_kernel, rule.name, arguments, own, output)


def _of_the_runtime(chosen: Sequence[DType]) -> Iterator[Kernel]:
    """Yield the kernels that belong to no single operation."""
    from tensorlab.kernels.matmul.products import task_arguments
    from tensorlab.kernels.runtime import calls, functions

    yield _kernel(catalogue.worker_kernel, "thread pool")
    yield _kernel(catalogue.stop_kernel, "thread pool")
    yield _kernel(catalogue.call_kernel, "compiled calls", calls.slots(add, Tensor))
    for maker in (catalogue.product_kernel, catalogue.reduction_kernel):
        yield _kernel(maker, "compiled calls", calls.tensor_slots(Tensor, *functions.SLOTS))
    yield _kernel(catalogue.replay_kernel, "plans")
    yield _kernel(catalogue.gather_kernel, "gather")
    yield _kernel(catalogue.matmul_kernel, "matmul")
    for own, target in product(chosen, chosen):
        yield _map("astype", *conversion(own, target))
    for own, target in product(chosen, _real(chosen)):
        stages = [_stage(*conversion(own, target))]
        if own != target:
            yield _kernel(catalogue.gather_map_kernel, "gather", (tuple(stages),), own, target)
        stages += [_stage(*operation.loop(target)) for operation in (multiply, add)]  # of the layer Rescaling
        yield _kernel(catalogue.gather_map_kernel, "gather", (tuple(stages),), own, target)
    for dtype in _numbers(chosen):
        for rule in ("max", "min"):
            yield _kernel(catalogue.arg_reduce_kernel, f"arg{rule}", (rule, dtype.name), dtype, dtypes.int64)
        for arguments in task_arguments(dtype.name):
            yield _kernel(catalogue.task_kernel, f"matmul {arguments[0]}", arguments, dtype)
        yield from (_update(operation.scalar, dtype, 0) for operation in (add, subtract))  # of `Variable.assign_add`
    for dtype in _real(chosen):
        yield _epilogue(add.scalar, dtype, 1)
        for name in _WINDOWS:
            yield _kernel(getattr(catalogue, name), "windows", (dtype.name,), dtype)

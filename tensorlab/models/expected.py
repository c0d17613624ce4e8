"""The kernels that a run of a model will need, for `waiting.expecting`.

The list is made from the layers, the loss, the optimizer and the metrics, and runs none of their code. It contains what
most models need in float32. A kernel that is not listed is compiled when it is needed. One that is listed needlessly
takes time of a processor only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tensorlab import activations, dtypes
from tensorlab.backends.cpu_windows import suits_winograd
from tensorlab.dtypes import DType
from tensorlab.kernels import catalogue
from tensorlab.layers import Dense, Dropout, Layer
from tensorlab.layers.convolution import Activated, Conv2D
from tensorlab.layers.dropout import dropped
from tensorlab.layers.pooling import AveragePooling, MaxPooling
from tensorlab.layers.windows import Windowed
from tensorlab.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from tensorlab.losses.base import ElementwiseLoss
from tensorlab.metrics import Accuracy, BinaryAccuracy, CategoricalAccuracy, Metric, SparseCategoricalAccuracy
from tensorlab.metrics.losses import LossMetric
from tensorlab.ops import crossentropy
from tensorlab.ops.activations import LOG_SOFTMAX, SOFTMAX
from tensorlab.ops.arithmetic import add, divide, multiply
from tensorlab.ops.broadcasting import SUM
from tensorlab.ops.casting import conversion
from tensorlab.ops.comparison import equal, greater
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.nn import biased
from tensorlab.ops.probabilities import Sigmoid
from tensorlab.ops.reduction import ALL_FINITE, MEAN
from tensorlab.rules import Reduction, Rowwise
from tensorlab.waiting import Request
from tensorlab.windows import Windows

_KIND = dtypes.float32
"""The dtype of weights, and of the arrays of almost all kernels of a model."""


_LARGE = (32, 32)
"""The size of images that suit every kernel of a convolution."""


def expected_kernels(model: Any, run: str, labels: DType = dtypes.int64) -> Iterator[Request]:
    """Yield the makers and arguments of kernels, in about the order in which a run needs them.

    Args:
        model: the model.
        run: the method that runs it: "fit", "train_on_batch", "evaluate" or "predict".
        labels: the dtype of the targets.
    """
    from tensorlab.kernels.matmul.products import task_arguments

    trains = run in ("fit", "train_on_batch")
    layers = [layer for layer in _all_layers(model) if isinstance(layer, (Dense, Dropout, Windowed))]
    yield _reduce(ALL_FINITE, dtypes.bool)
    yield _request(catalogue.run_driver)
    yield _request(catalogue.worker_kernel)
    yield _request(catalogue.map_driver)
    if trains:
        yield _request(catalogue.gather_kernel)  # of the samples of a batch
    for layer in layers:
        yield from _of_layer(layer)
    yield _request(catalogue.matmul_kernel)
    for arguments in task_arguments(_KIND.name):
        yield _request(catalogue.task_kernel, *arguments)
    if run != "predict":
        yield _reduce(MEAN)
        yield _reduce(SUM)
        yield from _of_loss(model.loss, labels)
    if trains:
        yield _map(divide)
        yield from _of_gradient(model.loss)
        for layer in layers:
            yield from _of_gradient(layer)
        if model.optimizer is not None:
            rules = map(model.optimizer.rule_of, model.trainable_weights)
            for rule in dict.fromkeys(rules) or (model.optimizer.rule,):
                yield _request(catalogue.update_kernel, rule.scalar, _KIND.name, len(rule.slots))
    if run != "predict":
        for metric in model.metrics:
            yield from _of_metric(metric, model.loss, labels)
    yield _request(catalogue.replay_kernel)
    yield _request(catalogue.stop_kernel)


def _all_layers(model: Any) -> Iterator[Layer]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _all_layers(layer)


def _request(maker: Any, *arguments: Any) -> Request:
    return maker.name, arguments


def _map(operation: Elementwise, dtype: DType = _KIND) -> Request:
    return _loop(*operation.loop(operation.compute(dtype)))


def _loop(function: Any, compute: DType, inputs: Iterable[DType], outputs: Iterable[DType]) -> Request:
    names = tuple(dtype.name for dtype in inputs), tuple(dtype.name for dtype in outputs)
    return _request(catalogue.map_kernel, function, compute.name, *names)


def _convert(own: DType, target: DType) -> Iterator[Request]:
    if own != target:
        yield _loop(*conversion(own, target))


def _reduce(rule: Reduction, output: DType = _KIND) -> Request:
    return _request(catalogue.reduce_kernel, rule, _KIND.name, _KIND.name, output.name)


def _rowwise(rule: Rowwise) -> Request:
    return _request(catalogue.rowwise_kernel, rule, _KIND.name, 1)


def _fused(layer: Dense | Activated) -> Elementwise | None:
    """Return the operation that a layer fuses into its product or convolution."""
    activation = layer.activation
    if not isinstance(activation, Elementwise) or isinstance(activation, Sigmoid) or activation is activations.linear:
        return add if layer.use_bias else None
    return biased(activation) if layer.use_bias else activation


def _windows(*makers: Any) -> Iterator[Request]:
    return (_request(maker, _KIND.name) for maker in makers)


def _may_suit_winograd(layer: Activated) -> bool:
    """Return whether a convolution may use the kernels of `winograd`, if the number of its channels suits them."""
    if not isinstance(layer, Conv2D):
        return False
    size, strides, dilation = ((each[0], each[1]) for each in (layer.kernel_size, layer.strides, layer.dilation_rate))
    windows = Windows(size, strides, dilation, groups=layer.groups)
    channels = layer.kernel.shape[2] if layer.built else layer.filters
    return suits_winograd(windows, (1, *_LARGE, channels), layer.filters)


def _of_layer(layer: Layer) -> Iterator[Request]:
    if isinstance(layer, (Dense, Activated)):
        fused = _fused(layer)
        if fused is not None:
            yield _request(catalogue.epilogue_kernel, fused.scalar, _KIND.name, fused.scalar.arity - 1)
        if isinstance(layer.activation, Sigmoid):
            yield _map(layer.activation)
        elif layer.activation is activations.softmax:
            yield _rowwise(SOFTMAX)
        if isinstance(layer, Activated):
            yield from _windows(catalogue.convolve_kernel)
            if _may_suit_winograd(layer):
                yield from _windows(catalogue.winograd_kernel)
    elif isinstance(layer, MaxPooling):
        yield from _windows(catalogue.window_max_kernel)
    elif isinstance(layer, AveragePooling):
        yield from _windows(catalogue.window_sum_kernel)
        yield _map(multiply)
    elif isinstance(layer, Dropout):
        yield _map(dropped)


def _of_loss(loss: Loss | None, labels: DType) -> Iterator[Request]:
    if loss is not None:
        yield from _convert(labels, _KIND)
    if isinstance(loss, SparseCategoricalCrossentropy):
        yield _rowwise(LOG_SOFTMAX)
        yield _map(crossentropy.sparse_cost)
    elif isinstance(loss, CategoricalCrossentropy):
        yield _rowwise(LOG_SOFTMAX)
        yield _map(crossentropy.categorical_cost)
    elif isinstance(loss, ElementwiseLoss):
        yield _map(_term(loss))


def _term(loss: ElementwiseLoss) -> Elementwise:
    # a sigmoid before this loss keeps its logits, from which the loss is computed
    return crossentropy.binary_term_from_logits if isinstance(loss, BinaryCrossentropy) else loss.term


def _of_gradient(thing: Layer | Loss | None) -> Iterator[Request]:
    """Yield the kernels of the derivative of a layer or of a loss by its inputs."""
    if isinstance(thing, SparseCategoricalCrossentropy):
        yield _map(crossentropy.sparse_slope)
    elif isinstance(thing, CategoricalCrossentropy):
        yield _map(crossentropy.categorical_slope)
    elif isinstance(thing, Dropout):
        yield from _of_derivative(dropped, 0)
    elif isinstance(thing, ElementwiseLoss):
        yield from _of_derivative(_term(thing), 1)
    elif isinstance(thing, (Dense, Activated)):
        fused = _fused(thing)
        if fused is not None and fused is not add:
            yield _map(fused.vjp(0))
        if isinstance(thing, Activated):
            yield from _windows(catalogue.convolve_weights_kernel, catalogue.convolve_images_kernel)
            if _may_suit_winograd(thing):
                yield from _windows(catalogue.winograd_weights_kernel)
    elif isinstance(thing, (MaxPooling, AveragePooling)):
        yield from _windows(catalogue.window_spread_kernel)
        if isinstance(thing, AveragePooling):
            yield from _of_derivative(multiply, 0)


def _of_derivative(operation: Elementwise, argument: int) -> Iterator[Request]:
    found = operation.gradient_operation(argument)
    if found is not None:
        yield _map(found[0])


def _of_metric(metric: Metric, loss: Loss | None, labels: DType) -> Iterator[Request]:
    binary = isinstance(loss, BinaryCrossentropy)
    if isinstance(metric, LossMetric):
        yield from _of_loss(metric._loss, labels)
    elif isinstance(metric, BinaryAccuracy) or (isinstance(metric, Accuracy) and binary):
        yield _map(greater)
        yield _map(equal)
        yield from _convert(dtypes.bool, _KIND)
    elif isinstance(metric, (Accuracy, CategoricalAccuracy, SparseCategoricalAccuracy)):
        yield _request(catalogue.arg_reduce_kernel, "max", _KIND.name)
        if labels.kind != "f":  # otherwise they are probabilities
            yield from _convert(labels, dtypes.int64)
        yield _map(equal, dtypes.int64)
        yield from _convert(dtypes.bool, _KIND)

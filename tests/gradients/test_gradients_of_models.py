"""Gradients of all built-in activations, losses and layers, by their registered names.

They are compared with central differences in float64, to second order, and with PyTorch in float32. Losses are
differentiated with respect to the outputs, layers with respect to inputs and weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gradient_cases import Array, Rng, agree_with_pytorch, apart, check

import tensorlab as tl
from tensorlab.plugins import builtins
from tensorlab.testing.layer import LayerSubject

pytestmark = pytest.mark.usefixtures("reference")


def shares(rng: Rng, *shape: int) -> Array:
    numbers = rng.uniform(0.1, 1.0, shape)
    return numbers / numbers.sum(axis=-1, keepdims=True)


def signs(rng: Rng) -> Array:
    return rng.choice([-1.0, 1.0], (4, 3))


def probabilities(rng: Rng, *shape: int) -> Array:
    return rng.uniform(0.1, 0.9, shape)


F = "torch.nn.functional"
ACTIVATIONS = {
    "celu": f"{F}.celu(x)",
    "elu": f"{F}.elu(x)",
    "exponential": "torch.exp(x)",
    "gelu": f"{F}.gelu(x)",
    "hard_shrink": f"{F}.hardshrink(x)",
    "hard_sigmoid": f"{F}.hardsigmoid(x)",
    "hard_silu": f"{F}.hardswish(x)",
    "hard_swish": f"{F}.hardswish(x)",
    "hard_tanh": f"{F}.hardtanh(x)",
    "leaky_relu": f"{F}.leaky_relu(x, 0.2)",
    "linear": "1.0 * x",
    "log_sigmoid": f"{F}.logsigmoid(x)",
    "log_softmax": "x.log_softmax(-1)",
    "relu": "torch.relu(x)",
    "relu6": f"{F}.relu6(x)",
    "selu": f"{F}.selu(x)",
    "sigmoid": "torch.sigmoid(x)",
    "silu": f"{F}.silu(x)",
    "soft_shrink": f"{F}.softshrink(x)",
    "softmax": "x.softmax(-1)",
    "softplus": f"{F}.softplus(x)",
    "softsign": f"{F}.softsign(x)",
    "sparse_plus": "torch.where(x <= -1, 0 * x, torch.where(x >= 1, x, (x + 1) ** 2 / 4))",
    "sparse_sigmoid": "torch.clamp((x + 1) / 2, 0, 1)",
    "squareplus": "(x + torch.sqrt(x * x + 4)) / 2",
    "tanh": "torch.tanh(x)",
    "tanh_shrink": f"{F}.tanhshrink(x)",
    "threshold": f"{F}.threshold(x, 0, 0)",
}

LOSSES: dict[str, tuple[Callable[[Rng], Array], Callable[..., Array], str]] = {
    "mse": (lambda rng: rng.normal(size=(4, 3)), apart, f"{F}.mse_loss(x, target)"),
    "mae": (lambda rng: np.full((4, 3), 0.01), apart, f"{F}.l1_loss(x, target)"),
    "binary_crossentropy": (
        lambda rng: probabilities(rng, 4, 3),
        probabilities,
        f"{F}.binary_cross_entropy(x, target)",
    ),
    "categorical_crossentropy": (
        lambda rng: shares(rng, 4, 3),
        probabilities,
        "-(target * torch.log(x / x.sum(-1, keepdim=True))).sum(-1).mean()",
    ),
    "sparse_categorical_crossentropy": (
        lambda rng: rng.integers(0, 3, 4),
        shares,
        f"{F}.nll_loss(torch.log(x / x.sum(-1, keepdim=True)), target.long())",
    ),
    "categorical_hinge": (
        lambda rng: np.eye(3)[rng.integers(0, 3, 4)],
        probabilities,
        "(((1 - target) * x).max(-1).values - (target * x).sum(-1) + 1).clamp(min=0).mean()",
    ),
    "cosine_similarity": (lambda rng: rng.normal(size=(4, 3)), apart, f"-{F}.cosine_similarity(x, target).mean()"),
    "hinge": (signs, probabilities, "(1 - target * x).clamp(min=0).mean()"),
    "squared_hinge": (signs, probabilities, "((1 - target * x).clamp(min=0) ** 2).mean()"),
    "huber": (lambda rng: rng.choice([0.0, 3.0], (4, 3)), probabilities, f"{F}.huber_loss(x, target)"),
    "kl_divergence": (
        lambda rng: shares(rng, 4, 3),
        shares,
        "(target * torch.log(target / x)).sum(-1).mean()",
    ),
    "log_cosh": (lambda rng: rng.normal(size=(4, 3)), apart, "torch.log(torch.cosh(x - target)).mean()"),
    "mape": (lambda rng: np.full((4, 3), 2.0), probabilities, "100 * ((target - x) / target).abs().mean()"),
    "msle": (
        lambda rng: probabilities(rng, 4, 3),
        probabilities,
        "((torch.log1p(x) - torch.log1p(target)) ** 2).mean()",
    ),
    "binary_focal_crossentropy": (
        lambda rng: rng.integers(0, 2, (4, 3)).astype(float),
        probabilities,
        "((target - x) ** 2 * torch.nn.functional.binary_cross_entropy(x, target, reduction='none')).mean()",
    ),
    "categorical_focal_crossentropy": (
        lambda rng: np.eye(3)[rng.integers(0, 3, 4)],
        shares,
        "-(0.25 * target * (1 - x / x.sum(-1, keepdim=True)) ** 2 * torch.log(x / x.sum(-1, keepdim=True)))"
        ".sum(-1).mean()",
    ),
    "categorical_generalized_cross_entropy": (
        lambda rng: rng.integers(0, 3, 4),
        shares,
        "(2 - 2 * torch.gather(x, 1, target.long()[:, None]).sqrt()).mean()",
    ),
    "circle": (
        lambda rng: np.array([0, 1, 0, 1]),
        lambda rng, *shape: rng.choice([-1.0, 1.0], shape) * rng.uniform(0.2, 0.4, shape),
        """(lambda d, same, eye: torch.nn.functional.softplus(
            torch.logsumexp(torch.where(same & ~eye, -80 * (0.4 + d) * (0.4 - d), -torch.inf), 1)
            + torch.logsumexp(torch.where(same, -torch.inf, 80 * (1.4 - d) * (0.6 - d)), 1)
        ).mean())(1 - x @ x.mT, target[:, None] == target[None, :], torch.eye(4, dtype=torch.bool))""",
    ),
    "dice": (
        lambda rng: rng.integers(0, 2, (4, 3)).astype(float),
        probabilities,
        "1 - 2 * (target * x).sum() / (target.sum() + x.sum() + 1e-7)",
    ),
    "tversky": (
        lambda rng: rng.integers(0, 2, (4, 3)).astype(float),
        probabilities,
        "1 - (target * x).sum() / (0.5 * target.sum() + 0.5 * x.sum() + 1e-7)",
    ),
    "poisson": (lambda rng: probabilities(rng, 4, 3), probabilities, "(x - target * torch.log(x + 1e-7)).mean()"),
}
"""Targets, outputs, and the PyTorch expression of each loss."""

FIRST, LAST = "x.permute(0, 3, 1, 2)", ".permute(0, 2, 3, 1)"  # of the channels
LAYERS: dict[str, tuple[Callable[[], tl.layers.Layer], str]] = {
    "Activation": (lambda: tl.layers.Activation("tanh"), "torch.tanh(x)"),
    "ActivityRegularization": (lambda: tl.layers.ActivityRegularization(0.1, 0.2), "1.0 * x"),
    "AlphaDropout": (lambda: tl.layers.AlphaDropout(0.5), "1.0 * x"),  # without training
    "BatchNormalization": (  # outside of training
        lambda: tl.layers.BatchNormalization(axis=1, epsilon=9.0),
        "(x - u[:, None]) / (v[:, None] + 9).sqrt() * y[:, None] + z[:, None]",
    ),
    "AveragePooling1D": (lambda: tl.layers.AveragePooling1D(), f"{F}.avg_pool1d(x.mT, 2).mT"),
    "AveragePooling2D": (
        lambda: tl.layers.AveragePooling2D((2, 1), strides=1),
        f"{F}.avg_pool2d({FIRST}, (2, 1), 1){LAST}",
    ),
    "Conv1D": (
        lambda: tl.layers.Conv1D(2, 2, padding="causal", activation="tanh"),
        f"torch.tanh({F}.conv1d({F}.pad(x.mT, (1, 0)), y.permute(2, 1, 0), z).mT)",
    ),
    "Conv2D": (
        lambda: tl.layers.Conv2D(2, 2, strides=(1, 2), activation="tanh"),
        f"torch.tanh({F}.conv2d({FIRST}, y.permute(3, 2, 0, 1), z, (1, 2)){LAST})",
    ),
    "Conv2DTranspose": (
        lambda: tl.layers.Conv2DTranspose(2, 2, strides=2, activation="tanh"),
        f"torch.tanh({F}.conv_transpose2d({FIRST}, y.permute(3, 2, 0, 1), z, 2){LAST})",
    ),
    "Conv1DTranspose": (
        lambda: tl.layers.Conv1DTranspose(2, 2, strides=2, activation="tanh"),
        f"torch.tanh({F}.conv_transpose1d(x.mT, y.permute(2, 1, 0), z, 2).mT)",
    ),
    "Cropping1D": (lambda: tl.layers.Cropping1D((1, 0)), "1.0 * x[:, 1:]"),
    "Cropping2D": (lambda: tl.layers.Cropping2D(((1, 0), (0, 1))), "1.0 * x[:, 1:, :-1]"),
    "DepthwiseConv2D": (
        lambda: tl.layers.DepthwiseConv2D(2, depth_multiplier=2, activation="tanh"),
        f"torch.tanh({F}.conv2d({FIRST}, y.permute(2, 3, 0, 1).reshape(4, 1, 2, 2), z, groups=2){LAST})",
    ),
    "DepthwiseConv1D": (
        lambda: tl.layers.DepthwiseConv1D(2, depth_multiplier=2, activation="tanh"),
        f"torch.tanh({F}.conv1d(x.mT, y.permute(1, 2, 0).reshape(6, 1, 2), z, groups=3).mT)",
    ),
    "Dense": (lambda: tl.layers.Dense(2, activation="sigmoid"), "torch.sigmoid(x @ y + z)"),
    "Dropout": (lambda: tl.layers.Dropout(0.5), "1.0 * x"),  # without training
    "ELU": (lambda: tl.layers.ELU(0.5), f"{F}.elu(x, alpha=0.5)"),
    "Flatten": (lambda: tl.layers.Flatten(), "x.flatten(1)"),
    "GaussianNoise": (lambda: tl.layers.GaussianNoise(0.5), "1.0 * x"),
    "GlobalAveragePooling1D": (lambda: tl.layers.GlobalAveragePooling1D(), "x.mean(1)"),
    "GlobalAveragePooling2D": (lambda: tl.layers.GlobalAveragePooling2D(), "x.mean((1, 2))"),
    "GlobalMaxPooling1D": (lambda: tl.layers.GlobalMaxPooling1D(), "x.amax(1)"),
    "GlobalMaxPooling2D": (lambda: tl.layers.GlobalMaxPooling2D(), "x.amax((1, 2))"),
    "GroupNormalization": (
        lambda: tl.layers.GroupNormalization(3, epsilon=0.5),
        f"{F}.group_norm(x.mT, 3, y, z, 0.5).mT",
    ),
    "Input": (lambda: tl.layers.InputLayer((2, 3)), "1.0 * x"),
    "InputLayer": (lambda: tl.layers.InputLayer((2, 3)), "1.0 * x"),
    "Lambda": (lambda: tl.layers.Lambda(lambda x: x * x), "x * x"),
    "LayerNormalization": (
        lambda: tl.layers.LayerNormalization(epsilon=0.5),
        f"{F}.layer_norm(x, (3,), y, z, 0.5)",
    ),
    "LeakyReLU": (lambda: tl.layers.LeakyReLU(0.1), f"{F}.leaky_relu(x, 0.1)"),
    "Masking": (tl.layers.Masking, "1.0 * x"),
    "MaxPooling1D": (lambda: tl.layers.MaxPooling1D(), f"{F}.max_pool1d(x.mT, 2).mT"),
    "MaxPooling2D": (
        lambda: tl.layers.MaxPooling2D((2, 2), strides=1),
        f"{F}.max_pool2d({FIRST}, 2, 1){LAST}",
    ),
    "Normalization": (lambda: tl.layers.Normalization(mean=2.0, variance=0.25), "(x - 2) / 0.5"),
    "ReLU": (lambda: tl.layers.ReLU(0.65, threshold=0.25), "x.clamp(max=0.65) * (x > 0.25)"),
    "Rescaling": (lambda: tl.layers.Rescaling(0.5, 2.0), "x * 0.5 + 2.0"),
    "Reshape": (lambda: tl.layers.Reshape((3, 2)), "x.reshape(-1, 3, 2)"),
    "SeparableConv1D": (
        lambda: tl.layers.SeparableConv1D(2, 2),
        f"{F}.conv1d({F}.conv1d(x.mT, y.permute(1, 2, 0), groups=3), z.permute(2, 1, 0), u).mT",
    ),
    "SeparableConv2D": (
        lambda: tl.layers.SeparableConv2D(2, 2),
        f"{F}.conv2d({F}.conv2d({FIRST}, y.permute(2, 3, 0, 1), groups=2), z.permute(3, 2, 0, 1), u){LAST}",
    ),
    "SpatialDropout1D": (lambda: tl.layers.SpatialDropout1D(0.5), "1.0 * x"),  # without training
    "SpatialDropout2D": (lambda: tl.layers.SpatialDropout2D(0.5), "1.0 * x"),  # without training
    "Softmax": (lambda: tl.layers.Softmax(axis=1), "x.softmax(1)"),
    "UnitNormalization": (lambda: tl.layers.UnitNormalization(), "x / x.norm(dim=-1, keepdim=True)"),
    "UpSampling1D": (lambda: tl.layers.UpSampling1D(3), "x.repeat_interleave(3, 1)"),
    "UpSampling2D": (
        lambda: tl.layers.UpSampling2D((2, 3), interpolation="bilinear"),
        f"{F}.interpolate({FIRST}, scale_factor=(2, 3), mode='bilinear'){LAST}",
    ),
    "ZeroPadding1D": (lambda: tl.layers.ZeroPadding1D((1, 2)), f"{F}.pad(x, (0, 0, 1, 2))"),
    "ZeroPadding2D": (lambda: tl.layers.ZeroPadding2D(((1, 0), (2, 1))), f"{F}.pad(x, (0, 0, 2, 1, 1, 0))"),
    "GaussianDropout": (lambda: tl.layers.GaussianDropout(0.5), "1.0 * x"),  # without training
    "Identity": (tl.layers.Identity, "1.0 * x"),
    "Permute": (lambda: tl.layers.Permute((2, 1)), "x.permute(0, 2, 1)"),
    "PReLU": (lambda: tl.layers.PReLU(alpha_initializer="ones"), "torch.where(x > 0, x, y * x)"),
    "RepeatVector": (lambda: tl.layers.RepeatVector(2), "x[:, None, :].expand(-1, 2, -1)"),
    "Sequential": (lambda: tl.Sequential([tl.layers.Dense(2, activation="tanh")]), "torch.tanh(x @ y + z)"),
}


def test_tables_contain_all_builtin_objects() -> None:
    of_rows = {"glu", "sparsemax"}  # no functions of numbers; the conformance checks cover their gradients
    assert set(builtins.tensorlab_register_activations()) == set(ACTIVATIONS) | of_rows
    others = {"Embedding"}  # takes integers; test_layers_windows_keras.py has its gradient
    others |= {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}  # take lists
    assert set(builtins.tensorlab_register_layers()) == set(LAYERS) | others
    losses = builtins.tensorlab_register_losses()
    assert {losses[name] for name in LOSSES} == set(losses.values()), "add one name of each class to LOSSES"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_of_activations(name: str, rng: Rng) -> None:
    function = builtins.tensorlab_register_activations()[name]
    check(function, [apart(rng, 2, 3)], rng)
    agree_with_pytorch(function, ACTIVATIONS[name], [apart(rng, 2, 3)], rng)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_losses(name: str, rng: Rng) -> None:
    make_target, make_outputs, theirs = LOSSES[name]
    target, loss = make_target(rng), tl.losses.get(name)
    check(lambda outputs: loss(target, outputs), [make_outputs(rng, 4, 3)], rng)
    single = target.astype("int64" if target.dtype.kind == "i" else "float32")
    agree_with_pytorch(lambda outputs: loss(single, outputs), theirs, [make_outputs(rng, 4, 3)], rng, target=single)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_layers(name: str, rng: Rng) -> None:
    make, theirs = LAYERS[name]
    shape = (2, 3, 4, 2) if "2D" in name else (2, 3) if name == "RepeatVector" else (2, 2, 3)
    inputs = apart(rng, *shape)
    (gradients,) = [part for part in LayerSubject(make(), inputs=inputs).checks() if part.heading == "gradients"]
    assert gradients.result().outcome == "passed"
    layer = make()
    layer(tl.asarray(inputs, dtype="float32"))
    arrays = [inputs, *(apart(rng, *weight.shape) for weight in layer.weights)]
    agree_with_pytorch(layer, theirs, arrays, rng, layer.weights)

"""Every optimizer, its formula in NumPy, and custom rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Muon,
    Nadam,
    Optimizer,
    RMSprop,
)

Array = np.ndarray[Any, Any]
Loop = Callable[[Array, list[Array]], Array]
SHAPES = [(7, 5), (5,), (), (3, 1, 33), (2, 0)]
STEPS = 20


def sgd(w: Array, gradients: list[Array], rate: float = 0.01) -> Array:
    for g in gradients:
        w = w - rate * g
    return w


def momentum(w: Array, gradients: list[Array], rate: float = 0.01, mu: float = 0.9) -> Array:
    v = np.zeros_like(w)
    for g in gradients:
        v = mu * v - rate * g
        w = w + v
    return w


def nesterov(w: Array, gradients: list[Array], rate: float = 0.01, mu: float = 0.9) -> Array:
    v = np.zeros_like(w)
    for g in gradients:
        v = mu * v - rate * g
        w = w + mu * v - rate * g
    return w


def rmsprop(w: Array, gradients: list[Array], rate: float = 0.001, rho: float = 0.9, mu: float = 0.0) -> Array:
    s, v = np.zeros_like(w), np.zeros_like(w)
    for g in gradients:
        s = rho * s + (1.0 - rho) * g**2
        v = mu * v + rate * g / np.sqrt(s + 1e-7)
        w = w - v
    return w


def adam(w: Array, gradients: list[Array], rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> Array:
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1.0 - b1) * g
        s = b2 * s + (1.0 - b2) * g**2
        w = w - rate * math.sqrt(1.0 - b2**t) / (1.0 - b1**t) * m / (np.sqrt(s) + 1e-7)
    return w


def amsgrad(w: Array, gradients: list[Array], rate: float = 0.001) -> Array:
    m, s, largest = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * g**2
        largest = np.maximum(largest, s)
        w = w - rate * math.sqrt(1.0 - 0.999**t) / (1.0 - 0.9**t) * m / (np.sqrt(largest) + 1e-7)
    return w


def adamw(w: Array, gradients: list[Array], rate: float = 0.001, decay: float = 0.004) -> Array:
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        w = w * (1.0 - rate * decay)
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * g**2
        w = w - rate * (m / (1.0 - 0.9**t)) / (np.sqrt(s / (1.0 - 0.999**t)) + 1e-7 / math.sqrt(1.0 - 0.999**t))
    return w


def adagrad(w: Array, gradients: list[Array], rate: float = 0.001, start: float = 0.1) -> Array:
    s = np.full_like(w, start)
    for g in gradients:
        s = s + g**2
        w = w - rate * g / np.sqrt(s + 1e-7)
    return w


def adadelta(w: Array, gradients: list[Array], rate: float = 0.001, rho: float = 0.95) -> Array:
    s, u = np.zeros_like(w), np.zeros_like(w)
    for g in gradients:
        s = rho * s + (1.0 - rho) * g**2
        d = -np.sqrt(u + 1e-7) / np.sqrt(s + 1e-7) * g
        u = rho * u + (1.0 - rho) * d**2
        w = w + rate * d
    return w


def adamax(w: Array, gradients: list[Array], rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> Array:
    m, u = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1.0 - b1) * g
        u = np.maximum(b2 * u, abs(g))
        w = w - rate / (1.0 - b1**t) * m / (u + 1e-7)
    return w


def nadam(w: Array, gradients: list[Array], rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> Array:
    m, v, product = np.zeros_like(w), np.zeros_like(w), 1.0
    for t, g in enumerate(gradients, 1):
        u, following = b1 * (1.0 - 0.5 * 0.96**t), b1 * (1.0 - 0.5 * 0.96 ** (t + 1))
        product *= u
        m = b1 * m + (1.0 - b1) * g
        v = b2 * v + (1.0 - b2) * g**2
        ahead = following * m / (1.0 - product * following) + (1.0 - u) * g / (1.0 - product)
        w = w - rate * ahead / (np.sqrt(v / (1.0 - b2**t)) + 1e-7)
    return w


def centered(w: Array, gradients: list[Array], mu: float = 0.0) -> Array:
    s, m, v = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for g in gradients:
        s, m = 0.9 * s + 0.1 * g**2, 0.9 * m + 0.1 * g
        v = mu * v + 0.001 * g / np.sqrt(s - m**2 + 1e-7)
        w = w - v
    return w


def ftrl(w: Array, gradients: list[Array], rate: float, l1: float, l2: float, shrink: float, beta: float) -> Array:
    n, z = np.full_like(w, 0.1), np.zeros_like(w)
    for g in gradients:
        before, n = np.sqrt(n), n + g**2
        z = z + g + 2.0 * shrink * w - (np.sqrt(n) - before) / rate * w
        w = (np.clip(z, -l1, l1) - z) / ((np.sqrt(n) + beta) / rate + 2.0 * l2)
    return w


def adafactor(w: Array, gradients: list[Array], rate: float, least: float = 1e-3, longest: float = 1.0) -> Array:
    def mean(x: Array, axis: int | None = None) -> Array:
        return np.asarray(np.mean(x, axis, keepdims=True))

    if w.size == 0:
        return w
    axes = (-1, -2) if w.ndim >= 2 else (None,)
    means: list[Any] = [0.0, 0.0]  # decay to nothing in the first step
    for t, g in enumerate(gradients, 1):
        kept = 1.0 - t**-0.8
        squares = [g**2 + 1e-30 if axis is None else mean(g**2 + 1e-30, axis) for axis in axes]
        means = [kept * before + (1.0 - kept) * now for before, now in zip(means, squares, strict=False)]
        u = g / np.sqrt(means[0] if w.ndim < 2 else means[0] / mean(means[0], -2) * means[1])
        size, length = np.sqrt(mean(w**2)), np.sqrt(mean(u**2))
        w = w - (min(rate, t**-0.5) * np.maximum(least, size) * u / np.maximum(1.0, length / longest)).reshape(w.shape)
    return w


def muon(w: Array, gradients: list[Array], rate: float = 0.001) -> Array:
    if w.ndim != 2:
        return adam(w * 1.0, gradients, rate)
    m = np.zeros_like(w)
    for g in gradients:
        m = 0.95 * m + g
        x = g + 0.95 * m
        x = x / (np.sqrt(np.sum(x**2)) + 1e-7)
        for _ in range(5):  # the other product of x and its transpose than in the optimizer for tall matrices
            square = x.T @ x
            x = 3.4445 * x + x @ (-4.7750 * square + 2.0315 * square @ square)
        w = w - rate * 0.2 * math.sqrt(max(w.shape)) * x
    return w


def decaying(loop: Loop, decay: float, rate: float) -> Loop:
    """Return the loop of an optimizer without memory, with weight decay before each step."""

    def steps(w: Array, gradients: list[Array]) -> Array:
        for g in gradients:
            w = loop(w * (1.0 - decay * rate), [g])
        return w

    return steps


FTRL = {
    "l1_regularization_strength": 0.2,
    "l2_regularization_strength": 0.3,
    "l2_shrinkage_regularization_strength": 0.05,
    "beta": 0.1,
}

CASES: dict[str, tuple[Callable[[], Optimizer], Loop]] = {
    "sgd": (SGD, sgd),
    "sgd fast": (lambda: SGD(learning_rate=0.3), lambda w, gs: sgd(w, gs, 0.3)),
    "momentum": (lambda: SGD(0.01, momentum=0.9), momentum),
    "nesterov": (lambda: SGD(0.01, momentum=0.9, nesterov=True), nesterov),
    "rmsprop": (RMSprop, rmsprop),
    "rmsprop momentum": (lambda: RMSprop(0.01, 0.8, momentum=0.5), lambda w, gs: rmsprop(w, gs, 0.01, 0.8, 0.5)),
    "adam": (Adam, adam),
    "amsgrad": (lambda: Adam(amsgrad=True), amsgrad),
    "adamw": (lambda: AdamW(weight_decay=0.1), lambda w, gs: adamw(w, gs, decay=0.1)),
    "adagrad": (lambda: Adagrad(0.1), lambda w, gs: adagrad(w, gs, 0.1)),
    "adadelta": (lambda: Adadelta(1.0, rho=0.9), lambda w, gs: adadelta(w, gs, 1.0, 0.9)),
    "adamax": (Adamax, adamax),
    "nadam": (lambda: Nadam(beta_1=0.8), lambda w, gs: nadam(w, gs, b1=0.8)),
    "rmsprop centered": (lambda: RMSprop(centered=True), centered),
    "rmsprop centered momentum": (
        lambda: RMSprop(momentum=0.5, centered=True),
        lambda w, gs: centered(w, gs, 0.5),
    ),
    "ftrl": (lambda: Ftrl(0.5, **FTRL), lambda w, gs: ftrl(w, gs, 0.5, 0.2, 0.3, 0.05, 0.1)),
    "adafactor": (lambda: Adafactor(0.3), lambda w, gs: adafactor(w, gs, 0.3)),
    "adafactor options": (
        lambda: Adafactor(0.9, epsilon_2=2.0, clip_threshold=0.4),
        lambda w, gs: adafactor(w, gs, 0.9, 2.0, 0.4),
    ),
    "muon": (lambda: Muon(0.01, adam_weight_decay=None, weight_decay=None), lambda w, gs: muon(w, gs, 0.01)),
    "sgd decay": (lambda: SGD(0.1, weight_decay=0.2), decaying(lambda w, gs: sgd(w, gs, 0.1), 0.2, 0.1)),
    "adam betas": (lambda: Adam(0.01, beta_1=0.8, beta_2=0.95), lambda w, gs: adam(w, gs, 0.01, 0.8, 0.95)),
}


def steps(optimizer: Optimizer, variables: list[tl.Variable], gradients: list[list[Array]]) -> None:
    for each in gradients:
        optimizer.apply_gradients(zip(each, variables, strict=True))


def rule(w: float, g: float, learning_rate: float = 0.01) -> float:
    return w - learning_rate * g


def averaged(
    w: float, g: float, mean: float, largest: float, learning_rate: float = 0.01, decay: float = 0.5, step: float = 1
) -> tuple[float, float, float]:
    mean = mean + (g - mean) / step
    largest = max(decay * largest, abs(g))
    return w - learning_rate * mean / (largest + 1.0), mean, largest

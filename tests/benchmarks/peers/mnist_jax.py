"""The book's network in JAX: an epoch is one compiled program, a `lax.scan` over the batches with donated buffers.

The batch that is left over, 96 images of 60,000, is a step after the loop in the same program. Compiled programs are
kept in a folder, as tensorlab's kernels are. On two cores these alternatives took longer: one compiled step a batch by
a sixth, shuffling all images before the loop by a fifth, doing so in NumPy by a half, and unrolling the loop by four.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from protocol import Session, median_time

BATCH = 128
RATE, RHO, EPSILON = 1e-3, 0.9, 1e-7

os.environ["JAX_PLATFORMS"] = "cpu"
session = Session()
jax = session.load("jax", "JAX")
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_compilation_cache_dir", session.options["cache"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

arrays = session.arrays()
x, y, x_test, labels = jnp.asarray(arrays[0]), jnp.asarray(arrays[1], jnp.int32), arrays[2], arrays[3]
numbers = np.random.default_rng(0)


def dense(inputs: int, units: int) -> dict[str, Any]:
    limit = (6 / (inputs + units)) ** 0.5
    kernel = numbers.uniform(-limit, limit, (inputs, units)).astype(np.float32)
    return {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(units, jnp.float32)}


weights = [dense(784, 512), dense(512, 10)]
slots = jax.tree.map(jnp.zeros_like, weights)


def logits(weights: Any, images: Any) -> Any:
    hidden, output = weights
    return jax.nn.relu(images @ hidden["kernel"] + hidden["bias"]) @ output["kernel"] + output["bias"]


def loss_and_right(weights: Any, images: Any, targets: Any) -> Any:
    outputs = logits(weights, images)
    losses = -jnp.take_along_axis(jax.nn.log_softmax(outputs), targets[:, None], 1)
    return losses.mean(), (outputs.argmax(1) == targets).sum()


def step(x: Any, y: Any, state: Any, batch: Any) -> Any:
    """Take a step on the images at some indices, and return the sum of their losses and how many were right."""
    weights, slots = state
    images, targets = (each.at[batch].get(mode="promise_in_bounds") for each in (x, y))
    (loss, right), gradients = jax.value_and_grad(loss_and_right, has_aux=True)(weights, images, targets)
    slots = jax.tree.map(lambda v, g: RHO * v + (1 - RHO) * g * g, slots, gradients)
    weights = jax.tree.map(lambda w, g, v: w - RATE * g / (jnp.sqrt(v) + EPSILON), weights, gradients, slots)
    return (weights, slots), (loss * len(batch), right)


@functools.partial(jax.jit, donate_argnums=0)
def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
    """Return the new state, the mean loss and the accuracy."""
    full = len(order) // BATCH * BATCH
    state, (losses, right) = jax.lax.scan(functools.partial(step, x, y), state, order[:full].reshape(-1, BATCH))
    loss, right = losses.sum(), right.sum()
    if full < len(order):
        state, (last_loss, last_right) = step(x, y, state, order[full:])
        loss, right = loss + last_loss, right + last_right
    return state, loss / len(order), right / len(order)


@jax.jit
def probabilities(weights: Any, images: Any) -> Any:
    return jax.nn.softmax(logits(weights, images))


def predict(images: Any) -> Any:
    return np.asarray(probabilities(state[0], images))


state = (weights, slots)


def train() -> None:
    global state
    facts: dict[str, float] = {}
    while session.turn(**facts):
        state, loss, right = epoch(state, x, y, numbers.permutation(len(x)).astype(np.int32))
        facts = {"loss": float(loss), "accuracy": float(right)}


session.run(
    train=train,
    accuracy=lambda: {"accuracy": float((predict(x_test).argmax(1) == labels).mean())},
    predict_one=lambda seconds: median_time(lambda: predict(x_test[:1]), seconds),
    predict_all=lambda seconds: median_time(lambda: predict(x_test), seconds),
)

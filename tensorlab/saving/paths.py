"""Names of weights and layers in files. They depend on the structure of a model only, not on automatic names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensorlab.layers import Layer
from tensorlab.random import SeedGenerator
from tensorlab.utils import snake_case
from tensorlab.variable import Variable


def named_layers(model: Layer) -> dict[str, Layer]:
    """Return a layer, as "", and all layers inside of it, each once, by its path.

    The path of a layer is that of the layer around it and its class, numbered among those of its class there:
    ``sequential/dense_1``.
    """
    found: dict[str, Layer] = {}
    seen: set[int] = set()

    def visit(layer: Layer, path: str) -> None:
        seen.add(id(layer))
        found[path] = layer
        inner = [each for each in layer._members()[1] if id(each) not in seen]
        for each, name in zip(inner, numbered([snake_case(type(each).__name__) for each in inner]), strict=True):
            if id(each) not in seen:  # an earlier one may contain it
                visit(each, f"{path}/{name}" if path else name)

    visit(model, "")
    return found


def named_weights(model: Layer) -> dict[str, Variable]:
    """Return the weights of a layer, each once, by its path: ``sequential/dense_1/kernel``."""
    found: dict[str, Variable] = {}
    seen: set[int] = set()
    for path, layer in named_layers(model).items():
        own = [weight for weight in layer._members()[0] if id(weight) not in seen]
        seen.update(map(id, own))
        for weight, name in zip(own, numbered([weight.name.rpartition("/")[2] for weight in own]), strict=True):
            found[f"{path}/{name}" if path else name] = weight
    return found


def named_seeds(model: Layer) -> Iterator[tuple[str, SeedGenerator]]:
    """Yield the seed generators in the attributes of all layers, by path and attribute: ``dense.seed``."""
    for path, layer in named_layers(model).items():
        for attribute, value in vars(layer).items():
            if isinstance(value, SeedGenerator):
                yield f"{path}.{attribute}", value


def numbered(names: list[str]) -> list[str]:
    """Return names in which the second of equal ones ends in ``_1``, and so on."""
    counts: dict[str, int] = {}
    numbered: dict[str, None] = {}  # in order, and found quickly
    for name in names:
        count = counts.get(name, 0)
        candidate = f"{name}_{count}" if count else name
        while candidate in numbered:
            count += 1
            candidate = f"{name}_{count}"
        counts[name] = count + 1
        numbered[candidate] = None
    return list(numbered)


def described(weights: dict[str, Variable]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return the shape and the dtype of each weight."""
    return {name: (tuple(weight.shape), weight.dtype.name) for name, weight in weights.items()}


def shown(names: Any, most: int = 8) -> str:
    """Return names for a message, the first few of many."""
    listed = [repr(name) for name in names]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")

"""`GradientTape`: TensorFlow's interface to the tape, with structures of tensors, checks and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Self, SupportsIndex

import numpy as np

from tensorlab import ops
from tensorlab.arguments import named
from tensorlab.autodiff import Tape, flatten, pack_as
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, StateError, levels_to_the_user
from tensorlab.ops.probabilities import Probabilities
from tensorlab.tensor import MutableTensor, Tensor
from tensorlab.variable import Variable


class GradientTape(Tape):
    """Records the operations in its ``with`` block, to differentiate them afterwards.

    A tape that is entered again continues its recording, or starts a new one if `gradient` has freed it.

    Args:
        persistent: whether `gradient` and `jacobian` may be called more than once. Otherwise the first call frees the
            values that the tape keeps.
        watch_accessed_variables: whether trainable variables are watched automatically. Other tensors have to be
            passed to `watch`.

    Example:
        >>> x = tl.Variable(3.0)
        >>> with tl.GradientTape() as tape:
        ...     y = x * x
        >>> float(tape.gradient(y, x))
        6.0

    Source: ``tf.GradientTape``.
    """

    @named
    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        super().__init__(watch_accessed_variables)
        self._persistent = persistent
        self._state = "new"  # then "recording", "recorded", and perhaps "freed"

    def __enter__(self) -> Self:
        super().__enter__()
        if self._state == "freed":
            self.reset()
        self._state = "recording"
        return self

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if self._state == "recording":
            self._state = "recorded"

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        if self._nodes or self._block is not None:
            expected, received = "what can be pickled or copied", "a tape, which refers to values of this process"
            raise ArgumentTypeError("GradientTape", expected, received, "compute the gradients first")
        return super().__reduce_ex__(protocol)

    @named
    def watch(self, tensor: Any) -> None:
        """Start to track a tensor, or every tensor in nested lists, tuples and dicts.

        Raises:
            ArgumentTypeError: for something that is not a tensor.
            DTypeError: for a tensor of integers or booleans, which have no gradient.
            StateError: outside of the tape's ``with`` block.
        """
        tensors = _checked("GradientTape.watch", tensor)
        if self._state != "recording":
            hint = "call watch inside of `with tape:`, before the tensor is used"
            raise StateError("GradientTape.watch", f"the tape is {self._state}, not recording", hint)
        self.track(tensors)
        self.variables.update({leaf.key: leaf for leaf in tensors if isinstance(leaf, Variable)})

    def watched_variables(self) -> tuple[Variable, ...]:
        """Return the watched variables, in the order of their first use."""
        return tuple(self.variables.values())

    @named
    def gradient(self, target: Any, sources: Any, output_gradients: Any = None) -> Any:
        """Return the gradient of the sum of ``target`` with respect to each source.

        Args:
            target: a tensor, or nested lists, tuples and dicts of tensors whose gradients are added.
            sources: a tensor, or nested lists, tuples and dicts of tensors.
            output_gradients: the gradient of each target, of its shape, in the structure of ``target``; None for ones.

        Returns:
            Tensors in the structure of ``sources``, each of the shape and dtype of its source, or None (with a warning
            that says why) for a source that the target does not depend on.

        Raises:
            StateError: at the second call of a tape that is not persistent, and for a tape that was never entered.
            ArgumentTypeError: for a target or source that is not a tensor, or ``output_gradients`` of other keys.
            DTypeError: for a target or source of integers.
            ShapeError: if ``output_gradients`` do not have the number and the shapes of their targets.
        """
        who = "GradientTape.gradient"
        targets, leaves = _checked(who, target), _checked(who, sources)
        seeds = _seeds(who, target, output_gradients)
        self._check_state(who)
        tracked = self._tracked
        try:
            found = self.backward(seeds, [leaf.key for leaf in leaves], keep=self._persistent)
        finally:
            self._used()
        for leaf in leaves:
            if leaf.key not in found:
                self._warn(who, leaf, targets, tracked)
        return pack_as(sources, iter([found.get(leaf.key) for leaf in leaves]))

    @named
    def jacobian(self, target: Any, sources: Any) -> Any:
        """Return the derivative of each element of ``target`` with respect to each element of each source.

        It raises what `gradient` raises.

        Args:
            target: a tensor.
            sources: a tensor, or nested lists, tuples and dicts of tensors.

        Returns:
            Tensors of shape ``target.shape + source.shape`` in the structure of ``sources``, or None (with a warning
            that says why) for a source that the target does not depend on.

        Source: ``tf.GradientTape.jacobian``.
        """
        who = "GradientTape.jacobian"
        if not isinstance(target, Tensor):
            raise ArgumentTypeError(who, "one tensor as the target", type(target).__name__)
        (target,), leaves = _checked(who, target), _checked(who, sources)
        self._check_state(who)
        tracked = self._tracked
        try:
            results = self._jacobians(target, leaves)
        finally:
            self._used()
        for leaf, result in zip(leaves, results, strict=True):
            if result is None:
                self._warn(who, leaf, [target], tracked)
        return pack_as(sources, iter(results))

    def _jacobians(self, target: Tensor, sources: list[Tensor]) -> list[Tensor | None]:
        """Return the Jacobian for each source, or None if the target does not depend on it."""
        keys = [source.key for source in sources]
        rows = [self.backward([(target.key, unit)], keys, keep=True) for unit in _units(target)]
        results: list[Tensor | None] = []
        with self.stop_recording():
            for source in sources:
                shape = (*target.shape, *source.shape)
                if not rows:
                    results.append(source.like(np.zeros(shape)))
                elif source.key in rows[0]:
                    results.append(ops.reshape(ops.stack([row[source.key] for row in rows]), shape))
                else:
                    results.append(None)
        return results

    def _check_state(self, who: str) -> None:
        if self._state == "new":
            hint = "compute the target inside of `with tape:`"
            raise StateError(who, "the tape was never entered", hint)
        if self._state == "freed":
            hint = "create it with persistent=True to use it more than once"
            raise StateError(who, "the tape was freed after its first use", hint)

    def _used(self) -> None:
        """Release a non-persistent tape after its only use."""
        if not self._persistent:
            self._state = "freed"
            self.reset()
            super().__exit__()

    def _warn(self, who: str, source: Any, targets: Sequence[Any], tracked: set[int]) -> None:
        """Warn with the reason why the gradient of a source is None."""
        if source.key not in tracked and _was_assigned_to(source):
            why = "x[index] = value made it another value than the tape has seen; use y = x.at[index].set(value)"
        elif source.key not in tracked and not (source.watched and self._watch_variables):
            why = "it was not watched: call tape.watch(x) before using it, or "
            if source.watched:
                why += "make the tape with watch_accessed_variables=True"
            else:
                why += "make it trainable" if isinstance(source, Variable) else "make it a trainable tl.Variable"
        else:
            why = "the target does not depend on it"
            if isinstance(source, Probabilities):
                why += (
                    f"; a crossentropy of a {source.source} takes its logits: call tape.watch with it, before the loss"
                )
            elif not any([target.key in tracked for target in targets]):
                why += "; was it computed inside of the tape's with block, by operations that have a gradient?"
            if any([_was_assigned_to(target) for target in targets]):
                why += " It was assigned to, perhaps after that"
        name = f"source {source.name!r}" if getattr(source, "name", None) else f"a source of shape {source.shape}"
        warnings.warn(f"{who}: the gradient of {name} is None, because {why}", stacklevel=levels_to_the_user())


def _was_assigned_to(tensor: Tensor) -> bool:
    return isinstance(tensor, MutableTensor) and not isinstance(tensor, Variable)


def _checked(who: str, structure: Any) -> list[Any]:
    """Return the tensors in a structure. Raise unless all of them can have gradients."""
    leaves = flatten(structure)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            converts = isinstance(leaf, (float, np.ndarray, np.generic))
            hint = "use tl.asarray(x)" if converts else "nest them in lists, tuples and dicts"
            raise ArgumentTypeError(who, "Tensors", type(leaf).__name__, hint)
        if leaf.dtype.kind != "f":
            raise DTypeError(who, "tensors of float32 or float64", str(leaf.dtype), 'use .astype("float32")')
    return leaves


def _seeds(who: str, target: Any, output_gradients: Any) -> list[tuple[int, Tensor]]:
    """Return the key and the output gradient of each target, which is ones unless it is given."""
    if output_gradients is None:
        return [(tensor.key, tensor.ones_like()) for tensor in flatten(target)]
    seeds = []
    for tensor, value in _pairs(who, target, output_gradients):
        seed = tensor.ones_like() if value is None else tensor.like(value).snapshot()
        if seed.shape != tensor.shape:
            raise ShapeError(who, f"output_gradients of shape {tensor.shape}", str(seed.shape))
        seeds.append((tensor.key, seed))
    return seeds


def _pairs(who: str, target: Any, given: Any) -> Iterator[tuple[Tensor, Any]]:
    """Yield each tensor in a structure with its counterpart in another structure, or None if that is left out."""
    if given is None or isinstance(target, Tensor):
        yield from [(tensor, given) for tensor in flatten(target)]
    elif isinstance(target, dict):
        if not isinstance(given, dict) or given.keys() != target.keys():
            received = str(list(given)) if isinstance(given, dict) else type(given).__name__
            raise ArgumentTypeError(who, f"a dict of output_gradients for {list(target)}", received)
        for key, part in target.items():
            yield from _pairs(who, part, given[key])
    else:
        if not isinstance(given, (list, tuple)) or len(given) != len(target):
            received = str(len(given)) if isinstance(given, (list, tuple)) else type(given).__name__
            raise ShapeError(who, f"a list of {len(target)} output_gradients", received)
        for part, value in zip(target, given, strict=True):
            yield from _pairs(who, part, value)


def _units(target: Tensor) -> Iterator[Tensor]:
    """Yield, for each element, a tensor that is 1 there and 0 elsewhere."""
    for position in range(target.size):
        unit = np.zeros(target.size, target.dtype)
        unit[position] = 1
        yield target.like(unit.reshape(target.shape))

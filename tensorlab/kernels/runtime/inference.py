"""Type inference that remembers the types of operators.

For each operator in a function, Numba tries one template after the other, those of NumPy's universal functions among
them. A kernel has hundreds of operators on few types, so this would take a tenth of its compilation.
"""

from __future__ import annotations

import operator
from typing import Any

from numba import types
from numba.core import typed_passes
from numba.core.compiler_machinery import register_pass

__all__ = ["Inference"]

_NAMES = (
    "add sub mul truediv floordiv mod neg pos invert and_ or_ xor lshift rshift eq ne lt le gt ge not_ iadd isub imul"
)
_OPERATORS = frozenset(getattr(operator, name) for name in _NAMES.split())
_NUMBERS = (types.Integer, types.Float, types.Boolean)
_signatures: dict[tuple[Any, ...], tuple[Any, Any]] = {}
"""The type of an operator and its signature, by the identity of that type, with which Numba stores more, and the types
of the arguments."""


class _Remembering:
    """Numba's typing context, except that it remembers the signatures of operators on numbers."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """Return the signature of a function for some types of arguments."""
        resolve = self._context.resolve_function_type
        if type(function) is not types.Function or function.typing_key not in _OPERATORS or keywords:
            return resolve(function, arguments, keywords)
        key = (id(function), *arguments)
        if key in _signatures:
            return _signatures[key][1]
        found = resolve(function, arguments, keywords)
        if found is not None and all(isinstance(kind, _NUMBERS) for kind in arguments):
            _signatures[key] = function, found
        return found


@register_pass(mutates_CFG=True, analysis_only=False)
class Inference(typed_passes.NopythonTypeInference):  # type: ignore[misc]
    """Infer the types of a function."""

    _name = "tensorlab_type_inference"

    def run_pass(self, state: Any) -> bool:
        context = state.typingctx
        state.typingctx = _Remembering(context)
        try:
            return bool(super().run_pass(state))
        finally:
            state.typingctx = context

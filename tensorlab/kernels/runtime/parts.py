"""How Numba compiles kernels and their parts, the functions that only other compiled functions call.

By default Numba optimizes every function by itself, generates its machine code, and then does both again for its
caller, with the function in it. A kernel has up to twenty functions in several levels, of which Python calls one. So a
part stays as LLVM code without module passes, and is optimized once, in the kernel that it is linked into.
"""

from __future__ import annotations

from typing import Any

from numba.core import compiler, typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass

__all__ = ["PART", "WHOLE"]

_NEEDLESS = (untyped_passes.InlineClosureLikes, typed_passes.NopythonRewrites)
"""Passes for comprehensions, closures and expressions of arrays, none of which a kernel has. They take time anyway."""


class _PartLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The LLVM code of a part, linked with what it calls."""

    def _optimize_final_module(self) -> None:
        """Leave that to the kernel."""

    def _finalize_final_module(self) -> None:
        """Generate no machine code."""
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(typed_passes.NativeLowering):  # type: ignore[misc]
    """Generate LLVM code, and no machine code."""

    _name = "tensorlab_part_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        state.library.finalize()
        # Callers find a compiled function by a function of C that stands for it, which nobody calls.
        identity = object().__sizeof__
        lowered = state["cr"]._replace(cfunc=identity)
        state["cr"] = lowered
        state.targetctx.insert_user_function(identity, lowered.fndesc, [state.library])
        return True


class _Compiler(compiler.CompilerBase):  # type: ignore[misc]
    lowering = typed_passes.NativeLowering

    def define_pipelines(self) -> list[Any]:
        """Return Numba's own pipeline without the needless passes, and with this lowering."""
        default = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes = PassManager("tensorlab")
        for step, description in default.passes:
            if step not in _NEEDLESS:
                passes.add_pass(self.lowering if step is typed_passes.NativeLowering else step, description)
        passes.finalize()
        return [passes]


class _PartCompiler(_Compiler):
    lowering = _PartLowering


# Python calls no compiled function by Numba's wrappers (see `native`), and without them functions compile sooner.
WHOLE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _Compiler}
"""The options of a kernel."""
PART = {**WHOLE, "pipeline_class": _PartCompiler}
"""The options of a function that only other compiled functions call."""

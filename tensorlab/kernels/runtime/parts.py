"""Numba pipelines for kernels and for parts, the functions that only other compiled functions call.

By default Numba optimizes every function and generates its machine code, and then repeats both for each caller, which
inlines the function. A kernel consists of up to twenty nested functions, and Python calls only the outermost one. So a
part stays unoptimized LLVM code, and is optimized once, as a part of its kernel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from numba.core import compiler, typed_passes, untyped_passes
from numba.core.codegen import CodeLibrary, JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass

from tensorlab.kernels.runtime.inference import Inference

__all__ = ["PART", "WHOLE"]

_ROOT = f"{Path(__file__).parents[3]}{os.sep}"

_NEEDLESS = (untyped_passes.InlineClosureLikes, typed_passes.NopythonRewrites)
"""Passes for comprehensions, closures and array expressions, which kernels do not contain."""


_LONG_VECTORS = '"prefer-vector-width"="512"'
"""An LLVM attribute of functions. Without it, loops for Intel's processors with AVX-512 have vectors of 256 bits, since
the first of these slowed down with longer ones. Register tiles have 512 bits anyway. Other processors ignore it."""


class _PartLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The LLVM code of a part. What it calls is linked and optimized in the kernel."""

    def add_ir_module(self, module: Any) -> None:
        """Add an LLVM module with the attribute in each of its functions."""
        for function in module.functions:
            if not function.is_declaration:
                set.add(function.attributes, _LONG_VECTORS)  # llvmlite's own method rejects attributes with a value
        super().add_ir_module(module)

    def _optimize_functions(self, module: Any) -> None:
        """Set the data layout only."""
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Mark the library as final."""
        self._raise_if_finalized()
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Return the module, whose functions may be removed once they are inlined. Numba would copy it."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == llvm.Linkage.external:
                function.linkage = "linkonce_odr"
        return self._final_module

    def parts(self) -> Iterable[CodeLibrary]:
        """Return each library that this one calls, directly or not, once."""
        found: dict[CodeLibrary, None] = {}

        def add(library: Any) -> None:
            for part in library._linking_libraries:
                if part not in found:
                    found[part] = None
                    add(part)

        add(self)
        return found


class _Library(_PartLibrary):
    """The LLVM code of a kernel, linked with all of its parts and optimized."""

    def finalize(self) -> None:
        """Link and optimize the code. Numba would also generate machine code; `linker.emit` does that."""
        for part in self.parts():
            self._final_module.link_in(part._get_module_for_linking(), preserve=True)
        self._optimize_final_module()
        self._final_module.verify()
        super().finalize()


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):  # type: ignore[misc]
    """Generate LLVM code but no machine code."""

    _name = "tensorlab_lowering"
    library = _Library

    def run_pass(self, state: Any) -> bool:
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        state.library.finalize()
        # Numba identifies a compiled function by its C function, which is missing. This unique object replaces it.
        state["cr"] = state["cr"]._replace(cfunc=object().__sizeof__)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(_Lowering):
    """Generate LLVM code that other functions can call."""

    _name = "tensorlab_part_lowering"
    library = _PartLibrary

    def run_pass(self, state: Any) -> bool:
        super().run_pass(state)
        lowered = state["cr"]
        # With the parts that this one calls, which a caller that is compiled by Numba alone has to link too.
        state.targetctx.insert_user_function(lowered.cfunc, lowered.fndesc, [state.library, *state.library.parts()])
        return True


class _Compiler(compiler.CompilerBase):  # type: ignore[misc]
    lowering: type[typed_passes.NativeLowering] = _Lowering

    def define_pipelines(self) -> list[Any]:
        """Return Numba's default pipeline without the needless passes and with own ones."""
        # Exceptions in the code contain the path of their file, which must not depend on where tensorlab is installed.
        name = self.state.func_id
        name.filename = name.filename.removeprefix(_ROOT)
        default = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        own = {typed_passes.NativeLowering: self.lowering, typed_passes.NopythonTypeInference: Inference}
        passes = PassManager("tensorlab")
        for step, description in default.passes:
            if step not in _NEEDLESS:
                passes.add_pass(own.get(step, step), description)
        passes.finalize()
        return [passes]


class _PartCompiler(_Compiler):
    lowering = _PartLowering


# Python does not use Numba's wrappers (see `native`); omitting them shortens compilation.
WHOLE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _Compiler}
"""The options of a kernel."""
PART = {**WHOLE, "pipeline_class": _PartCompiler}
"""The options of a function that only other compiled functions call."""

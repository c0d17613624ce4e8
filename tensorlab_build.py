"""Compile the kernels of a plugin while setuptools builds its wheel.

A plugin asks for it in its pyproject.toml::

    [tool.tensorlab]
    kernels = true

The variable ``TENSORLAB_SHIPPED=0`` switches it off.

setuptools imports this module in every build in an environment with tensorlab. So it is outside of the package, and
imports the package only when needed.
"""

from __future__ import annotations

import os
import tomllib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setuptools import Distribution


def finalize(distribution: Distribution) -> None:
    """Let the commands of a distribution compile kernels, if the pyproject.toml in this folder asks for it."""
    try:
        settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
        wanted = settings["tool"]["tensorlab"]["kernels"]
        modules = [value.partition(":")[0] for value in settings["project"]["entry-points"]["tensorlab"].values()]
    except (OSError, KeyError, ValueError):
        return
    if wanted is True and os.environ.get("TENSORLAB_SHIPPED") != "0":
        from tensorlab import building
        from tensorlab.errors import StateError

        try:
            building.check_system()
        except StateError as error:
            warnings.warn(f"the wheel will contain no kernels: {error}", RuntimeWarning, stacklevel=2)
        else:
            _add_commands(distribution, modules)


def _add_commands(distribution: Distribution, modules: list[str]) -> None:
    from setuptools.command.bdist_wheel import bdist_wheel
    from setuptools.command.build_py import build_py

    base: Any = distribution.cmdclass.get("build_py", build_py)
    wheel: Any = distribution.cmdclass.get("bdist_wheel", bdist_wheel)

    class BuildWithKernels(base):  # type: ignore[misc]
        """Copy the modules, and compile the kernels of the plugins next to them."""

        def run(self) -> None:
            super().run()
            if not self.editable_mode:
                _compile(modules, Path(self.build_lib).resolve())

    class WheelWithKernels(wheel):  # type: ignore[misc]
        """A wheel for every version of Python on one platform."""

        def get_tag(self) -> tuple[str, str, str]:
            # The kernels refer to no version of a library.
            return "py3", "none", super().get_tag()[2].replace("linux_", "manylinux_2_17_")

    distribution.cmdclass |= {"build_py": BuildWithKernels, "bdist_wheel": WheelWithKernels}
    distribution.has_ext_modules = lambda: True


def _compile(modules: list[str], folder: Path) -> None:
    """Compile the kernels of the plugins in a folder for every level of processors."""
    from tensorlab import building
    from tensorlab.kernels.runtime.shipped import folder_of

    for level in building.own_levels():
        for module in modules:
            building.build(level, folder_of(module, folder), modules=[module], path=folder)

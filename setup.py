"""Give wheels that contain compiled kernels the tag of their platform; all else is in pyproject.toml."""

from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

COMPILED = any(Path(__file__).parent.glob("tensorlab/shipped/*/kernels.*"))


class Wheel(bdist_wheel):
    """A wheel for every version of Python, because compiled kernels use its stable interface only."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags of Python, its binary interface and the platform.

        The kernels refer to no version of a library, so the wheel works with any that supports this Python.
        """
        python, abi, system = super().get_tag()
        return ("py3", "none", system.replace("linux_", "manylinux_2_17_")) if COMPILED else (python, abi, system)


class Platform(Distribution):
    """A distribution that depends on the platform if it contains compiled kernels."""

    def has_ext_modules(self) -> bool:
        """Return whether files go to the folder for one platform."""
        return COMPILED


setup(cmdclass={"bdist_wheel": Wheel}, distclass=Platform)

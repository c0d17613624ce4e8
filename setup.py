"""Give wheels that contain compiled kernels the tag of their platform; all else is in pyproject.toml."""

import json
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

INDEXES = Path(__file__).parent.glob("tensorlab/shipped/*/kernels.json")
MACHINES = {json.loads(index.read_text(encoding="utf-8"))["machine"] for index in INDEXES}
if len(MACHINES) > 1:
    raise SystemExit(f"tensorlab/shipped has kernels for {', '.join(sorted(MACHINES))}; a wheel is for one of them")


class Wheel(bdist_wheel):
    """A wheel for every version of Python, because compiled kernels use its stable interface only."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags of Python, its binary interface and the platform.

        The kernels refer to no version of a library, so the wheel works with any that supports this Python.
        """
        return ("py3", "none", f"manylinux_2_17_{MACHINES.copy().pop()}") if MACHINES else super().get_tag()


class Platform(Distribution):
    """A distribution that depends on the platform if it contains compiled kernels."""

    def has_ext_modules(self) -> bool:
        """Return whether files go to the folder for one platform."""
        return bool(MACHINES)


setup(cmdclass={"bdist_wheel": Wheel}, distclass=Platform)

"""Prepare ``python -m tensorlab`` before anything else is imported.

Python then puts the current folder first in the search path, so that a file such as random.py or numpy.py there would
be imported in place of the real module. Move the folder to the end of the path.
"""

import sys
from itertools import pairwise


def _runs_this_package() -> bool:
    """Return whether Python was started to run this package or one of its modules."""
    if sys.argv[:1] != ["-m"] or sys.flags.safe_path:
        return False
    return any(
        word == "-m" and following.partition(".")[0] == "tensorlab" for word, following in pairwise(sys.orig_argv)
    )


if _runs_this_package():
    sys.path.append(sys.path.pop(0))

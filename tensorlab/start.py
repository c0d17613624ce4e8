"""What ``python -m tensorlab`` does before anything else is imported.

Python puts the current folder in front of the search path there, so a file random.py or numpy.py in it would be
imported in place of the module of that name. It is moved to the end, where it hides nothing.
"""

import sys
from itertools import pairwise


def _runs_this_package() -> bool:
    """Whether Python is importing this package because it was told to run it or a module of it."""
    if sys.argv[:1] != ["-m"] or sys.flags.safe_path:
        return False
    return any(
        word == "-m" and following.partition(".")[0] == "tensorlab" for word, following in pairwise(sys.orig_argv)
    )


if _runs_this_package():
    sys.path.append(sys.path.pop(0))

"""What happens before anything else is imported: a check of the interpreter, and the path of ``python -m tensorlab``.

tensorlab needs the global interpreter lock. A tensor is written in place if nothing else refers to its memory
(`tensorlab.tensor.writing`), and reference counts are exact only while no other thread runs Python code. A
free-threaded build of Python has the lock too, if it is started accordingly.

For ``python -m tensorlab`` Python puts the current folder first in the search path, so that a file such as random.py or
numpy.py there would be imported in place of the real module. The folder is moved to the end of the path.
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


def check_lock() -> None:
    """Raise unless this process has a global interpreter lock.

    Raises:
        ImportError: if it has none.
    """
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise ImportError(
            "tensorlab: expected Python with its global interpreter lock, received a free-threaded Python that runs "
            "without it; start it with the environment variable PYTHON_GIL=1 or the option -X gil=1"
        )


check_lock()
if _runs_this_package():
    sys.path.append(sys.path.pop(0))

"""``python -m tensorlab``: see `tensorlab.commands`."""

import sys

from tensorlab.commands import main

if __name__ == "__main__":
    sys.exit(main())

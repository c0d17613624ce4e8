"""``python -m tensorlab``: see `tensorlab.commands`."""

import sys

from tensorlab import terminal
from tensorlab.commands import main

if __name__ == "__main__":
    terminal.use_for(sys.stdout, sys.stderr)
    sys.exit(main())

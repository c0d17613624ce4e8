"""``python -m tensorlab``: see `tensorlab.commands`."""

from tensorlab import terminal
from tensorlab.commands import main

if __name__ == "__main__":
    terminal.program(main, "python -m tensorlab")

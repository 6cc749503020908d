"""The console script, and `python -m samzip`."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command answers it: all that happens before is imports

from samzip.cli import main

if __name__ == "__main__":
    main()

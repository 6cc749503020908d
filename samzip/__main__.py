"""`python -m samzip` is the console script."""

from samzip.cli import main

main()

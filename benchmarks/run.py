"""Measure Meze beside its peers: `python benchmarks/run.py --help`."""

import sys

from bench.cli import main

if __name__ == "__main__":
    sys.exit(main())

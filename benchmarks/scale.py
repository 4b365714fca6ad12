"""Measure Meze with more rows, workers and connections: `python benchmarks/scale.py --help`."""

import sys

from bench.scale_cli import main

if __name__ == "__main__":
    sys.exit(main())

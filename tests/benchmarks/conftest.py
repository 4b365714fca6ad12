"""The driver of the benchmarks is no package of ours: it is found where `benchmarks/run.py` finds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

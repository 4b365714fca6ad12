"""Where the tools of the guide are."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "guide"))

"""Compare the instructions of each request with those in `instructions.json`; `--save` keeps what was counted."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from bench.applications import WORK
from bench.instructions import BASELINE, CannotCount, changes, count, read, told, write


def main() -> int:
    """Count and compare; 1 where a request became dearer or nothing could be counted."""
    parser = argparse.ArgumentParser(prog="benchmarks/instructions.py", description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep what was counted as the new baseline")
    save = parser.parse_args().save
    valgrind = os.environ.get("MEZE_TEST_VALGRIND") or shutil.which("valgrind")
    WORK.mkdir(exist_ok=True)
    try:
        if valgrind is None:
            raise CannotCount("valgrind is needed here: tools/with_valgrind, or `make instructions`, installs it.")
        before = None if save and not BASELINE.exists() else read()
        with tempfile.TemporaryDirectory(dir=WORK, prefix="instructions-") as folder:
            now = count(valgrind, Path(folder))
    except CannotCount as error:
        print(error, file=sys.stderr)
        return 1
    if before:
        print(told(before, now))
    if save:
        write(now)
        print(f"Kept in {BASELINE}")
        return 0
    return 1 if before and any(change.dearer for change in changes(before, now)) else 0


if __name__ == "__main__":
    sys.exit(main())

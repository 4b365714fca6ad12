"""The peers' environment, apart from the project's own so that neither decides the other's versions."""

import subprocess
import sys
import venv

from bench.applications import ROOT

HOME = ROOT / ".peers"
PINS = ROOT / "peers.txt"
INSTALLED = HOME / "installed.txt"


def install_peers() -> None:
    """Make `benchmarks/.peers` with what `peers.txt` pins, unless it is there already.

    Raises:
        subprocess.CalledProcessError: pip could not; it has said why.
    """
    if INSTALLED.exists() and INSTALLED.read_text() == PINS.read_text():
        return
    print(f"Installing the peers into {HOME} …", file=sys.stderr, flush=True)
    venv.create(HOME, with_pip=True, clear=True)
    subprocess.run([HOME / "bin" / "pip", "install", "--quiet", "--requirement", PINS], check=True)
    INSTALLED.write_text(PINS.read_text())

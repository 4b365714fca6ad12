"""Make the project's own `.venv` hold what a make target needs: `python3 tools/set_up.py demo` or `… dev`.

Needs nothing but Python 3.11 and its standard library. uv, from PyPI into `.venv`, installs what uv.lock names; where
uv cannot, pip does. A second run finds its stamp and does nothing. It writes nothing outside of `.venv`.

A package mirror that pip or uv is configured with is honoured. uv does not read pip's configuration, and `uv sync`
fetches from the addresses in uv.lock whatever index is set. So pip's settings are handed to uv, and with a mirror the
lock is written out as hashed requirements, which either tool takes from any index.
"""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs make may have an older python3, and should be told
    # Debian and macOS often have a newer Python beside an old python3.
    newer = next(filter(None, map(shutil.which, ("python3.13", "python3.12", "python3.11", "python3.14"))), None)
    if newer is None:
        sys.exit("Python 3.11 or newer is needed. Name one with: make PYTHON=/path/to/python")
    os.execv(newer, [newer, *sys.argv])  # noqa: S606 - a shell has no part in this

from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
UV = BIN / "uv"

# What stands in uv.lock under these names; `dev` holds `demo`, and what the tests, the checks and the guide need.
KINDS = ("demo", "dev", "browser")

# The pip that is fetched where Python came without one, as Debian's does when python3-venv is not installed.
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
PYPI = "https://pypi.org/simple"

# pip's configuration → the variable by which uv reads the same.
FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "no-index": "UV_NO_INDEX",
}


def main(kind: str) -> None:
    if is_current(kind):
        return
    print(
        f"Setting up .venv for {kind} ({'downloads are needed the first time' if not VENV.exists() else 'changed'}) …"
    )
    make_venv()
    configured = pip_configuration()
    environ = os.environ | for_uv(configured) | {"VIRTUAL_ENV": str(VENV), "UV_PROJECT_ENVIRONMENT": str(VENV)}
    if has_uv(environ):
        install = install_with_uv_from_mirror if names_a_mirror(environ) else install_from_lock
        if not install(kind, environ):
            print("uv could not install everything; trying pip.", file=sys.stderr)
            install_with_pip(kind, environ)
    else:
        print("uv could not be installed; using pip.", file=sys.stderr)
        install_with_pip(kind, environ)
    stamp(kind).write_text(fingerprint())


def is_current(kind: str) -> bool:
    """Return whether this kind, or the larger `dev`, was set up from the files as they are now."""
    now = fingerprint()
    return PYTHON.exists() and any(
        stamp(each).exists() and stamp(each).read_text() == now for each in KINDS[KINDS.index(kind) :]
    )


def stamp(kind: str) -> Path:
    return VENV / f".set-up-for-{kind}"


def fingerprint() -> str:
    """Return what a set-up depends on. The place counts, as scripts in a moved `.venv` point to the old one."""
    parts = [str(ROOT).encode(), *((ROOT / name).read_bytes() for name in ("pyproject.toml", "uv.lock"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def make_venv() -> None:
    """Make `.venv` with pip in it."""
    if not PYTHON.exists():
        # --without-pip never asks for ensurepip, which Debian keeps in python3-venv.
        run(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV)
    if quietly(PYTHON, "-m", "pip", "--version"):
        return
    if not quietly(PYTHON, "-m", "ensurepip", "--default-pip"):
        fetch_pip()


def fetch_pip() -> None:
    """Install pip from the index, in the version and with the hash that are named above."""
    index = (
        os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or PYPI
    )
    try:
        page = f"{index.rstrip('/')}/pip/"
        links = re.findall(r'href="([^"]+)"', download(page).decode())
        link = next(link for link in links if urllib.parse.urlsplit(link).path.endswith(PIP_WHEEL))
        wheel = download(urllib.parse.urljoin(page, link))
    except (OSError, StopIteration) as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"This Python has no pip, and {PIP_WHEEL} could not be fetched from {index}: {error!r}\n"
            f"  → On Debian or Ubuntu: apt install python{version}-venv ca-certificates, then run make again."
        )
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        sys.exit(f"{PIP_WHEEL} from {index} is not the file that tools/set_up.py expects; nothing was installed.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PIP_WHEEL
        path.write_bytes(wheel)
        run(PYTHON, path / "pip", "install", "--quiet", "--no-index", path)


def download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the index that the user configured
        return bytes(answer.read())


def pip_configuration() -> dict[str, str]:
    """Return pip's settings by their bare names; the environment's stand above those of its files."""
    listed = started(PYTHON, "-m", "pip", "config", "list", capture_output=True).stdout
    found = re.findall(r"^([\w:]+)\.([\w-]+)=(.*)$", listed, re.MULTILINE)
    order = {"install": 1, ":env:": 2}
    ranked = sorted(found, key=lambda each: order.get(each[0], 0))
    return {name: str(ast.literal_eval(value)) for _, name, value in ranked}


def for_uv(configured: dict[str, str]) -> dict[str, str]:
    """Return pip's settings as uv's variables; what uv was told itself stays."""
    told = {variable: configured[name] for name, variable in FOR_UV.items() if configured.get(name)}
    if "UV_INDEX_URL" in os.environ:
        told["UV_DEFAULT_INDEX"] = os.environ["UV_INDEX_URL"]
    return {variable: value for variable, value in told.items() if variable not in os.environ}


def names_a_mirror(environ: dict[str, str]) -> bool:
    """Return whether packages shall come from somewhere else than the addresses in uv.lock."""
    folders = (Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"), Path("/etc"))
    files = [file for file in (folder / "uv" / "uv.toml" for folder in folders) if file.exists()]
    return any(environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_NO_INDEX")) or any(
        "index" in file.read_text("utf-8") for file in files
    )


def has_uv(environ: dict[str, str]) -> bool:
    """Install uv beside pip where it is not yet, from the index that uv or pip was told of."""
    if UV.exists():
        return True
    index = environ.get("UV_DEFAULT_INDEX")
    return quietly(PYTHON, "-m", "pip", "install", "--quiet", *(["--index-url", index] if index else []), "uv")


def install_from_lock(kind: str, environ: dict[str, str]) -> bool:
    """`uv sync`, keeping what another target has installed."""
    return succeeds(UV, "sync", "--quiet", "--frozen", "--inexact", "--no-default-groups", "--group", kind, env=environ)


def install_with_uv_from_mirror(kind: str, environ: dict[str, str]) -> bool:
    requirements = write_requirements(kind)
    return succeeds(UV, "pip", "install", "--quiet", "--require-hashes", "-r", requirements, env=environ) and succeeds(
        UV, "pip", "install", "--quiet", "--no-deps", "-e", ROOT, env=environ
    )


def install_with_pip(kind: str, environ: dict[str, str]) -> None:
    """The list is complete, so pip need not resolve anything; Python compiles what it imports by itself."""
    requirements = write_requirements(kind)
    install = (PYTHON, "-m", "pip", "install", "--quiet", "--no-deps")
    run(*install, "--no-compile", "--require-hashes", "-r", requirements, env=environ)
    run(*install, "-e", ROOT, env=environ)


def write_requirements(kind: str) -> Path:
    """Write what uv.lock names for this kind and this machine, with hashes, into `.venv`."""
    path = VENV / f"requirements-{kind}.txt"
    listed = started(PYTHON, ROOT / "tools" / "locked.py", kind, capture_output=True)
    if listed.returncode != 0:
        sys.exit(f"uv.lock could not be read:\n{listed.stderr}")
    path.write_text(listed.stdout)
    return path


def run(*command: object, env: "dict[str, str] | None" = None) -> None:
    if not succeeds(*command, env=env):
        sys.exit(f"This failed, and its reason stands above: {' '.join(map(str, command))}")


def succeeds(*command: object, env: "dict[str, str] | None" = None) -> bool:
    return started(*command, env=env).returncode == 0


def quietly(*command: object) -> bool:
    return started(*command, capture_output=True).returncode == 0


def started(*command: object, **how: Any) -> "subprocess.CompletedProcess[str]":
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, text=True, check=False, **how)  # noqa: S603 - our own words, no shell


if __name__ == "__main__":
    if sys.argv[1:] not in ([kind] for kind in KINDS):
        sys.exit(f"usage: python3 tools/set_up.py {'|'.join(KINDS)}")
    main(sys.argv[1])

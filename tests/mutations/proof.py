"""Run `meze verify` with a platform in which one fault was planted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutations.mutants import Mutant

SOURCE = Path(__file__).parents[2] / "src"
PROGRAMS = {
    "notes": Path(__file__).parent / "program" / "app.py",
    "firms": Path(__file__).parent / "program" / "firms.py",
    "studio": Path(__file__).parents[2] / "examples" / "studio" / "app.py",
}
SECONDS = 400
"""How long one run may take before it counts as hung."""


@dataclass(frozen=True)
class Verdict:
    """How `meze verify` ended, and what it found: the doors, resources and callers of its findings."""

    exit_code: int
    report: dict[str, Any]
    errors: str

    @property
    def findings(self) -> list[dict[str, Any]]:
        return list(self.report.get("findings", []))


def planted(mutant: Mutant, folder: Path) -> Path:
    """Return a copy of the platform in `folder` that has the mutant's fault."""
    copy = folder / "src"
    # Compiled files come along with the times of their sources, so that only the planted one is compiled anew.
    shutil.copytree(SOURCE, copy)
    file = copy / "meze" / mutant.file
    text = file.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.name}: what is to be replaced stands {text.count(mutant.old)} times"
    file.write_text(text.replace(mutant.old, mutant.new))
    return copy


def verified(
    platform: Path, folder: Path, program: str = "notes", database_url: str | None = None, *options: str
) -> Verdict:
    """Return what `meze verify` says of a program, run with the platform that lies in `platform`."""
    shutil.copy2(PROGRAMS[program], folder / "app.py")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MEZE_", "DATABASE_URL"))}
    environment |= {"PYTHONPATH": str(platform), "MEZE_ENV": "development"}
    if database_url is not None:
        environment["DATABASE_URL"] = database_url
    command = [sys.executable, "-c", "from meze.cli import main; main()", "verify", "--no-fuzz", "--json", *options]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    return Verdict(done.returncode, report, done.stderr)

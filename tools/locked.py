"""Print what uv.lock names for a dependency group, on this machine, as requirements with hashes.

For pip, which cannot read a lock file, and for mirrors, whose addresses are not those in the lock. Every pip carries
`packaging`, so this works before anything is installed.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

try:
    from packaging.markers import Marker
except ModuleNotFoundError:
    from pip._vendor.packaging.markers import Marker

LOCK = Path(__file__).resolve().parent.parent / "uv.lock"
PROJECT = "meze"
Package = Mapping[str, Any]


def locked(group: str) -> list[Package]:
    """Return the packages that the project needs with this group, each once, by name."""
    packages = tomllib.loads(LOCK.read_text("utf-8"))["package"]
    versions: dict[str, list[Package]] = {}
    for package in packages:
        versions.setdefault(package["name"], []).append(package)
    needed: dict[tuple[str, str], Package] = {}
    project = versions[PROJECT][0]
    waiting = [*project["dependencies"], *project["dev-dependencies"][group]]
    while waiting:
        wanted = waiting.pop()
        if "marker" in wanted and not Marker(wanted["marker"]).evaluate():
            continue
        package = next(
            each for each in versions[wanted["name"]] if each["version"] == wanted.get("version", each["version"])
        )
        for part in ("", *wanted.get("extra", ())):
            if (package["name"], part) not in needed:
                needed[package["name"], part] = package
                waiting += (
                    package.get("optional-dependencies", {}).get(part, ()) if part else package.get("dependencies", ())
                )
    return [needed[key] for key in sorted(needed) if key[1] == "" and key[0] != PROJECT]


def requirements(packages: list[Package]) -> Iterator[str]:
    for package in packages:
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        hashes = " ".join(f"--hash={file['hash']}" for file in files)
        yield f"{package['name']}=={package['version']} {hashes}"


if __name__ == "__main__":
    print("\n".join(requirements(locked(sys.argv[1]))))

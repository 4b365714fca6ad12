"""The files that the pages load: style sheets, scripts and the icon, read once and named by what they hold.

An address from `asset_url` changes with the file's bytes, so whoever serves it may let browsers keep it for good. The
bytes of a file are read when it is first asked for, never at import.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

PREFIX = "/meze-static/"
"""Where the files of `STATIC` are served."""

CSS = "text/css; charset=utf-8"
JAVASCRIPT = "text/javascript; charset=utf-8"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file that ships with Meze."""

    name: str
    content_type: str

    def load(self) -> bytes:
        """Return the file as it is."""
        return _read(self.name)

    def load_gzipped(self) -> bytes:
        """Return the file compressed, for clients that accept `gzip`; the work is done once per process."""
        return _compress(self.name)

    @property
    def version(self) -> str:
        """What `asset_url` puts behind `?v=`: an answer to it never changes."""
        return _digest(self.name)[:16]

    @property
    def etag(self) -> str:
        """A strong entity tag of the uncompressed bytes, quotes included."""
        return f'"{_digest(self.name)[:32]}"'


def asset_url(name: str) -> str:
    """Return the address of a file of `STATIC`, with its version.

    Raises:
        KeyError: there is no such file.
    """
    return f"{PREFIX}{name}?v={STATIC[name].version}"


@cache
def _read(name: str) -> bytes:
    return files(__package__).joinpath("static", name).read_bytes()


@cache
def _compress(name: str) -> bytes:
    # mtime=0: two workers must give the same bytes for the same file.
    return gzip.compress(_read(name), compresslevel=6, mtime=0)


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_read(name)).hexdigest()


STATIC: Mapping[str, StaticFile] = MappingProxyType(
    {
        file.name: file
        for file in (
            StaticFile("page.css", CSS),
            StaticFile("docs.css", CSS),
            StaticFile("account.css", CSS),
            StaticFile("account.js", JAVASCRIPT),
            StaticFile("icon.svg", "image/svg+xml"),
            StaticFile("docs-before.js", JAVASCRIPT),
            StaticFile("docs.js", JAVASCRIPT),
            StaticFile("scalar.js", JAVASCRIPT),
        )
    }
)
"""Every file that may be served, by name; what is not in it does not exist, so no path is ever built from a request."""

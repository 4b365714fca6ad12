"""Entity tags in requests (RFC 9110 §13): If-Match guards a change, If-None-Match saves an answer."""

from __future__ import annotations

import re

from meze.errors import BadRequest, Entry, Text
from meze.records.visit import Match

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')


def tags_of(header: str, name: str) -> list[str]:
    """Return the opaque part of each entity tag in a header, the weak mark ignored.

    A proxy that compresses marks our strong tags as weak; the row they stand for is the same.

    Raises:
        BadRequest: the header is not a list of entity tags.
    """
    tags, at = [], 0
    while at < len(header):
        found = _TAG.match(header, at)
        if found is None:
            text = Text('Must be entity tags in quotes: "abc".', '必须是带引号的实体标签："abc"。')
            raise BadRequest(entries=[Entry("bad_format", header=name, text=text)])
        tags.append(found[2])
        at = found.end()
    return tags


def match_of(header: str | None) -> Match | None:
    """Return what `If-Match` asks, comparing only the part of a tag that stands for the row."""
    return _rows_of(header, "If-Match")


def unless_of(header: str | None) -> Match | None:
    """Return the rows that `If-None-Match` excludes from a change; `*` is any row at all."""
    return _rows_of(header, "If-None-Match")


def _rows_of(header: str | None, name: str) -> Match | None:
    if header is None:
        return None
    if header.strip() == "*":
        return Match(frozenset(), any=True)
    return Match(frozenset(tag.partition(".")[0] for tag in tags_of(header, name)))


def unchanged(header: str | None, etag: str) -> bool:
    """Say whether `If-None-Match` names what would be sent, so that 304 is enough."""
    if header is None:
        return False
    return header.strip() == "*" or etag in tags_of(header, "If-None-Match")
